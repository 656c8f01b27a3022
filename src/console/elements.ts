/** Builds the page out of elements and text nodes. Nothing is ever parsed as markup, so no text can become code. */

import type { Decoration } from './markup.ts'

type Child = Node | string

/** Makes an element with attributes (`undefined` ones left out) and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string | undefined>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(key, value)
  node.append(...children)
  return node
}

/** Finds an element of the page's own markup. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const node = document.getElementById(id)
  if (!(node instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`)
  return node
}

export interface Span {
  readonly start: number
  readonly end: number
  readonly className?: string
}

/**
 * Shows a passage: spans (UTF-16 offsets, half-open) become `<mark>`, decorations become what they mean. Spans may overlap:
 * where they do, the one that comes first in the list counts.
 */
export function passage(text: string, spans: readonly Span[], decorated: readonly Decoration[]): Node[] {
  const edges = new Set([0, text.length])
  const inside = spans.filter(({ start, end }) => start < end && start >= 0 && end <= text.length)
  for (const { start, end } of [...inside, ...decorated]) edges.add(start).add(end)
  const cuts = [...edges].sort((a, b) => a - b)
  const nodes: Node[] = []
  for (const [i, start] of cuts.entries()) {
    const end = cuts[i + 1]
    if (end === undefined) break
    const covers = (range: { readonly start: number; readonly end: number }): boolean =>
      range.start <= start && range.end >= end
    const kinds = new Set(decorated.filter(covers).map(({ kind }) => kind))
    if (kinds.has('hidden')) continue
    let node: Node = document.createTextNode(text.slice(start, end))
    if (kinds.has('code')) node = element('code', {}, node)
    if (kinds.has('strong') || kinds.has('heading')) node = element('strong', {}, node)
    const span = inside.find(covers)
    nodes.push(span === undefined ? node : element('mark', { class: span.className }, node))
  }
  return nodes
}

/** Only what a browser may safely follow. */
export function safeLink(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined
  return /^https?:$/.test(new URL(url).protocol) ? url : undefined
}
