// Package sqlite is the [metastore.Store] of one machine: a SQLite database in
// WAL mode, in process.
//
// # Files
//
//	records.db        tables of migrations/*.sql, mode 0600
//	records.db-wal    commits not yet copied into the database
//	records.db-shm    index of the WAL, rebuilt when absent
//	records.db.lock   locked while a Store is open; holds its process ID
//
// The folder is created with mode 0700. One Store at a time may have a
// database open; a second Open fails with [ErrInUse]. Nothing else may write
// to the file while it is open, because the answers kept in memory would not
// notice. To copy a database, close it, or use sqlite3's .backup.
//
// # Transactions
//
// One connection writes, a pool of connections reads snapshots. Updates take
// turns at the writing connection; each runs in a savepoint, and the
// transaction around it is committed, with one fsync of the WAL
// (synchronous=FULL), when nobody waits for a turn or maxBatch Updates are in
// it. So an Update alone commits at once and concurrent ones share a sync.
//
// The WAL is copied into the database by SQLite at every thousand pages, and,
// since that never waits for readers, once more with waiting when it exceeds
// 64 MiB. A View of several seconds can delay Updates then, by 2 seconds at
// most each time.
//
// A commit that fails with an I/O error is final: the kernel may have dropped
// the pages that it could not write, so nothing is written any more until the
// database is opened, and the WAL recovered, anew.
//
// SQL statements run to their end: SQLite rolls back the whole transaction of
// an interrupted write, which would take other Updates of the batch with it.
// Contexts are looked at before each statement and while waiting.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/hot"
)

// Errors of Open.
var (
	// ErrInUse says that another Store, of this process or another, has the
	// database open.
	ErrInUse = errors.New("sqlite: database is in use")
	// ErrNewerSchema says that a newer version of Inro has migrated the
	// database.
	ErrNewerSchema = errors.New("sqlite: database is of a newer version")
	// ErrForeign says that the file is a database of another application.
	ErrForeign = errors.New("sqlite: not a database of Inro")
	// ErrNoWAL says that SQLite cannot keep its write-ahead log beside the
	// database, as on network file systems that share no memory.
	ErrNoWAL = errors.New("sqlite: the file system does not support a write-ahead log")
)

// Config says what to open.
type Config struct {
	// Path is the database file. It and its folder are created when absent.
	Path string
	// Readers is the most connections that read at the same time; 0 means one
	// per CPU, but at least 4.
	Readers int
	// Cache bounds what Hot keeps in memory.
	Cache hot.Config
	// ChangeLogRows is how many of the last writes the log of changes keeps at
	// least; it exceeds this by less than an eighth and one commit. 0 means
	// 16384.
	ChangeLogRows int
	// Now is the clock for the times of migrations; nil means time.Now.
	Now func() time.Time
}

// Store is a [metastore.Store] in a SQLite database.
type Store struct {
	config  Config
	lock    io.Closer
	writeDB *sql.DB
	readDB  *sql.DB
	writer  *conn // used by the holder of the turn

	turns turns
	// These belong to the holder of the turn.
	batch     *batch // the transaction that is open, or nil
	failed    error  // why there can be no Update any more
	prunedSeq int64  // the last change of the last batch that pruned
	// walLimitBytes is when the WAL is to be emptied, walDueBytes when this is
	// to be tried.
	walLimitBytes, walDueBytes int64

	readers chan *conn // idle readers, nil for those not yet opened
	closing chan struct{}
	close   sync.Once

	hot *hot.Cache
}

var _ metastore.Store = (*Store)(nil)

// Open opens the database, creating and migrating it as needed.
func Open(config Config) (*Store, error) {
	if config.Path == "" {
		return nil, errors.New("sqlite: Config.Path is empty")
	}
	if config.Readers < 1 {
		config.Readers = max(4, runtime.GOMAXPROCS(0))
	}
	if config.ChangeLogRows < 1 {
		config.ChangeLogRows = 16384
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	path, err := filepath.Abs(config.Path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	config.Path = path

	s := &Store{
		config: config, closing: make(chan struct{}), readers: make(chan *conn, config.Readers),
		walLimitBytes: maxWALBytes, walDueBytes: maxWALBytes,
	}
	s.hot = hot.New(config.Cache, direct{s})
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

func (s *Store) open() error {
	if err := os.MkdirAll(filepath.Dir(s.config.Path), 0o700); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	lock, err := lockFile(s.config.Path + ".lock")
	if err != nil {
		return err
	}
	s.lock = lock
	if err := prepareFile(s.config.Path); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if s.writeDB, err = openDB(s.config.Path, writerPragmas); err != nil {
		return err
	}
	if s.writer, err = openConn(s.writeDB); err != nil {
		return fmt.Errorf("open %s: %w", s.config.Path, err)
	}
	if err := checkWAL(s.writer); err != nil {
		return fmt.Errorf("open %s: %w", s.config.Path, err)
	}
	if err := migrate(s.writer, s.config.Now()); err != nil {
		return fmt.Errorf("migrate %s: %w", s.config.Path, err)
	}
	if s.readDB, err = openDB(s.config.Path, readerPragmas); err != nil {
		return err
	}
	for range s.config.Readers {
		s.readers <- nil
	}
	return nil
}

// prepareFile creates the database file so that nobody else can read it, and
// makes its name durable.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// Hot implements [metastore.Store]. Other processes cannot write, so what it
// returns is always current.
func (s *Store) Hot() metastore.Reader { return s.hot }

// View implements [metastore.Store].
func (s *Store) View(ctx context.Context, f func(metastore.Reader) error) error {
	c, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { s.giveBack(c, c.exec("ROLLBACK") == nil) }()
	if err := c.exec("BEGIN"); err != nil {
		return err
	}
	r := &reader{conn: c}
	defer r.finish()
	return f(r)
}

// acquire takes a reading connection from the pool.
func (s *Store) acquire(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var c *conn
	select {
	case <-s.closing:
		return nil, metastore.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	case c = <-s.readers:
	}
	if c != nil {
		return c, nil
	}
	c, err := openConn(s.readDB)
	if err != nil {
		s.readers <- nil
		return nil, fmt.Errorf("open reader of %s: %w", s.config.Path, err)
	}
	return c, nil
}

// giveBack returns a connection to the pool. One that failed is replaced by a
// new one when it is needed.
func (s *Store) giveBack(c *conn, works bool) {
	if !works {
		c.close()
		c = nil
	}
	s.readers <- c
}

// Close implements [metastore.Store].
func (s *Store) Close() error {
	var err error
	s.close.Do(func() {
		s.turns.close() // waits for the Updates before it
		if s.batch != nil {
			s.commit(s.batch)
		}
		close(s.closing)
		for range s.config.Readers { // and for the Views
			if c := <-s.readers; c != nil {
				c.close()
			}
		}
		s.hot.Close()
		err = s.release()
	})
	return err
}

// release closes the files. The last connection to close copies the WAL into
// the database; the lock goes last.
func (s *Store) release() error {
	var errs []error
	if s.readDB != nil {
		errs = append(errs, s.readDB.Close())
	}
	if s.writer != nil {
		s.writer.close()
	}
	if s.writeDB != nil {
		errs = append(errs, s.writeDB.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
