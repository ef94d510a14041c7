package metastore

import (
	"context"
	"errors"
	"iter"
)

// Relation holds the edges of one kind between two sorts of IDs, such as a
// policy and the principals it is attached to. An edge carries a short value,
// which may be empty. Both directions are ordered and can be paged.
//
// A Relation has no state of its own and is safe for concurrent use. Edges
// that come from a store's Hot reader are shared: the slice must not be
// changed.
type Relation struct{ kind string }

// NewRelation declares a relation. The kind is lower-case words joined by
// hyphens and must be unique among relations; it panics on a malformed kind.
func NewRelation(kind string) *Relation {
	checkKind(kind)
	return &Relation{kind}
}

// Kind returns the kind of the relation's edges.
func (r *Relation) Kind() string { return r.kind }

// Add makes the edge, or replaces its value, and says whether it was absent.
func (r *Relation) Add(ctx context.Context, w Writer, account, from, to, value string) (added bool, err error) {
	return w.Relate(ctx, account, r.kind, from, to, value)
}

// Remove removes the edge and says whether it was there.
func (r *Relation) Remove(ctx context.Context, w Writer, account, from, to string) (removed bool, err error) {
	return w.Unrelate(ctx, account, r.kind, from, to)
}

// Has says whether the edge exists.
func (r *Relation) Has(ctx context.Context, reader Reader, account, from, to string) (bool, error) {
	_, err := reader.Relation(ctx, account, r.kind, from, to)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Value returns the value of the edge, or ErrNotFound.
func (r *Relation) Value(ctx context.Context, reader Reader, account, from, to string) (string, error) {
	edge, err := reader.Relation(ctx, account, r.kind, from, to)
	return edge.Value, err
}

// From returns up to limit edges that start at from, ordered by To, which is
// greater than after. A limit of 0 means MaxPage.
func (r *Relation) From(ctx context.Context, reader Reader, account, from, after string, limit int) ([]Edge, error) {
	return reader.Relations(ctx, account, r.kind, FromSide, from, after, limit)
}

// To returns up to limit edges that end at to, ordered by From, which is
// greater than after. A limit of 0 means MaxPage.
func (r *Relation) To(ctx context.Context, reader Reader, account, to, after string, limit int) ([]Edge, error) {
	return reader.Relations(ctx, account, r.kind, ToSide, to, after, limit)
}

// AllFrom yields every edge that starts at from; see [Table.All].
func (r *Relation) AllFrom(ctx context.Context, reader Reader, account, from string) iter.Seq2[Edge, error] {
	return r.all(ctx, reader, account, FromSide, from)
}

// AllTo yields every edge that ends at to; see [Table.All].
func (r *Relation) AllTo(ctx context.Context, reader Reader, account, to string) iter.Seq2[Edge, error] {
	return r.all(ctx, reader, account, ToSide, to)
}

// CountFrom counts the edges that start at from.
func (r *Relation) CountFrom(ctx context.Context, reader Reader, account, from string) (int, error) {
	return reader.CountRelations(ctx, account, r.kind, FromSide, from)
}

// CountTo counts the edges that end at to.
func (r *Relation) CountTo(ctx context.Context, reader Reader, account, to string) (int, error) {
	return reader.CountRelations(ctx, account, r.kind, ToSide, to)
}

func (r *Relation) all(ctx context.Context, reader Reader, account string, side Side, id string) iter.Seq2[Edge, error] {
	return func(yield func(Edge, error) bool) {
		after := ""
		for {
			edges, err := reader.Relations(ctx, account, r.kind, side, id, after, allPage)
			if err != nil {
				yield(Edge{}, err)
				return
			}
			for _, edge := range edges {
				if !yield(edge, nil) {
					return
				}
				after = edge.Other(side)
			}
			if len(edges) < allPage {
				return
			}
		}
	}
}
