/**
 * `npm run check:providers`: asks the real providers for which the environment has credentials, with the code that the Worker
 * uses, and prints what works. It costs a few cents at most. Keys and answers are never printed.
 */
import { env, exit } from 'node:process'
import { parseArgs } from 'node:util'
import { asProblem } from '../src/core/problem.ts'
import { directModelFetch } from '../src/models/model-fetch.ts'
import { createRemoteModels } from '../src/models/remote-models.ts'
import { findingsOf, type Finding } from './providers/check.ts'
import { subjectsOf, VARIABLES } from './providers/subjects.ts'

const USAGE = `npm run check:providers -- [workers-ai | huggingface | openai-compatible]…

Checks all providers, or those named, for which these variables are set:

${VARIABLES}`

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function table(findings: readonly Finding[]): string {
  const rows = findings.map(({ provider, model, check, passes, ms, says }) => [
    passes ? 'ok' : 'FAILED',
    provider,
    model,
    check,
    `${ms.toLocaleString('en')} ms`,
    says,
  ])
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** @returns the exit status: 1 where something failed, 2 where nothing could be checked */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h', default: false } },
  })
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  const chosen = subjectsOf(env).filter(({ provider }) => positionals.length === 0 || positionals.includes(provider))
  if (chosen.length === 0) {
    console.error(`There is nothing to check.\n\n${USAGE}`)
    return 2
  }
  const models = createRemoteModels({
    call: directModelFetch(fetch),
    // The environment holds keys as they are.
    openApiKey: (key) => Promise.resolve(key),
  })
  const findings: Finding[] = []
  for (const subject of chosen) findings.push(...(await findingsOf(subject, models)))
  console.log(table(findings))
  return findings.every(({ passes }) => passes) ? 0 : 1
}

try {
  exit(await main())
} catch (error) {
  const [fault] = asProblem(error)?.errors ?? []
  const what = fault === undefined ? messageOf(error) : `${fault.pointer.split('/').at(-1) ?? ''} ${fault.detail}`
  console.error(`${what}\n\n${USAGE}`)
  exit(2)
}
