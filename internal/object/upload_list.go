package object

import (
	"context"
	"fmt"
)

// ListUploadsOptions are the options of Uploads.
type ListUploadsOptions struct {
	Prefix    string
	Delimiter string

	// AfterKey and AfterUploadID are where to go on, exclusive. Without
	// AfterUploadID all uploads of AfterKey are passed over; with AfterKey a
	// common prefix, all uploads below it.
	AfterKey      string
	AfterUploadID string

	Limit int // of entries; required
}

// UploadEntry is an upload, or a common prefix when CommonPrefix is set. Of the
// upload's metadata only the storage class is there.
type UploadEntry struct {
	CommonPrefix string
	Upload       Upload
}

// UploadList is a page of uploads.
type UploadList struct {
	Entries   []UploadEntry // by key, then by time of initiation
	Truncated bool

	// The AfterKey and AfterUploadID of the next page, when Truncated.
	NextKey      string
	NextUploadID string
}

// Uploads lists uploads in progress. An AfterUploadID that is none returns
// ErrNoSuchUpload.
func (e *Engine) Uploads(ctx context.Context, bucket string, opts ListUploadsOptions) (UploadList, error) {
	b, err := e.bucket(bucket)
	if err != nil {
		return UploadList{}, err
	}
	var afterRow []byte
	if opts.AfterUploadID != "" {
		after, ok := parseID(opts.AfterUploadID)
		if !ok {
			return UploadList{}, ErrNoSuchUpload
		}
		afterRow = after[:]
	}
	var list UploadList
	w := walk{prefix: opts.Prefix, delimiter: opts.Delimiter, rows: b.uploads}
	err = e.walk(ctx, &w, opts.AfterKey, afterRow, func(found step) (bool, error) {
		if len(list.Entries) >= opts.Limit {
			list.Truncated = opts.Limit > 0
			return false, nil
		}
		if found.commonPrefix != "" {
			list.NextKey, list.NextUploadID = found.commonPrefix, ""
			list.Entries = append(list.Entries, UploadEntry{CommonPrefix: found.commonPrefix})
			return true, nil
		}
		u, err := decodeListedUpload(found.value())
		if err != nil || len(found.rest) != idBytes {
			return false, fmt.Errorf("list upload of %q: %w", found.key, ErrCorrupt)
		}
		u.Key, u.ID = found.key, id(found.rest).String()
		list.NextKey, list.NextUploadID = u.Key, u.ID
		list.Entries = append(list.Entries, UploadEntry{Upload: u})
		return true, nil
	})
	if err != nil {
		return UploadList{}, err
	}
	if !list.Truncated {
		list.NextKey, list.NextUploadID = "", ""
	}
	return list, nil
}
