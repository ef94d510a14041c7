package policy

import (
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Cache keeps compiled policies by document text, kind and source, the least recently used leaving first.
// The whole text is the key, so a changed document can never be answered by an old policy.
//
// It is bounded by entries and by memory: whoever may assume a role can send any number of session policies, each of
// which may compile to ninety times its text.
type Cache struct {
	entries *lru.Cache[cacheKey, *Policy]
	bytes   atomic.Int64 // of the entries, by estimate
	most    int64
}

type cacheKey struct {
	text string
	kind Kind
	src  Source
}

// Estimates of memory. A document of stars takes 92 bytes for each of its own, ordinary ones 20 to 40.
const (
	bytesPerPolicy   = 512
	bytesPerTextByte = 100
	// minCacheBytes holds the longest document at least.
	minCacheBytes      = 16 << 20
	cacheBytesPerEntry = 16 << 10
)

// NewCache returns a cache of at most maxEntries policies, less than one counting as one, in 16 KiB for each entry, at
// least 16 MiB together. Ordinary documents of more than 150 characters reach the second bound first.
func NewCache(maxEntries int) *Cache {
	c := &Cache{most: max(minCacheBytes, int64(maxEntries)*cacheBytesPerEntry)}
	var err error
	c.entries, err = lru.NewWithEvict(max(maxEntries, 1), func(k cacheKey, _ *Policy) { c.bytes.Add(-k.bytes()) })
	if err != nil {
		panic("policy: " + err.Error()) // only for a size below one
	}
	return c
}

func (k *cacheKey) bytes() int64 { return bytesPerPolicy + bytesPerTextByte*int64(len(k.text)) }

// add keeps a policy. Of several that add the same one at once, one does.
func (c *Cache) add(key cacheKey, p *Policy) {
	if present, _ := c.entries.ContainsOrAdd(key, p); present {
		return
	}
	c.bytes.Add(key.bytes())
	for c.bytes.Load() > c.most {
		if _, _, ok := c.entries.RemoveOldest(); !ok {
			return
		}
	}
}

// Policy returns the compiled policy of a document, parsing it when it is not cached. Errors are those of [Parse] and
// are not cached.
func (c *Cache) Policy(text string, kind Kind, src Source) (*Policy, error) {
	key := cacheKey{text: text, kind: kind, src: src}
	if p, ok := c.entries.Get(key); ok {
		return p, nil
	}
	doc, err := Parse([]byte(text), kind)
	if err != nil {
		return nil, err
	}
	p := Compile(doc, src)
	c.add(key, p)
	return p, nil
}
