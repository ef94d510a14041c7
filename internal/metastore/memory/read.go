package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"inro.dev/inro/internal/metastore"
)

// reader reads one content.
type reader struct {
	content  *content
	finished bool
	err      error // the first failure, which a writer must not hide
}

func (r *reader) finish() { r.finished = true }

func (r *reader) ready(ctx context.Context) error {
	if r.finished {
		return metastore.ErrFinished
	}
	if r.err == nil {
		r.err = ctx.Err()
	}
	return r.err
}

func (r *reader) Record(ctx context.Context, account, kind, id string) (metastore.Record, error) {
	found, err := r.record(ctx, account, kind, id)
	if err != nil {
		return metastore.Record{}, err
	}
	return found.own(), nil
}

func (r *reader) record(ctx context.Context, account, kind, id string) (record, error) {
	if err := metastore.CheckKey(account, kind, id); err != nil {
		return record{}, err
	}
	if err := r.ready(ctx); err != nil {
		return record{}, err
	}
	found, ok := r.content.records[recordKey{account, kind, id}]
	if !ok {
		return record{}, metastore.ErrNotFound
	}
	return found, nil
}

func (r *reader) Records(ctx context.Context, account, kind string, q metastore.Query) ([]metastore.Row, error) {
	if err := metastore.CheckKey(account, kind); err != nil {
		return nil, err
	}
	q, err := q.Check()
	if err != nil {
		return nil, err
	}
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	rows := r.selected(account, kind, q)
	compare := func(a, b metastore.Row) int {
		order := strings.Compare(a.ID, b.ID)
		if q.ValuePrefix {
			order = cmp.Or(strings.Compare(a.IndexValue, b.IndexValue), order)
		}
		if q.Descending {
			return -order
		}
		return order
	}
	slices.SortFunc(rows, compare)
	if q.After != "" {
		after := metastore.Row{ID: q.After, IndexValue: q.AfterValue}
		rows = slices.DeleteFunc(rows, func(row metastore.Row) bool { return compare(row, after) <= 0 })
	}
	return rows[:min(q.Limit, len(rows))], nil
}

func (r *reader) CountRecords(ctx context.Context, account, kind string, q metastore.Query) (int, error) {
	if err := metastore.CheckKey(account, kind); err != nil {
		return 0, err
	}
	q, err := q.Check()
	if err != nil {
		return 0, err
	}
	if err := r.ready(ctx); err != nil {
		return 0, err
	}
	return len(r.selected(account, kind, q)), nil
}

// selected returns what q selects, whatever the page, in no order.
func (r *reader) selected(account, kind string, q metastore.Query) []metastore.Row {
	var rows []metastore.Row
	for k, found := range r.content.records {
		if k.account != account || k.kind != kind || !strings.HasPrefix(k.id, q.Prefix) {
			continue
		}
		if q.Index == "" {
			rows = append(rows, metastore.Row{ID: k.id, Record: found.own()})
			continue
		}
		for _, v := range found.index {
			if v.Name != q.Index || v.Value != q.Value && (!q.ValuePrefix || !strings.HasPrefix(v.Value, q.Value)) {
				continue
			}
			rows = append(rows, metastore.Row{ID: k.id, IndexValue: v.Value, Record: found.own()})
		}
	}
	return rows
}

func (r *reader) Relation(ctx context.Context, account, kind, from, to string) (metastore.Edge, error) {
	if err := metastore.CheckKey(account, kind, from, to); err != nil {
		return metastore.Edge{}, err
	}
	if err := r.ready(ctx); err != nil {
		return metastore.Edge{}, err
	}
	value, ok := r.content.edges[edgeKey{account, kind, from, to}]
	if !ok {
		return metastore.Edge{}, metastore.ErrNotFound
	}
	return metastore.Edge{From: from, To: to, Value: value}, nil
}

func (r *reader) Relations(ctx context.Context, account, kind string, side metastore.Side, id, after string, limit int) ([]metastore.Edge, error) {
	limit, err := metastore.CheckRelations(account, kind, side, id, after, limit)
	if err != nil {
		return nil, err
	}
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	var edges []metastore.Edge
	for k, value := range r.content.edges {
		e := metastore.Edge{From: k.from, To: k.to, Value: value}
		end := k.from
		if side == metastore.ToSide {
			end = k.to
		}
		if k.account == account && k.kind == kind && end == id && e.Other(side) > after {
			edges = append(edges, e)
		}
	}
	slices.SortFunc(edges, func(a, b metastore.Edge) int { return strings.Compare(a.Other(side), b.Other(side)) })
	return edges[:min(limit, len(edges))], nil
}

func (r *reader) CountRelations(ctx context.Context, account, kind string, side metastore.Side, id string) (int, error) {
	if _, err := metastore.CheckRelations(account, kind, side, id, "", 0); err != nil {
		return 0, err
	}
	if err := r.ready(ctx); err != nil {
		return 0, err
	}
	n := 0
	for k := range r.content.edges {
		end := k.from
		if side == metastore.ToSide {
			end = k.to
		}
		if k.account == account && k.kind == kind && end == id {
			n++
		}
	}
	return n, nil
}

// hot reads the content of the moment.
type hot struct{ store *Store }

func (h hot) reader() (*reader, error) {
	c := h.store.content.Load()
	if c == nil {
		return nil, metastore.ErrClosed
	}
	return &reader{content: c}, nil
}

// Record returns the record with its Memo, so that values decoded from it are
// shared as those of a store with a cache are.
func (h hot) Record(ctx context.Context, account, kind, id string) (metastore.Record, error) {
	r, err := h.reader()
	if err != nil {
		return metastore.Record{}, err
	}
	found, err := r.record(ctx, account, kind, id)
	return found.Record, err
}

func (h hot) Records(ctx context.Context, account, kind string, q metastore.Query) ([]metastore.Row, error) {
	r, err := h.reader()
	if err != nil {
		return nil, err
	}
	return r.Records(ctx, account, kind, q)
}

func (h hot) CountRecords(ctx context.Context, account, kind string, q metastore.Query) (int, error) {
	r, err := h.reader()
	if err != nil {
		return 0, err
	}
	return r.CountRecords(ctx, account, kind, q)
}

func (h hot) Relation(ctx context.Context, account, kind, from, to string) (metastore.Edge, error) {
	r, err := h.reader()
	if err != nil {
		return metastore.Edge{}, err
	}
	return r.Relation(ctx, account, kind, from, to)
}

func (h hot) Relations(ctx context.Context, account, kind string, side metastore.Side, id, after string, limit int) ([]metastore.Edge, error) {
	r, err := h.reader()
	if err != nil {
		return nil, err
	}
	return r.Relations(ctx, account, kind, side, id, after, limit)
}

func (h hot) CountRelations(ctx context.Context, account, kind string, side metastore.Side, id string) (int, error) {
	r, err := h.reader()
	if err != nil {
		return 0, err
	}
	return r.CountRelations(ctx, account, kind, side, id)
}
