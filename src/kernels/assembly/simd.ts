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
 * GELU(x) = x * (0.5 + z * P(z * z)) with z = x clamped to [-4.4, 4.4]; P is a least-squares fit reweighted towards the
 * least largest error, which is 3e-5 over [-10, 10] in float32.
 */
@inline
export function gelu(x: v128): v128 {
  const z = f32x4.max(f32x4.min(x, f32x4.splat(4.4)), f32x4.splat(-4.4))
  const y = f32x4.mul(z, z)
  let p = f32x4.splat(3.572584462322869e-11)
  p = multiplyAdd(p, y, f32x4.splat(-3.7565928412210695e-9))
  p = multiplyAdd(p, y, f32x4.splat(1.7416956722227928e-7))
  p = multiplyAdd(p, y, f32x4.splat(-4.726380154300988e-6))
  p = multiplyAdd(p, y, f32x4.splat(8.430853673231114e-5))
  p = multiplyAdd(p, y, f32x4.splat(-0.0010550845715301231))
  p = multiplyAdd(p, y, f32x4.splat(0.009643327167464646))
  p = multiplyAdd(p, y, f32x4.splat(-0.06607689451177641))
  p = multiplyAdd(p, y, f32x4.splat(0.3987618524368982))
  return f32x4.mul(x, multiplyAdd(z, p, f32x4.splat(0.5)))
}
