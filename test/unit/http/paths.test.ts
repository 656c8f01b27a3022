import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isApiPath, pathParameters, rawPath, routerPattern } from '../../../src/http/paths.ts'

const TEMPLATE = '/v1/collections/{collection}/documents/{id}'

describe('paths', () => {
  it('are taken raw from the URL, without query and fragment', () => {
    expect(rawPath('http://host:1/v1/a%2Fb?x=/y')).toBe('/v1/a%2Fb')
    expect(rawPath('https://host')).toBe('/')
    expect(rawPath('https://host/#/v1')).toBe('/')
  })

  it('give back every document id that was percent-encoded into them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (id) => {
        fc.pre(id.isWellFormed() && id !== '.' && id !== '..')
        const { href } = new URL(`http://host/v1/collections/c/documents/${encodeURIComponent(id)}`)
        expect(pathParameters(TEMPLATE, rawPath(href))).toEqual({ collection: 'c', id })
      }),
      { seed: 20260701 },
    )
  })

  it('decode once: an id that looks encoded stays as it is', () => {
    expect(pathParameters(TEMPLATE, '/v1/collections/c/documents/%2541')).toEqual({ collection: 'c', id: '%41' })
    expect(pathParameters(TEMPLATE, '/v1/collections/c/documents/a%2Fb%3Fc%23d+e')).toEqual({
      collection: 'c',
      id: 'a/b?c#d+e',
    })
  })

  it('have no parameters where an escape is malformed', () => {
    for (const id of ['%', '%zz', '%ff', '%c3', '%ed%a0%80']) {
      expect(pathParameters(TEMPLATE, `/v1/collections/c/documents/${id}`)).toBeUndefined()
    }
  })

  it('ask for a credential under /v1 and nowhere else', () => {
    expect(['/v1', '/v1/', '/v1/x/y'].every(isApiPath)).toBe(true)
    expect(['/', '/v10', '/v1x', '//v1/x', '/V1/x', '/docs'].some(isApiPath)).toBe(false)
  })

  it('are written for the router with colons', () => {
    expect(routerPattern(TEMPLATE)).toBe('/v1/collections/:collection/documents/:id')
  })
})
