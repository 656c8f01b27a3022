/**
 * One step of a crawl: at most one page, sitemap or `robots.txt` is asked for, and what it answered is written in one
 * transaction with what follows from it. A step that is cut off leaves nothing behind but an attempt, and is made again.
 */
import { hex, sha256 } from '../../core/bytes.ts'
import { MAX_PAGE_BYTES } from '../../core/limits.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { FetchedPage, PageFailure } from '../../egress/egress-api.ts'
import { PAGE_TIMEOUT_MS } from '../../egress/fetch-page.ts'
import { FileFault } from '../../parsing/file-fault.ts'
import type { CrawlSettings } from '../source.ts'
import type { SourcePorts } from '../source-ports.ts'
import { Frontier } from '../state/frontier.ts'
import type { FrontierEntry } from '../state/frontier.ts'
import { KnownFiles } from '../state/known-files.ts'
import type { KnownFile } from '../state/known-files.ts'
import type { Run, SourceRows } from '../state/source-rows.ts'
import { CrawlScope } from './crawl-scope.ts'
import { Hosts } from './hosts.ts'
import { HTML_TYPES, PAGE_TYPES, SITEMAP_TYPES } from './media-types.ts'
import { pageAddress, pageName } from './page-address.ts'
import { readPageLinks, robotsDirectives } from './page-links.ts'
import type { PageLinks } from './page-links.ts'
import { readRobots } from './read-robots.ts'
import { RobotsRules } from './robots-rules.ts'
import { readSitemap } from './sitemap.ts'

/** Number of a frontier's first entry; what it redirects to has it as its root. */
const FIRST = 1
const MAX_HOPS = 5
const MAX_ATTEMPTS = 3
/** Between two attempts at a page that does not answer; the second pause is twice as long. */
const RETRY_MS = 10_000
const MAX_RETRY_AFTER_MS = 300_000
/** An index of sitemaps names sitemaps, which name pages. */
const MAX_SITEMAP_DEPTH = 1
/** Addresses of a run for each page that it may take, and beside them: redirects and pages that are not wanted need room. */
const ADDRESSES_PER_PAGE = 5
const FURTHER_ADDRESSES = 100
/** Where a page leads is kept up to this length; a page that leads to more is fetched whole each time. */
const MAX_LINKS_LENGTH = 200_000

/** What one step needs to know: the run, and the address that it looks at. */
interface Step {
  readonly run: Run
  readonly settings: CrawlSettings
  readonly scope: CrawlScope
  readonly frontier: Frontier
  readonly files: KnownFiles
  readonly entry: FrontierEntry
  /** Under which its document is kept. */
  readonly name: string
  /** As it was taken before. */
  readonly known?: KnownFile
}

/** `done`: nothing is left to be looked at. */
export type StepResult = 'again' | 'done' | { readonly waitUntilMs: number }

export class Crawler {
  readonly #database: SqlDatabase
  readonly #rows: SourceRows
  readonly #hosts: Hosts
  readonly #ports: SourcePorts

  constructor(database: SqlDatabase, rows: SourceRows, ports: SourcePorts) {
    this.#database = database
    this.#rows = rows
    this.#hosts = new Hosts(database)
    this.#ports = ports
  }

