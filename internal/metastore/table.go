package metastore

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Table holds the records of one kind as values of T, kept as JSON.
//
// A Table has no state of its own and is safe for concurrent use. Decoding
// refuses members that T does not have: a member from a newer version may
// narrow a permission, so a record that carries one is unreadable here rather
// than read without it.
type Table[T any] struct {
	kind    string
	indexes []Index[T]
}

// Index is a secondary index of a Table.
type Index[T any] struct {
	// Name is unique among the indexes of a table.
	Name string
	// Values returns the values under which v is found, none to leave it out
	// of the index. It must depend on v alone. Changing it leaves records
	// written before under their old values until they are put again.
	Values func(v *T) []string
}

// Item is a value in a listing.
type Item[T any] struct {
	ID string
	// IndexValue is the value that selected the item, in a query by index.
	IndexValue string
	Revision   int64
	Value      *T
}

// NewTable declares a table. The kind is lower-case words joined by hyphens
// and must be unique among tables; it panics on a malformed kind or a
// duplicate index name, which are faults of the program.
func NewTable[T any](kind string, indexes ...Index[T]) *Table[T] {
	checkKind(kind)
	seen := map[string]bool{}
	for _, index := range indexes {
		if index.Name == "" || index.Values == nil || seen[index.Name] {
			panic(fmt.Sprintf("metastore: table %s: index %q is incomplete or declared twice", kind, index.Name))
		}
		seen[index.Name] = true
	}
	return &Table[T]{kind: kind, indexes: indexes}
}

// Kind returns the kind of the table's records.
func (t *Table[T]) Kind() string { return t.kind }

// Get returns the value with the given ID, or ErrNotFound.
//
// If r is a store's Hot reader, the value is shared with everybody and must
// not be changed, nor anything it points to; otherwise it is the caller's own.
func (t *Table[T]) Get(ctx context.Context, r Reader, account, id string) (*T, error) {
	record, err := r.Record(ctx, account, t.kind, id)
	if err != nil {
		return nil, err
	}
	if record.Memo == nil {
		return t.decode(id, record.Body)
	}
	if v, ok := record.Memo.Load().(*T); ok {
		return v, nil
	}
	v, err := t.decode(id, record.Body)
	if err == nil {
		record.Memo.Store(v)
	}
	return v, err
}

// Insert writes a new record, or returns ErrExists.
func (t *Table[T]) Insert(ctx context.Context, w Writer, account, id string, v *T) error {
	_, err := w.Record(ctx, account, t.kind, id)
	switch {
	case err == nil:
		return ErrExists
	case !errors.Is(err, ErrNotFound):
		return err
	}
	return t.Put(ctx, w, account, id, v)
}

// Put creates or replaces the record.
func (t *Table[T]) Put(ctx context.Context, w Writer, account, id string, v *T) error {
	body, err := encode(v)
	if err != nil {
		return fmt.Errorf("encode %s %q: %w", t.kind, id, err)
	}
	var values []IndexValue
	for _, index := range t.indexes {
		for _, value := range index.Values(v) {
			values = append(values, IndexValue{index.Name, value})
		}
	}
	return w.Put(ctx, account, t.kind, id, body, values)
}

// Modify reads the record, lets change alter it and puts it back. If there is
// no record, it returns ErrNotFound; if change fails, that error, with nothing
// written.
func (t *Table[T]) Modify(ctx context.Context, w Writer, account, id string, change func(*T) error) error {
	v, err := t.Get(ctx, w, account, id)
	if err != nil {
		return err
	}
	if err := change(v); err != nil {
		return err
	}
	return t.Put(ctx, w, account, id, v)
}

// Delete removes the record, or returns ErrNotFound.
func (t *Table[T]) Delete(ctx context.Context, w Writer, account, id string) error {
	return w.Delete(ctx, account, t.kind, id)
}

// List returns one page. The values are the caller's own.
func (t *Table[T]) List(ctx context.Context, r Reader, account string, q Query) ([]Item[T], error) {
	if err := t.checkIndex(q.Index); err != nil {
		return nil, err
	}
	rows, err := r.Records(ctx, account, t.kind, q)
	if err != nil {
		return nil, err
	}
	items := make([]Item[T], len(rows))
	for i, row := range rows {
		v, err := t.decode(row.ID, row.Body)
		if err != nil {
			return nil, err
		}
		items[i] = Item[T]{ID: row.ID, IndexValue: row.IndexValue, Revision: row.Revision, Value: v}
	}
	return items, nil
}

// All yields every item that q selects, page by page of q.Limit; q.After is
// where to begin. Pages are read when needed: within a transaction they are of
// one state, from Hot each is of its own. An error ends the sequence.
func (t *Table[T]) All(ctx context.Context, r Reader, account string, q Query) iter.Seq2[Item[T], error] {
	return func(yield func(Item[T], error) bool) {
		if q.Limit == 0 {
			q.Limit = allPage
		}
		for {
			items, err := t.List(ctx, r, account, q)
			if err != nil {
				yield(Item[T]{}, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
				q.After = item.ID
				if q.ValuePrefix {
					q.AfterValue = item.IndexValue
				}
			}
			if len(items) < q.Limit {
				return
			}
		}
	}
}

// allPage is the page size of the All methods.
const allPage = 256

// Count counts what q selects, whatever its After and Limit. Its cost grows
// with the count.
func (t *Table[T]) Count(ctx context.Context, r Reader, account string, q Query) (int, error) {
	if err := t.checkIndex(q.Index); err != nil {
		return 0, err
	}
	return r.CountRecords(ctx, account, t.kind, q)
}

// checkIndex refuses a query by an index that the table does not keep, which
// would silently find nothing.
func (t *Table[T]) checkIndex(name string) error {
	if name == "" {
		return nil
	}
	for _, index := range t.indexes {
		if index.Name == name {
			return nil
		}
	}
	return fmt.Errorf("%w: table %s has no index %q", ErrInvalid, t.kind, name)
}

func (t *Table[T]) decode(id string, body []byte) (*T, error) {
	v := new(T)
	if err := decode(body, v); err != nil {
		return nil, fmt.Errorf("decode %s %q: %w", t.kind, id, err)
	}
	return v, nil
}

// checkKind panics unless kind is lower-case words joined by hyphens, the
// first of which begins with a letter.
func checkKind(kind string) {
	last := byte('-')
	for i, c := range []byte(kind) {
		letter, digit, hyphen := c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-'
		if !letter && (!digit || i == 0) && (!hyphen || last == '-') {
			last = '-'
			break
		}
		last = c
	}
	if last == '-' {
		panic(fmt.Sprintf("metastore: kind %q is not lower-case words joined by hyphens", kind))
	}
}
