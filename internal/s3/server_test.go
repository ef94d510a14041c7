package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"

	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/kms"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/memory"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/sigv4"
)

const (
	account      = "999999999999"
	otherAccount = "111111111111"
	region       = "ap-northeast-1"
)

// user is a caller of the fixture and what it may do.
type user struct {
	caller *identity.Caller
	sets   policy.Sets
}

// fixture is a service behind the whole pipeline, with a real engine and real
// policy evaluation.
type fixture struct {
	tb      testing.TB
	engine  *object.Engine
	store   metastore.Store
	keyring *kms.Keyring
	keys    *kms.Keys
	server  *api.Server
	s3      *Service

	targets *fixtureTargets

	mu         sync.Mutex
	now        time.Time
	users      map[string]*user
	newBuckets NewBuckets

	// decided, when set, runs after a decision: a change that comes between.
	decided func()
}

func newFixture(tb testing.TB) *fixture { return newFixtureWith(tb, NewBuckets{}) }

// newFixtureWith is newFixture with other defaults of new buckets.
func newFixtureWith(tb testing.TB, defaults NewBuckets) *fixture {
	tb.Helper()
	f := &fixture{tb: tb, newBuckets: defaults, now: time.Date(2026, 11, 20, 10, 0, 0, 123456789, time.UTC), users: make(map[string]*user)}
	engine, err := object.Open(object.Config{Dir: tb.TempDir(), Clock: f.clock, ReserveBytes: -1, CacheSizeBytes: 8 << 20})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { engine.Close() })
	f.engine, f.store, f.targets = engine, memory.New(), newFixtureTargets()
	keyring, err := kms.Create(filepath.Join(tb.TempDir(), "master-keys.json"), kms.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := kms.NewKeys(testKeys)
	if err != nil {
		tb.Fatal(err)
	}
	f.keyring, f.keys = keyring, keys
	f.serve(f.service())
	for _, number := range []string{account, otherAccount} {
		err := f.store.Update(tb.Context(), func(w metastore.Writer) error {
			return metastore.RegisterAccount(tb.Context(), w, number, &metastore.Account{Name: "account " + number, EndpointPrefix: "prefix" + number})
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	f.users["root"] = &user{caller: newCaller(policy.Principal{Type: policy.Root, Account: account, ARN: arn.Root(account), UserID: account})}
	f.users["other"] = &user{caller: newCaller(policy.Principal{Type: policy.Root, Account: otherAccount, ARN: arn.Root(otherAccount), UserID: otherAccount})}
	return f
}

// serve puts a service behind the pipeline.
func (f *fixture) serve(s *Service) {
	f.tb.Helper()
	var err error
	f.s3 = s
	f.server, err = api.NewServer(api.Config{
		Services:  []api.Service{s.API(), s.ControlAPI(), s.Website()},
		Authority: f, Region: region, Domains: []string{"s3.localhost"}, Clock: f.clock,
		Logger: slog.New(slog.NewTextHandler(testWriter{f.tb}, nil)),
	})
	if err != nil {
		f.tb.Fatal(err)
	}
}

type testWriter struct{ tb testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.tb.Log(string(bytes.TrimSpace(b)))
	return len(b), nil
}

func newCaller(p policy.Principal) *identity.Caller {
	p.CanonicalUser = canonicalUser(p.Account)
	return &identity.Caller{Principal: p, Keys: new(policy.Context)}
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// grant makes a role session with one policy and these caller keys.
func (f *fixture) grant(name, document string, keys map[string]string) {
	f.tb.Helper()
	doc, err := policy.Parse([]byte(document), policy.Identity)
	if err != nil {
		f.tb.Fatalf("policy of %s: %v", name, err)
	}
	caller := newCaller(policy.Principal{
		Type: policy.AssumedRole, Account: account, ARN: arn.AssumedRole(account, "role", name),
		RoleARN: arn.IAM(account, "role", "/", "role"), UserID: "AROAEXAMPLEEXAMPLE123:" + name,
	})
	for k, v := range keys {
		caller.Keys.Set(k, v)
	}
	f.users[name] = &user{caller, policy.Sets{Identity: []*policy.Policy{policy.Compile(doc, policy.Source{ID: name})}}}
}

// allow grants actions on resources without conditions.
func (f *fixture) allow(name string, actions, resources []string) {
	f.grant(name, fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["%s"],"Resource":["%s"]}}`,
		strings.Join(actions, `","`), strings.Join(resources, `","`)), nil)
}

func (f *fixture) Resolve(_ context.Context, accessKeyID, _ string) (*identity.Caller, string, error) {
	u, ok := f.users[accessKeyID]
	if !ok {
		return nil, "", identity.ErrUnknownKey
	}
	return u.caller, secretOf(accessKeyID), nil
}

func secretOf(accessKeyID string) string { return "secret of " + accessKeyID }

func (f *fixture) Decide(_ context.Context, c *identity.Caller, p api.Permission, keys *policy.Context) (policy.Decision, error) {
	sets := new(policy.Sets)
	for _, u := range f.users {
		if u.caller == c {
			sets = &u.sets
		}
	}
	decided := *sets
	decided.Resource, decided.ResourceOnlyDenies, decided.ACL = p.ResourcePolicy, p.PolicyOnlyDenies, p.ACL
	layer := keys.Layer()
	for _, k := range p.Keys {
		k.Set(layer)
	}
	d := policy.Evaluate(&policy.Request{
		Principal: c.Principal, Action: p.Action, Resource: p.Resource, Context: layer, ResourceAccount: p.ResourceAccount,
	}, &decided)
	if f.decided != nil {
		f.decided()
	}
	return d, layer.Err()
}

// call is a request to make.
type call struct {
	as      string // user; "" is anonymous
	method  string
	path    string // escaped, with the query
	headers map[string]string
	body    string
	region  string
	from    string // address and port of the client; empty: httptest's
	// prepare changes the request before it is signed, stream replaces
	// signing.
	stream func(r *http.Request, c sigv4.Credentials, s sigv4.Scope, t time.Time) error
}

// answered is the answer to a call.
type answered struct {
	status int
	header http.Header
	body   string
}

// meta returns user metadata, whose names are in lower case on the wire.
func (a answered) meta(name string) string {
	return strings.Join(a.header["x-amz-meta-"+name], ",")
}

// do makes a request. Fields of c that are empty are root's and GET's.
func (f *fixture) do(c call) answered {
	f.tb.Helper()
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, f.request(c))
	return answered{w.Code, w.Header(), w.Body.String()}
}

func (f *fixture) request(c call) *http.Request {
	f.tb.Helper()
	if c.method == "" {
		c.method = http.MethodGet
	}
	if c.region == "" {
		c.region = region
	}
	r := httptest.NewRequest(c.method, "http://localhost:9000"+c.path, strings.NewReader(c.body))
	if c.from != "" {
		r.RemoteAddr = c.from
	}
	for name, value := range c.headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	if c.as == "anonymous" {
		r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		return r
	}
	if c.as == "" {
		c.as = "root"
	}
	credentials := sigv4.Credentials{AccessKeyID: c.as, SecretAccessKey: secretOf(c.as)}
	scope := sigv4.Scope{Region: c.region, Service: "s3"}
	var err error
	if c.stream != nil {
		err = c.stream(r, credentials, scope, f.clock())
	} else {
		sum := sha256.Sum256([]byte(c.body))
		err = sigv4.Sign(r, credentials, scope, f.clock(), hex.EncodeToString(sum[:]))
	}
	if err != nil {
		f.tb.Fatalf("sign %s %s: %v", c.method, c.path, err)
	}
	r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10)) // as net/http's server leaves it
	return r
}

// must makes a request that has to succeed.
func (f *fixture) must(c call) answered {
	f.tb.Helper()
	a := f.do(c)
	if a.status >= 300 {
		f.tb.Fatalf("%s %s as %q: got %d %s, want success", c.method, c.path, c.as, a.status, a.body)
	}
	return a
}

func (f *fixture) bucket(name string) {
	f.tb.Helper()
	f.must(call{method: "PUT", path: "/" + name, body: constraint(region)})
}

func (f *fixture) put(bucket, key, body string) answered {
	f.tb.Helper()
	return f.must(call{method: "PUT", path: "/" + bucket + "/" + escape(key), body: body})
}

func escape(key string) string { return strings.ReplaceAll(url.PathEscape(key), "%2F", "/") }

func constraint(region string) string {
	return `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>` + region + `</LocationConstraint></CreateBucketConfiguration>`
}

// refusal is an S3 error body.
type refusal struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
	Fields  []struct {
		XMLName xml.Name
		Value   string `xml:",chardata"`
	} `xml:",any"`
}

func (a answered) refusal(tb testing.TB) refusal {
	tb.Helper()
	var e refusal
	if err := xml.Unmarshal([]byte(a.body), &e); err != nil {
		tb.Fatalf("got %d %q, want an error body: %v", a.status, a.body, err)
	}
	return e
}

func (e refusal) field(name string) string {
	for _, f := range e.Fields {
		if f.XMLName.Local == name {
			return f.Value
		}
	}
	return ""
}

// wantRefusal checks status and code.
func wantRefusal(tb testing.TB, what string, a answered, status int, code string) refusal {
	tb.Helper()
	if a.status != status {
		tb.Fatalf("%s: got %d %s, want %d %s", what, a.status, a.body, status, code)
	}
	e := a.refusal(tb)
	if e.Code != code {
		tb.Fatalf("%s: got %s (%s), want %s", what, e.Code, e.Message, code)
	}
	return e
}

func decodeXML[T any](tb testing.TB, a answered) T {
	tb.Helper()
	var v T
	if err := xml.Unmarshal([]byte(a.body), &v); err != nil {
		tb.Fatalf("got %d %q: %v", a.status, a.body, err)
	}
	return v
}

// listen serves the fixture on a loopback port.
func (f *fixture) listen() *httptest.Server {
	s := httptest.NewServer(f.server)
	f.tb.Cleanup(s.Close)
	return s
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }
