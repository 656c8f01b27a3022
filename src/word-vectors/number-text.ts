/** Decimal numbers read straight from ASCII bytes: a file of word vectors is ten million of them. */

const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

/** Digits beyond this cannot change what a float32 holds. */
const MAX_DIGITS = 17

const DOT = 0x2e
const MINUS = 0x2d
const PLUS = 0x2b

/**
 * Reads the number that `bytes` spell from `start` to `end`, such as `-0.0123` or `1.5e-05`, within a unit in the last
 * place of a double. NaN for anything else: words like `nan` and `inf`, and numbers beyond a double.
 */
export function numberAt(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  const sign = bytes[at]
  if (sign === MINUS || sign === PLUS) at++
  let mantissa = 0
  let digits = 0
  let seen = 0
  let exponent = 0
  let isFraction = false
  for (; at < end; at++) {
    const unit = bytes[at]!
    if (unit === DOT && !isFraction) isFraction = true
    else if (unit >= 0x30 && unit <= 0x39) {
      seen++
      if (digits < MAX_DIGITS) {
        mantissa = mantissa * 10 + (unit - 0x30)
        if (mantissa > 0) digits++
        if (isFraction) exponent--
      } else if (!isFraction) exponent++
    } else break
  }
  if (seen === 0) return Number.NaN
  if (at < end) {
    const written = exponentAt(bytes, at, end)
    if (written === undefined) return Number.NaN
    exponent += written
  }
  const value = scaled(mantissa, exponent)
  if (!Number.isFinite(value)) return Number.NaN
  return sign === MINUS ? -value : value
}

/** The part from `e` on; `undefined` where it is none. */
function exponentAt(bytes: Uint8Array, start: number, end: number): number | undefined {
  if ((bytes[start]! | 0x20) !== 0x65) return undefined
  let at = start + 1
  const sign = bytes[at]
  if (at < end && (sign === MINUS || sign === PLUS)) at++
  if (at === end || end - at > 4) return undefined
  let value = 0
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return sign === MINUS ? -value : value
}

function scaled(mantissa: number, exponent: number): number {
  if (mantissa === 0 || exponent === 0) return mantissa
  if (exponent > 0) return exponent < POWERS.length ? mantissa * POWERS[exponent]! : mantissa * 10 ** exponent
  return -exponent < POWERS.length ? mantissa / POWERS[-exponent]! : mantissa * 10 ** exponent
}
