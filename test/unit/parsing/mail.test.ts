/** Mails and mailboxes: the fixture library, and mailboxes however their stream is cut. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseEml } from '../../../src/parsing/eml.ts'
import { parseMbox } from '../../../src/parsing/mbox.ts'
import { expectEntry } from '../../support/library/expect-entry.ts'
import { entries } from '../../support/library/mail.ts'
import { allDocuments, fileToParse } from '../../support/library/parse-entry.ts'

const isMailbox = (name: string): boolean => name.endsWith('.mbox')

describe('a mail', () => {
  it.each(entries.filter(({ name }) => !isMailbox(name)).map((entry) => [entry.name, entry] as const))(
    'of the library: %s',
    async (_, entry) => {
      await expectEntry(entry, parseEml, 'eml')
    },
  )

  it('names at most 20 recipients and as many attachments, shortened', async () => {
    const to = Array.from({ length: 50 }, (_, i) => `${'n'.repeat(300)}${i} <a${i}@example.com>`).join(', ')
    const [document] = await allDocuments(parseEml, fileToParse('x.eml', 'eml', Buffer.from(`To: ${to}\r\n\r\nText`)))
    const named = document?.metadata?.['to'] as string[]
    expect(named).toHaveLength(20)
    expect(named.every((name) => name.length === 100)).toBe(true)
  })

  it('with a date that is none has none', async () => {
    const [document] = await allDocuments(parseEml, fileToParse('x.eml', 'eml', Buffer.from('Date: soon\r\n\r\nText')))
    expect(document?.metadata).toEqual({})
  })
})

describe('a mailbox', () => {
  it.each(entries.filter(({ name }) => isMailbox(name)).map((entry) => [entry.name, entry] as const))(
    'of the library: %s',
    async (_, entry) => {
      await expectEntry(entry, parseMbox, 'mbox')
    },
  )

  it('gives back the mails that were put into it, however the stream is cut', async () => {
    const body = fc.array(fc.constantFrom('word', 'From me 12:00', '>From you', '', 'x'.repeat(1_500), '- list'), {
      minLength: 1,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(body, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 700 }),
        fc.boolean(),
        async (bodies, cut, isCrlf) => {
          const newline = isCrlf ? '\r\n' : '\n'
          const mailbox = bodies
            .map((lines, i) =>
              [
                'From a@example.com Wed Jan 31 12:00:00 2024',
                `Subject: ${i}`,
                '',
                `Mail ${i}`,
                ...lines.map((line) => (/^>*From /.test(line) ? `>${line}` : line)),
                '',
                '',
              ].join(newline),
            )
            .join('')
          const bytes = Buffer.from(mailbox)
          const file = fileToParse('x.mbox', 'mbox', bytes)
          const stream = (): ReadableStream<Uint8Array<ArrayBuffer>> => {
            let at = 0
            return new ReadableStream({
              pull(controller) {
                if (at >= bytes.length) controller.close()
                else controller.enqueue(new Uint8Array(bytes.subarray(at, (at += cut))))
              },
            })
          }
          const documents = await allDocuments(parseMbox, { ...file, bytes: { ...file.bytes, stream } })
          expect(documents.map(({ text }) => text)).toEqual(
            bodies.map((lines, i) => [`Mail ${i}`, ...lines].join('\n').trim()),
          )
          expect(documents.map(({ key }) => key)).toEqual(bodies.map((_, i) => `messages/${i + 1}`))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('that begins with anything else is none', async () => {
    const file = fileToParse('x.mbox', 'mbox', Buffer.from('Hello\nFrom me 12:00\n'))
    await expect(allDocuments(parseMbox, file)).rejects.toMatchObject({ code: 'malformed_file' })
  })

  it('gives back the memory of a large mail', async () => {
    const begin =
      'From a@example.com Wed Jan 31 12:00:00 2024\nSubject: large\nContent-Type: image/png\n' +
      'Content-Transfer-Encoding: base64\n\n'
    const attachment = Buffer.alloc(18_000_000, `${'QUJD'.repeat(19)}\n`)
    const bytes = Buffer.concat([1, 2, 3, 4].flatMap(() => [Buffer.from(begin), attachment, Buffer.from('\n\n')]))
    const documents = await allDocuments(parseMbox, fileToParse('x.mbox', 'mbox', bytes))
    expect(documents).toHaveLength(4)
  })
})
