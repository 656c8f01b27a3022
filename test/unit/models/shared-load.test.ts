import { describe, expect, it } from 'vitest'
import { SharedLoads } from '../../../src/models/shared-load.ts'

describe('loads that requests share', () => {
  it('happen once for all who wait, and again once they are done', async () => {
    const loads = new SharedLoads<number>()
    let begun = 0
    const load = async (): Promise<number> => ++begun
    expect(await Promise.all([loads.get('a', load), loads.get('a', load), loads.get('a', load)])).toEqual([1, 1, 1])
    expect(await loads.get('a', load)).toBe(2)
  })

  it('are kept apart by their keys', async () => {
    const loads = new SharedLoads<string>()
    const both = await Promise.all([loads.get('a', async () => 'one'), loads.get('b', async () => 'two')])
    expect(both).toEqual(['one', 'two'])
  })

  it('fail everyone who waits, and nobody after', async () => {
    const loads = new SharedLoads<string>()
    const failing = async (): Promise<string> => {
      throw new Error('gone')
    }
    const results = await Promise.allSettled([loads.get('a', failing), loads.get('a', failing)])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await loads.get('a', async () => 'back')).toBe('back')
  })

  it('are done again once for all when the request that began one was cancelled', async () => {
    const loads = new SharedLoads<string>(1)
    let begun = 0
    void loads.get('a', () => new Promise(() => {}))
    const load = (): Promise<string> => new Promise((resolve) => setTimeout(resolve, 20, `load ${++begun}`))
    expect(await Promise.all([loads.get('a', load), loads.get('a', load)])).toEqual(['load 1', 'load 1'])
  })
})
