/**
 * Paths as they came. Document ids may hold `/`, `#`, `?` and any script, so a path is matched raw and each segment is
 * decoded exactly once; the router's own decoding would do it by parts and guess at what is malformed.
 */

/** The path of the request with its escapes untouched. */
export function rawPath(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return '/'
  const end = url.slice(start).search(/[?#]/)
  return end === -1 ? url.slice(start) : url.slice(start, start + end)
}

/** Decodes one segment; `undefined` where its escapes are not UTF-8. */
export function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** `/v1/keys/{id}` as the router writes it. */
export const routerPattern = (template: string): string => template.replaceAll(/\{([^}]+)\}/g, ':$1')

/** Reads the parameters of a path that the router matched to the template; `undefined` where one is malformed. */
export function pathParameters(template: string, path: string): Record<string, string> | undefined {
  const segments = path.split('/')
  const parameters: Record<string, string> = {}
  for (const [i, part] of template.split('/').entries()) {
    if (!part.startsWith('{')) continue
    const value = decodeSegment(segments[i] ?? '')
    if (value === undefined) return undefined
    parameters[part.slice(1, -1)] = value
  }
  return parameters
}

/** Whether a credential is asked for before anything else. */
export const isApiPath = (path: string): boolean => path === '/v1' || path.startsWith('/v1/')
