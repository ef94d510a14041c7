package sigv4

import (
	"bytes"
	"hash/crc32"
	"io"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// What Parse accepts must hold the claims it promises, and the signature of
// nobody must verify.
func FuzzParse(f *testing.F) {
	r := signedGet(f)
	f.Add(r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date"), r.URL.RawQuery)
	f.Add("", "", presignedGet(f).URL.RawQuery)
	f.Add("AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request,SignedHeaders=host,Signature="+EmptySHA256, "20130524T000000Z", "")
	f.Fuzz(func(t *testing.T, header, date, query string) {
		r := httptest.NewRequest("GET", "/bucket/key", nil)
		r.URL.RawQuery = query
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		r.Header.Set("X-Amz-Date", date)
		a, err := Parse(r)
		if err != nil {
			if a != nil || err != ErrNotSigned && kindOf(err) >= kindCount {
				t.Fatalf("got %v, %v; want nil and an *Error", a, err)
			}
			return
		}
		if a.Time.UTC().Format(amzDateLayout) != a.amzDate || a.amzDate[:8] != a.Scope.Date || !validHexSHA256(a.Signature) ||
			a.AccessKeyID == "" || !slices.IsSorted(a.SignedHeaders) || strings.Join(a.SignedHeaders, ";") != a.signedList ||
			a.Presigned != (a.Expires > 0) || a.Expires > maxExpires ||
			a.scopeText != a.Scope.Date+"/"+a.Scope.Region+"/"+a.Scope.Service+"/aws4_request" {
			t.Fatalf("accepted %+v", a)
		}
		o := VerifyOptions{Secret: "another secret", Now: a.Time, PayloadSHA256: EmptySHA256}
		if v, err := a.Verify(r, o); err == nil || v != nil || kindOf(err) >= kindCount {
			t.Fatalf("verified %+v: %v", a, err)
		}
	})
}

// The canonical form must decode to what form decoding makes of the query,
// sorted, and be its own canonical form.
func FuzzCanonicalQuery(f *testing.F) {
	for _, q := range []string{"a=1&b=2", "b&a&b=", "a=%2F+%20", "&=&;", "a=%zz", "X-Amz-SignedHeaders=a;b", "a-=1&a=1"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := appendCanonicalQuery(nil, raw, false)
		want, parseErr := url.ParseQuery(raw)
		if err != nil {
			if parseErr == nil && len(raw) < maxQueryParams {
				t.Fatalf("%q refused: %v", raw, err)
			}
			return
		}
		again, err := appendCanonicalQuery(nil, string(got), false)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q: canonical form %q becomes %q, %v", raw, got, again, err)
		}
		if parseErr != nil {
			if !strings.Contains(raw, ";") {
				t.Fatalf("%q accepted, but form decoding fails: %v", raw, parseErr)
			}
			return
		}
		decoded, err := url.ParseQuery(string(got))
		if err != nil || len(decoded) != len(want) {
			t.Fatalf("%q: canonical form %q decodes to %v, %v; want %v", raw, got, decoded, err, want)
		}
		for name, values := range want {
			slices.Sort(values)
			have := decoded[name]
			slices.Sort(have)
			if !slices.Equal(values, have) {
				t.Fatalf("%q: %q decodes to %q, want %q", raw, name, have, values)
			}
		}
	})
}

// A body read without an error is the payload that was signed, whatever was
// done to it on the way.
func FuzzChunkedReader(f *testing.F) {
	f.Add([]byte("payload"), uint8(3), uint8(0), uint16(0), []byte{}, uint8(0))
	f.Add([]byte("payload"), uint8(3), uint8(1), uint16(5), []byte("x"), uint8(1))
	f.Add([]byte(""), uint8(1), uint8(2), uint16(1), []byte("\r\n"), uint8(2))
	f.Fuzz(func(t *testing.T, payload []byte, chunk, mode uint8, at uint16, insert []byte, remove uint8) {
		o := Streaming{ChunkBytes: int(chunk) + 1}
		if mode%3 > 0 {
			o.Trailer, o.Unsigned = "x-amz-checksum-crc32", mode%3 == 2
		}
		r, wire := streamed(t, string(payload), o)
		b, err := open(t, r, bytes.NewReader(wire))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("unchanged body: got %q, %v; want %q", got, err, payload)
		}

		i := int(at) % (len(wire) + 1)
		j := min(i+int(remove), len(wire))
		bad := slices.Concat(wire[:i], insert, wire[j:])
		if b, err = open(t, r, bytes.NewReader(bad)); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(b)
		if err != nil {
			if kindOf(err) >= kindCount || b.Complete() {
				t.Fatalf("got %v, complete %v; want an *Error", err, b.Complete())
			}
			return
		}
		if len(got) != len(payload) || !b.Complete() {
			t.Fatalf("read %d bytes, complete %v; want %d", len(got), b.Complete(), len(payload))
		}
		if o.Unsigned { // the consumer compares the checksum
			sum := crc32.NewIEEE()
			sum.Write(got)
			if trailerValue(sum) != b.Trailers()[o.Trailer] {
				return
			}
		}
		if !bytes.Equal(got, payload) {
			t.Fatalf("got %q without an error, want %q\nbody %q", got, payload, bad)
		}
	})
}