  /** What the crawl begins with; part of a transaction. */
  begin({ sourceId }: Run, { from, address }: CrawlSettings): void {
    const nowMs = this.#ports.clock()
    this.#hosts.prune(nowMs)
    new Frontier(this.#database, sourceId).add({ address, kind: from, depth: 0 }, nowMs, 1)
  }

  /** Looks at the next address, or says when that can be done. */
  async step(run: Run, settings: CrawlSettings): Promise<StepResult> {
    const frontier = new Frontier(this.#database, run.sourceId)
    const entry = frontier.next()
    if (entry === undefined) return 'done'
    const name = await pageName(entry.address)
    // From here on nothing waits until the host is reserved.
    const nowMs = this.#ports.clock()
    if (entry.kind === 'page' && run.visited >= settings.maxPages) {
      this.#rows.setGap(run.sourceId, 'limit')
      return 'done'
    }
    const { origin } = new URL(entry.address)
    const dueMs = Math.max(entry.dueMs, this.#hosts.freeMs(origin, nowMs))
    if (dueMs > nowMs) return { waitUntilMs: dueMs }
    const files = new KnownFiles(this.#database, run.sourceId)
    const scope = new CrawlScope({ start: settings.address, ...settings })
    const known = files.find(name)
    const step: Step = { run, settings, scope, frontier, files, entry, name, ...(known === undefined ? {} : { known }) }
    const rules = settings.respectRobots ? this.#hosts.robots(origin, nowMs) : new RobotsRules(origin, '')
    if (entry.attempts >= MAX_ATTEMPTS) this.#unreachable(step, 'it did not answer')
    else if (rules === 'unreachable')
      this.#unreachable(step, 'robots.txt could not be read: the site did not answer, or with an error')
    else if (rules !== 'unknown' && !rules.mayFetch(entry.address)) this.#fail(step, 'robots.txt forbids it')
    else await this.#ask(origin, () => (rules === 'unknown' ? this.#readRobots(step, origin) : this.#look(step)))
    return 'again'
  }

  /** Nobody else asks the host meanwhile. */
  async #ask(origin: string, work: () => Promise<void>): Promise<void> {
    this.#hosts.reserve(origin, this.#ports.clock())
    try {
      await work()
    } finally {
      this.#hosts.free(origin, this.#ports.clock())
    }
  }

  async #readRobots({ scope }: Step, origin: string): Promise<void> {
    const text = await readRobots(origin, this.#ports.fetchPage, (address) => scope.reaches(address))
    const nowMs = this.#ports.clock()
    if (text !== undefined) this.#hosts.noteRobots(origin, text, nowMs)
    else if (this.#hosts.noteRobotsFailure(origin) >= MAX_ATTEMPTS) this.#hosts.giveUpRobots(origin, nowMs)
  }

  async #look(step: Step): Promise<void> {
    const { entry, frontier } = step
    frontier.attempt(entry.number)
    const outcome = await this.#ports.fetchPage({
      url: entry.address,
      ...this.#validators(step),
      accept: entry.kind === 'page' ? PAGE_TYPES : SITEMAP_TYPES,
      maxBytes: MAX_PAGE_BYTES,
      timeoutMs: PAGE_TIMEOUT_MS,
    })
    if ('redirect' in outcome) this.#redirected(step, outcome.redirect)
    else if ('failure' in outcome) this.#unanswered(step, outcome.failure)
    else if (outcome.status < 200 || outcome.status > 299) this.#refused(step, outcome)
    else if (entry.kind === 'page') await this.#page(step, outcome)
    else await this.#sitemap(step, outcome)
  }

  /** Only where an unchanged page needs no second look. */
  #validators({ run, known }: Step): { etag?: string; lastModified?: string } {
    if (known === undefined || !this.#ports.intake.holds(run.collectionId, known.name, known.sha256)) return {}
    const { etag, modified } = known
    return { ...(etag === undefined ? {} : { etag }), ...(modified === undefined ? {} : { lastModified: modified }) }
  }

  #unanswered(step: Step, failure: PageFailure): void {
    if (failure === 'timeout') this.#retry(step, 'it took too long')
    else if (failure === 'network') this.#retry(step, 'it could not be reached')
    else if (failure === 'refused') this.#fail(step, 'its address is not one of the public web')
    else this.#fail(step, failure === 'too_large' ? 'it is too large' : 'it is of a type that is not read')
  }

