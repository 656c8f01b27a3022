/** The parsers that stand on large libraries, inside the runtime: PDF with a character map through the assets binding, a mail, a bomb. */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { FileFault } from '../../../src/parsing/file-fault.ts'
import { memoryBytes } from '../../../src/parsing/memory-bytes.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'
import type { ParsedDocument } from '../../../src/parsing/parsed-document.ts'
import { parseFile } from '../../../src/parsing/parse-file.ts'
import { recogniseFile } from '../../../src/parsing/recognise-file.ts'
import { column, writePdf } from '../../support/pdf-writer.ts'

const maps: string[] = []

async function readCMap(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  maps.push(name)
  const response = await env.ASSETS.fetch(`https://assets.invalid/cmaps/${name}.bcmap`)
  return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined
}

async function read(name: string, content: Uint8Array): Promise<ParsedDocument[]> {
  const bytes = memoryBytes(new Uint8Array(content))
  const budget = new ParseBudget({ size: bytes.size, clock: Date.now })
  const detected = await recogniseFile(bytes, name, budget)
  const documents: ParsedDocument[] = []
  for await (const document of parseFile({ name, ...detected, bytes, options: {}, budget, readCMap })) {
    documents.push(document)
  }
  return documents
}

describe('in the runtime', () => {
  it('a Japanese PDF is read with a map of the assets', async () => {
    const [document] = await read(
      'neko.pdf',
      writePdf([column(['吾輩は猫である。名前は', 'まだ無い。'], { font: 'japanese' })]),
    )
    expect(document).toMatchObject({ format: 'extracted', pages: 1, text: '吾輩は猫である。名前はまだ無い。' })
    expect(document?.outline).toEqual([{ start: 0, end: 16, kind: 'paragraph', page: 1 }])
    expect(maps).toContain('UniJIS-UCS2-H')
  })

  it('a Japanese mail is read in its own encoding', async () => {
    const mail = [
      'From: a@example.com',
      'To: b@example.com',
      'Date: Wed, 31 Jan 2024 12:00:00 +0100',
      'Subject: =?ISO-2022-JP?B?GyRCMnE1RCROJCpDTiRpJDsbKEI=?=',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=ISO-2022-JP',
      'Content-Transfer-Encoding: base64',
      '',
      'GyRCMnE1RBsoQiAbJEIkTkEwRnwbKEI=',
      '',
    ]
    const [document] = await read('mail.eml', new TextEncoder().encode(mail.join('\r\n')))
    expect(document).toMatchObject({ title: '会議のお知らせ', text: '会議 の前日' })
  })

  it('a damaged and a packed PDF fail each with their code', async () => {
    const whole = writePdf([column(['words'])])
    await expect(read('half.pdf', whole.slice(0, 300))).rejects.toMatchObject({ code: 'malformed_file' })
    await expect(read('half.pdf', whole.slice(0, 300))).rejects.toBeInstanceOf(FileFault)
    const bomb = writePdf([column(['x'.repeat(9_000_000)])])
    expect(bomb.length).toBeLessThan(50_000)
    await expect(read('bomb.pdf', bomb)).rejects.toMatchObject({ code: 'expansion_limit' })
  })
})
