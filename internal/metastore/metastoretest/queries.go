package metastoretest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"inro.dev/inro/internal/metastore"
)

var queryCases = []testCase{
	{"listings are in the order of bytes", func(e *env) {
		for _, id := range oddIDs {
			e.put(id, "x")
		}
		want := slices.Sorted(slices.Values(oddIDs))
		e.wantIDs(metastore.Query{}, want...)
		slices.Reverse(want)
		e.wantIDs(metastore.Query{Descending: true}, want...)
	}},
	{"a prefix is compared byte for byte", func(e *env) {
		ids := append(slices.Clone(oddIDs), "日本海", "日", "\U0010ffff\U0010ffff", "\U0010ffffa", "\ud7ffz", "a\U0010ffffb", "aa", "ab", "Ab", "b")
		e.update(func(w metastore.Writer) error {
			for _, id := range ids {
				if err := w.Put(e.ctx, account, kind, id, nil, []metastore.IndexValue{{Name: "self", Value: id}}); err != nil {
					return err
				}
			}
			return nil
		})
		slices.Sort(ids)
		for _, prefix := range ids {
			var want []string
			for _, id := range ids {
				if strings.HasPrefix(id, prefix) {
					want = append(want, id)
				}
			}
			e.wantIDs(metastore.Query{Prefix: prefix}, want...)
			e.wantIDs(metastore.Query{Index: "self", ValuePrefix: true, Value: prefix}, want...)
			e.wantIDs(metastore.Query{Index: "self", Value: prefix}, prefix)
			e.wantCount(metastore.Query{Prefix: prefix}, len(want))
			slices.Reverse(want)
			e.wantIDs(metastore.Query{Prefix: prefix, Descending: true}, want...)
		}
	}},
	{"pages continue after any ID", func(e *env) {
		for _, id := range []string{"a", "b1", "b2", "b3", "c"} {
			e.put(id, "x")
		}
		for _, c := range []struct {
			query metastore.Query
			want  []string
		}{
			{metastore.Query{Limit: 2}, []string{"a", "b1"}},
			{metastore.Query{Limit: 2, After: "b1"}, []string{"b2", "b3"}},
			{metastore.Query{After: "b11"}, []string{"b2", "b3", "c"}},
			{metastore.Query{After: "c"}, nil},
			{metastore.Query{Descending: true, Limit: 2}, []string{"c", "b3"}},
			{metastore.Query{Descending: true, After: "b3", Limit: 2}, []string{"b2", "b1"}},
			{metastore.Query{Descending: true, After: "a"}, nil},
			{metastore.Query{Prefix: "b", After: "b1"}, []string{"b2", "b3"}},
			{metastore.Query{Prefix: "b", After: "a"}, []string{"b1", "b2", "b3"}},
			{metastore.Query{Prefix: "b", After: "c"}, nil},
			{metastore.Query{Prefix: "b", After: "b"}, []string{"b1", "b2", "b3"}},
			{metastore.Query{Prefix: "b", After: "b3", Descending: true}, []string{"b2", "b1"}},
			{metastore.Query{Prefix: "b", After: "c", Descending: true}, []string{"b3", "b2", "b1"}},
			{metastore.Query{Prefix: "b", After: "a", Descending: true}, nil},
		} {
			e.wantIDs(c.query, c.want...)
		}
	}},
	{"paging is not disturbed by inserts", func(e *env) {
		for _, descending := range []bool{false, true} {
			pagesWhileInserting(e, descending)
		}
	}},
	{"a secondary index follows its records", func(e *env) {
		blue, red := metastore.IndexValue{Name: "colour", Value: "blue"}, metastore.IndexValue{Name: "colour", Value: "red"}
		other := metastore.IndexValue{Name: "shape", Value: "blue"}
		e.put("a", "x", blue)
		e.put("b", "x", blue, red, blue)
		e.put("c", "x", other)
		byBlue := metastore.Query{Index: "colour", Value: "blue"}
		byRed := metastore.Query{Index: "colour", Value: "red"}
		e.wantIDs(byBlue, "a", "b")
		e.wantIDs(byRed, "b")
		e.wantIDs(metastore.Query{Index: "colour", Value: "Blue"})
		e.wantIDs(metastore.Query{Index: "colour", Value: "blu"})
		e.wantCount(byBlue, 2)
		e.put("a", "y", red)
		e.wantIDs(byBlue, "b")
		e.wantIDs(byRed, "a", "b")
		e.put("b", "y")
		e.wantIDs(byBlue)
		e.wantIDs(byRed, "a")
		e.delete("a")
		e.wantIDs(byRed)
		e.wantCount(byRed, 0)
		e.put("a", "z")
		e.wantIDs(byRed) // a new record has no old values
		e.wantIDs(metastore.Query{Index: "shape", Value: "blue"}, "c")
	}},
	{"a query by index may have a prefix and pages", func(e *env) {
		for i := range 9 {
			e.put(fmt.Sprintf("%c%d", "ab"[i%2], i), "x", metastore.IndexValue{Name: "n", Value: fmt.Sprint(i % 3 / 2)})
		}
		e.wantIDs(metastore.Query{Index: "n", Value: "0", Limit: 3}, "a0", "a4", "a6")
		e.wantIDs(metastore.Query{Index: "n", Value: "0", After: "a4", Limit: 2}, "a6", "b1")
		e.wantIDs(metastore.Query{Index: "n", Value: "0", Prefix: "b"}, "b1", "b3", "b7")
		e.wantIDs(metastore.Query{Index: "n", Value: "0", Prefix: "b", After: "b3"}, "b7")
		e.wantIDs(metastore.Query{Index: "n", Value: "0", Prefix: "b", Descending: true, Limit: 2}, "b7", "b3")
		e.wantIDs(metastore.Query{Index: "n", Value: "0", After: "b1", Descending: true}, "a6", "a4", "a0")
		e.wantCount(metastore.Query{Index: "n", Value: "0", Prefix: "b", After: "b3", Limit: 1}, 3)
	}},
	{"a value prefix orders by value, then ID", func(e *env) {
		path := func(v string) metastore.IndexValue { return metastore.IndexValue{Name: "path", Value: v} }
		e.put("u1", "x", path("/z/"))
		e.put("u2", "x", path("/a/b/"))
		e.put("u3", "x", path("/a/"), path("/a/c/"))
		e.put("u4", "x", path("/a/"))
		e.put("u5", "x", path("/A/"))
		under := metastore.Query{Index: "path", Value: "/a/", ValuePrefix: true}
		e.wantIDs(under, "u3", "u4", "u2", "u3")
		e.wantCount(under, 4)
		e.wantIDs(metastore.Query{Index: "path", ValuePrefix: true}, "u5", "u3", "u4", "u2", "u3", "u1")
		with := func(change func(q *metastore.Query)) metastore.Query { q := under; change(&q); return q }
		e.wantIDs(with(func(q *metastore.Query) { q.AfterValue, q.After = "/a/", "u3" }), "u4", "u2", "u3")
		e.wantIDs(with(func(q *metastore.Query) { q.AfterValue, q.After, q.Limit = "/a/", "u4", 1 }), "u2")
		e.wantIDs(with(func(q *metastore.Query) { q.AfterValue, q.After = "/A/", "u9" }), "u3", "u4", "u2", "u3")
		e.wantIDs(with(func(q *metastore.Query) { q.Descending = true }), "u3", "u2", "u4", "u3")
		e.wantIDs(with(func(q *metastore.Query) { q.Descending, q.AfterValue, q.After = true, "/a/b/", "u2" }), "u4", "u3")
		e.wantIDs(with(func(q *metastore.Query) { q.Descending, q.AfterValue, q.After = true, "/z/", "u1" }), "u3", "u2", "u4", "u3")
		e.wantIDs(with(func(q *metastore.Query) { q.Prefix = "u3" }), "u3", "u3")
	}},
}

