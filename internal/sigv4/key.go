package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// signingKey is a key derived for one scope.
type signingKey [sha256.Size]byte

// deriveKey chains HMACs over the parts of the scope (Signature Version 4
// documentation, "Derive a signing key").
func deriveKey(secret string, s Scope) signingKey {
	m := hmac.New(sha256.New, []byte("AWS4"+secret))
	m.Write([]byte(s.Date))
	var k signingKey
	m.Sum(k[:0])
	k = k.mac([]byte(s.Region))
	k = k.mac([]byte(s.Service))
	return k.mac([]byte(scopeEnd))
}

// mac is HMAC-SHA256 (RFC 2104) for a key of half a block and a message of a
// few hundred bytes. It takes less than half the time of crypto/hmac, since it
// does not allocate; of a verification that is a tenth.
func (k *signingKey) mac(message []byte) signingKey {
	var array [sha256.BlockSize + 384]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	for i := range sha256.BlockSize {
		var b byte
		if i < len(k) {
			b = k[i]
		}
		array[i], outer[i] = b^0x36, b^0x5c
	}
	inner := sha256.Sum256(append(array[:sha256.BlockSize], message...))
	copy(outer[sha256.BlockSize:], inner[:])
	return sha256.Sum256(outer[:])
}

// KeyCache remembers derived signing keys, a bounded number of them, dropping
// the least recently used. It holds hashes of secrets and derived keys, never
// a secret. Only keys that verified a request are kept. It is safe for
// concurrent use.
type KeyCache struct {
	shards [keyShards]keyShard
}

// keyShards spreads the locks; a power of two.
const keyShards = 16

// keyID is the hash of a secret and a scope.
type keyID [sha256.Size]byte

// keyShard is a bounded map whose entries form a ring in order of use.
type keyShard struct {
	mu      sync.Mutex
	index   map[keyID]int32 // into entries
	entries []keyEntry      // entries[0] only heads the ring
	limit   int
}

type keyEntry struct {
	id           keyID
	key          signingKey
	newer, older int32
}

// NewKeyCache returns a cache of about the given number of keys, at least 16;
// each takes about 150 bytes. A key serves one secret, day, region and
// service.
func NewKeyCache(keys int) *KeyCache {
	c := new(KeyCache)
	for i := range c.shards {
		s := &c.shards[i]
		s.limit = max(1, keys/keyShards)
		s.index = make(map[keyID]int32)
		s.entries = make([]keyEntry, 1)
	}
	return c
}

func (c *KeyCache) get(secret string, scope Scope) (signingKey, bool) {
	id := newKeyID(secret, scope)
	return c.shards[id[0]%keyShards].get(&id)
}

func (c *KeyCache) put(secret string, scope Scope, key signingKey) {
	id := newKeyID(secret, scope)
	c.shards[id[0]%keyShards].put(&id, key)
}

// newKeyID hashes the parts behind their lengths, so that no two scopes run
// into the same bytes.
func newKeyID(secret string, s Scope) keyID {
	var array [256]byte
	b := array[:0]
	for _, part := range [...]string{secret, s.Date, s.Region, s.Service} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

func (s *keyShard) get(id *keyID) (signingKey, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.index[*id]
	if !ok {
		return signingKey{}, false
	}
	if s.entries[0].older != i {
		s.unlink(i)
		s.linkNewest(i)
	}
	return s.entries[i].key, true
}

func (s *keyShard) put(id *keyID, key signingKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.index[*id]; ok {
		return
	}
	i := int32(len(s.entries))
	if len(s.entries) > s.limit {
		i = s.entries[0].newer // the oldest, since the ring is closed by its head
		s.unlink(i)
		delete(s.index, s.entries[i].id)
	} else {
		s.entries = append(s.entries, keyEntry{})
	}
	s.entries[i].id, s.entries[i].key = *id, key
	s.index[*id] = i
	s.linkNewest(i)
}

func (s *keyShard) unlink(i int32) {
	e := &s.entries[i]
	s.entries[e.newer].older, s.entries[e.older].newer = e.older, e.newer
}

// linkNewest puts entry i behind the head.
func (s *keyShard) linkNewest(i int32) {
	newest := s.entries[0].older
	s.entries[i].newer, s.entries[i].older = 0, newest
	s.entries[newest].newer, s.entries[0].older = i, i
}
