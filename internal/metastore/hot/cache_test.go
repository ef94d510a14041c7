package hot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"inro.dev/inro/internal/metastore"
)

const account, kind = "111122223333", "thing"

// source is a store of text whose answers a test can hold back.
type source struct {
	metastore.Reader // panics where a test expects no call

	mu      sync.Mutex
	records map[string]string
	edges   []metastore.Edge // sorted by To
	err     error
	asked   int
	// hold, if not nil, is received from between reading and answering.
	hold chan struct{}
}

// read runs f on the source's content and answers when the test lets it.
func (s *source) read(f func() error) error {
	s.mu.Lock()
	s.asked++
	err := s.err
	if err == nil {
		err = f()
	}
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return err
}

func (s *source) Record(_ context.Context, _, _, id string) (record metastore.Record, err error) {
	err = s.read(func() error {
		body, ok := s.records[id]
		if !ok {
			return fmt.Errorf("%s: %w", id, metastore.ErrNotFound)
		}
		record.Body = []byte(body)
		return nil
	})
	return record, err
}

func (s *source) Relation(_ context.Context, _, _, from, to string) (edge metastore.Edge, err error) {
	err = s.read(func() error {
		for _, e := range s.edges {
			if e.From == from && e.To == to {
				edge = e
				return nil
			}
		}
		return metastore.ErrNotFound
	})
	return edge, err
}

func (s *source) Relations(_ context.Context, _, _ string, side metastore.Side, id, after string, limit int) (edges []metastore.Edge, err error) {
	err = s.read(func() error {
		for _, e := range s.edges {
			if e.From == id && side == metastore.FromSide && e.To > after && len(edges) < limit {
				edges = append(edges, e)
			}
		}
		return nil
	})
	return edges, err
}

func (s *source) CountRelations(context.Context, string, string, metastore.Side, string) (n int, err error) {
	err = s.read(func() error { n = len(s.edges); return nil })
	return n, err
}

func (s *source) set(id, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[id] = body
}

func (s *source) holdBack(c chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = c
}

func (s *source) wantAsked(t *testing.T, want int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked != want {
		t.Errorf("the source was asked %d times, want %d", s.asked, want)
	}
}

func body(t *testing.T, c *Cache, id string) string {
	t.Helper()
	record, err := c.Record(t.Context(), account, kind, id)
	if errors.Is(err, metastore.ErrNotFound) {
		return "none"
	}
	if err != nil {
		t.Errorf("Record(%q): %v", id, err)
	}
	return string(record.Body)
}

func wantBody(t *testing.T, c *Cache, id, want string) {
	t.Helper()
	if got := body(t, c, id); got != want {
		t.Errorf("Record(%q) = %q, want %q", id, got, want)
	}
}

func changeOf(ids ...string) (changes []Change) {
	for _, id := range ids {
		changes = append(changes, Change{Account: account, Kind: kind, ID: id})
	}
	return changes
}

func TestAnswersAreKept(t *testing.T) {
	s := &source{records: map[string]string{"a": "1"}}
	c := New(Config{}, s)
	for range 3 {
		wantBody(t, c, "a", "1")
		wantBody(t, c, "absent", "none")
	}
	s.wantAsked(t, 2)
	record, _ := c.Record(t.Context(), account, kind, "a")
	record.Memo.Store("decoded")
	if again, _ := c.Record(t.Context(), account, kind, "a"); again.Memo.Load() != "decoded" {
		t.Errorf("memo of the second read = %v, want that of the first", again.Memo.Load())
	}
}

func TestCommitRemovesWhatItTouches(t *testing.T) {
	s := &source{records: map[string]string{"a": "1", "b": "1"}}
	c := New(Config{}, s)
	wantBody(t, c, "a", "1")
	wantBody(t, c, "b", "1")
	wantBody(t, c, "new", "none")
	c.Begin(changeOf("a", "new"))
	s.set("a", "2")
	s.set("new", "2")
	c.End(changeOf("a", "new"))
	wantBody(t, c, "a", "2")
	wantBody(t, c, "new", "2")
	s.wantAsked(t, 5)
	wantBody(t, c, "b", "1")
	s.wantAsked(t, 5)
}

// A read that found the state before a commit must not install it after.
func TestReadOvertakenByCommitIsNotKept(t *testing.T) {
	for _, step := range []string{"before the commit ends", "after the commit ended"} {
		synctest.Test(t, func(t *testing.T) {
			s := &source{records: map[string]string{"a": "old"}, hold: make(chan struct{})}
			c := New(Config{}, s)
			go body(t, c, "a")
			synctest.Wait() // it has read "old"
			hold := s.hold
			s.holdBack(nil)
			c.Begin(changeOf("a"))
			s.set("a", "new")
			if step == "before the commit ends" {
				close(hold)
				synctest.Wait()
			}
			c.End(changeOf("a"))
			if step == "after the commit ended" {
				wantBody(t, c, "a", "new") // does not wait for the overtaken read
				close(hold)
				synctest.Wait()
			}
			wantBody(t, c, "a", "new")
		})
	}
}

