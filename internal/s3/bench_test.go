package s3

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"inro.dev/inro/internal/sigv4"
)

// sink is a response writer that keeps nothing.
type sink struct {
	header http.Header
	status int
	bytes  int64
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { s.bytes += int64(len(b)); return len(b), nil }

// serve runs one request again and again through the pipeline, without a
// network.
func serve(b *testing.B, f *fixture, c call) {
	b.Helper()
	r := f.request(c)
	head := r.Header.Clone()
	b.ReportAllocs()
	for b.Loop() {
		r.Header = head
		if c.body != "" {
			r.Body = io.NopCloser(strings.NewReader(c.body))
		}
		w := &sink{header: make(http.Header)}
		f.server.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("got %d", w.status)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			f := newFixture(b)
			fill(f)
			f.put("box", "k", strings.Repeat("x", size))
			b.SetBytes(int64(size))
			serve(b, f, call{path: "/box/k"})
		})
	}
}

func BenchmarkPut(b *testing.B) {
	f := newFixture(b)
	fill(f)
	serve(b, f, call{method: "PUT", path: "/box/k", body: strings.Repeat("x", 1<<10)})
}

func BenchmarkHead(b *testing.B) {
	f := newFixture(b)
	fill(f, "k")
	serve(b, f, call{method: "HEAD", path: "/box/k"})
}

// BenchmarkSignatureOnly is what a request costs before S3 has done anything.
func BenchmarkSignatureOnly(b *testing.B) {
	f := newFixture(b)
	r := f.request(call{path: "/box/k"})
	keys := sigv4.NewKeyCache(16)
	b.ReportAllocs()
	for b.Loop() {
		a, err := sigv4.Parse(r)
		if err == nil {
			_, err = a.Verify(r, sigv4.VerifyOptions{Secret: secretOf("root"), Now: f.clock(), Keys: keys})
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	f := newFixture(b)
	var keys []string
	for i := range 1000 {
		keys = append(keys, fmt.Sprintf("a/folder/of/some/depth/object-%06d.json", i))
	}
	fill(f, keys...)
	serve(b, f, call{path: "/box?list-type=2"})
}

// BenchmarkLoopback compares a signed GET of 1 KiB with a handler that only
// checks the signature, over real connections.
func BenchmarkLoopback(b *testing.B) {
	f := newFixture(b)
	fill(f)
	body := strings.Repeat("x", 1<<10)
	f.put("box", "k", body)
	keys := sigv4.NewKeyCache(16)
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := sigv4.Parse(r)
		if err == nil {
			_, err = a.Verify(r, sigv4.VerifyOptions{Secret: secretOf("root"), Now: f.clock(), Keys: keys})
		}
		if err != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		io.WriteString(w, body)
	})
	for _, side := range []struct {
		name    string
		handler http.Handler
	}{{"bare", bare}, {"s3", f.server}} {
		b.Run(side.name, func(b *testing.B) {
			server := httptest.NewServer(side.handler)
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				signed := f.request(call{path: "/box/k"})
				for pb.Next() {
					r := signed.Clone(b.Context())
					r.RequestURI, r.Body = "", nil
					r.URL.Host, r.Host = strings.TrimPrefix(server.URL, "http://"), "localhost:9000"
					answer, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					n, _ := io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
					if n != 1<<10 || answer.StatusCode != http.StatusOK {
						b.Errorf("got %d, %d bytes", answer.StatusCode, n)
						return
					}
				}
			})
		})
	}
}
