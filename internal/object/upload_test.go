package object

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func startUpload(t testing.TB, e *Engine, key string, opts UploadOptions) Upload {
	t.Helper()
	u, err := e.CreateUpload(context.Background(), testBucket, key, opts)
	if err != nil {
		t.Fatalf("CreateUpload(%q): %v", key, err)
	}
	return u
}

// putPart puts a part and returns it as it is listed to complete the upload.
func putPart(t testing.TB, e *Engine, u Upload, number int, body []byte) CompletedPart {
	t.Helper()
	p, err := e.PutPart(context.Background(), testBucket, u.Key, u.ID, number, bytes.NewReader(body), PartOptions{SizeBytes: int64(len(body))})
	if err != nil {
		t.Fatalf("PutPart(%q, %d): %v", u.Key, number, err)
	}
	return CompletedPart{Number: number, ETag: p.ETag}
}

func complete(t testing.TB, e *Engine, u Upload, parts ...CompletedPart) Version {
	t.Helper()
	v, err := e.CompleteUpload(context.Background(), testBucket, u.Key, u.ID, parts, CompleteOptions{})
	if err != nil {
		t.Fatalf("CompleteUpload(%q): %v", u.Key, err)
	}
	return v
}

// partsETag is the ETag of an object of these bodies.
func partsETag(bodies ...[]byte) string {
	h := md5.New()
	for _, b := range bodies {
		sum := md5.Sum(b)
		h.Write(sum[:])
	}
	return fmt.Sprintf("%s-%d", hex.EncodeToString(h.Sum(nil)), len(bodies))
}

func TestUploadBecomesAnObject(t *testing.T) {
	e := newTest(t)
	metadata := Metadata{ContentType: "video/mp4", User: map[string]string{"a": "b"}}
	u := startUpload(t, e, "key", UploadOptions{Metadata: metadata, Checksum: CRC32C, ChecksumType: FullObject})
	bodies := [][]byte{testBody(300<<10, 1), testBody(6<<10, 2), testBody(70<<10, 3), testBody(10, 4)}
	numbers := []int{1, 2, 7, 10000}
	var parts []CompletedPart
	for i := len(bodies) - 1; i >= 0; i-- {
		parts = append(parts, putPart(t, e, u, numbers[i], bodies[i]))
	}
	slices.Reverse(parts)
	e = reopen(t, e)
	v := complete(t, e, u, parts...)
	whole := bytes.Join(bodies, nil)
	if v.ETag != partsETag(bodies...) || v.SizeBytes != int64(len(whole)) || v.PartCount != 4 || !reflect.DeepEqual(v.Metadata, metadata) {
		t.Errorf("got %+v; want ETag %s, size %d, metadata %+v", v, partsETag(bodies...), len(whole), metadata)
	}
	want := crc32.Checksum(whole, castagnoli)
	if len(v.Checksums) != 1 || bigEndian(v.Checksums[0].Sum) != uint64(want) || v.Checksums[0].Type != FullObject {
		t.Errorf("checksums: got %+v, want CRC32C %08x", v.Checksums, want)
	}
	wantBody(t, e, "key", whole)
	for i, number := range numbers {
		_, got, err := read(e, testBucket, "key", GetOptions{PartNumber: number})
		if err != nil || !bytes.Equal(got, bodies[i]) {
			t.Errorf("part %d: got %d bytes, %v; want %d", number, len(got), err, len(bodies[i]))
		}
	}
	_, _, err := read(e, testBucket, "key", GetOptions{PartNumber: 3})
	wantError(t, "Get of an absent part", err, ErrNoSuchPart)
	list, more, err := e.ObjectParts(context.Background(), testBucket, "key", GetOptions{}, 1, 2)
	if err != nil || !more || len(list) != 2 || list[0].Number != 2 || list[1].Number != 7 || list[1].SizeBytes != 70<<10 {
		t.Errorf("ObjectParts = %+v, %v, %v", list, more, err)
	}
	_, err = e.Upload(context.Background(), testBucket, "key", u.ID)
	wantError(t, "Upload after completion", err, ErrNoSuchUpload)
	e.reaper.quiesce()
	wantRows(t, e)
	put(t, e, "key", nil)
	e.reaper.quiesce()
	wantRows(t, e)
}

