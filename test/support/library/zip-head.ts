/** The beginning of a zip file, as far as its format can be told by it. */

/** Local headers of stored entries; `content` is the first one's. */
export function zipOf(names: readonly string[], content = ''): Uint8Array {
  return new Uint8Array(
    names.flatMap((name, i) => {
      const bytes = [...new TextEncoder().encode(name)]
      const data = i === 0 ? [...new TextEncoder().encode(content)] : []
      return [0x50, 0x4b, 3, 4, ...Array<number>(22).fill(0), bytes.length, 0, 0, 0, ...bytes, ...data]
    }),
  )
}
