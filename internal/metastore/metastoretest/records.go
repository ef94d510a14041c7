package metastoretest

import (
	"bytes"
	"errors"
	"strings"

	"inro.dev/inro/internal/metastore"
)

var recordCases = []testCase{
	{"a record is read as it was put", func(e *env) {
		e.wantBody("a", "")
		e.put("a", "one")
		e.wantBody("a", "one")
		e.put("a", "two")
		e.wantBody("a", "two")
		e.delete("a")
		e.wantBody("a", "")
	}},
	{"a body is any bytes", func(e *env) {
		for _, body := range [][]byte{nil, {}, {0}, []byte("\xff\x00'\"%"), bytes.Repeat([]byte{7}, metastore.MaxBodyBytes)} {
			e.update(func(w metastore.Writer) error { return w.Put(e.ctx, account, kind, "a", body, nil) })
			e.readers(func(sort string, r metastore.Reader) {
				record, err := r.Record(e.ctx, account, kind, "a")
				if err != nil || !bytes.Equal(record.Body, body) || record.Body == nil {
					e.Errorf("%s: body of %d bytes is %v, %d bytes, nil %t", sort, len(body), err, len(record.Body), record.Body == nil)
				}
				rows, err := r.Records(e.ctx, account, kind, metastore.Query{})
				if err != nil || len(rows) != 1 || !bytes.Equal(rows[0].Body, body) || rows[0].Body == nil {
					e.Errorf("%s: listed body of %d bytes: %v, %d rows", sort, len(body), err, len(rows))
				}
			})
		}
	}},
	{"slices are not shared with the caller", func(e *env) {
		body := []byte("right")
		e.update(func(w metastore.Writer) error {
			err := w.Put(e.ctx, account, kind, "a", body, nil)
			copy(body, "wrong")
			return err
		})
		e.view(func(r metastore.Reader) {
			record, err := r.Record(e.ctx, account, kind, "a")
			if err != nil {
				e.Fatal(err)
			}
			copy(record.Body, "wrong")
			rows, err := r.Records(e.ctx, account, kind, metastore.Query{})
			if err != nil {
				e.Fatal(err)
			}
			copy(rows[0].Body, "wrong")
		})
		e.wantBody("a", "right")
	}},
	{"deleting what is not there is ErrNotFound", func(e *env) {
		e.update(func(w metastore.Writer) error {
			if err := w.Delete(e.ctx, account, kind, "a"); !errors.Is(err, metastore.ErrNotFound) {
				e.Errorf("Delete = %v, want ErrNotFound", err)
			}
			return nil // the answer does not spoil the Update
		})
	}},
	{"revisions of a key only grow", func(e *env) {
		last := int64(0)
		for i := range 6 {
			e.put("a", "x")
			record, err := e.store.Hot().Record(e.ctx, account, kind, "a")
			if err != nil || record.Revision <= last {
				e.Fatalf("put %d: revision %d, %v, want more than %d", i, record.Revision, err, last)
			}
			last = record.Revision
			if i%2 == 1 {
				e.delete("a")
			}
		}
	}},
	{"keys are opaque", func(e *env) {
		for _, id := range oddIDs {
			e.put(id, "body of "+id)
		}
		for _, id := range oddIDs {
			e.wantBody(id, "body of "+id)
		}
		e.delete(oddIDs[0])
		e.wantBody(oddIDs[0], "")
		e.wantBody(oddIDs[1], "body of "+oddIDs[1])
	}},
	{"accounts and kinds are separate", func(e *env) {
		e.put("a", "mine")
		e.update(func(w metastore.Writer) error {
			for _, k := range [][2]string{{"other", kind}, {account, "other"}, {metastore.GlobalAccount, kind}} {
				if _, err := w.Record(e.ctx, k[0], k[1], "a"); !errors.Is(err, metastore.ErrNotFound) {
					e.Errorf("Record(%q, %q) = %v, want ErrNotFound", k[0], k[1], err)
				}
				if err := w.Put(e.ctx, k[0], k[1], "a", []byte("theirs"), nil); err != nil {
					return err
				}
				if err := w.Delete(e.ctx, k[0], k[1], "a"); err != nil {
					return err
				}
			}
			return nil
		})
		e.wantBody("a", "mine")
		e.wantIDs(metastore.Query{}, "a")
	}},
	{"the limits themselves are accepted", func(e *env) {
		long := strings.Repeat("x", metastore.MaxKeyBytes)
		var index []metastore.IndexValue
		for i := range metastore.MaxIndexValues {
			index = append(index, metastore.IndexValue{Name: "i", Value: strings.Repeat("v", i)})
		}
		e.put(long, "body", index...)
		e.wantBody(long, "body")
		e.wantIDs(metastore.Query{Index: "i", Value: ""}, long)
		e.update(func(w metastore.Writer) error {
			_, err := w.Relate(e.ctx, account, edges, long, long, strings.Repeat("v", metastore.MaxRelationValueBytes))
			return err
		})
		e.wantEdges(metastore.FromSide, long, long)
	}},
	{"arguments beyond the limits are ErrInvalid", refusesInvalid},
	{"writes in one Update are bounded", func(e *env) {
		e.update(func(w metastore.Writer) error {
			for range metastore.MaxWrites {
				if _, err := w.Unrelate(e.ctx, account, edges, "a", "b"); err != nil {
					return err
				}
			}
			if _, err := w.Unrelate(e.ctx, account, edges, "a", "b"); !errors.Is(err, metastore.ErrInvalid) {
				e.Errorf("write %d: %v, want ErrInvalid", metastore.MaxWrites+1, err)
			}
			return nil
		})
	}},
}

