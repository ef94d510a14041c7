package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"inro.dev/inro/internal/metastore"
)

// reader answers from one connection, in the transaction open there or, if
// there is none, each read from the last commit.
type reader struct {
	conn     *conn
	finished bool
	// err is the first failure that leaves the transaction in doubt. A writer
	// does nothing more once it is set.
	err error
}

func (r *reader) finish() { r.finished = true }

// ready says whether a statement may run.
func (r *reader) ready(ctx context.Context) error {
	if r.finished {
		return metastore.ErrFinished
	}
	if r.err != nil {
		return r.err
	}
	return r.keep(ctx.Err())
}

// keep remembers err, if it is one, and returns it.
func (r *reader) keep(err error) error {
	if err != nil && r.err == nil {
		r.err = err
	}
	return err
}

func (r *reader) Record(ctx context.Context, account, kind, id string) (metastore.Record, error) {
	if err := metastore.CheckKey(account, kind, id); err != nil {
		return metastore.Record{}, err
	}
	if err := r.ready(ctx); err != nil {
		return metastore.Record{}, err
	}
	var record metastore.Record
	err := r.conn.row([]any{&record.Revision, &record.Body},
		"SELECT revision, body FROM records WHERE account = ? AND kind = ? AND id = ?", account, kind, id)
	if errors.Is(err, sql.ErrNoRows) {
		return metastore.Record{}, metastore.ErrNotFound
	}
	if record.Body == nil {
		record.Body = []byte{} // so the driver returns an empty blob
	}
	return record, r.keep(err)
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
	text, args := selectRecords(account, kind, q)
	var page []metastore.Row
	err = r.conn.rows(func(rows *sql.Rows) error {
		var row metastore.Row
		if err := rows.Scan(&row.ID, &row.IndexValue, &row.Revision, &row.Body); err != nil {
			return err
		}
		if row.Body == nil {
			row.Body = []byte{}
		}
		page = append(page, row)
		return nil
	}, text, args...)
	return page, r.keep(err)
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
	text, args := countRecords(account, kind, q)
	var n int
	err = r.conn.row([]any{&n}, text, args...)
	return n, r.keep(err)
}

func (r *reader) Relation(ctx context.Context, account, kind, from, to string) (metastore.Edge, error) {
	if err := metastore.CheckKey(account, kind, from, to); err != nil {
		return metastore.Edge{}, err
	}
	if err := r.ready(ctx); err != nil {
		return metastore.Edge{}, err
	}
	edge := metastore.Edge{From: strings.Clone(from), To: strings.Clone(to)}
	err := r.conn.row([]any{&edge.Value},
		"SELECT value FROM relations WHERE account = ? AND kind = ? AND from_id = ? AND to_id = ?", account, kind, from, to)
	if errors.Is(err, sql.ErrNoRows) {
		return metastore.Edge{}, metastore.ErrNotFound
	}
	return edge, r.keep(err)
}

func (r *reader) Relations(ctx context.Context, account, kind string, side metastore.Side, id, after string, limit int) ([]metastore.Edge, error) {
	limit, err := metastore.CheckRelations(account, kind, side, id, after, limit)
	if err != nil {
		return nil, err
	}
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	var page []metastore.Edge
	err = r.conn.rows(func(rows *sql.Rows) error {
		var edge metastore.Edge
		if err := rows.Scan(&edge.From, &edge.To, &edge.Value); err != nil {
			return err
		}
		page = append(page, edge)
		return nil
	}, selectRelations[side], account, kind, id, after, limit)
	return page, r.keep(err)
}

func (r *reader) CountRelations(ctx context.Context, account, kind string, side metastore.Side, id string) (int, error) {
	if _, err := metastore.CheckRelations(account, kind, side, id, "", 0); err != nil {
		return 0, err
	}
	if err := r.ready(ctx); err != nil {
		return 0, err
	}
	var n int
	err := r.conn.row([]any{&n}, countRelations[side], account, kind, id)
	return n, r.keep(err)
}
