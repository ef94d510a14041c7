package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// kept is a version in the model.
type kept struct {
	id     string
	body   string
	etag   string
	marker bool
	tags   []Tag
}

// keeper does random operations on a bucket whose versioning changes, one after
// another, and keeps what the bucket must hold: the versions of each key, newest
// first.
type keeper struct {
	rng        *rand.Rand
	versioning Versioning
	versions   map[string][]kept
	uploads    []*modelUpload
}

var keeperKeys = []string{"a", "a/1", "a/2", "a/2/x", "a0", "b/\x00", "b/1", "ü", "c"}

func (k *keeper) key() string { return keeperKeys[k.rng.IntN(len(keeperKeys))] }

func (k *keeper) body() []byte {
	sizes := []int{0, 1, 300, embedMaxBytes + 1, 3000, 4<<10 + 1, blockBytes + 7}
	return testBody(sizes[k.rng.IntN(len(sizes))], k.rng.Uint64())
}

// current returns the version that a read without version ID finds, if any.
func (k *keeper) current(key string) (kept, bool) {
	if all := k.versions[key]; len(all) > 0 && !all[0].marker {
		return all[0], true
	}
	return kept{}, false
}

// add makes v the current version, as the bucket's versioning has it.
func (k *keeper) add(key string, v kept) {
	all := k.versions[key]
	if k.versioning != VersioningEnabled {
		all = slices.DeleteFunc(slices.Clone(all), func(o kept) bool { return o.id == NullVersionID })
	}
	k.versions[key] = append([]kept{v}, all...)
}

// condition returns a random condition and how a write under it must come out.
func (k *keeper) condition(key string) (c Condition, want error) {
	now, exists := k.current(key)
	switch k.rng.IntN(8) {
	case 0:
		c.IfNoneMatch = "*"
		if exists {
			want = ErrPreconditionFailed
		}
	case 1:
		c.IfMatch = "*"
		if !exists {
			want = ErrNoSuchKey
		}
	case 2:
		c.IfMatch, want = "0123456789abcdef0123456789abcdef", ErrPreconditionFailed
		if !exists {
			want = ErrNoSuchKey
		}
	case 3:
		if exists {
			c.IfMatch, c.IfVersionID = now.etag, now.id
		}
	}
	return c, want
}

// wrote checks the answer of a write and enters it.
func (k *keeper) wrote(key string, v Version, body []byte, etag string, err, want error) error {
	if want != nil || err != nil {
		if !errors.Is(err, want) || want == nil {
			return fmt.Errorf("write of %q: %v, want %v", key, err, want)
		}
		return nil
	}
	if (v.VersionID == NullVersionID) != (k.versioning != VersioningEnabled) {
		return fmt.Errorf("write of %q made version %q with versioning %d", key, v.VersionID, k.versioning)
	}
	k.add(key, kept{id: v.VersionID, body: string(body), etag: etag, tags: v.Tags})
	return nil
}

func (k *keeper) tags() []Tag {
	if k.rng.IntN(2) == 0 {
		return nil
	}
	return []Tag{{"n", fmt.Sprint(k.rng.IntN(100))}}
}

func (k *keeper) step(e *Engine) error {
	switch n := k.rng.IntN(100); {
	case n < 30:
		key, body := k.key(), k.body()
		c, want := k.condition(key)
		v, err := e.Put(context.Background(), testBucket, key, bytes.NewReader(body),
			PutOptions{SizeBytes: int64(len(body)), Condition: c, Attributes: Attributes{Tags: k.tags()}})
		return k.wrote(key, v, body, md5Hex(body), err, want)
	case n < 45:
		return k.delete(e)
	case n < 52:
		return k.tag(e)
	case n < 57:
		return k.copy(e)
	case n < 70:
		return k.upload(e)
	case n < 75:
		next := []Versioning{VersioningEnabled, VersioningSuspended}[k.rng.IntN(2)]
		if k.rng.IntN(3) > 0 {
			return nil
		}
		k.versioning = next
		return e.SetVersioning(context.Background(), testBucket, next)
	case n < 85:
		return k.list(e)
	case n < 95:
		return k.listVersions(e)
	}
	return k.checkUsage(e)
}

// delete deletes up to three targets in one call.
func (k *keeper) delete(e *Engine) error {
	var targets []DeleteTarget
	for range 1 + k.rng.IntN(3) {
		t := DeleteTarget{Key: k.key()}
		if all := k.versions[t.Key]; len(all) > 0 && k.rng.IntN(2) == 0 {
			t.Options.VersionID = all[k.rng.IntN(len(all))].id
		}
		targets = append(targets, t)
	}
	results, err := e.DeleteMany(context.Background(), testBucket, targets)
	if err != nil {
		return err
	}
	for i, t := range targets {
		if results[i].Err != nil {
			return fmt.Errorf("delete of %+v: %w", t, results[i].Err)
		}
		if t.Options.VersionID == "" && k.versioning != Unversioned {
			if !results[i].DeleteMarker {
				return fmt.Errorf("delete of %q made no marker: %+v", t.Key, results[i])
			}
			k.add(t.Key, kept{id: results[i].VersionID, marker: true})
			continue
		}
		all := k.versions[t.Key]
		at := slices.IndexFunc(all, func(v kept) bool { return t.Options.VersionID == "" || v.id == t.Options.VersionID })
		if results[i].Existed != (at >= 0) {
			return fmt.Errorf("delete of %+v: %+v, the model has it: %v", t, results[i], at >= 0)
		}
		if at >= 0 {
			k.versions[t.Key] = slices.Delete(slices.Clone(all), at, at+1)
		}
	}
	return nil
}

