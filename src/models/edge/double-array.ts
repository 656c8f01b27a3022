/**
 * A trie over UTF-8 bytes in one array of 32-bit units, in the layout of Darts-clone (Yata 2008): the child of the unit at
 * `i` for byte `c` is the unit at `i ^ offset ^ c`, if the low bits there are `c`; the value of a key that ends there is the
 * unit at `i ^ offset`, marked by bit 31. `scripts/double_array.py` builds it.
 */
import { invariant } from '../../core/invariant.ts'

const LABEL = 0x8000_00ff
const VALUE = 0x7fff_ffff

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6)

export class DoubleArray {
  /** Where a walk begins. */
  readonly root: number
  readonly #units: Uint32Array

  /** Keeps a view of `section`, which begins at a multiple of 4 bytes. */
  constructor(section: Uint8Array<ArrayBuffer>) {
    invariant(section.byteLength > 0 && section.byteLength % 1024 === 0, 'units come in blocks of 256')
    this.#units = new Uint32Array(section.buffer, section.byteOffset, section.byteLength / 4)
    this.root = offsetOf(this.#units[0]!)
  }

  /** Goes from `node` along `byte`, which is not 0; −1 where no key goes on like that. */
  step(node: number, byte: number): number {
    const at = node ^ byte
    const unit = this.#units[at]!
    return (unit & LABEL) === byte ? at ^ offsetOf(unit) : -1
  }

  /** Value of the key that ends at `node`, −1 where none does. */
  valueAt(node: number): number {
    const unit = this.#units[node]!
    return unit > VALUE ? unit & VALUE : -1
  }
}
