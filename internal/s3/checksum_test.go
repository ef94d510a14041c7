package s3

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/sigv4"
)

// streaming signs a call as aws-chunked.
func streaming(o sigv4.Streaming, body string) func(*http.Request, sigv4.Credentials, sigv4.Scope, time.Time) error {
	return func(r *http.Request, c sigv4.Credentials, s sigv4.Scope, t time.Time) error {
		return sigv4.SignStreaming(r, strings.NewReader(body), c, s, t, o)
	}
}

func sumOf(a object.Algorithm, body string) string {
	h := newHash(a)
	h.Write([]byte(body))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

var everyAlgorithm = []object.Algorithm{object.CRC32, object.CRC32C, object.CRC64NVME, object.SHA1, object.SHA256}

func TestChecksumsKnownAnswers(t *testing.T) {
	// Check values of the CRC catalogue, and of SHA over "123456789".
	for a, want := range map[object.Algorithm]string{
		object.CRC32: "y/Q5Jg==", object.CRC32C: "4waSgw==", object.CRC64NVME: "rosUhgp5mIg=", object.SHA1: "98O8HYCOBHMq32eZZczDTKeuNEE=",
		object.SHA256: "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
	} {
		if got := sumOf(a, "123456789"); got != want {
			t.Errorf("%v: got %s, want %s", a, got, want)
		}
	}
}

func TestChecksumsInHeadersAndTrailers(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, a := range everyAlgorithm {
		name := checksumPrefix + algorithmHeader(a)
		for how, prepare := range map[string]func(body, sumOver string) call{
			"header": func(body, sumOver string) call {
				return call{body: body, headers: map[string]string{name: sumOf(a, sumOver), "x-amz-sdk-checksum-algorithm": a.String()}}
			},
			"signed trailer": func(body, sumOver string) call {
				return call{headers: map[string]string{"x-amz-sdk-checksum-algorithm": a.String()}, stream: trailing(a, false, body, sumOver)}
			},
			"unsigned trailer": func(body, sumOver string) call { return call{stream: trailing(a, true, body, sumOver)} },
		} {
			for _, body := range []string{"", "123456789", strings.Repeat("x", 100_000)} {
				what := fmt.Sprintf("%v in %s over %d bytes", a, how, len(body))
				c := prepare(body, body)
				c.method, c.path = "PUT", "/box/k"
				put := f.must(c)
				if got := put.header.Get(name); got != sumOf(a, body) || put.header.Get("x-amz-checksum-type") != "FULL_OBJECT" {
					t.Errorf("%s: put answered %q %v", what, got, put.header)
				}
				get := f.must(call{path: "/box/k", headers: map[string]string{"x-amz-checksum-mode": "ENABLED"}})
				if get.body != body || get.header.Get(name) != sumOf(a, body) || get.header.Get("Content-Encoding") != "" {
					t.Errorf("%s: get answered %v", what, get.header)
				}
				if head := f.must(call{method: "HEAD", path: "/box/k"}); head.header.Get(name) != "" {
					t.Errorf("%s: head without checksum mode answered %v", what, head.header)
				}
				bad := prepare(body, body+"other")
				bad.method, bad.path = "PUT", "/box/bad"
				wantRefusal(t, what+", wrong", f.do(bad), 400, "BadDigest")
				wantRefusal(t, what+", wrong, was stored", f.do(call{path: "/box/bad"}), 404, "NoSuchKey")
			}
		}
	}
}

// trailing streams body with a checksum over sumOver in the trailer.
func trailing(a object.Algorithm, unsigned bool, body, sumOver string) func(*http.Request, sigv4.Credentials, sigv4.Scope, time.Time) error {
	sum := newHash(a)
	if sumOver != body {
		sum.Write([]byte(sumOver))
	}
	return streaming(sigv4.Streaming{Unsigned: unsigned, DecodedLength: int64(len(body)), Trailer: checksumPrefix + algorithmHeader(a), Checksum: sum}, body)
}

func TestEveryObjectHasAChecksum(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	a := f.put("box", "k", "123456789")
	if got := a.header.Get("x-amz-checksum-crc64nvme"); got != "rosUhgp5mIg=" {
		t.Errorf("put without checksum: got %q", got)
	}
	get := call{path: "/box/k", headers: map[string]string{"x-amz-checksum-mode": "ENABLED", "Range": "bytes=0-8"}}
	if a := f.must(get); a.header.Get("x-amz-checksum-crc64nvme") != "rosUhgp5mIg=" {
		t.Errorf("range of the whole: got %v", a.header)
	}
	get.headers["Range"] = "bytes=0-7"
	if a := f.must(get); a.header.Get("x-amz-checksum-crc64nvme") != "" || a.header.Get("x-amz-checksum-type") != "" {
		t.Errorf("range of a part: got %v, want no checksum of more than was sent", a.header)
	}
}

func TestChecksumHeadersThatCannotBe(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, test := range []struct {
		headers map[string]string
		status  int
		code    string
	}{
		{map[string]string{"x-amz-checksum-crc32": "bad"}, 400, "InvalidRequest"},
		{map[string]string{"x-amz-checksum-sha256": "y/Q5Jg=="}, 400, "InvalidRequest"},
		{map[string]string{"x-amz-checksum-crc32": "y/Q5Jg==", "x-amz-checksum-crc32c": "4waSgw=="}, 400, "InvalidRequest"},
		{map[string]string{"x-amz-checksum-crc32": "y/Q5Jg==", "x-amz-sdk-checksum-algorithm": "SHA1"}, 400, "InvalidRequest"},
		{map[string]string{"x-amz-sdk-checksum-algorithm": "CRC32"}, 400, "InvalidRequest"},
		{map[string]string{"x-amz-sdk-checksum-algorithm": "CRC31"}, 400, "InvalidRequest"},
		{map[string]string{"x-amz-checksum-xxhash64": "AAAAAAAAAAA="}, 501, "NotImplemented"},
		{map[string]string{"x-amz-checksum-crc31": "AAAA"}, 400, "InvalidRequest"},
	} {
		a := f.do(call{method: "PUT", path: "/box/k", body: "123456789", headers: test.headers})
		wantRefusal(t, fmt.Sprint(test.headers), a, test.status, test.code)
	}
}

func TestATamperedBodyIsNotStored(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, size := range []int{10, 100_000} {
		body := strings.Repeat("x", size)
		r := f.request(call{method: "PUT", path: "/box/k", body: body})
		tampered := f.request(call{method: "PUT", path: "/box/k", body: body[1:] + "y"})
		r.Body = tampered.Body
		w := newRecorder()
		f.server.ServeHTTP(w, r)
		wantRefusal(t, "plain", answered{w.Code, w.Header(), w.Body.String()}, 400, "XAmzContentSHA256Mismatch")

		r = f.request(call{method: "PUT", path: "/box/k", stream: streaming(sigv4.Streaming{DecodedLength: int64(size)}, body)})
		encoded, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		encoded[bytes.IndexByte(encoded, '\n')+1]++ // the first byte of the first chunk
		r.Body = io.NopCloser(bytes.NewReader(encoded))
		w = newRecorder()
		f.server.ServeHTTP(w, r)
		wantRefusal(t, "streamed", answered{w.Code, w.Header(), w.Body.String()}, 403, "SignatureDoesNotMatch")
		wantRefusal(t, "stored", f.do(call{path: "/box/k"}), 404, "NoSuchKey")
	}
}
