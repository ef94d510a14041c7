package metastoretest

import (
	"errors"
	"strconv"
	"testing"

	"inro.dev/inro/internal/metastore"
)

// RunDurable tests stores that outlive their process. Each call of open with
// one folder opens the same store; the folder is empty at first.
func RunDurable(t *testing.T, open func(t *testing.T, folder string) metastore.Store) {
	t.Run("what was acknowledged is there after reopening", func(t *testing.T) {
		folder := t.TempDir()
		for round := range 4 {
			e := &env{t, t.Context(), open(t, folder)}
			if round > 0 {
				last := strconv.Itoa(round - 1)
				e.wantBody("a", last)
				e.wantBody("rolled-back", "")
				e.wantIDs(metastore.Query{Index: "i", Value: last}, "a")
				e.wantIDs(metastore.Query{Index: "i", Value: "x"})
				e.wantValue("from", "to", last, true)
			}
			body := strconv.Itoa(round)
			e.put("a", body, metastore.IndexValue{Name: "i", Value: body})
			e.relate("from", "to", body)
			err := e.store.Update(e.ctx, func(w metastore.Writer) error {
				if err := w.Put(e.ctx, account, kind, "rolled-back", []byte("x"), nil); err != nil {
					return err
				}
				return errOfCaller
			})
			if !errors.Is(err, errOfCaller) {
				t.Errorf("Update = %v, want the function's error", err)
			}
			if err := e.store.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
		}
	})
	t.Run("revisions grow across reopening", func(t *testing.T) {
		folder := t.TempDir()
		last := int64(0)
		for range 3 {
			e := &env{t, t.Context(), open(t, folder)}
			e.put("a", "x")
			record, err := e.store.Hot().Record(e.ctx, account, kind, "a")
			if err != nil || record.Revision <= last {
				t.Errorf("revision %d, %v, want more than %d", record.Revision, err, last)
			}
			last = record.Revision
			e.delete("a")
			if err := e.store.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
		}
	})
}
