package object

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	testAccount = "999999999999"
	testBucket  = "fleet"
)

// testEpoch is where every test clock begins.
var testEpoch = time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)

// testClock goes on by a millisecond at every look.
func testClock() func() time.Time {
	var looks atomic.Int64
	return func() time.Time { return testEpoch.Add(time.Duration(looks.Add(1)) * time.Millisecond) }
}

// testConfig is an engine with little memory on fs, whose bodies above 4 KiB are
// files and whose parts may be small.
func testConfig(fs vfs.FS) Config {
	return Config{
		Dir: "/data", FS: fs, Clock: testClock(), Rand: rand.NewChaCha8([32]byte{1}),
		CacheSizeBytes: 1 << 20, MemTableSizeBytes: 1 << 20, InlineMaxBytes: 4 << 10, minPartBytes: 6 << 10,
	}
}

func openTest(t testing.TB, cfg Config) *Engine {
	t.Helper()
	e, err := Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return e
}

// newTest returns an engine in memory with a bucket.
func newTest(t testing.TB) *Engine {
	t.Helper()
	e := openTest(t, testConfig(vfs.NewMem()))
	t.Cleanup(func() {
		if err := e.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("Close: %v", err)
		}
	})
	createBucket(t, e, testBucket)
	return e
}

func createBucket(t testing.TB, e *Engine, name string) Bucket {
	t.Helper()
	b, err := e.CreateBucket(context.Background(), Bucket{Name: name, Account: testAccount, Region: "ap-northeast-1"})
	if err != nil {
		t.Fatalf("CreateBucket(%q): %v", name, err)
	}
	return b
}

// reopen closes an engine and opens its folder again.
func reopen(t testing.TB, e *Engine) *Engine {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	next := openTest(t, e.cfg)
	t.Cleanup(func() { next.Close() })
	return next
}

// testBody returns n bytes that depend on seed.
func testBody(n int, seed uint64) []byte {
	b := make([]byte, n)
	var key [32]byte
	key[0], key[1], key[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	rand.NewChaCha8(key).Read(b)
	return b
}

func put(t testing.TB, e *Engine, key string, body []byte) Version {
	t.Helper()
	v, err := e.Put(context.Background(), testBucket, key, bytes.NewReader(body), PutOptions{SizeBytes: int64(len(body))})
	if err != nil {
		t.Fatalf("Put(%q, %d bytes): %v", key, len(body), err)
	}
	return v
}

// read returns a version and its body.
func read(e *Engine, bucket, key string, opts GetOptions) (Version, []byte, error) {
	r, err := e.Get(context.Background(), bucket, key, opts)
	if err != nil {
		return Version{}, nil, err
	}
	defer r.Close()
	body, err := readRange(r, r.OffsetBytes, r.SizeBytes)
	return r.Version, body, err
}

func readRange(r *Reader, offset, length int64) ([]byte, error) {
	part, err := r.Range(offset, length)
	if err != nil {
		return nil, err
	}
	defer part.Close()
	return io.ReadAll(part)
}

// wantBody fails unless key has this body.
func wantBody(t testing.TB, e *Engine, key string, want []byte) {
	t.Helper()
	v, got, err := read(e, testBucket, key, GetOptions{})
	if err != nil || !bytes.Equal(got, want) || v.SizeBytes != int64(len(want)) {
		t.Fatalf("Get(%q) = %d bytes, %v; want %d bytes, equal %v", key, len(got), err, len(want), bytes.Equal(got, want))
	}
}

// wantError fails unless err is of the kind want; nil is no error.
func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: got error %v, want %v", what, err, want)
	}
}

