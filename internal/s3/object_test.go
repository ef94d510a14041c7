package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/sigv4"
)

func etagOf(body string) string {
	sum := md5.Sum([]byte(body))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func TestObjectsComeBackAsTheyWerePut(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, key := range []string{
		"a", "a/b", "a//b", "/a", "a/", "../x", "a/./b", ".", "..", " ", "a b", "a+b", "a%2Fb", "日本語/é", "?versionId=null", "#", "<&>\"'", "a\x01b", "a\x00b", "\r\n", strings.Repeat("k", 1024),
	} {
		body := "content of " + key
		a := f.put("box", key, body)
		if got := a.header.Get("ETag"); got != etagOf(body) {
			t.Errorf("put %q: got ETag %s, want %s", key, got, etagOf(body))
		}
		a = f.must(call{path: "/box/" + escape(key)})
		if a.body != body || a.header.Get("ETag") != etagOf(body) || a.header.Get("Content-Type") != "binary/octet-stream" ||
			a.header.Get("Content-Length") != fmt.Sprint(len(body)) || a.header.Get("Accept-Ranges") != "bytes" ||
			a.header.Get("Last-Modified") != "Fri, 20 Nov 2026 10:00:00 GMT" {
			t.Errorf("get %q: got %q %v", key, a.body, a.header)
		}
		a = f.must(call{method: "HEAD", path: "/box/" + escape(key)})
		if a.body != "" || a.header.Get("Content-Length") != fmt.Sprint(len(body)) {
			t.Errorf("head %q: got %q %v", key, a.body, a.header)
		}
		if a := f.must(call{method: "DELETE", path: "/box/" + escape(key)}); a.status != 204 {
			t.Errorf("delete %q: got %d", key, a.status)
		}
		e := wantRefusal(t, key, f.do(call{path: "/box/" + escape(key)}), 404, "NoSuchKey")
		if !strings.ContainsAny(key, "\x00\x01\r") && e.field("Key") != key {
			t.Errorf("missing %q: got Key %q", key, e.field("Key"))
		}
		if a := f.do(call{method: "HEAD", path: "/box/" + escape(key)}); a.status != 404 || a.body != "" {
			t.Errorf("head of missing %q: got %d %q", key, a.status, a.body)
		}
		if a := f.must(call{method: "DELETE", path: "/box/" + escape(key)}); a.status != 204 {
			t.Errorf("delete of missing %q: got %d", key, a.status)
		}
	}
}

func TestObjectsOfEverySize(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, size := range []int{0, 1, 1024, 1025, 32 << 10, 32<<10 + 1, 64<<10 - 1, 64 << 10, 200_000, 3 << 20} {
		body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		a := f.put("box", "k", body)
		if a.header.Get("ETag") != etagOf(body) {
			t.Errorf("%d bytes: got ETag %s", size, a.header.Get("ETag"))
		}
		if a = f.must(call{path: "/box/k"}); a.body != body {
			t.Errorf("%d bytes: got %d other ones", size, len(a.body))
		}
	}
}

func TestKeysThatCannotBe(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	wantRefusal(t, "long key", f.do(call{method: "PUT", path: "/box/" + strings.Repeat("k", 1025)}), 400, "KeyTooLongError")
	wantRefusal(t, "not UTF-8", f.do(call{method: "PUT", path: "/box/%ff"}), 400, "InvalidURI")
	wantRefusal(t, "slash in bucket", f.do(call{method: "PUT", path: "/box%2Fk/x"}), 400, "InvalidBucketName")
}

func TestMetadata(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	put := call{method: "PUT", path: "/box/k", body: "x", headers: map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache", "Content-Disposition": `attachment; filename="x"`,
		"Content-Encoding": "gzip", "Content-Language": "ja", "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
		"x-amz-meta-plain": "a b", "x-amz-meta-Upper": "U", "x-amz-meta-empty": "", "x-amz-meta-word": "=?UTF-8?B?w4Q=?=", "x-amz-meta-utf": "Ä",
	}, stream: streaming(sigv4.Streaming{DecodedLength: 1}, "x")}
	f.must(put)
	want := map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache", "Content-Disposition": `attachment; filename="x"`,
		"Content-Encoding": "gzip", "Content-Language": "ja", "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
		"x-amz-meta-plain": "a b", "x-amz-meta-upper": "U", "x-amz-meta-empty": "", "x-amz-meta-word": "=?UTF-8?b?w4Q=?=", "x-amz-meta-utf": "=?UTF-8?b?w4Q=?=",
	}
	for _, method := range []string{"GET", "HEAD"} {
		a := f.must(call{method: method, path: "/box/k"})
		for name, value := range want {
			if got, ok := a.header[name]; !ok || got[0] != value {
				t.Errorf("%s %s: got %q, want %q", method, name, got, value)
			}
		}
	}
	f.put("box", "k", "x")
	if a := f.must(call{path: "/box/k"}); a.meta("plain") != "" || a.header.Get("Cache-Control") != "" {
		t.Errorf("after replacing: got %v, want no metadata of before", a.header)
	}

	over := f.do(call{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-meta-a": strings.Repeat("x", 2048)}})
	wantRefusal(t, "2,049 bytes", over, 400, "MetadataTooLarge")
	f.must(call{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-meta-a": strings.Repeat("x", 2047)}})
	over = f.do(call{method: "PUT", path: "/box/k", headers: map[string]string{"Content-Disposition": strings.Repeat("x", 2048)}})
	wantRefusal(t, "system metadata", over, 400, "MetadataTooLarge")
}

func TestMetadataOfOtherEncodings(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "é": "é", "Hello\xe9": "Helloé", "=?UTF-8?Q?=C3=A9?=": "é", "=?ISO-8859-1?Q?=E9?= x": "é x", "=?bad": "=?bad", "=?x?B?w4Q=?=": "=?x?B?w4Q=?=",
	} {
		if got := decodeMetadata(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestResponseHeadersCanBeOverridden(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "k", "x")
	query := "?response-cache-control=no-store&response-content-disposition=bla&response-content-encoding=aaa&response-content-language=esperanto&response-content-type=foo/bar&response-expires=123"
	for _, method := range []string{"GET", "HEAD"} {
		a := f.must(call{method: method, path: "/box/k" + query})
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Content-Disposition": "bla", "Content-Encoding": "aaa", "Content-Language": "esperanto", "Content-Type": "foo/bar", "Expires": "123",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s %s: got %q, want %q", method, name, got, want)
			}
		}
	}
	wantRefusal(t, "line break", f.do(call{path: "/box/k?response-content-type=a%0d%0aX:y"}), 400, "InvalidArgument")
	wantRefusal(t, "anonymous", f.do(call{as: "anonymous", path: "/box/k" + query}), 403, "AccessDenied")
}

func TestRanges(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	small, large := "0123456789", strings.Repeat("0123456789", 30_000)
	f.put("box", "small", small)
	f.put("box", "large", large)
	f.put("box", "empty", "")
	for _, test := range []struct {
		key, header  string
		status       int
		from, to     int
		contentRange string
	}{
		{"small", "bytes=0-4", 206, 0, 5, "bytes 0-4/10"},
		{"small", "bytes=4-", 206, 4, 10, "bytes 4-9/10"},
		{"small", "bytes=-3", 206, 7, 10, "bytes 7-9/10"},
		{"small", "bytes=-30", 206, 0, 10, "bytes 0-9/10"},
		{"small", "bytes=0-100", 206, 0, 10, "bytes 0-9/10"},
		{"small", "bytes=9-9", 206, 9, 10, "bytes 9-9/10"},
		{"small", "bytes=3-99999999999999999999", 206, 3, 10, "bytes 3-9/10"},
		{"small", "bytes=10-", 416, 0, 0, ""},
		{"small", "bytes=99999999999999999999-", 416, 0, 0, ""},
		{"small", "bytes=-0", 416, 0, 0, ""},
		{"small", "bytes=5-4", 200, 0, 10, ""},
		{"small", "bytes=0-1,3-4", 200, 0, 10, ""},
		{"small", "bytes=", 200, 0, 10, ""},
		{"small", "bytes=-", 200, 0, 10, ""},
		{"small", "bytes=a-b", 200, 0, 10, ""},
		{"small", "bytes=+1-2", 200, 0, 10, ""},
		{"small", "lines=0-1", 200, 0, 10, ""},
		{"large", "bytes=65530-131080", 206, 65530, 131081, "bytes 65530-131080/300000"},
		{"large", "bytes=-1", 206, 299999, 300000, "bytes 299999-299999/300000"},
		{"empty", "bytes=0-", 416, 0, 0, ""},
		{"empty", "bytes=-1", 416, 0, 0, ""},
		{"empty", "bytes=a", 200, 0, 0, ""},
	} {
		body := map[string]string{"small": small, "large": large, "empty": ""}[test.key]
		a := f.do(call{path: "/box/" + test.key, headers: map[string]string{"Range": test.header}})
		if test.status == 416 {
			e := wantRefusal(t, test.header, a, 416, "InvalidRange")
			if e.field("RangeRequested") != test.header || e.field("ActualObjectSize") != fmt.Sprint(len(body)) {
				t.Errorf("%s: got fields %v", test.header, e.Fields)
			}
			continue
		}
		if a.status != test.status || a.body != body[test.from:test.to] || a.header.Get("Content-Range") != test.contentRange {
			t.Errorf("%s of %s: got %d, %d bytes, %q, want %d, %d bytes, %q", test.header, test.key,
				a.status, len(a.body), a.header.Get("Content-Range"), test.status, test.to-test.from, test.contentRange)
		}
		h := f.do(call{method: "HEAD", path: "/box/" + test.key, headers: map[string]string{"Range": test.header}})
		if h.status != test.status || h.header.Get("Content-Length") != fmt.Sprint(test.to-test.from) || h.header.Get("Content-Range") != test.contentRange {
			t.Errorf("HEAD %s of %s: got %d %v", test.header, test.key, h.status, h.header)
		}
	}
}

func TestIfRangeKeepsBytesOfTwoObjectsApart(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "k", "0123456789")
	for value, want := range map[string]int{
		etagOf("0123456789"): 206, `"other"`: 200, "Fri, 20 Nov 2026 10:00:00 GMT": 206, "Fri, 20 Nov 2026 09:59:59 GMT": 200, "Fri, 20 Nov 2026 10:00:01 GMT": 200,
	} {
		a := f.do(call{path: "/box/k", headers: map[string]string{"Range": "bytes=0-1", "If-Range": value}})
		if a.status != want {
			t.Errorf("If-Range %s: got %d, want %d", value, a.status, want)
		}
	}
}

