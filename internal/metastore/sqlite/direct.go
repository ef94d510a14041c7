package sqlite

import (
	"context"

	"inro.dev/inro/internal/metastore"
)

// direct is the reader beneath the cache: each read takes a connection from
// the pool and sees the last commit.
type direct struct{ store *Store }

var _ metastore.Reader = direct{}

// read runs one read on a pooled connection.
func read[T any](ctx context.Context, s *Store, f func(*reader) (T, error)) (T, error) {
	c, err := s.acquire(ctx)
	if err != nil {
		var zero T
		return zero, err
	}
	r := &reader{conn: c}
	defer func() { s.giveBack(c, r.err == nil || ctx.Err() != nil) }()
	return f(r)
}

func (d direct) Record(ctx context.Context, account, kind, id string) (metastore.Record, error) {
	return read(ctx, d.store, func(r *reader) (metastore.Record, error) {
		return r.Record(ctx, account, kind, id)
	})
}

func (d direct) Records(ctx context.Context, account, kind string, q metastore.Query) ([]metastore.Row, error) {
	return read(ctx, d.store, func(r *reader) ([]metastore.Row, error) {
		return r.Records(ctx, account, kind, q)
	})
}

func (d direct) CountRecords(ctx context.Context, account, kind string, q metastore.Query) (int, error) {
	return read(ctx, d.store, func(r *reader) (int, error) {
		return r.CountRecords(ctx, account, kind, q)
	})
}

func (d direct) Relation(ctx context.Context, account, kind, from, to string) (metastore.Edge, error) {
	return read(ctx, d.store, func(r *reader) (metastore.Edge, error) {
		return r.Relation(ctx, account, kind, from, to)
	})
}

func (d direct) Relations(ctx context.Context, account, kind string, side metastore.Side, id, after string, limit int) ([]metastore.Edge, error) {
	return read(ctx, d.store, func(r *reader) ([]metastore.Edge, error) {
		return r.Relations(ctx, account, kind, side, id, after, limit)
	})
}

func (d direct) CountRelations(ctx context.Context, account, kind string, side metastore.Side, id string) (int, error) {
	return read(ctx, d.store, func(r *reader) (int, error) {
		return r.CountRelations(ctx, account, kind, side, id)
	})
}
