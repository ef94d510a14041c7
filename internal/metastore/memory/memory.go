// Package memory is a [metastore.Store] without durability: the model that
// defines what the contract means, and a quick store for tests of services.
//
// The whole content is one immutable value. View reads the current one, Update
// works on a copy and publishes it. So an Update costs time in proportion to
// everything stored, and a listing too; do not use it for more than a few
// thousand records.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"inro.dev/inro/internal/metastore"
)

// Store is a [metastore.Store] in memory. The zero value is not usable.
type Store struct {
	turn    chan struct{} // holds one token, taken by an Update
	content atomic.Pointer[content]
}

var _ metastore.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	s := &Store{turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.content.Store(&content{records: map[recordKey]record{}, edges: map[edgeKey]string{}})
	return s
}

// View implements [metastore.Store].
func (s *Store) View(ctx context.Context, f func(metastore.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := s.content.Load()
	if c == nil {
		return metastore.ErrClosed
	}
	r := &reader{content: c}
	defer r.finish()
	return f(r)
}

// Update implements [metastore.Store].
func (s *Store) Update(ctx context.Context, f func(metastore.Writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }()

	c := s.content.Load()
	if c == nil {
		return metastore.ErrClosed
	}
	w := &writer{reader: reader{content: c.clone()}}
	defer w.finish()
	if err := f(w); err != nil {
		return err
	}
	if w.err != nil {
		return w.err
	}
	s.content.Store(w.content)
	return nil
}

// Hot implements [metastore.Store].
func (s *Store) Hot() metastore.Reader { return hot{s} }

// Close implements [metastore.Store].
func (s *Store) Close() error {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	s.content.Store(nil)
	return nil
}

type recordKey struct{ account, kind, id string }

type edgeKey struct{ account, kind, from, to string }

type record struct {
	metastore.Record // with the Memo for Hot
	index            []metastore.IndexValue
}

// content is everything stored. It is immutable once published.
type content struct {
	revision int64
	records  map[recordKey]record
	edges    map[edgeKey]string
}

func (c *content) clone() *content {
	return &content{c.revision, maps.Clone(c.records), maps.Clone(c.edges)}
}

// writer writes into a copy of the content.
type writer struct {
	reader
	writes int
}

func (w *writer) ready(ctx context.Context) error {
	if err := w.reader.ready(ctx); err != nil {
		return err
	}
	if w.writes >= metastore.MaxWrites {
		return fmt.Errorf("%w: more than %d writes in one Update", metastore.ErrInvalid, metastore.MaxWrites)
	}
	w.writes++
	return nil
}

func (w *writer) Put(ctx context.Context, account, kind, id string, body []byte, index []metastore.IndexValue) error {
	if err := metastore.CheckPut(account, kind, id, body, index); err != nil {
		return err
	}
	if err := w.ready(ctx); err != nil {
		return err
	}
	w.content.revision++
	r := record{metastore.Record{Body: append([]byte{}, body...), Revision: w.content.revision, Memo: new(metastore.Memo)}, nil}
	for _, v := range index {
		if !slices.Contains(r.index, v) {
			r.index = append(r.index, v)
		}
	}
	w.content.records[recordKey{account, kind, id}] = r
	return nil
}

func (w *writer) Delete(ctx context.Context, account, kind, id string) error {
	if err := metastore.CheckKey(account, kind, id); err != nil {
		return err
	}
	if err := w.ready(ctx); err != nil {
		return err
	}
	k := recordKey{account, kind, id}
	if _, ok := w.content.records[k]; !ok {
		return metastore.ErrNotFound
	}
	delete(w.content.records, k)
	return nil
}

func (w *writer) Relate(ctx context.Context, account, kind, from, to, value string) (added bool, err error) {
	if err := metastore.CheckRelate(account, kind, from, to, value); err != nil {
		return false, err
	}
	if err := w.ready(ctx); err != nil {
		return false, err
	}
	k := edgeKey{account, kind, from, to}
	_, there := w.content.edges[k]
	w.content.edges[k] = value
	return !there, nil
}

func (w *writer) Unrelate(ctx context.Context, account, kind, from, to string) (removed bool, err error) {
	if err := metastore.CheckKey(account, kind, from, to); err != nil {
		return false, err
	}
	if err := w.ready(ctx); err != nil {
		return false, err
	}
	k := edgeKey{account, kind, from, to}
	_, there := w.content.edges[k]
	delete(w.content.edges, k)
	return there, nil
}

// own returns r for a caller who may change it.
func (r record) own() metastore.Record {
	return metastore.Record{Body: bytes.Clone(r.Body), Revision: r.Revision}
}
