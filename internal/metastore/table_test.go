package metastore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/memory"
)

const account = "111122223333"

type thing struct {
	Type       string            `json:"type,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

func newThings() *metastore.Table[thing] {
	return metastore.NewTable("test-thing",
		metastore.Index[thing]{Name: "type", Values: func(v *thing) []string {
			if v.Type == "" {
				return nil
			}
			return []string{v.Type}
		}},
		metastore.Index[thing]{Name: "attribute", Values: func(v *thing) (values []string) {
			for name, value := range v.Attributes {
				values = append(values, name+"="+value)
			}
			return values
		}})
}

func update(t *testing.T, s metastore.Store, f func(w metastore.Writer) error) {
	t.Helper()
	if err := s.Update(t.Context(), f); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func TestTableRoundTrip(t *testing.T) {
	s, things, ctx := memory.New(), newThings(), t.Context()
	lamp := thing{Type: "lamp", Attributes: map[string]string{"room": "<kitchen> & 台所"}}
	update(t, s, func(w metastore.Writer) error {
		if err := things.Insert(ctx, w, account, "a", &lamp); err != nil {
			t.Errorf("Insert: %v", err)
		}
		if err := things.Insert(ctx, w, account, "a", &thing{}); !errors.Is(err, metastore.ErrExists) {
			t.Errorf("second Insert = %v, want ErrExists", err)
		}
		if err := things.Delete(ctx, w, account, "b"); !errors.Is(err, metastore.ErrNotFound) {
			t.Errorf("Delete of nothing = %v, want ErrNotFound", err)
		}
		if err := things.Modify(ctx, w, account, "b", func(*thing) error { return nil }); !errors.Is(err, metastore.ErrNotFound) {
			t.Errorf("Modify of nothing = %v, want ErrNotFound", err)
		}
		return things.Put(ctx, w, account, "c", &thing{})
	})
	for range 2 {
		got, err := things.Get(ctx, s.Hot(), account, "a")
		if err != nil || fmt.Sprint(*got) != fmt.Sprint(lamp) {
			t.Errorf("Get = %v, %v, want %v", got, err, lamp)
		}
	}
	if _, err := things.Get(ctx, s.Hot(), account, "b"); !errors.Is(err, metastore.ErrNotFound) {
		t.Errorf("Get of nothing = %v, want ErrNotFound", err)
	}
	if n, err := things.Count(ctx, s.Hot(), account, metastore.Query{}); n != 2 || err != nil {
		t.Errorf("Count = %d, %v, want 2", n, err)
	}
	update(t, s, func(w metastore.Writer) error { return things.Delete(ctx, w, account, "a") })
	if _, err := things.Get(ctx, s.Hot(), account, "a"); !errors.Is(err, metastore.ErrNotFound) {
		t.Errorf("Get after Delete = %v, want ErrNotFound", err)
	}
}

func TestHotValuesAreSharedAndOthersAreNot(t *testing.T) {
	s, things, ctx := memory.New(), newThings(), t.Context()
	update(t, s, func(w metastore.Writer) error { return things.Put(ctx, w, account, "a", &thing{Type: "old"}) })
	first, _ := things.Get(ctx, s.Hot(), account, "a")
	second, _ := things.Get(ctx, s.Hot(), account, "a")
	if first != second {
		t.Error("two hot reads decoded the value twice")
	}
	update(t, s, func(w metastore.Writer) error {
		own, err := things.Get(ctx, w, account, "a")
		if own == first {
			t.Error("the value of a transaction is shared")
		}
		own.Type = "changed"
		return err
	})
	if first.Type != "old" {
		t.Errorf("shared value = %v, want it unchanged", first)
	}
	update(t, s, func(w metastore.Writer) error {
		return things.Modify(ctx, w, account, "a", func(v *thing) error { v.Type = "new"; return nil })
	})
	if got, err := things.Get(ctx, s.Hot(), account, "a"); err != nil || got.Type != "new" || first.Type != "old" {
		t.Errorf("after Modify: %v, %v, and the old value %v", got, err, first)
	}
}

func TestModifyWritesNothingWhenChangeFails(t *testing.T) {
	s, things, ctx := memory.New(), newThings(), t.Context()
	failure := errors.New("refused")
	update(t, s, func(w metastore.Writer) error {
		if err := things.Put(ctx, w, account, "a", &thing{Type: "old"}); err != nil {
			return err
		}
		err := things.Modify(ctx, w, account, "a", func(v *thing) error { v.Type = "new"; return failure })
		if !errors.Is(err, failure) {
			t.Errorf("Modify = %v, want %v", err, failure)
		}
		return nil
	})
	if got, err := things.Get(ctx, s.Hot(), account, "a"); err != nil || got.Type != "old" {
		t.Errorf("Get = %v, %v, want the old value", got, err)
	}
}

func TestTableListsByIndex(t *testing.T) {
	s, things, ctx := memory.New(), newThings(), t.Context()
	update(t, s, func(w metastore.Writer) error {
		return errors.Join(
			things.Put(ctx, w, account, "a", &thing{Type: "lamp", Attributes: map[string]string{"room": "1"}}),
			things.Put(ctx, w, account, "b", &thing{Attributes: map[string]string{"room": "1", "wall": "2"}}),
			things.Put(ctx, w, account, "c", &thing{Type: "lamp"}),
		)
	})
	for _, c := range []struct {
		query metastore.Query
		want  string
	}{
		{metastore.Query{}, "a b c"},
		{metastore.Query{Index: "type", Value: "lamp"}, "a c"},
		{metastore.Query{Index: "type", Value: ""}, ""},
		{metastore.Query{Index: "attribute", Value: "room=1"}, "a b"},
		{metastore.Query{Index: "attribute", ValuePrefix: true, Descending: true}, "b b a"},
		{metastore.Query{Index: "attribute", ValuePrefix: true, Limit: 2}, "a b"},
	} {
		items, err := things.List(ctx, s.Hot(), account, c.query)
		var ids []string
		for _, item := range items {
			ids = append(ids, item.ID)
			if item.Value == nil || item.Revision == 0 {
				t.Errorf("%+v: item %+v is incomplete", c.query, item)
			}
		}
		if got := strings.Join(ids, " "); err != nil || got != c.want {
			t.Errorf("List(%+v) = %q, %v, want %q", c.query, got, err, c.want)
		}
	}
	for name, err := range map[string]error{
		"List":  second(things.List(ctx, s.Hot(), account, metastore.Query{Index: "colour"})),
		"Count": second(things.Count(ctx, s.Hot(), account, metastore.Query{Index: "colour"})),
	} {
		if !errors.Is(err, metastore.ErrInvalid) {
			t.Errorf("%s by an index that the table lacks = %v, want ErrInvalid", name, err)
		}
	}
}

func TestAllYieldsEveryPage(t *testing.T) {
	s, things, ctx := memory.New(), newThings(), t.Context()
	relation := metastore.NewRelation("test-relation")
	var want []string
	update(t, s, func(w metastore.Writer) error {
		for i := range 600 {
			id := fmt.Sprintf("%03d", i)
			want = append(want, id)
			if err := things.Put(ctx, w, account, id, &thing{Type: fmt.Sprint(i / 100)}); err != nil {
				return err
			}
			if _, err := relation.Add(ctx, w, account, "hub", id, ""); err != nil {
				return err
			}
			if _, err := relation.Add(ctx, w, account, id, "hub", ""); err != nil {
				return err
			}
		}
		return nil
	})
	for _, q := range []metastore.Query{{}, {Limit: 1}, {Limit: 600}, {Limit: 7}, {Index: "type", ValuePrefix: true}, {Index: "type", ValuePrefix: true, Limit: 100}} {
		var got []string
		for item, err := range things.All(ctx, s.Hot(), account, q) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, item.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("All(%+v) = %d items, want %d in order", q, len(got), len(want))
		}
	}
	var from, to []string
	for edge := range relation.AllFrom(ctx, s.Hot(), account, "hub") {
		from = append(from, edge.To)
	}
	for edge := range relation.AllTo(ctx, s.Hot(), account, "hub") {
		to = append(to, edge.From)
	}
	if !slices.Equal(from, want) || !slices.Equal(to, want) {
		t.Errorf("AllFrom has %d edges, AllTo %d, want %d in order", len(from), len(to), len(want))
	}
	for range things.All(ctx, s.Hot(), account, metastore.Query{}) {
		break // must not go on
	}
	errs := 0
	for _, err := range things.All(ctx, s.Hot(), account, metastore.Query{Limit: -1}) {
		if !errors.Is(err, metastore.ErrInvalid) {
			t.Errorf("All with a bad limit yields %v, want ErrInvalid", err)
		}
		errs++
	}
	if errs != 1 {
		t.Errorf("All with a bad limit yields %d times, want once", errs)
	}
}

// A member this version does not know may be one that narrows a permission.
func TestRecordsOfNewerVersionsAreNotRead(t *testing.T) {
	s, things, ctx := memory.New(), newThings(), t.Context()
	for _, body := range []string{`{"type":"lamp","deniedTo":"all"}`, `{"type":"lamp"} {}`, `{"type":1}`, ``, `{`, `{"type":"lamp"}x`} {
		update(t, s, func(w metastore.Writer) error { return w.Put(ctx, account, things.Kind(), "a", []byte(body), nil) })
		for range 2 {
			v, err := things.Get(ctx, s.Hot(), account, "a")
			if err == nil || errors.Is(err, metastore.ErrNotFound) || !strings.Contains(err.Error(), `test-thing "a"`) {
				t.Errorf("Get of %s = %v, %v, want an error that names the record", body, v, err)
			}
		}
		if _, err := things.List(ctx, s.Hot(), account, metastore.Query{}); err == nil {
			t.Errorf("List with %s succeeded", body)
		}
	}
}

func TestRelationMethods(t *testing.T) {
	s, relation, ctx := memory.New(), metastore.NewRelation("test-relation"), t.Context()
	update(t, s, func(w metastore.Writer) error {
		for i, want := range []bool{true, false} {
			if added, err := relation.Add(ctx, w, account, "p", "u", fmt.Sprint(i)); added != want || err != nil {
				t.Errorf("Add number %d = %t, %v, want %t", i, added, err, want)
			}
		}
		_, err := relation.Add(ctx, w, account, "p", "v", "")
		return err
	})
	if value, err := relation.Value(ctx, s.Hot(), account, "p", "u"); value != "1" || err != nil {
		t.Errorf("Value = %q, %v, want 1", value, err)
	}
	if _, err := relation.Value(ctx, s.Hot(), account, "u", "p"); !errors.Is(err, metastore.ErrNotFound) {
		t.Errorf("Value of nothing = %v, want ErrNotFound", err)
	}
	for pair, want := range map[[2]string]bool{{"p", "u"}: true, {"u", "p"}: false} {
		if has, err := relation.Has(ctx, s.Hot(), account, pair[0], pair[1]); has != want || err != nil {
			t.Errorf("Has(%q) = %t, %v, want %t", pair, has, err, want)
		}
	}
	if has, err := relation.Has(ctx, s.Hot(), account, "", "u"); has || !errors.Is(err, metastore.ErrInvalid) {
		t.Errorf("Has of a bad ID = %t, %v, want ErrInvalid", has, err)
	}
	if page, err := relation.From(ctx, s.Hot(), account, "p", "u", 5); len(page) != 1 || page[0].To != "v" || err != nil {
		t.Errorf("From = %v, %v, want v", page, err)
	}
	if page, err := relation.To(ctx, s.Hot(), account, "v", "", 0); len(page) != 1 || page[0].From != "p" || err != nil {
		t.Errorf("To = %v, %v, want p", page, err)
	}
	from, err1 := relation.CountFrom(ctx, s.Hot(), account, "p")
	to, err2 := relation.CountTo(ctx, s.Hot(), account, "p")
	if from != 2 || to != 0 || err1 != nil || err2 != nil {
		t.Errorf("CountFrom = %d, %v, CountTo = %d, %v, want 2 and 0", from, err1, to, err2)
	}
	update(t, s, func(w metastore.Writer) error {
		for i, want := range []bool{true, false} {
			if removed, err := relation.Remove(ctx, w, account, "p", "u"); removed != want || err != nil {
				t.Errorf("Remove number %d = %t, %v, want %t", i, removed, err, want)
			}
		}
		return nil
	})
}

func TestDeclarationsAreChecked(t *testing.T) {
	values := func(*thing) []string { return nil }
	for name, declare := range map[string]func(){
		"empty kind":      func() { metastore.NewRelation("") },
		"upper case":      func() { metastore.NewTable[thing]("Thing") },
		"trailing hyphen": func() { metastore.NewRelation("a-") },
		"double hyphen":   func() { metastore.NewRelation("a--b") },
		"space":           func() { metastore.NewRelation("a b") },
		"digit first":     func() { metastore.NewRelation("1a") },
		"unnamed index":   func() { metastore.NewTable("a", metastore.Index[thing]{Values: values}) },
		"index of none":   func() { metastore.NewTable("a", metastore.Index[thing]{Name: "i"}) },
		"index twice": func() {
			metastore.NewTable("a", metastore.Index[thing]{Name: "i", Values: values}, metastore.Index[thing]{Name: "i", Values: values})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted", name)
				}
			}()
			declare()
		}()
	}
	metastore.NewRelation("x509-2-trust-anchor")
}

// FuzzDecodeRecord checks that a body is either refused or read as something
// that is written and read again unchanged.
func FuzzDecodeRecord(f *testing.F) {
	for _, seed := range []string{`{}`, `{"type":"lamp"}`, `{"attributes":{"a":"b"}}`, `null`, `{"Type":"x","type":"y"}`, `[]`, `{"type":"\ud800"}`, ` {} `} {
		f.Add([]byte(seed))
	}
	things := newThings()
	f.Fuzz(func(t *testing.T, body []byte) {
		s, ctx := memory.New(), t.Context()
		update(t, s, func(w metastore.Writer) error { return w.Put(ctx, account, things.Kind(), "a", body, nil) })
		v, err := things.Get(ctx, s.Hot(), account, "a")
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Errorf("%q is read as %+v", body, v)
		}
		err = s.Update(ctx, func(w metastore.Writer) error { return things.Put(ctx, w, account, "b", v) })
		if errors.Is(err, metastore.ErrInvalid) {
			return // too many or bad index values
		}
		again, err := things.Get(ctx, s.Hot(), account, "b")
		if err != nil || fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", v) {
			t.Errorf("%+v is read back as %+v, %v", v, again, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }
