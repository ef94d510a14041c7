package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Settings of each connection, applied in order.
var (
	commonPragmas = []string{
		"busy_timeout(2000)", // milliseconds; recovery and checkpoints lock for short
		"foreign_keys(1)",
		"trusted_schema(0)",
		"cell_size_check(1)",
	}
	writerPragmas = append([]string{
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"fullfsync(1)", // macOS: fsync does not reach the medium there
		"checkpoint_fullfsync(1)",
		"journal_size_limit(67108864)", // bytes; what a checkpoint leaves of the WAL
	}, commonPragmas...)
	readerPragmas = append([]string{"query_only(1)"}, commonPragmas...)
)

// openDB makes a handle whose connections have the given settings. It does not
// touch the file.
func openDB(path string, pragmas []string) (*sql.DB, error) {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/folder, as SQLite's URIs have it
	}
	q := url.Values{"_pragma": pragmas, "_dqs": {"0"}, "_defensive": {"1"}}
	return sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
}

// conn is one connection with its prepared statements, for one goroutine at a
// time.
type conn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt // by text; the texts are few
}

// checkWAL refuses a database that stayed in another journal mode than the one
// asked for: SQLite does not call that an error.
func checkWAL(c *conn) error {
	var mode string
	if err := c.row([]any{&mode}, "PRAGMA journal_mode"); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("%w: journal mode is %q", ErrNoWAL, mode)
	}
	return nil
}

func openConn(db *sql.DB) (*conn, error) {
	c, err := db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	return &conn{conn: c, stmts: map[string]*sql.Stmt{}}, nil
}

// close gives the connection up. What fails here fails again, and is
// reported, when the database handle is closed.
func (c *conn) close() {
	for _, stmt := range c.stmts {
		_ = stmt.Close()
	}
	_ = c.conn.Close()
}

func (c *conn) prepare(text string) (*sql.Stmt, error) {
	if stmt := c.stmts[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := c.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, fmt.Errorf("sqlite: prepare %q: %w", text, err)
	}
	c.stmts[text] = stmt
	return stmt, nil
}

// run executes a statement and returns its effect.
func (c *conn) run(text string, args ...any) (sql.Result, error) {
	stmt, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	result, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %q: %w", text, err)
	}
	return result, nil
}

// exec executes a statement.
func (c *conn) exec(text string, args ...any) error {
	_, err := c.run(text, args...)
	return err
}

// row reads the one row of a query into dest. The error is sql.ErrNoRows if
// there is none.
func (c *conn) row(dest []any, text string, args ...any) error {
	stmt, err := c.prepare(text)
	if err != nil {
		return err
	}
	err = stmt.QueryRowContext(context.Background(), args...).Scan(dest...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("sqlite: %q: %w", text, err)
	}
	return err
}

// rows calls scan for each row of a query.
func (c *conn) rows(scan func(*sql.Rows) error, text string, args ...any) error {
	stmt, err := c.prepare(text)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(context.Background(), args...)
	if err != nil {
		return fmt.Errorf("sqlite: %q: %w", text, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sqlite: %q: %w", text, err)
	}
	return nil
}

// isFinal says whether err means that the storage cannot be trusted to take
// further writes.
func isFinal(err error) bool {
	var e *driver.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}
