/** The built kernels and the shipped weights, for tests that run in Node. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EDGE_EN_ASSET } from '../../src/models/edge/edge-en-asset.ts'

const ROOT = join(import.meta.dirname, '../..')

export const KERNEL_BUILDS = ['relaxed', 'plain'] as const

/** The Worker's types forbid what only Node allows: compiling at run time. */
const CompiledModule = WebAssembly.Module as unknown as new (bytes: Uint8Array) => WebAssembly.Module

/** Compiles one build; `npm test` makes them first. */
export function edgeKernelModule(build: (typeof KERNEL_BUILDS)[number]): WebAssembly.Module {
  const file = join(ROOT, `src/kernels/edge-${build}.wasm`)
  if (!existsSync(file)) throw new Error('the kernels are not built: npm run build:kernels')
  return new CompiledModule(readFileSync(file))
}

/** Reads a static asset into a buffer of its own, as the assets binding does. */
export async function readAsset(path: string): Promise<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(ROOT, 'assets', path))).buffer
}

export const readEdgeModelFile = (): Promise<ArrayBuffer> => readAsset(EDGE_EN_ASSET)
