/** Every limit of the product, with its unit and reason. Errors quote these numbers; nothing is clamped silently. */

/** JSON bodies that bring documents; larger ones are 413. */
export const MAX_DOCUMENTS_BODY_BYTES = 10_000_000
/** All other JSON bodies; larger ones are 413. Bodies above this wait for turns, because they cost a multiple of their size. */
export const MAX_BODY_BYTES = 1_000_000
/** A body may arrive for this long and a second more for each `MIN_BODY_BYTES_PER_SECOND` of it that came. */
export const BODY_GRACE_MS = 20_000
export const MIN_BODY_BYTES_PER_SECOND = 50_000
/** Large bodies that one isolate receives at the same time, each from another tenant. */
export const MAX_LARGE_BODIES = 2
/** A large body is worked on alone for at most this long. */
export const MAX_LARGE_WORK_MS = 120_000
export const MAX_DOCUMENTS_PER_CALL = 1_000
export const MAX_DOCUMENT_TEXT_BYTES = 5_000_000
export const MAX_METADATA_BYTES = 16_384
export const MAX_DOCUMENT_ID_BYTES = 512
export const MAX_TITLE_BYTES = 2_048
export const MAX_URL_BYTES = 4_096
export const MAX_QUERY_BYTES = 4_096
export const MAX_FILTER_CLAUSES = 64
export const MAX_FILTER_DEPTH = 8
/** Of a dotted path to a metadata field; deeper or longer ones are not reachable. */
export const MAX_FIELD_PATH_BYTES = 512
export const MAX_FIELD_PATH_PARTS = 32
export const MAX_HITS = 1_000
/** Neighbours of a hit on each side that `expand` may ask for. */
export const MAX_EXPANSION = 10
/** Hits of a page with `expand`: each may bring 24,000 UTF-16 units of context. */
export const MAX_EXPANDED_HITS = 100
/** What neighbours may make of a hit, in UTF-16 units; those that are farther away are left out. */
export const MAX_CONTEXT_LENGTH = 24_000
/** What `expand: "section"` brings at most, in chunks and in UTF-16 units. */
export const MAX_SECTION_CHUNKS = 20
export const MAX_SECTION_LENGTH = 8_000
export const MAX_SHARDS = 32
export const MAX_LIST_LIMIT = 1_000
export const DEFAULT_LIST_LIMIT = 100
export const MAX_FACETS = 20
export const MAX_FACET_VALUES = 100
/**
 * Distinct values of all fields of one search's facets, and their texts together in UTF-16 units. Every shard sends all that
 * it counts, at most 2 MB, because what is most frequent overall need not be in any one shard. Beyond it: 400, never a guess.
 */
