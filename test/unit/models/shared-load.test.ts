import { describe, expect, it } from 'vitest'
import { SharedLoads } from '../../../src/models/shared-load.ts'

const nothing = (): undefined => undefined

describe('loads that requests share', () => {
  it('happen once for all who wait, and again once they are done', async () => {
    const loads = new SharedLoads<number>()
    let begun = 0
    const load = async (): Promise<number> => ++begun
    expect(
      await Promise.all([loads.get('a', nothing, load), loads.get('a', nothing, load), loads.get('a', nothing, load)]),
    ).toEqual([1, 1, 1])
    expect(await loads.get('a', nothing, load)).toBe(2)
  })

  it('are kept apart by their keys', async () => {
    const loads = new SharedLoads<string>()
    const both = await Promise.all([
      loads.get('a', nothing, async () => 'one'),
      loads.get('b', nothing, async () => 'two'),
    ])
    expect(both).toEqual(['one', 'two'])
  })

  it('fail everyone who waits, and nobody after', async () => {
    const loads = new SharedLoads<string>()
    const failing = async (): Promise<string> => {
      throw new Error('gone')
    }
    const results = await Promise.allSettled([loads.get('a', nothing, failing), loads.get('a', nothing, failing)])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await loads.get('a', nothing, async () => 'back')).toBe('back')
  })

  it('do not happen for what is there', async () => {
    expect(
      await new SharedLoads<string>().get(
        'a',
        () => 'there',
        () => Promise.reject(new Error('loaded')),
      ),
    ).toBe('there')
  })

  it('are done again once for all when the request that began one was cancelled', async () => {
    const loads = new SharedLoads<string>(1)
    let held: string | undefined
    let begun = 0
    void loads.get('a', nothing, () => new Promise(() => {}))
    const load = async (): Promise<string> => (held = `load ${++begun}`)
    const both = [0, 1].map(() => loads.get('a', () => held, load))
    expect(await Promise.all(both)).toEqual(['load 1', 'load 1'])
  })
})
