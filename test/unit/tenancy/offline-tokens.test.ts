/** The programs of docs/tokens.md that mint tokens without a request: shown as they are, run where their runtime exists. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { newKey, tokenSigningKey } from '../../../src/tenancy/key-format.ts'
import { hasValidSignature, isTimely, readToken } from '../../../src/tenancy/token.ts'

const ROOT = join(import.meta.dirname, '../../..')

const PROGRAMS = [
  { language: 'Node', fence: 'js', file: 'mint-token.mjs', run: ['node'], probe: ['--version'] },
  { language: 'Python', fence: 'python', file: 'mint-token.py', run: ['python3'], probe: ['--version'] },
  { language: 'Go', fence: 'go', file: 'mint-token.go', run: ['go', 'run'], probe: ['version'] },
  { language: 'PHP', fence: 'php', file: 'mint-token.php', run: ['php'], probe: ['--version'] },
  { language: 'Ruby', fence: 'ruby', file: 'mint-token.rb', run: ['ruby'], probe: ['--version'] },
  { language: 'Java', fence: 'java', file: 'MintToken.java', run: ['java'], probe: ['--version'] },
] as const

const isInstalled = ({ run: [command], probe }: (typeof PROGRAMS)[number]): boolean =>
  spawnSync(command, [...probe], { timeout: 30_000 }).status === 0

const present = PROGRAMS.filter(isInstalled)
const missing = PROGRAMS.filter((program) => !present.includes(program))
const namesOf = (programs: readonly { readonly language: string }[]): string =>
  programs.map(({ language }) => language).join(', ') || 'none'

describe(`offline minting (run here: ${namesOf(present)}; not installed here: ${namesOf(missing)})`, () => {
  it.each(PROGRAMS)('is shown for $language as the program that is run', ({ fence, file }) => {
    const page = readFileSync(join(ROOT, 'docs/tokens.md'), 'utf8')
    const program = readFileSync(join(ROOT, 'docs/snippets', file), 'utf8')
    expect(page.includes(`\`\`\`${fence}\n${program}\`\`\`\n`)).toBe(true)
  })

  it.each(present)('in $language makes a token that is accepted', { timeout: 120_000 }, async ({ file, run }) => {
    const key = newKey('secret')
    const [command, ...options] = run
    const startedMs = Date.now()
    const output = execFileSync(command, [...options, join(ROOT, 'docs/snippets', file)], {
      encoding: 'utf8',
      env: { ...process.env, NEARFIELD_KEY: key.text, GOTOOLCHAIN: 'local', GOPROXY: 'off' },
    })
    expect(output).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    const token = readToken(output.trimEnd())!
    expect(token.keyId).toBe(key.id)
    const { iat, exp, ...rest } = token.claims
    expect(rest).toEqual({ scopes: ['search'], principals: ['user:42'], sub: 'user:42' })
    expect([exp - iat, iat * 1000 >= startedMs - 1_000]).toEqual([900, true])
    expect(isTimely(token.claims, Date.now(), {})).toBe(true)
    expect(await hasValidSignature(token, await tokenSigningKey(key))).toBe(true)
    expect(await hasValidSignature(token, await tokenSigningKey(newKey('secret')))).toBe(false)
  })
})
