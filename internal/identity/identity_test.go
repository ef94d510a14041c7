package identity_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/sqlite"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
)

const account = "999999999999"

const certificateID = "5c3453ecc18e5e6b8f3cf89a6c1d68f62a5b08855d13c61b37c987e3442f70f5"

const allowGet = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`
const allowFolder = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${credentials-iot:ThingName}/*"}]}`
const denyAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"credentials.iot.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// world is a store with a user, a role, a thing with its certificate, and a
// resolver over it.
type world struct {
	t        *testing.T
	store    metastore.Store
	sessions *session.Keyring
	resolver *identity.Resolver
	now      time.Time
}

func newWorld(t *testing.T, change func(*identity.Config)) *world {
	dir := t.TempDir()
	store, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, "inro.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	w := &world{t: t, store: store, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.sessions, err = session.LoadOrCreateKeyring(filepath.Join(dir, "sessions.json"), session.Config{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	cfg := identity.Config{Store: store, Sessions: w.sessions, Policies: identity.NewPolicies(policy.NewCache(100)), Clock: clock}
	if change != nil {
		change(&cfg)
	}
	w.resolver = identity.NewResolver(cfg)
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return errors.Join(
			metastore.AccessKeys.Put(ctx, tx, metastore.GlobalAccount, "AKIAROOT", &metastore.AccessKey{Account: account, Secret: "root-secret", Active: true}),
			metastore.AccessKeys.Put(ctx, tx, metastore.GlobalAccount, "AKIAUSER", &metastore.AccessKey{Account: account, UserName: "Ann", Secret: "ann-secret", Active: true}),
			metastore.Users.Put(ctx, tx, account, "ann", &metastore.User{Name: "Ann", Path: "/staff/", UniqueID: "AIDAANN", Tags: []metastore.Tag{{Key: "team", Value: "x"}}}),
			metastore.Groups.Put(ctx, tx, account, "ops", &metastore.Group{Name: "ops", Path: "/", UniqueID: "AGPAOPS"}),
			metastore.Roles.Put(ctx, tx, account, "device", &metastore.Role{Name: "device", Path: "/fleet/", UniqueID: "AROADEVICE", Trust: trust, MaxSessionSeconds: 3600,
				Inline: []metastore.InlinePolicy{{Name: "folder", Document: allowFolder}}}),
			metastore.Certificates.Put(ctx, tx, account, certificateID, &metastore.Certificate{Status: metastore.CertificateActive, NotBefore: w.now.AddDate(-1, 0, 0), NotAfter: w.now.AddDate(1, 0, 0)}),
			metastore.Things.Put(ctx, tx, account, "t1", &metastore.Thing{Name: "t1", ThingID: "id-1"}),
			related(metastore.ThingPrincipals.Add(ctx, tx, account, "t1", certificateID, metastore.NonExclusiveThing)),
		)
	})
	return w
}

func related(_ bool, err error) error { return err }

