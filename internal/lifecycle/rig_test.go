package lifecycle

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/memory"
	"inro.dev/inro/internal/object"
)

const day = 24 * time.Hour

// rig is a worker over a real engine in memory, with a clock that is set.
type rig struct {
	t      testing.TB
	engine *object.Engine
	store  metastore.Store
	cfg    Config
	rules  map[string]*Configuration // by bucket

	mu  sync.Mutex
	now time.Time

	last Report
}

func newRig(t testing.TB) *rig {
	r := &rig{t: t, now: time.Date(2026, 3, 10, 12, 0, 0, 5, time.UTC), rules: map[string]*Configuration{}, store: memory.New()}
	engine, err := object.Open(object.Config{Dir: "data", FS: vfs.NewMem(), Clock: r.clock, ReserveBytes: -1, CacheSizeBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	r.engine = engine
	r.cfg = Config{
		Engine: engine, Store: r.store, Clock: r.clock, ObjectsPerSecond: -1,
		Rules:   func(_ context.Context, b object.Bucket) (*Configuration, error) { return r.rules[b.Name], nil },
		Observe: func(report Report) { r.last = report },
		Logger:  slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) bucket(name string, versioning object.Versioning, rules ...Rule) {
	r.t.Helper()
	_, err := r.engine.CreateBucket(r.t.Context(), object.Bucket{Name: name, Account: "1", Versioning: versioning})
	r.check(err)
	r.rules[name] = &Configuration{Rules: rules}
}

// put stores an object and returns its version ID.
func (r *rig) put(bucket, key string, opts object.PutOptions) string {
	r.t.Helper()
	opts.SizeBytes = int64(len(key))
	v, err := r.engine.Put(r.t.Context(), bucket, key, strings.NewReader(key), opts)
	r.check(err)
	return v.VersionID
}

func tagged(tags ...object.Tag) object.PutOptions {
	return object.PutOptions{Attributes: object.Attributes{Tags: tags}}
}

func (r *rig) delete(bucket, key string) {
	r.t.Helper()
	_, err := r.engine.Delete(r.t.Context(), bucket, key, object.DeleteOptions{})
	r.check(err)
}

// pass makes a pass.
func (r *rig) pass() Report {
	r.t.Helper()
	r.last = Report{}
	r.check(New(r.cfg).Pass(r.t.Context()))
	r.last.Took = 0
	return r.last
}

// want compares the versions of a bucket, newest first of each key, a delete
// marker with "-" before its key.
func (r *rig) want(bucket string, want ...string) {
	r.t.Helper()
	list, err := r.engine.Versions(r.t.Context(), bucket, object.ListVersionsOptions{Limit: 10000})
	r.check(err)
	var got []string
	for _, e := range list.Entries {
		mark := ""
		if e.Version.DeleteMarker {
			mark = "-"
		}
		got = append(got, mark+e.Version.Key)
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("%s has %s, want %s", bucket, fmt.Sprint(got), fmt.Sprint(want))
	}
}

func days(id, prefix string, n int) Rule {
	return Rule{ID: id, Filter: &Filter{Prefix: &prefix}, Expiration: &Expiration{Days: n}}
}

func noncurrent(id string, n, newer int) Rule {
	return Rule{ID: id, Filter: &Filter{}, Noncurrent: &NoncurrentExpiration{Days: n, Newer: newer}}
}

func markers(id string) Rule {
	yes := true
	return Rule{ID: id, Filter: &Filter{}, Expiration: &Expiration{DeleteMarker: &yes}}
}
