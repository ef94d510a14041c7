package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// content is what a key may be found to hold; the zero value is no object.
type content struct{ etag, body string }

// world is what an engine must hold, as far as its answers tell. While a write is
// under way, or after one that failed, a key may hold the old or the new.
type world struct {
	mu      sync.Mutex
	allowed map[string][]content
	uploads []*modelUpload
}

type modelUpload struct {
	upload Upload
	parts  map[int]CompletedPart
	bodies map[int]string
	lost   bool // its state is unknown
}

func newWorld() *world { return &world{allowed: map[string][]content{}} }

func (w *world) snapshot() map[string][]content {
	w.mu.Lock()
	defer w.mu.Unlock()
	snapshot := maps.Clone(w.allowed)
	for key := range snapshot {
		snapshot[key] = slices.Clone(snapshot[key])
	}
	return snapshot
}

// begin allows the new contents beside the old.
func (w *world) begin(next map[string]content) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, c := range next {
		if len(w.allowed[key]) == 0 {
			w.allowed[key] = []content{{}}
		}
		w.allowed[key] = append(w.allowed[key], c)
	}
}

// end leaves only the new contents if the write was acknowledged, only the old if
// it was refused, and either otherwise.
func (w *world) end(next map[string]content, err error, refused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, c := range next {
		switch had := w.allowed[key]; {
		case err == nil:
			w.allowed[key] = []content{c}
		case refused:
			w.allowed[key] = had[:len(had)-1]
		}
	}
}

// only returns what key holds, when that is certain.
func (w *world) only(key string) (content, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch had := w.allowed[key]; len(had) {
	case 0:
		return content{}, true
	case 1:
		return had[0], true
	}
	return content{}, false
}

// check compares an engine with what is allowed.
func check(e *Engine, allowed map[string][]content) error {
	for _, key := range sortedKeys(allowed) {
		var got content
		v, body, err := read(e, testBucket, key, GetOptions{})
		switch {
		case err == nil:
			got = content{v.ETag, string(body)}
		case !errors.Is(err, ErrNoSuchKey):
			return fmt.Errorf("get %q: %w", key, err)
		}
		if !slices.Contains(allowed[key], got) {
			var want []string
			for _, c := range allowed[key] {
				want = append(want, fmt.Sprintf("%d bytes %q", len(c.body), c.etag))
			}
			return fmt.Errorf("key %q holds %d bytes %q, want one of %q", key, len(got.body), got.etag, want)
		}
	}
	return nil
}

var modelKeys = []string{"a", "a/b", "a/c", "b", "d/\x00", "d/e/f"}

// actor does random operations on an engine and keeps a world of them.
type actor struct {
	*world
	rng *rand.Rand
	// faulty accepts errors that faults may cause.
	faulty bool
}

func (a *actor) key() string { return modelKeys[a.rng.IntN(len(modelKeys))] }

func (a *actor) body() []byte {
	sizes := []int{0, 1, 300, embedMaxBytes + 1, 3000, 4<<10 + 1, 9000, blockBytes + 7}
	return testBody(sizes[a.rng.IntN(len(sizes))], a.rng.Uint64())
}

// step does one operation; its error says that the engine answered wrongly.
func (a *actor) step(e *Engine) error {
	switch n := a.rng.IntN(100); {
	case n < 35:
		return a.put(e)
	case n < 45:
		return a.delete(e)
	case n < 50:
		return a.deleteMany(e)
	case n < 55:
		return a.copy(e)
	case n < 62:
		return a.startUpload(e)
	case n < 80:
		return a.putPart(e)
	case n < 88:
		return a.endUpload(e)
	default:
		return a.list(e)
	}
}

// outcome judges the answer of a write: want is what the state of the key
// demanded, nil when it is uncertain.
func (a *actor) outcome(what string, err, want error, certain bool) error {
	switch {
	case certain && want != nil && errors.Is(err, want), certain && want == nil && err == nil:
		return nil
	case !certain && (err == nil || errors.Is(err, ErrPreconditionFailed) || errors.Is(err, ErrNoSuchKey)):
		return nil
	case a.faulty && (errors.Is(err, ErrFailed) || errors.Is(err, ErrNoSpace) || errors.Is(err, errInjected)):
		return nil
	}
	return fmt.Errorf("%s: got error %v, want %v", what, err, want)
}

func refusal(err error) bool {
	return errors.Is(err, ErrPreconditionFailed) || errors.Is(err, ErrNoSuchKey)
}

// condition returns a random condition and how it must come out.
func (a *actor) condition(key string) (c Condition, want error, certain bool) {
	has, certain := a.only(key)
	switch a.rng.IntN(6) {
	case 0:
		c.IfNoneMatch = "*"
		if has.etag != "" {
			want = ErrPreconditionFailed
		}
	case 1:
		c.IfMatch = "*"
		if has.etag == "" {
			want = ErrNoSuchKey
		}
	case 2:
		if certain && has.etag != "" {
			c.IfMatch = has.etag
		}
	default:
		certain = true // unconditional
	}
	return c, want, certain
}

func (a *actor) put(e *Engine) error {
	key, body := a.key(), a.body()
	c, want, certain := a.condition(key)
	next := map[string]content{key: {md5Hex(body), string(body)}}
	size := int64(len(body))
	if a.rng.IntN(2) == 0 {
		size = UnknownSize
	}
	a.begin(next)
	_, err := e.Put(context.Background(), testBucket, key, bytes.NewReader(body), PutOptions{SizeBytes: size, Condition: c})
	a.end(next, err, refusal(err))
	return a.outcome(fmt.Sprintf("Put(%q, %d bytes, %+v)", key, len(body), c), err, want, certain)
}