func (w *world) update(f func(context.Context, metastore.Writer) error) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.store.Update(ctx, func(tx metastore.Writer) error { return f(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) resolve(key, token string) (*identity.Caller, string, error) {
	return w.resolver.Resolve(context.Background(), key, token)
}

func (w *world) decide(c *identity.Caller, action, resource string) policy.Decision {
	w.t.Helper()
	d, err := w.resolver.Decide(context.Background(), c, identity.Permission{Action: action, Resource: resource}, c.Keys.Layer())
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) mint(s session.Session) session.Credentials {
	w.t.Helper()
	s.Account = account
	if s.Expires.IsZero() {
		s.Expires = w.now.Add(time.Hour)
	}
	c, err := w.sessions.Mint(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) device() session.Credentials {
	return w.mint(session.Session{Kind: session.Device, RoleName: "device", RoleID: "AROADEVICE", RolePath: "/fleet/",
		CertificateID: certificateID, ThingName: "t1", ThingID: "id-1"})
}

func TestKeysResolveToTheirOwners(t *testing.T) {
	w := newWorld(t, nil)
	c, secret, err := w.resolve("AKIAROOT", "")
	if err != nil || secret != "root-secret" || !c.IsRoot() || c.Principal.ARN != "arn:aws:iam::999999999999:root" {
		t.Fatalf("root: %+v, %q, %v", c, secret, err)
	}
	if d := w.decide(c, "iam:CreateUser", "arn:aws:iam::999999999999:user/x"); !d.Allowed() {
		t.Errorf("root was refused: %v", d)
	}
	c, secret, err = w.resolve("AKIAUSER", "")
	if err != nil || secret != "ann-secret" || c.Principal.ARN != "arn:aws:iam::999999999999:user/staff/Ann" || c.UserName != "Ann" {
		t.Fatalf("user: %+v, %q, %v", c, secret, err)
	}
	if v, _ := c.Keys.Get("aws:PrincipalTag/team"); len(v) != 1 || v[0] != "x" {
		t.Errorf("aws:PrincipalTag/team = %v, want x", v)
	}
	for _, key := range []string{"AKIANOBODY", "", "\x00"} {
		if _, _, err := w.resolve(key, ""); !errors.Is(err, identity.ErrUnknownKey) {
			t.Errorf("key %q: %v, want ErrUnknownKey", key, err)
		}
	}
}

func TestAnInactiveKeyAndOneOfADeletedUserAreUnknown(t *testing.T) {
	w := newWorld(t, nil)
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.AccessKeys.Modify(ctx, tx, metastore.GlobalAccount, "AKIAUSER", func(k *metastore.AccessKey) error { k.Active = false; return nil })
	})
	if _, _, err := w.resolve("AKIAUSER", ""); !errors.Is(err, identity.ErrUnknownKey) {
		t.Errorf("inactive key: %v, want ErrUnknownKey", err)
	}
	w = newWorld(t, nil)
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Users.Delete(ctx, tx, account, "ann")
	})
	if _, _, err := w.resolve("AKIAUSER", ""); !errors.Is(err, identity.ErrUnknownKey) {
		t.Errorf("key of a deleted user: %v, want ErrUnknownKey", err)
	}
}

func TestPoliciesOfUserAndGroupsHoldFromTheNextRequest(t *testing.T) {
	w := newWorld(t, nil)
	allowed := func() bool {
		t.Helper()
		c, _, err := w.resolve("AKIAUSER", "")
		if err != nil {
			t.Fatal(err)
		}
		return w.decide(c, "s3:GetObject", "arn:aws:s3:::b/k").Allowed()
	}
	if allowed() {
		t.Fatal("allowed without any policy")
	}
	policyARN := "arn:aws:iam::999999999999:policy/get"
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return errors.Join(
			metastore.Policies.Put(ctx, tx, account, policyARN, &metastore.Policy{Name: "get", DefaultVersion: "v1", Versions: []metastore.PolicyVersion{{ID: "v1", Document: allowGet}}}),
			related(metastore.PolicyAttachments.Add(ctx, tx, account, policyARN, metastore.GroupPoint("ops"), "")),
			related(metastore.GroupMembers.Add(ctx, tx, account, "ops", "ann", "")))
	})
	if !allowed() {
		t.Fatal("refused although a group's policy allows")
	}
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Users.Modify(ctx, tx, account, "ann", func(u *metastore.User) error {
			u.Boundary = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
			return nil
		})
	})
	if allowed() {
		t.Fatal("allowed beyond the permissions boundary")
	}
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Users.Modify(ctx, tx, account, "ann", func(u *metastore.User) error {
			u.Boundary, u.Inline = "", []metastore.InlinePolicy{{Name: "no", Document: denyAll}}
			return nil
		})
	})
	if allowed() {
		t.Fatal("allowed against an explicit deny")
	}
}

func TestAnAttachedPolicyThatCannotBeReadRefusesAll(t *testing.T) {
	w := newWorld(t, nil)
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return errors.Join(
			related(metastore.PolicyAttachments.Add(ctx, tx, account, "arn:aws:iam::aws:policy/AdministratorAccess", metastore.UserPoint("ann"), "")),
			related(metastore.PolicyAttachments.Add(ctx, tx, account, "arn:aws:iam::999999999999:policy/gone", metastore.UserPoint("ann"), "")))
	})
	if c, _, err := w.resolve("AKIAUSER", ""); err == nil {
		t.Fatalf("resolved to %+v, want an error: the missing policy may deny", c)
	}
}

func TestADeviceReachesItsOwnFolderOnly(t *testing.T) {
	w := newWorld(t, nil)
	credentials := w.device()
	c, secret, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken)
	if err != nil || secret != credentials.SecretAccessKey {
		t.Fatalf("resolve: %v; secret matches: %v", err, secret == credentials.SecretAccessKey)
	}
	if want := "arn:aws:sts::999999999999:assumed-role/device/" + certificateID; c.Principal.ARN != want {
		t.Errorf("ARN %s, want %s", c.Principal.ARN, want)
	}
	for resource, want := range map[string]bool{
		"arn:aws:s3:::b/t1/x": true, "arn:aws:s3:::b/t2/x": false, "arn:aws:s3:::b/t1": false, "arn:aws:s3:::b/t10/x": false,
	} {
		if got := w.decide(c, "s3:GetObject", resource).Allowed(); got != want {
			t.Errorf("%s: allowed %v, want %v", resource, got, want)
		}
	}
}

