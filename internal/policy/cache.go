package policy

import lru "github.com/hashicorp/golang-lru/v2"

// Cache keeps compiled policies by document text, kind and source, the least recently used leaving first.
// The whole text is the key, so a changed document can never be answered by an old policy.
type Cache struct {
	entries *lru.Cache[cacheKey, *Policy]
}

type cacheKey struct {
	text string
	kind Kind
	src  Source
}

// NewCache returns a cache of at most maxEntries policies; less than one counts as one.
func NewCache(maxEntries int) *Cache {
	entries, err := lru.New[cacheKey, *Policy](max(maxEntries, 1))
	if err != nil {
		panic("policy: " + err.Error()) // only for a size below one
	}
	return &Cache{entries: entries}
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
	c.entries.Add(key, p)
	return p, nil
}