func (e *env) wantCount(q metastore.Query, want int) {
	e.Helper()
	e.readers(func(sort string, r metastore.Reader) {
		e.Helper()
		n, err := r.CountRecords(e.ctx, account, kind, q)
		if err != nil || n != want {
			e.Errorf("%s: CountRecords(%+v) = %d, %v, want %d", sort, q, n, err, want)
		}
	})
}

// pagesWhileInserting reads all pages while records come and go between the
// old ones: those that are there all the time come exactly once, in order.
func pagesWhileInserting(e *env, descending bool) {
	var want []string
	e.update(func(w metastore.Writer) error {
		for i := range 60 {
			id := fmt.Sprintf("old-%02d", i)
			want = append(want, id)
			if err := w.Put(e.ctx, account, kind, id, []byte("x"), nil); err != nil {
				return err
			}
		}
		return nil
	})
	var inserting sync.WaitGroup
	inserting.Go(func() {
		for i := range 60 {
			id := fmt.Sprintf("old-%02d-new", (i*37)%60)
			e.put(id, "x")
			if i%2 == 0 {
				e.delete(id)
			}
		}
	})
	defer inserting.Wait()

	var got []string
	q := metastore.Query{Prefix: "old-", Limit: 7, Descending: descending}
	for {
		page := e.ids(e.store.Hot(), q)
		got = append(got, page...)
		if len(page) < q.Limit {
			break
		}
		q.After = page[len(page)-1]
	}
	if descending {
		slices.Reverse(got)
	}
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		e.Errorf("descending %t: pages are out of order or repeat: %q", descending, got)
	}
	old := slices.DeleteFunc(got, func(id string) bool { return strings.HasSuffix(id, "-new") })
	if !slices.Equal(old, want) {
		e.Errorf("descending %t: pages have %q, want %q", descending, old, want)
	}
}