// tag changes the tags of a random version.
func (k *keeper) tag(e *Engine) error {
	key := k.key()
	all := k.versions[key]
	if len(all) == 0 {
		return nil
	}
	i, tags := k.rng.IntN(len(all)), k.tags()
	_, err := e.SetAttributes(context.Background(), testBucket, key, SetAttributesOptions{VersionID: all[i].id},
		func(v *Version) error { v.Tags = tags; return nil })
	if all[i].marker {
		if !errors.Is(err, ErrDeleteMarker) {
			return fmt.Errorf("tags of a marker: %v", err)
		}
		return nil
	}
	all[i].tags = tags
	return err
}

// copy puts what a random version holds under another key.
func (k *keeper) copy(e *Engine) error {
	from, to := k.key(), k.key()
	all := k.versions[from]
	if len(all) == 0 {
		return nil
	}
	source := all[k.rng.IntN(len(all))]
	if source.marker {
		return nil
	}
	r, err := e.Get(context.Background(), testBucket, from, GetOptions{VersionID: source.id})
	if err != nil {
		return err
	}
	defer r.Close()
	content, err := r.Range(0, r.SizeBytes)
	if err != nil {
		return err
	}
	defer content.Close()
	v, err := e.Put(context.Background(), testBucket, to, content, PutOptions{SizeBytes: r.SizeBytes, Attributes: Attributes{Tags: source.tags}})
	return k.wrote(to, v, []byte(source.body), md5Hex([]byte(source.body)), err, nil)
}

// upload starts, continues, completes or aborts an upload.
func (k *keeper) upload(e *Engine) error {
	ctx := context.Background()
	if len(k.uploads) == 0 || len(k.uploads) < 3 && k.rng.IntN(3) == 0 {
		u, err := e.CreateUpload(ctx, testBucket, k.key(), UploadOptions{Attributes: Attributes{Tags: k.tags()}})
		k.uploads = append(k.uploads, &modelUpload{upload: u, parts: map[int]CompletedPart{}, bodies: map[int]string{}})
		return err
	}
	i := k.rng.IntN(len(k.uploads))
	u := k.uploads[i]
	if k.rng.IntN(3) > 0 {
		number, body := 1+k.rng.IntN(3), testBody(7000+k.rng.IntN(3000), k.rng.Uint64())
		p, err := e.PutPart(ctx, testBucket, u.upload.Key, u.upload.ID, number, bytes.NewReader(body), PartOptions{SizeBytes: UnknownSize})
		u.parts[number], u.bodies[number] = CompletedPart{Number: number, ETag: p.ETag}, string(body)
		return err
	}
	k.uploads = slices.Delete(k.uploads, i, i+1)
	if len(u.parts) == 0 || k.rng.IntN(4) == 0 {
		return e.AbortUpload(ctx, testBucket, u.upload.Key, u.upload.ID)
	}
	var parts []CompletedPart
	var bodies [][]byte
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		parts, bodies = append(parts, u.parts[n]), append(bodies, []byte(u.bodies[n]))
	}
	c, want := k.condition(u.upload.Key)
	v, err := e.CompleteUpload(ctx, testBucket, u.upload.Key, u.upload.ID, parts, CompleteOptions{Condition: c})
	if want != nil {
		k.uploads = append(k.uploads, u) // it goes on
	}
	return k.wrote(u.upload.Key, v, bytes.Join(bodies, nil), partsETag(bodies...), err, want)
}

// window returns a random prefix, delimiter and page size.
func (k *keeper) window() (prefix, delimiter string, limit int) {
	prefix = []string{"", "", "a", "a/", "b/", "a/2/", "z"}[k.rng.IntN(7)]
	return prefix, []string{"", "/", "2/"}[k.rng.IntN(3)], 1 + k.rng.IntN(6)
}

// common returns the common prefix that key is listed under, if any.
func common(key, prefix, delimiter string) string {
	if delimiter == "" {
		return ""
	}
	before, _, found := strings.Cut(key[len(prefix):], delimiter)
	if !found {
		return ""
	}
	return prefix + before + delimiter
}

