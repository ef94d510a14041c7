package metastoretest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"inro.dev/inro/internal/metastore"
)

var errOfCaller = errors.New("the caller's own error")

var transactionCases = []testCase{
	{"an Update that fails leaves nothing", func(e *env) {
		e.put("kept", "old", metastore.IndexValue{Name: "i", Value: "old"})
		e.relate("kept", "x", "old")
		err := e.store.Update(e.ctx, func(w metastore.Writer) error {
			e.spoil(w)
			return errOfCaller
		})
		if !errors.Is(err, errOfCaller) {
			e.Errorf("Update = %v, want the function's error", err)
		}
		e.wantUnspoilt()
	}},
	{"an Update that panics leaves nothing and panics on", func(e *env) {
		e.put("kept", "old", metastore.IndexValue{Name: "i", Value: "old"})
		e.relate("kept", "x", "old")
		func() {
			defer func() {
				if got := recover(); got != errOfCaller {
					e.Errorf("recovered %v, want the function's value", got)
				}
			}()
			_ = e.store.Update(e.ctx, func(w metastore.Writer) error {
				e.spoil(w)
				panic(errOfCaller)
			})
		}()
		e.wantUnspoilt()
	}},
	{"a View that fails or panics harms nothing", func(e *env) {
		e.put("a", "x")
		for range 20 { // more than a pool holds
			if err := e.store.View(e.ctx, func(metastore.Reader) error { return errOfCaller }); !errors.Is(err, errOfCaller) {
				e.Errorf("View = %v, want the function's error", err)
			}
			func() {
				defer func() { _ = recover() }()
				_ = e.store.View(e.ctx, func(metastore.Reader) error { panic("view") })
			}()
		}
		e.wantBody("a", "x")
	}},
	{"an Update sees its own writes and others do not", func(e *env) {
		e.put("a", "old", metastore.IndexValue{Name: "i", Value: "1"})
		e.update(func(w metastore.Writer) error {
			e.spoilA(w)
			record, err := w.Record(e.ctx, account, kind, "a")
			if err != nil || string(record.Body) != "new" {
				e.Errorf("own read: %q, %v, want new", record.Body, err)
			}
			if got := e.ids(w, metastore.Query{Index: "i", Value: "2"}); len(got) != 1 {
				e.Errorf("own query: %q, want one", got)
			}
			if got := e.others(w, metastore.FromSide, "a", "", 0); len(got) != 1 {
				e.Errorf("own edges: %q, want one", got)
			}
			e.view(func(r metastore.Reader) { e.wantOldA("View during Update", r) })
			e.wantOldA("Hot during Update", e.store.Hot())
			return nil
		})
		e.wantBody("a", "new")
	}},
	{"a View is a snapshot", func(e *env) {
		e.put("a", "old", metastore.IndexValue{Name: "i", Value: "1"})
		e.view(func(r metastore.Reader) {
			e.wantOldA("before", r)
			e.update(func(w metastore.Writer) error { e.spoilA(w); return nil })
			e.wantOldA("after an Update", r)
			e.delete("a")
			e.wantOldA("after a second Update", r)
		})
		e.wantBody("a", "")
	}},
	{"a View sees every Update that returned", func(e *env) {
		for i := range 50 {
			e.put("a", strconv.Itoa(i))
			e.view(func(r metastore.Reader) {
				if record, err := r.Record(e.ctx, account, kind, "a"); err != nil || string(record.Body) != strconv.Itoa(i) {
					e.Errorf("View after Update %d: %q, %v", i, record.Body, err)
				}
			})
		}
	}},
	{"concurrent Updates are serializable, each called once", func(e *env) {
		const writers, rounds = 8, 25
		var calls atomic.Int64
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				for range rounds {
					err := e.store.Update(e.ctx, func(w metastore.Writer) error {
						calls.Add(1)
						return increment(e.ctx, w, "counter")
					})
					if err != nil {
						e.Errorf("Update: %v", err)
					}
				}
			})
		}
		all.Wait()
		e.wantBody("counter", strconv.Itoa(writers*rounds))
		if calls.Load() != writers*rounds {
			e.Errorf("functions were called %d times, want %d", calls.Load(), writers*rounds)
		}
	}},
	{"failing among concurrent Updates does not harm the others", func(e *env) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range 20 {
					id := fmt.Sprintf("%d-%d", i, j)
					fails := (i+j)%3 == 0
					err := e.store.Update(e.ctx, func(w metastore.Writer) error {
						if err := w.Put(e.ctx, account, kind, id, []byte("x"), nil); err != nil || !fails {
							return err
						}
						return errOfCaller
					})
					if fails != errors.Is(err, errOfCaller) || !fails && err != nil {
						e.Errorf("Update %s: %v, should fail: %t", id, err, fails)
					}
					_, err = e.store.Hot().Record(e.ctx, account, kind, id)
					if fails != errors.Is(err, metastore.ErrNotFound) || !fails && err != nil {
						e.Errorf("after Update %s: %v, should have failed: %t", id, err, fails)
					}
				}
			})
		}
		all.Wait()
	}},
	{"one of many concurrent inserts wins", func(e *env) {
		table := metastore.NewTable[string](kind)
		var wins, losses atomic.Int64
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				v := strconv.Itoa(i)
				err := e.store.Update(e.ctx, func(w metastore.Writer) error { return table.Insert(e.ctx, w, account, "a", &v) })
				switch {
				case err == nil:
					wins.Add(1)
				case errors.Is(err, metastore.ErrExists):
					losses.Add(1)
				default:
					e.Errorf("Insert: %v", err)
				}
			})
		}
		all.Wait()
		if wins.Load() != 1 || losses.Load() != 15 {
			e.Errorf("%d won and %d lost, want 1 and 15", wins.Load(), losses.Load())
		}
	}},
	{"a context that is done stops everything before it starts", func(e *env) {
		e.put("a", "x")
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		err := e.store.Update(ctx, func(metastore.Writer) error { e.Error("Update called its function"); return nil })
		if !errors.Is(err, context.Canceled) {
			e.Errorf("Update = %v, want context.Canceled", err)
		}
		err = e.store.View(ctx, func(metastore.Reader) error { e.Error("View called its function"); return nil })
		if !errors.Is(err, context.Canceled) {
			e.Errorf("View = %v, want context.Canceled", err)
		}
		if _, err := e.store.Hot().Records(ctx, account, kind, metastore.Query{}); !errors.Is(err, context.Canceled) {
			e.Errorf("Hot().Records = %v, want context.Canceled", err)
		}
		if _, err := e.store.Hot().Record(ctx, account, kind, "never read"); !errors.Is(err, context.Canceled) {
			e.Errorf("Hot().Record = %v, want context.Canceled", err)
		}
		if _, err := e.store.Hot().Record(e.ctx, account, kind, "never read"); !errors.Is(err, metastore.ErrNotFound) {
			e.Errorf("Hot().Record after a canceled one = %v, want ErrNotFound", err)
		}
	}},
	{"a context that ends while waiting ends the wait", waitsForTurn},
	{"an Update whose context ended midway is not committed", func(e *env) {
		ctx, cancel := context.WithCancel(e.ctx)
		err := e.store.Update(ctx, func(w metastore.Writer) error {
			if err := w.Put(ctx, account, kind, "a", []byte("x"), nil); err != nil {
				return err
			}
			cancel()
			if err := w.Put(ctx, account, kind, "b", []byte("x"), nil); !errors.Is(err, context.Canceled) {
				e.Errorf("Put = %v, want context.Canceled", err)
			}
			return nil // as if it had not noticed
		})
		if !errors.Is(err, context.Canceled) {
			e.Errorf("Update = %v, want context.Canceled", err)
		}
		e.wantBody("a", "")
		e.wantBody("b", "")
	}},
	{"a transaction's reader is of no use afterwards", func(e *env) {
		var r metastore.Reader
		var w metastore.Writer
		e.view(func(reader metastore.Reader) { r = reader })
		e.update(func(writer metastore.Writer) error { w = writer; return nil })
		for name, err := range map[string]error{
			"Record":         second(r.Record(e.ctx, account, kind, "a")),
			"Records":        second(r.Records(e.ctx, account, kind, metastore.Query{})),
			"CountRecords":   second(r.CountRecords(e.ctx, account, kind, metastore.Query{})),
			"Relation":       second(w.Relation(e.ctx, account, edges, "a", "b")),
			"Relations":      second(w.Relations(e.ctx, account, edges, metastore.FromSide, "a", "", 0)),
			"CountRelations": second(w.CountRelations(e.ctx, account, edges, metastore.FromSide, "a")),
			"Put":            w.Put(e.ctx, account, kind, "a", nil, nil),
			"Delete":         w.Delete(e.ctx, account, kind, "a"),
			"Relate":         second(w.Relate(e.ctx, account, edges, "a", "b", "")),
			"Unrelate":       second(w.Unrelate(e.ctx, account, edges, "a", "b")),
		} {
			if !errors.Is(err, metastore.ErrFinished) {
				e.Errorf("%s = %v, want ErrFinished", name, err)
			}
		}
	}},
	{"a closed store says so", func(e *env) {
		e.put("a", "x")
		if _, err := e.store.Hot().Record(e.ctx, account, kind, "a"); err != nil {
			e.Error(err)
		}
		for range 2 {
			if err := e.store.Close(); err != nil {
				e.Errorf("Close: %v", err)
			}
		}
		for name, err := range map[string]error{
			"Update":         e.store.Update(e.ctx, func(metastore.Writer) error { return nil }),
			"View":           e.store.View(e.ctx, func(metastore.Reader) error { return nil }),
			"Hot().Record":   second(e.store.Hot().Record(e.ctx, account, kind, "a")),
			"Hot().Records":  second(e.store.Hot().Records(e.ctx, account, kind, metastore.Query{})),
			"Hot().Relation": second(e.store.Hot().Relation(e.ctx, account, edges, "a", "b")),
		} {
			if !errors.Is(err, metastore.ErrClosed) {
				e.Errorf("%s = %v, want ErrClosed", name, err)
			}
		}
	}},
	{"closing lets running Updates finish", func(e *env) {
		var all sync.WaitGroup
		results := make([]error, 16)
		for i := range results {
			all.Go(func() {
				results[i] = e.store.Update(e.ctx, func(w metastore.Writer) error {
					return w.Put(e.ctx, account, kind, strconv.Itoa(i), []byte("x"), nil)
				})
			})
		}
		if err := e.store.Close(); err != nil {
			e.Errorf("Close: %v", err)
		}
		all.Wait()
		for i, err := range results {
			if err != nil && !errors.Is(err, metastore.ErrClosed) {
				e.Errorf("Update %d: %v, want nil or ErrClosed", i, err)
			}
		}
	}},
}

