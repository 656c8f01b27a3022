/** What every adapter of the SQL port must do. `withDatabase` gives each test a fresh, empty database. */
import { expect, it } from 'vitest'
import type { SqlDatabase } from '../../src/core/sql-database.ts'

export type WithDatabase = (test: (database: SqlDatabase) => void) => Promise<void>

export function sqlDatabaseContract(withDatabase: WithDatabase): void {
  const test = (name: string, body: (database: SqlDatabase) => void) => {
    it(name, () =>
      withDatabase((database) => {
        database.run('CREATE TABLE contract_values (id INTEGER PRIMARY KEY, value)')
        body(database)
      }),
    )
  }
  const values = (database: SqlDatabase) =>
    database.all<{ value: unknown }>('SELECT value FROM contract_values ORDER BY id').map(({ value }) => value)

  test('keeps texts, numbers, nulls and blobs as they were', (database) => {
    const given = ['', 'häuser 漢字 😀', 0, -1.5, 2 ** 53 - 1, null, Uint8Array.of(0, 255, 7)]
    for (const value of given) database.run('INSERT INTO contract_values (value) VALUES (?)', value)
    expect(values(database)).toEqual(given)
  })

  test('hands out blobs that own their bytes from offset 0', (database) => {
    const backing = new Uint8Array(64).fill(9)
    database.run('INSERT INTO contract_values (value) VALUES (?)', backing.subarray(8, 20))
    const row = database.get<{ value: Uint8Array }>('SELECT value FROM contract_values')
    expect(row?.value).toBeInstanceOf(Uint8Array)
    expect(row?.value.byteOffset).toBe(0)
    expect(row?.value.byteLength).toBe(12)
    expect(row?.value.buffer.byteLength).toBe(12)
  })

  test('answers undefined for no row and the first row for many', (database) => {
    expect(database.get('SELECT value FROM contract_values')).toBeUndefined()
    for (const value of [1, 2, 3]) database.run('INSERT INTO contract_values (value) VALUES (?)', value)
    expect(database.get('SELECT value FROM contract_values ORDER BY value')).toEqual({ value: 1 })
    expect(database.all('DELETE FROM contract_values WHERE value > ? RETURNING value', 1)).toHaveLength(2)
  })

  test('takes a list of numbers as one JSON parameter', (database) => {
    for (const value of [10, 20, 30]) database.run('INSERT INTO contract_values (value) VALUES (?)', value)
    const rows = database.all(
      'SELECT v.value FROM json_each(?) AS wanted JOIN contract_values AS v ON v.id = wanted.value ORDER BY v.id',
      JSON.stringify([3, 1]),
    )
    expect(rows).toEqual([{ value: 10 }, { value: 30 }])
  })

  test('commits a transaction and returns its result', (database) => {
    const result = database.transaction(() => {
      database.run('INSERT INTO contract_values (value) VALUES (1)')
      return 'done'
    })
    expect(result).toBe('done')
    expect(values(database)).toEqual([1])
  })

  test('rolls a transaction back when it throws', (database) => {
    expect(() =>
      database.transaction(() => {
        database.run('INSERT INTO contract_values (value) VALUES (1)')
        throw new Error('on purpose')
      }),
    ).toThrow('on purpose')
    expect(values(database)).toEqual([])
    database.transaction(() => database.run('INSERT INTO contract_values (value) VALUES (2)'))
    expect(values(database)).toEqual([2])
  })

  test('joins nested transactions to the outer one', (database) => {
    expect(() =>
      database.transaction(() => {
        database.transaction(() => database.run('INSERT INTO contract_values (value) VALUES (1)'))
        throw new Error('on purpose')
      }),
    ).toThrow('on purpose')
    expect(values(database)).toEqual([])
  })

  test('loses the whole transaction when a nested one throws, even if that is caught', (database) => {
    expect(() =>
      database.transaction(() => {
        database.run('INSERT INTO contract_values (value) VALUES (1)')
        try {
          database.transaction(() => {
            database.run('INSERT INTO contract_values (value) VALUES (2)')
            throw new Error('inner')
          })
        } catch {
          database.run('INSERT INTO contract_values (value) VALUES (3)')
        }
      }),
    ).toThrow('inner')
    expect(values(database)).toEqual([])
  })

  test('refuses an asynchronous callback and rolls it back', (database) => {
    const asynchronous = async () => {
      database.run('INSERT INTO contract_values (value) VALUES (1)')
    }
    expect(() => database.transaction(asynchronous as unknown as () => never)).toThrow(/synchronous/)
    expect(values(database)).toEqual([])
  })

  test('refuses values above 1,900,000 bytes, alone or together', (database) => {
    const insert = 'INSERT INTO contract_values (value) VALUES (?)'
    database.run(insert, 'x'.repeat(1_900_000))
    database.run(insert, new Uint8Array(1_900_000))
    expect(() => database.run(insert, 'x'.repeat(1_900_001))).toThrow(/1900000 bytes/)
    expect(() => database.run(insert, 'é'.repeat(950_001))).toThrow(/1900000 bytes/)
    expect(() => database.run(insert, new Uint8Array(1_900_001))).toThrow(/1900000 bytes/)
    const half = new Uint8Array(950_001)
    expect(() => database.all('SELECT length(?) + length(?)', half, half)).toThrow(/1900000 bytes/)
    expect(values(database)).toHaveLength(2)
  })

  test('refuses more than 100 parameters and statements above 100,000 bytes', (database) => {
    const sum = (count: number) => `SELECT ${Array.from({ length: count }, () => '?').join(' + ')} AS total`
    expect(database.get(sum(100), ...Array.from({ length: 100 }, () => 1))).toEqual({ total: 100 })
    expect(() => database.get(sum(101), ...Array.from({ length: 101 }, () => 1))).toThrow(/100 parameters/)
    const padded = (bytes: number) => 'SELECT 1 AS one'.padEnd(bytes, ' ')
    expect(database.get(padded(100_000))).toEqual({ one: 1 })
    expect(() => database.get(padded(100_001))).toThrow(/100000 bytes/)
  })

  test('refuses transaction statements, which would go behind its back', (database) => {
    expect(() => database.run('BEGIN')).toThrow()
    expect(() => database.run('SAVEPOINT inner_one')).toThrow()
  })
}
