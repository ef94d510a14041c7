package credentials

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/metastore"
)

const (
	other       = "111111111111"
	otherDomain = "credentials.iot.ap-northeast-1.inro.localhost"
	otherHost   = "cother23456789." + otherDomain
)

// named makes a client send a server name.
func named(name string) func(*tls.Config, *http.Transport) {
	return func(c *tls.Config, _ *http.Transport) { c.ServerName = name }
}

// otherAccount makes an account with an alias, role and policy like those of
// the first, for an attached certificate of the given ID.
func (r *rig) otherAccount() {
	r.t.Helper()
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return firstError(
			metastore.RegisterAccount(ctx, w, other, &metastore.Account{EndpointPrefix: "other23456789"}),
			metastore.IoTPolicies.Put(ctx, w, other, "policy", iotPolicy("policy", strings.ReplaceAll(allowAlias, account, other))),
			metastore.RoleAliases.Put(ctx, w, other, "alias", &metastore.RoleAlias{
				Alias: "alias", RoleARN: arn.IAM(other, "role", "/", "role"), CredentialDurationSeconds: 3600}),
			metastore.Roles.Put(ctx, w, other, "role", &metastore.Role{
				Name: "role", Path: "/", UniqueID: "AROAOTHEREXAMPLE23456", Trust: trustIoT, MaxSessionSeconds: 3600}),
		)
	})
}

func TestTheServerNameSelectsTheAccount(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Domains = []string{strings.ToUpper(otherDomain)} })
	r.serve()
	r.otherAccount()
	if a := r.do(r.client(named(otherHost)), path); a.status != http.StatusForbidden || a.body != rowCertificate {
		t.Errorf("a certificate of another account: %d %s", a.status, a.body)
	}
	cert, err := metastore.Certificates.Get(t.Context(), r.store.Hot(), account, r.deviceID)
	if err != nil {
		t.Fatal(err)
	}
	register := func(document string) {
		r.update(func(ctx context.Context, w metastore.Writer) error {
			_, err := metastore.IoTPolicyAttachments.Add(ctx, w, other, "policy", metastore.CertificatePoint(r.deviceID), "")
			return firstError(err, metastore.Certificates.Put(ctx, w, other, r.deviceID, cert),
				metastore.IoTPolicies.Put(ctx, w, other, "policy", iotPolicy("policy", document)))
		})
	}
	// Its policy names the first account's alias.
	register(allowAlias)
	if a := r.do(r.client(named(otherHost)), path); a.status != http.StatusForbidden || a.body != rowDenied {
		t.Errorf("a policy for another account's alias: %d %s", a.status, a.body)
	}
	register(strings.ReplaceAll(allowAlias, account, other))
	// The first account's thing is none here.
	if a := r.do(r.client(named(otherHost)), path, "device-1"); a.status != http.StatusForbidden || a.body != rowThing {
		t.Errorf("a thing of another account: %d %s", a.status, a.body)
	}
	for name, want := range map[string]string{
		otherHost: other, strings.ToUpper(otherHost) + ".": other, host: account, "localhost": account,
	} {
		s := r.session(r.do(r.client(named(name)), path))
		if s.Account != want {
			t.Errorf("server name %s: a session of account %s, want %s", name, s.Account, want)
		}
	}
	for _, name := range []string{
		"c." + otherDomain, "cother2345678." + otherDomain, "dother23456789." + otherDomain, "cother23456789.example.com",
		"cother23456789.x." + otherDomain, "x.cother23456789." + otherDomain, otherDomain, "cother23456789",
	} {
		if a := r.do(r.client(named(name)), path); a.status != http.StatusForbidden || a.body != rowCertificate {
			t.Errorf("server name %q: %d %s", name, a.status, a.body)
		}
	}
	// An alias of one account cannot lead to a role of another.
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.RoleAliases.Modify(ctx, w, other, "alias", func(v *metastore.RoleAlias) error {
			v.RoleARN = arn.IAM(account, "role", "/", "role")
			return nil
		})
	})
	if a := r.do(r.client(named(otherHost)), path); a.status != http.StatusBadRequest || a.body != rowRole {
		t.Errorf("an alias with another account's role: %d %s", a.status, a.body)
	}
}