func TestCompleteUploadRefusals(t *testing.T) {
	e := newTest(t)
	u := startUpload(t, e, "key", UploadOptions{Checksum: SHA256, ChecksumType: Composite})
	a := putPart(t, e, u, 1, testBody(9000, 1))
	b := putPart(t, e, u, 2, []byte("small"))
	c := putPart(t, e, u, 3, testBody(9000, 3))
	wrong := CompletedPart{Number: 1, ETag: b.ETag}
	badSum := CompletedPart{Number: 1, ETag: a.ETag, Checksums: []Checksum{{Algorithm: SHA256, Sum: make([]byte, 32)}}}
	noSum := CompletedPart{Number: 1, ETag: a.ETag, Checksums: []Checksum{{Algorithm: CRC32, Sum: make([]byte, 4)}}}
	tests := []struct {
		name  string
		parts []CompletedPart
		opts  CompleteOptions
		want  error
	}{
		{"no parts", nil, CompleteOptions{}, ErrInvalidPart},
		{"parts out of order", []CompletedPart{c, a}, CompleteOptions{}, ErrPartOrder},
		{"part twice", []CompletedPart{a, a}, CompleteOptions{}, ErrPartOrder},
		{"part missing", []CompletedPart{a, {Number: 4, ETag: a.ETag}}, CompleteOptions{}, ErrInvalidPart},
		{"part zero", []CompletedPart{{Number: 0, ETag: a.ETag}, a}, CompleteOptions{}, ErrInvalidPart},
		{"wrong ETag", []CompletedPart{wrong}, CompleteOptions{}, ErrInvalidPart},
		{"wrong checksum", []CompletedPart{badSum}, CompleteOptions{}, ErrInvalidPart},
		{"checksum that the part lacks", []CompletedPart{noSum}, CompleteOptions{}, ErrInvalidPart},
		{"small part before the last", []CompletedPart{a, b, c}, CompleteOptions{}, ErrPartTooSmall},
		{"size too small", []CompletedPart{a, c}, CompleteOptions{SizeBytes: 17999}, ErrExcessBody},
		{"size too large", []CompletedPart{a, c}, CompleteOptions{SizeBytes: 18001}, ErrIncompleteBody},
		{"wrong object checksum", []CompletedPart{a, c}, CompleteOptions{Checksum: Checksum{Algorithm: SHA256, Type: Composite, PartCount: 2, Sum: make([]byte, 32)}}, ErrDigestMismatch},
		{"object checksum of another algorithm", []CompletedPart{a, c}, CompleteOptions{Checksum: Checksum{Algorithm: CRC32, Sum: make([]byte, 4)}}, ErrDigestMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := e.CompleteUpload(context.Background(), testBucket, "key", u.ID, tt.parts, tt.opts)
			wantError(t, "CompleteUpload", err, tt.want)
			_, err = e.Head(context.Background(), testBucket, "key", GetOptions{})
			wantError(t, "Head", err, ErrNoSuchKey)
		})
	}
	v := complete(t, e, u, a, c) // the upload survives refusals
	if got := v.Checksums[0]; got.Type != Composite || got.PartCount != 2 || !strings.HasSuffix(got.Value(), "-2") {
		t.Errorf("checksum: got %+v, want a composite of 2 parts", got)
	}
}

func TestUploadChecksumTypes(t *testing.T) {
	e := newTest(t)
	for _, tt := range []struct {
		a    Algorithm
		t    ChecksumType
		want error
	}{
		{0, FullObject, nil}, {CRC32, FullObject, nil}, {CRC32, Composite, nil}, {CRC64NVME, FullObject, nil},
		{CRC64NVME, Composite, ErrInvalidChecksum}, {SHA1, FullObject, ErrInvalidChecksum},
		{SHA256, FullObject, ErrInvalidChecksum}, {SHA256, Composite, nil}, {9, Composite, ErrInvalidChecksum},
	} {
		_, err := e.CreateUpload(context.Background(), testBucket, "key", UploadOptions{Checksum: tt.a, ChecksumType: tt.t})
		wantError(t, fmt.Sprintf("CreateUpload with %v, %v", tt.a, tt.t), err, tt.want)
	}
}

func TestPartIsReplaced(t *testing.T) {
	e := newTest(t)
	u := startUpload(t, e, "key", UploadOptions{})
	for i := range 3 {
		putPart(t, e, u, 1, testBody(9000, uint64(i)))
		putPart(t, e, u, 2, testBody(100, uint64(i)))
	}
	last := putPart(t, e, u, 1, testBody(9000, 9))
	e.reaper.quiesce()
	wantRows(t, e)
	parts, more, err := e.Parts(context.Background(), testBucket, "key", u.ID, 0, 10)
	if err != nil || more || len(parts) != 2 || parts[0].ETag != last.ETag || parts[0].SizeBytes != 9000 {
		t.Errorf("Parts = %+v, %v, %v", parts, more, err)
	}
	complete(t, e, u, last) // part 2 is not listed: dropped
	wantBody(t, e, "key", testBody(9000, 9))
	e.reaper.quiesce()
	wantRows(t, e)
}

