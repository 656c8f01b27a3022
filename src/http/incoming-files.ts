/** The files of one request, each as a stream: the parts of a form, or the body itself. */
import { pointerTo } from '../core/faults.ts'
import { MAX_FILES_PER_UPLOAD, MAX_UPLOAD_OPTIONS_BYTES } from '../core/limits.ts'
import { asProblem, invalidField, Problem } from '../core/problem.ts'
import type { FileOptions } from '../files/files-api.ts'
import type { ReceivingUpload } from '../files/receive-upload.ts'
import type { Principal } from '../tenancy/principal.ts'
import { fileNameFault, parseFileOptions } from './file-options.ts'
import { MultipartReader, multipartBoundary } from './multipart.ts'
import type { UploadBody } from './upload-body.ts'

export interface AskedFiles {
  /** The name of a raw body. */
  readonly name?: string | undefined
  /** JSON, of a raw body. */
  readonly options?: string | undefined
}

/** Opens an upload once it is known what it is to hold. */
export type OpenUpload = (options: FileOptions) => Promise<ReceivingUpload>

type NextPiece = () => Promise<Uint8Array | undefined>

/**
 * Stores all files of a request. What is refused half way is dropped.
 * @throws forbidden, body_too_large, invalid_request, overloaded
 */
export async function receiveFiles(
  body: UploadBody,
  asked: AskedFiles,
  principal: Pick<Principal, 'kind'>,
  open: OpenUpload,
): Promise<ReceivingUpload> {
  const boundary = multipartBoundary(body.contentType)
  const incoming = new IncomingFiles(principal, open)
  try {
    if (boundary === undefined) await receiveRaw(incoming, body, asked)
    else await receiveForm(incoming, new MultipartReader(() => body.next(), boundary), asked)
    return await incoming.finish()
  } catch (error) {
    await incoming.drop()
    throw error
  }
}

async function receiveRaw(incoming: IncomingFiles, body: UploadBody, { name, options }: AskedFiles): Promise<void> {
  if (name === undefined)
    throw invalidField('/name', 'is required: ?name=… in the address, or send a form (multipart/form-data)')
  if (options !== undefined) incoming.setOptions(options)
  await incoming.add(name, '/name', () => body.next())
}

async function receiveForm(incoming: IncomingFiles, form: MultipartReader, asked: AskedFiles): Promise<void> {
  for (const name of ['name', 'options'] as const) {
    if (asked[name] !== undefined) throw invalidField(`/${name}`, 'is for bodies that are one file; forms have fields')
  }
  for (let head = await form.nextPart(); head !== undefined; head = await form.nextPart()) {
    if (head.name === 'options' && head.filename === undefined) incoming.setOptions(await textOf(form))
    else if (head.name !== 'file')
      throw invalidField(pointerTo('', head.name.toWellFormed()), 'is not a known field; a form has file and options')
    else await incoming.add(head.filename, `/file/${incoming.count}`, () => form.read())
  }
}

async function textOf(form: MultipartReader): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let text = ''
  try {
    for (let piece = await form.read(); piece !== undefined; piece = await form.read()) {
      text += decoder.decode(piece, { stream: true })
      // Its bytes are counted exactly once it is whole.
      if (text.length > MAX_UPLOAD_OPTIONS_BYTES) break
    }
    return text + decoder.decode()
  } catch (error) {
    throw asProblem(error) ?? invalidField('/options', 'is not valid UTF-8')
  }
}

class IncomingFiles {
  readonly #principal: Pick<Principal, 'kind'>
  readonly #open: OpenUpload
  readonly #names = new Set<string>()
  #options: FileOptions | undefined
  #upload: ReceivingUpload | undefined

  constructor(principal: Pick<Principal, 'kind'>, open: OpenUpload) {
    this.#principal = principal
    this.#open = open
  }

  get count(): number {
    return this.#names.size
  }

  setOptions(text: string): void {
    if (this.#upload !== undefined) throw invalidField('/options', 'must stand before the files')
    if (this.#options !== undefined) throw invalidField('/options', 'must be given once')
    this.#options = parseFileOptions(text, this.#principal)
  }

  async add(name: string | undefined, pointer: string, next: NextPiece): Promise<void> {
    if (this.count === MAX_FILES_PER_UPLOAD)
      throw invalidField('/file', `must have at most ${MAX_FILES_PER_UPLOAD} items`)
    const fault = name === undefined ? 'must have a file name' : fileNameFault(name)
    if (name === undefined || fault !== undefined) throw invalidField(pointer, `its name ${fault}`)
    if (this.#names.has(name)) throw invalidField(pointer, 'has the name of an earlier file of this request')
    this.#names.add(name)
    this.#upload ??= await this.#open(this.#options ?? {})
    try {
      await this.#upload.add(name, streamOf(next))
    } catch (error) {
      const problem = asProblem(error)
      if (problem?.code !== 'body_too_large') throw error
      // Which of many files it is, the sender must be told.
      const errors = [{ pointer, detail: problem.message }]
      throw new Problem(problem.code, `${name}: ${problem.message}`, { errors })
    }
  }

  async finish(): Promise<ReceivingUpload> {
    if (this.#upload === undefined) throw invalidField('/file', 'is required: a form must have at least one field file')
    return this.#upload
  }

  async drop(): Promise<void> {
    await this.#upload?.drop()
  }
}

/** Asked for one piece at a time: nothing is read ahead of what can be stored. */
function streamOf(next: NextPiece): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await next()
        if (piece === undefined) controller.close()
        else controller.enqueue(piece)
      },
    },
    { highWaterMark: 0 },
  )
}
