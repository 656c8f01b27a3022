/**
 * Workers AI as a converter: `toMarkdown` of the account's binding, or the same over its REST interface. One file a call. The
 * name that goes out is not the file's own, but for its ending.
 */
import { endingOf, MAX_MARKDOWN_LENGTH } from '../parsing/converter.ts'
import type { Converted, FileConverter } from '../parsing/converter.ts'
import { FileFault } from '../parsing/file-fault.ts'

/** What is sent; the rest has a parser of its own. */
const MEDIA_TYPES: Readonly<Partial<Record<string, string>>> = {
  pdf: 'application/pdf',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  svg: 'image/svg+xml',
  xls: 'application/vnd.ms-excel',
  xlsm: 'application/vnd.ms-excel.sheet.macroenabled.12',
  xlsb: 'application/vnd.ms-excel.sheet.binary.macroenabled.12',
  et: 'application/vnd.ms-excel',
  ods: 'application/vnd.oasis.opendocument.spreadsheet',
  odt: 'application/vnd.oasis.opendocument.text',
  numbers: 'application/vnd.apple.numbers',
}
/** Recognition of many pages takes its time; what takes longer is repeated by whoever wants it. */
const PATIENCE_MS = 60_000
/** JSON escapes make a text longer. */
const MAX_ANSWER_BYTES = 3 * MAX_MARKDOWN_LENGTH

/** The part of the binding that is used. */
export interface MarkdownBinding {
  toMarkdown(files: { name: string; blob: Blob }[]): Promise<unknown>
}

export interface RestAccess {
  /** `https://api.cloudflare.com/client/v4/accounts/<id>`, or what stands for it. */
  readonly account: string
  readonly token: string
  readonly fetch: typeof fetch
}

type Call = (file: { name: string; blob: Blob }, signal: AbortSignal) => Promise<unknown>

/** Through the `AI` binding. */
export const bindingConverter = (binding: MarkdownBinding, patienceMs = PATIENCE_MS): FileConverter =>
  converterOf(async (file) => await binding.toMarkdown([file]), patienceMs)

/** Over HTTP, for accounts without the binding. */
export function restConverter({ account, token, fetch }: RestAccess, patienceMs = PATIENCE_MS): FileConverter {
  return converterOf(async ({ name, blob }, signal) => {
    const body = new FormData()
    body.append('files', blob, name)
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${account}/ai/tomarkdown`, { method: 'POST', headers, body, signal })
    const answer = JSON.parse(await boundedText(response)) as { success?: unknown; result?: unknown } | null
    if (!response.ok || answer?.success !== true) throw new Error(`the converter answered ${response.status}`)
    return answer.result
  }, patienceMs)
}

function converterOf(call: Call, patienceMs: number): FileConverter {
  return {
    supports: (ending) => Object.hasOwn(MEDIA_TYPES, ending),
    async convert(name, bytes, budget) {
      const ending = endingOf(name)
      const blob = new Blob([bytes], { type: MEDIA_TYPES[ending] ?? 'application/octet-stream' })
      const patience = new AbortController()
      const timer = setTimeout(() => patience.abort(), patienceMs)
      try {
        const answer = await Promise.race([
          call({ name: `file.${ending}`, blob }, patience.signal),
          new Promise<never>((_, reject) => {
            patience.signal.addEventListener('abort', () => reject(new Error('the converter took too long')))
          }),
        ])
        await budget.turn()
        return convertedOf(answer)
      } catch (error) {
        if (error instanceof FileFault) throw error
        // What a foreign service says may hold anything, so it goes no further.
        throw new FileFault('converter_failed')
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** `[{ format: 'markdown', data, tokens }]`, or the same without the list. @throws FileFault converter_failed */
function convertedOf(answer: unknown): Converted {
  const [result] = (Array.isArray(answer) ? answer : [answer]) as [
    { format?: unknown; data?: unknown; tokens?: unknown } | null | undefined,
  ]
  if (result?.format !== 'markdown' || typeof result.data !== 'string') throw new FileFault('converter_failed')
  const { data, tokens } = result
  if (data.trim() === '') throw new FileFault('converter_failed', 'the converter found no text')
  if (data.length > MAX_MARKDOWN_LENGTH)
    throw new FileFault('converter_failed', 'the converter answered with too much text')
  return { markdown: data, ...(Number.isSafeInteger(tokens) ? { tokens: tokens as number } : {}) }
}

async function boundedText(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
    size += next.value.length
    if (size > MAX_ANSWER_BYTES) {
      await reader?.cancel()
      throw new FileFault('converter_failed', 'the converter answered with too much text')
    }
    text += decoder.decode(next.value, { stream: true })
  }
  return text + decoder.decode()
}
