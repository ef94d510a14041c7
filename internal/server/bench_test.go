package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"inro.dev/inro/internal/sigv4"
)

// BenchmarkPipeline measures a signed request through the whole pipeline,
// without the network: the cost of Inro above net/http.
func BenchmarkPipeline(b *testing.B) {
	cfg, err := Config{Data: b.TempDir(), API: "127.0.0.1:0", Credentials: "127.0.0.1:0", Console: "127.0.0.1:0", LogLevel: "error"}.WithDefaults()
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(b.Context(), cfg, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	key, err := loadRootKey(&cfg)
	if err != nil {
		b.Fatal(err)
	}
	handler := s.listeners[1].http.Handler
	send := func(b *testing.B, method, path string, body []byte) {
		r := httptest.NewRequest(method, path, bytes.NewReader(body))
		credentials := sigv4.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}
		if err := sigv4.Sign(r, credentials, sigv4.Scope{Region: cfg.Region, Service: "s3"}, time.Now(), sigv4.UnsignedPayload); err != nil {
			b.Fatal(err)
		}
		w := httptest.NewRecorder()
		b.StartTimer()
		handler.ServeHTTP(w, r)
		b.StopTimer()
		if w.Code != http.StatusOK {
			b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
	send(b, http.MethodPut, "/bench", []byte(`<CreateBucketConfiguration><LocationConstraint>ap-northeast-1</LocationConstraint></CreateBucketConfiguration>`))
	send(b, http.MethodPut, "/bench/key", make([]byte, 1024))
	for _, c := range []struct{ method, path string }{{http.MethodGet, "/bench/key"}, {http.MethodHead, "/bench/key"}, {http.MethodPut, "/bench/key"}} {
		b.Run(fmt.Sprint(c.method, " 1 KiB"), func(b *testing.B) {
			b.ReportAllocs()
			b.StopTimer()
			var body []byte
			if c.method == http.MethodPut {
				body = make([]byte, 1024)
			}
			for range b.N {
				send(b, c.method, c.path, body)
			}
		})
	}
}
