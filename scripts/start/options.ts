/** What `npm start` was asked for: `--port N` and `--state DIR`, with their defaults. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface StartOptions {
  readonly port: number
  /** Absolute path of the state folder. */
  readonly state: string
}

export const USAGE = `npm start -- [--port N] [--state DIR]

  --port N      port on 127.0.0.1 (default: 8787)
  --state DIR   folder that holds everything (default: .nearfield)
  --help`

/** A refusal to start that needs no stack: its message is the sentence the terminal shows. */
export class StartError extends Error {
  override readonly name: string = 'StartError'
  readonly exitCode: number = 1
}

/** A wrong command line; exit code 2. */
export class UsageError extends StartError {
  override readonly name = 'UsageError'
  override readonly exitCode = 2
}

/** Node's sentence about a wrong flag, without its advice about positional arguments. */
export const flagFault = (error: unknown): string => (error as Error).message.split('. ')[0]?.replace(/\.$/, '') ?? ''

/** @throws UsageError for an unknown flag or a port that is none */
export function parseOptions(args: readonly string[]): StartOptions {
  let values
  try {
    values = parseArgs({
      args: [...args],
      options: { port: { type: 'string', default: '8787' }, state: { type: 'string', default: '.nearfield' } },
      allowPositionals: false,
    }).values
  } catch (error) {
    throw new UsageError(`${flagFault(error)}.\n\n${USAGE}`)
  }
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : Number.NaN
  if (!(port >= 1 && port <= 65_535))
    throw new UsageError(`--port must be a number from 1 to 65535, not "${values.port}".`)
  return { port, state: resolve(values.state) }
}
