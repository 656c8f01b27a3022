require 'json'
require 'openssl'

key = ENV.fetch('NEARFIELD_KEY')
sign = ->(secret, text) { OpenSSL::HMAC.digest('SHA256', secret, text) }
encode = ->(data) { [data].pack('m0').tr('+/', '-_').delete('=') }
now = Time.now.to_i
claims = { iat: now, exp: now + 900, scopes: ['search'], principals: ['user:42'], sub: 'user:42' }
signed = [{ alg: 'HS256', typ: 'JWT', kid: key[6, 16] }, claims].map { |part| encode.(part.to_json) }.join('.')
puts "#{signed}.#{encode.(sign.(sign.(key, 'nearfield-token-v1'), signed))}"
