package metastoretest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"inro.dev/inro/internal/metastore"
)

var hotCases = []testCase{
	{"Hot sees every Update that returned", func(e *env) {
		hot := e.store.Hot()
		for i := range 40 {
			body := strconv.Itoa(i)
			e.put("a", body)
			if record, err := hot.Record(e.ctx, account, kind, "a"); err != nil || string(record.Body) != body {
				e.Fatalf("after put %d: %q, %v", i, record.Body, err)
			}
			e.delete("a")
			if record, err := hot.Record(e.ctx, account, kind, "a"); !errors.Is(err, metastore.ErrNotFound) {
				e.Fatalf("after delete %d: %q, %v", i, record.Body, err)
			}
			e.relate("x", body, body)
			if got := e.others(hot, metastore.FromSide, "x", "", 0); len(got) != i+1 {
				e.Fatalf("after relate %d: %d edges", i, len(got))
			}
			if got := e.others(hot, metastore.ToSide, body, "", 1); len(got) != 1 {
				e.Fatalf("after relate %d: %d edges at the other end", i, len(got))
			}
		}
	}},
	{"Hot does not see an Update that failed", func(e *env) {
		e.put("a", "old")
		e.wantBody("a", "old")
		for range 3 {
			_ = e.store.Update(e.ctx, func(w metastore.Writer) error {
				e.spoilA(w)
				e.wantHot("a", "old")
				return errOfCaller
			})
			e.wantHot("a", "old")
		}
	}},
	{"Hot is always the same reader", func(e *env) {
		if e.store.Hot() != e.store.Hot() {
			e.Error("two calls of Hot differ")
		}
	}},
	{"a shared value is decoded from the revision read", func(e *env) {
		table := metastore.NewTable[int](kind)
		for i := range 20 {
			e.update(func(w metastore.Writer) error { return table.Put(e.ctx, w, account, "a", &i) })
			for range 2 {
				if got, err := table.Get(e.ctx, e.store.Hot(), account, "a"); err != nil || *got != i {
					e.Fatalf("Get = %v, %v, want %d", got, err, i)
				}
			}
		}
	}},
	{"no read is older than an Update that returned", racesOfHot},
}

func (e *env) wantHot(id, want string) {
	e.Helper()
	if record, err := e.store.Hot().Record(e.ctx, account, kind, id); err != nil || string(record.Body) != want {
		e.Errorf("Hot().Record(%q) = %q, %v, want %q", id, record.Body, err, want)
	}
}

// raceRounds is how many Updates the race case makes for each key.
const raceRounds = 150

// raceKey is a key of the race case: round n of its writer sets the record
// and the edge hub -> name to n, and creates the record name-n, all at once.
type raceKey struct {
	name     string
	returned atomic.Int64 // the last round whose Update returned
}

// racesOfHot has writers count up while readers check that nothing they read
// is behind what had returned before the read, nor behind what they read
// before.
func racesOfHot(e *env) {
	keys := make([]raceKey, 4)
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for i := range keys {
		k := &keys[i]
		k.name = fmt.Sprintf("key-%d", i)
		e.raceRound(k, 1)
		writers.Go(func() {
			for n := int64(2); n <= raceRounds && !e.Failed(); n++ {
				e.raceRound(k, n)
			}
		})
	}
	for i := range 4 {
		readers.Go(func() {
			var last [4]int64
			for j := i; ; j++ {
				select {
				case <-stop:
					return
				default:
				}
				if !e.raceRead(&keys[j%len(keys)], &last[j%len(keys)]) {
					return
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

func (e *env) raceRound(k *raceKey, n int64) {
	body := strconv.FormatInt(n, 10)
	err := e.store.Update(e.ctx, func(w metastore.Writer) error {
		return errors.Join(
			w.Put(e.ctx, account, kind, k.name, []byte(body), nil),
			w.Put(e.ctx, account, kind, k.name+"-"+body, []byte(body), nil),
			second(w.Relate(e.ctx, account, edges, "hub", k.name, body)),
		)
	})
	if err != nil {
		e.Errorf("Update: %v", err)
		return
	}
	k.returned.Store(n)
}

// raceRead reads everything about a key and says whether all was well.
func (e *env) raceRead(k *raceKey, last *int64) bool {
	hot := e.store.Hot()
	check := func(what, text string, err error, floor int64) bool {
		n, numberErr := strconv.ParseInt(text, 10, 64)
		if err != nil || numberErr != nil || n < floor {
			e.Errorf("%s of %s = %q, %v, want at least %d", what, k.name, text, err, floor)
			return false
		}
		return true
	}

	floor := max(k.returned.Load(), *last)
	record, err := hot.Record(e.ctx, account, kind, k.name)
	if !check("record", string(record.Body), err, floor) {
		return false
	}
	*last, _ = strconv.ParseInt(string(record.Body), 10, 64)

	floor = k.returned.Load()
	edge, err := hot.Relation(e.ctx, account, edges, "hub", k.name)
	if !check("edge", edge.Value, err, floor) {
		return false
	}
	floor = k.returned.Load()
	list, err := hot.Relations(e.ctx, account, edges, metastore.FromSide, "hub", "", 0)
	value := ""
	for _, edge := range list {
		if edge.To == k.name {
			value = edge.Value
		}
	}
	if !check("listed edge", value, err, floor) {
		return false
	}

	// The next round's record may be absent still, and this may be
	// remembered, but not beyond the Update that creates it.
	next := fmt.Sprintf("%s-%d", k.name, k.returned.Load()+1)
	if _, err := hot.Record(e.ctx, account, kind, next); err != nil && !errors.Is(err, metastore.ErrNotFound) {
		e.Errorf("probing %s: %v", next, err)
		return false
	}
	floor = k.returned.Load()
	created := fmt.Sprintf("%s-%d", k.name, floor)
	record, err = hot.Record(e.ctx, account, kind, created)
	return check("created record", string(record.Body), err, floor)
}
