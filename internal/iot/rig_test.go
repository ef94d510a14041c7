package iot

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/sqlite"
	"inro.dev/inro/internal/pki"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
	"inro.dev/inro/internal/sigv4"
)

const (
	testAccount = "999999999999"
	testRegion  = "ap-northeast-1"
	arnPrefix   = "arn:aws:iot:" + testRegion + ":" + testAccount + ":"
)

// rig is the service behind the real pipeline: signed requests in, JSON out.
type rig struct {
	t      testing.TB
	store  *sqlite.Store
	server *api.Server
	now    time.Time
	key    sigv4.Credentials // signs; root's unless a test says otherwise
}

// fakeAuthority issues self-signed ECDSA certificates, which is quick.
type fakeAuthority struct{ now func() time.Time }

func (a fakeAuthority) IssueKeysAndCertificate() (certPEM, publicPEM, privatePEM []byte, cert *x509.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	cert, err = issue(key, key.Public(), "AWS IoT Certificate", a.now())
	return pki.EncodeCertificate(cert.Raw), []byte("public"), []byte("private"), cert, err
}

func (a fakeAuthority) IssueFromCSR(csrPEM []byte) (certPEM []byte, cert *x509.Certificate, err error) {
	csr, err := pki.ParseCSRPEM(csrPEM)
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	cert, err = issue(key, csr.PublicKey, csr.Subject.CommonName, a.now())
	return pki.EncodeCertificate(cert.Raw), cert, err
}

