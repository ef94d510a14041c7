package credentials

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/metastore"
)

// state is the TLS state of a connection of the device.
func (r *rig) state() *tls.ConnectionState {
	r.t.Helper()
	cert, err := x509.ParseCertificate(r.device.Certificate[0])
	if err != nil {
		r.t.Fatal(err)
	}
	return &tls.ConnectionState{ServerName: host, PeerCertificates: []*x509.Certificate{cert}}
}

// direct calls the handler without a listener. The client's address is
// 192.0.2.1.
func (r *rig) direct(path string, state *tls.ConnectionState, things ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, "https://"+host+path, nil)
	req.TLS = state
	for _, thing := range things {
		req.Header.Add("x-amzn-iot-thingname", thing)
	}
	rec := httptest.NewRecorder()
	r.endpoint.ServeHTTP(rec, req)
	return rec
}

func TestRateOfACertificate(t *testing.T) {
	r := newRig(t, func(c *Config) { c.RatePerCertificate, c.BurstPerCertificate = 0, 0 })
	other := selfSigned(t, "other")
	otherID := r.registerCertificate(other, metastore.CertificateActive)
	r.attachPolicy("policy", metastore.CertificatePoint(otherID))
	status := func() int { return r.direct(path, r.state()).Code }
	for i := range defaultBurstPerCertificate {
		if got := status(); got != 200 {
			t.Fatalf("request %d: %d, want 200", i, got)
		}
	}
	rec := r.direct(path, r.state())
	if rec.Code != 429 || rec.Body.String() != `{"message":"Rate exceeded"}` || rec.Header().Get("x-amzn-ErrorType") != "ThrottlingException" {
		t.Errorf("%d %s, want 429", rec.Code, rec.Body)
	}
	r.device, other = other, r.device
	if got := status(); got != 200 {
		t.Errorf("another certificate: %d, want 200", got)
	}
	r.device = other
	r.clock.advance(100 * time.Millisecond)
	if got := status(); got != 200 {
		t.Errorf("after a tenth of a second: %d, want 200", got)
	}
	if got := status(); got != 429 {
		t.Errorf("and again: %d, want 429", got)
	}
}

func TestUnknownCertificatesAreNotRemembered(t *testing.T) {
	r := newRig(t, func(c *Config) { c.RatePerCertificate = 1 })
	for range 20 {
		r.device = selfSigned(t, "unknown")
		if got := r.direct(path, r.state()).Code; got != 403 {
			t.Fatalf("%d, want 403", got)
		}
	}
	if limiters, keys := r.endpoint.rates.certificates.Len(), r.endpoint.keys.kept.Len(); limiters != 0 || keys != 0 {
		t.Errorf("%d limiters and %d sets of keys, want none", limiters, keys)
	}
}

func TestRateOfTheServer(t *testing.T) {
	r := newRig(t, func(c *Config) { c.RatePerServer, c.BurstPerServer = 1, 2 })
	for i, want := range []int{200, 200, 429} {
		if got := r.direct(path, r.state()).Code; got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
	r.clock.advance(time.Second)
	for range 5 {
		if got := r.direct(path, nil).Code; got != 403 {
			t.Errorf("without certificate: %d, want 403", got)
		}
	}
	if got := r.direct(path, r.state()).Code; got != 200 {
		t.Errorf("after requests without certificate: %d, want 200: they must not use up the rate", got)
	}
}

func TestACertificateBeyondItsRateLeavesTheServersAlone(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.RatePerCertificate, c.BurstPerCertificate = 1, 1
		c.RatePerServer, c.BurstPerServer = 1, 2
	})
	other := selfSigned(t, "other")
	r.attachPolicy("policy", metastore.CertificatePoint(r.registerCertificate(other, metastore.CertificateActive)))
	for i, want := range []int{200, 429, 429, 429} {
		if got := r.direct(path, r.state()).Code; got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
	r.device = other
	if got := r.direct(path, r.state()).Code; got != 200 {
		t.Errorf("another certificate: %d, want 200", got)
	}
}

func TestPanicsAreAnswered(t *testing.T) {
	r := newRig(t)
	r.endpoint.cfg.Sessions = nil
	if rec := r.direct(path, r.state(), "device-1"); rec.Code != 500 || rec.Body.String() != `{"message":"Internal Failure"}` {
		t.Errorf("%d %s, want 500", rec.Code, rec.Body)
	}
	if !strings.Contains(r.log.String(), "panic") {
		t.Error("the panic is not in the log")
	}
}

