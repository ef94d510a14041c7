package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/hot"
)

// writer writes in one Update's savepoint.
type writer struct {
	reader
	writes  int
	changes []hot.Change
	lastSeq int64 // of the last change, 0 if there is none
}

var _ metastore.Writer = (*writer)(nil)

// readyToWrite says whether a writing call may run.
func (w *writer) readyToWrite(ctx context.Context) error {
	if err := w.ready(ctx); err != nil {
		return err
	}
	if w.writes >= metastore.MaxWrites {
		return fmt.Errorf("%w: more than %d writes in one Update", metastore.ErrInvalid, metastore.MaxWrites)
	}
	w.writes++
	return nil
}

// log adds a change to the log and to what the cache must forget.
func (w *writer) log(op, account, kind, id, to string) (seq int64, err error) {
	result, err := w.conn.run("INSERT INTO changes (op, account, kind, id, to_id) VALUES (?, ?, ?, ?, ?)", op, account, kind, id, to)
	if err != nil {
		return 0, err
	}
	if seq, err = result.LastInsertId(); err != nil {
		return 0, err
	}
	w.lastSeq = seq
	w.changes = append(w.changes, hot.Change{
		Account: strings.Clone(account), Kind: strings.Clone(kind), ID: strings.Clone(id), To: strings.Clone(to),
	})
	return seq, nil
}

func (w *writer) Put(ctx context.Context, account, kind, id string, body []byte, index []metastore.IndexValue) error {
	if err := metastore.CheckPut(account, kind, id, body, index); err != nil {
		return err
	}
	if err := w.readyToWrite(ctx); err != nil {
		return err
	}
	return w.keep(w.put(account, kind, id, body, index))
}

func (w *writer) put(account, kind, id string, body []byte, index []metastore.IndexValue) error {
	revision, err := w.log("put", account, kind, id, "")
	if err != nil {
		return err
	}
	if body == nil {
		body = []byte{} // nil is NULL to the driver
	}
	err = w.conn.exec("INSERT INTO records (account, kind, id, revision, body) VALUES (?, ?, ?, ?, ?)"+
		" ON CONFLICT (account, kind, id) DO UPDATE SET revision = excluded.revision, body = excluded.body",
		account, kind, id, revision, body)
	if err != nil {
		return err
	}
	if err := w.conn.exec("DELETE FROM record_index WHERE account = ? AND kind = ? AND id = ?", account, kind, id); err != nil {
		return err
	}
	for _, v := range index {
		err := w.conn.exec("INSERT INTO record_index (account, kind, name, value, id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			account, kind, v.Name, v.Value, id)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) Delete(ctx context.Context, account, kind, id string) error {
	if err := metastore.CheckKey(account, kind, id); err != nil {
		return err
	}
	if err := w.readyToWrite(ctx); err != nil {
		return err
	}
	// The index values go by the foreign key.
	removed, err := w.remove("delete", "DELETE FROM records WHERE account = ? AND kind = ? AND id = ?", account, kind, id)
	if err == nil && !removed {
		return metastore.ErrNotFound
	}
	return err
}

func (w *writer) Relate(ctx context.Context, account, kind, from, to, value string) (added bool, err error) {
	if err := metastore.CheckRelate(account, kind, from, to, value); err != nil {
		return false, err
	}
	if err := w.readyToWrite(ctx); err != nil {
		return false, err
	}
	var old string
	err = w.conn.row([]any{&old}, "SELECT value FROM relations WHERE account = ? AND kind = ? AND from_id = ? AND to_id = ?", account, kind, from, to)
	added = errors.Is(err, sql.ErrNoRows)
	if err == nil && old == value {
		return false, nil
	}
	if err != nil && !added {
		return false, w.keep(err)
	}
	if _, err := w.log("relate", account, kind, from, to); err != nil {
		return false, w.keep(err)
	}
	err = w.conn.exec("INSERT INTO relations (account, kind, from_id, to_id, value) VALUES (?, ?, ?, ?, ?)"+
		" ON CONFLICT (account, kind, from_id, to_id) DO UPDATE SET value = excluded.value", account, kind, from, to, value)
	return added && err == nil, w.keep(err)
}

func (w *writer) Unrelate(ctx context.Context, account, kind, from, to string) (removed bool, err error) {
	if err := metastore.CheckKey(account, kind, from, to); err != nil {
		return false, err
	}
	if err := w.readyToWrite(ctx); err != nil {
		return false, err
	}
	return w.remove("unrelate", "DELETE FROM relations WHERE account = ? AND kind = ? AND from_id = ? AND to_id = ?", account, kind, from, to)
}

// remove deletes the row with the given key (account, kind, ID and, for a
// relation, To), logs that and says whether there was one.
func (w *writer) remove(op, text string, key ...string) (bool, error) {
	args := make([]any, len(key))
	for i, part := range key {
		args[i] = part
	}
	result, err := w.conn.run(text, args...)
	if err != nil {
		return false, w.keep(err)
	}
	n, err := result.RowsAffected()
	if err != nil || n == 0 {
		return false, w.keep(err)
	}
	to := ""
	if len(key) > 3 {
		to = key[3]
	}
	_, err = w.log(op, key[0], key[1], key[2], to)
	return err == nil, w.keep(err)
}
