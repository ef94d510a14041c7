package credentials

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/sqlite"
	"inro.dev/inro/internal/pki"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
)

const (
	account = "999999999999"
	region  = "ap-northeast-1"
	host    = "c0123456789abc.credentials.iot.ap-northeast-1.inro.localhost"
)

// rig is an endpoint over a real store, with one device that may have
// credentials: thing "device-1" of the type "sensor", alias "alias", role
// "role".
type rig struct {
	t        testing.TB
	store    *sqlite.Store
	keyring  *session.Keyring
	endpoint *Endpoint
	clock    *clock
	log      *logBuffer
	outcomes *outcomes
	device   tls.Certificate
	deviceID string
	address  string // of the listener, once serve was called
}

// clock is a time that tests set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// logBuffer is a log that tests read while the endpoint writes.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// outcomes counts what an observer is told.
type outcomes struct {
	mu     sync.Mutex
	counts map[Outcome]int
}

func (o *outcomes) Exchanged(outcome Outcome, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[outcome]++
}

func (o *outcomes) of(outcome Outcome) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[outcome]
}

const (
	allowAlias = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:AssumeRoleWithCertificate","Resource":"arn:aws:iot:ap-northeast-1:999999999999:rolealias/alias"}]}`
	trustIoT   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"credentials.iot.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{
		t:   t,
		log: &logBuffer{}, outcomes: &outcomes{counts: map[Outcome]int{}},
		clock: &clock{now: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)},
	}
	var err error
	if r.store, err = sqlite.Open(sqlite.Config{Path: filepath.Join(t.TempDir(), "records.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	if r.keyring, err = session.CreateKeyring(filepath.Join(t.TempDir(), "sessions.json"), session.Config{Now: r.clock.Now}); err != nil {
		t.Fatal(err)
	}
	server := selfSigned(t, "server", host)
	cfg := Config{
		Store: r.store, Policies: policy.NewCache(100), Sessions: r.keyring, Account: account, Region: region,
		Hosts:              []string{host, "localhost"},
		GetCertificate:     func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &server, nil },
		RatePerCertificate: -1,
		Logger:             slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Observer: r.outcomes, Clock: r.clock.Now,
	}
	for _, f := range change {
		f(&cfg)
	}
	if r.endpoint, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	r.device = selfSigned(t, "device")
	r.deviceID = r.registerCertificate(r.device, metastore.CertificateActive)
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return firstError(
			metastore.ThingTypes.Put(ctx, w, account, "sensor", &metastore.ThingType{Name: "sensor"}),
			metastore.IoTPolicies.Put(ctx, w, account, "policy", iotPolicy("policy", allowAlias)),
			metastore.RoleAliases.Put(ctx, w, account, "alias", &metastore.RoleAlias{
				Alias: "alias", RoleARN: arn.IAM(account, "role", "/", "role"), CredentialDurationSeconds: 3600}),
			metastore.Roles.Put(ctx, w, account, "role", &metastore.Role{
				Name: "role", Path: "/", UniqueID: "AROAEXAMPLEEXAMPLE234", Trust: trustIoT, MaxSessionSeconds: 3600}),
		)
	})
	r.putThing("device-1", "sensor", nil)
	r.attachThing("device-1", r.deviceID)
	r.attachPolicy("policy", metastore.CertificatePoint(r.deviceID))
	return r
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func iotPolicy(name, document string) *metastore.IoTPolicy {
	return &metastore.IoTPolicy{Name: name, DefaultVersion: "1", NextVersion: 2,
		Versions: []metastore.PolicyVersion{{ID: "1", Document: document}}}
}

func (r *rig) update(f func(context.Context, metastore.Writer) error) {
	r.t.Helper()
	ctx := context.Background()
	if err := r.store.Update(ctx, func(w metastore.Writer) error { return f(ctx, w) }); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) putThing(name, typeName string, attributes map[string]string) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.Things.Put(ctx, w, account, name, &metastore.Thing{Name: name, ThingID: "id-of-" + name, TypeName: typeName, Attributes: attributes, Version: 1})
	})
}

func (r *rig) attachThing(name, certificateID string) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		_, err := metastore.ThingPrincipals.Add(ctx, w, account, name, certificateID, metastore.NonExclusiveThing)
		return err
	})
}