func TestLogExplainsAndKeepsSecrets(t *testing.T) {
	r := newRig(t)
	issued := r.direct(path, r.state(), "device-1").Body.String()
	r.putPolicy("policy", iotStatement("Deny", ""))
	rec := r.direct(path, r.state(), "device-1")
	log := r.log.String()
	for _, want := range []string{rec.Header().Get("x-amzn-RequestId"), r.deviceID, "alias=alias", "thing=device-1", "explicit deny", "policy"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
	for _, secret := range strings.Split(issued, `"`) {
		if len(secret) >= 20 && strings.Contains(log, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

func TestStrangersDoNotFloodTheLog(t *testing.T) {
	r := newRig(t)
	lines := func() int { return strings.Count(r.log.String(), "level=INFO") }
	for range 2 * strangerLinesBurst {
		r.direct(path, nil)
		r.direct("/", nil)
	}
	if got := lines(); got != strangerLinesBurst {
		t.Errorf("%d lines at info about strangers, want %d", got, strangerLinesBurst)
	}
	r.putPolicy("policy", iotStatement("Deny", ""))
	r.direct(path, r.state())
	if got := lines(); got != strangerLinesBurst+1 {
		t.Errorf("%d lines after the refusal of a device, want one more than %d", got, strangerLinesBurst)
	}
	r.clock.advance(time.Second)
	r.direct(path, nil)
	if got := lines(); got != strangerLinesBurst+2 {
		t.Errorf("%d lines a second later, want %d", got, strangerLinesBurst+2)
	}
}

func TestNewRefusesAnIncompleteConfiguration(t *testing.T) {
	r := newRig(t)
	for name, change := range map[string]func(*Config){
		"no store":       func(c *Config) { c.Store = nil },
		"no cache":       func(c *Config) { c.Policies = nil },
		"no sessions":    func(c *Config) { c.Sessions = nil },
		"no certificate": func(c *Config) { c.GetCertificate = nil },
		"no account":     func(c *Config) { c.Account = "" },
		"no region":      func(c *Config) { c.Region = "" },
		"no hosts":       func(c *Config) { c.Hosts = nil },
		"empty host":     func(c *Config) { c.Hosts = []string{""} },
		"host with port": func(c *Config) { c.Hosts = []string{"localhost:8443"} },
	} {
		cfg := r.endpoint.cfg
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzRolePath(f *testing.F) {
	for _, seed := range []string{"alias", "ali%61s", "a%2Fb", "%00", "%zz", "..", "a=b,c@d", "*", "%2A", "//", "alias/credentials/x", "日本"} {
		f.Add(seed)
	}
	r := newRig(f)
	state := r.state()
	f.Fuzz(func(t *testing.T, segment string) {
		u, err := url.ParseRequestURI("/role-aliases/" + segment + "/credentials")
		if err != nil {
			return
		}
		req := (&http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, TLS: state, RemoteAddr: "192.0.2.1:1"}).WithContext(context.Background())
		rec := httptest.NewRecorder()
		r.endpoint.ServeHTTP(rec, req)
		alias, ok := aliasOfPath(u.EscapedPath())
		if rec.Code == 200 != (ok && alias == "alias") || rec.Code >= 500 {
			t.Errorf("segment %q, alias %q: %d %s", segment, alias, rec.Code, rec.Body)
		}
		if rec.Header().Get("x-amzn-RequestId") == "" || rec.Header().Get("Content-Type") != "application/json" {
			t.Errorf("segment %q: headers %v", segment, rec.Header())
		}
	})
}

func FuzzThingHeader(f *testing.F) {
	for _, seed := range []string{"device-1", "", "device-2", " device-1", "device-1\x00", "Device-1", "device-1,device-1", "*", strings.Repeat("a", 200), "\xff", "温度計"} {
		f.Add(seed)
	}
	r := newRig(f)
	r.putThing("device-2", "sensor", nil)
	state := r.state()
	f.Fuzz(func(t *testing.T, thing string) {
		rec := r.direct(path, state, thing)
		want := 403
		if thing == "device-1" || thing == "" {
			want = 200
		}
		if rec.Code != want || want == 403 && rec.Body.String() != rowThing {
			t.Errorf("thing %q: %d %s, want %d", thing, rec.Code, rec.Body, want)
		}
	})
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func BenchmarkHandlerIssue(b *testing.B) {
	r := newRig(b)
	r.endpoint.cfg.Observer = nil
	req := httptest.NewRequest(http.MethodGet, "https://"+host+path, nil)
	req.TLS = r.state()
	req.Header.Set("x-amzn-iot-thingname", "device-1")
	w := &discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r.endpoint.ServeHTTP(w, req)
	}
}

func BenchmarkTLSKeepAlive(b *testing.B) { benchmarkTLS(b, false) }

func BenchmarkTLSNewConnection(b *testing.B) { benchmarkTLS(b, true) }

// benchmarkTLS includes the client's work, which is about half.
func benchmarkTLS(b *testing.B, fresh bool) {
	r := newRig(b)
	r.serve()
	b.RunParallel(func(pb *testing.PB) {
		client := r.client(func(_ *tls.Config, tr *http.Transport) { tr.DisableKeepAlives = fresh })
		for pb.Next() {
			resp, err := client.Get("https://" + host + path)
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
				b.Errorf("%d, %v", resp.StatusCode, err)
			}
			resp.Body.Close()
		}
	})
}