func TestCompletionMayBeRepeated(t *testing.T) {
	e := newTest(t)
	u := startUpload(t, e, "key", UploadOptions{})
	p := putPart(t, e, u, 1, testBody(9000, 1))
	first := complete(t, e, u, p)
	again, err := e.CompleteUpload(context.Background(), testBucket, "key", u.ID, []CompletedPart{p},
		CompleteOptions{Condition: Condition{IfNoneMatch: "*"}})
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("second completion: got %+v, %v; want %+v", again, err, first)
	}
	_, err = e.CompleteUpload(context.Background(), testBucket, "key", u.ID, []CompletedPart{{Number: 1, ETag: md5Hex(nil)}}, CompleteOptions{})
	wantError(t, "completion with other parts", err, ErrNoSuchUpload)
	put(t, e, "key", nil)
	_, err = e.CompleteUpload(context.Background(), testBucket, "key", u.ID, []CompletedPart{p}, CompleteOptions{})
	wantError(t, "completion after an overwrite", err, ErrNoSuchUpload)
}

func TestAbortUpload(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	u := startUpload(t, e, "key", UploadOptions{})
	p := putPart(t, e, u, 1, testBody(9000, 1))
	if err := e.AbortUpload(ctx, testBucket, "key", u.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, "AbortUpload again", e.AbortUpload(ctx, testBucket, "key", u.ID), ErrNoSuchUpload)
	_, err := e.PutPart(ctx, testBucket, "key", u.ID, 1, strings.NewReader(""), PartOptions{})
	wantError(t, "PutPart", err, ErrNoSuchUpload)
	_, err = e.CompleteUpload(ctx, testBucket, "key", u.ID, []CompletedPart{p}, CompleteOptions{})
	wantError(t, "CompleteUpload", err, ErrNoSuchUpload)
	_, _, err = e.Parts(ctx, testBucket, "key", u.ID, 0, 1)
	wantError(t, "Parts", err, ErrNoSuchUpload)
	e.reaper.quiesce()
	wantRows(t, e)
}

func TestUploadIsKnownByKeyAndID(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	u := startUpload(t, e, "key", UploadOptions{Initiator: "arn:aws:iam::999999999999:user/a"})
	got, err := e.Upload(ctx, testBucket, "key", u.ID)
	if err != nil || !reflect.DeepEqual(got, u) {
		t.Errorf("Upload: got %+v, %v; want %+v", got, err, u)
	}
	for _, other := range []struct{ key, id string }{{"other", u.ID}, {"key", strings.ToUpper(u.ID) + "0"}, {"key", "x"}, {"key", ""}} {
		_, err := e.Upload(ctx, testBucket, other.key, other.id)
		wantError(t, fmt.Sprintf("Upload(%q, %q)", other.key, other.id), err, ErrNoSuchUpload)
	}
	for _, number := range []int{0, -1, MaxPartNumber + 1} {
		_, err := e.PutPart(ctx, testBucket, "key", u.ID, number, strings.NewReader(""), PartOptions{})
		wantError(t, fmt.Sprintf("PutPart %d", number), err, ErrInvalidPartNumber)
	}
}

// TestPartPutDuringCompletion puts a part between the choice of parts and the
// commit: the completion must not take a part that is no longer there.
func TestPartPutDuringCompletion(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	u := startUpload(t, e, "key", UploadOptions{})
	first := putPart(t, e, u, 1, testBody(9000, 1))
	place, record, err := e.findUpload(ctx, testBucket, "key", u.ID)
	if err != nil {
		t.Fatal(err)
	}
	putPart(t, e, u, 1, testBody(9000, 2))
	_, err = e.tryComplete(ctx, place, &record, []CompletedPart{first}, CompleteOptions{})
	wantError(t, "tryComplete with a part since replaced", err, ErrInvalidPart)
	second := putPart(t, e, u, 1, testBody(9000, 2))
	_, err = e.tryComplete(ctx, place, &record, []CompletedPart{second}, CompleteOptions{})
	wantError(t, "tryComplete with an old revision", err, errPartsChanged)
	complete(t, e, u, second)
	wantBody(t, e, "key", testBody(9000, 2))
}