// spoil writes in every way.
func (e *env) spoil(w metastore.Writer) {
	err := errors.Join(
		w.Put(e.ctx, account, kind, "kept", []byte("new"), []metastore.IndexValue{{Name: "i", Value: "new"}}),
		w.Put(e.ctx, account, kind, "added", []byte("new"), nil),
		second(w.Relate(e.ctx, account, edges, "kept", "x", "new")),
		second(w.Relate(e.ctx, account, edges, "kept", "y", "new")),
		w.Delete(e.ctx, account, kind, "kept"),
		second(w.Unrelate(e.ctx, account, edges, "kept", "x")),
	)
	if err != nil {
		e.Errorf("writing: %v", err)
	}
}

// wantUnspoilt checks that spoil left nothing.
func (e *env) wantUnspoilt() {
	e.Helper()
	e.wantBody("kept", "old")
	e.wantBody("added", "")
	e.wantIDs(metastore.Query{Index: "i", Value: "old"}, "kept")
	e.wantIDs(metastore.Query{Index: "i", Value: "new"})
	e.wantValue("kept", "x", "old", true)
	e.wantEdges(metastore.FromSide, "kept", "x")
	e.put("later", "x") // and the store goes on
	e.wantBody("later", "x")
}

// spoilA replaces the record "a", its index value and its edges.
func (e *env) spoilA(w metastore.Writer) {
	err := errors.Join(
		w.Put(e.ctx, account, kind, "a", []byte("new"), []metastore.IndexValue{{Name: "i", Value: "2"}}),
		second(w.Relate(e.ctx, account, edges, "a", "b", "")),
	)
	if err != nil {
		e.Errorf("writing: %v", err)
	}
}

