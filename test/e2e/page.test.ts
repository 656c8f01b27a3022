/**
 * The page at `/` as its visitor meets it: in Chromium where one is installed (`CHROMIUM` names another), and on the wire
 * everywhere. Nothing but the server itself is asked, and the content security policy is never broken.
 */
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { CHROMIUM } from '../support/chromium.ts'
import { copyState, startServer } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'

let server: LocalServer

beforeAll(async () => {
  server = await startServer(copyState(inject('preparedState')))
})

afterAll(() => server.stop())

describe('the page on the wire', () => {
  it('is small, has a strict policy, and refers to nothing outside', async () => {
    const response = await fetch(`${server.credentials.url}/`)
    const html = await response.text()
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("require-trusted-types-for 'script'")
    expect(policy).not.toContain('unsafe')
    expect(html).not.toMatch(/(?:src|href)="https?:/)
    for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css|svg))"/g)) {
      expect((await fetch(server.credentials.url + path)).status, path).toBe(200)
    }
  })
})

/** Registered only where there is a browser: .ci/run installs one, a checkout need not have it. */
const inBrowser = (): void => {
  let browser: Browser
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    browser = await chromium.launch({
      ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
      args: ['--no-sandbox'],
    })
    page = await browser.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('request', (request) => {
      if (!request.url().startsWith(server.credentials.url)) complaints.push(`asked ${request.url()}`)
    })
    await page.goto(`${server.credentials.url}/`)
  })

  afterAll(() => browser.close())

  it('finds passages of the documentation, with the words marked', async () => {
    await page.fill('#query', 'how long does a search cursor live')
    await page.click('#find')
    await page.waitForSelector('#hits li')
    expect(await page.locator('#hits li').count()).toBeGreaterThan(2)
    expect((await page.locator('#hits mark').allTextContents()).join(' ').toLowerCase()).toContain('cursor')
  })

  it('answers a question with a citation', async () => {
    await page.fill('#query', 'How many chunks does a shard hold?')
    await page.click('#ask')
    await page.waitForSelector('#answer:not([hidden])')
    expect(await page.locator('#answer').innerText()).toContain('50,000')
  })

  it('says where in its file a passage stands, of hits and of citations', async () => {
    const srt = '1\n00:01:05,000 --> 00:01:09,500\nThe harbour pilot climbs aboard by a rope ladder.\n'
    const client = server.client()
    await client.waitForJob((await client.uploadFiles('docs', [{ name: 'pilot.srt', content: new Blob([srt]) }])).id)
    await page.fill('#query', 'How does the harbour pilot climb aboard?')
    await page.click('#find')
    await page.locator('#hits li', { hasText: 'rope ladder' }).first().waitFor()
    expect(await page.locator('#hits li .place').first().innerText()).toBe('1:05–1:09')
    await page.click('#ask')
    await page.locator('#answer .sources .place').first().waitFor()
    expect(await page.locator('#answer .sources li').first().innerText()).toContain('pilot.srt')
    expect(await page.locator('#answer .sources .place').first().innerText()).toBe('1:05–1:09')
  })

  it('shows markup of a document as text', async () => {
    const text = 'The zebra page says <img src=x onerror="document.title=1"> and <b>bold</b>.'
    await server.client().put('docs', [{ id: 'markup', title: '<i>Zebra</i>', text }])
    await page.fill('#query', 'what does the zebra page say')
    await page.click('#find')
    await page.locator('#hits li', { hasText: 'zebra page' }).first().waitFor()
    expect(await page.locator('#hits img, #hits b, #hits i').count()).toBe(0)
  })

  it('breaks no policy, throws nothing, and asks nobody else', () => {
    expect(complaints).toEqual([])
  })
}

if (CHROMIUM !== undefined) describe('the page in a browser', inBrowser)
