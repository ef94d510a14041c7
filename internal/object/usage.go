package object

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// Usage is what a bucket or a folder of it holds.
type Usage struct {
	// Bytes is the size of all versions, and of the parts of uploads in
	// progress, as clients sent them.
	Bytes int64
	// Objects is the number of versions, delete markers aside.
	Objects int64
}

// FolderUsage is the usage of a folder.
type FolderUsage struct {
	Folder string
	Usage
}

// QuotaError refuses a write that would exceed a limit. It wraps
// ErrQuotaExceeded.
type QuotaError struct {
	Folder string // "" for the bucket
	Limit  int64
	Bytes  bool // the limit is of bytes; else of objects
}

func (e *QuotaError) Error() string {
	what, unit := "bucket", "objects"
	if e.Folder != "" {
		what = "folder " + e.Folder
	}
	if e.Bytes {
		unit = "bytes"
	}
	return fmt.Sprintf("%v: the %s may hold %d %s", ErrQuotaExceeded, what, e.Limit, unit)
}

func (e *QuotaError) Unwrap() error { return ErrQuotaExceeded }

// folderOf returns the folder of a key: all before its first slash. A key without
// one, or that begins with one, is in no folder.
func folderOf(key string) string {
	folder, _, found := strings.Cut(key, "/")
	if !found {
		return ""
	}
	return folder
}

// usageKey returns the key of a usage row; of the bucket's when folder is "".
func usageKey(scope []byte, folder string) []byte {
	row := append(append(make([]byte, 0, 2+len(scope)+len(folder)), kindUsage), scope...)
	return appendKey(row, folder)
}

// usageAt returns what a row counts, with what this group has changed.
func (tx *transaction) usageAt(row []byte) (*Usage, error) {
	if u := tx.usage[string(row)]; u != nil {
		return u, nil
	}
	u := new(Usage)
	value, err := tx.engine.get(row)
	if err == nil && value != nil {
		*u, err = decodeUsage(value)
	}
	if err != nil {
		return nil, err
	}
	if tx.usage == nil {
		tx.usage = make(map[string]*Usage)
	}
	tx.usage[string(row)] = u
	return u, nil
}

// charge is a change of usage that a mutation is about to make.
type charge struct {
	bucket, folder *Usage // folder may be nil
	bytes, objects int64
}

// charge prepares a change of the usage of a bucket and the key's folder, and
// refuses one that adds above a limit. It is a check: nothing changes before
// apply.
func (tx *transaction) charge(b *bucketState, key string, bytes, objects int64) (charge, error) {
	c := charge{bytes: bytes, objects: objects}
	var err error
	if c.bucket, err = tx.usageAt(usageKey(b.scope, "")); err != nil {
		return c, err
	}
	quota := &b.settings.Load().Quota
	if err := c.check(c.bucket, "", quota.Bytes, quota.Objects); err != nil {
		return c, err
	}
	folder := folderOf(key)
	if folder == "" {
		return c, nil
	}
	if c.folder, err = tx.usageAt(usageKey(b.scope, folder)); err != nil {
		return c, err
	}
	return c, c.check(c.folder, folder, quota.FolderBytes, quota.FolderObjects)
}

func (c *charge) check(u *Usage, folder string, maxBytes, maxObjects int64) error {
	switch {
	case maxBytes > 0 && c.bytes > 0 && u.Bytes+c.bytes > maxBytes:
		return &QuotaError{folder, maxBytes, true}
	case maxObjects > 0 && c.objects > 0 && u.Objects+c.objects > maxObjects:
		return &QuotaError{folder, maxObjects, false}
	}
	return nil
}

// apply makes the change. The rows are written when the group is settled.
func (c *charge) apply() {
	for _, u := range [...]*Usage{c.bucket, c.folder} {
		if u != nil {
			u.Bytes = max(u.Bytes+c.bytes, 0)
			u.Objects = max(u.Objects+c.objects, 0)
		}
	}
}

// writeUsage writes the usage rows that the group has changed.
func (tx *transaction) writeUsage() {
	for row, u := range tx.usage {
		if *u == (Usage{}) {
			must(tx.batch.Delete([]byte(row), nil))
		} else {
			tx.setUnread([]byte(row), appendUsage(nil, *u))
		}
	}
}

// checkQuota refuses a body that cannot fit, before it is received. sizeBytes may
// be UnknownSize.
func (e *Engine) checkQuota(b *bucketState, key string, sizeBytes int64) error {
	quota := &b.settings.Load().Quota
	if *quota == (Quota{}) || sizeBytes <= 0 {
		return nil
	}
	c := charge{bytes: sizeBytes}
	u, err := e.usage(b, "")
	if err == nil {
		err = c.check(&u, "", quota.Bytes, 0)
	}
	folder := folderOf(key)
	if err != nil || folder == "" {
		return err
	}
	if u, err = e.usage(b, folder); err == nil {
		err = c.check(&u, folder, quota.FolderBytes, 0)
	}
	return err
}