  #redirected(step: Step, location: string): void {
    const { entry, frontier, scope } = step
    const { kind, depth, hops, root } = entry
    const target = pageAddress(location, entry.address)
    if (target === undefined) this.#fail(step, 'it redirects to an address that is not one of the public web')
    else if (!scope.reaches(target)) this.#fail(step, 'it redirects to another site')
    else if (hops >= MAX_HOPS || frontier.find(target)?.root === root) {
      this.#fail(step, 'it redirects in a circle, or too often')
    } else {
      this.#write(step, () => {
        frontier.settle(entry.number, 'redirect')
        const isWanted = root === FIRST || kind === 'sitemap' || scope.covers(target)
        if (isWanted) this.#add(step, { address: target, kind, depth, hops: hops + 1, root })
      })
    }
  }

  #refused(step: Step, page: FetchedPage): void {
    const { known } = step
    const { status } = page
    if (status === 304 && known !== undefined) this.#unchanged(step, known, known.links)
    else if (status === 429 || status >= 500) this.#retry(step, `it answered ${status}`, retryAfterMs(page))
    else if (status !== 404 && status !== 410) this.#unreachable(step, `it answered ${status}`)
    else if (known === undefined) this.#fail(step, `it answered ${status}`)
    else this.#gone(step, known)
  }

  async #page(step: Step, page: FetchedPage): Promise<void> {
    const { scope, frontier, entry, known } = step
    const { address } = entry
    const isHtml = HTML_TYPES.includes(page.mediaType ?? '')
    const read: PageLinks = isHtml ? readPageLinks(page.body, address) : { links: [], noindex: false, nofollow: false }
    const header = robotsDirectives(page.robotsTag ?? '')
    const links = read.nofollow || header.nofollow ? [] : read.links.filter((link) => scope.reaches(link))
    const { canonical = address } = read
    // Of two pages that each name the other, the second is taken.
    const isOther = canonical !== address && scope.covers(canonical) && frontier.find(canonical)?.outcome !== 'other'
    if (isOther) {
      this.#settle(step, 'other', () => {
        this.#add(step, { address: canonical, kind: 'page', depth: entry.depth })
        this.#follow(step, links)
      })
    } else if (read.noindex || header.noindex || !scope.covers(address)) {
      this.#settle(step, 'done', () => {
        if (known !== undefined) this.#remove(step, known)
        this.#follow(step, links)
      })
    } else {
      await this.#take(step, page, links)
    }
  }

  async #take(step: Step, page: FetchedPage, links: readonly string[]): Promise<void> {
    const { run, files, entry, name, known } = step
    const { intake } = this.#ports
    const digest = hex(await sha256(page.body))
    const isLong = JSON.stringify(links).length > MAX_LINKS_LENGTH
    const { etag, lastModified } = isLong ? {} : page
    const file: KnownFile = {
      name,
      address: entry.address,
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { modified: lastModified }),
      sha256: digest,
      links: isLong ? [] : links,
      run: run.number,
    }
    if (known?.sha256 === digest && intake.holds(run.collectionId, name, digest)) {
      this.#unchanged(step, file, links)
      return
    }
    const body = new Blob([page.body]).stream() as ReadableStream<Uint8Array>
    const stored = await intake.store(run.jobId, body).catch(faultOf)
    if (stored instanceof FileFault) {
      this.#unreachable(step, stored.message)
      return
    }
    this.#settle(step, 'done', () => {
      intake.add(run.jobId, { ...stored, name, url: entry.address })
      files.put(file)
      this.#rows.add(run.sourceId, 'taken')
      this.#follow(step, links)
    })
  }

  #unchanged(step: Step, file: KnownFile, links: readonly string[]): void {
    const { run, files } = step
    this.#settle(step, 'done', () => {
      files.put({ ...file, run: run.number })
      this.#ports.intake.settle(run.jobId, file.name, { status: 'unchanged' })
      this.#rows.add(run.sourceId, 'unchanged')
      this.#follow(step, links)
    })
  }

  async #sitemap(step: Step, page: FetchedPage): Promise<void> {
    const sitemap = await readSitemap(page.body)
    if (sitemap === undefined) {
      this.#unreachable(step, 'it is not a sitemap')
      return
    }
    const { scope, run, entry } = step
    const resolved = (entries: readonly string[]): string[] =>
      entries.map((text) => pageAddress(text, entry.address)).filter((address) => address !== undefined)
    const isDeep = entry.depth >= MAX_SITEMAP_DEPTH
    this.#settle(step, 'done', () => {
      if (!sitemap.isWhole || (isDeep && sitemap.sitemaps.length > 0)) this.#rows.setGap(run.sourceId, 'limit')
      // The other sitemaps first, because addresses that find no room are dropped.
      for (const address of isDeep ? [] : resolved(sitemap.sitemaps)) {
        if (scope.reaches(address)) this.#add(step, { address, kind: 'sitemap', depth: entry.depth + 1 })
      }
      for (const address of resolved(sitemap.pages)) {
        if (scope.covers(address)) this.#add(step, { address, kind: 'page', depth: 0 })
      }
      if (scope.isSpent) this.#rows.setGap(run.sourceId, 'limit')
    })
  }

  #follow(step: Step, links: readonly string[]): void {
    const { scope, settings, entry } = step
    if (settings.from === 'sitemap' || entry.depth >= (settings.maxDepth ?? Infinity)) return
    for (const address of links) {
      if (scope.covers(address)) this.#add(step, { address, kind: 'page', depth: entry.depth + 1 })
    }
    if (scope.isSpent) this.#rows.setGap(step.run.sourceId, 'limit')
  }

  #add({ frontier, run, settings }: Step, entry: Parameters<Frontier['add']>[0]): void {
    const most = settings.maxPages * ADDRESSES_PER_PAGE + FURTHER_ADDRESSES
    if (frontier.add(entry, this.#ports.clock(), most) === 'full') this.#rows.setGap(run.sourceId, 'limit')
  }

  /** The page is no longer there. */
  #gone(step: Step, known: KnownFile): void {
    this.#settle(step, 'done', () => {
      this.#remove(step, known)
      if (step.entry.root === FIRST) this.#rows.setGap(step.run.sourceId, 'unreachable')
    })
  }

  #remove({ run, files }: Step, { name }: KnownFile): void {
    this.#ports.intake.remove(run.collectionId, name, run.writer)
    files.remove(name)
    this.#rows.add(run.sourceId, 'removed')
  }

  #retry(step: Step, detail: string, afterMs = 0): void {
    const { entry, frontier } = step
    const attempts = entry.attempts + 1
    const nextMs = this.#ports.clock() + Math.max(RETRY_MS * attempts, afterMs)
    if (attempts >= MAX_ATTEMPTS) this.#unreachable(step, detail)
    else this.#write(step, () => frontier.postpone(entry.number, nextMs))
  }

  /** Whether the page is still there is not known, nor what it would have led to. */
  #unreachable(step: Step, detail: string): void {
    this.#fail(step, detail, () => {
      this.#rows.setGap(step.run.sourceId, 'unreachable')
      step.files.see(step.name, step.run.number)
    })
  }

  /** Without its first page, a site says nothing of the others. */
  #fail(step: Step, detail: string, work: () => void = () => undefined): void {
    const { run, name, entry } = step
    this.#settle(step, 'failed', () => {
      if (entry.root === FIRST) this.#rows.setGap(run.sourceId, 'unreachable')
      this.#ports.intake.settle(run.jobId, name, { status: 'failed', code: 'not_fetched', detail })
      this.#rows.add(run.sourceId, 'failed')
      work()
    })
  }

  #settle(step: Step, outcome: 'done' | 'other' | 'failed', work: () => void): void {
    const { entry, frontier, run } = step
    this.#write(step, () => {
      frontier.settle(entry.number, outcome)
      if (entry.kind === 'page') this.#rows.add(run.sourceId, 'visited')
      work()
    })
  }

  /** All or nothing, and nothing where the run is over: it may have been cancelled while its answer was awaited. */
  #write({ run }: Step, work: () => void): void {
    this.#database.transaction((): void => {
      if (this.#rows.isCurrent(run) && this.#ports.intake.isOpen(run.jobId)) work()
    })
  }
}

function faultOf(error: unknown): FileFault {
  if (error instanceof FileFault) return error
  throw error
}

/** Of seconds; a date is not heeded. */
function retryAfterMs({ retryAfter = '' }: FetchedPage): number {
  return /^\d{1,9}$/.test(retryAfter) ? Math.min(MAX_RETRY_AFTER_MS, Number(retryAfter) * 1_000) : 0
}
