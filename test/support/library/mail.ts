/** Mails and mailboxes of the fixture library: encodings, attachments, forwards, and what is broken or a bomb. */
import type { LibraryEntry } from './library-entry.ts'

/** A message of header lines and a body; strings are ASCII, bytes stay as they are. */
function mail(headers: readonly string[], ...body: (string | Uint8Array)[]): Buffer {
  const parts = [headers.join('\r\n'), '\r\n\r\n', ...body]
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : Buffer.from(part))))
}

const FROM = 'From: Ada Lovelace <ada@example.com>'
const TO = 'To: Charles <charles@example.org>, Mary <mary@example.org>'
const DATE = 'Date: Wed, 31 Jan 2024 12:00:00 +0100'

const part = (headers: readonly string[], body: string): string => `${headers.join('\r\n')}\r\n\r\n${body}\r\n`

const multipart = (kind: string, parts: readonly string[], border = 'border'): { header: string; body: string } => ({
  header: `Content-Type: multipart/${kind}; boundary="${border}"`,
  body: `${parts.map((text) => `--${border}\r\n${text}`).join('')}--${border}--\r\n`,
})

const withAttachment = multipart('mixed', [
  part(
    ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable'],
    'Die Pl=C3=A4ne h=C3=A4ngen an. Sie sind sehr lang und =\r\ngehen auf der n=C3=A4chsten Zeile weiter.',
  ),
  part(
    [
      'Content-Type: application/pdf; name="plan.pdf"',
      'Content-Disposition: attachment; filename="plan.pdf"',
      'Content-Transfer-Encoding: base64',
    ],
    Buffer.from('a secret of the attachment').toString('base64'),
  ),
])

const alternative = multipart('alternative', [
  part(['Content-Type: text/plain; charset=utf-8'], 'The plain words.'),
  part(['Content-Type: text/html; charset=utf-8'], '<p>The <b>marked</b> words.</p>'),
])

const unclosed = `--border\r\n${part(['Content-Type: text/plain'], 'The first part is whole.')}--border\r\n${part(['Content-Type: text/plain'], 'The second one ends early')}`

function nested(depth: number): Buffer {
  let body = part(['Content-Type: text/plain'], 'In the middle.')
  let header = ''
  for (let i = 0; i < depth; i++) {
    const wrapped = multipart('mixed', [body], `b${i}`)
    header = wrapped.header
    body = `${wrapped.header}\r\n\r\n${wrapped.body}`
  }
  return mail(['Subject: Deep', header], body.slice(body.indexOf('\r\n\r\n') + 4))
}

const MBOX = [
  'From ada@example.com Wed Jan 31 12:00:00 2024',
  'Subject: The first',
  FROM,
  '',
  'From now on there is order.',
  '',
  '>From the archive: quoted once.',
  '>>From further away: quoted twice.',
  '',
  'From charles@example.org Thu Feb  1 09:30:00 2024',
  'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: 8bit',
  '',
]

const eml = (name: string, bytes: LibraryEntry['bytes'], document: Document): LibraryEntry => ({
  name,
  bytes,
  expect: { format: 'eml', documents: [{ key: '', ...document }], count: 1 },
})
type Document = Extract<LibraryEntry['expect'], { documents: unknown }>['documents'][number]

