/** `npm run root-key`: replaces the root key, of a local server that is stopped or of a deployed Worker. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { stdin } from 'node:process'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { flagFault, StartError, UsageError } from './start/options.ts'
import { DEPLOYED_FINISH, deployedReplacement, finishReplacement, replaceRootKey } from './start/root-key.ts'
import { takeRunLock } from './start/run-lock.ts'

const USAGE = `npm run root-key -- [--state DIR | --deployed] [--finish]

  --state DIR   the state folder of a local server that is stopped (default: .nearfield)
  --deployed    print what to do for a deployed Worker; reads its root key from standard input
  --finish      end the key that was replaced; until then both work
  --help`

function parseFlags() {
  try {
    return parseArgs({
      options: {
        state: { type: 'string' },
        deployed: { type: 'boolean', default: false },
        finish: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(`${flagFault(error)}.\n\n${USAGE}`)
  }
}

async function local(folder: string, finish: boolean): Promise<void> {
  if (!existsSync(folder)) throw new StartError(`${folder} holds no server's state.`)
  const lock = await takeRunLock(folder)
  try {
    if (finish) {
      finishReplacement(folder)
      console.log('The root key that was replaced is dead from the next start on.')
    } else {
      replaceRootKey(folder)
      console.log(
        `${folder} has a new root key. The old one works beside it until npm run root-key -- --state ${folder} --finish.`,
      )
    }
  } finally {
    lock.release()
  }
}

async function firstLine(): Promise<string> {
  if (stdin.isTTY) console.error('The root key that is to be replaced:')
  for await (const line of createInterface({ input: stdin })) return line
  return ''
}

async function main(): Promise<void> {
  const { state, deployed, finish, help } = parseFlags()
  if (help) return console.log(USAGE)
  if (!deployed) return local(resolve(state ?? '.nearfield'), finish)
  if (state !== undefined) throw new UsageError(`--state and --deployed do not go together.\n\n${USAGE}`)
  console.log(finish ? DEPLOYED_FINISH : deployedReplacement(await firstLine()))
}

try {
  await main()
} catch (error) {
  console.error(error instanceof StartError ? error.message : error)
  process.exitCode = error instanceof StartError ? error.exitCode : 1
}
