package object

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"
)

func sampleVersion() versionRecord {
	return versionRecord{
		Version: Version{
			VersionID: NullVersionID, SizeBytes: 1 << 40, ETag: etag([16]byte{1, 2}, 3), Owner: "123456789012",
			Modified: time.Unix(1700000000, 123456789).UTC(), PartCount: 3,
			Checksums: []Checksum{{Algorithm: SHA256, Type: Composite, PartCount: 3, Sum: make([]byte, 32)}},
			Metadata: Metadata{
				ContentType: "a", CacheControl: "b", ContentDisposition: "c", ContentEncoding: "d",
				ContentLanguage: "e", Expires: "f", WebsiteRedirect: "g", StorageClass: "h",
				User: map[string]string{"x": "1", "y": ""},
			},
		},
		md5: [16]byte{1, 2}, ref: ref{inManifest, id{7}}, uploadID: id{8},
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	v := sampleVersion()
	row := append(appendVersion(nil, &v, testAccount), "body"...)
	gotVersion, body, err := decodeVersion(row, testAccount)
	if err != nil || string(body) != "body" || !reflect.DeepEqual(gotVersion, v) {
		t.Errorf("version: got %+v, %q, %v; want %+v", gotVersion, body, err, v)
	}
	plain := versionRecord{Version: Version{VersionID: NullVersionID, ETag: etag([16]byte{}, 0), Owner: testAccount, Modified: time.Unix(0, -1).UTC()}}
	row = appendVersion(nil, &plain, testAccount)
	gotVersion, _, err = decodeVersion(row, testAccount)
	if err != nil || !reflect.DeepEqual(gotVersion, plain) {
		t.Errorf("plain version: got %+v, %v; want %+v", gotVersion, err, plain)
	}
	if len(row) > 48 {
		t.Errorf("a plain version takes %d bytes", len(row))
	}
	p := partRecord{
		Part: Part{Number: 5, SizeBytes: 9, ETag: etag([16]byte{3}, 0), Modified: time.Unix(1, 2).UTC(), Checksums: []Checksum{{Algorithm: CRC32, Sum: []byte{1, 2, 3, 4}}}},
		md5:  [16]byte{3}, ref: ref{inRow, id{4}},
	}
	gotPart, err := decodePart(appendPart(nil, &p), 5)
	if err != nil || !reflect.DeepEqual(gotPart, p) {
		t.Errorf("part: got %+v, %v; want %+v", gotPart, err, p)
	}
	p.Modified = time.Time{} // not kept
	parts := []partRecord{p, p}
	gotParts, err := decodeManifest(appendManifest(nil, parts))
	if err != nil || !reflect.DeepEqual(gotParts, parts) {
		t.Errorf("manifest: got %+v, %v; want %+v", gotParts, err, parts)
	}
	u := uploadRecord{revision: 9, Upload: Upload{
		Initiated: time.Unix(3, 4).UTC(), Owner: "o", Initiator: "i", Checksum: CRC32C, ChecksumType: Composite, Metadata: v.Metadata,
	}}
	gotUpload, err := decodeUpload(appendUpload(nil, &u))
	if err != nil || !reflect.DeepEqual(gotUpload, u) {
		t.Errorf("upload: got %+v, %v; want %+v", gotUpload, err, u)
	}
	b := Bucket{Name: "n", Account: "a", Region: "r", ID: id{5}.String(), Created: time.Unix(5, 6).UTC()}
	gotBucket, gotID, err := decodeBucket("n", appendBucket(nil, &b, id{5}))
	if err != nil || gotBucket != b || gotID != (id{5}) {
		t.Errorf("bucket: got %+v, %v, %v; want %+v", gotBucket, gotID, err, b)
	}
}

func TestTruncatedRecordsAreCorrupt(t *testing.T) {
	v := sampleVersion()
	p := partRecord{md5: [16]byte{3}, ref: ref{inFile, id{4}}}
	u := uploadRecord{Upload: Upload{Owner: "owner"}}
	b := Bucket{Account: "a"}
	for name, record := range map[string]struct {
		row    []byte
		decode func([]byte) error
	}{
		"version":  {appendVersion(nil, &v, ""), func(r []byte) error { _, _, err := decodeVersion(r, ""); return err }},
		"part":     {appendPart(nil, &p), func(r []byte) error { _, err := decodePart(r, 1); return err }},
		"manifest": {appendManifest(nil, []partRecord{p, p}), func(r []byte) error { _, err := decodeManifest(r); return err }},
		"upload":   {appendUpload(nil, &u), func(r []byte) error { _, err := decodeUpload(r); return err }},
		"bucket":   {appendBucket(nil, &b, id{}), func(r []byte) error { _, _, err := decodeBucket("n", r); return err }},
	} {
		if err := record.decode(record.row); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range record.row {
			if err := record.decode(record.row[:n]); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s cut to %d of %d bytes: got %v, want ErrCorrupt", name, n, len(record.row), err)
			}
		}
	}
}

func FuzzDecodeVersion(f *testing.F) {
	v := sampleVersion()
	f.Add(append(appendVersion(nil, &v, ""), "body"...))
	f.Add([]byte{recordLayout, 0})
	f.Fuzz(func(t *testing.T, row []byte) {
		v, body, err := decodeVersion(row, "")
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("decodeVersion(%x): %v is not ErrCorrupt", row, err)
			}
			return
		}
		// What was read is written and read the same, if not in the same bytes.
		again := append(appendVersion(nil, &v, ""), body...)
		w, body2, err := decodeVersion(again, "")
		if err != nil || !bytes.Equal(body, body2) || !reflect.DeepEqual(v, w) {
			t.Errorf("decodeVersion(%x) = %+v; written and read again: %+v, %v", row, v, w, err)
		}
	})
}

func FuzzDecodeRecords(f *testing.F) {
	p := partRecord{md5: [16]byte{3}, ref: ref{inFile, id{4}}, Part: Part{Checksums: []Checksum{{Algorithm: CRC32, Sum: make([]byte, 4)}}}}
	u := uploadRecord{Upload: Upload{Owner: "owner", Metadata: Metadata{User: map[string]string{"a": "b"}}}}
	b := Bucket{Account: "a", Region: "r"}
	f.Add(appendPart(nil, &p))
	f.Add(appendManifest(nil, []partRecord{p, p}))
	f.Add(appendUpload(nil, &u))
	f.Add(appendBucket(nil, &b, id{1}))
	f.Fuzz(func(t *testing.T, row []byte) {
		_, err1 := decodePart(row, 1)
		_, err2 := decodeManifest(row)
		_, err3 := decodeUpload(row)
		_, _, err4 := decodeBucket("n", row)
		for _, err := range []error{err1, err2, err3, err4} {
			if err != nil && !errors.Is(err, ErrCorrupt) {
				t.Errorf("record %x: %v is not ErrCorrupt", row, err)
			}
		}
	})
}
