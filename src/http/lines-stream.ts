/** A body that is written while it is read: one line after another, made only as fast as the caller takes them. */
import { utf8 } from '../core/bytes.ts'

/**
 * `onFailure` makes the last line where the source fails half way: the status has left by then, so the stream itself must
 * say that it is not whole, and nobody else reports what happened.
 */
export function linesStream(
  lines: AsyncGenerator<string>,
  onFailure: (error: unknown) => string,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await lines.next()
        if (done === true) controller.close()
        else controller.enqueue(utf8(value))
      } catch (error) {
        controller.enqueue(utf8(`${onFailure(error)}\n`))
        controller.close()
      }
    },
    async cancel() {
      await lines.return(undefined)
    },
  })
}
