// Package metastoretest is the suite that every [metastore.Store] must pass.
//
// [Run] states the contract case by case, races included, and then compares
// the store with package memory under random operations. [RunDurable] adds
// what needs a store to be opened a second time.
package metastoretest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"inro.dev/inro/internal/metastore"
)

// Run tests the stores that open returns, each of which must be empty. The
// suite closes them.
func Run(t *testing.T, open func(t *testing.T) metastore.Store) {
	for _, c := range slices.Concat(recordCases, queryCases, relationCases, transactionCases, hotCases, modelCases) {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			c.run(&env{t, t.Context(), s})
		})
	}
}

// testCase is one statement about a store.
type testCase struct {
	name string
	run  func(e *env)
}

// env is what a case works with.
type env struct {
	*testing.T
	ctx   context.Context
	store metastore.Store
}

// Names that most cases use.
const (
	account = "111122223333"
	kind    = "thing"
	edges   = "attachment"
)

// update runs an Update that must succeed.
func (e *env) update(f func(w metastore.Writer) error) {
	e.Helper()
	if err := e.store.Update(e.ctx, f); err != nil {
		e.Fatalf("Update: %v", err)
	}
}

// view runs a View that must succeed.
func (e *env) view(f func(r metastore.Reader)) {
	e.Helper()
	err := e.store.View(e.ctx, func(r metastore.Reader) error { f(r); return nil })
	if err != nil {
		e.Fatalf("View: %v", err)
	}
}

func (e *env) put(id, body string, index ...metastore.IndexValue) {
	e.Helper()
	e.update(func(w metastore.Writer) error { return w.Put(e.ctx, account, kind, id, []byte(body), index) })
}

func (e *env) delete(id string) {
	e.Helper()
	e.update(func(w metastore.Writer) error { return w.Delete(e.ctx, account, kind, id) })
}

func (e *env) relate(from, to, value string) (added bool) {
	e.Helper()
	e.update(func(w metastore.Writer) (err error) {
		added, err = w.Relate(e.ctx, account, edges, from, to, value)
		return err
	})
	return added
}

func (e *env) unrelate(from, to string) (removed bool) {
	e.Helper()
	e.update(func(w metastore.Writer) (err error) {
		removed, err = w.Unrelate(e.ctx, account, edges, from, to)
		return err
	})
	return removed
}

// readers calls f with each sort of reader that sees the committed state.
func (e *env) readers(f func(sort string, r metastore.Reader)) {
	e.Helper()
	e.view(func(r metastore.Reader) { f("View", r) })
	e.update(func(w metastore.Writer) error { f("Update", w); return nil })
	f("Hot, first read", e.store.Hot())
	f("Hot, second read", e.store.Hot())
}

// wantBody checks a record through every sort of reader; want "" is for none.
func (e *env) wantBody(id, want string) {
	e.Helper()
	e.readers(func(sort string, r metastore.Reader) {
		e.Helper()
		record, err := r.Record(e.ctx, account, kind, id)
		switch {
		case want == "" && !errors.Is(err, metastore.ErrNotFound):
			e.Errorf("%s: Record(%q) = %q, %v, want ErrNotFound", sort, id, record.Body, err)
		case want != "" && (err != nil || string(record.Body) != want):
			e.Errorf("%s: Record(%q) = %q, %v, want %q", sort, id, record.Body, err, want)
		}
	})
}

// wantIDs checks a query through every sort of reader.
func (e *env) wantIDs(q metastore.Query, want ...string) {
	e.Helper()
	e.readers(func(sort string, r metastore.Reader) {
		e.Helper()
		if got := e.ids(r, q); !slices.Equal(got, want) {
			e.Errorf("%s: Records(%+v) = %q, want %q", sort, q, got, want)
		}
	})
}

func (e *env) ids(r metastore.Reader, q metastore.Query) []string {
	e.Helper()
	rows, err := r.Records(e.ctx, account, kind, q)
	if err != nil {
		e.Fatalf("Records(%+v): %v", q, err)
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids
}

// wantEdges checks the other ends of the edges at one end.
func (e *env) wantEdges(side metastore.Side, id string, want ...string) {
	e.Helper()
	e.readers(func(sort string, r metastore.Reader) {
		e.Helper()
		if got := e.others(r, side, id, "", 0); !slices.Equal(got, want) {
			e.Errorf("%s: Relations(side %d, %q) = %q, want %q", sort, side, id, got, want)
		}
		n, err := r.CountRelations(e.ctx, account, edges, side, id)
		if err != nil || n != len(want) {
			e.Errorf("%s: CountRelations(side %d, %q) = %d, %v, want %d", sort, side, id, n, err, len(want))
		}
	})
}

func (e *env) others(r metastore.Reader, side metastore.Side, id, after string, limit int) []string {
	e.Helper()
	page, err := r.Relations(e.ctx, account, edges, side, id, after, limit)
	if err != nil {
		e.Fatalf("Relations(side %d, %q, after %q, limit %d): %v", side, id, after, limit, err)
	}
	var ids []string
	for _, edge := range page {
		ids = append(ids, edge.Other(side))
	}
	return ids
}
