package object

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// ListOptions are the options of List.
type ListOptions struct {
	Prefix    string
	Delimiter string // empty: none

	// After is where to go on, exclusive: a key, or a common prefix, all of
	// whose keys are then passed over. It need not exist.
	After string

	Limit int // of entries; required
}

// Entry is a version, or a common prefix of several when CommonPrefix is set. Of
// the version's metadata only the storage class is there.
type Entry struct {
	CommonPrefix string
	Version      Version
}

// List is a page of a listing.
type List struct {
	Entries   []Entry // in byte order of key or common prefix
	Truncated bool
	Next      string // the After of the next page, when Truncated
}

// List lists current versions in byte order of their keys. Its cost follows the
// entries returned, not the objects stored. A page is one moment's state.
func (e *Engine) List(ctx context.Context, bucket string, opts ListOptions) (List, error) {
	b, err := e.bucket(bucket)
	if err != nil {
		return List{}, err
	}
	var list List
	w := walk{prefix: opts.Prefix, delimiter: opts.Delimiter, rows: b.versions, currentOnly: b.versioned()}
	err = e.walk(ctx, &w, opts.After, nil, func(found step) (bool, error) {
		if len(list.Entries) >= opts.Limit {
			list.Truncated = opts.Limit > 0
			return false, nil
		}
		if found.commonPrefix != "" {
			list.Next = found.commonPrefix
			list.Entries = append(list.Entries, Entry{CommonPrefix: found.commonPrefix})
			return true, nil
		}
		v, err := decodeListedVersion(found.value(), b.Account)
		if err != nil {
			return false, fmt.Errorf("list %q: %w", found.key, err)
		}
		v.Key = found.key
		list.Next = found.key
		list.Entries = append(list.Entries, Entry{Version: v})
		return true, nil
	})
	if err != nil {
		return List{}, err
	}
	if !list.Truncated {
		list.Next = ""
	}
	return list, nil
}

// walk says which rows to go through. The rows' keys are rows, key', and more.
type walk struct {
	rows      []byte
	prefix    string
	delimiter string

	// currentOnly passes over all versions of a key but the current one, and
	// over keys whose current version is a delete marker. It must be set for
	// a bucket that is versioned.
	currentOnly bool
}

// step is a place in a walk: a common prefix, or a key with its row.
type step struct {
	commonPrefix string
	key          string
	rest         []byte // of the row's key, behind key'
	iter         *pebble.Iterator
}

func (s step) value() []byte { return s.iter.Value() }

// commonPrefixOf returns what key has in common with other keys: prefix and all
// up to the first delimiter behind it; empty when there is none.
func (w *walk) commonPrefixOf(key string) string {
	if w.delimiter == "" || !strings.HasPrefix(key, w.prefix) {
		return ""
	}
	i := strings.Index(key[len(w.prefix):], w.delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(w.prefix)+i+len(w.delimiter)]
}

// start returns the first row's key that may be listed after after. afterRow
// names a row of that key to go on behind; nil passes over all of its rows.
func (w *walk) start(after string, afterRow []byte) []byte {
	first := appendEscaped(bytes.Clone(w.rows), w.prefix)
	if after == "" {
		return first
	}
	var from []byte
	switch {
	case w.commonPrefixOf(after) == after:
		from = successor(appendEscaped(bytes.Clone(w.rows), after))
	case afterRow != nil:
		from = append(appendKey(bytes.Clone(w.rows), after), afterRow...)
		from = append(from, 0)
	default:
		from = successor(appendKey(bytes.Clone(w.rows), after))
	}
	if bytes.Compare(from, first) < 0 {
		return first
	}
	return from
}

// walk goes through rows in order, one step for all keys of a common prefix, and
// calls visit until it returns false.
func (e *Engine) walk(ctx context.Context, w *walk, after string, afterRow []byte, visit func(step) (bool, error)) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	upper := successor(appendEscaped(bytes.Clone(w.rows), w.prefix))
	lower := w.start(after, afterRow)
	if bytes.Compare(lower, upper) >= 0 {
		return nil
	}
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	defer iter.Close()
	for valid, n := iter.First(), 0; valid; n++ {
		if n%256 == 255 && ctx.Err() != nil {
			return ctx.Err()
		}
		key, rest, ok := cutKey(iter.Key()[len(w.rows):])
		if !ok {
			return fmt.Errorf("index key %x: %w", iter.Key(), ErrCorrupt)
		}
		common := w.commonPrefixOf(key)
		dead := false
		if w.currentOnly {
			if dead, err = isDeleteMarker(iter.Value()); err != nil {
				return fmt.Errorf("index key %x: %w", iter.Key(), err)
			}
		}
		if !dead {
			on, err := visit(step{commonPrefix: common, key: key, rest: rest, iter: iter})
			if err != nil || !on {
				return err
			}
		}
		switch {
		case common != "" && !dead:
			valid = iter.SeekGE(successor(appendEscaped(bytes.Clone(w.rows), common)))
		case w.currentOnly:
			valid = nextKey(iter)
		default:
			valid = iter.Next()
		}
	}
	if err := iter.Error(); err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	return ctx.Err()
}

// nextKey goes on to the first version row of the next key: by a step when the
// key has one version, else by a seek.
func nextKey(iter *pebble.Iterator) bool {
	prefix := bytes.Clone(iter.Key()[:len(iter.Key())-orderBytes])
	if !iter.Next() || !bytes.HasPrefix(iter.Key(), prefix) {
		return iter.Valid()
	}
	return iter.SeekGE(successor(prefix))
}
