/** What `npm start` was asked for: `--port N` and `--state DIR`, with their defaults. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface StartOptions {
  readonly port: number
  /** Absolute path of the state folder. */
  readonly state: string
}

/** A refusal to start that needs no stack: its message is the sentence the terminal shows. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** @throws StartError for an unknown flag or a port that is none */
export function parseOptions(args: readonly string[]): StartOptions {
  let values
  try {
    values = parseArgs({
      args: [...args],
      options: { port: { type: 'string', default: '8787' }, state: { type: 'string', default: '.nearfield' } },
      allowPositionals: false,
    }).values
  } catch (error) {
    throw new StartError(`${(error as Error).message} Usage: npm start -- [--port N] [--state DIR]`)
  }
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : Number.NaN
  if (!(port >= 1 && port <= 65_535))
    throw new StartError(`--port must be a number from 1 to 65535, not "${values.port}".`)
  return { port, state: resolve(values.state) }
}
