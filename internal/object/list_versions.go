package object

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
)

// ListVersionsOptions are the options of Versions.
type ListVersionsOptions struct {
	Prefix    string
	Delimiter string

	// AfterKey and AfterVersionID are where to go on, exclusive. Without
	// AfterVersionID all versions of AfterKey are passed over; with AfterKey a
	// common prefix, all below it. Neither need exist.
	AfterKey       string
	AfterVersionID string

	Limit int // of entries; required

	// Whole keeps what a listing leaves out of versions: metadata, tags, ACL
	// and encryption. A page then takes as much memory as they do.
	Whole bool
}

// VersionEntry is a version, or a common prefix when CommonPrefix is set. Of the
// version's metadata only the storage class is there.
type VersionEntry struct {
	CommonPrefix string
	Version      Version
	Latest       bool // the current version
}

// VersionList is a page of versions.
type VersionList struct {
	Entries   []VersionEntry // by key, the newest version of a key first
	Truncated bool

	// The AfterKey and AfterVersionID of the next page, when Truncated.
	NextKey       string
	NextVersionID string
}

// Versions lists all versions, delete markers too. Its cost follows the entries
// returned. An AfterVersionID that cannot be one returns ErrNoSuchVersion.
func (e *Engine) Versions(ctx context.Context, bucket string, opts ListVersionsOptions) (VersionList, error) {
	b, err := e.bucket(bucket)
	if err != nil {
		return VersionList{}, err
	}
	after, err := e.afterVersion(b, &opts)
	if err != nil {
		return VersionList{}, err
	}
	var list VersionList
	last := "" // the key of the entry before
	w := walk{prefix: opts.Prefix, delimiter: opts.Delimiter, rows: b.versions}
	err = e.walk(ctx, &w, opts.AfterKey, after, func(found step) (bool, error) {
		if len(list.Entries) >= opts.Limit {
			list.Truncated = opts.Limit > 0
			return false, nil
		}
		if found.commonPrefix != "" {
			list.NextKey, list.NextVersionID = found.commonPrefix, ""
			list.Entries = append(list.Entries, VersionEntry{CommonPrefix: found.commonPrefix})
			return true, nil
		}
		entry, err := listedVersion(b, &found, opts.Whole)
		if err != nil {
			return false, err
		}
		entry.Latest = found.key != last
		if entry.Latest && after != nil && found.key == opts.AfterKey {
			// Versions of this key may have come on the page before.
			if entry.Latest, err = e.isCurrent(b, found.key, found.iter.Key()); err != nil {
				return false, err
			}
		}
		last = found.key
		list.NextKey, list.NextVersionID = found.key, entry.Version.VersionID
		list.Entries = append(list.Entries, entry)
		return true, nil
	})
	if err != nil {
		return VersionList{}, err
	}
	if !list.Truncated {
		list.NextKey, list.NextVersionID = "", ""
	}
	return list, nil
}

func listedVersion(b *bucketState, found *step, whole bool) (entry VersionEntry, err error) {
	if whole {
		var v versionRecord
		v, _, err = decodeVersion(found.value(), b.Account)
		entry.Version = v.Version
	} else {
		entry.Version, err = decodeListedVersion(found.value(), b.Account)
	}
	if err != nil {
		return entry, fmt.Errorf("list %q: %w", found.key, err)
	}
	entry.Version.Key = found.key
	return entry, nil
}

// afterVersion returns the end of the row's key that a listing goes on behind, nil
// when no version was named.
func (e *Engine) afterVersion(b *bucketState, opts *ListVersionsOptions) ([]byte, error) {
	switch {
	case opts.AfterVersionID == "":
		return nil, nil
	case opts.AfterVersionID == NullVersionID:
		if err := e.enter(); err != nil {
			return nil, err
		}
		defer e.leave()
		row, err := e.nullRow(b, opts.AfterKey, e.get)
		if err != nil {
			return nil, err
		}
		if value, err := e.get(row); err != nil || value == nil {
			return []byte{}, err // it is gone, and where it was is not known: the key is begun anew
		}
		return row[len(row)-orderBytes:], nil
	}
	number, ok := parseVersionID(opts.AfterVersionID)
	if !ok {
		return nil, ErrNoSuchVersion
	}
	return binary.BigEndian.AppendUint64(nil, math.MaxUint64-number.sequence()), nil
}

// isCurrent reports whether a row is the first of its key.
func (e *Engine) isCurrent(b *bucketState, key string, row []byte) (is bool, err error) {
	err = e.findCurrent(versionsPrefix(b.versions, key), func(first, _ []byte) error {
		is = string(first) == string(row)
		return nil
	})
	return is, err
}
