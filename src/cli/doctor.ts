/** `npm run nearfield -- doctor`: looks at whatever must be right on this machine before anything else can be. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { checkModelAssets } from './model-assets.ts'
import { bold, dim, plain } from './terminal.ts'

export interface Finding {
  readonly what: string
  readonly state: 'ok' | 'hint' | 'fault'
  readonly detail: string
}

export interface DoctorOptions {
  /** The repository. */
  readonly root: string
  readonly stateFolder: string
  /** Of the server to ask; that of the state folder's credentials by default. */
  readonly url?: string
  readonly nodeVersion: string
}

/** `npm start` runs on what the package brings along; every script runs on this and later. */
const OLDEST_NODE = 20
/** How long a server may take to say that it is well. */
const HEALTH_TIMEOUT_MS = 3_000
const MAX_FAULTS_SHOWN = 3

/** Looks at everything and never throws: what is wrong is a finding. */
export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const state = readState(options.stateFolder)
  return [
    nodeFinding(options.nodeVersion),
    ...modelFindings(options.root),
    state.finding,
    await serverFinding(options.url ?? state.url),
  ]
}

function nodeFinding(version: string): Finding {
  const isOld = Number.parseInt(version.replace(/^v/, ''), 10) < OLDEST_NODE
  const detail = isOld ? `${version} is too old: ${OLDEST_NODE} or later is needed` : version
  return { what: 'Node.js', state: isOld ? 'fault' : 'ok', detail }
}

function modelFindings(root: string): Finding[] {
  const models = checkModelAssets(root)
  if (models.length === 0) {
    return [
      { what: 'models', state: 'fault', detail: 'assets/models has no model; get a whole copy of the repository' },
    ]
  }
  return models.map(({ model, files, bytes, faults }) => {
    const size = `${files === 1 ? 'one file' : `${files} files`}, ${(bytes / 1e6).toFixed(1)} MB`
    const shown = faults.slice(0, MAX_FAULTS_SHOWN).join('; ')
    const more = faults.length > MAX_FAULTS_SHOWN ? `; and ${faults.length - MAX_FAULTS_SHOWN} more` : ''
    return faults.length === 0
      ? { what: `model ${model}`, state: 'ok', detail: `${size}, as published` }
      : { what: `model ${model}`, state: 'fault', detail: `${shown}${more}; git checkout assets/models brings it back` }
  })
}

function readState(folder: string): { readonly finding: Finding; readonly url?: string } {
  const what = 'state folder'
  if (!existsSync(folder)) {
    return { finding: { what, state: 'hint', detail: `there is no ${folder}; npm start makes it` } }
  }
  const path = join(folder, 'credentials.json')
  if (!existsSync(path))
    return { finding: { what, state: 'hint', detail: `${folder}, of a server that is not running` } }
  try {
    const { url } = JSON.parse(readFileSync(path, 'utf8')) as { url?: string }
    return { finding: { what, state: 'ok', detail: folder }, ...(url === undefined ? {} : { url }) }
  } catch {
    return { finding: { what, state: 'fault', detail: `${path} cannot be read; start the server again` } }
  }
}

async function serverFinding(url: string | undefined): Promise<Finding> {
  const what = 'server'
  if (url === undefined)
    return { what, state: 'hint', detail: 'none is running here; npm start, or name one with --url' }
  try {
    const response = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) })
    if (!response.ok) return { what, state: 'fault', detail: `${url} answers ${response.status}` }
    const { version } = await response.json<{ version?: string }>()
    return { what, state: 'ok', detail: `${url}, version ${version ?? 'unknown'}` }
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError'
    return { what, state: 'fault', detail: late ? `${url} does not answer in time` : `nothing answers at ${url}` }
  }
}

/** The findings for people, one a line. */
export function printFindings(findings: readonly Finding[]): void {
  const marks = { ok: '✓', hint: '·', fault: '✗' }
  for (const { what, state, detail } of findings) {
    console.log(`${marks[state]} ${bold(what)}  ${state === 'ok' ? dim(plain(detail)) : plain(detail)}`)
  }
  const faults = findings.filter(({ state }) => state === 'fault').length
  if (faults > 0) console.log(`\n${faults === 1 ? 'One thing needs' : `${faults} things need`} attention.`)
}

/** The state folder as the other commands find it. */
export const stateFolderOf = (folder: string, named: string | undefined): string =>
  resolve(folder, named ?? '.nearfield')
