import { describe, expect, it } from 'vitest'
import { addCommonHeaders, isLoopback } from '../../../src/http/response-headers.ts'

describe('the own machine', () => {
  it('is told by its name and not by the scheme', () => {
    for (const origin of ['http://localhost:8787', 'https://localhost', 'http://127.0.0.1', 'http://[::1]:8787']) {
      expect(isLoopback(new URL(origin))).toBe(true)
    }
    for (const origin of [
      'http://search.example',
      'http://localhost.example',
      'http://10.0.0.1',
      'https://127.0.0.2',
    ]) {
      expect(isLoopback(new URL(origin))).toBe(false)
    }
  })
})

describe('Strict-Transport-Security', () => {
  it('stands on answers over https, except on the own machine', () => {
    const has = (origin: string): boolean => {
      const headers = new Headers()
      addCommonHeaders(headers, { url: new URL(origin), isApi: true, requestId: 'req_x' })
      return headers.has('strict-transport-security')
    }
    expect(has('https://search.example')).toBe(true)
    expect(['http://search.example', 'http://localhost:8787', 'https://localhost:8787'].map(has)).not.toContain(true)
  })
})
