package object

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// A version is found by its key and ID. In a bucket that was never versioned the
// only version of a key has a row of known key, which the bloom filters serve; in
// others the current version is the first row of its key, and the null version is
// at nullSequence or where a kindNull row says.

// found is a version row; nil when there is none.
type found struct {
	row   []byte // its key
	value []byte
}

// findVersion calls use with the row of a version, value valid only until use
// returns, and with nil values when there is none. versionID "" asks for the
// current version. It must be called between enter and leave.
func (e *Engine) findVersion(b *bucketState, key, versionID string, use func(row, value []byte) error) error {
	switch {
	case versionID == "" && b.versioned():
		return e.findCurrent(versionsPrefix(b.versions, key), use)
	case versionID == "":
		return e.findRow(versionKey(b.versions, key, nullSequence), use)
	case versionID == NullVersionID:
		return e.findNull(b, key, use)
	}
	number, ok := parseVersionID(versionID)
	if !ok {
		return use(nil, nil)
	}
	return e.findRow(versionKey(b.versions, key, number.sequence()), use)
}

// findNull finds a null version. Another may take its place between the look at
// where it is and the look at it, so that a miss counts only when it is still said
// to be there.
func (e *Engine) findNull(b *bucketState, key string, use func(row, value []byte) error) error {
	row, err := e.nullRow(b, key, e.get)
	for err == nil {
		missed := false
		err = e.findRow(row, func(row, value []byte) error {
			if missed = value == nil; missed {
				return nil
			}
			return use(row, value)
		})
		if err != nil || !missed {
			return err
		}
		var again []byte
		if again, err = e.nullRow(b, key, e.get); err == nil && bytes.Equal(again, row) {
			return use(nil, nil)
		}
		row = again
	}
	return err
}

func (e *Engine) findRow(row []byte, use func(row, value []byte) error) error {
	value, closer, err := e.db.Get(row)
	if errors.Is(err, pebble.ErrNotFound) {
		return use(nil, nil)
	}
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	defer closer.Close()
	return use(row, value)
}

func (e *Engine) findCurrent(prefix []byte, use func(row, value []byte) error) error {
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	defer iter.Close()
	if !iter.First() {
		if err := iter.Error(); err != nil {
			return fmt.Errorf("read index: %w", err)
		}
		return use(nil, nil)
	}
	value, err := iter.ValueAndErr()
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	return use(bytes.Clone(iter.Key()), value)
}

// nullRow returns the key of the row where a key's null version is, if it exists.
// get reads rows.
func (e *Engine) nullRow(b *bucketState, key string, get func([]byte) ([]byte, error)) ([]byte, error) {
	row := versionKey(b.versions, key, nullSequence)
	if !b.versioned() {
		return row, nil
	}
	pointer, err := get(nullKey(b.scope, key))
	switch {
	case err != nil:
		return nil, err
	case pointer == nil:
		return row, nil
	case len(pointer) != orderBytes:
		return nil, fmt.Errorf("null version of %q: %w", key, ErrCorrupt)
	}
	return versionKey(b.versions, key, binary.BigEndian.Uint64(pointer)), nil
}

// named reports whether a version found by its ID is that one, and not another
// of the same sequence number.
func (v *versionRecord) named(versionID string) bool {
	return versionID == "" || versionID == v.VersionID
}

// current returns the row of a key's current version, with the group's changes.
func (tx *transaction) current(b *bucketState, key string) (found, error) {
	if !b.versioned() {
		return tx.at(versionKey(b.versions, key, nullSequence))
	}
	prefix := versionsPrefix(b.versions, key)
	var first found
	for _, row := range tx.versions[string(prefix)] {
		if value := tx.written[row]; value != nil && (first.row == nil || row < string(first.row)) {
			first = found{[]byte(row), value}
		}
	}
	iter, err := tx.engine.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return found{}, fmt.Errorf("read index: %w", err)
	}
	defer iter.Close()
	for valid := iter.First(); valid; valid = iter.Next() {
		row := iter.Key()
		if first.row != nil && bytes.Compare(first.row, row) < 0 {
			break
		}
		if _, changed := tx.written[string(row)]; changed {
			continue
		}
		value, err := iter.ValueAndErr()
		if err != nil {
			return found{}, fmt.Errorf("read index: %w", err)
		}
		return found{bytes.Clone(row), bytes.Clone(value)}, nil
	}
	if err := iter.Error(); err != nil {
		return found{}, fmt.Errorf("read index: %w", err)
	}
	return first, nil
}

// at returns the row of that key, if it exists.
func (tx *transaction) at(row []byte) (found, error) {
	value, err := tx.get(row)
	if err != nil || value == nil {
		return found{}, err
	}
	return found{row, value}, nil
}

// null returns the row of a key's null version.
func (tx *transaction) null(b *bucketState, key string) (found, error) {
	row, err := tx.engine.nullRow(b, key, tx.get)
	if err != nil {
		return found{}, err
	}
	return tx.at(row)
}

// version returns the row and the record of a version, nil when there is none.
// versionID "" asks for the current one.
func (tx *transaction) version(b *bucketState, key, versionID string) (f found, v *versionRecord, err error) {
	switch versionID {
	case "":
		f, err = tx.current(b, key)
	case NullVersionID:
		f, err = tx.null(b, key)
	default:
		number, ok := parseVersionID(versionID)
		if !ok {
			return found{}, nil, nil
		}
		f, err = tx.at(versionKey(b.versions, key, number.sequence()))
	}
	if err != nil || f.row == nil {
		return found{}, nil, err
	}
	record, _, err := decodeVersion(f.value, b.Account)
	if err != nil {
		return found{}, nil, err
	}
	if !record.named(versionID) {
		return found{}, nil, nil
	}
	record.Key = key
	return f, &record, nil
}

// setVersion writes a version row. body is what is embedded.
func (tx *transaction) setVersion(b *bucketState, row []byte, v *versionRecord, body []byte) {
	tx.set(row, appendVersion(nil, v, b.Account), body)
	tx.noteVersion(b, row)
}

// deleteVersion deletes a version row.
func (tx *transaction) deleteVersion(b *bucketState, row []byte) {
	tx.delete(row)
	tx.noteVersion(b, row)
}

func (tx *transaction) noteVersion(b *bucketState, row []byte) {
	if !b.versioned() {
		return
	}
	if tx.versions == nil {
		tx.versions = make(map[string][]string)
	}
	prefix := string(row[:len(row)-orderBytes])
	tx.versions[prefix] = append(tx.versions[prefix], string(row))
}
