/** Bytes in memory as a file's: what a container was read into, and what tests make. */
import type { FileBytes } from './parsed-document.ts'

const PIECE_BYTES = 65_536

/** `bytes` must not change afterwards. Answers views of it, not copies. */
export function memoryBytes(bytes: Uint8Array<ArrayBuffer>): FileBytes {
  return {
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    stream() {
      let at = 0
      return new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          if (at >= bytes.length) controller.close()
          else controller.enqueue(bytes.slice(at, (at += PIECE_BYTES)))
        },
      })
    },
  }
}
