package object

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"unicode/utf8"
)

// modelList is List over a sorted set of keys, by reading all of it.
func modelList(keys []string, opts ListOptions) (names []string, truncated bool) {
	passed := ""
	for _, key := range keys {
		if !strings.HasPrefix(key, opts.Prefix) {
			continue
		}
		name := key
		if rest := key[len(opts.Prefix):]; opts.Delimiter != "" && strings.Contains(rest, opts.Delimiter) {
			name = opts.Prefix + rest[:strings.Index(rest, opts.Delimiter)+len(opts.Delimiter)]
			if name == opts.After || name == passed {
				continue
			}
		}
		if key <= opts.After {
			continue
		}
		if len(names) == opts.Limit {
			return names, true
		}
		names = append(names, name)
		if name != key || opts.Delimiter != "" && strings.HasSuffix(name, opts.Delimiter) {
			passed = name
		}
	}
	return names, false
}

func entryNames(list List) (names []string) {
	for _, entry := range list.Entries {
		if entry.CommonPrefix != "" {
			names = append(names, entry.CommonPrefix)
		} else {
			names = append(names, entry.Version.Key)
		}
	}
	return names
}

// checkList compares a page with the model, then reads on to the end.
func checkList(t testing.TB, e *Engine, keys []string, opts ListOptions) {
	t.Helper()
	for page := 0; ; page++ {
		list, err := e.List(context.Background(), testBucket, opts)
		if err != nil {
			t.Fatalf("List(%+v): %v", opts, err)
		}
		want, truncated := modelList(keys, opts)
		if got := entryNames(list); !slices.Equal(got, want) || list.Truncated != truncated {
			t.Fatalf("List(%+v), page %d of keys %q:\n got %q, truncated %v\nwant %q, truncated %v",
				opts, page, keys, got, list.Truncated, want, truncated)
		}
		if !list.Truncated {
			if list.Next != "" {
				t.Fatalf("List(%+v): Next %q on the last page", opts, list.Next)
			}
			return
		}
		opts.After = list.Next
	}
}

func TestList(t *testing.T) {
	e := newTest(t)
	keys := []string{"a", "a/", "a/1", "a/2", "a/b/1", "a/b/2", "a//x", "b", "b\x00", "b\x00/c", "b/", "c--d--e", "c--f", "日/本", "日/語"}
	slices.Sort(keys)
	for _, key := range keys {
		put(t, e, key, []byte(key))
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "b", "b\x00", "c", "c--", "c-", "日", "x", "/"} {
		for _, delimiter := range []string{"", "/", "--", "\x00", "a", "本"} {
			for _, after := range []string{"", "a", "a/", "a/1", "a/b/", "a/b/1", "b", "b\x00", "c--", "日/", "zzz", "\x00", prefix + delimiter} {
				for _, limit := range []int{1, 2, 3, 1000} {
					checkList(t, e, keys, ListOptions{Prefix: prefix, Delimiter: delimiter, After: after, Limit: limit})
				}
			}
		}
	}
	list, err := e.List(context.Background(), testBucket, ListOptions{})
	if err != nil || list.Truncated || len(list.Entries) != 0 {
		t.Errorf("List with limit 0: %+v, %v; want nothing, not truncated", list, err)
	}
}

func TestListLeavesMetadataOut(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	metadata := Metadata{ContentType: "text/plain", StorageClass: "GLACIER", User: map[string]string{"a": "b"}}
	want, err := e.Put(ctx, testBucket, "key", strings.NewReader("x"), PutOptions{SizeBytes: 1, Owner: "123456789012", Metadata: metadata})
	if err != nil {
		t.Fatal(err)
	}
	upload := startUpload(t, e, "key", UploadOptions{Owner: "123456789012", Initiator: "arn", Metadata: metadata})
	list, err := e.List(ctx, testBucket, ListOptions{Limit: 1})
	want.Metadata = Metadata{StorageClass: "GLACIER"}
	if err != nil || !reflect.DeepEqual(list.Entries[0].Version, want) {
		t.Errorf("List: got %+v, %v; want %+v", list, err, want)
	}
	uploads, err := e.Uploads(ctx, testBucket, ListUploadsOptions{Limit: 1})
	upload.Metadata = want.Metadata
	if err != nil || !reflect.DeepEqual(uploads.Entries[0].Upload, upload) {
		t.Errorf("Uploads: got %+v, %v; want %+v", uploads, err, upload)
	}
}

func TestListAgainstModelAtRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	pieces := []string{"a", "b", "/", "//", "\x00", "ä", "-", "\U0010ffff"}
	random := func(most int) string {
		var b strings.Builder
		for range rng.IntN(most + 1) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		return b.String()
	}
	e := newTest(t)
	have := map[string]bool{}
	for range 30 {
		for range 40 {
			key := random(6)
			if key == "" {
				continue
			}
			if rng.IntN(4) == 0 {
				if _, err := e.Delete(context.Background(), testBucket, key, DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
				delete(have, key)
				continue
			}
			put(t, e, key, nil)
			have[key] = true
		}
		keys := sortedKeys(have)
		for range 40 {
			checkList(t, e, keys, ListOptions{Prefix: random(2), Delimiter: random(1), After: random(4), Limit: 1 + rng.IntN(20)})
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

func FuzzListAgainstModel(f *testing.F) {
	f.Add("a,a/b,a/c,b", "a", "/", "a/", 2)
	f.Add("a\x00,a\x00b,a", "a\x00", "\x00", "", 1)
	f.Add("x//y,x/,x", "x", "//", "x/", 1)
	e := newTest(f)
	count := 0
	f.Fuzz(func(t *testing.T, joined, prefix, delimiter, after string, limit int) {
		limit = max(1, min(limit, 10))
		// Each run has a bucket of its own.
		count++
		name := fmt.Sprintf("fuzz-%d", count)
		createBucket(t, e, name)
		have := map[string]bool{}
		for key := range strings.SplitSeq(joined, ",") {
			if len(have) == 20 || key == "" || len(key) > MaxKeyBytes || !utf8.ValidString(key) {
				continue
			}
			if _, err := e.Put(context.Background(), name, key, strings.NewReader(""), PutOptions{}); err != nil {
				t.Fatal(err)
			}
			have[key] = true
		}
		opts := ListOptions{Prefix: prefix, Delimiter: delimiter, After: after, Limit: limit}
		list, err := e.List(context.Background(), name, opts)
		if err != nil {
			t.Fatal(err)
		}
		want, truncated := modelList(sortedKeys(have), opts)
		if got := entryNames(list); !slices.Equal(got, want) || list.Truncated != truncated {
			t.Fatalf("List(%+v) of %q: got %q, %v; want %q, %v", opts, sortedKeys(have), got, list.Truncated, want, truncated)
		}
	})
}

func TestKeysSortAsTheirRows(t *testing.T) {
	pieces := []string{"", "\x00", "\x01", "a", "\u00ff", "\U0010ffff"}
	var keys []string
	for _, a := range pieces {
		for _, b := range pieces {
			for _, c := range pieces {
				keys = append(keys, a+b+c)
			}
		}
	}
	prefix := append([]byte{kindVersion}, appendScope(nil, testAccount, id{1})...)
	for _, a := range keys {
		row := versionKey(prefix, a, nullSequence)
		got, rest, ok := cutKey(row[len(prefix):])
		if !ok || got != a || len(rest) != orderBytes {
			t.Errorf("cutKey of %q: got %q, %x, %v", a, got, rest, ok)
		}
		newer := versionKey(prefix, a, 7)
		for _, b := range keys {
			if a < b && (string(row) >= string(versionKey(prefix, b, nullSequence)) || string(row) >= string(versionKey(prefix, b, 7))) {
				t.Errorf("row of %q is not before row of %q", a, b)
			}
		}
		if string(newer) >= string(row) {
			t.Errorf("version 7 of %q is not before version 0", a)
		}
	}
}

func FuzzCutKey(f *testing.F) {
	f.Add([]byte("a\x00\xffb\x00\x01rest"))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, rest, ok := cutKey(b)
		if !ok {
			return
		}
		if got := append(appendKey(nil, key), rest...); string(got) != string(b) {
			t.Errorf("cutKey(%x) = %q, %x, which is written %x", b, key, rest, got)
		}
	})
}