// list walks all pages of a listing of current versions.
func (k *keeper) list(e *Engine) error {
	prefix, delimiter, limit := k.window()
	var want []string
	for _, key := range slices.Sorted(maps.Keys(k.versions)) {
		if _, exists := k.current(key); exists && strings.HasPrefix(key, prefix) {
			if c := common(key, prefix, delimiter); c != "" {
				key = c
			}
			want = append(want, key)
		}
	}
	want = slices.Compact(want)
	var got []string
	opts := ListOptions{Prefix: prefix, Delimiter: delimiter, Limit: limit}
	for {
		page, err := e.List(context.Background(), testBucket, opts)
		if err != nil {
			return err
		}
		got = append(got, entryNames(page)...)
		if !page.Truncated {
			break
		}
		opts.After = page.Next
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("List(%+v) in pages: got %q, want %q", opts, got, want)
	}
	return nil
}

// listVersions walks all pages of a listing of versions.
func (k *keeper) listVersions(e *Engine) error {
	prefix, delimiter, limit := k.window()
	var want []string
	for _, key := range slices.Sorted(maps.Keys(k.versions)) {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		for i, v := range k.versions[key] {
			if c := common(key, prefix, delimiter); c != "" {
				want = append(want, c)
			} else {
				want = append(want, fmt.Sprint(key, " ", v.id, " ", v.marker, " ", i == 0))
			}
		}
	}
	want = slices.Compact(want)
	var got []string
	opts := ListVersionsOptions{Prefix: prefix, Delimiter: delimiter, Limit: limit, Whole: k.rng.IntN(2) == 0}
	for {
		page, err := e.Versions(context.Background(), testBucket, opts)
		if err != nil {
			return err
		}
		for _, entry := range page.Entries {
			if v := &entry.Version; entry.CommonPrefix != "" {
				got = append(got, entry.CommonPrefix)
			} else {
				got = append(got, fmt.Sprint(v.Key, " ", v.VersionID, " ", v.DeleteMarker, " ", entry.Latest))
			}
		}
		if !page.Truncated {
			break
		}
		opts.AfterKey, opts.AfterVersionID = page.NextKey, page.NextVersionID
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("Versions(%+v) in pages: got %q, want %q", opts, got, want)
	}
	return nil
}

// checkUsage compares what was counted with the model.
func (k *keeper) checkUsage(e *Engine) error {
	want := map[string]Usage{}
	count := func(key string, bytes int, objects int64) {
		for _, folder := range slices.Compact([]string{"", folderOf(key)}) {
			u := want[folder]
			want[folder] = Usage{u.Bytes + int64(bytes), u.Objects + objects}
		}
	}
	for key, all := range k.versions {
		for _, v := range all {
			if !v.marker {
				count(key, len(v.body), 1)
			}
		}
	}
	for _, u := range k.uploads {
		for _, body := range u.bodies {
			count(u.upload.Key, len(body), 0)
		}
	}
	for _, folder := range []string{"", "a", "b", "none"} {
		if got, err := e.FolderUsage(context.Background(), testBucket, folder); err != nil || got != want[folder] {
			return fmt.Errorf("usage of %q: got %+v, %v; want %+v", folder, got, err, want[folder])
		}
	}
	return nil
}

// check reads every version.
func (k *keeper) check(e *Engine) error {
	for key, all := range k.versions {
		for i, want := range all {
			opts := GetOptions{VersionID: want.id}
			if i == 0 && k.rng.IntN(2) == 0 {
				opts.VersionID = ""
			}
			v, body, err := read(e, testBucket, key, opts)
			if found := new(DeleteMarkerError); want.marker && errors.As(err, &found) && found.Version.VersionID == want.id {
				continue
			}
			if err != nil || want.marker || string(body) != want.body || v.ETag != want.etag || v.VersionID != want.id ||
				len(v.Tags)+len(want.tags) > 0 && !reflect.DeepEqual(v.Tags, want.tags) {
				return fmt.Errorf("version %q of %q: got %d bytes, %+v, %v; want %d bytes, %+v", want.id, key, len(body), v, err, len(want.body), want)
			}
		}
	}
	return k.checkUsage(e)
}

// TestVersionsAgainstModel does random operations on versions, with clean restarts
// and crashes between them. What was acknowledged must be there after each.
func TestVersionsAgainstModel(t *testing.T) {
	seed := randomSeed(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	fs := vfs.NewCrashableMem()
	cfg := testConfig(fs)
	e := openTest(t, cfg)
	createBucket(t, e, testBucket)
	k := &keeper{rng: rng, versions: map[string][]kept{}}
	for i := range 2000 * *testEffort {
		if err := k.step(e); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		restart := rng.IntN(80)
		if restart > 1 {
			continue
		}
		if restart == 0 {
			fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		}
		if err := e.Close(); err != nil {
			t.Fatalf("step %d: Close: %v", i, err)
		}
		cfg.FS = fs
		e = openTest(t, cfg)
		if err := k.check(e); err != nil {
			t.Fatalf("step %d, after restart (crash: %v): %v", i, restart == 0, err)
		}
		e.reaper.quiesce()
		if err := checkIndex(e); err != nil {
			t.Fatalf("step %d, after restart: %v", i, err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}
