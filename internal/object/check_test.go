package object

import (
	"encoding/hex"
	"maps"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// wantRows fails unless the index holds just what live versions and uploads need.
func wantRows(t testing.TB, e *Engine) {
	t.Helper()
	if err := checkIndex(e); err != nil {
		t.Fatal(err)
	}
}

// checkIndex compares what versions and parts refer to with the body rows, file
// rows, manifests and files that exist. The reaper must be idle.
func checkIndex(e *Engine) error {
	want := map[string]bool{} // row key, or "file " and name
	refer := func(r ref) {
		switch r.where {
		case inRow:
			want[string(idKey(kindBody, r.id))] = true
		case inFile:
			want[string(idKey(kindFile, r.id))] = true
			want["file "+r.id.String()] = true
		}
	}
	got := map[string]bool{}
	iter, err := e.db.NewIter(&pebble.IterOptions{})
	if err != nil {
		return err
	}
	defer iter.Close()
	uploads := map[string]bool{}
	for valid := iter.First(); valid; valid = iter.Next() {
		switch key := string(iter.Key()); key[0] {
		case kindBody, kindFile, kindManifest, kindGarbage:
			got[key] = true
		case kindUpload:
			uploads["upload "+key[len(key)-idBytes:]] = true
		case kindPart:
			// A part belongs to an upload; the reaper takes those of ended ones.
			want["upload "+key[len(key)-idBytes-2:len(key)-2]] = true
			p, err := decodePart(iter.Value(), 1)
			if err != nil {
				return err
			}
			refer(p.ref)
		case kindVersion:
			v, _, err := decodeVersion(iter.Value(), "")
			if err != nil {
				return err
			}
			refer(v.ref)
			if v.ref.where != inManifest {
				continue
			}
			want[string(idKey(kindManifest, v.ref.id))] = true
			parts, err := e.manifest(v.ref.id)
			if err != nil {
				return err
			}
			for i := range parts {
				refer(parts[i].ref)
			}
		}
	}
	for i := range e.segments.shards {
		names, err := e.cfg.FS.List(e.segments.shards[i].path)
		if err != nil {
			return err
		}
		for _, name := range names {
			got["file "+name] = true
		}
	}
	for key := range uploads { // one without parts is no fault
		if want[key] {
			got[key] = true
		}
	}
	if !maps.Equal(got, want) {
		return &indexDifference{got, want}
	}
	return nil
}

type indexDifference struct{ got, want map[string]bool }

func (d *indexDifference) Error() string {
	var b strings.Builder
	for key := range d.got {
		if !d.want[key] {
			b.WriteString("\nunreferenced: " + printable(key))
		}
	}
	for key := range d.want {
		if !d.got[key] {
			b.WriteString("\nmissing: " + printable(key))
		}
	}
	return "index and files differ:" + b.String()
}

func printable(key string) string {
	if strings.HasPrefix(key, "file ") {
		return key
	}
	return key[:1] + " " + hex.EncodeToString([]byte(key[1:]))
}