func (r *rig) attachPolicy(name, point string) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		_, err := metastore.IoTPolicyAttachments.Add(ctx, w, account, name, point, "")
		return err
	})
}

func (r *rig) detachPolicy(name, point string) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		_, err := metastore.IoTPolicyAttachments.Remove(ctx, w, account, name, point)
		return err
	})
}

func (r *rig) putPolicy(name, document string) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.IoTPolicies.Put(ctx, w, account, name, iotPolicy(name, document))
	})
}

func (r *rig) putGroup(name, parent string) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.ThingGroups.Put(ctx, w, account, name, &metastore.ThingGroup{Name: name, Parent: parent, Version: 1})
	})
}

func (r *rig) addToGroup(group, thing string) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		_, err := metastore.ThingGroupMembers.Add(ctx, w, account, group, thing, "")
		return err
	})
}

func (r *rig) changeRole(change func(*metastore.Role)) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.Roles.Modify(ctx, w, account, "role", func(v *metastore.Role) error { change(v); return nil })
	})
}

func (r *rig) changeAlias(change func(*metastore.RoleAlias)) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.RoleAliases.Modify(ctx, w, account, "alias", func(v *metastore.RoleAlias) error { change(v); return nil })
	})
}

func (r *rig) setStatus(status string) {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.Certificates.Modify(ctx, w, account, r.deviceID, func(v *metastore.Certificate) error { v.Status = status; return nil })
	})
}

// registerCertificate registers a certificate and returns its id.
func (r *rig) registerCertificate(cert tls.Certificate, status string) string {
	r.t.Helper()
	parsed, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		r.t.Fatal(err)
	}
	id := pki.CertificateID(parsed.Raw)
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.Certificates.Put(ctx, w, account, id, &metastore.Certificate{
			PEM: string(pki.EncodeCertificate(parsed.Raw)), Status: status, NotBefore: parsed.NotBefore, NotAfter: parsed.NotAfter,
		})
	})
	return id
}

// selfSigned makes a certificate and key, valid through 2026.
func selfSigned(t testing.TB, commonName string, hosts ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return selfSignedBy(t, key, &x509.Certificate{Subject: pkix.Name{CommonName: commonName}, DNSNames: hosts})
}

func selfSignedBy(t testing.TB, key crypto.Signer, template *x509.Certificate) tls.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	template.NotBefore = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	template.NotAfter = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve starts the endpoint on a listener of the machine itself.
func (r *rig) serve() {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.address = l.Addr().String()
	server := r.endpoint.Server()
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.ServeTLS(l, "", "")
	}()
	r.t.Cleanup(func() { server.Close(); <-done })
}

// client returns an HTTP client of the device for the running listener.
func (r *rig) client(change ...func(*tls.Config, *http.Transport)) *http.Client {
	config := &tls.Config{
		Certificates: []tls.Certificate{r.device},
		ServerName:   host,
		// The path of the server's certificate is no matter here.
		InsecureSkipVerify: true,
	}
	transport := &http.Transport{
		TLSClientConfig: config,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, r.address)
		},
	}
	for _, f := range change {
		f(config, transport)
	}
	r.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
	proto  string
	tls    *tls.ConnectionState
}

// do sends a GET with optional thing headers.
func (r *rig) do(c *http.Client, path string, things ...string) reply {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "https://"+host+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, thing := range things {
		req.Header.Add("x-amzn-iot-thingname", thing)
	}
	return r.send(c, req)
}

func (r *rig) send(c *http.Client, req *http.Request) reply {
	r.t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(body), resp.Proto, resp.TLS}
}

const path = "/role-aliases/alias/credentials"

// session opens the credentials of an answer.
func (r *rig) session(a reply) *session.Session {
	r.t.Helper()
	if a.status != http.StatusOK {
		r.t.Fatalf("status %d %s, want 200", a.status, a.body)
	}
	var b body
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		r.t.Fatal(err)
	}
	s, secret, err := r.keyring.Open(b.Credentials.AccessKeyID, b.Credentials.SessionToken)
	if err != nil || secret != b.Credentials.SecretAccessKey {
		r.t.Fatalf("Open = %v, secret equal: %v", err, secret == b.Credentials.SecretAccessKey)
	}
	return s
}