func issue(signer crypto.Signer, public crypto.PublicKey, commonName string, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: commonName}, NotBefore: now, NotAfter: now.AddDate(20, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

type fakeEndpoints map[string]string

func (e fakeEndpoints) Address(_ context.Context, _, kind string) (string, bool, error) {
	address, ok := e[kind]
	return address, ok, nil
}

type noSessions struct{}

func (noSessions) Open(string, string) (*session.Session, string, error) {
	return nil, "", session.ErrInvalidToken
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 8, 1, 12, 0, 0, 500e6, time.UTC), key: sigv4.Credentials{AccessKeyID: "AKIAROOTROOTROOTROOT", SecretAccessKey: "root-secret"}}
	var err error
	if r.store, err = sqlite.Open(sqlite.Config{Path: filepath.Join(t.TempDir(), "records.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	clock := func() time.Time { return r.now }
	cfg := Config{
		Store: r.store, Authority: fakeAuthority{clock}, Region: testRegion, Clock: clock,
		Endpoints: fakeEndpoints{"iot:CredentialProvider": "c0.credentials.iot.ap-northeast-1.inro.localhost:8443"},
	}
	for _, f := range change {
		f(&cfg)
	}
	policies := identity.NewPolicies(policy.NewCache(100))
	resolver := identity.NewResolver(identity.Config{Store: r.store, Sessions: noSessions{}, Policies: policies, Clock: clock})
	// The pipeline needs an S3, which gets what belongs to nobody else.
	s3 := api.Service{Name: "s3", Protocol: api.RestXML(), Anonymous: true}
	r.server, err = api.NewServer(api.Config{
		Services: []api.Service{s3, New(cfg).API()}, Authority: resolver, Region: testRegion, Clock: clock,
		Logger: slog.New(slog.NewTextHandler(testLog{t}, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.AccessKeys.Put(ctx, w, metastore.GlobalAccount, r.key.AccessKeyID, &metastore.AccessKey{Account: testAccount, Secret: r.key.SecretAccessKey, Active: true})
	})
	return r
}

// testLog shows internal errors with the test that caused them.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(string(p))
	return len(p), nil
}

func (r *rig) update(f func(context.Context, metastore.Writer) error) {
	r.t.Helper()
	ctx := context.Background()
	if err := r.store.Update(ctx, func(w metastore.Writer) error { return f(ctx, w) }); err != nil {
		r.t.Fatal(err)
	}
}

// as makes a user with one inline policy and signs as it from now on.
func (r *rig) as(document string) {
	r.t.Helper()
	r.key = sigv4.Credentials{AccessKeyID: "AKIAUSERUSERUSERUSER", SecretAccessKey: "user-secret"}
	r.update(func(ctx context.Context, w metastore.Writer) error {
		user := &metastore.User{Name: "user", Path: "/", UniqueID: "AIDAEXAMPLEEXAMPLE234", Inline: []metastore.InlinePolicy{{Name: "inline", Document: document}}}
		if err := metastore.Users.Put(ctx, w, testAccount, "user", user); err != nil {
			return err
		}
		return metastore.AccessKeys.Put(ctx, w, metastore.GlobalAccount, r.key.AccessKeyID, &metastore.AccessKey{Account: testAccount, UserName: "user", Secret: r.key.SecretAccessKey, Active: true})
	})
}

// object is a JSON object.
type object = map[string]any

// reply is an answer of the service.
type reply struct {
	status int
	code   string // x-amzn-ErrorType
	body   object
	text   string
}

func (p reply) message() string { s, _ := p.body["message"].(string); return s }

// call sends one signed request. body is an object, a text, or nil; headers are
// names and values.
func (r *rig) call(method, target string, body any, headers ...string) reply {
	r.t.Helper()
	var payload []byte
	switch b := body.(type) {
	case nil:
	case string:
		payload = []byte(b)
	default:
		var err error
		if payload, err = json.Marshal(b); err != nil {
			r.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, "http://iot.ap-northeast-1.amazonaws.com"+target, bytes.NewReader(payload))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	sum := sha256.Sum256(payload)
	if err := sigv4.Sign(req, r.key, sigv4.Scope{Region: testRegion, Service: "iot"}, r.now, hex.EncodeToString(sum[:])); err != nil {
		r.t.Fatal(err)
	}
	req.RequestURI, req.RemoteAddr = target, "192.0.2.1:1234"
	rec := httptest.NewRecorder()
	r.server.ServeHTTP(rec, req)
	text, err := io.ReadAll(rec.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	p := reply{status: rec.Code, code: rec.Header().Get("x-amzn-ErrorType"), text: string(text)}
	if err := json.Unmarshal(text, &p.body); err != nil {
		r.t.Fatalf("%s %s: %d with body %q: %v", method, target, rec.Code, text, err)
	}
	return p
}

// ok sends a request that must succeed.
func (r *rig) ok(method, target string, body any, headers ...string) object {
	r.t.Helper()
	p := r.call(method, target, body, headers...)
	if p.status != http.StatusOK {
		r.t.Fatalf("%s %s: %d %s %s, want 200", method, target, p.status, p.code, p.text)
	}
	return p.body
}

// refused sends a request that must fail, and returns the answer.
func (r *rig) refused(status int, code, method, target string, body any, headers ...string) reply {
	r.t.Helper()
	p := r.call(method, target, body, headers...)
	if p.status != status || p.code != code {
		r.t.Errorf("%s %s: %d %s %s, want %d %s", method, target, p.status, p.code, p.text, status, code)
	}
	return p
}

// certificate makes a certificate and returns its id and ARN.
func (r *rig) certificate(active bool) (id, arn string) {
	r.t.Helper()
	target := "/keys-and-certificate"
	if active {
		target += "?setAsActive=true"
	}
	made := r.ok("POST", target, nil)
	return made["certificateId"].(string), made["certificateArn"].(string)
}

// esc encodes one path segment.
func esc(s string) string { return url.PathEscape(s) }

// list returns a member that is a list of texts.
func list(o object, member string) []string {
	out := []string{}
	items, _ := o[member].([]any)
	for _, item := range items {
		s, _ := item.(string)
		out = append(out, s)
	}
	return out
}

// column returns one member of each object of a list.
func column(o object, member, name string) []string {
	out := []string{}
	items, _ := o[member].([]any)
	for _, item := range items {
		s, _ := item.(object)[name].(string)
		out = append(out, s)
	}
	return out
}

// at follows members of nested objects.
func at(o object, names ...string) any {
	var v any = o
	for _, name := range names {
		inner, ok := v.(object)
		if !ok {
			return nil
		}
		v = inner[name]
	}
	return v
}

// csr makes a PKCS#10 request.
func csr(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "my device"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// ownCertificate makes a certificate that Inro did not issue.
func ownCertificate(t testing.TB) (text, id string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := issue(key, key.Public(), "own", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return string(pki.EncodeCertificate(cert.Raw)), pki.CertificateID(cert.Raw)
}
