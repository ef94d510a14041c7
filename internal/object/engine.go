package object

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Config says where an engine keeps its data and how.
type Config struct {
	// Dir is the data folder; it is created when absent. One engine at a time
	// holds it.
	Dir string

	// FS is the file system; nil is the disk.
	FS vfs.FS

	// Clock gives the time of modification; nil is time.Now.
	Clock func() time.Time

	// Rand gives the random part of IDs; nil is crypto/rand.
	Rand io.Reader

	// Logger receives what the operator should know; nil discards it.
	Logger *slog.Logger

	// CacheSizeBytes bounds the block cache of the index. Default 128 MiB.
	CacheSizeBytes int64

	// MemTableSizeBytes is how much of what was written last is kept in memory;
	// up to four times as much while it is written out. Default 32 MiB.
	MemTableSizeBytes int64

	// InlineMaxBytes is the largest body kept in the index; larger ones get a
	// file. Default and at most 128 KiB: below that, a file with its two syncs
	// took three times as long (measured with 16 writers on ext4).
	InlineMaxBytes int

	// MaxBodyBytes is the largest body of one Put or PutPart. Default 5 GiB,
	// which is S3's limit.
	MaxBodyBytes int64

	// ReserveBytes is the free space below which writes are refused with
	// ErrNoSpace, so that deletes and compactions still have room. Default
	// 256 MiB; negative is no reserve.
	ReserveBytes int64

	// MaxQueueMessages is how many messages a queue of the outbox holds; more
	// are dropped. Default 100,000.
	MaxQueueMessages int

	// minPartBytes and maxRoundRows are the constants of these names but in tests.
	minPartBytes int64
	maxRoundRows int
}

const maxInlineBytes = 128 << 10

// withDefaults returns c with defaults in place of zeros.
func (c Config) withDefaults() (Config, error) {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.CacheSizeBytes == 0 {
		c.CacheSizeBytes = 128 << 20
	}
	if c.MemTableSizeBytes == 0 {
		c.MemTableSizeBytes = 32 << 20
	}
	if c.InlineMaxBytes == 0 {
		c.InlineMaxBytes = maxInlineBytes
	}
	if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 5 << 30
	}
	if c.ReserveBytes == 0 {
		c.ReserveBytes = 256 << 20
	}
	if c.MaxQueueMessages == 0 {
		c.MaxQueueMessages = 100_000
	}
	if c.minPartBytes == 0 {
		c.minPartBytes = MinPartSizeBytes
	}
	if c.maxRoundRows == 0 {
		c.maxRoundRows = maxRoundRows
	}
	switch {
	case c.Dir == "":
		return c, errors.New("object: no data folder given")
	case c.InlineMaxBytes < 0 || c.InlineMaxBytes > maxInlineBytes:
		return c, fmt.Errorf("object: InlineMaxBytes %d is not between 0 and %d", c.InlineMaxBytes, maxInlineBytes)
	case c.MaxQueueMessages < 0:
		return c, errors.New("object: MaxQueueMessages is negative")
	case c.CacheSizeBytes < 0 || c.MemTableSizeBytes < 0 || c.MaxBodyBytes < 0:
		return c, errors.New("object: a size is negative")
	}
	return c, nil
}

// Engine is an open data folder. Its methods are safe for concurrent use.
type Engine struct {
	cfg       Config
	epoch     uint32
	lock      io.Closer
	guard     *guardFS
	health    *health
	db        *pebble.DB
	segments  *segmentStore
	space     *space
	committer *committer
	reaper    *reaper
	pins      pins
	buckets   bucketTable
	buffers   bufferPool

	outbox outbox

	lastSequence uint64 // of a version; for mutations only

	idCounter atomic.Uint64
	randMu    sync.Mutex // guards cfg.Rand

	// leftovers is set when a file may have been left that nothing refers to;
	// the folder is then not marked clean.
	leftovers atomic.Bool
	openFiles atomic.Int64 // files being written
	closing   atomic.Bool  // no more are begun

	closeMu sync.RWMutex // held for reading while the index is used
	closed  bool         // guarded by closeMu
}

// formatVersion is the number of the layout of the data folder.
//
//	1  one version a key, no usage rows
//	2  versions, attributes, usage
const formatVersion = 2

// Open opens the data folder, creating it when absent. It returns ErrLocked,
// ErrNewerFormat or ErrCorrupt among others.
func Open(cfg Config) (*Engine, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, health: newHealth()}
	if err := e.open(); err != nil {
		e.release()
		return nil, fmt.Errorf("open %s: %w", cfg.Dir, err)
	}
	return e, nil
}

