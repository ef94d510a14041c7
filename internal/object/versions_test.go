package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func setVersioning(t testing.TB, e *Engine, v Versioning) {
	t.Helper()
	if err := e.SetVersioning(context.Background(), testBucket, v); err != nil {
		t.Fatalf("SetVersioning(%d): %v", v, err)
	}
}

func remove(t testing.TB, e *Engine, key string, opts DeleteOptions) DeleteResult {
	t.Helper()
	result, err := e.Delete(context.Background(), testBucket, key, opts)
	if err != nil {
		t.Fatalf("Delete(%q, %q): %v", key, opts.VersionID, err)
	}
	return result
}

// wantVersions fails unless a key has these versions, newest first; "-" before an
// ID stands for a delete marker.
func wantVersions(t testing.TB, e *Engine, key string, want ...string) {
	t.Helper()
	list, err := e.Versions(context.Background(), testBucket, ListVersionsOptions{Prefix: key, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, entry := range list.Entries {
		id := entry.Version.VersionID
		if entry.Version.DeleteMarker {
			id = "-" + id
		}
		got = append(got, id)
		if entry.Latest != (i == 0) {
			t.Errorf("version %d of %q: latest is %v", i, key, entry.Latest)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("versions of %q: got %q, want %q", key, got, want)
	}
}

func wantVersion(t testing.TB, e *Engine, key, versionID string, body []byte) {
	t.Helper()
	v, got, err := read(e, testBucket, key, GetOptions{VersionID: versionID})
	if err != nil || !bytes.Equal(got, body) || versionID != "" && v.VersionID != versionID {
		t.Fatalf("Get(%q, %q): got %d bytes of %q, %v; want %d bytes", key, versionID, len(got), v.VersionID, err, len(body))
	}
}

func TestVersionsAreKeptAndFound(t *testing.T) {
	e := newTest(t)
	bodies := [][]byte{testBody(10, 1), testBody(5000, 2), testBody(300<<10, 3), testBody(0, 4)}
	put(t, e, "key", bodies[0])
	setVersioning(t, e, VersioningEnabled)
	ids := []string{NullVersionID}
	for _, body := range bodies[1:] {
		ids = append(ids, put(t, e, "key", body).VersionID)
	}
	put(t, e, "key2", bodies[1])
	for range 2 {
		for i, id := range ids {
			wantVersion(t, e, "key", id, bodies[i])
		}
		wantVersion(t, e, "key", "", bodies[3])
		e = reopen(t, e)
	}
	wantVersions(t, e, "key2", func() string {
		v, _ := e.Head(context.Background(), testBucket, "key2", GetOptions{})
		return v.VersionID
	}())
	// An ID of another key, or one that was made up, is none.
	for _, id := range []string{put(t, e, "other", nil).VersionID, "AAAA", ids[1][:31] + "x", "Null"} {
		if _, _, err := read(e, testBucket, "key", GetOptions{VersionID: id}); !errors.Is(err, ErrNoSuchVersion) {
			t.Errorf("Get of version %q: %v, want ErrNoSuchVersion", id, err)
		}
		if got := remove(t, e, "key", DeleteOptions{VersionID: id}); got.Existed {
			t.Errorf("Delete of version %q: %+v", id, got)
		}
	}
	// Removing the current version makes the one before it current.
	if got := remove(t, e, "key", DeleteOptions{VersionID: ids[3]}); !got.Existed || got.VersionID != ids[3] || got.DeleteMarker {
		t.Errorf("removal: %+v", got)
	}
	wantVersion(t, e, "key", "", bodies[2])
	remove(t, e, "key", DeleteOptions{VersionID: NullVersionID})
	remove(t, e, "key", DeleteOptions{VersionID: ids[2]})
	remove(t, e, "key", DeleteOptions{VersionID: ids[1]})
	if _, _, err := read(e, testBucket, "key", GetOptions{}); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("after all were removed: %v, want ErrNoSuchKey", err)
	}
	e.reaper.quiesce()
	wantRows(t, e)
}

func TestDeleteMarkersHideAndComeOff(t *testing.T) {
	e := newTest(t)
	setVersioning(t, e, VersioningEnabled)
	first := put(t, e, "a/key", testBody(20, 1))
	marker := remove(t, e, "a/key", DeleteOptions{})
	if !marker.DeleteMarker || marker.VersionID == "" {
		t.Fatalf("delete: %+v, want a marker", marker)
	}
	_, _, err := read(e, testBucket, "a/key", GetOptions{})
	var found *DeleteMarkerError
	if !errors.As(err, &found) || found.Named || found.Version.VersionID != marker.VersionID || !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("get: %v, want the marker as ErrNoSuchKey", err)
	}
	_, err = e.Head(context.Background(), testBucket, "a/key", GetOptions{VersionID: marker.VersionID})
	if !errors.As(err, &found) || !found.Named || !errors.Is(err, ErrDeleteMarker) {
		t.Errorf("head of the marker: %v, want ErrDeleteMarker", err)
	}
	wantVersion(t, e, "a/key", first.VersionID, testBody(20, 1))
	for _, delimiter := range []string{"", "/"} {
		list, err := e.List(context.Background(), testBucket, ListOptions{Delimiter: delimiter, Limit: 10})
		if err != nil || len(list.Entries) != 0 {
			t.Errorf("list with delimiter %q: %+v, %v; want nothing", delimiter, list, err)
		}
	}
	_, err = e.Put(context.Background(), testBucket, "a/key", bytes.NewReader(nil), PutOptions{Condition: Condition{IfMatch: "*"}})
	wantError(t, "If-Match on a marker", err, ErrNoSuchKey)
	if err := e.DeleteBucket(context.Background(), testBucket); !errors.Is(err, ErrBucketNotEmpty) {
		t.Errorf("delete of a bucket with versions: %v", err)
	}
	remove(t, e, "a/key", DeleteOptions{VersionID: marker.VersionID})
	wantVersion(t, e, "a/key", "", testBody(20, 1))
	// A marker on a key that never was.
	ghost := remove(t, e, "ghost", DeleteOptions{})
	wantVersions(t, e, "ghost", "-"+ghost.VersionID)
}

func TestSuspendedVersioningWritesTheNullVersion(t *testing.T) {
	e := newTest(t)
	put(t, e, "key", testBody(5, 1)) // the null version, at the end
	setVersioning(t, e, VersioningEnabled)
	numbered := put(t, e, "key", testBody(6, 2)).VersionID
	setVersioning(t, e, VersioningSuspended)
	if v := put(t, e, "key", testBody(2000, 3)); v.VersionID != NullVersionID {
		t.Fatalf("a put while suspended made version %q", v.VersionID)
	}
	wantVersions(t, e, "key", NullVersionID, numbered)
	wantVersion(t, e, "key", NullVersionID, testBody(2000, 3))
	put(t, e, "key", testBody(7, 4))
	wantVersions(t, e, "key", NullVersionID, numbered)
	setVersioning(t, e, VersioningEnabled)
	newest := put(t, e, "key", testBody(8, 5)).VersionID
	wantVersions(t, e, "key", newest, NullVersionID, numbered)
	setVersioning(t, e, VersioningSuspended)
	e = reopen(t, e)
	if got := remove(t, e, "key", DeleteOptions{}); !got.DeleteMarker || got.VersionID != NullVersionID {
		t.Errorf("delete while suspended: %+v", got)
	}
	wantVersions(t, e, "key", "-"+NullVersionID, newest, numbered)
	remove(t, e, "key", DeleteOptions{VersionID: NullVersionID})
	wantVersions(t, e, "key", newest, numbered)
	put(t, e, "key", testBody(9, 6))
	wantVersions(t, e, "key", NullVersionID, newest, numbered)
	remove(t, e, "key", DeleteOptions{VersionID: newest})
	remove(t, e, "key", DeleteOptions{VersionID: numbered})
	wantVersion(t, e, "key", "", testBody(9, 6))
	remove(t, e, "key", DeleteOptions{VersionID: NullVersionID})
	if err := e.DeleteBucket(context.Background(), testBucket); err != nil {
		t.Errorf("DeleteBucket: %v", err)
	}
	e.reaper.quiesce()
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kindNull}, UpperBound: []byte{kindUsage + 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	for valid := iter.First(); valid; valid = iter.Next() {
		t.Errorf("row %x was left", iter.Key())
	}
}

// TestVersionsInOneCommit deletes several versions of a key in one mutation, with
// what each finds depending on those before.
func TestVersionsInOneCommit(t *testing.T) {
	e := newTest(t)
	setVersioning(t, e, VersioningEnabled)
	var ids []string
	for i := range 5 {
		ids = append(ids, put(t, e, "key", testBody(10+i, uint64(i))).VersionID)
	}
	etag := md5Hex(testBody(12, 2))
	results, err := e.DeleteMany(context.Background(), testBucket, []DeleteTarget{
		{Key: "key", Options: DeleteOptions{VersionID: ids[4]}},
		{Key: "key", Options: DeleteOptions{VersionID: ids[3]}},
		{Key: "key", Options: DeleteOptions{Condition: Condition{IfMatch: etag}}}, // version 2 is current now
		{Key: "key", Options: DeleteOptions{Condition: Condition{IfMatch: "*"}}},  // a marker is current now
		{Key: "key", Options: DeleteOptions{VersionID: ids[0], Condition: Condition{IfMatch: "x"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, nil, nil, ErrNoSuchKey, ErrPreconditionFailed} {
		if !errors.Is(results[i].Err, want) {
			t.Errorf("target %d: %v, want %v", i, results[i].Err, want)
		}
	}
	wantVersions(t, e, "key", "-"+results[2].VersionID, ids[2], ids[1], ids[0])
}

func TestVersionListingPages(t *testing.T) {
	e := newTest(t)
	setVersioning(t, e, VersioningEnabled)
	var all []string
	for _, key := range []string{"a", "b/1", "b/2", "c"} {
		var ids []string
		for i := range 3 {
			ids = append(ids, key+" "+put(t, e, key, testBody(i, 1)).VersionID)
		}
		if key == "b/2" {
			ids = append(ids, key+" "+remove(t, e, key, DeleteOptions{}).VersionID)
		}
		slices.Reverse(ids)
		all = append(all, ids...)
	}
	for limit := 1; limit <= len(all)+1; limit++ {
		var got []string
		opts := ListVersionsOptions{Limit: limit}
		latest := 0
		for {
			page, err := e.Versions(context.Background(), testBucket, opts)
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range page.Entries {
				got = append(got, entry.Version.Key+" "+entry.Version.VersionID)
				if entry.Latest {
					latest++
				}
			}
			if !page.Truncated {
				break
			}
			opts.AfterKey, opts.AfterVersionID = page.NextKey, page.NextVersionID
		}
		if !slices.Equal(got, all) || latest != 4 {
			t.Fatalf("pages of %d: got %q, %d latest; want %q, 4 latest", limit, got, latest, all)
		}
	}
	list, err := e.List(context.Background(), testBucket, ListOptions{Delimiter: "/", Limit: 10})
	if err != nil || !slices.Equal(entryNames(list), []string{"a", "b/", "c"}) {
		t.Errorf("current versions: %q, %v", entryNames(list), err)
	}
	_, err = e.Versions(context.Background(), testBucket, ListVersionsOptions{AfterKey: "a", AfterVersionID: "none", Limit: 1})
	wantError(t, "a version ID that cannot be", err, ErrNoSuchVersion)
}

func TestLockedVersionsStay(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cfg := testConfig(vfs.NewMem())
	cfg.Clock = func() time.Time { return now }
	e := openTest(t, cfg)
	b, err := e.CreateBucket(context.Background(), Bucket{Name: testBucket, Account: testAccount, Versioning: VersioningEnabled, ObjectLock: true})
	if err != nil || !b.ObjectLock {
		t.Fatalf("CreateBucket: %+v, %v", b, err)
	}
	err = e.SetVersioning(context.Background(), testBucket, VersioningSuspended)
	wantError(t, "suspension under object lock", err, ErrVersioningLocked)
	until := now.Add(time.Hour)
	lock := func(a Attributes) string {
		t.Helper()
		v, err := e.Put(context.Background(), testBucket, "key", bytes.NewReader(nil), PutOptions{Attributes: a})
		if err != nil {
			t.Fatal(err)
		}
		return v.VersionID
	}
	for _, c := range []struct {
		name   string
		lock   Attributes
		bypass bool
		later  bool
		want   error
	}{
		{"governance", Attributes{Retention: Retention{Governance, until}}, false, false, ErrObjectLocked},
		{"governance, bypassed", Attributes{Retention: Retention{Governance, until}}, true, false, nil},
		{"governance, ended", Attributes{Retention: Retention{Governance, until}}, false, true, nil},
		{"compliance", Attributes{Retention: Retention{Compliance, until}}, true, false, ErrObjectLocked},
		{"compliance, ended", Attributes{Retention: Retention{Compliance, until}}, true, true, nil},
		{"legal hold", Attributes{LegalHold: true}, true, true, ErrObjectLocked},
	} {
		id := lock(c.lock)
		if c.later {
			now = until
		}
		_, err := e.Delete(context.Background(), testBucket, "key", DeleteOptions{VersionID: id, BypassGovernance: c.bypass})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		now = until.Add(-time.Hour)
	}
	if got := remove(t, e, "key", DeleteOptions{}); !got.DeleteMarker {
		t.Errorf("a delete marker over locked versions: %+v", got)
	}
	plain := newTest(t)
	_, err = plain.Put(context.Background(), testBucket, "key", bytes.NewReader(nil), PutOptions{Attributes: Attributes{LegalHold: true}})
	wantError(t, "a hold without object lock", err, ErrNotLockable)
	err = plain.EnableObjectLock(context.Background(), testBucket)
	wantError(t, "object lock without versioning", err, ErrVersioningLocked)
}

func TestAttributesChangeInPlace(t *testing.T) {
	e := newTest(t)
	for i, size := range []int{0, 100, 5000, 300 << 10} {
		key := fmt.Sprint("key", i)
		put(t, e, key, testBody(size, 1))
		v, err := e.SetAttributes(context.Background(), testBucket, key, SetAttributesOptions{}, func(v *Version) error {
			v.Tags, v.ACL = []Tag{{"a", "1"}, {"b", ""}}, "acl"
			return nil
		})
		if err != nil || len(v.Tags) != 2 {
			t.Fatalf("SetAttributes: %+v, %v", v, err)
		}
	}
	refused := errors.New("refused")
	_, err := e.SetAttributes(context.Background(), testBucket, "key0", SetAttributesOptions{}, func(v *Version) error {
		v.Tags = nil
		return refused
	})
	wantError(t, "an error of change", err, refused)
	_, err = e.SetAttributes(context.Background(), testBucket, "none", SetAttributesOptions{}, func(*Version) error { return nil })
	wantError(t, "of no object", err, ErrNoSuchKey)
	_, err = e.SetAttributes(context.Background(), testBucket, "key0", SetAttributesOptions{}, func(v *Version) error {
		v.ACL = string(make([]byte, MaxAttributesBytes+1))
		return nil
	})
	wantError(t, "too much", err, ErrInvalidAttributes)
	e = reopen(t, e)
	for i, size := range []int{0, 100, 5000, 300 << 10} {
		v, body, err := read(e, testBucket, fmt.Sprint("key", i), GetOptions{})
		if err != nil || !bytes.Equal(body, testBody(size, 1)) || !slices.Equal(v.Tags, []Tag{{"a", "1"}, {"b", ""}}) || v.ACL != "acl" {
			t.Errorf("size %d: got %d bytes, %+v, %v", size, len(body), v.Attributes, err)
		}
	}
}

func wantUsage(t testing.TB, e *Engine, folder string, want Usage) {
	t.Helper()
	got, err := e.FolderUsage(context.Background(), testBucket, folder)
	if err != nil || got != want {
		t.Errorf("usage of folder %q: got %+v, %v; want %+v", folder, got, err, want)
	}
}

func TestUsageFollowsEveryChange(t *testing.T) {
	e := newTest(t)
	put(t, e, "a/1", testBody(10, 1))
	put(t, e, "a/2", testBody(300<<10, 1))
	put(t, e, "a/2", testBody(20, 1))
	put(t, e, "top", testBody(5, 1))
	wantUsage(t, e, "", Usage{35, 3})
	wantUsage(t, e, "a", Usage{30, 2})
	u := startUpload(t, e, "b/up", UploadOptions{})
	putPart(t, e, u, 1, testBody(7000, 1))
	putPart(t, e, u, 2, testBody(50, 2))
	one := putPart(t, e, u, 1, testBody(6500, 3))
	wantUsage(t, e, "b", Usage{6550, 0})
	complete(t, e, u, one)
	wantUsage(t, e, "b", Usage{6500, 1})
	gone := startUpload(t, e, "b/gone", UploadOptions{})
	putPart(t, e, gone, 1, testBody(100, 1))
	if err := e.AbortUpload(context.Background(), testBucket, gone.Key, gone.ID); err != nil {
		t.Fatal(err)
	}
	wantUsage(t, e, "b", Usage{6500, 1})
	setVersioning(t, e, VersioningEnabled)
	put(t, e, "a/1", testBody(100, 1))
	remove(t, e, "a/2", DeleteOptions{})
	wantUsage(t, e, "a", Usage{130, 3})
	e = reopen(t, e)
	remove(t, e, "a/1", DeleteOptions{VersionID: NullVersionID})
	wantUsage(t, e, "a", Usage{120, 2})
	wantUsage(t, e, "", Usage{6625, 4})
	list, more, err := e.FolderUsages(context.Background(), testBucket, "", 1)
	if err != nil || !more || len(list) != 1 || list[0] != (FolderUsage{"a", Usage{120, 2}}) {
		t.Errorf("folders: %+v, %v, %v", list, more, err)
	}
	list, more, err = e.FolderUsages(context.Background(), testBucket, "a", 5)
	if err != nil || more || len(list) != 1 || list[0] != (FolderUsage{"b", Usage{6500, 1}}) {
		t.Errorf("folders after a: %+v, %v, %v", list, more, err)
	}
	// The same is counted from the versions, when a folder of format 1 is opened.
	if err := e.countUsage(); err != nil {
		t.Fatal(err)
	}
	wantUsage(t, e, "", Usage{6625, 4})
	wantUsage(t, e, "a", Usage{120, 2})
}

func TestQuotasRefuseAtCommit(t *testing.T) {
	e := newTest(t)
	if err := e.SetQuota(context.Background(), testBucket, Quota{Bytes: 1000, Objects: 4, FolderBytes: 500, FolderObjects: 2}); err != nil {
		t.Fatal(err)
	}
	e = reopen(t, e)
	try := func(key string, size int) error {
		_, err := e.Put(context.Background(), testBucket, key, bytes.NewReader(testBody(size, 1)), PutOptions{SizeBytes: UnknownSize})
		return err
	}
	for _, c := range []struct {
		key  string
		size int
		want *QuotaError
	}{
		{"a/1", 500, nil}, {"a/2", 1, &QuotaError{"a", 500, true}}, {"a/1", 400, nil}, {"a/2", 100, nil},
		{"a/3", 0, &QuotaError{"a", 2, false}}, {"b", 501, &QuotaError{"", 1000, true}}, {"b", 500, nil}, {"c", 0, nil},
		{"d", 0, &QuotaError{"", 4, false}}, {"c", 1, &QuotaError{"", 1000, true}},
	} {
		err := try(c.key, c.size)
		var got *QuotaError
		errors.As(err, &got)
		if c.want == nil && err != nil || c.want != nil && (got == nil || *got != *c.want || !errors.Is(err, ErrQuotaExceeded)) {
			t.Errorf("put %q of %d bytes: %v, want %v", c.key, c.size, err, c.want)
		}
	}
	u := startUpload(t, e, "z/up", UploadOptions{})
	_, err := e.PutPart(context.Background(), testBucket, u.Key, u.ID, 1, bytes.NewReader(testBody(1, 1)), PartOptions{SizeBytes: UnknownSize})
	wantError(t, "a part above the quota", err, ErrQuotaExceeded)
	remove(t, e, "b", DeleteOptions{})
	if err := try("d", 100); err != nil {
		t.Errorf("after room was made: %v", err)
	}
}

func TestMessagesAreKeptWithTheirChange(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.MaxQueueMessages = 3
	e := openTest(t, cfg)
	createBucket(t, e, testBucket)
	note := func(v *Version) []Message { return []Message{{"q", []byte(v.Key + v.VersionID)}} }
	changed := e.QueueChanged("q")
	if _, err := e.Put(context.Background(), testBucket, "a", bytes.NewReader(nil), PutOptions{Messages: note}); err != nil {
		t.Fatal(err)
	}
	<-changed
	remove(t, e, "a", DeleteOptions{Messages: note})
	remove(t, e, "a", DeleteOptions{Messages: note}) // nothing is done
	_, err := e.Put(context.Background(), testBucket, "b", bytes.NewReader(nil), PutOptions{Messages: note, Condition: Condition{IfMatch: "*"}})
	wantError(t, "a refused put", err, ErrNoSuchKey)
	e = reopen(t, e)
	if err := e.Enqueue(context.Background(), []Message{{"q", []byte("c")}, {"q", []byte("d")}}); err != nil {
		t.Fatal(err)
	}
	if got := e.QueueStats("q"); got != (QueueStats{3, 1}) {
		t.Errorf("stats: %+v, want 3 kept and 1 dropped", got)
	}
	list, err := e.Messages(context.Background(), "q", 0, 10)
	var bodies []string
	var sequences []uint64
	for _, m := range list {
		bodies, sequences = append(bodies, string(m.Body)), append(sequences, m.Sequence)
	}
	if err != nil || !slices.Equal(bodies, []string{"anull", "anull", "c"}) || !slices.IsSorted(sequences) {
		t.Fatalf("messages: %q, %v", bodies, err)
	}
	if err := e.Acknowledge(context.Background(), "q", sequences[:2]); err != nil {
		t.Fatal(err)
	}
	list, err = e.Messages(context.Background(), "q", 0, 10)
	if err != nil || len(list) != 1 || list[0].Sequence != sequences[2] || e.QueueStats("q").Length != 1 {
		t.Errorf("after acknowledgement: %+v, %v", list, err)
	}
}

// TestConcurrentVersionsOfOneKey has writers whose mutations share commits: each
// write must find what those before it in its group left.
func TestConcurrentVersionsOfOneKey(t *testing.T) {
	e := newTest(t)
	setVersioning(t, e, VersioningEnabled)
	put(t, e, "key", []byte("0"))
	const writers, writes = 16, 30
	var group sync.WaitGroup
	var won, lost, markers atomic.Int64
	for w := range writers {
		group.Go(func() {
			for i := range writes {
				if i%10 == 9 {
					v, err := e.SetAttributes(context.Background(), testBucket, "key", SetAttributesOptions{}, func(v *Version) error {
						v.Tags = append(v.Tags, Tag{fmt.Sprint(w), fmt.Sprint(i)})
						return nil
					})
					if err != nil && !errors.Is(err, ErrNoSuchKey) {
						t.Errorf("SetAttributes: %+v, %v", v, err)
					}
					continue
				}
				now, err := e.Head(context.Background(), testBucket, "key", GetOptions{})
				if errors.Is(err, ErrNoSuchKey) {
					now.ETag = "*"
				}
				_, err = e.Put(context.Background(), testBucket, "key", strings.NewReader(fmt.Sprint(w, i)),
					PutOptions{SizeBytes: UnknownSize, Condition: Condition{IfMatch: now.ETag, IfVersionID: now.VersionID}})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, ErrPreconditionFailed), errors.Is(err, ErrNoSuchKey):
					lost.Add(1)
				default:
					t.Errorf("Put: %v", err)
				}
				if i == 15 && w%4 == 0 {
					if result, err := e.Delete(context.Background(), testBucket, "key", DeleteOptions{}); err != nil || !result.DeleteMarker {
						t.Errorf("Delete: %+v, %v", result, err)
					}
					markers.Add(1)
					if _, err := e.Put(context.Background(), testBucket, "key", strings.NewReader("again"), PutOptions{SizeBytes: 5}); err == nil {
						won.Add(1)
					}
				}
			}
		})
	}
	group.Wait()
	list, err := e.Versions(context.Background(), testBucket, ListVersionsOptions{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	objects, gone := int64(0), int64(0)
	for i, entry := range list.Entries {
		if entry.Version.DeleteMarker {
			gone++
		} else {
			objects++
		}
		if i > 0 && list.Entries[i-1].Version.Modified.Before(entry.Version.Modified.Add(-time.Minute)) {
			t.Errorf("version %d is newer than the one before it", i)
		}
	}
	if objects != won.Load()+1 || gone != markers.Load() || lost.Load() == 0 {
		t.Errorf("%d versions and %d markers; %d writes won, %d lost, %d deletes", objects, gone, won.Load(), lost.Load(), markers.Load())
	}
	wantUsage(t, e, "", func() Usage {
		u := Usage{Objects: objects}
		for _, entry := range list.Entries {
			u.Bytes += entry.Version.SizeBytes
		}
		return u
	}())
}
