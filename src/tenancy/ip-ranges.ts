/**
 * Which addresses may use a key. IPv4 addresses written as IPv6 (`::ffff:192.0.2.1`) are the IPv4 address they stand for,
 * so that a range holds however an address arrives. Pure functions; the two families never meet.
 */
import ipaddr from 'ipaddr.js'
import { Problem } from '../core/problem.ts'

/** All addresses of a family whose first `bits` bits are those of `bytes`. */
export interface IpRange {
  /** 4 or 16 bytes, zero behind the prefix. */
  readonly bytes: readonly number[]
  readonly bits: number
}

const MAPPED_BITS = 96
/** What no address has: brackets, ports, zones; IPv6 may end in dotted IPv4. */
const IPV6_CHARACTERS = /^[0-9a-f:]+(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})?$/i
const RANGE = /^([^/]+)(?:\/(0|[1-9][0-9]{0,2}))?$/

/** Reads an address; `undefined` for anything else. An IPv4-mapped IPv6 address becomes IPv4. */
export function readAddress(text: string): readonly number[] | undefined {
  return isAddress(text) ? ipaddr.process(text).toByteArray() : undefined
}

/** Reads an address or a CIDR range; `undefined` where `rangeFault` tells of a fault. */
export function readRange(text: string): IpRange | undefined {
  const range = parseRange(text)
  return range === undefined || hasHostBits(range) ? undefined : range
}

/** Tells what is wrong with an entry of a key's `ipRanges`, or `undefined` for a good one. */
export function rangeFault(text: string): string | undefined {
  const range = parseRange(text)
  if (range === undefined) return 'must be an IPv4 or IPv6 address or a CIDR range such as 192.0.2.0/24'
  return hasHostBits(range) ? `must have no bits behind the first ${range.bits}` : undefined
}

/** Throws 403 `ip_forbidden` where the caller's address is not known to lie in one of the ranges; none: any address may. */
export function requireAddress(ranges: readonly IpRange[] | undefined, address: string | null): void {
  if (ranges === undefined) return
  const bytes = address === null ? undefined : readAddress(address)
  if (bytes !== undefined && rangesContain(ranges, { bytes, bits: bytes.length * 8 })) return
  throw new Problem('ip_forbidden')
}

/** Whether one of the ranges holds all addresses of another. Sound, not complete: two halves do not hold their whole. */
export const rangesContain = (ranges: readonly IpRange[], inner: IpRange): boolean =>
  ranges.some((range) => contains(range, inner))

function contains(outer: IpRange, inner: IpRange): boolean {
  if (outer.bytes.length !== inner.bytes.length || inner.bits < outer.bits) return false
  return masked(inner.bytes, outer.bits).every((byte, index) => byte === outer.bytes[index])
}

const isAddress = (text: string): boolean =>
  ipaddr.IPv4.isValidFourPartDecimal(text) || (IPV6_CHARACTERS.test(text) && ipaddr.IPv6.isValid(text))

function parseRange(text: string): IpRange | undefined {
  const [, address = '', length] = RANGE.exec(text) ?? []
  const bytes = readAddress(address)
  if (bytes === undefined) return undefined
  const isMapped = bytes.length === 4 && address.includes(':')
  const most = bytes.length * 8
  const bits = length === undefined ? most : Number(length) - (isMapped ? MAPPED_BITS : 0)
  return bits < 0 || bits > most ? undefined : { bytes, bits }
}

const hasHostBits = ({ bytes, bits }: IpRange): boolean =>
  masked(bytes, bits).some((byte, index) => byte !== bytes[index])

/** The bytes with every bit behind the first `bits` set to 0. */
const masked = (bytes: readonly number[], bits: number): readonly number[] =>
  bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - index * 8))))
