package object

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Bucket describes a bucket. Names are global: one account owns each.
type Bucket struct {
	Name    string
	Account string
	Region  string
	ID      string    // given by the engine; never used twice
	Created time.Time // given by the engine

	Versioning Versioning

	// ObjectLock lets versions have a retention and a legal hold. It is never
	// taken back, and needs VersioningEnabled.
	ObjectLock bool

	Quota Quota
}

// bucketState is a bucket in memory. All but settings and dropped is constant.
type bucketState struct {
	Name    string
	Account string
	id      id

	scope    []byte
	versions []byte // kindVersion and the scope
	uploads  []byte // kindUpload and the scope

	// settings describes the bucket. It is replaced by mutations only, when
	// the change is on its way.
	settings atomic.Pointer[Bucket]
	dropped  bool // for mutations only
}

func newBucketState(b Bucket, bucketID id) *bucketState {
	scope := appendScope(nil, b.Account, bucketID)
	s := &bucketState{
		Name:     b.Name,
		Account:  b.Account,
		id:       bucketID,
		scope:    scope,
		versions: append([]byte{kindVersion}, scope...),
		uploads:  append([]byte{kindUpload}, scope...),
	}
	s.settings.Store(&b)
	return s
}

// versioned reports whether keys of the bucket may have several versions.
func (b *bucketState) versioned() bool { return b.settings.Load().Versioning != Unversioned }

// bucketTable holds all buckets.
type bucketTable struct {
	mu     sync.RWMutex
	byName map[string]*bucketState
	names  []string // sorted
}

func (t *bucketTable) find(name string) *bucketState {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byName[name]
}

func (t *bucketTable) add(b *bucketState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName == nil {
		t.byName = make(map[string]*bucketState)
	}
	t.byName[b.Name] = b
	if i, found := slices.BinarySearch(t.names, b.Name); !found {
		t.names = slices.Insert(t.names, i, b.Name)
	}
}

func (t *bucketTable) remove(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byName, name)
	if i, found := slices.BinarySearch(t.names, name); found {
		t.names = slices.Delete(t.names, i, i+1)
	}
}

// Limits of a bucket's fields. Which names and accounts exist is the caller's to
// decide; these keep index keys unambiguous and short.
const maxBucketFieldBytes = 255

func bucketKey(name string) []byte { return append([]byte{kindBucket}, name...) }

func (e *Engine) loadBuckets() error {
	iter, err := e.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{kindBucket}, UpperBound: []byte{kindBucket + 1},
	})
	if err != nil {
		return err
	}
	defer iter.Close()
	for valid := iter.First(); valid; valid = iter.Next() {
		name := string(iter.Key()[1:])
		b, bucketID, err := decodeBucket(name, iter.Value())
		if err != nil {
			return fmt.Errorf("bucket %q: %w", name, err)
		}
		e.buckets.add(newBucketState(b, bucketID))
	}
	return iter.Error()
}

// CreateBucket creates a bucket, durable on return. It returns ErrBucketExists
// together with the existing bucket, whoever owns it. A bucket with ObjectLock
// must have VersioningEnabled.
func (e *Engine) CreateBucket(ctx context.Context, b Bucket) (Bucket, error) {
	for _, field := range []string{b.Name, b.Account, b.Region} {
		if len(field) > maxBucketFieldBytes {
			return Bucket{}, fmt.Errorf("create bucket: %q is longer than %d bytes", field, maxBucketFieldBytes)
		}
	}
	if b.Name == "" {
		return Bucket{}, fmt.Errorf("create bucket: no name given")
	}
	if err := b.check(); err != nil {
		return Bucket{}, fmt.Errorf("create bucket %q: %w", b.Name, err)
	}
	if err := e.admit(ctx, 0); err != nil {
		return Bucket{}, err
	}
	var bucketID id
	if err := e.random(bucketID[:]); err != nil {
		return Bucket{}, err
	}
	b.ID, b.Created = bucketID.String(), e.now()
	var existing *bucketState
	_, err := e.commit(func(tx *transaction) error {
		if existing = e.buckets.find(b.Name); existing != nil {
			return ErrBucketExists
		}
		tx.set(bucketKey(b.Name), appendBucket(nil, &b, bucketID), nil)
		e.buckets.add(newBucketState(b, bucketID))
		return nil
	})
	if err != nil {
		if errors.Is(err, ErrBucketExists) {
			b = *existing.settings.Load()
		}
		return b, fmt.Errorf("create bucket %q: %w", b.Name, err)
	}
	return b, nil
}

// Bucket returns the bucket of that name or ErrNoSuchBucket. It is served from
// memory.
func (e *Engine) Bucket(ctx context.Context, name string) (Bucket, error) {
	b, err := e.bucket(name)
	if err != nil {
		return Bucket{}, err
	}
	return *b.settings.Load(), nil
}

func (e *Engine) bucket(name string) (*bucketState, error) {
	if b := e.buckets.find(name); b != nil {
		return b, nil
	}
	return nil, ErrNoSuchBucket
}

// DeleteBucket deletes a bucket that holds no objects, else it returns
// ErrBucketNotEmpty. Uploads in progress are aborted.
func (e *Engine) DeleteBucket(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := e.commitAlone(func(tx *transaction) error {
		b, err := e.bucket(name)
		if err != nil {
			return err
		}
		empty, err := e.emptyRange(b.versions)
		if err != nil {
			return err
		}
		if !empty {
			return ErrBucketNotEmpty
		}
		tx.delete(bucketKey(name))
		tx.setUnread(idKey(kindGarbage, b.id), garbageOfBucket(b.scope))
		tx.freed = append(tx.freed, b.id)
		b.dropped = true
		e.buckets.remove(name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete bucket %q: %w", name, err)
	}
	return nil
}

// emptyRange reports whether no row starts with prefix.
func (e *Engine) emptyRange(prefix []byte) (bool, error) {
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return false, err
	}
	defer iter.Close()
	return !iter.First(), iter.Error()
}

// Buckets returns up to limit buckets of an account in order of name, those
// that start with prefix and follow after. An empty account means all.
func (e *Engine) Buckets(ctx context.Context, account, prefix, after string, limit int) ([]Bucket, error) {
	t := &e.buckets
	t.mu.RLock()
	defer t.mu.RUnlock()
	var found []Bucket
	from, _ := slices.BinarySearch(t.names, max(prefix, after))
	for _, name := range t.names[from:] {
		if len(found) >= limit || !strings.HasPrefix(name, prefix) {
			break
		}
		if b := t.byName[name]; name != after && (account == "" || b.Account == account) {
			found = append(found, *b.settings.Load())
		}
	}
	return found, nil
}
