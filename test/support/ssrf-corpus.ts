/**
 * Addresses that try to reach the machine or its network: every spelling of private IPv4 addresses, IPv6 in all its
 * disguises, names, tricks with the parser. Each names the same port, that of a canary which must hear nothing.
 */

/** Loopback, private, carrier-grade, link-local, and the clouds' metadata services. */
const PRIVATE_IPV4 = [
  '127.0.0.1',
  '0.0.0.0',
  '10.0.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.168.0.1',
  '100.100.100.200',
]

const octetsOf = (address: string): number[] => address.split('.').map(Number)
const number = ([a = 0, b = 0, c = 0, d = 0]: readonly number[]): number => ((a * 256 + b) * 256 + c) * 256 + d
const fullWidth = (text: string): string =>
  text.replaceAll(/[0-9]/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))
const group = (high: number, low: number): string => (high * 256 + low).toString(16)

/** Every spelling of an IPv4 address that some parser understands. */
export function spellings(address: string): string[] {
  const octets = octetsOf(address)
  const [a = 0, b = 0, c = 0, d = 0] = octets
  const all = number(octets)
  const hexOctets = octets.map((octet) => `0x${octet.toString(16)}`)
  const octalOctets = octets.map((octet) => `0${octet.toString(8)}`)
  const [low, high] = [group(c, d), group(a, b)]
  return [
    address,
    String(all),
    `0x${all.toString(16)}`,
    `0X${all.toString(16).toUpperCase()}`,
    `0${all.toString(8)}`,
    `000000${all.toString(8)}`,
    hexOctets.join('.'),
    octalOctets.join('.'),
    [a, hexOctets[1], octalOctets[2], d].join('.'),
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    `${address}.`,
    fullWidth(address),
    address.replaceAll('.', '。'),
    address.replaceAll('.', '．'),
    address.replaceAll('.', '%2e'),
    `%${(48 + Number(address[0])).toString(16)}${address.slice(1)}`,
    `[::ffff:${address}]`,
    `[::ffff:${high}:${low}]`,
    `[0:0:0:0:0:ffff:${high}:${low}]`,
    `[::ffff:0:${address}]`,
    `[::${address}]`,
    `[64:ff9b::${address}]`,
    `[64:ff9b:1::${address}]`,
    `[2002:${high}:${low}::1]`,
    `[2001:0:${high}:${low}::1]`,
  ]
}

const IPV6 = (
  '::1 :: 0:0:0:0:0:0:0:1 fc00::1 fd00:ec2::254 fd12:3456:789a::1 fe80::1 fe80::a9fe:a9fe fec0::1 ff02::1 2001:db8::1 ' +
  '3fff::1 100::1 5f00::1 ::1%25lo fe80::1%25eth0 fe80::1%eth0'
)
  .split(' ')
  .map((address) => `[${address}]`)

const NAMES = (
  'localhost LOCALHOST localhost. localhost.localdomain ip6-localhost ip6-loopback foo.localhost a.b.localhost loopback ' +
  'metadata metadata.google.internal instance-data instance-data.ec2.internal kubernetes.default.svc.cluster.local ' +
  'printer.local router.lan nas.home intranet intranet.corp db.internal vault.private box.home.arpa 1.0.0.127.in-addr.arpa ' +
  'host.docker.internal gateway.docker.internal x.onion ⓛⓞⓒⓐⓛⓗⓞⓢⓣ loCAlhoſt localhost%00.example.com localhost%2eexample ' +
  'a_b.example.com -a.example.com a-.example.com 127.0.0.1.internal example..com .example.com ex%2fample.com * *.example.com'
).split(' ')

/** What a parser may read otherwise than the one that connects. `{port}` is the canary's. */
const TRICKS = [
  'https://example.com@127.0.0.1:{port}/',
  'https://example.com:443@127.0.0.1:{port}/',
  'https://127.0.0.1:{port}@example.com/',
  'https://user:password@example.com:{port}/',
  'https://@localhost:{port}/',
  'https://:@localhost:{port}/',
  'https://example.com%40127.0.0.1:{port}/',
  'https://127.0.0.1:{port}\\@example.com/',
  'https://example.com\\@127.0.0.1:{port}/',
  'https:\\\\127.0.0.1:{port}\\',
  'https:/127.0.0.1:{port}/',
  'https:127.0.0.1:{port}/',
  'https:///127.0.0.1:{port}/',
  'https:////127.0.0.1:{port}/',
  'https://127.0.0.1:{port}#@example.com/',
  'https://127.0.0.1:{port}?@example.com/',
  'https://127.0.0.1:{port}/#example.com',
  'https://example.com:{port}/#127.0.0.1',
  'ht\ttps://127.0.0.1:{port}/',
  'https://127.0.0\n.1:{port}/',
  ' https://127.0.0.1:{port}/',
  'https://127.0.0.1:{port}/ ',
  'https://127.0.0.1 :{port}/',
  'https://127.0.0.1\u0000.example.com:{port}/',
  'https://[::1]:{port}@example.com/',
  'https://[::1].example.com:{port}/',
  'https://[127.0.0.1]:{port}/',
  'https://[::1:{port}/',
  'https://4294967297:{port}/',
  'https://1.2.3.4.5:{port}/',
  'https://256.0.0.1:{port}/',
  'https://127.0.0.1.:{port}./',
  'http://127.0.0.1:{port}/',
  'http://example.com:{port}/',
  'HTTP://EXAMPLE.COM:{port}/',
  'ftp://127.0.0.1:{port}/',
  'gopher://127.0.0.1:{port}/_GET',
  'file:///etc/passwd',
  'data:text/plain,x',
  'blob:https://127.0.0.1:{port}/x',
  'ws://127.0.0.1:{port}/',
  'wss://127.0.0.1:{port}/',
  'javascript:fetch("https://127.0.0.1:{port}/")',
  'jar:https://127.0.0.1:{port}!/',
  '//127.0.0.1:{port}/',
  '127.0.0.1:{port}',
  'example.com',
  '/etc/passwd',
  'https://',
  'https://:{port}/',
  'https://?x',
  'https://example.com:22/',
  'https://example.com:25/',
  'https://example.com:80/',
  'https://example.com:0/',
  'https://example.com:1023/',
  'https://example.com:6000/',
  'https://example.com:6697/',
  'https://example.com:65536/',
  'https://example.com:-1/',
  `https://example.com:{port}/${'a'.repeat(2_048)}`,
  `https://${'a'.repeat(64)}.example.com:{port}/`,
  `https://${'a.'.repeat(130)}com:{port}/`,
]

/** Names of the public DNS that answer with loopback or private addresses; the text says nothing. */
export const LYING_NAMES = (
  'localtest.me lvh.me vcap.me lacolhost.com yoogle.com 127.0.0.1.nip.io 7f000001.nip.io 10.0.0.1.sslip.io ' +
  '169.254.169.254.nip.io 127-0-0-1.sslip.io spoofed.burpcollaborator.net customer1.app.localhost.my.company.127.0.0.1.nip.io'
).split(' ')

const at = (host: string, port: number): string => `https://${host}:${port}/hook`

/** All of which can be told from the text. */
export function refusedUrls(port: number): string[] {
  const hosts = [...PRIVATE_IPV4.flatMap(spellings), ...IPV6, ...NAMES]
  return [...hosts.map((host) => at(host, port)), ...TRICKS.map((url) => url.replaceAll('{port}', String(port)))]
}

/** Those that only the network can refuse. */
export const lyingUrls = (port: number): string[] => LYING_NAMES.map((name) => at(name, port))