export const MAX_FACET_CANDIDATES = 20_000
export const MAX_FACET_CANDIDATES_LENGTH = 500_000
/** In UTF-16 units; longer texts are no values to choose from and are not counted. */
export const MAX_FACET_VALUE_LENGTH = 256
export const MAX_COLLECTIONS_PER_SEARCH = 32
export const MAX_IDEMPOTENCY_KEY_BYTES = 255
/** In characters; longer tags exist in no registry. */
export const MAX_LANGUAGE_TAG_LENGTH = 64
/** Names of tenants and keys, in UTF-16 units. */
export const MAX_NAME_LENGTH = 200
/** Entries of a key's `collections`, of its `origins` and of its `ipRanges`. */
export const MAX_KEY_LIST_ENTRIES = 100
/** A host name has at most 253 characters, a scheme and a port stand around it. */
export const MAX_ORIGIN_LENGTH = 300
/** A key's filter as JSON: it is read with the key and carried to every shard. */
export const MAX_KEY_FILTER_BYTES = 16_384
/** A token stands in a header beside others, and is read before anybody vouches for it. */
export const MAX_TOKEN_BYTES = 8_192
/** From `iat` to `exp`: a token cannot be taken back alone. */
export const MAX_TOKEN_LIFETIME_SECONDS = 86_400
/** By how much the clock of who mints tokens may be ahead. */
export const TOKEN_LEEWAY_SECONDS = 60
/** Entries of a document's `acl` and of a token's `principals`. */
export const MAX_PRINCIPALS = 100
/** One of these entries, and a token's `sub` and `jti`. */
export const MAX_PRINCIPAL_BYTES = 256
/** Rates that a key or tenant may be given; above them they limit nothing that an isolate could serve. */
export const MAX_RATE_REQUESTS = 1_000_000
export const MAX_RATE_WINDOW_SECONDS = 86_400
/** Quotas of a tenant: whole numbers that JSON and SQLite keep exactly, sums of them included. */
export const MAX_QUOTA = 9e15
export const MAX_DAILY_BUDGET_USD = 1_000_000
/** A rotated secret may live on for a week. */
export const MAX_ROTATION_GRACE_SECONDS = 604_800
export const MAX_DIMENSIONS = 4_096
/** Named vectors of a collection: each is an index of its own, and a row written for every document. */
export const MAX_NAMED_VECTORS = 8
/** Rows of one multi-vector of a document: a passage's tokens, an image's patches. */
export const MAX_MULTI_VECTOR_ROWS = 256
/** Numbers of all vectors of a document together: as singles 1 MiB, half of what a row of SQLite holds. */
export const MAX_DOCUMENT_VECTOR_VALUES = 262_144
/** Rows of a query's multi-vector: each is compared with every row that is searched. */
export const MAX_QUERY_VECTOR_ROWS = 64
/** Products of numbers in one search by a multi-vector in one shard: five seconds, in which it does nothing else. */
export const MAX_LATE_INTERACTION_PRODUCTS = 4e9
/** Above this many chunks to embed a PUT answers 202 and the shard's alarm does the rest. */
export const MAX_SYNC_CHUNKS = 256
/** Vectors of queries that an isolate keeps, with their keys: about 2,000 of 384 numbers. */
export const MAX_QUERY_CACHE_BYTES = 4_000_000
/** Queries' vectors of models that providers serve lie this long in the cache of a data centre. */
export const QUERY_CACHE_TTL_SECONDS = 3_600
/** Hits that `rerank` may reorder: each is a pair that a model reads, and the time is short. */
export const MAX_RERANK_DEPTH = 100
/** A reranker that has not answered by then is left out, and the fused order stands. */
export const MAX_RERANK_MS = 2_000
/** Texts of one `POST /v1/embeddings`, and documents of one `POST /v1/rerank`. */
export const MAX_EMBEDDED_TEXTS = 256
/** Numbers written out in one answer of `POST /v1/embeddings`: 11 MB of JSON. As base64 they are a quarter of it. */
export const MAX_EMBEDDED_NUMBERS = 524_288
export const MAX_RERANKED_DOCUMENTS = 1_000
/** Passages in one call of an embedder object, so that a call stays short and is cheap to repeat. */
export const MAX_PASSAGES_PER_CALL = 32
/** The smallest `chunking.size`: below it chunks cost more than they hold. */
export const MIN_CHUNK_TOKENS = 16
/** Failures that a job names. */
export const MAX_JOB_FAILURES = 100
/** Files that a job shows at once; all of them are listed by pages. */
export const MAX_JOB_FILES = 100
/** A stream of a job's events ends after this long, and is opened again from where it ended. */
export const MAX_JOB_EVENTS_MS = 5 * 60_000
/** A document that is cut into more fails with `document_too_large`: each chunk costs memory in every step of a write. */
export const MAX_CHUNKS_PER_DOCUMENT = 20_000
/** Chunks that a caller cuts may overlap; together they have at most this many UTF-16 units. */
export const MAX_CHUNKED_LENGTH = 10_000_000
/** Headings of a chunk that a caller cuts: a path is at most 40 tokens of what is embedded. */
export const MAX_CHUNK_HEADINGS = 10
/** In UTF-16 units; headings of documents are cut there. */
export const MAX_HEADING_LENGTH = 200
/** A document with its chunks as one message to its shard, where the platform allows 32 MiB. */
export const MAX_PREPARED_BYTES = 28_000_000
/** Title and heading path in front of a chunk, in model tokens; cut first. */
export const MAX_PREFIX_TOKENS = 40

/** What a public key may ask for unless its maker says otherwise. */
export const PUBLIC_KEY_MAX_HITS = 50
export const PUBLIC_KEY_MAX_PAGED_HITS = 200
export const PUBLIC_KEY_MAX_FACET_VALUES = 20
/** Entries of one page of a list. */
export const PUBLIC_KEY_MAX_LISTED = 50
/** Documents that all pages of a list show. */
export const PUBLIC_KEY_MAX_PAGED_LISTED = 200
/** How often a public key may be used unless its maker says otherwise: from one IP address, and in all. */
export const PUBLIC_KEY_RATE_PER_IP = { requests: 10, windowSeconds: 1, burst: 100 } as const
export const PUBLIC_KEY_RATE = { requests: 1_000, windowSeconds: 60 } as const
/** Keys, end users and addresses whose rates a tenant's object holds in memory; a dropped one may burst again. */
export const MAX_RATE_SUBJECTS = 50_000
/** The same in each isolate, for all tenants; a dropped one costs a call. */
export const MAX_RATE_SHARES = 20_000

/** One part of an archive; a document of 5 MB with its chunks and vectors fits. */
export const MAX_ARCHIVE_PART_BYTES = 20_000_000
/** Collections of one part of an archive: each is made in turn. */
export const MAX_ARCHIVED_COLLECTIONS = 20
/** What an export asks of a shard at a time: documents, and bytes beyond which a page ends early. */
export const EXPORT_PAGE_DOCUMENTS = 100
export const EXPORT_PAGE_BYTES = 4_000_000