func (a *actor) delete(e *Engine) error {
	key := a.key()
	next := map[string]content{key: {}}
	a.begin(next)
	_, err := e.Delete(context.Background(), testBucket, key, DeleteOptions{})
	a.end(next, err, false)
	return a.outcome("Delete", err, nil, true)
}

func (a *actor) deleteMany(e *Engine) error {
	next := map[string]content{}
	var targets []DeleteTarget
	for range 3 {
		key := a.key()
		next[key] = content{}
		targets = append(targets, DeleteTarget{Key: key})
	}
	a.begin(next)
	_, err := e.DeleteMany(context.Background(), testBucket, targets)
	a.end(next, err, false)
	return a.outcome("DeleteMany", err, nil, true)
}

func (a *actor) copy(e *Engine) error {
	from, to := a.key(), a.key()
	r, err := e.Get(context.Background(), testBucket, from, GetOptions{})
	if errors.Is(err, ErrNoSuchKey) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	body, err := readRange(r, 0, r.SizeBytes)
	if err != nil {
		return err
	}
	part, err := r.Range(0, r.SizeBytes)
	if err != nil {
		return err
	}
	defer part.Close()
	next := map[string]content{to: {md5Hex(body), string(body)}}
	a.begin(next)
	_, err = e.Put(context.Background(), testBucket, to, part, PutOptions{SizeBytes: r.SizeBytes})
	a.end(next, err, false)
	return a.outcome("copy", err, nil, true)
}

func (a *actor) startUpload(e *Engine) error {
	if len(a.uploads) > 3 {
		return a.endUpload(e)
	}
	u, err := e.CreateUpload(context.Background(), testBucket, a.key(), UploadOptions{Checksum: CRC32, ChecksumType: FullObject})
	if err == nil {
		a.uploads = append(a.uploads, &modelUpload{upload: u, parts: map[int]CompletedPart{}, bodies: map[int]string{}})
	}
	return a.outcome("CreateUpload", err, nil, true)
}

func (a *actor) putPart(e *Engine) error {
	if len(a.uploads) == 0 {
		return nil
	}
	u := a.uploads[a.rng.IntN(len(a.uploads))]
	number, body := 1+a.rng.IntN(4), testBody(7000+a.rng.IntN(9000), a.rng.Uint64())
	p, err := e.PutPart(context.Background(), testBucket, u.upload.Key, u.upload.ID, number, bytes.NewReader(body), PartOptions{SizeBytes: UnknownSize})
	if err == nil {
		u.parts[number], u.bodies[number] = CompletedPart{Number: number, ETag: p.ETag}, string(body)
	} else {
		u.lost = true
	}
	return a.outcome("PutPart", err, nil, true)
}

func (a *actor) endUpload(e *Engine) error {
	if len(a.uploads) == 0 {
		return nil
	}
	i := a.rng.IntN(len(a.uploads))
	u := a.uploads[i]
	a.uploads = slices.Delete(a.uploads, i, i+1)
	if len(u.parts) == 0 || u.lost || a.rng.IntN(3) == 0 {
		return a.outcome("AbortUpload", e.AbortUpload(context.Background(), testBucket, u.upload.Key, u.upload.ID), nil, true)
	}
	numbers := slices.Sorted(maps.Keys(u.parts))
	if a.rng.IntN(3) == 0 {
		numbers = numbers[:1]
	}
	var parts []CompletedPart
	var bodies [][]byte
	for _, n := range numbers {
		parts, bodies = append(parts, u.parts[n]), append(bodies, []byte(u.bodies[n]))
	}
	next := map[string]content{u.upload.Key: {partsETag(bodies...), string(bytes.Join(bodies, nil))}}
	a.begin(next)
	_, err := e.CompleteUpload(context.Background(), testBucket, u.upload.Key, u.upload.ID, parts, CompleteOptions{})
	a.end(next, err, false)
	return a.outcome("CompleteUpload", err, nil, true)
}

func (a *actor) list(e *Engine) error {
	var keys []string
	for _, key := range modelKeys {
		has, certain := a.only(key)
		if !certain {
			return nil
		}
		if has.etag != "" {
			keys = append(keys, key)
		}
	}
	opts := ListOptions{Delimiter: []string{"", "/"}[a.rng.IntN(2)], Limit: 1 + a.rng.IntN(7)}
	list, err := e.List(context.Background(), testBucket, opts)
	if err != nil {
		return err
	}
	want, truncated := modelList(keys, opts)
	if got := entryNames(list); !slices.Equal(got, want) || list.Truncated != truncated {
		return fmt.Errorf("List(%+v): got %q, %v; want %q, %v", opts, got, list.Truncated, want, truncated)
	}
	return nil
}

func randomSeed(t *testing.T) uint64 {
	t.Helper()
	seed := *testSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed=%d", seed)
	return seed
}

// TestRandomOperationsAgainstModel does random operations, with clean restarts
// and crashes between them.
func TestRandomOperationsAgainstModel(t *testing.T) {
	seed := randomSeed(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	fs := vfs.NewCrashableMem()
	cfg := testConfig(fs)
	e := openTest(t, cfg)
	createBucket(t, e, testBucket)
	a := &actor{world: newWorld(), rng: rng}
	for i := range 1500 * *testEffort {
		if err := a.step(e); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		restart := rng.IntN(60)
		if restart > 1 {
			continue
		}
		if restart == 0 {
			fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		}
		if err := e.Close(); err != nil {
			t.Fatalf("step %d: Close: %v", i, err)
		}
		cfg.FS = fs
		e = openTest(t, cfg)
		if err := check(e, a.snapshot()); err != nil {
			t.Fatalf("step %d, after restart: %v", i, err)
		}
		e.reaper.quiesce()
		if err := checkIndex(e); err != nil {
			t.Fatalf("step %d, after restart: %v", i, err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}
