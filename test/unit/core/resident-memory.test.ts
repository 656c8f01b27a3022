import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'

describe('ResidentMemory', () => {
  it('holds values under a budget and evicts the one used longest ago', () => {
    const memory = new ResidentMemory(100)
    memory.set('a', 'A', 40)
    memory.set('b', 'B', 40)
    expect(memory.get('a')).toBe('A')
    memory.set('c', 'C', 40)
    expect(memory.get('b')).toBeUndefined()
    expect([memory.get('a'), memory.get('c')]).toEqual(['A', 'C'])
    expect(memory.heldBytes).toBe(80)
    expect(memory.budgetBytes).toBe(100)
  })

  it('keeps what was just set, even alone above the budget, until something else needs room', () => {
    const memory = new ResidentMemory(100)
    memory.set('a', 'A', 50)
    memory.set('huge', 'H', 150)
    expect(memory.get('a')).toBeUndefined()
    expect(memory.get('huge')).toBe('H')
    memory.set('b', 'B', 10)
    expect(memory.get('huge')).toBeUndefined()
    expect(memory.get('b')).toBe('B')
    expect(memory.peakBytes).toBe(150)
  })

  it('follows values that grow and shrink in place', () => {
    const memory = new ResidentMemory(100)
    memory.set('a', 'A', 10)
    memory.set('b', 'B', 10)
    memory.resize('b', 95)
    expect(memory.get('a')).toBeUndefined()
    memory.resize('b', 20)
    memory.resize('gone', 1_000)
    expect(memory.heldBytes).toBe(20)
  })

  it('evicts a pinned value last', () => {
    const memory = new ResidentMemory(100)
    memory.set('model', 'M', 60, { isPinned: true })
    memory.set('a', 'A', 40)
    memory.set('b', 'B', 40)
    expect([memory.get('model'), memory.get('a'), memory.get('b')]).toEqual(['M', undefined, 'B'])
    memory.set('c', 'C', 90)
    expect(memory.get('model')).toBeUndefined()
    expect(memory.get('c')).toBe('C')
  })

  it('replaces and deletes by key and by prefix', () => {
    const memory = new ResidentMemory(100)
    memory.set('x/1', 1, 10)
    memory.set('x/1', 2, 20)
    memory.set('x/2', 3, 20)
    memory.set('y/1', 4, 20)
    expect(memory.get('x/1')).toBe(2)
    expect(memory.heldBytes).toBe(60)
    memory.deletePrefix('x/')
    memory.delete('none')
    expect([memory.get('x/1'), memory.get('x/2'), memory.get('y/1')]).toEqual([undefined, undefined, 4])
    expect(memory.heldBytes).toBe(20)
  })

  it('always counts exactly what it holds', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd')
    const command = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), key, bytes: fc.nat(70), isPinned: fc.boolean() }),
      fc.record({ kind: fc.constant('resize' as const), key, bytes: fc.nat(70) }),
      fc.record({ kind: fc.constant('delete' as const), key }),
      fc.record({ kind: fc.constant('get' as const), key }),
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const memory = new ResidentMemory(100)
        const sizes = new Map<string, number>()
        for (const step of commands) {
          if (step.kind === 'set') {
            memory.set(step.key, step.key, step.bytes, { isPinned: step.isPinned })
            sizes.set(step.key, step.bytes)
          } else if (step.kind === 'resize') {
            if (sizes.has(step.key)) sizes.set(step.key, step.bytes)
            memory.resize(step.key, step.bytes)
          } else if (step.kind === 'delete') memory.delete(step.key)
          else memory.get(step.key)
          for (const name of sizes.keys()) if (memory.get(name) === undefined) sizes.delete(name)
          const held = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
          expect(memory.heldBytes).toBe(held)
          expect(held <= 100 || sizes.size === 1).toBe(true)
        }
      }),
      { seed: 3, numRuns: 200 },
    )
  })
})
