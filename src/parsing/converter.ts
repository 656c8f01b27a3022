/**
 * A converter turns files that no parser reads to markdown: pictures of text, old office files. There is one only where the
 * deployment has an account for it; nothing depends on it, and what it cannot do is said, not guessed.
 */
import { cleanText } from './file-text.ts'
import { FileFault } from './file-fault.ts'
import type { FileFaultCode } from './file-fault.ts'
import type { ParseBudget } from './parse-budget.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'

export interface Converted {
  readonly markdown: string
  /** As the converter counts them, where it does. */
  readonly tokens?: number
}

export interface FileConverter {
  /** Whether files with this ending, lower case and without dot, are worth sending. */
  supports(ending: string): boolean
  /** @throws FileFault converter_failed, whatever goes wrong */
  convert(name: string, bytes: Uint8Array<ArrayBuffer>, budget: ParseBudget): Promise<Converted>
}

/** A file may end so for want of a converter. */
const CONVERTIBLE: ReadonlySet<FileFaultCode> = new Set(['needs_ocr', 'unsupported_format'])

/** In UTF-16 units; no file of the size that is sent has more to say. */
export const MAX_MARKDOWN_LENGTH = 10_000_000

/** The last segment's ending, lower case; `''` where there is none. */
export const endingOf = (name: string): string => /\.([\p{L}\p{N}]{1,10})$/u.exec(name)?.[1]?.toLowerCase() ?? ''

/** Whether `converter` may read what ended with `fault`. */
export const isConvertible = (converter: FileConverter | undefined, fault: FileFaultCode, name: string): boolean =>
  converter !== undefined && CONVERTIBLE.has(fault) && converter.supports(endingOf(name))

/** One markdown document of all that the converter reads. @throws FileFault converter_failed */
export async function* parseWithConverter(
  { name, bytes, budget }: Pick<FileToParse, 'name' | 'bytes' | 'budget'>,
  converter: FileConverter,
): AsyncGenerator<ParsedDocument> {
  budget.hold(bytes.size)
  const { markdown } = await converter.convert(name, await bytes.read(0, bytes.size), budget)
  const text = cleanText(markdown)
  if (text.trim() === '') throw new FileFault('converter_failed', 'the converter found no text')
  budget.hold(2 * text.length)
  yield { key: '', format: 'markdown', text }
}