func TestConditionalReads(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	etag := f.put("box", "k", "value").header.Get("ETag")
	const same, before, after = "Fri, 20 Nov 2026 10:00:00 GMT", "Fri, 20 Nov 2026 09:59:59 GMT", "Fri, 20 Nov 2026 10:00:01 GMT"
	for _, test := range []struct {
		headers map[string]string
		status  int
		header  string
	}{
		{map[string]string{"If-Match": etag}, 200, ""},
		{map[string]string{"If-Match": strings.Trim(etag, `"`)}, 200, ""},
		{map[string]string{"If-Match": `"x", ` + etag}, 200, ""},
		{map[string]string{"If-Match": "*"}, 200, ""},
		{map[string]string{"If-Match": `"x"`}, 412, "If-Match"},
		{map[string]string{"If-None-Match": etag}, 304, ""},
		{map[string]string{"If-None-Match": "*"}, 304, ""},
		{map[string]string{"If-None-Match": "W/" + etag}, 304, ""},
		{map[string]string{"If-None-Match": `"x"`}, 200, ""},
		{map[string]string{"If-Modified-Since": before}, 200, ""},
		{map[string]string{"If-Modified-Since": same}, 304, ""},
		{map[string]string{"If-Modified-Since": after}, 304, ""},
		{map[string]string{"If-Modified-Since": "yesterday"}, 200, ""},
		{map[string]string{"If-Unmodified-Since": before}, 412, "If-Unmodified-Since"},
		{map[string]string{"If-Unmodified-Since": same}, 200, ""},
		{map[string]string{"If-Unmodified-Since": after}, 200, ""},
		// The entity tag has precedence over the date.
		{map[string]string{"If-Match": etag, "If-Unmodified-Since": before}, 200, ""},
		{map[string]string{"If-None-Match": `"x"`, "If-Modified-Since": after}, 200, ""},
		{map[string]string{"If-None-Match": etag, "If-Modified-Since": before}, 304, ""},
		{map[string]string{"If-Match": `"x"`, "If-None-Match": etag}, 412, "If-Match"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			a := f.do(call{method: method, path: "/box/k", headers: test.headers})
			if a.status != test.status {
				t.Errorf("%s %v: got %d, want %d", method, test.headers, a.status, test.status)
			}
			if test.status == 304 && (a.body != "" || a.header.Get("ETag") != etag || a.header.Get("Last-Modified") != same) {
				t.Errorf("%s %v: got %q %v, want no body but the ETag", method, test.headers, a.body, a.header)
			}
			if test.status == 412 && method == "GET" {
				if e := wantRefusal(t, fmt.Sprint(test.headers), a, 412, "PreconditionFailed"); e.field("Condition") != test.header {
					t.Errorf("%v: got Condition %q, want %q", test.headers, e.field("Condition"), test.header)
				}
			}
		}
	}
}

