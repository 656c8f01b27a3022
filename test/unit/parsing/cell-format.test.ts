import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { builtInFormat, customFormat, formatNumber } from '../../../src/parsing/xlsx/cell-format.ts'

test.each([
  ['General', 'number'],
  ['0.00', 'number'],
  ['#,##0.00 "days"', 'number'],
  ['[Red]-0', 'number'],
  ['0 %', 'percent'],
  ['0.0%;-0.0%', 'percent'],
  ['yyyy-mm-dd', 'date'],
  ['[$-407]d. mmmm yyyy;@', 'date'],
  ['yyyy"年"m"月"d"日"', 'date'],
  ['mmm', 'date'],
  ['dd/mm/yyyy hh:mm', 'datetime'],
  ['h:mm AM/PM', 'time'],
  ['mm:ss', 'time'],
  ['[h]:mm:ss', 'duration'],
  ['\\d0', 'number'],
] as const)('the format %s is a %s', (code, format) => {
  expect(customFormat(code)).toBe(format)
})

test('built-in formats are told by their number', () => {
  expect([0, 1, 9, 14, 20, 22, 30, 46, 57, 100].map(builtInFormat)).toEqual([
    'number',
    'number',
    'percent',
    'date',
    'time',
    'datetime',
    'date',
    'duration',
    'date',
    'number',
  ])
})

test('numbers are what a person sees', () => {
  expect(formatNumber('0.30000000000000004', 'number', false)).toBe('0.3')
  expect(formatNumber('1E3', 'number', false)).toBe('1000')
  expect(formatNumber('0.07', 'percent', false)).toBe('7%')
  expect(formatNumber('abc', 'date', false)).toBe('abc')
  expect(formatNumber('-1', 'date', false)).toBe('-1')
  expect(formatNumber('1', 'date', false)).toBe('1900-01-01')
  expect(formatNumber('59', 'date', false)).toBe('1900-02-28')
  expect(formatNumber('61', 'date', false)).toBe('1900-03-01')
  expect(formatNumber('46081', 'date', false)).toBe('2026-02-28')
  expect(formatNumber('0', 'date', true)).toBe('1904-01-01')
  expect(formatNumber('46081.75', 'datetime', false)).toBe('2026-02-28T18:00:00')
  expect(formatNumber('46081', 'datetime', false)).toBe('2026-02-28')
  expect(formatNumber('0.5', 'time', false)).toBe('12:00:00')
  expect(formatNumber('1.5', 'duration', false)).toBe('36:00:00')
})

test('every day since March 1900 comes back as the day that it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 61, max: 2_958_465 }), (serial) => {
      const date = new Date(Date.UTC(1899, 11, 30))
      date.setUTCDate(date.getUTCDate() + serial)
      expect(formatNumber(String(serial), 'date', false)).toBe(date.toISOString().slice(0, 10))
    }),
  )
})
