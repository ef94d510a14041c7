// Package hot serves reads of a metastore from memory. A [Cache] is the
// [metastore.Reader] that a store returns from Hot; it is written once for
// every SQL dialect.
//
// It keeps records, single edges and the first page of the edges at one end,
// each also when the answer is that there is none. Listings of records and
// long lists of edges always go to the source.
//
// # Why no stale answer is given
//
// Every commit is bracketed: [Cache.Begin] names the changes before the
// storage commits them, [Cache.End] after, whether the commit succeeded or
// not. For each answer that a change touches,
//
//   - Begin removes it from memory and disowns the read of it that is under
//     way, so that this read's result, which may be older than the commit, is
//     never kept and nobody new waits for it;
//   - between Begin and End its readers go to the source one by one and keep
//     nothing, because the source may answer with either state;
//   - a read that starts after End reaches the source after the commit.
//
// So a read that finds an answer in memory finds it at a moment when no commit
// that touches it has begun since the answer was read, and a read that joins
// another's joins one that no commit has overtaken.
//
// No lock is held while the source is asked. Readers of one absent answer
// share one question to the source.
//
// # Bounds
//
// The cache is split into shards by a hash with a random seed. Each shard
// holds at most its part of the entries and of the bytes, answers of absence
// included, and evicts by SIEVE: entries queue in order of arrival, a hit only
// marks its entry, and a hand moving from the oldest to the newest evicts the
// first unmarked entry and clears marks as it passes. So a hit writes nothing
// shared but the mark, and a scan of unknown IDs does not displace what is
// used.
package hot

import (
	"context"
	"errors"
	"hash/maphash"
	"math/bits"
	"strings"

	"inro.dev/inro/internal/metastore"
)

// Config sets the bounds of a Cache.
type Config struct {
	// Entries is the most answers kept; 0 means 65536.
	Entries int
	// Bytes is the most memory that the answers take, by estimate, decoded
	// values included; 0 means 64 MiB.
	Bytes int
}

// Defaults and fixed sizes.
const (
	defaultEntries = 1 << 16
	defaultBytes   = 64 << 20
	// maxShards and minShardEntries keep shards few enough that each has room
	// to tell what is used from what is not.
	maxShards       = 64
	minShardEntries = 64
	// pageEdges is how many edges of a list are kept.
	pageEdges = 64
)

// Cache is a [metastore.Reader] that remembers answers. It is safe for
// concurrent use.
type Cache struct {
	source metastore.Reader
	seed   maphash.Seed
	shards []shard // a power of two
}

// Change names a record or an edge that a transaction writes.
type Change struct {
	Account, Kind string
	// ID is the record's ID or the edge's From.
	ID string
	// To is the edge's To; it is empty for a record.
	To string
}

// New returns an empty cache of what source answers. The source must be safe
// for concurrent use, and each of its reads must see every commit whose End
// preceded it.
func New(config Config, source metastore.Reader) *Cache {
	if config.Entries <= 0 {
		config.Entries = defaultEntries
	}
	if config.Bytes <= 0 {
		config.Bytes = defaultBytes
	}
	count := 1
	for count < maxShards && config.Entries/(count*2) >= minShardEntries {
		count *= 2
	}
	c := &Cache{source: source, seed: maphash.MakeSeed(), shards: make([]shard, count)}
	for i := range c.shards {
		c.shards[i].init(config.Entries/count, config.Bytes/count)
	}
	return c
}

// Begin announces that a transaction with these changes is about to commit.
func (c *Cache) Begin(changes []Change) {
	for _, change := range changes {
		for _, k := range touched(change) {
			s, hash := c.shard(k)
			s.begin(k, hash)
		}
	}
}

// End announces that the commit announced by a Begin with the same changes
// succeeded or failed.
func (c *Cache) End(changes []Change) {
	for _, change := range changes {
		for _, k := range touched(change) {
			s, _ := c.shard(k)
			s.end(k)
		}
	}
}

// Close forgets everything and keeps nothing from now on.
func (c *Cache) Close() {
	for i := range c.shards {
		c.shards[i].close()
	}
}

// Len returns the number of answers kept.
func (c *Cache) Len() int {
	n := 0
	for i := range c.shards {
		n += c.shards[i].len()
	}
	return n
}

// Record implements [metastore.Reader].
func (c *Cache) Record(ctx context.Context, account, kind, id string) (metastore.Record, error) {
	k := key{recordOf, account, kind, id, ""}
	s, hash := c.shard(k)
	a := s.lookup(k, hash)
	if a == nil {
		var err error
		a, err = s.load(ctx, k, hash, func(k key) (*answer, error) {
			record, err := c.source.Record(ctx, k.account, k.kind, k.id)
			if err == nil {
				record.Memo = new(metastore.Memo)
			}
			return &answer{record: record, absent: err != nil}, known(err)
		})
		if err != nil {
			return metastore.Record{}, err
		}
	}
	if a.absent {
		return metastore.Record{}, metastore.ErrNotFound
	}
	return a.record, nil
}