func TestConditionalWrites(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	put := func(header, value string) answered {
		return f.do(call{method: "PUT", path: "/box/k", body: "new", headers: map[string]string{header: value}})
	}
	wantRefusal(t, "If-Match on nothing", put("If-Match", "*"), 404, "NoSuchKey")
	wantRefusal(t, "If-Match ETag on nothing", put("If-Match", `"x"`), 404, "NoSuchKey")
	if a := put("If-None-Match", "*"); a.status != 200 {
		t.Errorf("If-None-Match on nothing: got %d", a.status)
	}
	wantRefusal(t, "If-None-Match on something", put("If-None-Match", "*"), 412, "PreconditionFailed")
	wantRefusal(t, "If-Match another", put("If-Match", `"x"`), 412, "PreconditionFailed")
	wantRefusal(t, "list", put("If-Match", `"x","y"`), 501, "NotImplemented")
	for _, value := range []string{etagOf("new"), strings.Trim(etagOf("new"), `"`), "*"} {
		if a := put("If-Match", value); a.status != 200 {
			t.Errorf("If-Match %s: got %d", value, a.status)
		}
	}
	del := func(value string) answered {
		return f.do(call{method: "DELETE", path: "/box/k", headers: map[string]string{"If-Match": value}})
	}
	wantRefusal(t, "delete another", del(`"x"`), 412, "PreconditionFailed")
	if a := del(etagOf("new")); a.status != 204 {
		t.Errorf("delete the same: got %d", a.status)
	}
}

