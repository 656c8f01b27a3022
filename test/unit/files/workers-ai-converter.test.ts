/** The converter over its REST interface, against a server of our own that speaks it, and over the binding. */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bindingConverter, restConverter } from '../../../src/files/workers-ai-converter.ts'
import { endingOf, isConvertible, MAX_MARKDOWN_LENGTH, parseWithConverter } from '../../../src/parsing/converter.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'
import { fileToParse } from '../../support/library/parse-entry.ts'

let server: Server
let account = ''
let answer: (request: Request, response: ServerResponse) => Promise<void> | void = () => undefined

beforeAll(async () => {
  server = createServer((incoming, response) => {
    void requestOf(incoming).then((request) => answer(request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  account = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4/accounts/abc`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

async function requestOf(incoming: IncomingMessage): Promise<Request> {
  const body = Buffer.concat(await incoming.toArray())
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as [string, string])
  return new Request(`http://local${incoming.url ?? ''}`, { method: 'POST', headers, body })
}

const json =
  (value: unknown, status = 200) =>
  (_: Request, response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
const result = (fields: object) => ({
  success: true,
  result: [{ id: '1', name: 'file.png', mimetype: 'image/png', ...fields }],
})

const bytes = new Uint8Array([1, 2, 3])
const budget = new ParseBudget({ size: 3, clock: Date.now })
const convert = async (patienceMs?: number) =>
  await restConverter({ account, token: 'token', fetch }, patienceMs).convert('my secret plan.PNG', bytes, budget)

describe('a converter over HTTP', () => {
  it('sends the file under a name of no meaning and gives its markdown back', async () => {
    let seen: unknown
    answer = async (request, response) => {
      const file = (await request.formData()).get('files') as File
      seen = {
        path: new URL(request.url).pathname,
        authorization: request.headers.get('authorization'),
        name: file.name,
        type: file.type,
        bytes: [...new Uint8Array(await file.arrayBuffer())],
      }
      json(result({ format: 'markdown', tokens: 4, data: '# A plan' }))(request, response)
    }
    expect(await convert()).toEqual({ markdown: '# A plan', tokens: 4 })
    expect(seen).toEqual({
      path: '/client/v4/accounts/abc/ai/tomarkdown',
      authorization: 'Bearer token',
      name: 'file.png',
      type: 'image/png',
      bytes: [1, 2, 3],
    })
  })

  it.each([
    ['an error of the file', json(result({ format: 'error', error: 'a secret of the service' }))],
    ['an error of the service', json({ success: false, errors: [{ code: 1, message: 'a secret' }] }, 500)],
    ['a refusal with a status', json(result({ format: 'markdown', data: '# A plan' }), 403)],
    ['no text', json(result({ format: 'markdown', tokens: 0, data: ' \n' }))],
    ['no result', json({ success: true, result: [] })],
    ['null', json(null)],
    ['another type', json(result({ format: 'markdown', data: 7 }))],
    ['too much', json(result({ format: 'markdown', data: 'x'.repeat(MAX_MARKDOWN_LENGTH + 1) }))],
    ['far too much', json(result({ format: 'markdown', data: 'x'.repeat(3 * MAX_MARKDOWN_LENGTH) }))],
    [
      'half an answer',
      (_: Request, response: ServerResponse) =>
        void response.writeHead(200).end('{"success":true,"result":[{"format":"mark'),
    ],
    [
      'a broken connection',
      (_: Request, response: ServerResponse) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{')
        response.destroy()
      },
    ],
  ])('that answers with %s has failed, and says nothing of what it said', async (_, answers) => {
    answer = answers
    const error: unknown = await convert().catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'FileFault', code: 'converter_failed' })
    expect(String(error)).not.toContain('secret')
  })

  it('that does not answer in time has failed', async () => {
    answer = () => undefined
    await expect(convert(20)).rejects.toMatchObject({ code: 'converter_failed' })
  })
})

describe('a converter through the binding', () => {
  it('takes lists and single results, and fails when the binding does', async () => {
    const single = { name: 'file.odt', mimetype: 'x', format: 'markdown', tokens: 'many', data: 'Text' }
    for (const given of [single, [single]]) {
      const converter = bindingConverter({ toMarkdown: async () => given })
      expect(await converter.convert('a.odt', bytes, budget)).toEqual({ markdown: 'Text' })
    }
    const broken = bindingConverter({ toMarkdown: async () => Promise.reject(new Error('a secret')) })
    await expect(broken.convert('a.odt', bytes, budget)).rejects.toMatchObject({ code: 'converter_failed' })
    const silent = bindingConverter({ toMarkdown: async () => await new Promise(() => undefined) }, 20)
    await expect(silent.convert('a.odt', bytes, budget)).rejects.toMatchObject({ code: 'converter_failed' })
  })

  it('makes one markdown document of a file', async () => {
    const converter = bindingConverter({ toMarkdown: async () => [{ format: 'markdown', data: '# A\r\n\0B' }] })
    const documents = []
    for await (const document of parseWithConverter(fileToParse('scan.pdf', 'pdf', bytes), converter))
      documents.push(document)
    expect(documents).toEqual([{ key: '', format: 'markdown', text: '# A\nB' }])
    const empty = bindingConverter({ toMarkdown: async () => [{ format: 'markdown', data: '\0' }] })
    await expect(parseWithConverter(fileToParse('scan.pdf', 'pdf', bytes), empty).next()).rejects.toMatchObject({
      code: 'converter_failed',
    })
  })
})

describe('what is converted', () => {
  const converter = bindingConverter({ toMarkdown: async () => [] })

  it('is what had no parser or no text, of a kind that the converter takes, where there is one', () => {
    expect(isConvertible(converter, 'needs_ocr', 'a/scan.PDF')).toBe(true)
    expect(isConvertible(converter, 'unsupported_format', 'photo.jpg')).toBe(true)
    expect(isConvertible(converter, 'unsupported_format', 'program.exe')).toBe(false)
    expect(isConvertible(converter, 'unsupported_format', 'constructor')).toBe(false)
    expect(isConvertible(converter, 'malformed_file', 'a.pdf')).toBe(false)
    expect(isConvertible(undefined, 'needs_ocr', 'a.pdf')).toBe(false)
  })

  it('is told by its ending', () => {
    expect(['a.b/c', 'x.TAR', '.odt', 'a.', 'a.b c', 'noending'].map(endingOf)).toEqual(['', 'tar', 'odt', '', '', ''])
  })
})