func TestADeviceWithoutThingHasNoFolder(t *testing.T) {
	w := newWorld(t, nil)
	credentials := w.mint(session.Session{Kind: session.Device, RoleName: "device", RoleID: "AROADEVICE", CertificateID: certificateID})
	c, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range []string{"arn:aws:s3:::b/t1/x", "arn:aws:s3:::b//x", "arn:aws:s3:::b/${credentials-iot:ThingName}/x"} {
		if w.decide(c, "s3:GetObject", resource).Allowed() {
			t.Errorf("%s: allowed", resource)
		}
	}
}

// revocations are the changes after which a device's session must be refused.
var revocations = map[string]func(context.Context, metastore.Writer) error{
	"certificate inactive": func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Certificates.Modify(ctx, tx, account, certificateID, func(c *metastore.Certificate) error { c.Status = metastore.CertificateInactive; return nil })
	},
	"certificate revoked": func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Certificates.Modify(ctx, tx, account, certificateID, func(c *metastore.Certificate) error { c.Status = metastore.CertificateRevoked; return nil })
	},
	"certificate deleted": func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Certificates.Delete(ctx, tx, account, certificateID)
	},
	"certificate detached": func(ctx context.Context, tx metastore.Writer) error {
		return related(metastore.ThingPrincipals.Remove(ctx, tx, account, "t1", certificateID))
	},
	"thing deleted": func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Things.Delete(ctx, tx, account, "t1")
	},
	"thing made again": func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Things.Modify(ctx, tx, account, "t1", func(v *metastore.Thing) error { v.ThingID = "id-2"; return nil })
	},
}

func TestADeviceSessionEndsWithItsEntitlement(t *testing.T) {
	for name, change := range revocations {
		w := newWorld(t, nil)
		credentials := w.device()
		if _, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken); err != nil {
			t.Fatalf("%s: before: %v", name, err)
		}
		w.update(change)
		if _, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken); !errors.Is(err, identity.ErrRevoked) {
			t.Errorf("%s: %v, want ErrRevoked", name, err)
		}
	}
}

func TestKeepSessionsRestoresAWS(t *testing.T) {
	for name, change := range revocations {
		w := newWorld(t, func(c *identity.Config) { c.KeepSessions = true })
		credentials := w.device()
		w.update(change)
		if _, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken); err != nil {
			t.Errorf("%s: %v, want the session to go on", name, err)
		}
	}
}

func TestSessionsOfARoleMadeAgainOrOfAnotherKeyAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	credentials := w.device()
	other := w.device()
	if _, _, err := w.resolve(other.AccessKeyID, credentials.SessionToken); !errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("token of another key: %v, want ErrInvalidToken", err)
	}
	if _, _, err := w.resolve(credentials.AccessKeyID, "AAAA"); !errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("garbage token: %v, want ErrInvalidToken", err)
	}
	if _, _, err := w.resolve(credentials.AccessKeyID, ""); !errors.Is(err, identity.ErrUnknownKey) {
		t.Errorf("no token: %v, want ErrUnknownKey", err)
	}
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Roles.Modify(ctx, tx, account, "device", func(r *metastore.Role) error { r.UniqueID = "AROAOTHER"; return nil })
	})
	if _, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("role made again: %v, want ErrRevoked", err)
	}
	w.now = w.now.Add(2 * time.Hour)
	if _, _, err := w.resolve(other.AccessKeyID, other.SessionToken); !errors.Is(err, identity.ErrExpiredToken) {
		t.Errorf("after its end: %v, want ErrExpiredToken", err)
	}
}