// While a commit is under way the source may give either state.
func TestReadDuringCommitIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{records: map[string]string{"a": "old"}}
		c := New(Config{}, s)
		c.Begin(changeOf("a"))
		wantBody(t, c, "a", "old") // not committed yet

		hold := make(chan struct{})
		s.holdBack(hold)
		slow := make(chan string, 1)
		go func() { slow <- body(t, c, "a") }()
		synctest.Wait() // it has read "old"
		s.holdBack(nil)
		s.set("a", "new")
		wantBody(t, c, "a", "new") // not from the slow read
		c.End(changeOf("a"))
		wantBody(t, c, "a", "new")
		close(hold)
		if got := <-slow; got != "old" {
			t.Errorf("the slow read = %q, want old", got)
		}
		wantBody(t, c, "a", "new")
	})
}

func TestCommitsMayOverlap(t *testing.T) {
	s := &source{records: map[string]string{"a": "1"}}
	c := New(Config{}, s)
	c.Begin(changeOf("a", "a"))
	c.Begin(changeOf("a"))
	c.End(changeOf("a", "a"))
	wantBody(t, c, "a", "1")
	wantBody(t, c, "a", "1")
	s.wantAsked(t, 2)
	c.End(changeOf("a"))
	wantBody(t, c, "a", "1")
	wantBody(t, c, "a", "1")
	s.wantAsked(t, 3)
	for i := range c.shards {
		if n := len(c.shards[i].pending); n != 0 {
			t.Errorf("%d keys are still pending", n)
		}
	}
}

func TestConcurrentReadersShareOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{records: map[string]string{"a": "1"}, hold: make(chan struct{})}
		c := New(Config{}, s)
		for range 10 {
			go wantBody(t, c, "a", "1")
		}
		ctx, cancel := context.WithCancel(t.Context())
		canceled := make(chan error, 1)
		synctest.Wait()
		go func() {
			_, err := c.Record(ctx, account, kind, "a")
			canceled <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-canceled; !errors.Is(err, context.Canceled) {
			t.Errorf("canceled reader got %v, want context.Canceled", err)
		}
		s.wantAsked(t, 1)
		close(s.hold)
		synctest.Wait()
		s.wantAsked(t, 1)
	})
}

func TestFailureIsNotKeptNorShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("disk on fire")
		s := &source{records: map[string]string{"a": "1"}, err: failure, hold: make(chan struct{})}
		c := New(Config{}, s)
		first := make(chan error, 1)
		go func() {
			_, err := c.Record(t.Context(), account, kind, "a")
			first <- err
		}()
		synctest.Wait()
		go wantBody(t, c, "a", "1") // waits for the first, then asks itself
		synctest.Wait()
		s.mu.Lock()
		s.err = nil
		s.mu.Unlock()
		close(s.hold)
		if err := <-first; !errors.Is(err, failure) {
			t.Errorf("first reader got %v, want %v", err, failure)
		}
		synctest.Wait()
		wantBody(t, c, "a", "1")
		s.wantAsked(t, 2)
	})
}

func TestPanicOfSourceReleasesTheKey(t *testing.T) {
	c := New(Config{}, &source{})
	k := key{recordOf, account, kind, "a", ""}
	s, hash := c.shard(k)
	func() {
		defer func() { _ = recover() }()
		_, _ = s.load(t.Context(), k, hash, func(key) (*answer, error) { panic("source") })
	}()
	a, err := s.load(t.Context(), k, hash, func(key) (*answer, error) { return &answer{absent: true}, nil })
	if err != nil || !a.absent {
		t.Errorf("load after a panic = %v, %v", a, err)
	}
}

func TestEdgesAreInvalidatedFromEachEnd(t *testing.T) {
	change := []Change{{Account: account, Kind: kind, ID: "p", To: "u"}}
	want := []key{{edgeOf, account, kind, "p", "u"}, {edgesFrom, account, kind, "p", ""}, {edgesTo, account, kind, "u", ""}}
	if got := touched(change[0]); !slices.Equal(got, want) {
		t.Errorf("touched = %v, want %v", got, want)
	}
	s := &source{edges: []metastore.Edge{{From: "p", To: "u", Value: "1"}}}
	c := New(Config{}, s)
	read := func() (value string, listed, counted int) {
		e, err := c.Relation(t.Context(), account, kind, "p", "u")
		list, err2 := c.Relations(t.Context(), account, kind, metastore.FromSide, "p", "", 0)
		n, err3 := c.CountRelations(t.Context(), account, kind, metastore.FromSide, "p")
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		return e.Value, len(list), n
	}
	for range 2 {
		if value, listed, counted := read(); value != "1" || listed != 1 || counted != 1 {
			t.Errorf("read %q, %d, %d before the commit, want 1, 1, 1", value, listed, counted)
		}
	}
	s.wantAsked(t, 2)
	c.Begin(change)
	s.edges = []metastore.Edge{{From: "p", To: "u", Value: "2"}, {From: "p", To: "v"}}
	c.End(change)
	if value, listed, counted := read(); value != "2" || listed != 2 || counted != 2 {
		t.Errorf("read %q, %d, %d after the commit, want 2, 2, 2", value, listed, counted)
	}
}

