package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

func sign(secret, text []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(text)
	return mac.Sum(nil)
}

func encode(part any) string {
	text, _ := json.Marshal(part)
	return base64.RawURLEncoding.EncodeToString(text)
}

func main() {
	key, now := os.Getenv("NEARFIELD_KEY"), time.Now().Unix()
	header := map[string]string{"alg": "HS256", "typ": "JWT", "kid": key[6:22]}
	claims := map[string]any{"iat": now, "exp": now + 900, "scopes": []string{"search"}, "principals": []string{"user:42"}, "sub": "user:42"}
	signed := encode(header) + "." + encode(claims)
	signature := sign(sign([]byte(key), []byte("nearfield-token-v1")), []byte(signed))
	fmt.Println(signed + "." + base64.RawURLEncoding.EncodeToString(signature))
}