func md5Hex(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// sizes are bodies of every place: embedded, in a row, in a file of one block, of
// several, and of more than one buffer.
var sizes = []int{0, 1, embedMaxBytes, embedMaxBytes + 1, 4 << 10, 4<<10 + 1, blockBytes, blockBytes + 1,
	streamBufferBytes - 1, streamBufferBytes, streamBufferBytes + 1, 3*streamBufferBytes + 12345}

func TestPutIsReadBackAfterReopen(t *testing.T) {
	disk := testConfig(vfs.Default)
	disk.Dir = t.TempDir() + "/deep/data"
	for name, cfg := range map[string]Config{"memory": testConfig(vfs.NewMem()), "disk": disk} {
		t.Run(name, func(t *testing.T) {
			e := openTest(t, cfg)
			createBucket(t, e, testBucket)
			for i, size := range append(slices.Clone(sizes), sizes...) {
				body := testBody(size, uint64(i))
				opts := PutOptions{SizeBytes: int64(size)}
				if i >= len(sizes) {
					opts.SizeBytes = UnknownSize
				}
				v, err := e.Put(context.Background(), testBucket, "key", bytes.NewReader(body), opts)
				if err != nil {
					t.Fatalf("Put of %d bytes, declared %d: %v", size, opts.SizeBytes, err)
				}
				if v.ETag != md5Hex(body) || v.SizeBytes != int64(size) {
					t.Errorf("Put of %d bytes: got ETag %s, size %d; want %s", size, v.ETag, v.SizeBytes, md5Hex(body))
				}
				wantBody(t, e, "key", body)
				e = reopen(t, e)
				wantBody(t, e, "key", body)
			}
			e.reaper.quiesce()
			wantRows(t, e)
		})
	}
}

func TestVersionKeepsWhatWasPut(t *testing.T) {
	e := newTest(t)
	opts := PutOptions{
		SizeBytes: 5,
		Owner:     "123456789012",
		Metadata: Metadata{
			ContentType: "text/plain", CacheControl: "no-cache", ContentDisposition: "inline",
			ContentEncoding: "gzip", ContentLanguage: "ja", Expires: "never", WebsiteRedirect: "/x",
			StorageClass: "STANDARD_IA", User: map[string]string{"b": "2", "a": "1", "empty": ""},
		},
		Checksums: []Algorithm{CRC32, CRC32C, CRC64NVME, SHA1, SHA256},
	}
	put, err := e.Put(context.Background(), testBucket, "key", strings.NewReader("hello"), opts)
	if err != nil {
		t.Fatal(err)
	}
	e = reopen(t, e)
	got, err := e.Head(context.Background(), testBucket, "key", GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, put) {
		t.Errorf("Head after reopen:\n got %+v\nwant %+v", got, put)
	}
	if !reflect.DeepEqual(got.Metadata, opts.Metadata) || got.Owner != opts.Owner || got.VersionID != NullVersionID {
		t.Errorf("got %+v, want what was put: %+v", got, opts)
	}
	want := map[string]string{ // of "hello", by openssl and the AWS CLI
		"CRC32": "NhCmhg==", "CRC32C": "mnG7TA==", "CRC64NVME": "M3eFcAZSQlc=",
		"SHA1": "qvTGHdzF6KLavt4PO0gs2a6pQ00=", "SHA256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
	}
	sums := map[string]string{}
	for _, c := range got.Checksums {
		sums[c.Algorithm.String()] = c.Value()
	}
	if !maps.Equal(sums, want) {
		t.Errorf("checksums: got %v, want %v", sums, want)
	}
}

func TestKeysAreOpaque(t *testing.T) {
	e := newTest(t)
	keys := []string{
		"/", "//", "a//b", "..", "../..", "/etc/passwd", ".", "a/./b", "\x00", "\x00\x00", "a\x00", "a\x00b", "a\x01", "a",
		"日本語/キー", "a b+c%20", "\u007f", "\U0010ffff", strings.Repeat("k", MaxKeyBytes), "C:\\x", "\n", "null",
	}
	for _, key := range keys {
		put(t, e, key, []byte(key))
	}
	e = reopen(t, e)
	for _, key := range keys {
		wantBody(t, e, key, []byte(key))
	}
	list, err := e.List(context.Background(), testBucket, ListOptions{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range list.Entries {
		got = append(got, entry.Version.Key)
	}
	slices.Sort(keys)
	if !slices.Equal(got, keys) {
		t.Errorf("List: got %q, want %q", got, keys)
	}
	for _, bad := range []struct {
		key  string
		want error
	}{
		{"", ErrInvalidKey}, {"\xff", ErrInvalidKey}, {"a\xc0\x80", ErrInvalidKey},
		{strings.Repeat("k", MaxKeyBytes+1), ErrKeyTooLong},
	} {
		_, err := e.Put(context.Background(), testBucket, bad.key, strings.NewReader(""), PutOptions{})
		wantError(t, "Put of key "+bad.key, err, bad.want)
	}
}

func TestPutRefusals(t *testing.T) {
	wrongMD5 := make([]byte, 16)
	mine := errors.New("trailer differs")
	reading := errors.New("connection reset")
	tests := []struct {
		name string
		size int64
		body io.Reader
		opts PutOptions
		want error
	}{
		{"body shorter than declared", 6, strings.NewReader("hello"), PutOptions{}, ErrIncompleteBody},
		{"body longer than declared", 4, strings.NewReader("hello"), PutOptions{}, ErrExcessBody},
		{"file shorter than declared", 9000, bytes.NewReader(make([]byte, 8999)), PutOptions{}, ErrIncompleteBody},
		{"file longer than declared", 9000, bytes.NewReader(make([]byte, 9001)), PutOptions{}, ErrExcessBody},
		{"no body though declared", 1, strings.NewReader(""), PutOptions{}, ErrIncompleteBody},
		{"body too large as declared", 1<<20 + 1, strings.NewReader(""), PutOptions{}, ErrBodyTooLarge},
		{"body too large", UnknownSize, bytes.NewReader(make([]byte, 1<<20+1)), PutOptions{}, ErrBodyTooLarge},
		{"wrong Content-MD5", 5, strings.NewReader("hello"), PutOptions{ContentMD5: wrongMD5}, ErrDigestMismatch},
		{"Verify refuses", 5, strings.NewReader("hello"), PutOptions{Verify: func(Digests) error { return mine }}, mine},
		{"Verify refuses a file", 9000, bytes.NewReader(make([]byte, 9000)), PutOptions{Verify: func(Digests) error { return mine }}, mine},
		{"reading fails", UnknownSize, io.MultiReader(strings.NewReader("x"), iotestError{reading}), PutOptions{}, reading},
		{"reading a file fails", UnknownSize, io.MultiReader(bytes.NewReader(make([]byte, 600<<10)), iotestError{reading}), PutOptions{}, reading},
		{"algorithm twice", 5, strings.NewReader("hello"), PutOptions{Checksums: []Algorithm{CRC32, CRC32}}, ErrInvalidChecksum},
		{"unknown algorithm", 5, strings.NewReader("hello"), PutOptions{Checksums: []Algorithm{9}}, ErrInvalidChecksum},
		{"metadata too large", 5, strings.NewReader("hello"), PutOptions{Metadata: Metadata{ContentType: strings.Repeat("x", MaxMetadataBytes+1)}}, ErrInvalidMetadata},
		{"If-Match without object", 5, strings.NewReader("hello"), PutOptions{Condition: Condition{IfMatch: "*"}}, ErrNoSuchKey},
	}
	cfg := testConfig(vfs.NewMem())
	cfg.MaxBodyBytes = 1 << 20
	e := openTest(t, cfg)
	defer e.Close()
	createBucket(t, e, testBucket)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.opts.SizeBytes = tt.size
			_, err := e.Put(context.Background(), testBucket, "key", tt.body, tt.opts)
			wantError(t, "Put", err, tt.want)
			_, err = e.Head(context.Background(), testBucket, "key", GetOptions{})
			wantError(t, "Head after a refused Put", err, ErrNoSuchKey)
			if files := segmentFiles(t, e); len(files) != 0 {
				t.Errorf("files left behind: %v", files)
			}
		})
	}
}