// oddIDs are distinct keys that careless storage would confuse or refuse.
var oddIDs = []string{
	"a", "A", "á", "a\u0301", "a ", " a", "%", "_", "a%", "a_", "*", "?", "[a]", "'", "\"", "`", "\\", ";--", "$1", ":id", "a/b", "a//b",
	"..", "/", "\n", "\t", "ß", "SS", "ss", "İ", "i", "\u200b", "日本", "😀", "\ud7ff", "\ue000", "\uffff", "\U0010ffff", "1", "01", "1.0", "NULL", "x'00'",
}

func refusesInvalid(e *env) {
	long := strings.Repeat("x", metastore.MaxKeyBytes+1)
	for name, bad := range map[string]string{"empty": "", "long": long, "not UTF-8": "\xff", "surrogate": "\xed\xa0\x80", "NUL": "a\x00"} {
		e.update(func(w metastore.Writer) error {
			for place, err := range useBadKey(e, w, bad) {
				if !errors.Is(err, metastore.ErrInvalid) {
					e.Errorf("%s key in %s: %v, want ErrInvalid", name, place, err)
				}
			}
			return nil
		})
		for place, read := range map[string]func() error{
			"Hot.Record":    func() error { _, err := e.store.Hot().Record(e.ctx, account, kind, bad); return err },
			"Hot.Relation":  func() error { _, err := e.store.Hot().Relation(e.ctx, account, edges, "a", bad); return err },
			"Hot.Relations": func() error { _, err := e.store.Hot().Relations(e.ctx, account, edges, 0, bad, "", 0); return err },
		} {
			if err := read(); !errors.Is(err, metastore.ErrInvalid) {
				e.Errorf("%s key in %s: %v, want ErrInvalid", name, place, err)
			}
		}
	}
	e.update(func(w metastore.Writer) error {
		for what, err := range map[string]error{
			"body":           w.Put(e.ctx, account, kind, "a", make([]byte, metastore.MaxBodyBytes+1), nil),
			"index values":   w.Put(e.ctx, account, kind, "a", nil, make([]metastore.IndexValue, metastore.MaxIndexValues+1)),
			"index name":     w.Put(e.ctx, account, kind, "a", nil, []metastore.IndexValue{{Name: "", Value: "v"}}),
			"index value":    w.Put(e.ctx, account, kind, "a", nil, []metastore.IndexValue{{Name: "i", Value: "\xff"}}),
			"relation value": second(w.Relate(e.ctx, account, edges, "a", "b", strings.Repeat("v", metastore.MaxRelationValueBytes+1))),
			"value not text": second(w.Relate(e.ctx, account, edges, "a", "b", "\xff")),
			"limit":          second(w.Records(e.ctx, account, kind, metastore.Query{Limit: metastore.MaxPage + 1})),
			"negative limit": second(w.Records(e.ctx, account, kind, metastore.Query{Limit: -1})),
			"edge limit":     second(w.Relations(e.ctx, account, edges, metastore.FromSide, "a", "", metastore.MaxPage+1)),
			"side":           second(w.Relations(e.ctx, account, edges, 2, "a", "", 0)),
			"prefix":         second(w.Records(e.ctx, account, kind, metastore.Query{Prefix: "\xff"})),
			"value no index": second(w.Records(e.ctx, account, kind, metastore.Query{Value: "v"})),
			"after value":    second(w.Records(e.ctx, account, kind, metastore.Query{Index: "i", AfterValue: "v"})),
		} {
			if !errors.Is(err, metastore.ErrInvalid) {
				e.Errorf("%s: %v, want ErrInvalid", what, err)
			}
		}
		return nil
	})
	e.wantIDs(metastore.Query{})
}

// useBadKey calls every method with bad in each place of a key.
func useBadKey(e *env, w metastore.Writer, bad string) map[string]error {
	return map[string]error{
		"Record account":         second(w.Record(e.ctx, bad, kind, "a")),
		"Record kind":            second(w.Record(e.ctx, account, bad, "a")),
		"Record ID":              second(w.Record(e.ctx, account, kind, bad)),
		"Records account":        second(w.Records(e.ctx, bad, kind, metastore.Query{})),
		"CountRecords kind":      second(w.CountRecords(e.ctx, account, bad, metastore.Query{})),
		"Put account":            w.Put(e.ctx, bad, kind, "a", nil, nil),
		"Put kind":               w.Put(e.ctx, account, bad, "a", nil, nil),
		"Put ID":                 w.Put(e.ctx, account, kind, bad, nil, nil),
		"Delete ID":              w.Delete(e.ctx, account, kind, bad),
		"Relation from":          second(w.Relation(e.ctx, account, edges, bad, "a")),
		"Relate from":            second(w.Relate(e.ctx, account, edges, bad, "a", "")),
		"Relate to":              second(w.Relate(e.ctx, account, edges, "a", bad, "")),
		"Unrelate account":       second(w.Unrelate(e.ctx, bad, edges, "a", "a")),
		"Unrelate to":            second(w.Unrelate(e.ctx, account, edges, "a", bad)),
		"Relations ID":           second(w.Relations(e.ctx, account, edges, metastore.ToSide, bad, "", 0)),
		"CountRelations account": second(w.CountRelations(e.ctx, bad, edges, metastore.ToSide, "a")),
	}
}

// second returns the error of a call with two results.
func second[T any](_ T, err error) error { return err }
