/**
 * How much would be read if every form were read as often as contents call it? Forms call forms, so a few bytes can stand for
 * more than anybody could read, and pdf.js goes through all of it without letting anyone in between.
 */
import { FileFault } from '../file-fault.ts'
import type { ParseBudget } from '../parse-budget.ts'

/** What one content calls in all, in units of `UNIT_BYTES`. */
const MAX_UNITS = 500_000
const UNIT_BYTES = 100
/** Forms inside of forms. */
const MAX_DEPTH = 50
/** What a call costs in memory here, and what an object with its names. */
const ENTRY_BYTES = 64
/** Objects of one file, packed ones included: a thousand pages have some 20,000, and pdf.js makes an entry of each. */
export const MAX_OBJECTS = 300_000
/** Of the tables that tell where objects are; each change of a file may add one of all of them. */
const MAX_TABLE_ROWS = 2 * MAX_OBJECTS
const MAX_OBJECT_LENGTH = 20_000
const MAX_PACKED_LENGTH = 4_000
/** Objects of a stream may all begin at the same place. */
const OBJECT_STEPS = 40

interface Content {
  /** How often each name is called. */
  readonly calls: ReadonlyMap<string, number>
  readonly resources: Resources
  readonly units: number
  readonly isForm: boolean
}

/** Forms by name, or the object that lists them. */
interface Resources {
  readonly names: ReadonlyMap<string, number>
  readonly at?: number
}

export class FormCheck {
  readonly #budget: ParseBudget
  readonly #contents = new Map<number, Content>()
  /** Objects that list forms by name or lead to such a list. */
  readonly #lists = new Map<number, Resources>()
  readonly #units = new Map<number, number>()
  #largest = 1
  #objects = 0
  #tableRows = 0

  constructor(budget: ParseBudget) {
    this.#budget = budget
  }

  /**
   * Text of the file, in which objects stand as `7 0 obj <<…>>`.
   * @param known so much of the beginning was looked at before
   * @throws FileFault too_complex
   */
  objects(text: string, known: number): void {
    for (const match of text.matchAll(/\sobj\b/g)) if (match.index >= known) this.#count()
    for (const match of text.matchAll(/\s\d{1,10}\s{1,20}[nf](?!\w)/g)) {
      if (match.index >= known && ++this.#tableRows > MAX_TABLE_ROWS)
        throw new FileFault('too_complex', 'the file is made of too many objects')
    }
    for (const match of text.matchAll(/ obj\b/g)) {
      const number = /(\d+)\s+\d+$/.exec(text.slice(Math.max(0, match.index - 24), match.index))?.[1]
      const from = match.index + match[0].length
      if (number !== undefined) this.#list(Number(number), text.slice(from, from + MAX_OBJECT_LENGTH))
    }
  }

  /** An unpacked stream with the dictionary before it. */
  stream(object: number | undefined, dictionary: string, text: string): void {
    if (/\/Type\s*\/ObjStm\b/.test(dictionary)) {
      const first = Number(/\/First\s+(\d+)/.exec(dictionary)?.[1] ?? 0)
      for (const [, number, offset] of text.slice(0, first).matchAll(/(?<!\d)(\d{1,10})\s{1,20}(\d{1,10})/g)) {
        const from = first + Number(offset)
        this.#count()
        this.#budget.step(OBJECT_STEPS)
        this.#list(Number(number), text.slice(from, from + MAX_PACKED_LENGTH))
      }
      return
    }
    if (object === undefined || !text.includes('Do')) return
    const calls = new Map<string, number>()
    for (const [, name = ''] of text.matchAll(/\/([^\s/()<>[\]{}%]{1,200})\s{1,100}Do(?![^\s/()<>[\]{}%])/g)) {
      const plain = unescaped(name)
      calls.set(plain, (calls.get(plain) ?? 0) + 1)
    }
    this.#budget.hold(ENTRY_BYTES * (1 + calls.size))
    const isForm = /\/Subtype\s*\/Form\b/.test(dictionary)
    const units = 1 + Math.floor(text.length / UNIT_BYTES)
    this.#contents.set(object, { calls, resources: resourcesIn(dictionary), units, isForm })
  }

  /** Call it when all was seen. @throws FileFault too_complex */
  finish(): void {
    for (const [object, { isForm }] of this.#contents)
      if (isForm) this.#largest = Math.max(this.#largest, this.#of(object, 0))
    // Resources of a page's content stand with the page, so each call may be of the largest form.
    for (const { calls, isForm } of this.#contents.values()) {
      let count = 0
      for (const times of calls.values()) count += times
      if (!isForm) refuseAbove(count * this.#largest)
    }
  }

  #count(): void {
    if (++this.#objects > MAX_OBJECTS) throw new FileFault('too_complex', 'the file is made of too many objects')
  }

  /** Up to the end of the object, which has no `endobj` in an object stream: what follows can only add names. */
  #list(object: number, text: string): void {
    const end = /endobj|\bstream\b| obj\b/.exec(text)?.index ?? text.length
    const own = text.slice(0, end)
    const resources = own.includes('/XObject')
      ? resourcesIn(own)
      : /^\s*<<\s*\/\S+\s+\d+\s+\d+\s+R/.test(own)
        ? { names: namesIn(own) }
        : undefined
    if (resources === undefined) return
    this.#budget.hold(ENTRY_BYTES * (1 + resources.names.size))
    this.#lists.set(object, resources)
  }

  /** Units of a form with all that it calls. */
  #of(object: number, depth: number): number {
    const known = this.#units.get(object)
    if (known !== undefined) return known
    const form = this.#contents.get(object)
    if (form === undefined) return 1
    if (depth > MAX_DEPTH) throw new FileFault('too_complex', 'forms of the file call one another too deep')
    let units = form.units
    for (const [name, times] of form.calls) {
      const called = this.#find(form.resources, name)
      if (called === undefined) continue
      units += times * this.#of(called, depth + 1)
      refuseAbove(units)
    }
    this.#units.set(object, units)
    return units
  }

  #find({ names, at }: Resources, name: string): number | undefined {
    let list: Resources | undefined = at === undefined ? undefined : this.#lists.get(at)
    for (let steps = 0; list !== undefined && steps < 3; steps++) {
      const found = list.names.get(name)
      if (found !== undefined) return found
      list = list.at === undefined ? undefined : this.#lists.get(list.at)
    }
    return names.get(name)
  }
}

function refuseAbove(units: number): void {
  if (units > MAX_UNITS) throw new FileFault('too_complex', 'forms of the file call one another too often')
}

/** Of a dictionary: the names of its `XObject`, or the object that has them or that has the resources. */
function resourcesIn(dictionary: string): Resources {
  const text = unescaped(dictionary)
  const [, inner, list] = /\/XObject\s*(?:<<([^<>]*)>>|(\d+)\s+\d+\s+R)/.exec(text) ?? []
  if (inner !== undefined) return { names: namesIn(inner) }
  const at = list ?? /\/Resources\s+(\d+)\s+\d+\s+R/.exec(text)?.[1]
  return { names: new Map(), ...(at === undefined ? {} : { at: Number(at) }) }
}

function namesIn(text: string): Map<string, number> {
  const names = new Map<string, number>()
  for (const [, name = '', number] of unescaped(text).matchAll(
    /\/([^\s/()<>[\]{}%]{1,200})\s{1,100}(\d{1,10})\s{1,100}\d{1,10}\s{1,100}R/g,
  ))
    names.set(name, Number(number))
  return names
}

const unescaped = (text: string): string =>
  text.includes('#')
    ? text.replace(/#([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text
