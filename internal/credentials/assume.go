package credentials

import (
	"context"
	"fmt"
	"strings"
	"time"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
)

// servicePrincipal is whom the trust policy must admit (spec A.6).
const servicePrincipal = "credentials.iot.amazonaws.com"

// assume is steps 5 to 8: alias, role and its trust, duration, issue.
func (e *Endpoint) assume(ctx context.Context, x *exchange) (session.Credentials, *refusal) {
	var none session.Credentials
	alias, refused := e.findAlias(ctx, x)
	if refused != nil {
		return none, refused
	}
	role, refused := e.findRole(ctx, x, alias.RoleARN)
	if refused != nil {
		return none, refused
	}
	if refused := e.checkTrust(x, role, alias.RoleARN); refused != nil {
		return none, refused
	}
	if alias.CredentialDurationSeconds > role.MaxSessionSeconds {
		return none, &refusal{outcome: DurationTooLong,
			why: fmt.Sprintf("alias asks for %d s, role allows %d s", alias.CredentialDurationSeconds, role.MaxSessionSeconds)}
	}
	c, err := e.cfg.Sessions.Mint(newSession(x, alias, role))
	if err != nil {
		return none, internal("mint", err)
	}
	return c, nil
}

func (e *Endpoint) findAlias(ctx context.Context, x *exchange) (*metastore.RoleAlias, *refusal) {
	if !isName(x.alias, 128, "_=,@-") {
		return nil, refuse(NoRoleAlias, "malformed alias")
	}
	alias, err := metastore.RoleAliases.Get(ctx, e.hot, x.account, x.alias)
	if isNotFound(err) {
		return nil, refuse(NoRoleAlias, "no such alias")
	}
	if err != nil {
		return nil, internal("role alias", err)
	}
	return alias, nil
}

// findRole looks the role up by its whole ARN: one with another path, or in
// another account, is another role.
func (e *Endpoint) findRole(ctx context.Context, x *exchange, roleARN string) (*metastore.Role, *refusal) {
	role, err := roleByARN(ctx, e.hot, x.account, roleARN)
	if isNotFound(err) {
		return nil, refuse(RoleRefused, "no role "+roleARN)
	}
	if err != nil {
		return nil, internal("role", err)
	}
	return role, nil
}

// roleByARN returns metastore.ErrNotFound when the ARN names no role of the
// account.
func roleByARN(ctx context.Context, r metastore.Reader, account, roleARN string) (*metastore.Role, error) {
	parsed, err := arn.Parse(roleARN)
	if err != nil {
		return nil, metastore.ErrNotFound
	}
	name := parsed.Resource[strings.LastIndexByte(parsed.Resource, '/')+1:]
	if name == "" {
		return nil, metastore.ErrNotFound
	}
	role, err := metastore.Roles.Get(ctx, r, account, metastore.NameID(name))
	if err != nil {
		return nil, err
	}
	if arn.IAM(account, "role", role.Path, role.Name) != roleARN {
		return nil, metastore.ErrNotFound
	}
	return role, nil
}

// checkTrust evaluates the role's trust policy for the service principal. No
// identity policy is involved, and the device is not the caller (spec A.6).
func (e *Endpoint) checkTrust(x *exchange, role *metastore.Role, roleARN string) *refusal {
	trust, err := e.trust.Trust(role)
	if err != nil {
		return internal("trust policy of role "+role.Name, err)
	}
	keys := e.contexts.Get().(*policy.Context)
	defer e.contexts.Put(keys)
	e.trustKeys(keys, x)
	decision := policy.Evaluate(&policy.Request{
		Principal:       policy.Principal{Type: policy.Service, Service: servicePrincipal},
		Action:          "sts:AssumeRole",
		Resource:        roleARN,
		ResourceAccount: x.account,
		Context:         keys,
	}, &policy.Sets{Resource: trust, RequireResource: true})
	if !decision.Allowed() {
		return refuse(RoleRefused, "trust policy of role "+role.Name+": "+decision.String())
	}
	return nil
}

// trustKeys sets the condition keys of the service's AssumeRole. The source
// keys let a trust policy demand which alias it is assumed for.
func (e *Endpoint) trustKeys(keys *policy.Context, x *exchange) {
	keys.Reset(nil)
	keys.Set("aws:SourceAccount", x.account)
	keys.Set("aws:SourceArn", e.aliasARN(x))
	keys.SetBool("aws:PrincipalIsAWSService", true)
	keys.Set("aws:PrincipalServiceName", servicePrincipal)
	keys.Set("aws:RequestedRegion", e.cfg.Region)
	keys.Set("sts:RoleSessionName", x.certificateID)
	keys.SetBool("aws:SecureTransport", true)
	keys.SetTime("aws:CurrentTime", x.now)
	keys.SetInt("aws:EpochTime", x.now.Unix())
}

func newSession(x *exchange, alias *metastore.RoleAlias, role *metastore.Role) session.Session {
	s := session.Session{
		Kind:    session.Device,
		Account: x.account,
		Issued:  x.now,
		Expires: x.now.Add(time.Duration(alias.CredentialDurationSeconds) * time.Second),

		RoleName: role.Name, RoleID: role.UniqueID, RolePath: role.Path,
		SessionName: x.certificateID, CertificateID: x.certificateID,
	}
	if x.thing != nil {
		s.ThingName, s.ThingTypeName, s.ThingID = x.thing.Name, x.thing.TypeName, x.thing.ThingID
	}
	return s
}
