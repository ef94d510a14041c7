package metastoretest

import (
	"errors"
	"fmt"
	"slices"

	"inro.dev/inro/internal/metastore"
)

var relationCases = []testCase{
	{"an edge is read from both ends", func(e *env) {
		e.wantEdges(metastore.FromSide, "p")
		for _, pair := range [][2]string{{"p", "u2"}, {"p", "u1"}, {"q", "u1"}, {"u1", "p"}} {
			if !e.relate(pair[0], pair[1], "") {
				e.Errorf("Relate(%q) says that it was there", pair)
			}
		}
		e.wantEdges(metastore.FromSide, "p", "u1", "u2")
		e.wantEdges(metastore.FromSide, "q", "u1")
		e.wantEdges(metastore.ToSide, "u1", "p", "q")
		e.wantEdges(metastore.ToSide, "u2", "p")
		e.wantEdges(metastore.ToSide, "p", "u1")
		e.wantEdges(metastore.FromSide, "u2")
		if !e.unrelate("p", "u1") {
			e.Error("Unrelate says that it was not there")
		}
		e.wantEdges(metastore.FromSide, "p", "u2")
		e.wantEdges(metastore.ToSide, "u1", "q")
	}},
	{"relating and unrelating are idempotent", func(e *env) {
		if e.unrelate("a", "b") {
			e.Error("Unrelate of nothing says that it was there")
		}
		for i, want := range []bool{true, false, false} {
			if got := e.relate("a", "b", "v"); got != want {
				e.Errorf("Relate number %d: added = %t, want %t", i, got, want)
			}
		}
		e.wantEdges(metastore.FromSide, "a", "b")
		for i, want := range []bool{true, false} {
			if got := e.unrelate("a", "b"); got != want {
				e.Errorf("Unrelate number %d: removed = %t, want %t", i, got, want)
			}
		}
		e.wantEdges(metastore.FromSide, "a")
	}},
	{"an edge's value is replaced", func(e *env) {
		e.wantValue("a", "b", "", false)
		for _, value := range []string{"", "one", "two", "two", "日本\n'%"} {
			e.relate("a", "b", value)
			e.wantValue("a", "b", value, true)
		}
		e.wantValue("b", "a", "", false)
		e.unrelate("a", "b")
		e.wantValue("a", "b", "", false)
	}},
	{"edges are paged in the order of bytes", func(e *env) {
		var others []string
		e.update(func(w metastore.Writer) error {
			others = slices.Clone(oddIDs)
			for i := range 150 { // more than a cache keeps of a list
				others = append(others, fmt.Sprintf("n%03d", i))
			}
			for _, id := range others {
				if _, err := w.Relate(e.ctx, account, edges, "hub", id, id); err != nil {
					return err
				}
				if _, err := w.Relate(e.ctx, account, edges, id, "hub", id); err != nil {
					return err
				}
			}
			return nil
		})
		slices.Sort(others)
		for _, side := range []metastore.Side{metastore.FromSide, metastore.ToSide} {
			e.wantEdges(side, "hub", others...)
			for _, limit := range []int{1, 7, 63, 64, 65, 1000} {
				var got []string
				after := ""
				for {
					page := e.others(e.store.Hot(), side, "hub", after, limit)
					got = append(got, page...)
					if len(page) < limit {
						break
					}
					after = page[len(page)-1]
				}
				if !slices.Equal(got, others) {
					e.Errorf("side %d in pages of %d: %q, want %q", side, limit, got, others)
				}
			}
			if got, want := e.others(e.store.Hot(), side, "hub", "n0005", 2), []string{"n001", "n002"}; !slices.Equal(got, want) {
				e.Errorf("side %d after an absent ID: %q, want %q", side, got, want)
			}
		}
	}},
	{"relations of accounts and kinds are separate, and from records", func(e *env) {
		e.relate("a", "b", "mine")
		e.update(func(w metastore.Writer) error {
			for _, k := range [][2]string{{"other", edges}, {account, "other"}, {account, kind}} {
				if _, err := w.Relation(e.ctx, k[0], k[1], "a", "b"); !errors.Is(err, metastore.ErrNotFound) {
					e.Errorf("Relation(%q) = %v, want ErrNotFound", k, err)
				}
				if removed, err := w.Unrelate(e.ctx, k[0], k[1], "a", "b"); removed || err != nil {
					e.Errorf("Unrelate(%q) = %t, %v, want false", k, removed, err)
				}
			}
			return w.Put(e.ctx, account, edges, "a", []byte("record"), nil)
		})
		e.update(func(w metastore.Writer) error { return w.Delete(e.ctx, account, edges, "a") })
		e.wantValue("a", "b", "mine", true)
	}},
}

// wantValue checks one edge, and it in the lists of both ends, through every
// sort of reader.
func (e *env) wantValue(from, to, value string, there bool) {
	e.Helper()
	want := metastore.Edge{From: from, To: to, Value: value}
	e.readers(func(sort string, r metastore.Reader) {
		e.Helper()
		got, err := r.Relation(e.ctx, account, edges, from, to)
		switch {
		case there && (err != nil || got != want):
			e.Errorf("%s: Relation(%q, %q) = %+v, %v, want %+v", sort, from, to, got, err, want)
		case !there && !errors.Is(err, metastore.ErrNotFound):
			e.Errorf("%s: Relation(%q, %q) = %+v, %v, want ErrNotFound", sort, from, to, got, err)
		}
		for _, side := range []metastore.Side{metastore.FromSide, metastore.ToSide} {
			id := []string{from, to}[side]
			list, err := r.Relations(e.ctx, account, edges, side, id, "", 0)
			if err != nil || slices.Contains(list, want) != there {
				e.Errorf("%s: Relations(side %d, %q) = %+v, %v, want %+v: %t", sort, side, id, list, err, want, there)
			}
		}
	})
}