func (e *Engine) open() (err error) {
	fileSystem, dir := e.cfg.FS, e.cfg.Dir
	if err := makeDir(fileSystem, dir); err != nil {
		return err
	}
	if e.lock, err = fileSystem.Lock(fileSystem.PathJoin(dir, "LOCK")); err != nil {
		e.lock = nil
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, vfs.ErrUnsupported) {
			return fmt.Errorf("lock: %w", err)
		}
		return fmt.Errorf("%w (%w)", ErrLocked, err)
	}
	e.guard = &guardFS{FS: fileSystem, health: e.health, fail: e.fail}
	if e.db, err = guarded(e.health, e.openIndex); err != nil {
		return err
	}
	if e.segments, err = openSegmentStore(fileSystem, e.segmentsDir(), &e.buffers); err != nil {
		return err
	}
	last, err := guarded(e.health, e.begin)
	if err != nil {
		return err
	}
	e.epoch = last.epoch + 1
	if err := e.loadBuckets(); err != nil {
		return err
	}
	if err := e.loadOutbox(); err != nil {
		return err
	}
	garbage, err := e.garbage()
	if err != nil {
		return err
	}
	e.space = newSpace(fileSystem, dir, e.cfg)
	e.guard.patient.Store(true)
	e.committer = startCommitter(e)
	e.reaper = startReaper(e, garbage, !last.clean)
	return nil
}

// openIndex opens the database, creating it when absent. A new one is made under
// another name and renamed when it is whole: Pebble cannot open one that a crash
// interrupted on its way into being.
func (e *Engine) openIndex() (*pebble.DB, error) {
	fileSystem := e.cfg.FS
	index := fileSystem.PathJoin(e.cfg.Dir, "index")
	_, err := fileSystem.Stat(index)
	if isNotExist(err) {
		if err = e.refuseLostIndex(); err == nil {
			err = e.createIndex(index)
		}
	}
	if err != nil {
		return nil, err
	}
	return e.openDatabase(index)
}

// refuseLostIndex returns ErrCorrupt when there are segment files without an
// index: they came after one, and to a new one all of them would be rubbish, to
// be swept at the start after this.
func (e *Engine) refuseLostIndex() error {
	fileSystem := e.cfg.FS
	for i := range segmentShards {
		names, err := fileSystem.List(shardPath(fileSystem, e.segmentsDir(), i))
		if err != nil && !isNotExist(err) {
			return err
		}
		if len(names) > 0 {
			return fmt.Errorf("there are segment files without an index: %w", ErrCorrupt)
		}
	}
	return nil
}

func (e *Engine) segmentsDir() string { return e.cfg.FS.PathJoin(e.cfg.Dir, "segments") }

func (e *Engine) createIndex(index string) error {
	fileSystem := e.cfg.FS
	unfinished := fileSystem.PathJoin(e.cfg.Dir, "index.new")
	if err := fileSystem.RemoveAll(unfinished); err != nil && !isNotExist(err) {
		return err
	}
	if err := makeDir(fileSystem, unfinished); err != nil {
		return err
	}
	db, err := e.openDatabase(unfinished)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if err := fileSystem.Rename(unfinished, index); err != nil {
		return err
	}
	return syncDir(fileSystem, e.cfg.Dir)
}

func (e *Engine) openDatabase(folder string) (*pebble.DB, error) {
	db, err := pebble.Open(folder, indexOptions(e))
	switch {
	case err != nil && pebble.IsCorruptionError(err):
		return nil, fmt.Errorf("index: %w: %w", ErrCorrupt, err)
	case err != nil:
		return nil, fmt.Errorf("index: %w", err)
	}
	return db, nil
}

// Settings of the folder.
var (
	settingFormat = []byte{kindSetting, 'f', 'o', 'r', 'm', 'a', 't'} // 4 bytes
	settingEpoch  = []byte{kindSetting, 'e', 'p', 'o', 'c', 'h'}      // 4 bytes
	settingClean  = []byte{kindSetting, 'c', 'l', 'e', 'a', 'n'}      // present after a clean close
)

// run is a time that the folder was open.
type run struct {
	epoch uint32 // 0: there was none
	clean bool   // closed in order
}

