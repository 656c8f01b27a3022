/** The Chromium that tests of pages drive, where one is installed; `CHROMIUM` names another. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Whether the program is a browser that starts here; a package's stub, for example, is not. */
function starts(path: string): boolean {
  try {
    return (
      existsSync(path) &&
      execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).includes('Chrom')
    )
  } catch {
    return false
  }
}

const PLACES = [
  process.env['CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/usr/bin/chromium-browser',
]

/** The path of its program; `undefined` where there is none. */
export const CHROMIUM = PLACES.find(starts)
