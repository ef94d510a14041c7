package hot

import (
	"cmp"
	"slices"

	"inro.dev/inro/internal/metastore"
)

// answer is what the source said about a key. It is never changed once made.
type answer struct {
	absent bool
	record metastore.Record
	// edges are the first edges of a list, or the one edge.
	edges []metastore.Edge
	// more says that the list has edges after these.
	more bool
}

// page returns the edges after the given ID if a knows them all.
func (a *answer) page(side metastore.Side, after string, limit int) (edges []metastore.Edge, ok bool) {
	start := 0
	if after != "" {
		i, found := slices.BinarySearchFunc(a.edges, after, func(e metastore.Edge, after string) int {
			return cmp.Compare(e.Other(side), after)
		})
		start = i
		if found {
			start++
		}
	}
	end := min(start+limit, len(a.edges))
	if a.more && end-start < limit {
		return nil, false
	}
	return a.edges[start:end:end], true
}

// Sizes by which an entry's memory is estimated: what maps, lists and headers
// take, and how many times a body counts so that its decoded value is in.
const (
	entryBytes = 256
	edgeBytes  = 64
	bodyTimes  = 3
)

// sizeBytes estimates the memory of an entry.
func sizeBytes(k key, a *answer) int {
	n := entryBytes + len(k.account) + len(k.kind) + len(k.id) + len(k.to) + bodyTimes*len(a.record.Body)
	for _, e := range a.edges {
		n += edgeBytes + len(e.From) + len(e.To) + len(e.Value)
	}
	return n
}
