import base64, hashlib, hmac, json, os, time

key = os.environ["NEARFIELD_KEY"].encode()
sign = lambda secret, text: hmac.new(secret, text, hashlib.sha256).digest()
encode = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
now = int(time.time())
header = {"alg": "HS256", "typ": "JWT", "kid": key[6:22].decode()}
claims = {"iat": now, "exp": now + 900, "scopes": ["search"], "principals": ["user:42"], "sub": "user:42"}
signed = b".".join(encode(json.dumps(part).encode()) for part in (header, claims))
print((signed + b"." + encode(sign(sign(key, b"nearfield-token-v1"), signed))).decode())
