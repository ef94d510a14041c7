package sigv4

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
	"testing"
)

func TestMacIsHMAC(t *testing.T) {
	key := signingKey(sha256.Sum256([]byte("key")))
	for size := range 1000 {
		message := bytes.Repeat([]byte{byte(size)}, size)
		h := hmac.New(sha256.New, key[:])
		h.Write(message)
		if got, want := key.mac(message), signingKey(h.Sum(nil)); got != want {
			t.Fatalf("message of %d bytes: got %x, want %x", size, got, want)
		}
	}
}

// The example of the Signature Version 4 documentation, "Deriving a signing
// key".
func TestDeriveKey(t *testing.T) {
	key := deriveKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Scope{"20120215", "us-east-1", "iam"})
	const want = "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"
	if got := hex.EncodeToString(key[:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestKeyCacheDropsTheLeastRecentlyUsed(t *testing.T) {
	s := &keyShard{limit: 3, index: map[keyID]int32{}, entries: make([]keyEntry, 1)}
	id := func(i int) *keyID { return &keyID{byte(i)} }
	put := func(i int) { s.put(id(i), signingKey{byte(i)}) }
	for i := range 3 {
		put(i + 1)
	}
	s.get(id(1))
	s.get(id(2))
	put(2) // already there: no change
	put(4) // drops 3
	put(5) // drops 1
	for i, want := range map[int]bool{1: false, 2: true, 3: false, 4: true, 5: true} {
		if key, ok := s.get(id(i)); ok != want || ok && key != (signingKey{byte(i)}) {
			t.Errorf("key %d: got %v, %v; want cached %v", i, key, ok, want)
		}
	}
	if len(s.entries) != 4 || len(s.index) != 3 {
		t.Errorf("%d entries, %d indexed; want 4 with the head, 3", len(s.entries), len(s.index))
	}
}

func TestKeyCacheTellsScopesApart(t *testing.T) {
	c := NewKeyCache(1000)
	c.put("secret", Scope{"20130524", "us-east-1", "s3"}, signingKey{1})
	for _, other := range []struct {
		secret string
		scope  Scope
	}{
		{"secret2", Scope{"20130524", "us-east-1", "s3"}},
		{"secret", Scope{"20130525", "us-east-1", "s3"}},
		{"secret", Scope{"20130524", "us-east-1s", "3"}},
		{"secret", Scope{"20130524", "us-east-", "1s3"}},
		{"secret2", Scope{"0130524", "us-east-1", "s3"}},
	} {
		if _, ok := c.get(other.secret, other.scope); ok {
			t.Errorf("%v finds the key of another secret or scope", other)
		}
	}
	if key, ok := c.get("secret", Scope{"20130524", "us-east-1", "s3"}); !ok || key != (signingKey{1}) {
		t.Errorf("got %v, %v; want the key", key, ok)
	}
}

func TestKeyCacheIsBoundedUnderConcurrentUse(t *testing.T) {
	const limit = 64
	c := NewKeyCache(limit)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 500 {
				secret := strconv.Itoa((worker*31 + i) % 300)
				want := signingKey(sha256.Sum256([]byte(secret)))
				if got, ok := c.get(secret, Scope{}); ok && got != want {
					t.Errorf("secret %s: got the key of another", secret)
				}
				c.put(secret, Scope{}, want)
			}
		})
	}
	wg.Wait()
	kept := 0
	for i := range c.shards {
		kept += len(c.shards[i].index)
	}
	if kept == 0 || kept > limit {
		t.Errorf("%d keys kept, want 1 to %d", kept, limit)
	}
}
