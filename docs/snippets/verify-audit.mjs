import { createPublicKey, hash as digest, verify } from 'node:crypto'

const headers = { authorization: `Bearer ${process.env.NEARFIELD_KEY}` }
const get = async (path) => (await fetch(process.env.NEARFIELD_URL + path, { headers })).json()
const members = (object) => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))
const sorted = (_, value) => (value?.constructor === Object ? Object.fromEntries(members(value)) : value)
const decoded = (part) => JSON.parse(Buffer.from(part, 'base64url'))

const lines = []
let page = { nextCursor: '' }
while (page.nextCursor !== null) {
  page = await get(`/v1/audit?limit=1000${page.nextCursor && `&cursor=${page.nextCursor}`}`)
  lines.unshift(...page.data.reverse())
}
let previous = '0'.repeat(64)
for (const [i, { previousHash, hash, ...rest }] of lines.entries()) {
  const made = digest('sha256', previousHash + JSON.stringify(rest, sorted))
  if (rest.sequence !== i + 1 || previousHash !== previous || hash !== made)
    throw new Error(`line ${i + 1} was changed`)
  previous = hash
}

const { chain, signedHeads } = await get('/v1/audit/verify')
const signed = process.argv[2] ?? signedHeads.latest
if (!signed) throw new Error('no head is signed yet: the first one follows a minute after the first line')
const [header, payload, signature] = signed.split('.')
const jwk = (await get('/.well-known/jwks.json')).keys.find(({ kid }) => kid === decoded(header).kid)
const key = createPublicKey({ key: jwk, format: 'jwk' })
const isSigned = verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
const head = decoded(payload)
if (!isSigned || head.chain !== chain) throw new Error('the head is not of this chain')
if (lines[head.sequence - 1]?.hash !== head.hash) throw new Error('the chain is not the one that was signed')
console.log(`${lines.length} lines are whole; ${head.sequence} of them were signed at ${head.at}`)
