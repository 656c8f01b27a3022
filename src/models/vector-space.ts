/** Which vectors may be compared: those of one profile, of one version of it, of one length. */
import type { ModelProfile } from './embedder.ts'

export const vectorSpace = ({ id, version, dimensions }: Pick<ModelProfile, 'id' | 'version' | 'dimensions'>): string =>
  `${id}/${version}/${dimensions}`