func TestNullVersionIsTheOnlyOne(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "k", "value")
	a := f.must(call{path: "/box/k?versionId=null"})
	if a.body != "value" || a.header.Get("x-amz-version-id") != "null" {
		t.Errorf("null version: got %q %v", a.body, a.header)
	}
	if a := f.must(call{path: "/box/k"}); a.header.Get("x-amz-version-id") != "" {
		t.Errorf("no version asked for: got %v", a.header)
	}
	other := strings.Repeat("x", 32)
	wantRefusal(t, "another version", f.do(call{path: "/box/k?versionId=" + other}), 404, "NoSuchVersion")
	for _, method := range []string{"GET", "DELETE"} {
		wantRefusal(t, "empty version", f.do(call{method: method, path: "/box/k?versionId="}), 400, "InvalidArgument")
		wantRefusal(t, "no version", f.do(call{method: method, path: "/box/k?versionId=1"}), 400, "InvalidArgument")
	}
	if a := f.must(call{method: "DELETE", path: "/box/k?versionId=" + other}); a.status != 204 {
		t.Errorf("delete of a version that is not there: got %d", a.status)
	}
	f.must(call{path: "/box/k"})
	if a := f.must(call{method: "DELETE", path: "/box/k?versionId=null"}); a.status != 204 || a.header.Get("x-amz-version-id") != "null" {
		t.Errorf("delete of the null version: got %d %v", a.status, a.header)
	}
	wantRefusal(t, "afterwards", f.do(call{path: "/box/k"}), 404, "NoSuchKey")
}

