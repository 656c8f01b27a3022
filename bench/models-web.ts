/**
 * The comparator in JavaScript for bench/models.ts: `node bench/models-web.ts FOLDER MODEL` runs an ONNX file with the
 * onnxruntime-web installed in FOLDER, on one thread. Lines "tokens count" in, CPU milliseconds of one text out.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { join } from 'node:path'

interface Ort {
  readonly env: { readonly wasm: { numThreads: number }; readonly versions: { readonly common: string } }
  readonly InferenceSession: {
    create(model: Uint8Array): Promise<{ run(feeds: Record<string, unknown>): Promise<unknown> }>
  }
  readonly Tensor: new (type: 'int64', data: BigInt64Array, dims: readonly number[]) => unknown
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

const [folder, model] = process.argv.slice(2)
const ort = createRequire(join(folder!, 'package.json'))('onnxruntime-web') as Ort
ort.env.wasm.numThreads = 1
const begun = cpuMs()
const session = await ort.InferenceSession.create(readFileSync(model!))
console.log(`${ort.env.versions.common} ${cpuMs() - begun}`)
for await (const line of createInterface({ input: process.stdin })) {
  const [tokens, count] = line.split(' ').map(Number)
  const tensor = (first: number): unknown =>
    new ort.Tensor(
      'int64',
      BigInt64Array.from({ length: tokens! }, (_, i) => BigInt(first + i)),
      [1, tokens!],
    )
  const feeds = { ids: tensor(1_000), places: tensor(0) }
  const before = cpuMs()
  for (let i = 0; i < count!; i++) await session.run(feeds)
  console.log((cpuMs() - before) / count!)
}
