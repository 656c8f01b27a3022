/** What `npm start` shows on the terminal: a progress line on the first run, then where everything is and what to try. */
import { relative } from 'node:path'
import { stdout } from 'node:process'

const coloured = stdout.isTTY && process.env['NO_COLOR'] === undefined
const paint = (code: number, text: string): string => (coloured ? `\u001B[${code}m${text}\u001B[0m` : text)
const bold = (text: string): string => paint(1, text)
const dim = (text: string): string => paint(2, text)
const teal = (text: string): string => paint(36, text)

/** Rewrites one line on a terminal; elsewhere prints a line for the first and the last step only. */
export function progressLine(done: number, total: number, what: string): void {
  const width = 24
  const filled = Math.round((width * done) / total)
  const line = `Indexing the documentation  ${'█'.repeat(filled)}${'░'.repeat(width - filled)}  ${done}/${total}  ${what}`
  if (stdout.isTTY) stdout.write(`\r\u001B[K${line}${done === total ? '\n' : ''}`)
  else if (done === 0 || done === total) console.log(line.trimEnd())
}

const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** Seen from the checkout. */
const EXAMPLE_FILE = 'test/fixtures/files/impress-strategy.pptx'
const QUERY = 'how much is it to take a bike on the boat'

/** The same search from the command line, which needs to be told of a state folder that is not the usual one. */
export function cliLine(place: string): string {
  return `npm run nearfield -- search "${QUERY}"${place === '.nearfield' ? '' : ` --state ${quoted(place)}`}`
}

/** The commands to paste. The key is read from a file, so that it shows neither here nor in the process list. */
export function curlCommands(url: string, headerFile: string): string[] {
  const send = (method: string, path: string, body: unknown): string =>
    [
      `curl -sS -X ${method} ${url}/v1/collections/docs/${path}`,
      `-H @${quoted(headerFile)} -H 'content-type: application/json'`,
      `-d '${JSON.stringify(body)}'`,
      "-w '\\n'",
    ].join(' \\\n    ')
  return [
    send('PUT', 'documents', {
      documents: [
        {
          id: 'ferry',
          title: 'The ferry',
          text: 'The Osprey ferry leaves at nine and carries bicycles for three euro.',
        },
      ],
    }),
    [
      `curl -sS ${url}/v1/collections/docs/files`,
      `-H @${quoted(headerFile)} -F file=@${EXAMPLE_FILE}`,
      "-w '\\n'",
    ].join(' \\\n    '),
    send('POST', 'search', { query: QUERY, limit: 3 }),
    send('POST', 'answers', { question: 'What does a 202 answer promise?' }),
  ]
}

export function printSummary(url: string, state: string, headerFile: string): void {
  const place = relative(process.cwd(), state) || '.'
  const [add, upload, search, answer] = curlCommands(url, headerFile)
  console.log(`
${bold('Nearfield is running')}

  ${dim('page')}    ${teal(`${url}/`)}   search and ask the documentation
  ${dim('API')}     ${teal(`${url}/v1`)}   described at ${url}/docs
  ${dim('keys')}    ${place}/credentials.json
  ${dim('log')}     ${place}/nearfield.log

${bold('Try it')} ${dim('(paste into another terminal)')}

  ${dim('# add a document')}
  ${add}

  ${dim('# add a file as it is')}
  ${upload}

  ${dim('# search')}
  ${search}

  ${dim('# ask')}
  ${answer}

  ${dim('# search from the command line')}
  ${cliLine(place.startsWith('..') ? state : place)}

${dim('Ctrl+C stops it. Everything is kept in')} ${place}${dim('.')}
`)
}
