package object

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestBuckets(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	created := createBucket(t, e, "alpha")
	again, err := e.CreateBucket(ctx, Bucket{Name: "alpha", Account: "111111111111"})
	wantError(t, "CreateBucket again", err, ErrBucketExists)
	if again != created {
		t.Errorf("CreateBucket again: got %+v, want the existing %+v", again, created)
	}
	if _, err := e.CreateBucket(ctx, Bucket{Name: "beta", Account: "111111111111"}); err != nil {
		t.Fatal(err)
	}
	e = reopen(t, e)
	got, err := e.Bucket(ctx, "alpha")
	if err != nil || got != created {
		t.Errorf("Bucket after reopen: got %+v, %v; want %+v", got, err, created)
	}
	_, err = e.Bucket(ctx, "gamma")
	wantError(t, "Bucket", err, ErrNoSuchBucket)
	for _, tt := range []struct {
		account, prefix, after string
		limit                  int
		want                   []string
	}{
		{"", "", "", 10, []string{"alpha", "beta", "fleet"}},
		{testAccount, "", "", 10, []string{"alpha", "fleet"}},
		{testAccount, "", "alpha", 10, []string{"fleet"}},
		{testAccount, "", "b", 10, []string{"fleet"}},
		{"", "b", "", 10, []string{"beta"}},
		{"", "b", "beta", 10, nil},
		{"", "", "", 2, []string{"alpha", "beta"}},
		{"222222222222", "", "", 10, nil},
	} {
		list, err := e.Buckets(ctx, tt.account, tt.prefix, tt.after, tt.limit)
		var names []string
		for _, b := range list {
			names = append(names, b.Name)
		}
		if err != nil || !slices.Equal(names, tt.want) {
			t.Errorf("Buckets(%q, %q, %q, %d) = %q, %v; want %q", tt.account, tt.prefix, tt.after, tt.limit, names, err, tt.want)
		}
	}
}

func TestDeleteBucket(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	wantError(t, "DeleteBucket of none", e.DeleteBucket(ctx, "none"), ErrNoSuchBucket)
	put(t, e, "key", []byte("x"))
	wantError(t, "DeleteBucket with an object", e.DeleteBucket(ctx, testBucket), ErrBucketNotEmpty)
	wantBody(t, e, "key", []byte("x"))
	if _, err := e.Delete(ctx, testBucket, "key", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	u := startUpload(t, e, "up", UploadOptions{})
	putPart(t, e, u, 1, testBody(9000, 1))
	putPart(t, e, u, 2, []byte("row"))
	if err := e.DeleteBucket(ctx, testBucket); err != nil {
		t.Fatal(err)
	}
	_, err := e.Put(ctx, testBucket, "key", strings.NewReader(""), PutOptions{})
	wantError(t, "Put", err, ErrNoSuchBucket)
	e.reaper.quiesce()
	wantRows(t, e)

	createBucket(t, e, testBucket)
	_, err = e.Upload(ctx, testBucket, "up", u.ID)
	wantError(t, "Upload of the deleted bucket", err, ErrNoSuchUpload)
	list, err := e.Uploads(ctx, testBucket, ListUploadsOptions{Limit: 10})
	if err != nil || len(list.Entries) != 0 {
		t.Errorf("Uploads of the new bucket: %+v, %v; want none", list, err)
	}
}

// TestGarbageIsRemovedInRounds has more garbage than a round removes.
func TestGarbageIsRemovedInRounds(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.maxRoundRows = 3
	e := openTest(t, cfg)
	defer e.Close()
	createBucket(t, e, testBucket)
	for i := range 10 {
		u := startUpload(t, e, "up", UploadOptions{})
		putPart(t, e, u, 1, testBody(9000, uint64(i)))
		putPart(t, e, u, 2, []byte("row"))
	}
	var keys []DeleteTarget
	for _, key := range []string{"a", "b", "c", "d"} {
		put(t, e, key, testBody(9000, 1))
		keys = append(keys, DeleteTarget{Key: key})
	}
	if _, err := e.DeleteMany(context.Background(), testBucket, keys); err != nil {
		t.Fatal(err)
	}
	if err := e.DeleteBucket(context.Background(), testBucket); err != nil {
		t.Fatal(err)
	}
	e.reaper.quiesce()
	wantRows(t, e)
	for _, kind := range []byte{kindUpload, kindPart} {
		if empty, err := e.emptyRange([]byte{kind}); err != nil || !empty {
			t.Errorf("rows of kind %c left: empty %v, %v", kind, empty, err)
		}
	}
}

// TestWriteIntoDeletedBucketIsRefused lets a bucket go while a body arrives, and
// come back under the same name.
func TestWriteIntoDeletedBucketIsRefused(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	u := startUpload(t, e, "up", UploadOptions{})
	replace := func(Digests) error {
		if err := e.DeleteBucket(ctx, testBucket); err != nil {
			t.Fatal(err)
		}
		createBucket(t, e, testBucket)
		return nil
	}
	_, err := e.Put(ctx, testBucket, "key", strings.NewReader("x"), PutOptions{SizeBytes: 1, Verify: replace})
	wantError(t, "Put", err, ErrNoSuchBucket)
	u = startUpload(t, e, "up", UploadOptions{})
	_, err = e.PutPart(ctx, testBucket, "up", u.ID, 1, strings.NewReader("x"), PartOptions{SizeBytes: 1, Verify: replace})
	wantError(t, "PutPart", err, ErrNoSuchBucket)
	list, err := e.List(ctx, testBucket, ListOptions{Limit: 10})
	if err != nil || len(list.Entries) != 0 {
		t.Errorf("List of the new bucket: %+v, %v; want none", list, err)
	}
}
