// Vector arithmetic that both builds share. `ASC_FEATURE_RELAXED_SIMD` is a compile-time constant: the branch that is not
// taken is not compiled. Integer results are the same in both builds; float results differ in the last bits.

/** a * b + c, fused where the machine fuses it. */
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

@inline
export function least(a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_min(a, b)
  return f32x4.pmin(a, b)
}

@inline
export function largest(a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_max(a, b)
  return f32x4.pmax(a, b)
}

/** Truncates values that are whole numbers and fit in 32 bits. */
@inline
function toInteger(x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_trunc_f32x4_s(x)
  return i32x4.trunc_sat_f32x4_s(x)
}

/** Fills each lane with lane `lane` of 4; cheaper than a load for each where an engine checks the bounds of every load. */
@inline
export function spread(v: v128, lane: u8): v128 {
  if (lane == 0) return i32x4.shuffle(v, v, 0, 0, 0, 0)
  if (lane == 1) return i32x4.shuffle(v, v, 1, 1, 1, 1)
  if (lane == 2) return i32x4.shuffle(v, v, 2, 2, 2, 2)
  return i32x4.shuffle(v, v, 3, 3, 3, 3)
}

@inline
export function laneSum(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
}

@inline
export function laneMax(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  )
}

@inline
export function laneMin(v: v128): f32 {
  return min(
    min(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    min(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  )
}

/** exp(x) for x <= 0 by 2^whole times a polynomial of the fraction; relative error about 1e-6, 0 below about -87. */
@inline
export function expNegative(x: v128): v128 {
  const power = f32x4.max(f32x4.mul(x, f32x4.splat(1.4426950408889634)), f32x4.splat(-126))
  const whole = f32x4.nearest(power)
  const fraction = f32x4.sub(power, whole)
  let p = f32x4.splat(0.0013333558146)
  p = multiplyAdd(p, fraction, f32x4.splat(0.0096181291076))
  p = multiplyAdd(p, fraction, f32x4.splat(0.0555041086648))
  p = multiplyAdd(p, fraction, f32x4.splat(0.2402265069591))
  p = multiplyAdd(p, fraction, f32x4.splat(0.6931471805599))
  p = multiplyAdd(p, fraction, f32x4.splat(1))
  return i32x4.add(p, i32x4.shl(toInteger(whole), 23))
}

/**
 * 2^x for x <= 7 by 2^whole times a polynomial of the fraction, which has a relative error of 1e-4; about 0 below -126.
 * Adding 1.5 * 2^23 rounds x and leaves the whole number in the low bits.
 */
@inline
export function powerOfTwo(x: v128): v128 {
  const magic = f32x4.splat(12582912)
  const power = largest(x, f32x4.splat(-126))
  const whole = f32x4.add(power, magic)
  const fraction = f32x4.sub(power, f32x4.sub(whole, magic))
  let p = f32x4.splat(0.05517185591859846)
  p = multiplyAdd(p, fraction, f32x4.splat(0.24261117645929445))
  p = multiplyAdd(p, fraction, f32x4.splat(0.6932609622141247))
  p = multiplyAdd(p, fraction, f32x4.splat(0.9999280951757643))
  return i32x4.add(p, i32x4.shl(whole, 23))
}

/**
 * GELU(x) = x * (0.5 + z * P(z * z)) with z = x clamped to [-3.4, 3.4]; the largest error over [-10, 10] is 1.1e-3, the least
 * that a P of this degree has. What follows it rounds to steps that are ten times as wide.
 */
@inline
export function gelu(x: v128): v128 {
  const z = largest(least(x, f32x4.splat(3.4)), f32x4.splat(-3.4))
  const y = f32x4.mul(z, z)
  let p = f32x4.splat(1.0556625556526017e-5)
  p = multiplyAdd(p, y, f32x4.splat(-0.00041514237677320293))
  p = multiplyAdd(p, y, f32x4.splat(0.006711936654934192))
  p = multiplyAdd(p, y, f32x4.splat(-0.05980771755404485))
  p = multiplyAdd(p, y, f32x4.splat(0.3942794466278577))
  return f32x4.mul(x, multiplyAdd(z, p, f32x4.splat(0.5)))
}
