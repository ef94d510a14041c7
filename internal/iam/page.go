package iam

import (
	"bytes"
	"encoding/base64"
	"iter"
	"unicode/utf8"

	"inro.dev/inro/internal/metastore"
)

// defaultPage is the page size when MaxItems is not given (IAM API Reference,
// MaxItems).
const defaultPage = 100

// A page also ends before its documents take more than maxPageBytes, and
// records are read recordsAtOnce at a time: documents may hold much more white
// space than their quotas count, and a thousand of them would be a gigabyte.
const (
	maxPageBytes  = 4 << 20
	recordsAtOnce = 32
)

// sized is an element of a list that carries documents.
type sized interface{ sizeBytes() int }

// page is the part of an input that asks for a page of a list.
type page struct {
	Marker   *string `length:"1,320" pattern:"[\\x{20}-\\x{FF}]+"`
	MaxItems *int    `range:"1,1000"`
}

// pageInfo is the part of an answer that says whether there is more.
type pageInfo struct {
	IsTruncated bool
	Marker      string
}

// paging gives generic handlers the page of their input.
func (p page) paging() page { return p }

func (p page) limit() int {
	if p.MaxItems != nil {
		return *p.MaxItems
	}
	return defaultPage
}

// after returns the key of the last item of the page before, "" for the first
// page. A marker is that key in base64.
func (p page) after() (string, error) {
	if p.Marker == nil {
		return "", nil
	}
	key, err := base64.RawURLEncoding.DecodeString(*p.Marker)
	if err != nil || len(key) == 0 || !utf8.Valid(key) || bytes.IndexByte(key, 0) >= 0 {
		return "", validationError("The value of Marker is none that this operation has returned.")
	}
	return string(key), nil
}

func marker(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// collect takes one page out of items, which begin after the page's marker and
// ascend by key. render makes an item's part of the answer, or reports false
// to leave the item out.
func collect[Item, Out any](p page, items iter.Seq2[Item, error], key func(Item) string,
	render func(Item) (Out, bool, error)) ([]Out, pageInfo, error) {
	out, last, size := []Out{}, "", 0
	for item, err := range items {
		if err != nil {
			return nil, pageInfo{}, err
		}
		o, ok, err := render(item)
		if err != nil {
			return nil, pageInfo{}, err
		}
		if !ok {
			continue
		}
		if s, ok := any(o).(sized); ok {
			size += s.sizeBytes()
		}
		if len(out) == p.limit() || len(out) > 0 && size > maxPageBytes {
			return out, pageInfo{IsTruncated: true, Marker: marker(last)}, nil
		}
		out, last = append(out, o), key(item)
	}
	return out, pageInfo{}, nil
}

// rest yields the items of a list in ascending order of key that come after
// the given one.
func rest[Item any](items []Item, key func(Item) string, after string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for _, item := range items {
			if (after == "" || key(item) > after) && !yield(item, nil) {
				return
			}
		}
	}
}

// collectList is collect for a whole list in memory.
func collectList[Item, Out any](p page, items []Item, key func(Item) string, render func(Item) Out) ([]Out, pageInfo, error) {
	after, err := p.after()
	if err != nil {
		return nil, pageInfo{}, err
	}
	return collect(p, rest(items, key, after), key, func(item Item) (Out, bool, error) { return render(item), true, nil })
}

func itemID[T any](item metastore.Item[T]) string { return item.ID }