// Relation implements [metastore.Reader].
func (c *Cache) Relation(ctx context.Context, account, kind, from, to string) (metastore.Edge, error) {
	k := key{edgeOf, account, kind, from, to}
	s, hash := c.shard(k)
	a := s.lookup(k, hash)
	if a == nil {
		var err error
		a, err = s.load(ctx, k, hash, func(k key) (*answer, error) {
			edge, err := c.source.Relation(ctx, k.account, k.kind, k.id, k.to)
			return &answer{edges: []metastore.Edge{edge}, absent: err != nil}, known(err)
		})
		if err != nil {
			return metastore.Edge{}, err
		}
	}
	if a.absent {
		return metastore.Edge{}, metastore.ErrNotFound
	}
	return a.edges[0], nil
}

// Relations implements [metastore.Reader].
func (c *Cache) Relations(ctx context.Context, account, kind string, side metastore.Side, id, after string, limit int) ([]metastore.Edge, error) {
	limit, err := metastore.CheckRelations(account, kind, side, id, after, limit)
	if err != nil {
		return nil, err
	}
	a, err := c.list(ctx, account, kind, side, id)
	if err != nil {
		return nil, err
	}
	if edges, ok := a.page(side, after, limit); ok {
		return edges, nil
	}
	return c.source.Relations(ctx, account, kind, side, id, after, limit)
}

// CountRelations implements [metastore.Reader].
func (c *Cache) CountRelations(ctx context.Context, account, kind string, side metastore.Side, id string) (int, error) {
	if _, err := metastore.CheckRelations(account, kind, side, id, "", 0); err != nil {
		return 0, err
	}
	a, err := c.list(ctx, account, kind, side, id)
	if err != nil {
		return 0, err
	}
	if !a.more {
		return len(a.edges), nil
	}
	return c.source.CountRelations(ctx, account, kind, side, id)
}

// Records implements [metastore.Reader]. It asks the source.
func (c *Cache) Records(ctx context.Context, account, kind string, q metastore.Query) ([]metastore.Row, error) {
	return c.source.Records(ctx, account, kind, q)
}

// CountRecords implements [metastore.Reader]. It asks the source.
func (c *Cache) CountRecords(ctx context.Context, account, kind string, q metastore.Query) (int, error) {
	return c.source.CountRecords(ctx, account, kind, q)
}

// list returns the first edges at one end, from memory or the source.
func (c *Cache) list(ctx context.Context, account, kind string, side metastore.Side, id string) (*answer, error) {
	k := key{edgesFrom, account, kind, id, ""}
	if side == metastore.ToSide {
		k.class = edgesTo
	}
	s, hash := c.shard(k)
	if a := s.lookup(k, hash); a != nil {
		return a, nil
	}
	return s.load(ctx, k, hash, func(k key) (*answer, error) {
		edges, err := c.source.Relations(ctx, k.account, k.kind, side, k.id, "", pageEdges+1)
		a := &answer{edges: edges}
		if len(edges) > pageEdges {
			a.edges, a.more = edges[:pageEdges:pageEdges], true
		}
		return a, err
	})
}

// shard returns where k belongs, and its hash.
func (c *Cache) shard(k key) (*shard, uint64) {
	h := maphash.String(c.seed, k.id) + uint64(k.class)
	h = bits.RotateLeft64(h, 17) ^ maphash.String(c.seed, k.kind)
	h = bits.RotateLeft64(h, 17) ^ maphash.String(c.seed, k.account)
	if k.to != "" {
		h = bits.RotateLeft64(h, 17) ^ maphash.String(c.seed, k.to)
	}
	return &c.shards[h&uint64(len(c.shards)-1)], h
}

// known returns err unless it is an answer.
func known(err error) error {
	if errors.Is(err, metastore.ErrNotFound) {
		return nil
	}
	return err
}

// class says what a key asks for.
type class uint8

const (
	recordOf  class = iota // the record id
	edgeOf                 // the edge from id to to
	edgesFrom              // the edges that start at id
	edgesTo                // the edges that end at id
)

// key names an answer.
type key struct {
	class             class
	account, kind, id string
	to                string
}

// clone returns k with text of its own, so that a kept key does not keep the
// request alive that it was cut from.
func (k key) clone() key {
	return key{k.class, strings.Clone(k.account), strings.Clone(k.kind), strings.Clone(k.id), strings.Clone(k.to)}
}

// touched returns the keys whose answers a change may alter.
func touched(c Change) []key {
	if c.To == "" {
		return []key{{recordOf, c.Account, c.Kind, c.ID, ""}}
	}
	return []key{
		{edgeOf, c.Account, c.Kind, c.ID, c.To},
		{edgesFrom, c.Account, c.Kind, c.ID, ""},
		{edgesTo, c.Account, c.Kind, c.To, ""},
	}
}
