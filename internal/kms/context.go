package kms

import (
	"encoding/binary"
	"maps"
	"slices"
)

// Context is what a sealed data key is bound to. A key sealed in one context
// opens in no other.
type Context struct {
	BucketID string // never given twice
	Key      string // of the object
	// Client is the encryption context that the client added.
	Client map[string]string
}

// appendTo appends the one encoding of c: texts with their length before them,
// the client's pairs in the order of their names.
func (c *Context) appendTo(dst []byte) []byte {
	dst = appendText(dst, c.BucketID)
	dst = appendText(dst, c.Key)
	for _, name := range slices.Sorted(maps.Keys(c.Client)) {
		dst = appendText(dst, name)
		dst = appendText(dst, c.Client[name])
	}
	return dst
}

func appendText(dst []byte, text string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(text)))
	return append(dst, text...)
}
