/** What files of the library are made of: files kept with the tests, and the ways in which a container is broken or hostile. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const fixture = (name: string) => (): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '..', '..', 'fixtures', 'files', name)))

export const cutOff = (bytes: Uint8Array): Uint8Array => bytes.slice(0, bytes.length - 40)

/** Damage in the parts, none in the directory. */
export function scratched(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy.fill(0x55, 300, 2_500)
  return copy
}

export const ENTITIES = `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>`
export const deep = (name: string): string => `<${name}>`.repeat(5_000) + `</${name}>`.repeat(5_000)