func TestSessionPoliciesLimit(t *testing.T) {
	w := newWorld(t, nil)
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return related(metastore.PolicyAttachments.Add(ctx, tx, account, "arn:aws:iam::aws:policy/AdministratorAccess", metastore.RolePoint("device"), ""))
	})
	role := session.Session{Kind: session.Role, RoleName: "device", RoleID: "AROADEVICE", SessionName: "s", Policy: allowGet}
	federated := session.Session{Kind: session.Federated, SessionName: "f", Policy: allowGet}
	bare := session.Session{Kind: session.Federated, SessionName: "f"}
	for _, c := range []struct {
		name    string
		session session.Session
		action  string
		want    bool
	}{
		{"role, in the policy", role, "s3:GetObject", true}, {"role, outside it", role, "s3:PutObject", false},
		{"federated by root, in the policy", federated, "s3:GetObject", true}, {"federated by root, outside it", federated, "s3:PutObject", false},
		{"federated without policy", bare, "s3:GetObject", false},
	} {
		credentials := w.mint(c.session)
		caller, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if d := w.decide(caller, c.action, "arn:aws:s3:::b/k"); d.Allowed() != c.want {
			t.Errorf("%s: %v, want allowed %v", c.name, d, c.want)
		}
	}
}

func TestASessionWhoseManagedPolicyIsGoneIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	credentials := w.mint(session.Session{Kind: session.Role, RoleName: "device", RoleID: "AROADEVICE", SessionName: "s",
		PolicyARNs: []string{"arn:aws:iam::999999999999:policy/gone"}})
	if _, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("%v, want ErrRevoked", err)
	}
}

func TestARoleAssumedByADeviceEndsWithItsCertificate(t *testing.T) {
	for name, change := range revocations {
		w := newWorld(t, nil)
		credentials := w.mint(session.Session{Kind: session.Role, RoleName: "device", RoleID: "AROADEVICE", SessionName: "s",
			ChainedRole: true, CertificateID: certificateID, ThingName: "t1", ThingID: "id-1"})
		c, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken)
		if err != nil {
			t.Fatalf("%s: before: %v", name, err)
		}
		if v, ok := c.Keys.Get("credentials-iot:ThingName"); ok {
			t.Errorf("%s: a role session has credentials-iot:ThingName %v", name, v)
		}
		w.update(change)
		if _, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken); !errors.Is(err, identity.ErrRevoked) {
			t.Errorf("%s: %v, want ErrRevoked", name, err)
		}
	}
}

func TestSessionsWithoutRoleMayNotCallIAM(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		session session.Session
		action  string
		want    bool
	}{
		{session.Session{Kind: session.Root}, "iam:CreateUser", false},
		{session.Session{Kind: session.Root}, "sts:AssumeRole", true},
		{session.Session{Kind: session.Root}, "sts:TagSession", true},
		{session.Session{Kind: session.Root}, "sts:GetFederationToken", false},
		{session.Session{Kind: session.Root}, "iam:PassRole", true},
		{session.Session{Kind: session.Root}, "s3:GetObject", true},
		{session.Session{Kind: session.User, UserName: "Ann", UserID: "AIDAANN"}, "iam:GetUser", false},
	} {
		credentials := w.mint(c.session)
		caller, _, err := w.resolve(credentials.AccessKeyID, credentials.SessionToken)
		if err != nil {
			t.Fatal(err)
		}
		if d := w.decide(caller, c.action, "*"); d.Allowed() != c.want {
			t.Errorf("kind %d, %s: %v, want allowed %v", c.session.Kind, c.action, d, c.want)
		}
	}
}

// TestALookupThatFailsDecidesNothing shows that a key which cannot be read is not
// taken for one that is absent: a policy could deny by it.
func TestALookupThatFailsDecidesNothing(t *testing.T) {
	w := newWorld(t, nil)
	caller, _, err := w.resolve("AKIAROOT", "")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*",
		"Condition":{"StringEquals":{"s3:ExistingObjectTag/class":"secret"}}}}`), policy.Resource)
	if err != nil {
		t.Fatal(err)
	}
	failure := errors.New("unread")
	decide := func(value string, err error) (policy.Decision, error) {
		return w.resolver.Decide(t.Context(), caller, identity.Permission{
			Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", ResourcePolicy: policy.Compile(doc, policy.Source{}),
			Keys: []identity.Key{{Name: "s3:ExistingObjectTag/", Lookup: func(string) (string, bool, error) { return value, true, err }}},
		}, new(policy.Context))
	}
	if d, err := decide("", failure); !errors.Is(err, failure) || d.Allowed() {
		t.Errorf("failed lookup: got %v, %v; want its error", d, err)
	}
	if d, err := decide("secret", nil); err != nil || d.Effect != policy.ExplicitDeny {
		t.Errorf("secret: got %v, %v; want a deny", d, err)
	}
	if d, err := decide("other", nil); err != nil || !d.Allowed() {
		t.Errorf("other: got %v, %v; want allowed", d, err)
	}
}
