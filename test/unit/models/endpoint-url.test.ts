/** Which addresses of providers may be stored and called, with private endpoints and without. */
import { describe, expect, it } from 'vitest'
import { baseUrlFault, endpointUrlFault } from '../../../src/models/endpoint-url.ts'
import { refusedUrls } from '../../support/ssrf-corpus.ts'

describe('an endpoint', () => {
  it('is of the public internet unless the operator allows private ones', () => {
    expect(refusedUrls(8_080).filter((url) => endpointUrlFault(url, false) === undefined)).toEqual([])
    expect(endpointUrlFault('https://api.openai.com/v1', false)).toBeUndefined()
    expect(endpointUrlFault('http://api.openai.com/v1', false)).toBeDefined()
  })

  it.each([
    'http://localhost:11434/v1',
    'http://127.0.0.1:8080/v1',
    'http://[::1]:8080',
    'http://192.168.1.7/v1',
    'http://ollama:11434/v1',
    'https://tei.internal/embed',
    'https://api.openai.com/v1',
    'http://metadata-search.example:8000/v1',
  ])('may be %s where private ones are allowed', (url) => {
    expect(endpointUrlFault(url, true)).toBeUndefined()
  })

  it.each([
    ['ftp://localhost/', 'must begin with https:// or http:// and a host'],
    ['http:localhost', 'must begin with https:// or http:// and a host'],
    ['http://user:password@localhost/', 'must not contain credentials'],
    ['http://local host/', 'must not contain white space, backslashes or control characters'],
    ['http:\\\\localhost/', 'must not contain white space, backslashes or control characters'],
    ['http://localhost/#x', 'must not contain a fragment'],
    ['http://localhost:99999/', 'must be a URL'],
    [`http://localhost/${'x'.repeat(2_048)}`, 'must have at most 2048 characters'],
    ...[
      'http://169.254.169.254/latest/meta-data',
      'http://2852039166/',
      'http://0xA9FEA9FE/',
      'http://169.254.170.2/v2/credentials',
      'http://100.100.100.200/latest/meta-data',
      'http://168.63.129.16/',
      'http://192.0.0.192/opc/v2',
      'http://instance-data.ec2.internal/',
      'http://[64:ff9b::169.254.169.254]/',
      'http://[fe80::1]/',
      'http://[fd00:ec2::254]/',
      'http://[::ffff:169.254.169.254]/',
      'http://metadata/',
      'http://metadata.google.internal/',
      'http://METADATA.google.internal./',
    ].map((url) => [url, 'must not name a host of credentials']),
  ])('may never be %s', (url, fault) => {
    expect(endpointUrlFault(url, true)).toBe(fault)
  })

  it('to which paths are appended has no query', () => {
    expect(baseUrlFault('http://localhost/v1?key=1', true)).toBe('must not contain a query')
    expect(baseUrlFault('http://localhost/v1#', true)).toBe('must not contain a fragment')
    expect(baseUrlFault('http://localhost/v1', true)).toBeUndefined()
    expect(baseUrlFault('http://localhost/v1', false)).toBeDefined()
  })
})