// begin checks the format and starts a new epoch. It returns the last one.
func (e *Engine) begin() (last run, err error) {
	format, err := e.setting(settingFormat)
	if err != nil {
		return last, err
	}
	if format > formatVersion {
		return last, fmt.Errorf("%w: %d, this program knows up to %d", ErrNewerFormat, format, formatVersion)
	}
	if last.epoch, err = e.setting(settingEpoch); err != nil {
		return last, err
	}
	if format == 1 {
		e.cfg.Logger.Info("data folder is brought to a newer format", "from", format, "to", formatVersion)
		if err := e.countUsage(); err != nil {
			return last, fmt.Errorf("count usage: %w", err)
		}
	}
	mark, err := e.get(settingClean)
	if err != nil {
		return last, err
	}
	last.clean = mark != nil
	batch := e.db.NewBatch()
	defer batch.Close()
	return last, errors.Join(
		batch.Set(settingFormat, binary.BigEndian.AppendUint32(nil, formatVersion), nil),
		batch.Set(settingEpoch, binary.BigEndian.AppendUint32(nil, last.epoch+1), nil),
		batch.Delete(settingClean, nil),
		batch.Commit(pebble.Sync),
		e.health.err(),
	)
}

// setting reads a number; 0 when it is not there.
func (e *Engine) setting(key []byte) (uint32, error) {
	row, err := e.get(key)
	switch {
	case err != nil || row == nil:
		return 0, err
	case len(row) != 4:
		return 0, fmt.Errorf("setting %s: %w", key[1:], ErrCorrupt)
	}
	return binary.BigEndian.Uint32(row), nil
}

// Close waits for operations that use the index and closes it. Readers still
// open fail from then on.
func (e *Engine) Close() error {
	if err := e.enter(); err != nil {
		return err
	}
	e.leave()
	e.closing.Store(true)
	e.reaper.stop()
	if e.openFiles.Load() == 0 && !e.leftovers.Load() && e.health.err() == nil {
		// Best effort: without the mark the next start sweeps.
		_, _ = e.commit(func(tx *transaction) error {
			tx.setUnread(settingClean, []byte{1})
			return nil
		})
	}
	if e.health.err() != nil {
		e.fail(errors.New("closed while waiting for space")) // releases nothing but ends the wait
	}
	e.closeMu.Lock()
	defer e.closeMu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.closed = true
	e.committer.stop()
	e.guard.patient.Store(false)
	return e.release()
}

// release gives back what open took. After a failure the database is left as it
// is: its goroutines may be held, and nothing more may be written.
func (e *Engine) release() (err error) {
	switch {
	case e.db == nil:
	case e.health.hasFailed():
		err = e.health.err()
	default:
		_, err = guarded(e.health, func() (struct{}, error) { return struct{}{}, e.db.Close() })
	}
	if e.segments != nil {
		e.segments.close()
	}
	if e.lock != nil {
		err = errors.Join(err, e.lock.Close())
	}
	return err
}

// enter begins a use of the index, which leave ends. Uses must not nest.
func (e *Engine) enter() error {
	e.closeMu.RLock()
	if e.closed {
		e.closeMu.RUnlock()
		return ErrClosed
	}
	return nil
}

func (e *Engine) leave() { e.closeMu.RUnlock() }

// fail stops all writing for good.
func (e *Engine) fail(err error) {
	if e.health.fail(err) {
		e.cfg.Logger.Error("object engine stopped accepting writes; restart to recover", "dir", e.cfg.Dir, "err", err)
	}
}

// Err returns nil while the engine accepts writes, else ErrFailed or ErrNoSpace.
func (e *Engine) Err() error {
	if err := e.health.err(); err != nil {
		return err
	}
	return e.space.check(0)
}

// newID returns an ID for a segment or a manifest.
func (e *Engine) newID() (id, error) {
	var i id
	binary.BigEndian.PutUint64(i[2:], e.idCounter.Add(1))
	binary.BigEndian.PutUint32(i[:], e.epoch)
	return i, e.random(i[10:])
}

// idEpoch returns the epoch in which an ID of a segment was made.
func idEpoch(i id) uint32 { return binary.BigEndian.Uint32(i[:]) }

func (e *Engine) random(b []byte) error {
	e.randMu.Lock()
	defer e.randMu.Unlock()
	if _, err := io.ReadFull(e.cfg.Rand, b); err != nil {
		return fmt.Errorf("random bytes: %w", err)
	}
	return nil
}

// now returns the time in the precision of records.
func (e *Engine) now() time.Time { return time.Unix(0, e.cfg.Clock().UnixNano()).UTC() }
