package metastoretest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/memory"
)

var modelCases = []testCase{
	{"random operations have the results of the model", func(e *env) {
		seed := rand.Uint64()
		e.Logf("seed %d", seed)
		runModel(e, rand.New(rand.NewPCG(seed, 0)), 250)
	}},
	{"known random operations have the results of the model", func(e *env) {
		runModel(e, rand.New(rand.NewPCG(1, 2)), 150)
	}},
}

// operation is one call with arguments drawn at random; it returns a
// description of its result. Revisions differ between stores and are left out.
type operation struct {
	name string
	run  func(w metastore.Reader) string
}

// runModel applies the same random Updates and reads to the store and to
// package memory.
func runModel(e *env, random *rand.Rand, steps int) {
	model := memory.New()
	defer model.Close()
	d := draw{e, random}
	for step := range steps {
		var writes []operation
		for range 1 + random.IntN(4) {
			writes = append(writes, d.write(), d.read())
		}
		fails := random.IntN(5) == 0
		apply := func(s metastore.Store) (results []string) {
			err := s.Update(e.ctx, func(w metastore.Writer) error {
				for _, op := range writes {
					results = append(results, op.name+" = "+op.run(w))
				}
				if fails {
					return errOfCaller
				}
				return nil
			})
			return append(results, fmt.Sprint("Update = ", err))
		}
		if got, want := apply(e.store), apply(model); !slices.Equal(got, want) {
			e.Fatalf("step %d: got\n%q\nwant\n%q", step, got, want)
		}
		for range 6 {
			op := d.read()
			want := op.run(model.Hot())
			if got := op.run(e.store.Hot()); got != want {
				e.Fatalf("step %d: Hot: %s = %s, want %s", step, op.name, got, want)
			}
			e.view(func(r metastore.Reader) {
				if got := op.run(r); got != want {
					e.Fatalf("step %d: View: %s = %s, want %s", step, op.name, got, want)
				}
			})
		}
	}
}

// draw makes random operations over few keys, so that they meet.
type draw struct {
	*env
	random *rand.Rand
}

func (d draw) pick(from ...string) string { return from[d.random.IntN(len(from))] }

func (d draw) id() string {
	return d.pick("a", "aa", "ab", "b", "a%", "a_", "A", "日", "日本", "z\U0010ffff", "z\U0010ffffz")
}

func (d draw) account() string { return d.pick(account, account, account, metastore.GlobalAccount) }

func (d draw) value() string { return d.pick("", "/", "/x/", "/x/y/", "/X/") }

func (d draw) index() (values []metastore.IndexValue) {
	for range d.random.IntN(4) {
		values = append(values, metastore.IndexValue{Name: d.pick("i", "j"), Value: d.value()})
	}
	return values
}

func (d draw) side() metastore.Side { return metastore.Side(d.random.IntN(2)) }

func (d draw) write() operation {
	a, id, other := d.account(), d.id(), d.id()
	switch d.random.IntN(5) {
	case 0, 1:
		body, index := []byte(fmt.Sprint(d.random.IntN(1000))), d.index()
		return operation{fmt.Sprintf("Put(%s, %q, %s, %v)", a, id, body, index), func(r metastore.Reader) string {
			return result(nil, r.(metastore.Writer).Put(d.ctx, a, kind, id, body, index))
		}}
	case 2:
		return operation{fmt.Sprintf("Delete(%s, %q)", a, id), func(r metastore.Reader) string {
			return result(nil, r.(metastore.Writer).Delete(d.ctx, a, kind, id))
		}}
	case 3:
		value := d.value()
		return operation{fmt.Sprintf("Relate(%s, %q, %q, %q)", a, id, other, value), func(r metastore.Reader) string {
			return result(r.(metastore.Writer).Relate(d.ctx, a, edges, id, other, value))
		}}
	default:
		return operation{fmt.Sprintf("Unrelate(%s, %q, %q)", a, id, other), func(r metastore.Reader) string {
			return result(r.(metastore.Writer).Unrelate(d.ctx, a, edges, id, other))
		}}
	}
}

func (d draw) query() metastore.Query {
	q := metastore.Query{Limit: d.random.IntN(5), Descending: d.random.IntN(2) == 0}
	if d.random.IntN(2) == 0 {
		q.Prefix = d.id()
	}
	if d.random.IntN(2) == 0 {
		q.After = d.id()
	}
	switch d.random.IntN(3) {
	case 0:
		q.Index, q.Value = d.pick("i", "j", "k"), d.value()
	case 1:
		q.Index, q.Value, q.ValuePrefix = d.pick("i", "j"), d.value(), true
		if q.After != "" {
			q.AfterValue = d.value()
		}
	}
	return q
}

func (d draw) read() operation {
	a, id, other, q, side := d.account(), d.id(), d.id(), d.query(), d.side()
	after, limit := d.pick("", "", d.id()), d.random.IntN(4)
	switch d.random.IntN(6) {
	case 0:
		return operation{fmt.Sprintf("Record(%s, %q)", a, id), func(r metastore.Reader) string {
			record, err := r.Record(d.ctx, a, kind, id)
			return result(string(record.Body), err)
		}}
	case 1:
		return operation{fmt.Sprintf("Records(%s, %+v)", a, q), func(r metastore.Reader) string {
			rows, err := r.Records(d.ctx, a, kind, q)
			var shown []string
			for _, row := range rows {
				shown = append(shown, fmt.Sprintf("%q %q %s", row.ID, row.IndexValue, row.Body))
			}
			return result(shown, err)
		}}
	case 2:
		return operation{fmt.Sprintf("CountRecords(%s, %+v)", a, q), func(r metastore.Reader) string {
			return result(r.CountRecords(d.ctx, a, kind, q))
		}}
	case 3:
		return operation{fmt.Sprintf("Relation(%s, %q, %q)", a, id, other), func(r metastore.Reader) string {
			return result(r.Relation(d.ctx, a, edges, id, other))
		}}
	case 4:
		return operation{fmt.Sprintf("Relations(%s, %d, %q, %q, %d)", a, side, id, after, limit), func(r metastore.Reader) string {
			page, err := r.Relations(d.ctx, a, edges, side, id, after, limit)
			if len(page) == 0 {
				page = nil
			}
			return result(page, err)
		}}
	default:
		return operation{fmt.Sprintf("CountRelations(%s, %d, %q)", a, side, id), func(r metastore.Reader) string {
			return result(r.CountRelations(d.ctx, a, edges, side, id))
		}}
	}
}

// result describes what a call returned.
func result(v any, err error) string {
	if errors.Is(err, metastore.ErrNotFound) {
		return "ErrNotFound"
	}
	if err != nil {
		return err.Error()
	}
	if reflect.ValueOf(v).Kind() == reflect.String {
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprintf("%+v", v)
}
