/** One file of an archive, as plain data from which it can be opened again. */
export interface ArchiveEntry {
  /** Relative, parted by `/`, in Unicode's composed form; unique in its archive. */
  readonly path: string
  /** Of its local header. */
  readonly offset: number
  readonly compressedSize: number
  /** What it expands to, as declared; reading it checks that. */
  readonly size: number
  /** 0: stored, 8: deflated. */
  readonly method: number
  readonly crc32: number
}
