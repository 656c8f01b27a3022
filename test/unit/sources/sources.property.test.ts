/** Random sites that change between runs, with kills before or after any call: what is taken is what a simple reader finds. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crawlOf, SourceWorld } from '../../support/source-world.ts'

const HOME = 'https://site.example/'
const PAGES = 8
const addressOf = (page: number): string => (page === 0 ? HOME : `${HOME}p${page}`)

interface Page {
  readonly kind: 'page' | 'noindex' | 'redirect' | 'absent' | 'off'
  readonly links: readonly number[]
  readonly words: number
  readonly validated: boolean
}

type Site = readonly Page[]

const pageArbitrary: fc.Arbitrary<Page> = fc.record({
  kind: fc.constantFrom('page', 'page', 'page', 'noindex', 'redirect', 'absent', 'off'),
  links: fc.array(fc.nat(PAGES - 1), { maxLength: 4 }),
  words: fc.nat(2),
  validated: fc.boolean(),
})
const siteArbitrary: fc.Arbitrary<Site> = fc
  .tuple(pageArbitrary, fc.array(pageArbitrary, { minLength: PAGES - 1, maxLength: PAGES - 1 }))
  .map(([first, rest]) => [{ ...first, kind: 'page' }, ...rest])

function play(world: SourceWorld, site: Site): void {
  world.web.clear()
  site.forEach(({ kind, links, words, validated }, i) => {
    const targets = [...links.map(addressOf), 'https://off.example/', 'http://10.0.0.1/']
    const address = addressOf(i)
    if (kind === 'redirect') world.web.set(address, { redirect: addressOf(links[0] ?? 0) })
    else if (kind === 'off') world.web.set(address, { redirect: 'https://off.example/' })
    else if (kind !== 'absent') {
      const head = `<title>${words}</title>${kind === 'noindex' ? '<meta name=robots content=noindex>' : ''}`
      world.html(address, targets, head)
      const page = world.web.get(address)
      if (validated) world.web.set(address, { ...page, etag: `"${kind}${words}${links.join()}"` })
    }
  })
}

/** Reachable by links and redirects from the first page; redirects come to an end after five. */
function expected(site: Site): string[] {
  const seen = new Set<number>()
  const waiting = [0]
  for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) {
    if (seen.has(page)) continue
    seen.add(page)
    const { kind, links } = site[page] ?? { kind: 'absent', links: [] }
    if (kind === 'redirect') waiting.push(links[0] ?? 0)
    else if (kind === 'page' || kind === 'noindex') waiting.push(...links)
  }
  return [...seen]
    .filter((page) => site[page]?.kind === 'page')
    .map(addressOf)
    .sort()
}

/** Words of the pages, by which a document of an older version shows. */
const wordsOf = (world: SourceWorld): unknown[] => world.database.all('SELECT * FROM played_documents ORDER BY name')

describe('sources under kills', () => {
  it('lose no page, double none, remove what vanished, and ask nobody else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(siteArbitrary, { minLength: 1, maxLength: 3 }),
        fc.array(fc.record({ afterCalls: fc.integer({ min: 2, max: 40 }), arrives: fc.boolean() }), { maxLength: 6 }),
        async (sites, kills) => {
          const world = new SourceWorld()
          for (const site of sites) {
            play(world, site)
            world.kills = []
            await world.save(crawlOf(HOME, { respectRobots: false }))
            // Kills of the request itself are another matter: its caller repeats it.
            world.kills = kills
            await world.pass()
            // Of one address that ended three steps, nothing is known, so that everything is kept.
            const isCut = world.source('src_0000000000000001').lastRun?.gap !== undefined
            if (!isCut) expect(world.documents).toEqual(expected(site))
          }
          const items = world.items().map(({ job, name }) => `${job} ${name}`)
          expect(new Set(items).size).toBe(items.length)
          expect(world.requests.every(({ url }) => url.startsWith(HOME))).toBe(true)
          const fresh = new SourceWorld()
          const last = sites.at(-1) ?? []
          play(fresh, last)
          await fresh.crawl(HOME, { respectRobots: false })
          if (world.source('src_0000000000000001').lastRun?.gap === undefined)
            expect(wordsOf(world)).toEqual(wordsOf(fresh))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('never take more pages than they may', async () => {
    await fc.assert(
      fc.asyncProperty(
        siteArbitrary,
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ afterCalls: fc.integer({ min: 2, max: 20 }), arrives: fc.boolean() }), { maxLength: 3 }),
        async (site, maxPages, kills) => {
          const world = new SourceWorld()
          play(world, site)
          world.kills = kills
          const source = await world.crawl(HOME, { maxPages, respectRobots: false })
          const { taken = 0, failed = 0 } = source.lastRun ?? {}
          expect(taken + failed).toBeLessThanOrEqual(maxPages)
          expect(world.documents.length).toBe(taken)
        },
      ),
      { numRuns: 100 },
    )
  })
})
