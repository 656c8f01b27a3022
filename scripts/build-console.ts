/**
 * Builds the page at `/` from `src/console/` into `assets/console/`, from where the Worker serves it under its own paths
 * and policy. The markup ends in `.htm` so that the assets binding hands it out as it is, without redirects.
 */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const FILES = ['page.htm', 'page.css', 'favicon.svg']

/** Rebuilds the whole folder. `root` is the repository's. @throws when a source does not compile */
export async function buildConsole(root: string): Promise<void> {
  const source = join(root, 'src', 'console')
  const target = join(root, 'assets', 'console')
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  for (const file of FILES) copyFileSync(join(source, file), join(target, file))
  await build({
    absWorkingDir: root,
    entryPoints: [join(source, 'main.ts')],
    outfile: join(target, 'page.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
  })
}

if (import.meta.main) await buildConsole(join(import.meta.dirname, '..'))