func TestSettingsAreRefusedAndNotIgnored(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, test := range []struct {
		header, value string
		status        int
		code          string
	}{
		{"x-amz-acl", "private", 400, "AccessControlListNotSupported"},
		{"x-amz-acl", "bucket-owner-full-control", 200, ""},
		{"x-amz-acl", "public-read", 400, "AccessControlListNotSupported"},
		{"x-amz-acl", "nonsense", 400, "AccessControlListNotSupported"},
		{"x-amz-grant-read", `uri="http://acs.amazonaws.com/groups/global/AllUsers"`, 400, "AccessControlListNotSupported"},
		{"x-amz-grant-full-control", "id=1", 400, "AccessControlListNotSupported"},
		{"x-amz-grant-full-control", "id=" + canonicalUser(account), 200, ""},
		{"x-amz-grant-full-control", "id=" + canonicalUser(account) + ",id=" + canonicalUser(otherAccount), 400, "AccessControlListNotSupported"},
		{"x-amz-grant-read-acp", "id=1", 400, "AccessControlListNotSupported"},
		{"x-amz-grant-write-acp", "id=1", 400, "AccessControlListNotSupported"},
		{"x-amz-storage-class", "STANDARD", 200, ""},
		{"x-amz-storage-class", "GLACIER", 501, "NotImplemented"},
		{"x-amz-storage-class", "CHEAP", 400, "InvalidStorageClass"},
		{"x-amz-tagging", "", 200, ""},
		{"x-amz-tagging", "a=b", 200, ""},
		{"x-amz-tagging", "a=b&A=c", 400, "InvalidTag"},
		{"x-amz-tagging", "aws:x=c", 400, "InvalidTag"},
		{"x-amz-tagging", "a=b&a=c", 400, "InvalidArgument"},
		{"x-amz-tagging", "a=%zz", 400, "InvalidArgument"},
		{"x-amz-object-lock-mode", "GOVERNANCE", 400, "InvalidRequest"},
		{"x-amz-object-lock-legal-hold", "ON", 400, "InvalidRequest"},
		{"x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z", 400, "InvalidRequest"},
		{"x-amz-website-redirect-location", "/x", 200, ""},
		{"x-amz-website-redirect-location", "x", 400, "InvalidRedirectLocation"},
		{"x-amz-storage-class", "STANDARD_IA", 200, ""},
		{"x-amz-write-offset-bytes", "1", 501, "NotImplemented"},
		{"x-amz-request-payer", "requester", 200, ""},
	} {
		for _, c := range []call{{method: "PUT", path: "/box/k", body: "x"}, {method: "POST", path: "/box/k?uploads"}} {
			if test.header == "x-amz-write-offset-bytes" && c.method == "POST" {
				continue
			}
			c.headers = map[string]string{test.header: test.value}
			a := f.do(c)
			if test.code != "" {
				wantRefusal(t, c.method+" "+test.header+": "+test.value, a, test.status, test.code)
			} else if a.status != 200 {
				t.Errorf("%s %s: %s: got %d %s, want 200", c.method, test.header, test.value, a.status, a.body)
			}
		}
	}
	f.put("box", "k", "x")
	wantRefusal(t, "read with a key", f.do(call{path: "/box/k", headers: map[string]string{"x-amz-server-side-encryption-customer-algorithm": "AES256"}}), 400, "InvalidRequest")
	wantRefusal(t, "MFA", f.do(call{method: "DELETE", path: "/box/k", headers: map[string]string{"x-amz-mfa": "x"}}), 501, "NotImplemented")
	wantRefusal(t, "size", f.do(call{method: "DELETE", path: "/box/k", headers: map[string]string{"x-amz-if-match-size": "2"}}), 412, "PreconditionFailed")
	f.must(call{path: "/box/k"})
	f.must(call{method: "DELETE", path: "/box/k", headers: map[string]string{"x-amz-bypass-governance-retention": "true"}})
}

func TestSubresourcesNeverFallThrough(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "k", "x")
	for _, c := range []call{
		{method: "DELETE", path: "/box?acl"}, {method: "DELETE", path: "/box?versioning"}, {method: "DELETE", path: "/box/k?acl"},
		{method: "DELETE", path: "/box/k?torrent"}, {method: "PUT", path: "/box/k?torrent"}, {method: "PUT", path: "/box/k?uploads"},
		{method: "PUT", path: "/box/k?uploadId=x"}, {method: "HEAD", path: "/box/k?acl"}, {method: "POST", path: "/box/k"}, {method: "PATCH", path: "/box/k"},
		{method: "PUT", path: "/box?%61cl&delete"}, {method: "PUT", path: "/box/k?ofTheFuture"}, {method: "DELETE", path: "/box/k?ofTheFuture="},
		{method: "PUT", path: "/box/k?annotation&annotationName=a"}, {method: "DELETE", path: "/box/k?annotation&annotationName=a"},
	} {
		if a := f.do(c); a.status != 405 && a.status != 501 {
			t.Errorf("%s %s: got %d %s, want 405", c.method, c.path, a.status, a.body)
		}
	}
	for _, c := range []call{
		{method: "POST", path: "/box/k?select&select-type=2"},
	} {
		wantRefusal(t, c.method+" "+c.path, f.do(c), 501, "NotImplemented")
	}
	wantRefusal(t, "a post that is no form", f.do(call{method: "POST", path: "/box"}), 412, "PreconditionFailed")
	wantRefusal(t, "part number alone", f.do(call{method: "PUT", path: "/box/k?partNumber=1"}), 400, "InvalidArgument")
	if a := f.must(call{path: "/box/k"}); a.body != "x" {
		t.Errorf("the object became %q", a.body)
	}
}

