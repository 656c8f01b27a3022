import { createHmac } from 'node:crypto'

const key = process.env.NEARFIELD_KEY
const sign = (secret, text) => createHmac('sha256', secret).update(text).digest()
const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url')
const now = Math.floor(Date.now() / 1000)
const claims = { iat: now, exp: now + 900, scopes: ['search'], principals: ['user:42'], sub: 'user:42' }
const signed = `${encode({ alg: 'HS256', typ: 'JWT', kid: key.slice(6, 22) })}.${encode(claims)}`
console.log(`${signed}.${sign(sign(key, 'nearfield-token-v1'), signed).toString('base64url')}`)