// wantOldA checks that a reader sees "a" as it was.
func (e *env) wantOldA(when string, r metastore.Reader) {
	e.Helper()
	record, err := r.Record(e.ctx, account, kind, "a")
	if err != nil || string(record.Body) != "old" {
		e.Errorf("%s: %q, %v, want old", when, record.Body, err)
	}
	if got := e.ids(r, metastore.Query{Index: "i", Value: "1"}); len(got) != 1 {
		e.Errorf("%s: by old index value: %q, want one", when, got)
	}
	if got := e.others(r, metastore.FromSide, "a", "", 0); len(got) != 0 {
		e.Errorf("%s: edges %q, want none", when, got)
	}
}

// increment adds one to a decimal record.
func increment(ctx context.Context, w metastore.Writer, id string) error {
	n := 0
	record, err := w.Record(ctx, account, kind, id)
	if err == nil {
		n, err = strconv.Atoi(string(record.Body))
	}
	if err != nil && !errors.Is(err, metastore.ErrNotFound) {
		return err
	}
	return w.Put(ctx, account, kind, id, []byte(strconv.Itoa(n+1)), nil)
}

func waitsForTurn(e *env) {
	entered, release := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		e.update(func(w metastore.Writer) error {
			close(entered)
			<-release
			return w.Put(e.ctx, account, kind, "a", []byte("x"), nil)
		})
	})
	<-entered
	var waiting sync.WaitGroup
	for range 5 {
		ctx, cancel := context.WithCancel(e.ctx)
		waiting.Go(func() {
			err := e.store.Update(ctx, func(metastore.Writer) error { return nil })
			if !errors.Is(err, context.Canceled) {
				e.Errorf("waiting Update = %v, want context.Canceled", err)
			}
		})
		cancel()
	}
	waiting.Wait()
	close(release)
	first.Wait()
	e.wantBody("a", "x")
}
