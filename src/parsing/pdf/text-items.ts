/** What pdf.js tells of a page's text, and where it lies: fragments on a baseline, turned so that their lines run from left to right. */

/** The part of pdf.js's text items that is used here. */
export interface TextItem {
  readonly str: string
  readonly dir: string
  /** Of the glyph space: `[a, b, c, d, x, y]`. */
  readonly transform: readonly number[]
  readonly width: number
  readonly height: number
  readonly fontName: string
  readonly hasEOL: boolean
}

/** Text that stands together on one baseline. In points; `y` grows downwards, `start` to `end` is the way of reading. */
export interface Fragment {
  text: string
  start: number
  end: number
  y: number
  size: number
}

type Turn = 'none' | 'left' | 'right' | 'over' | 'vertical'

/** A gap wider than this many ems parts two fragments of one baseline. */
const WIDE_GAP = 1.3
/** Baselines closer than this many ems are one: super- and subscripts stay in their line. */
const SAME_BASELINE = 0.5

/** Items further apart than this many ems are words of their own. */
const SPACE = 0.15
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\u3000-\u303f\uff00-\uffef]/u

/** Whether a space belongs between the two, and there is none yet. */
const isSpaced = (before: string, after: string): boolean =>
  !/\s$/.test(before) && !/^\s/.test(after) && !(UNSPACED.test(before.slice(-1)) && UNSPACED.test(after.slice(0, 1)))

/** Which way the item's baseline runs; anything between is taken for the nearest. */
function turnOf(item: TextItem, isVertical: boolean): Turn {
  if (isVertical) return 'vertical'
  const [a = 1, b = 0] = item.transform
  if (Math.abs(a) >= Math.abs(b)) return a >= 0 ? 'none' : 'over'
  return b > 0 ? 'left' : 'right'
}

/** Where the item begins and ends on the page as it is read, and its baseline. */
function place(item: TextItem, turn: Turn): { start: number; end: number; y: number } {
  const [, , , , x = 0, y = 0] = item.transform
  const along = Math.abs(item.width)
  if (turn === 'vertical') return { start: -y, end: -y + Math.abs(item.height), y: -x }
  const [start, across] = { none: [x, -y], over: [-x, y], left: [y, x], right: [-y, -x] }[turn] as [number, number]
  return { start, end: start + along, y: across }
}

function sizeOf(item: TextItem): number {
  const [a = 0, b = 0, c = 0, d = 0] = item.transform
  const size = Math.hypot(c, d) || Math.hypot(a, b)
  return Number.isFinite(size) && size > 0 ? size : 1
}

/** The commonest of weighted values. */
export function heaviest<T>(pairs: Iterable<readonly [T, number]>): T | undefined {
  const weights = new Map<T, number>()
  for (const [value, weight] of pairs) weights.set(value, (weights.get(value) ?? 0) + weight)
  let best: T | undefined
  let bestWeight = 0
  for (const [value, weight] of weights) {
    if (weight > bestWeight) {
      best = value
      bestWeight = weight
    }
  }
  return best
}

export interface PageFragments {
  /** In the order of the file. */
  readonly fragments: Fragment[]
  /** Its lines are read from right to left, so `start` grows to the left. */
  readonly isRightToLeft: boolean
}

/** Gathers items to fragments. Text that runs another way than most of the page is left out, but never all of it. */
export function fragmentsOf(items: readonly TextItem[], verticalFonts: ReadonlySet<string>): PageFragments {
  const shown = items.filter((item) => item.str.trim() !== '')
  const turns = new Map(items.map((item) => [item, turnOf(item, verticalFonts.has(item.fontName))]))
  const main = heaviest(shown.map((item) => [turns.get(item) ?? 'none', item.str.length])) ?? 'none'
  const isRightToLeft =
    main !== 'vertical' && (heaviest(shown.map((item) => [item.dir === 'rtl', item.str.length])) ?? false)
  const fragments: Fragment[] = []
  let open: Fragment | undefined
  let isParted = false
  for (const item of items) {
    if (item.str.trim() === '') {
      if (open !== undefined && item.str !== '' && !open.text.endsWith(' ')) open.text += ' '
      if (item.hasEOL) isParted = true
      continue
    }
    // Upright marks and watermarks beside the text would tear its lines apart.
    if (turns.get(item) !== main) {
      isParted = true
      continue
    }
    const at = place(item, main)
    const size = sizeOf(item)
    const start = isRightToLeft ? -at.end : at.start
    const end = isRightToLeft ? -at.start : at.end
    const isSameLine = open !== undefined && Math.abs(open.y - at.y) < SAME_BASELINE * Math.max(open.size, size)
    const gap = open === undefined ? 0 : start - open.end
    const isNear = open !== undefined && gap < WIDE_GAP * size && gap > -WIDE_GAP * size
    if (open !== undefined && isSameLine && isNear && !(isParted && gap > size)) {
      open.text += gap > SPACE * size && isSpaced(open.text, item.str) ? ` ${item.str}` : item.str
      open.end = Math.max(open.end, end)
      open.size = Math.max(open.size, size)
    } else {
      open = { text: item.str, start, end, y: at.y, size }
      fragments.push(open)
    }
    isParted = item.hasEOL
  }
  return { fragments, isRightToLeft }
}
