/** What is this stored file? Its format by its bytes, or the fault that says what it is instead. */
import { detectFormat, DETECTION_BYTES, isZip, whyUnsupported, type DetectedFormat } from './detect-format.ts'
import { FileFault } from './file-fault.ts'
import { isOleContainer, oleFault } from './ole-container.ts'
import type { ParseBudget } from './parse-budget.ts'
import type { FileBytes } from './parsed-document.ts'
import { formatOfZip } from './zip-archive.ts'

/** Reads the head, and of zip files the directory. @throws FileFault empty_file, encrypted_file, unsupported_format, … */
export async function recogniseFile(bytes: FileBytes, name: string, budget: ParseBudget): Promise<DetectedFormat> {
  if (bytes.size === 0) throw new FileFault('empty_file')
  const head = await bytes.read(0, DETECTION_BYTES)
  if (isOleContainer(head)) throw await oleFault(bytes)
  if (isZip(head)) return { format: await formatOfZip(bytes, budget) }
  const detected = detectFormat(head, name)
  if (detected === undefined) throw new FileFault('unsupported_format', whyUnsupported(head))
  return detected
}
