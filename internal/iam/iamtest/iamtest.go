// Package iamtest runs services of the Query protocol in tests, behind the
// request pipeline, a store and an identity resolver that are the real ones.
//
// A [World] is one account with a root key and a clock that stands still. A
// [Client] signs requests with some credentials and returns [Answer]s. The
// package knows no service: tests say which they serve.
package iamtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/sqlite"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
	"inro.dev/inro/internal/sigv4"
)

// Account is the account of every World.
const Account = "999999999999"

// The access key of its root.
const (
	RootKey    = "AKIAROOTROOTROOTROOT"
	rootSecret = "root-secret"
)

// World is an account with services.
type World struct {
	T        *testing.T
	Store    metastore.Store
	Policies *identity.Policies
	Sessions *session.Keyring
	// Time is what every clock shows. Tests may move it.
	Time time.Time

	server *api.Server

	noting      sync.Mutex
	permissions []api.Permission // of the last request
}

// New returns a world with the services that serve makes of it.
func New(t *testing.T, serve func(*World) []api.Service) *World {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, "records.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	w := &World{T: t, Store: store, Policies: identity.NewPolicies(policy.NewCache(100)),
		Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	if w.Sessions, err = session.CreateKeyring(filepath.Join(dir, "sessions.json"), session.Config{Now: w.Clock}); err != nil {
		t.Fatal(err)
	}
	w.Update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.AccessKeys.Insert(ctx, tx, metastore.GlobalAccount, RootKey,
			&metastore.AccessKey{Account: Account, Secret: rootSecret, Active: true, Created: w.Time})
	})
	w.server, err = api.NewServer(api.Config{
		Services:  serve(w),
		Authority: recorder{identity.NewResolver(identity.Config{Store: store, Sessions: w.Sessions, Policies: w.Policies, Clock: w.Clock}), w},
		Logger:    slog.New(slog.NewTextHandler(t.Output(), nil)),
		Clock:     w.Clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// recorder notes the permissions that its resolver decides.
type recorder struct {
	*identity.Resolver
	world *World
}

func (r recorder) Decide(ctx context.Context, c *identity.Caller, p api.Permission, keys *policy.Context) (policy.Decision, error) {
	r.world.noting.Lock()
	r.world.permissions = append(r.world.permissions, p)
	r.world.noting.Unlock()
	return r.Resolver.Decide(ctx, c, p, keys)
}

// Permissions returns those that the last request was decided by, in order.
// They mean nothing when requests run at the same time.
func (w *World) Permissions() []api.Permission {
	w.noting.Lock()
	defer w.noting.Unlock()
	return w.permissions
}

// Clock returns the world's time.
func (w *World) Clock() time.Time { return w.Time }

// Update runs f in a transaction and fails the test on an error.
func (w *World) Update(f func(context.Context, metastore.Writer) error) {
	w.T.Helper()
	ctx := context.Background()
	if err := w.Store.Update(ctx, func(tx metastore.Writer) error { return f(ctx, tx) }); err != nil {
		w.T.Fatal(err)
	}
}

// Root returns a client with root's key.
func (w *World) Root() *Client {
	return w.As(sigv4.Credentials{AccessKeyID: RootKey, SecretAccessKey: rootSecret})
}

// NewAccount makes a further account and returns a client with its root's key.
func (w *World) NewAccount(number string) *Client {
	w.T.Helper()
	key := "AKIAROOT" + number
	w.Update(func(ctx context.Context, tx metastore.Writer) error {
		if err := metastore.RegisterAccount(ctx, tx, number, &metastore.Account{EndpointPrefix: number, Created: w.Time}); err != nil {
			return err
		}
		return metastore.AccessKeys.Insert(ctx, tx, metastore.GlobalAccount, key,
			&metastore.AccessKey{Account: number, Secret: rootSecret, Active: true, Created: w.Time})
	})
	return w.As(sigv4.Credentials{AccessKeyID: key, SecretAccessKey: rootSecret})
}

// As returns a client with the given credentials.
func (w *World) As(c sigv4.Credentials) *Client { return &Client{w, c} }

// Stranger returns a client that signs nothing.
func (w *World) Stranger() *Client { return &Client{world: w} }

// Client sends requests of one caller.
type Client struct {
	world       *World
	credentials sigv4.Credentials
}

// Call sends one request to a service. params are the names and values of its
// members in turn. The version is the service's own.
func (c *Client) Call(service, action string, params ...string) *Answer {
	c.world.T.Helper()
	form := url.Values{"Action": {action}, "Version": {versions[service]}}
	if len(params)%2 != 0 {
		c.world.T.Fatalf("%s: the parameters are no pairs: %q", action, params)
	}
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	body := form.Encode()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9000/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256([]byte(body))
	scope := sigv4.Scope{Region: "us-east-1", Service: service}
	if c.credentials.AccessKeyID != "" {
		if err := sigv4.Sign(r, c.credentials, scope, c.world.Time, hex.EncodeToString(sum[:])); err != nil {
			c.world.T.Fatal(err)
		}
	}
	rec := httptest.NewRecorder()
	c.world.noting.Lock()
	c.world.permissions = nil
	c.world.noting.Unlock()
	c.world.server.ServeHTTP(rec, r)
	a := &Answer{t: c.world.T, action: action, Status: rec.Code, Body: rec.Body.String()}
	if err := xml.NewDecoder(strings.NewReader(a.Body)).Decode(&a.root); err != nil && err != io.EOF {
		c.world.T.Fatalf("%s: the answer is not XML: %v\n%s", action, err, a.Body)
	}
	return a
}

var versions = map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}

// IAM sends a request to IAM.
func (c *Client) IAM(action string, params ...string) *Answer {
	c.world.T.Helper()
	return c.Call("iam", action, params...)
}

// STS sends a request to STS.
func (c *Client) STS(action string, params ...string) *Answer {
	c.world.T.Helper()
	return c.Call("sts", action, params...)
}

// Answer is an answer as it came.
type Answer struct {
	Status int
	Body   string

	t      *testing.T
	action string
	root   node
}

type node struct {
	XMLName  xml.Name
	Text     string `xml:",chardata"`
	Children []node `xml:",any"`
}

// Get returns the text at a path below the result element, "" if there is
// none: "Role/Arn", "Roles/member.2/Arn".
func (a *Answer) Get(path string) string {
	if n := a.find(path); n != nil {
		return n.Text
	}
	return ""
}

// Has reports whether there is an element at the path.
func (a *Answer) Has(path string) bool { return a.find(path) != nil }

// Count returns how many elements a list has.
func (a *Answer) Count(path string) int {
	if n := a.find(path); n != nil {
		return len(n.Children)
	}
	return 0
}

// List returns the text of a member of every element of a list, or of the
// elements themselves when member is empty.
func (a *Answer) List(path, member string) []string {
	texts := []string{}
	for i := range a.Count(path) {
		p := fmt.Sprintf("%s/member.%d", path, i+1)
		if member != "" {
			p += "/" + member
		}
		texts = append(texts, a.Get(p))
	}
	return texts
}

func (a *Answer) find(path string) *node {
	n := a.root.child(a.action + "Result")
	for _, name := range strings.Split(path, "/") {
		if n == nil {
			return nil
		}
		n = n.child(name)
	}
	return n
}

// child returns the first child of a name, or the one with a number after a
// dot, counted from 1.
func (n *node) child(name string) *node {
	name, number, numbered := strings.Cut(name, ".")
	want := 1
	if numbered {
		fmt.Sscan(number, &want)
	}
	for i := range n.Children {
		if n.Children[i].XMLName.Local == name {
			if want--; want == 0 {
				return &n.Children[i]
			}
		}
	}
	return nil
}

// Code returns the code of an error, "" for success.
func (a *Answer) Code() string { return a.errorPart("Code") }

// Message returns the text of an error.
func (a *Answer) Message() string { return a.errorPart("Message") }

func (a *Answer) errorPart(name string) string {
	if e := a.root.child("Error"); e != nil {
		if n := e.child(name); n != nil {
			return n.Text
		}
	}
	return ""
}

// OK fails the test unless the answer is a success, and returns it.
func (a *Answer) OK() *Answer {
	a.t.Helper()
	if a.Status != http.StatusOK {
		a.t.Fatalf("%s: got %d %s: %s", a.action, a.Status, a.Code(), a.Message())
	}
	return a
}

// Step is one request and what is expected of it.
type Step struct {
	Action string
	Params []string
	// Refused is "404 NoSuchEntity: text", or "" for success.
	Refused string
	// Want are paths, as of Get, and their texts in turn.
	Want []string
}

// Run sends the steps in order and reports every difference.
func (c *Client) Run(service string, steps ...Step) {
	t := c.world.T
	t.Helper()
	for i, step := range steps {
		a := c.Call(service, step.Action, step.Params...)
		got := ""
		if a.Status != http.StatusOK {
			got = fmt.Sprintf("%d %s: %s", a.Status, a.Code(), a.Message())
		}
		if got != step.Refused {
			t.Errorf("step %d, %s %q:\n got refusal %q\nwant refusal %q", i+1, step.Action, clip(step.Params), got, step.Refused)
			continue
		}
		for j := 0; j+1 < len(step.Want); j += 2 {
			if text := a.Get(step.Want[j]); text != step.Want[j+1] {
				t.Errorf("step %d, %s %q: %s:\n got %q\nwant %q\n%s", i+1, step.Action, clip(step.Params), step.Want[j], text, step.Want[j+1], a.Body)
			}
		}
	}
}

// clip shortens parameters for a report.
func clip(params []string) string {
	const most = 300
	text := fmt.Sprintf("%q", params)
	return text[:min(len(text), most)]
}

// Refused checks that the answer is an error of the given status, code and
// text.
func (a *Answer) Refused(status int, code, message string) {
	a.t.Helper()
	if a.Status != status || a.Code() != code || a.Message() != message {
		a.t.Errorf("%s:\n got %d %s: %s\nwant %d %s: %s", a.action, a.Status, a.Code(), a.Message(), status, code, message)
	}
}

// Credentials returns the credentials of an answer of STS, or the access key
// of CreateAccessKey.
func (a *Answer) Credentials() sigv4.Credentials {
	a.t.Helper()
	part := "Credentials"
	if a.Has("AccessKey") {
		part = "AccessKey"
	}
	return sigv4.Credentials{
		AccessKeyID: a.OK().Get(part + "/AccessKeyId"), SecretAccessKey: a.Get(part + "/SecretAccessKey"),
		SessionToken: a.Get(part + "/SessionToken"),
	}
}