/** An uploaded file: of formats that are read as a stream, and of those that a parser holds whole. */
export const MAX_STREAMED_FILE_BYTES = 100_000_000
export const MAX_FILE_BYTES = 25_000_000
/** Longer originals are stored in parts of this size, the least that the bucket takes; one of each upload is in memory. */
export const ORIGINAL_PART_BYTES = 5 * 1_024 * 1_024
/** Uploads that one isolate receives at the same time, and of them from one tenant; short ones do not count. */
export const MAX_UPLOADS = 4
export const MAX_UPLOADS_PER_TENANT = 2
/** The options of an upload as JSON. */
export const MAX_UPLOAD_OPTIONS_BYTES = 65_536
/** The file parts' headers of an upload. */
export const MAX_PART_HEADER_BYTES = 16_384
/** Files of one upload, and their bytes together. */
export const MAX_FILES_PER_UPLOAD = 1_000
export const MAX_UPLOAD_BYTES = 1_000_000_000
/** Uploads of a tenant on their way: what they bring together is not known before they end. */
export const MAX_OPEN_UPLOADS = 100
/** Originals that the bucket holds for a tenant, those of files that failed included: nothing else bounds what they cost. */
export const MAX_ORIGINAL_BYTES = 100_000_000_000
/** Files of a tenant that wait for their turn; more are refused until some are done. */
export const MAX_WAITING_FILES = 100_000
/** A file's name, path included: it becomes a document's id. */
export const MAX_FILE_NAME_BYTES = 400
/** What a container (docx, xlsx, pptx, epub, a stream in a PDF) may expand to. */
export const MAX_EXPANDED_BYTES = 64_000_000
/** What all entries of one zip archive may expand to together, and how many there may be. */
export const MAX_ARCHIVE_BYTES = 1_000_000_000
export const MAX_ARCHIVE_FILES = 10_000
/** They may expand to so many times the archive's own bytes, beyond a part that is free: logs stay below, zeros do not. */
export const MAX_ARCHIVE_RATIO = 200
export const FREE_ARCHIVE_BYTES = 16_000_000
/** Nesting of JSON, XML and mail parts in a file. */
export const MAX_FILE_DEPTH = 100
/** One line, row or record of a file, in bytes. */
export const MAX_RECORD_BYTES = 1_000_000
/** Documents made of one file. */
export const MAX_DOCUMENTS_PER_FILE = 100_000
/** Longer texts of a file become several documents, in UTF-8 bytes. */
export const MAX_PART_BYTES = 2_000_000
/** Rows, paragraphs and headings of such a document: one chunk for each row stays below `MAX_CHUNKS_PER_DOCUMENT`. */
export const MAX_PART_BLOCKS = 15_000
/** Bytes that parsing one file holds at once, counted by the parsers. */
export const MAX_PARSE_BYTES = 64_000_000
/** Originals of files that failed are kept this long for another try. */
export const FAILED_FILE_RETENTION_MS = 7 * 24 * 3_600_000

/** Sources of a tenant: each may run at the same time as the others. */
export const MAX_SOURCES = 100
/** Pages of one crawl, and how many where the request does not say. */
export const MAX_CRAWL_PAGES = 10_000
export const DEFAULT_CRAWL_PAGES = 100
/** Links between the first page of a crawl and the last ones. */
export const MAX_CRAWL_DEPTH = 100
/** Patterns of a crawl's `include` and of its `exclude`, and one of them in UTF-16 units. */
export const MAX_CRAWL_PATTERNS = 50
export const MAX_CRAWL_PATTERN_LENGTH = 200
/** One page, sitemap or other answer of a site, after it was decompressed; and a sitemap that comes compressed. */
export const MAX_PAGE_BYTES = 10_000_000
export const MAX_SITEMAP_BYTES = 50_000_000
/** Addresses of one sitemap, as sitemaps.org allows. */
export const MAX_SITEMAP_ENTRIES = 50_000
/** Of a bucket source, in UTF-8 bytes: what R2 allows for a key, less the tenant's own part. */
export const MAX_INBOX_PREFIX_BYTES = 512

/** Search cursors live this long; list cursors do not expire. */
export const CURSOR_TTL_MS = 15 * 60_000
/** Idempotency records are replayed for this long. */
export const REPLAY_TTL_MS = 24 * 3_600_000
/** A parsed key is trusted this long after its D1 read, and once more while one refresh runs: 10 s in all. */
export const KEY_FRESH_MS = 5_000
/** Ids that D1 does not know are not asked for again within this time. */
export const UNKNOWN_KEY_MS = 10_000
/** Change-log entries that every reader has passed are kept this long. */
export const LOG_RETENTION_MS = 24 * 3_600_000
/** Tombstones keep a deleted document's sequence and version this long. */
export const TOMBSTONE_RETENTION_MS = 15 * 24 * 3_600_000
/** Jobs are kept this long after they were accepted; which of their documents failed, as long as tombstones. */
export const JOB_RETENTION_MS = 30 * 24 * 3_600_000