func TestLongListsAreReadBeyondTheirFirstPage(t *testing.T) {
	for _, n := range []int{0, 1, pageEdges - 1, pageEdges, pageEdges + 1, 3 * pageEdges} {
		s := &source{}
		for i := range n {
			s.edges = append(s.edges, metastore.Edge{From: "p", To: fmt.Sprintf("u%04d", i)})
		}
		c := New(Config{}, s)
		for _, limit := range []int{1, 10, pageEdges, pageEdges + 1, 1000} {
			for start := -1; start < n; start++ {
				after := ""
				if start >= 0 {
					after = s.edges[start].To
				}
				want := s.edges[start+1 : min(start+1+limit, n)]
				got, err := c.Relations(t.Context(), account, kind, metastore.FromSide, "p", after, limit)
				if err != nil || !slices.Equal(got, want) {
					t.Fatalf("%d edges, after %q, limit %d: %d edges, %v, want %d", n, after, limit, len(got), err, len(want))
				}
			}
		}
		if got, err := c.CountRelations(t.Context(), account, kind, metastore.FromSide, "p"); err != nil || got != n {
			t.Errorf("CountRelations = %d, %v, want %d", got, err, n)
		}
		if n <= pageEdges {
			s.wantAsked(t, 1)
		}
	}
}

func TestEntriesAreBounded(t *testing.T) {
	for _, limit := range []int{1, 2, 100, 1000} {
		s := &source{records: map[string]string{}}
		c := New(Config{Entries: limit}, s)
		for i := range 20 * limit {
			body(t, c, fmt.Sprint("unknown-", i))
		}
		if got := c.Len(); got > limit || got < limit/2 {
			t.Errorf("%d answers are kept, want at most %d and about as many", got, limit)
		}
		for i := range c.shards {
			if n := len(c.shards[i].flights); n != 0 {
				t.Errorf("%d flights are left", n)
			}
		}
	}
}

func TestBytesAreBounded(t *testing.T) {
	s := &source{records: map[string]string{}}
	c := New(Config{Bytes: 1 << 20, Entries: 1000}, s)
	for i := range 1000 {
		id := fmt.Sprint("big-", i)
		s.set(id, string(make([]byte, i*20)))
		body(t, c, id)
	}
	total, queued := 0, 0
	for i := range c.shards {
		sum := 0
		for e := c.shards[i].oldest; e != nil; e = e.newer {
			sum += e.bytes
			queued++
		}
		if sum != c.shards[i].bytes {
			t.Errorf("shard %d counts %d bytes, its entries have %d", i, c.shards[i].bytes, sum)
		}
		total += sum
	}
	if total > 1<<20 || queued != c.Len() {
		t.Errorf("%d bytes in %d entries, %d queued", total, c.Len(), queued)
	}
}

func TestScanDoesNotEvictWhatIsUsed(t *testing.T) {
	s := &source{records: map[string]string{}}
	c := New(Config{Entries: 60}, s) // one shard
	used := func(i int) string { return fmt.Sprint("used-", i) }
	for i := range 30 {
		body(t, c, used(i))
	}
	for i := range 3000 {
		body(t, c, used(i%30))
		body(t, c, fmt.Sprint("scan-", i))
	}
	s.wantAsked(t, 30+3000)
}

func TestKeysOfOneHashDisplaceEachOther(t *testing.T) {
	c := New(Config{}, &source{})
	s, hash := &c.shards[0], uint64(0)
	k := []key{{recordOf, account, kind, "a", ""}, {recordOf, account, kind, "b", ""}}
	load := func(i int) {
		t.Helper()
		want := &answer{}
		got, err := s.load(t.Context(), k[i], hash, func(key) (*answer, error) { return want, nil })
		if err != nil || got != want || s.lookup(k[i], hash) != want || s.lookup(k[1-i], hash) != nil {
			t.Errorf("key %d: %p, %v, want %p kept alone", i, got, err, want)
		}
	}
	load(0)
	load(1)
	load(0)
	s.begin(k[1], hash)
	if s.lookup(k[0], hash) == nil {
		t.Error("a commit removed the answer of another key")
	}
	if s.len() != 1 || s.oldest != s.newest {
		t.Errorf("%d answers are kept, want 1", s.len())
	}
}

func TestClosedCacheKeepsNothing(t *testing.T) {
	s := &source{records: map[string]string{"a": "1"}}
	c := New(Config{}, s)
	wantBody(t, c, "a", "1")
	c.Close()
	wantBody(t, c, "a", "1")
	wantBody(t, c, "a", "1")
	s.wantAsked(t, 3)
	if c.Len() != 0 {
		t.Errorf("%d answers are kept", c.Len())
	}
}