func TestUploadsAreListed(t *testing.T) {
	e := newTest(t)
	var ids []string
	for _, key := range []string{"a", "a", "a", "b/1", "b/2", "b/2", "c\x00", "d"} {
		ids = append(ids, startUpload(t, e, key, UploadOptions{}).ID)
	}
	for _, tt := range []struct {
		name string
		opts ListUploadsOptions
		want []string
	}{
		{"all", ListUploadsOptions{}, []string{"a " + ids[0], "a " + ids[1], "a " + ids[2], "b/1 " + ids[3], "b/2 " + ids[4], "b/2 " + ids[5], "c\x00 " + ids[6], "d " + ids[7]}},
		{"delimiter", ListUploadsOptions{Delimiter: "/"}, []string{"a " + ids[0], "a " + ids[1], "a " + ids[2], "b/", "c\x00 " + ids[6], "d " + ids[7]}},
		{"prefix", ListUploadsOptions{Prefix: "b/", Delimiter: "/"}, []string{"b/1 " + ids[3], "b/2 " + ids[4], "b/2 " + ids[5]}},
		{"after a key", ListUploadsOptions{AfterKey: "a"}, []string{"b/1 " + ids[3], "b/2 " + ids[4], "b/2 " + ids[5], "c\x00 " + ids[6], "d " + ids[7]}},
		{"after an upload", ListUploadsOptions{AfterKey: "a", AfterUploadID: ids[1], Delimiter: "/"}, []string{"a " + ids[2], "b/", "c\x00 " + ids[6], "d " + ids[7]}},
		{"after a common prefix", ListUploadsOptions{AfterKey: "b/", Delimiter: "/"}, []string{"c\x00 " + ids[6], "d " + ids[7]}},
	} {
		for limit := 1; limit <= 9; limit++ {
			opts, got := tt.opts, []string(nil)
			for {
				opts.Limit = limit
				list, err := e.Uploads(context.Background(), testBucket, opts)
				if err != nil {
					t.Fatal(err)
				}
				for _, entry := range list.Entries {
					if entry.CommonPrefix != "" {
						got = append(got, entry.CommonPrefix)
					} else {
						got = append(got, entry.Upload.Key+" "+entry.Upload.ID)
					}
				}
				if !list.Truncated {
					break
				}
				opts.AfterKey, opts.AfterUploadID = list.NextKey, list.NextUploadID
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s by %d: got %q, want %q", tt.name, limit, got, tt.want)
			}
		}
	}
	_, err := e.Uploads(context.Background(), testBucket, ListUploadsOptions{AfterKey: "a", AfterUploadID: "x", Limit: 1})
	wantError(t, "Uploads after no upload ID", err, ErrNoSuchUpload)
}

func TestPartsArePaged(t *testing.T) {
	e := newTest(t)
	u := startUpload(t, e, "key", UploadOptions{})
	want := []int{1, 2, 5, 9999, 10000}
	for _, n := range want {
		putPart(t, e, u, n, []byte("x"))
	}
	for limit := 1; limit <= 6; limit++ {
		var got []int
		for after, more := 0, true; more; {
			var parts []Part
			var err error
			if parts, more, err = e.Parts(context.Background(), testBucket, "key", u.ID, after, limit); err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				got, after = append(got, p.Number), p.Number
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %d: got %v, want %v", limit, got, want)
		}
	}
	if _, more, err := e.Parts(context.Background(), testBucket, "key", u.ID, 70000, 1); err != nil || more {
		t.Errorf("Parts after 70000: more %v, %v", more, err)
	}
}

func TestManyParts(t *testing.T) {
	e := newTest(t)
	u := startUpload(t, e, "key", UploadOptions{Checksum: CRC64NVME})
	e.cfg.minPartBytes = 0
	var parts []CompletedPart
	var want []byte
	for n := 1; n <= 300; n++ {
		body := testBody(10+n, uint64(n))
		parts = append(parts, putPart(t, e, u, n, body))
		want = append(want, body...)
	}
	v := complete(t, e, u, parts...)
	wantBody(t, e, "key", want)
	h := CRC64NVME.hash()
	h.Write(want)
	if !bytes.Equal(v.Checksums[0].Sum, h.Sum(nil)) {
		t.Errorf("CRC64NVME: got %x, want %x", v.Checksums[0].Sum, h.Sum(nil))
	}
	var partError *PartError
	_, err := e.CompleteUpload(context.Background(), testBucket, "key", startUpload(t, e, "key", UploadOptions{}).ID, parts, CompleteOptions{})
	if !errors.As(err, &partError) || partError.Number != 1 {
		t.Errorf("completion without parts: %v, want a *PartError of part 1", err)
	}
}