/** Days of usage that a tenant's object keeps, and that one answer may cover: a year and what it is compared with. */
export const MAX_USAGE_DAYS = 400

/** Platform limits of SQLite in Durable Objects and D1, which local workerd does not enforce. */
export const MAX_SQL_VALUE_BYTES = 1_900_000
export const MAX_SQL_PARAMETERS = 100
export const MAX_SQL_STATEMENT_BYTES = 100_000
/** Long texts lie in pieces of at most this many bytes. */
export const MAX_TEXT_PIECE_BYTES = 1_000_000

/** Bytes of models and resident index pages that one isolate may hold (of the platform's 128 MB). */
export const MAX_RESIDENT_BYTES = 96_000_000
/** Chunks that the exact engines of one shard hold; a document beyond it fails with `shard_full`. */
export const MAX_CHUNKS_PER_SHARD = 50_000

export const MAX_WEBHOOKS = 20
/** Models that a tenant names; those of single collections are not counted. */
export const MAX_MODELS = 100
/** Each is asked in its turn while a search waits. */
export const MAX_MODEL_FALLBACKS = 3
/** In characters; also of ids of accounts and names of inference providers. */
export const MAX_PROVIDER_NAME_LENGTH = 200
/** In characters; JSON web tokens are the longest that providers hand out. */
export const MAX_PROVIDER_KEY_LENGTH = 4_096
/** In UTF-16 units: instructions in front of a query are sentences. It goes with every text. */
export const MAX_MODEL_PREFIX_LENGTH = 500
/** Input of a model that nobody knows, in its tokens. */
export const MAX_MODEL_TOKENS = 1_000_000
/** Tags of what a model was trained for. */
export const MAX_MODEL_LANGUAGES = 200
/** In UTF-16 units. */
export const MAX_WEBHOOK_DESCRIPTION_LENGTH = 200
/** Standard Webhooks asks for small payloads; ours hold ids. */
export const MAX_WEBHOOK_PAYLOAD_BYTES = 20_000
/** Events and their deliveries are kept for this long; what could not be delivered until then is lost. */
export const WEBHOOK_RETENTION_MS = 7 * 24 * 3_600_000
/** Of one webhook: when as many wait, it is disabled. */
export const MAX_WAITING_DELIVERIES = 100_000
/** Of one webhook: the newest ones that have ended are kept. */
export const MAX_ENDED_DELIVERIES = 10_000
/** A webhook at which nothing arrived for this long is disabled. */
export const WEBHOOK_FAILING_MS = 5 * 24 * 3_600_000
/** Deliveries are signed with the secret before a rotation as well, for this long. */
export const WEBHOOK_OVERLAP_MS = 24 * 3_600_000

/** Imported word vectors: 300 is usual, 1,024 the longest that anybody publishes. */
export const MAX_WORD_VECTOR_DIMENSIONS = 1_024
/** Of an imported file so much is read: the most frequent words come first. */
export const MAX_WORD_VECTORS_BYTES = 100_000_000
/** A packed model of word vectors without its n-grams (at most 3 MB): resident beside the edge models. */
export const MAX_PACKED_VECTORS_BYTES = 24_000_000
/** Of one tenant: each is a file of up to 27 MB. */
export const MAX_WORD_VECTOR_MODELS = 20
/**
 * Text of a collection that a model is trained on, in UTF-16 units; of each shard an equal part, in the order of ids. With
 * the bound on words it keeps a training near 20 s of CPU at most, of the 30 s that a request has unless more is asked for.
 */
export const MAX_TRAINING_TEXT = 2_000_000
/** What a training may be told: below, vectors tell too little; above, the computation takes too long. */
export const MIN_TRAINED_DIMENSIONS = 16
export const MAX_TRAINED_DIMENSIONS = 300
/** Words on each side of a word that a training counts as near. */
export const MAX_TRAINING_WINDOW = 50
/** Words of an imported model; beyond it, and beyond the bytes above, the file's rarer words are left out. */
export const MAX_VOCABULARY_WORDS = 150_000

/** 100 vectors of 4,096 numbers as JSON are 9 MB. */
export const MAX_PROVIDER_ANSWER_BYTES = 16_000_000
/** One server-sent event of a language model, in UTF-16 units: usually a word. */
export const MAX_PROVIDER_EVENT_LENGTH = 1_000_000