// iotestError is a reader that fails.
type iotestError struct{ err error }

func (r iotestError) Read([]byte) (int, error) { return 0, r.err }

// segmentFiles returns the names of all segment files.
func segmentFiles(t testing.TB, e *Engine) []string {
	t.Helper()
	var all []string
	for i := range e.segments.shards {
		names, err := e.cfg.FS.List(e.segments.shards[i].path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, names...)
	}
	slices.Sort(all)
	return all
}

func TestVerifySeesTheDigests(t *testing.T) {
	e := newTest(t)
	var got Digests
	_, err := e.Put(context.Background(), testBucket, "key", strings.NewReader("hello"), PutOptions{
		SizeBytes: 5, Checksums: []Algorithm{CRC32},
		Verify: func(d Digests) error { got = d; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(got.MD5[:]) != md5Hex([]byte("hello")) || got.SizeBytes != 5 || got.Checksums[0].Value() != "NhCmhg==" {
		t.Errorf("Verify saw %+v", got)
	}
}

func TestConditions(t *testing.T) {
	const a, b = "body a", "body b"
	etagA := md5Hex([]byte(a))
	tests := []struct {
		name    string
		present bool
		c       Condition
		want    error
	}{
		{"none, absent", false, Condition{}, nil},
		{"If-None-Match * on absent", false, Condition{IfNoneMatch: "*"}, nil},
		{"If-None-Match * on present", true, Condition{IfNoneMatch: "*"}, ErrPreconditionFailed},
		{"If-None-Match of the ETag", true, Condition{IfNoneMatch: etagA}, ErrPreconditionFailed},
		{"If-None-Match of the quoted ETag", true, Condition{IfNoneMatch: `"` + etagA + `"`}, ErrPreconditionFailed},
		{"If-None-Match of another ETag", true, Condition{IfNoneMatch: md5Hex([]byte(b))}, nil},
		{"If-Match on absent", false, Condition{IfMatch: etagA}, ErrNoSuchKey},
		{"If-Match * on present", true, Condition{IfMatch: "*"}, nil},
		{"If-Match of the ETag", true, Condition{IfMatch: etagA}, nil},
		{"If-Match of the quoted ETag", true, Condition{IfMatch: `"` + etagA + `"`}, nil},
		{"If-Match of another ETag", true, Condition{IfMatch: md5Hex([]byte(b))}, ErrPreconditionFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newTest(t)
			if tt.present {
				put(t, e, "put", []byte(a))
				put(t, e, "delete", []byte(a))
				put(t, e, "complete", []byte(a))
			}
			_, err := e.Put(context.Background(), testBucket, "put", strings.NewReader(b), PutOptions{SizeBytes: 6, Condition: tt.c})
			wantError(t, "Put", err, tt.want)
			_, err = e.Delete(context.Background(), testBucket, "delete", DeleteOptions{Condition: tt.c})
			wantError(t, "Delete", err, tt.want)
			u := startUpload(t, e, "complete", UploadOptions{})
			parts := []CompletedPart{putPart(t, e, u, 1, []byte(b))}
			_, err = e.CompleteUpload(context.Background(), testBucket, "complete", u.ID, parts, CompleteOptions{Condition: tt.c})
			wantError(t, "CompleteUpload", err, tt.want)
			if tt.want != nil && tt.present {
				wantBody(t, e, "put", []byte(a))
				wantBody(t, e, "delete", []byte(a))
				wantBody(t, e, "complete", []byte(a))
			}
		})
	}
}

func TestDelete(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	for i, size := range sizes {
		put(t, e, "key", testBody(size, uint64(i)))
		got, err := e.Delete(ctx, testBucket, "key", DeleteOptions{})
		if want := (DeleteResult{Key: "key", VersionID: NullVersionID, Existed: true}); err != nil || got != want {
			t.Errorf("Delete of %d bytes: got %+v, %v; want %+v", size, got, err, want)
		}
		got, err = e.Delete(ctx, testBucket, "key", DeleteOptions{})
		if want := (DeleteResult{Key: "key"}); err != nil || got != want {
			t.Errorf("Delete again: got %+v, %v; want %+v", got, err, want)
		}
		_, _, err = read(e, testBucket, "key", GetOptions{})
		wantError(t, "Get after Delete", err, ErrNoSuchKey)
	}
	e.reaper.quiesce()
	wantRows(t, e)
	if files := segmentFiles(t, e); len(files) != 0 {
		t.Errorf("files left: %v", files)
	}
}

func TestDeleteManyAnswersEachKey(t *testing.T) {
	e := newTest(t)
	put(t, e, "a", []byte("a"))
	put(t, e, "b", testBody(9000, 1))
	put(t, e, "c", []byte("c"))
	got, err := e.DeleteMany(context.Background(), testBucket, []DeleteTarget{
		{Key: "a"}, {Key: "absent"}, {Key: "b", Options: DeleteOptions{VersionID: NullVersionID}}, {Key: "a"}, {Key: ""},
		{Key: "c", Options: DeleteOptions{Condition: Condition{IfMatch: "no"}}},
		{Key: "c", Options: DeleteOptions{VersionID: "other"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var existed []bool
	for _, r := range got {
		existed = append(existed, r.Existed)
	}
	if want := []bool{true, false, true, false, false, false, false}; !slices.Equal(existed, want) {
		t.Errorf("existed: got %v, want %v", existed, want)
	}
	wantError(t, "empty key", got[4].Err, ErrInvalidKey)
	wantError(t, "condition", got[5].Err, ErrPreconditionFailed)
	wantBody(t, e, "c", []byte("c"))
}

func TestOverwriteFreesWhatItReplaced(t *testing.T) {
	e := newTest(t)
	for i, size := range append(slices.Clone(sizes), sizes...) {
		put(t, e, "key", testBody(size, uint64(i)))
		e.reaper.quiesce()
		wantRows(t, e)
	}
}

func TestFolderIsHeldByOneEngine(t *testing.T) {
	for name, cfg := range map[string]Config{
		"memory": testConfig(vfs.NewMem()),
		"disk":   {Dir: t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			e := openTest(t, cfg)
			_, err := Open(cfg)
			wantError(t, "second Open", err, ErrLocked)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			wantError(t, "second Close", e.Close(), ErrClosed)
			if err := openTest(t, cfg).Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestLostIndexIsRefused takes the index away from under segment files. A new one
// in its place would let the start after next sweep them all.
func TestLostIndexIsRefused(t *testing.T) {
	mem := vfs.NewMem()
	e := openTest(t, testConfig(mem))
	createBucket(t, e, testBucket)
	body := testBody(blockBytes, 1)
	put(t, e, "a", body)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	index, away := mem.PathJoin("/data", "index"), mem.PathJoin("/data", "away")
	if err := mem.Rename(index, away); err != nil {
		t.Fatal(err)
	}
	_, err := Open(e.cfg)
	wantError(t, "Open without the index", err, ErrCorrupt)
	if err := mem.Rename(away, index); err != nil {
		t.Fatal(err)
	}
	e = openTest(t, e.cfg)
	defer e.Close()
	wantBody(t, e, "a", body)
}

func TestNewerFormatIsRefused(t *testing.T) {
	e := newTest(t)
	if _, err := e.commit(func(tx *transaction) error {
		tx.setUnread(settingFormat, []byte{0, 0, 0, formatVersion + 1})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(e.cfg)
	wantError(t, "Open", err, ErrNewerFormat)
	_, err = Open(e.cfg)
	wantError(t, "Open again, the lock being free", err, ErrNewerFormat)
}

func TestClosedEngineAnswersErrClosed(t *testing.T) {
	e := newTest(t)
	put(t, e, "small", []byte("x"))
	put(t, e, "large", testBody(9000, 1))
	u := startUpload(t, e, "up", UploadOptions{})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	_, err := e.Get(ctx, testBucket, "small", GetOptions{})
	wantError(t, "Get", err, ErrClosed)
	_, err = e.Head(ctx, testBucket, "small", GetOptions{})
	wantError(t, "Head", err, ErrClosed)
	_, err = e.Put(ctx, testBucket, "small", strings.NewReader(""), PutOptions{})
	wantError(t, "Put", err, ErrClosed)
	_, err = e.Delete(ctx, testBucket, "small", DeleteOptions{})
	wantError(t, "Delete", err, ErrClosed)
	_, err = e.List(ctx, testBucket, ListOptions{Limit: 1})
	wantError(t, "List", err, ErrClosed)
	_, _, err = e.Parts(ctx, testBucket, "up", u.ID, 0, 1)
	wantError(t, "Parts", err, ErrClosed)
	_, err = e.CreateBucket(ctx, Bucket{Name: "other"})
	wantError(t, "CreateBucket", err, ErrClosed)
}

func TestCancelledContextIsRefused(t *testing.T) {
	e := newTest(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := e.Put(ctx, testBucket, "k", strings.NewReader(""), PutOptions{})
	wantError(t, "Put", err, context.Canceled)
	_, err = e.Get(ctx, testBucket, "k", GetOptions{})
	wantError(t, "Get", err, context.Canceled)
	_, err = e.List(ctx, testBucket, ListOptions{Limit: 1})
	wantError(t, "List", err, context.Canceled)
}

func TestConfigIsChecked(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no folder":           {},
		"inline too large":    {Dir: "d", InlineMaxBytes: maxInlineBytes + 1},
		"inline negative":     {Dir: "d", InlineMaxBytes: -1},
		"body limit negative": {Dir: "d", MaxBodyBytes: -1},
	} {
		cfg.FS = vfs.NewMem()
		if _, err := Open(cfg); err == nil {
			t.Errorf("%s: Open accepted it", name)
		}
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: file}); err == nil {
		t.Error("Open accepted a file as folder")
	}
}
