/**
 * The answer use-case: search with the caller's rights, hand the hits to a generator, check its citations, answer. What a
 * credential cannot find it cannot be told either: the search is the only source of text.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { asProblem, Problem } from '../core/problem.ts'
import type { Embedder } from '../models/embedder.ts'
import type { GeneratedAnswer, Generator, Passage } from '../models/generator.ts'
import type { ModelMeter } from '../models/model-meter.ts'
import { isModelFault } from '../models/model-fault.ts'
import { BRING_YOUR_OWN } from '../models/profiles.ts'
import { search, type SearchDependencies, type Searcher } from '../search/search.ts'
import type { Hit, SearchTimings } from '../search/search-request.ts'
import { isRestricted } from '../tenancy/principal.ts'
import { detectQueryLanguage, primarySubtag } from '../text/language.ts'
import type { AnswerRequest, AnswerResponse } from './answer-request.ts'
import { checkCitations } from './check-citations.ts'
import { ExtractiveGenerator } from './extractive-generator.ts'
import { parseAnswerRequest } from './parse-answer-request.ts'

/**
 * Answers a question from a collection that the caller has looked up and the credential may reach. `request` may be
 * untrusted.
 * @throws what `parseAnswerRequest` and `search` throw
 */
export async function answer(
  deps: SearchDependencies,
  collection: CollectionRecord,
  searcher: Searcher,
  request: AnswerRequest,
  options: { readonly meter?: ModelMeter } = {},
): Promise<AnswerResponse & { readonly timings: SearchTimings }> {
  const { question, search: searchRequest } = parseAnswerRequest(request, searcher)
  const searching = search(deps, [collection], searcher, searchRequest, { ...options, withScores: true })
  const { hits, timings } = await searching.catch(refuseInSearch)
  const declared = searchRequest.language
  const { tenantUid, generation } = collection
  const embedder =
    generation.profileId === BRING_YOUR_OWN
      ? undefined
      : deps.models.queryEmbedder(generation.model, { tenantUid }, options.meter)
  const generated = await generate(embedder, {
    question,
    language: declared === undefined ? detectQueryLanguage(question) : primarySubtag(declared),
    passages: hits.map(passageOf),
  })
  const { citations, sentences } = checkCitations(generated, hits)
  const abstained = sentences.length === 0
  return {
    answer: sentences.map((sentence) => sentence.text).join(' '),
    citations,
    grounding: { score: abstained ? Math.min(generated.score, 0.5) : generated.score, sentences },
    abstained,
    hits: isRestricted(searcher) ? hits.map(withoutScores) : hits,
    timings,
  }
}

/** What the search itself finds wrong stands in the body's `search`. */
function refuseInSearch(error: unknown): never {
  const problem = asProblem(error)
  if (problem?.errors === undefined) throw error
  throw new Problem(problem.code, problem.message, {
    errors: problem.errors.map(({ pointer, detail }) => ({ pointer: `/search${pointer}`, detail })),
  })
}

/** A model that is down takes the meaning of words away, not the answer. */
async function generate(
  embedder: Embedder | undefined,
  request: Parameters<Generator['answer']>[0],
): Promise<GeneratedAnswer> {
  try {
    return await new ExtractiveGenerator(embedder).answer(request)
  } catch (error) {
    const problem = asProblem(error)
    if (embedder === undefined || problem === undefined || !isModelFault(problem)) throw error
    return new ExtractiveGenerator(undefined).answer(request)
  }
}

function passageOf(hit: Hit): Passage {
  return {
    chunkId: hit.id,
    documentId: hit.documentId,
    ...(hit.title === undefined ? {} : { title: hit.title }),
    headings: hit.headings ?? [],
    text: (hit.context ?? hit).text,
    score: hit.score,
    ...(hit.scores?.vector === undefined ? {} : { cosine: hit.scores.vector }),
  }
}

function withoutScores(hit: Hit): Hit {
  return Object.fromEntries(Object.entries(hit).filter(([field]) => field !== 'scores')) as unknown as Hit
}
