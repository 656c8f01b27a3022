/** Which answers of a site are read as pages, and as sitemaps. */

export const HTML_TYPES: readonly string[] = ['text/html', 'application/xhtml+xml']

/** Whatever the pipeline reads; a type that ends in a slash stands for all that begin so. */
export const PAGE_TYPES: readonly string[] = [
  ...HTML_TYPES,
  'text/plain',
  'text/markdown',
  'text/x-markdown',
  'text/csv',
  'text/tab-separated-values',
  'text/vtt',
  'application/pdf',
  'application/json',
  'application/x-ndjson',
  'application/epub+zip',
  'application/x-subrip',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
]

export const SITEMAP_TYPES: readonly string[] = [
  'application/xml',
  'text/xml',
  'text/plain',
  'application/gzip',
  'application/x-gzip',
  'application/octet-stream',
]

/** Some sites send it as a download. */
export const ROBOTS_TYPES: readonly string[] = ['text/', 'application/']
