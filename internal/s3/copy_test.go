package s3

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"
)

type copyResult struct {
	XMLName                                     xml.Name
	ETag, LastModified, ChecksumType            string
	ChecksumCRC32, ChecksumSHA256, ChecksumSHA1 string
	ChecksumCRC64NVME                           string
}

func (f *fixture) copy(source, to string, headers map[string]string) answered {
	f.tb.Helper()
	c := call{method: "PUT", path: to, headers: map[string]string{"x-amz-copy-source": source}}
	for k, v := range headers {
		c.headers[k] = v
	}
	return f.do(c)
}

func TestCopyKeepsOrReplacesMetadata(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.bucket("box2")
	f.must(call{method: "PUT", path: "/box/a", body: "content", headers: map[string]string{
		"Content-Type": "text/plain", "x-amz-meta-k": "v", "x-amz-checksum-sha256": sumOf(5, "content"),
	}})
	f.advance(time.Minute)
	a := f.copy("/box/a", "/box2/b", map[string]string{"Content-Type": "ignored/so", "x-amz-meta-other": "ignored"})
	r := decodeXML[copyResult](t, a)
	if a.status != 200 || r.XMLName.Local != "CopyObjectResult" || r.ETag != etagOf("content") || r.LastModified != "2026-11-20T10:01:00.123Z" ||
		r.ChecksumSHA256 != sumOf(5, "content") || r.ChecksumType != "FULL_OBJECT" {
		t.Errorf("copy: got %d %s", a.status, a.body)
	}
	got := f.must(call{path: "/box2/b"})
	if got.body != "content" || got.header.Get("Content-Type") != "text/plain" || got.meta("k") != "v" || got.meta("other") != "" {
		t.Errorf("copied: got %q %v", got.body, got.header)
	}
	a = f.copy("box/a", "/box/a", map[string]string{"x-amz-metadata-directive": "REPLACE", "x-amz-meta-new": "n", "x-amz-checksum-algorithm": "CRC32"})
	if r := decodeXML[copyResult](t, a); a.status != 200 || r.ChecksumCRC32 != sumOf(1, "content") || r.ChecksumSHA256 != "" {
		t.Errorf("replace: got %d %s", a.status, a.body)
	}
	got = f.must(call{path: "/box/a"})
	if got.body != "content" || got.header.Get("Content-Type") != "binary/octet-stream" || got.meta("k") != "" || got.meta("new") != "n" {
		t.Errorf("replaced: got %q %v", got.body, got.header)
	}
}

func TestCopyOfEverySize(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, size := range []int{0, 1, 1500, 40_000, 1 << 20} {
		body := strings.Repeat("x", size)
		f.put("box", "from", body)
		if a := f.copy("box/from", "/box/to", nil); a.status != 200 {
			t.Fatalf("%d bytes: got %d %s", size, a.status, a.body)
		}
		if a := f.must(call{path: "/box/to"}); a.body != body {
			t.Errorf("%d bytes: got %d other ones", size, len(a.body))
		}
	}
}