func (e *Engine) usage(b *bucketState, folder string) (Usage, error) {
	if err := e.enter(); err != nil {
		return Usage{}, err
	}
	defer e.leave()
	row, err := e.get(usageKey(b.scope, folder))
	if err != nil || row == nil {
		return Usage{}, err
	}
	return decodeUsage(row)
}

// Usage returns what a bucket holds, without looking at its objects.
func (e *Engine) Usage(ctx context.Context, bucket string) (Usage, error) {
	return e.FolderUsage(ctx, bucket, "")
}

// FolderUsage returns what a folder of a bucket holds, without looking at its
// objects; zero for one that does not exist.
func (e *Engine) FolderUsage(ctx context.Context, bucket, folder string) (Usage, error) {
	b, err := e.bucket(bucket)
	if err != nil {
		return Usage{}, err
	}
	return e.usage(b, folder)
}

// FolderUsages returns the usage of up to limit folders of a bucket, those after
// a name, in order of name, and whether there are more.
func (e *Engine) FolderUsages(ctx context.Context, bucket, after string, limit int) (list []FolderUsage, more bool, err error) {
	b, err := e.bucket(bucket)
	if err != nil {
		return nil, false, err
	}
	if err := e.enter(); err != nil {
		return nil, false, err
	}
	defer e.leave()
	prefix := append([]byte{kindUsage}, b.scope...)
	lower := append(usageKey(b.scope, after), 0) // behind the bucket's own row, or the folder's
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: successor(prefix)})
	if err != nil {
		return nil, false, fmt.Errorf("read index: %w", err)
	}
	defer iter.Close()
	for valid := iter.First(); valid; valid = iter.Next() {
		if more = len(list) >= limit; more {
			break
		}
		folder, rest, ok := cutKey(iter.Key()[len(prefix):])
		u, err := decodeUsage(iter.Value())
		if err != nil || !ok || len(rest) != 0 {
			return nil, false, fmt.Errorf("usage row: %w", ErrCorrupt)
		}
		list = append(list, FolderUsage{folder, u})
	}
	if err := iter.Error(); err != nil {
		return nil, false, fmt.Errorf("read index: %w", err)
	}
	return list, more, nil
}

// countUsage writes the usage rows of a folder of format 1, which has none. Parts
// of uploads in progress are not counted: nor does such an upload know their size.
func (e *Engine) countUsage() error {
	// A crash may have ended this before.
	if err := e.db.DeleteRange([]byte{kindUsage}, []byte{kindUsage + 1}, pebble.NoSync); err != nil {
		return err
	}
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kindVersion}, UpperBound: []byte{kindVersion + 1}})
	if err != nil {
		return err
	}
	defer iter.Close()
	count := newUsageCount(e)
	for valid := iter.First(); valid; valid = iter.Next() {
		row := iter.Key()[1:]
		scopeBytes := 1 + int(row[0]) + idBytes
		if len(row) < scopeBytes {
			return fmt.Errorf("index key %x: %w", iter.Key(), ErrCorrupt)
		}
		key, _, ok := cutKey(row[scopeBytes:])
		v, err := decodeListedVersion(iter.Value(), "")
		if err != nil || !ok {
			return fmt.Errorf("index key %x: %w", iter.Key(), ErrCorrupt)
		}
		if v.DeleteMarker {
			continue
		}
		if err := count.add(row[:scopeBytes], key, v.SizeBytes); err != nil {
			return err
		}
	}
	if err := iter.Error(); err != nil {
		return err
	}
	return count.flush()
}

// usageCount sums up versions in the order of their keys. Keys of a folder follow
// each other but for those of a longer name, such as "a" and "a-b/" before "a/",
// so that its rows are added to.
type usageCount struct {
	engine *Engine
	scope  []byte
	sums   map[string]*Usage
}

func newUsageCount(e *Engine) *usageCount { return &usageCount{engine: e, sums: map[string]*Usage{}} }

// maxCounted bounds the sums kept in memory.
const maxCounted = 4096

func (c *usageCount) add(scope []byte, key string, sizeBytes int64) error {
	if !bytes.Equal(scope, c.scope) || len(c.sums) >= maxCounted {
		if err := c.flush(); err != nil {
			return err
		}
		c.scope = bytes.Clone(scope)
	}
	for _, folder := range [...]string{"", folderOf(key)} {
		u := c.sums[folder]
		if u == nil {
			u = new(Usage)
			c.sums[folder] = u
		}
		u.Bytes += sizeBytes
		u.Objects++
		if folderOf(key) == "" {
			break
		}
	}
	return nil
}

// flush adds the sums to the rows.
func (c *usageCount) flush() error {
	batch := c.engine.db.NewBatch()
	defer batch.Close()
	for folder, sum := range c.sums {
		row := usageKey(c.scope, folder)
		value, err := c.engine.get(row)
		if err != nil {
			return err
		}
		total := *sum
		if value != nil {
			before, err := decodeUsage(value)
			if err != nil {
				return err
			}
			total.Bytes, total.Objects = total.Bytes+before.Bytes, total.Objects+before.Objects
		}
		if err := batch.Set(row, appendUsage(nil, total), nil); err != nil {
			return err
		}
	}
	clear(c.sums)
	return batch.Commit(pebble.NoSync)
}
