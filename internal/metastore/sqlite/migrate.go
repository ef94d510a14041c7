package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks the file as ours in SQLite's header: "Inro".
const applicationID = 0x496e726f

// migration is one step of the schema.
type migration struct {
	version int
	name    string
	text    string
}

// migrations reads the steps from files named 001_name.sql, 002_name.sql and
// so on, without a gap.
func migrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	steps := make([]migration, len(names)) // Glob sorts
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || len(number) != 3 || version != i+1 {
			return nil, fmt.Errorf("%s is not numbered %03d", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		steps[i] = migration{version, strings.TrimPrefix(name, "migrations/"), string(text)}
	}
	return steps, nil
}

// migrate brings the schema up to this version of the program.
func migrate(c *conn, now time.Time) error {
	steps, err := migrations(migrationFiles)
	if err != nil {
		return err
	}
	return applyMigrations(c, steps, now)
}

func applyMigrations(c *conn, steps []migration, now time.Time) error {
	if err := claim(c); err != nil {
		return err
	}
	var version int
	if err := c.row([]any{&version}, "SELECT coalesce(max(version), 0) FROM schema_migrations"); err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("%w: its schema is version %d, this program knows %d", ErrNewerSchema, version, len(steps))
	}
	for _, step := range steps[version:] {
		if err := inTransaction(c, func() error { return step.apply(c, now) }); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// claim marks an empty database as ours and refuses others.
func claim(c *conn) error {
	var id, tables int
	if err := c.row([]any{&id}, "PRAGMA application_id"); err != nil {
		return err
	}
	if id == applicationID {
		return nil
	}
	if err := c.row([]any{&tables}, "SELECT count(*) FROM sqlite_schema"); err != nil {
		return err
	}
	if id != 0 || tables != 0 {
		return fmt.Errorf("%w: application ID %#x, %d tables and indexes", ErrForeign, id, tables)
	}
	return inTransaction(c, func() error {
		_, err := c.conn.ExecContext(context.Background(), fmt.Sprintf(`
			PRAGMA application_id = %d;
			CREATE TABLE schema_migrations (
				version    INTEGER PRIMARY KEY,
				name       TEXT    NOT NULL,
				applied_at INTEGER NOT NULL -- seconds since 1970
			) STRICT`, applicationID))
		return err
	})
}

// apply runs the step and records it. A step may be several statements, which
// cannot be prepared as one.
func (m migration) apply(c *conn, now time.Time) error {
	if _, err := c.conn.ExecContext(context.Background(), m.text); err != nil {
		return err
	}
	return c.exec("INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)", m.version, m.name, now.Unix())
}

func inTransaction(c *conn, f func() error) error {
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = c.exec("COMMIT")
	}
	if err != nil {
		// On some errors SQLite has ended the transaction already.
		_ = c.exec("ROLLBACK")
	}
	return err
}