export const entries: readonly LibraryEntry[] = [
  eml(
    'plain.eml',
    () =>
      mail(
        [
          FROM,
          TO,
          DATE,
          'Message-ID: <1@example.com>',
          'Subject: On engines',
          'Content-Type: text/plain; charset=utf-8',
        ],
        'Dear Charles,\r\n\r\nit weaves algebra.\r\n\r\n> You wrote of cards.\r\n',
      ),
    {
      title: 'On engines',
      contains: ['Dear Charles,\n\nit weaves algebra.', '> You wrote of cards.'],
      metadata: {
        from: 'Ada Lovelace <ada@example.com>',
        to: ['Charles <charles@example.org>', 'Mary <mary@example.org>'],
        date: '2024-01-31T11:00:00.000Z',
        messageId: '<1@example.com>',
      },
    },
  ),
  eml(
    'attachment.eml',
    () =>
      mail(
        [FROM, DATE, 'Subject: =?iso-8859-1?Q?Pl=E4ne?=', 'MIME-Version: 1.0', withAttachment.header],
        withAttachment.body,
      ),
    {
      title: 'Pläne',
      contains: ['Die Pläne hängen an. Sie sind sehr lang und gehen auf der nächsten Zeile weiter.'],
      lacks: ['secret'],
      metadata: { attachments: ['plan.pdf'] },
    },
  ),
  eml(
    'alternative.eml',
    () => mail([FROM, DATE, 'Subject: Both', 'MIME-Version: 1.0', alternative.header], alternative.body),
    {
      title: 'Both',
      contains: ['The plain words.'],
      lacks: ['marked'],
    },
  ),
  eml(
    'html-only.eml',
    () =>
      mail(
        [FROM, DATE, 'Subject: Page', 'MIME-Version: 1.0', 'Content-Type: text/html; charset=utf-8'],
        '<h1>Offer</h1><p>Fish &amp; chips</p><script>no()</script>',
      ),
    {
      contains: ['Offer\n\nFish & chips'],
      lacks: ['no()'],
    },
  ),
  eml(
    'iso-2022-jp.eml',
    () =>
      mail(
        [
          FROM,
          DATE,
          'Subject: =?ISO-2022-JP?B?GyRCMnE1RCROJCpDTiRpJDsbKEI=?=',
          'MIME-Version: 1.0',
          'Content-Type: text/plain; charset=ISO-2022-JP',
          'Content-Transfer-Encoding: 7bit',
        ],
        Buffer.from('GyRCMnE1RBsoQiAbJEIkTkEwRnwbKEI=', 'base64'),
      ),
    { title: '会議のお知らせ', contains: ['会議 の前日'] },
  ),
  eml(
    'broken-border.eml',
    () =>
      mail(
        [FROM, DATE, 'Subject: Cut', 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="border"'],
        unclosed,
      ),
    {
      contains: ['The first part is whole.', 'The second one ends early'],
    },
  ),
  eml('subject-only.eml', () => mail([FROM, TO, DATE, 'Message-ID: <2@example.com>', 'Subject: Call me'], ''), {
    title: 'Call me',
    contains: ['Call me'],
  }),
  eml('nested.eml', () => Buffer.concat([Buffer.from(`${FROM}\r\n${DATE}\r\n`), nested(20)]), {
    title: 'Deep',
    contains: ['In the middle.'],
  }),
  {
    name: 'deep.eml',
    bytes: () => Buffer.concat([Buffer.from(`${FROM}\r\n${DATE}\r\n`), nested(150)]),
    expect: { code: 'too_complex' },
  },
  {
    name: 'many-parts.eml',
    bytes: () =>
      mail(
        [FROM, DATE, 'Subject: Parts', 'Content-Type: multipart/mixed; boundary="b"'],
        '--b\r\n\r\nx\r\n'.repeat(200_000),
      ),
    expect: { code: 'too_complex' },
  },
  {
    name: 'many-lines.eml',
    bytes: () => mail([FROM, DATE, 'Subject: Lines'], Buffer.alloc(20_000_000, 'word and \n')),
    expect: { code: 'too_complex' },
  },
  { name: 'nothing.eml', bytes: () => mail([FROM, TO, DATE], '\r\n'), expect: { code: 'no_text' } },
  {
    name: 'letters.mbox',
    bytes: () => Buffer.concat([Buffer.from(MBOX.join('\n')), Buffer.from('\nViele Grüße aus Köln.\n', 'latin1')]),
    expect: {
      format: 'mbox',
      count: 2,
      documents: [
        {
          key: 'messages/1',
          title: 'The first',
          contains: [
            'From now on there is order.',
            '\nFrom the archive: quoted once.',
            '\n>From further away: quoted twice.',
          ],
        },
        { key: 'messages/2', title: 'Grüße', contains: ['Viele Grüße aus Köln.'] },
      ],
    },
  },
  {
    name: 'crlf.mbox',
    bytes: () =>
      Buffer.from(
        `${MBOX.slice(0, 9).join('\r\n')}\r\n${MBOX[0]}\r\nSubject: The last\r\n\r\nwithout an end of its line`,
      ),
    expect: {
      format: 'mbox',
      count: 2,
      documents: [
        { key: 'messages/1', contains: ['there is order.'] },
        { key: 'messages/2', title: 'The last', contains: ['without an end of its line'] },
      ],
    },
  },
  {
    name: 'huge-letter.mbox',
    bytes: () => Buffer.concat([Buffer.from(`${MBOX.slice(0, 4).join('\n')}\n`), Buffer.alloc(25_100_000, 'x')]),
    expect: { code: 'record_too_large' },
  },
]