func TestCopyRefusals(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "a", "content")
	etag := etagOf("content")
	const before, after = "Fri, 20 Nov 2026 09:59:59 GMT", "Fri, 20 Nov 2026 10:00:01 GMT"
	for _, test := range []struct {
		name, source string
		headers      map[string]string
		status       int
		code         string
	}{
		{"missing key", "box/none", nil, 404, "NoSuchKey"},
		{"missing bucket", "nowhere/a", nil, 404, "NoSuchBucket"},
		{"no key", "box", nil, 400, "InvalidArgument"},
		{"empty key", "box/", nil, 400, "InvalidArgument"},
		{"bad escape", "box/%zz", nil, 400, "InvalidArgument"},
		{"bad bucket", "Box/a", nil, 400, "InvalidBucketName"},
		{"ARN", "arn:aws:s3:::box/a", nil, 400, "InvalidBucketName"},
		{"empty version", "box/a?versionId=", nil, 400, "InvalidArgument"},
		{"bad version", "box/a?versionId=1", nil, 400, "InvalidArgument"},
		{"missing version", "box/a?versionId=" + strings.Repeat("v", 32), nil, 404, "NoSuchVersion"},
		{"null version", "box/a?versionId=null", nil, 200, ""},
		{"to itself", "/box/b", nil, 400, "InvalidRequest"},
		{"to itself with a storage class", "/box/b", map[string]string{"x-amz-storage-class": "STANDARD"}, 200, ""},
		{"unknown directive", "box/a", map[string]string{"x-amz-metadata-directive": "KEEP"}, 400, "InvalidArgument"},
		{"unknown tagging directive", "box/a", map[string]string{"x-amz-tagging-directive": "KEEP"}, 400, "InvalidArgument"},
		{"no tags", "box/a", map[string]string{"x-amz-tagging-directive": "REPLACE"}, 200, ""},
		{"tags", "box/a", map[string]string{"x-amz-tagging-directive": "REPLACE", "x-amz-tagging": "a=b"}, 200, ""},
		{"storage class", "box/a", map[string]string{"x-amz-storage-class": "GLACIER"}, 501, "NotImplemented"},
		{"checksum", "box/a", map[string]string{"x-amz-checksum-algorithm": "CRC31"}, 400, "InvalidRequest"},
		{"source key", "box/a", map[string]string{"x-amz-copy-source-server-side-encryption-customer-algorithm": "AES256"}, 400, "InvalidRequest"},
		{"source owner", "box/a", map[string]string{"x-amz-source-expected-bucket-owner": otherAccount}, 403, "AccessDenied"},
		{"if-match", "box/a", map[string]string{"x-amz-copy-source-if-match": etag}, 200, ""},
		{"if-match other", "box/a", map[string]string{"x-amz-copy-source-if-match": "x"}, 412, "PreconditionFailed"},
		{"if-none-match", "box/a", map[string]string{"x-amz-copy-source-if-none-match": etag}, 412, "PreconditionFailed"},
		{"if-none-match other", "box/a", map[string]string{"x-amz-copy-source-if-none-match": "x"}, 200, ""},
		{"if-modified-since", "box/a", map[string]string{"x-amz-copy-source-if-modified-since": after}, 412, "PreconditionFailed"},
		{"if-unmodified-since", "box/a", map[string]string{"x-amz-copy-source-if-unmodified-since": before}, 412, "PreconditionFailed"},
		{"match and modified", "box/a", map[string]string{"x-amz-copy-source-if-match": etag, "x-amz-copy-source-if-unmodified-since": before}, 200, ""},
		{"destination exists", "box/a", map[string]string{"If-None-Match": "*"}, 412, "PreconditionFailed"},
		{"destination matches", "box/a", map[string]string{"If-Match": etag}, 200, ""},
		{"destination differs", "box/a", map[string]string{"If-Match": "x"}, 412, "PreconditionFailed"},
	} {
		f.put("box", "b", "content")
		a := f.copy(test.source, "/box/b", test.headers)
		if test.code != "" {
			wantRefusal(t, test.name, a, test.status, test.code)
		} else if a.status != 200 {
			t.Errorf("%s: got %d %s", test.name, a.status, a.body)
		}
	}
}

func TestCopySourceIsDecodedOnce(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, test := range []struct{ key, source string }{
		{" ", "/box/%20"}, {"a+b", "box/a+b"}, {"a+b", "box/a%2Bb"}, {"anyfilename%25.txt", "box/anyfilename%2525.txt"}, {"?versionId", "box/%3FversionId"},
		{"?versionId=null", "box/%3FversionId=null"}, {"/a", "box//a"}, {"a//b/../c", "/box/a//b/../c"}, {"日本", "box/日本"}, {"x", "box%2Fx"}, {"x?y", "box/x?y"},
	} {
		f.put("box", test.key, "content of "+test.key)
		if a := f.copy(test.source, "/box/copy", nil); a.status != 200 {
			t.Errorf("%s: got %d %s", test.source, a.status, a.body)
		}
		if a := f.must(call{path: "/box/copy"}); a.body != "content of "+test.key {
			t.Errorf("%s: got %q", test.source, a.body)
		}
	}
}