func TestEverySubresourceOfTheTableIsKnown(t *testing.T) {
	parameters := map[string]bool{"list-type": true, "x-id": true, "id": true, "partNumber": true, "select-type": true}
	seen := make(map[string]bool)
	for _, op := range (&Service{}).API().Operations {
		for name := range queryNames(routeQuery(op.Route)) {
			seen[name] = true
			if !subresources[name] && !parameters[name] {
				t.Errorf("%s: %q is not among the sub-resources", op.Name, name)
			}
		}
	}
	for name := range subresources {
		if !seen[name] {
			t.Errorf("%q is in no route", name)
		}
	}
}

func TestContentMD5(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	sum := md5.Sum([]byte("body"))
	for value, want := range map[string]string{
		base64.StdEncoding.EncodeToString(sum[:]):           "",
		base64.StdEncoding.EncodeToString(make([]byte, 16)): "BadDigest",
		base64.StdEncoding.EncodeToString(make([]byte, 15)): "InvalidDigest",
		"not base64!":              "InvalidDigest",
		hex.EncodeToString(sum[:]): "InvalidDigest",
	} {
		a := f.do(call{method: "PUT", path: "/box/" + fmt.Sprint(len(value)), body: "body", headers: map[string]string{"Content-MD5": value}})
		if want == "" {
			if a.status != 200 {
				t.Errorf("%q: got %d %s", value, a.status, a.body)
			}
			continue
		}
		wantRefusal(t, value, a, 400, want)
		if a := f.do(call{path: "/box/" + fmt.Sprint(len(value))}); want == "BadDigest" && len(value) != 24 && a.status != 404 {
			t.Errorf("%q: the object was stored", value)
		}
	}
}

func TestOverwritingKeepsAnOpenReaderOnItsVersion(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	before, after := strings.Repeat("a", 1<<20), strings.Repeat("b", 1<<20)
	f.put("box", "k", before)
	server := f.listen()
	r := f.request(call{path: "/box/k"})
	r.RequestURI = ""
	r.URL.Host, r.Host = strings.TrimPrefix(server.URL, "http://"), "localhost:9000"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	f.put("box", "k", after)
	got := make([]byte, 0, 1<<20)
	buffer := make([]byte, 1000)
	for {
		n, err := answer.Body.Read(buffer)
		got = append(got, buffer[:n]...)
		if err != nil {
			break
		}
	}
	if string(got) != before {
		t.Errorf("got %d bytes that are not those of the version opened", len(got))
	}
	f.advance(time.Second)
}

func TestUploadsTellTheirLength(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	id := f.create("/box/k", nil)
	for _, path := range []string{"/box/k", partPath("/box/k", id, 1)} {
		r := f.request(call{method: "PUT", path: path})
		r.Header.Del("Content-Length")
		w := newRecorder()
		f.server.ServeHTTP(w, r)
		wantRefusal(t, path, answered{w.Code, w.Header(), w.Body.String()}, 411, "MissingContentLength")
	}
	// A body in chunks of HTTP has no length, and is taken though S3 refuses it.
	r := f.request(call{method: "PUT", path: "/box/k", body: "in chunks", stream: func(r *http.Request, c sigv4.Credentials, s sigv4.Scope, t time.Time) error {
		r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
		return sigv4.Sign(r, c, s, t, sigv4.UnsignedPayload)
	}})
	r.Header.Del("Content-Length")
	w := newRecorder()
	f.server.ServeHTTP(w, r)
	if got := f.do(call{path: "/box/k"}); w.Code != 200 || got.body != "in chunks" {
		t.Errorf("chunked: got %d %s, then %q", w.Code, w.Body, got.body)
	}
}
