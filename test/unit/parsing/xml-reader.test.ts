import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { XmlReader, type XmlEvents } from '../../../src/parsing/container/xml-reader.ts'
import { FileFault } from '../../../src/parsing/file-fault.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'

/** What is told, as one text per element and stretch of text. */
function read(bytes: Uint8Array, pieceBytes = 65_536): string[] {
  const told: string[] = []
  let text = ''
  const flush = (): void => {
    if (text !== '') told.push(text)
    text = ''
  }
  const events: XmlEvents = {
    open(name, attributes) {
      flush()
      told.push(
        `<${name}${Object.entries(attributes)
          .map(([key, value]) => ` ${key}=${value}`)
          .join('')}>`,
      )
    },
    close(name) {
      flush()
      told.push(`</${name}>`)
    },
    text(piece) {
      text += piece
    },
  }
  const reader = new XmlReader(events, new ParseBudget({ size: 0, clock: () => 0 }))
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.write(bytes.subarray(at, at + pieceBytes))
  reader.end()
  return told
}

function outcome(xml: string | Uint8Array): unknown {
  try {
    return read(typeof xml === 'string' ? new TextEncoder().encode(xml) : xml)
  } catch (error) {
    return error instanceof FileFault ? error.code : error
  }
}

const SAMPLE =
  '<?xml version="1.0"?><!DOCTYPE html><w:a w:val="1 &lt; 2" id="7">für &#x8cc7;&amp;料<b/><![CDATA[<raw>]]><!-- c --></w:a>'

test('elements, attributes, entities and text are told, however the bytes are cut', () => {
  const bytes = new TextEncoder().encode(SAMPLE)
  const whole = read(bytes)
  expect(whole).toEqual(['<a w:val=1 < 2 id=7>', 'für 資&料', '<b>', '</b>', '<raw>', '</a>'])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: bytes.length }), (size) => {
      expect(read(bytes, size)).toEqual(whole)
    }),
  )
})

test('the characters are those of the mark or of the declaration', () => {
  const wide = new Uint8Array(new Uint16Array(Array.from('\ufeff<a>資料</a>', (letter) => letter.charCodeAt(0))).buffer)
  expect(outcome(wide)).toEqual(['<a>', '資料', '</a>'])
  const latin = Uint8Array.from(
    Array.from('<?xml version="1.0" encoding="iso-8859-1"?><a>für</a>', (letter) => letter.charCodeAt(0)),
  )
  expect(outcome(latin)).toEqual(['<a>', 'für', '</a>'])
  expect(outcome(Uint8Array.of(0x3c, 0x61, 0x3e, 0xff, 0x3c))).toBe('malformed_file')
  expect(outcome('<?xml version="1.0" encoding="klingon"?><a/>')).toBe('unknown_encoding')
})

test('what is not complete, declares entities, or is too deep or too long is refused', () => {
  expect(outcome('')).toBe('malformed_file')
  expect(outcome('no xml')).toBe('malformed_file')
  expect(outcome('<a><b></b>')).toBe('malformed_file')
  expect(outcome('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')).toBe('malformed_file')
  expect(outcome('<!DOCTYPE a SYSTEM "x" [ ]><a/>')).toBe('malformed_file')
  expect(outcome('<a>'.repeat(101))).toBe('too_complex')
  expect(outcome(`<a ${'x'.repeat(1_200_000)}>`)).toBe('too_complex')
  expect(outcome(`<a><!-- ${'x'.repeat(1_200_000)} --></a>`)).toBe('too_complex')
  expect(outcome(`<a>${'<b/>'.repeat(1_000_001)}</a>`)).toBe('too_complex')
  expect(outcome(`<a ${Array.from({ length: 30_000 }, (_, index) => `a${index}=""`).join(' ')}/>`)).not.toBe(
    'too_complex',
  )
})

test('control characters and NUL never come out', () => {
  const [, text = ''] = outcome('<a>x\u0001&#0;&#1;&#xd800;y</a>') as string[]
  expect(text).toMatch(/^x.*y$/)
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  expect(text).not.toMatch(/[\u0000-\u0008]/)
  expect(text.isWellFormed()).toBe(true)
})
