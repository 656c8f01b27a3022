/** Where the weights of `edge-en` lie among the static assets. The name is the start of the file's SHA-256, so it never goes stale. */

export const EDGE_EN_ASSET = 'models/edge-en/a55754dc8d641296597afa1328e7b0d1.bin'
