package sigv4

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var testCredentials = Credentials{AccessKeyID: exampleKeyID, SecretAccessKey: exampleSecret}
var testScope = Scope{Region: "us-east-1", Service: "s3"}

// typicalGet is what an SDK sends for GetObject with session credentials.
func typicalGet(t testing.TB) *http.Request {
	r := httptest.NewRequest("GET", "/fleet/device-0042/2026/11/23/video-000123.ts?x-id=GetObject", nil)
	r.Host = "127.0.0.1:9000"
	for name, value := range map[string]string{
		"Accept-Encoding": "identity", "Amz-Sdk-Invocation-Id": "7f1f0f0e-1f1c-4a5c-9d8e-2c2f0ad0f9a1",
		"Amz-Sdk-Request": "attempt=1; max=3", "X-Amz-Checksum-Mode": "ENABLED", "User-Agent": "aws-sdk-go-v2/1.30",
	} {
		r.Header.Set(name, value)
	}
	c := testCredentials
	c.SessionToken = strings.Repeat("t0ken", 200)
	if err := Sign(r, c, testScope, exampleTime, EmptySHA256); err != nil {
		t.Fatal(err)
	}
	return r
}

func benchmarkVerify(b *testing.B, r *http.Request, keys *KeyCache) {
	o := VerifyOptions{Secret: exampleSecret, Now: exampleTime, Keys: keys}
	b.ReportAllocs()
	for b.Loop() {
		a, err := Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := a.Verify(r, o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyHeader(b *testing.B) { benchmarkVerify(b, typicalGet(b), NewKeyCache(1000)) }

func BenchmarkVerifyHeaderWithoutKeyCache(b *testing.B) { benchmarkVerify(b, typicalGet(b), nil) }

func BenchmarkVerifyPresigned(b *testing.B) {
	r := httptest.NewRequest("GET", "/fleet/device-0042/video.ts?x-id=GetObject", nil)
	u, err := Presign(r, testCredentials, testScope, exampleTime, maxExpires, "")
	if err != nil {
		b.Fatal(err)
	}
	r.URL = u
	benchmarkVerify(b, r, NewKeyCache(1000))
}

func BenchmarkVerifyParallel(b *testing.B) {
	r, keys := typicalGet(b), NewKeyCache(1000)
	o := VerifyOptions{Secret: exampleSecret, Now: exampleTime, Keys: keys}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a, err := Parse(r)
			if err == nil {
				_, err = a.Verify(r, o)
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	r := typicalGet(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := Sign(r, testCredentials, testScope, exampleTime, EmptySHA256); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBody(b *testing.B) {
	const size = 8 << 20
	payload := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	for _, mode := range []string{"plain", "unsigned trailer", "signed", "signed trailer"} {
		o := Streaming{DecodedLength: size}
		if strings.Contains(mode, "trailer") {
			o.Trailer, o.Checksum = "x-amz-checksum-crc32", crc32.NewIEEE()
		}
		o.Unsigned = strings.HasPrefix(mode, "unsigned")
		r := httptest.NewRequest("PUT", "/b/k", nil)
		var err error
		if mode == "plain" {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(payload)), size
			err = Sign(r, testCredentials, testScope, exampleTime, hexSHA256(payload))
		} else {
			err = SignStreaming(r, bytes.NewReader(payload), testCredentials, testScope, exampleTime, o)
		}
		if err != nil {
			b.Fatal(err)
		}
		wire, err := io.ReadAll(r.Body)
		if err != nil {
			b.Fatal(err)
		}
		a, err := Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		v, err := a.Verify(r, VerifyOptions{Secret: exampleSecret, Now: exampleTime})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("mode=%s", mode), func(b *testing.B) {
			buffer := make([]byte, 64<<10)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(bytes.NewReader(wire))
				body, err := v.Body(r)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, buffer); n != size || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
