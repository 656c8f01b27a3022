/** What the page's strict policy asks of its sources: nothing inline, nobody else's, and no way for text to become code. */
import { readFileSync } from 'node:fs'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'

const markup = readFileSync('src/console/page.htm', 'utf8')

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['src/console/main.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

describe('the page at /', () => {
  it('holds no inline script or style and loads nothing from elsewhere', () => {
    expect(/<style|<script(?![^>]* src=)| style=| on[a-z]+=|javascript:/.exec(markup)).toBeNull()
    for (const [, target] of markup.matchAll(/(?:src|href)="([^"]*)"/g)) expect(target).toMatch(/^(\/[a-z.]*|#[a-z]+)$/)
    expect(/url\(|@import/.exec(readFileSync('src/console/page.css', 'utf8'))).toBeNull()
  })

  it('has every element that its script looks for', async () => {
    const script = await bundle()
    const wanted = [...script.matchAll(/byId\("([^"]+)"/g)].map(([, id]) => id)
    expect(wanted.length).toBeGreaterThan(5)
    for (const id of wanted) expect(markup).toContain(`id="${id}"`)
  })

  it('never makes code or markup out of text', async () => {
    expect(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function/.exec(await bundle()),
    ).toBeNull()
  })

  it('labels what can be operated', () => {
    for (const [, id] of markup.matchAll(/<input\s[^>]*id="([^"]+)"/g)) expect(markup).toContain(`for="${id}"`)
    expect(markup).toContain('lang="en"')
    expect(markup).toContain('role="status"')
  })
})
