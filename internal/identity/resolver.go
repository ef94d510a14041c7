package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
)

// Opener opens session tokens, as *session.Keyring does.
type Opener interface {
	Open(accessKeyID, token string) (*session.Session, string, error)
}

// Config is what a Resolver is made of.
type Config struct {
	// Store holds keys, users, roles, certificates and things. Required.
	Store metastore.Store
	// Sessions opens session tokens. Required.
	Sessions Opener
	// Policies gathers and compiles policies. Required.
	Policies *Policies
	// KeepSessions restores AWS's behaviour: a device's session lives to its
	// end, whatever becomes of certificate and thing.
	KeepSessions bool
	// Clock tells whether a certificate is still valid. Nil: time.Now.
	Clock func() time.Time
}

// Resolver finds callers and decides for them.
type Resolver struct {
	cfg Config
	// canonical holds the canonical user IDs of the accounts of callers, by
	// account: at most as many as there are accounts.
	canonical sync.Map
}

// NewResolver returns a resolver.
func NewResolver(cfg Config) *Resolver {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Resolver{cfg: cfg}
}

// Resolve returns the caller behind an access key ID and session token, and
// the secret that its signature must be made with. Errors: ErrUnknownKey,
// ErrInvalidToken, ErrExpiredToken, ErrRevoked; others are failures of the
// store. The caller has proven nothing before its signature is verified.
func (r *Resolver) Resolve(ctx context.Context, accessKeyID, sessionToken string) (*Caller, string, error) {
	if sessionToken != "" {
		return r.temporary(ctx, accessKeyID, sessionToken)
	}
	key, err := metastore.AccessKeys.Get(ctx, r.cfg.Store.Hot(), metastore.GlobalAccount, accessKeyID)
	if errors.Is(err, metastore.ErrNotFound) || errors.Is(err, metastore.ErrInvalid) {
		return nil, "", ErrUnknownKey
	}
	if err != nil {
		return nil, "", fmt.Errorf("access key %s: %w", accessKeyID, err)
	}
	if !key.Active {
		return nil, "", ErrUnknownKey
	}
	if key.UserName == "" {
		return root(key.Account, accessKeyID), key.Secret, nil
	}
	user, err := metastore.Users.Get(ctx, r.cfg.Store.Hot(), key.Account, metastore.NameID(key.UserName))
	if errors.Is(err, metastore.ErrNotFound) {
		return nil, "", ErrUnknownKey
	}
	if err != nil {
		return nil, "", fmt.Errorf("user %s: %w", key.UserName, err)
	}
	c, err := r.user(ctx, key.Account, accessKeyID, user)
	return c, key.Secret, err
}

func newCaller(accessKeyID string, p policy.Principal) *Caller {
	c := &Caller{Principal: p, AccessKeyID: accessKeyID, Keys: new(policy.Context)}
	arnKey := p.ARN
	if p.RoleARN != "" {
		arnKey = p.RoleARN
	}
	c.Keys.Set("aws:PrincipalArn", arnKey)
	c.Keys.Set("aws:PrincipalAccount", p.Account)
	c.Keys.Set("aws:PrincipalType", p.Type.String())
	c.Keys.Set("aws:userid", p.UserID)
	c.Keys.SetBool("aws:PrincipalIsAWSService", false)
	c.Keys.SetBool("aws:ViaAWSService", false)
	return c
}

func root(account, accessKeyID string) *Caller {
	return newCaller(accessKeyID, policy.Principal{Type: policy.Root, Account: account, ARN: arn.Root(account), UserID: account})
}

func (r *Resolver) user(ctx context.Context, account, accessKeyID string, u *metastore.User) (*Caller, error) {
	c := newCaller(accessKeyID, policy.Principal{Type: policy.User, Account: account, ARN: arn.IAM(account, "user", u.Path, u.Name), UserID: u.UniqueID})
	c.UserName = u.Name
	c.Keys.Set("aws:username", u.Name)
	setTags(c.Keys, u.Tags)
	var err error
	c.sets, err = r.cfg.Policies.OfUser(ctx, r.cfg.Store.Hot(), account, u)
	return c, err
}

func setTags(keys *policy.Context, tags []metastore.Tag) {
	for _, t := range tags {
		keys.Set("aws:PrincipalTag/"+t.Key, t.Value)
	}
}

// temporary resolves a session token.
func (r *Resolver) temporary(ctx context.Context, accessKeyID, token string) (*Caller, string, error) {
	s, secret, err := r.cfg.Sessions.Open(accessKeyID, token)
	switch {
	case errors.Is(err, session.ErrExpired):
		return nil, "", ErrExpiredToken
	case errors.Is(err, session.ErrInvalidToken):
		return nil, "", ErrInvalidToken
	case err != nil:
		return nil, "", fmt.Errorf("open session token: %w", err)
	}
	c, err := r.sessionCaller(ctx, s)
	if errors.Is(err, metastore.ErrNotFound) {
		err = fmt.Errorf("%w: whom it depends on is gone", ErrRevoked)
	}
	if errors.Is(err, ErrRevoked) {
		err = fmt.Errorf("%w (access key %s, role %q, user %q, certificate %q, thing %q)", err, s.AccessKeyID, s.RoleName, s.UserName, s.CertificateID, s.ThingName)
	}
	if err != nil {
		return nil, "", err
	}
	c.Session = s
	c.Keys.SetTime("aws:TokenIssueTime", s.Issued)
	c.Keys.SetBool("aws:MultiFactorAuthPresent", false)
	if s.SourceIdentity != "" {
		c.Keys.Set("aws:SourceIdentity", s.SourceIdentity)
	}
	for _, t := range s.Tags {
		c.Keys.Set("aws:PrincipalTag/"+t.Key, t.Value)
	}
	if s.HasPolicy() {
		c.sets.HasSession = true
		c.sets.Session, err = r.cfg.Policies.Session(ctx, r.cfg.Store.Hot(), s.Account, s.Policy, s.PolicyARNs)
		if errors.Is(err, metastore.ErrNotFound) {
			err = ErrRevoked // a managed session policy was deleted: what it limited is not known any more
		}
	}
	return c, secret, err
}

// sessionCaller finds whom the session acts as. metastore.ErrNotFound means
// that somebody it depends on is gone.
func (r *Resolver) sessionCaller(ctx context.Context, s *session.Session) (*Caller, error) {
	hot := r.cfg.Store.Hot()
	switch s.Kind {
	case session.Root:
		return root(s.Account, s.AccessKeyID), nil
	case session.User, session.Federated:
		return r.userSession(ctx, s)
	}
	role, err := metastore.Roles.Get(ctx, hot, s.Account, metastore.NameID(s.RoleName))
	if err != nil {
		return nil, err
	}
	if role.UniqueID != s.RoleID {
		return nil, fmt.Errorf("%w: the role was made again", ErrRevoked)
	}
	// A session that a device's session assumed remembers the certificate too.
	if s.CertificateID != "" && !r.cfg.KeepSessions {
		if err := r.deviceEntitled(ctx, s); err != nil {
			return nil, err
		}
	}
	c := newCaller(s.AccessKeyID, policy.Principal{
		Type: policy.AssumedRole, Account: s.Account,
		ARN:     arn.AssumedRole(s.Account, role.Name, s.SessionName),
		RoleARN: arn.IAM(s.Account, "role", role.Path, role.Name),
		UserID:  role.UniqueID + ":" + s.SessionName,
	})
	setTags(c.Keys, role.Tags)
	if s.Kind == session.Device {
		deviceKeys(c.Keys, s)
	}
	if s.Provider != "" {
		webIdentityKeys(c.Keys, s)
	}
	c.sets, err = r.cfg.Policies.OfRole(ctx, hot, s.Account, role)
	return c, err
}

// deviceKeys sets the keys of spec A.6. A device that named no thing has only
// the certificate's.
func deviceKeys(keys *policy.Context, s *session.Session) {
	keys.Set("credentials-iot:AwsCertificateId", s.CertificateID)
	if s.ThingName != "" {
		keys.Set("credentials-iot:ThingName", s.ThingName)
	}
	if s.ThingTypeName != "" {
		keys.Set("credentials-iot:ThingTypeName", s.ThingTypeName)
	}
}

// webIdentityKeys sets the keys of a session that came about through an OpenID
// Connect provider (IAM User Guide, Available keys for AWS OIDC federation:
// aud and sub are part of the session).
func webIdentityKeys(keys *policy.Context, s *session.Session) {
	keys.Set("aws:FederatedProvider", s.Provider)
	if _, issuer, ok := strings.Cut(s.Provider, "/"); ok {
		keys.Set(issuer+":sub", s.Subject)
		keys.Set(issuer+":aud", s.Audience)
	}
}

// deviceEntitled checks that the certificate is in force and still attached to
// the thing that the session was issued for.
func (r *Resolver) deviceEntitled(ctx context.Context, s *session.Session) error {
	hot, account := r.cfg.Store.Hot(), s.Account
	if s.CertificateAccount != "" {
		account = s.CertificateAccount
	}
	cert, err := metastore.Certificates.Get(ctx, hot, account, s.CertificateID)
	if err != nil {
		return err
	}
	now := r.cfg.Clock()
	if cert.Status != metastore.CertificateActive {
		return fmt.Errorf("%w: the certificate is %s", ErrRevoked, cert.Status)
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return fmt.Errorf("%w: the certificate has expired", ErrRevoked)
	}
	if s.ThingName == "" {
		return nil
	}
	thing, err := metastore.Things.Get(ctx, hot, account, s.ThingName)
	if err != nil {
		return err
	}
	attached, err := metastore.ThingPrincipals.Has(ctx, hot, account, s.ThingName, s.CertificateID)
	if err == nil && (thing.ThingID != s.ThingID || !attached) {
		err = fmt.Errorf("%w: the certificate is not attached to the thing", ErrRevoked)
	}
	return err
}

// administrator stands for the permissions of root, which a federated session
// of root's intersects with its session policies.
const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"

// userSession resolves a session made by GetSessionToken or
// GetFederationToken.
func (r *Resolver) userSession(ctx context.Context, s *session.Session) (*Caller, error) {
	var sets policy.Sets
	var c *Caller
	madeBy := arn.Root(s.Account)
	if s.UserName == "" {
		everything, err := r.cfg.Policies.Managed(ctx, r.cfg.Store.Hot(), s.Account, administrator)
		if err != nil {
			return nil, err
		}
		sets.Identity = []*policy.Policy{everything}
	} else {
		u, err := metastore.Users.Get(ctx, r.cfg.Store.Hot(), s.Account, metastore.NameID(s.UserName))
		if err != nil {
			return nil, err
		}
		if u.UniqueID != s.UserID {
			return nil, fmt.Errorf("%w: the user was made again", ErrRevoked)
		}
		if c, err = r.user(ctx, s.Account, s.AccessKeyID, u); err != nil {
			return nil, err
		}
		sets, madeBy = c.sets, c.Principal.ARN
	}
	if s.Kind == session.User {
		return c, nil
	}
	c = newCaller(s.AccessKeyID, policy.Principal{Type: policy.FederatedUser, Account: s.Account,
		ARN: arn.FederatedUser(s.Account, s.SessionName), UserID: s.Account + ":" + s.SessionName})
	c.Principal.RoleARN = madeBy
	c.sets = sets
	c.sets.HasSession = true // without session policies it may do nothing (spec E.6, step 4)
	return c, nil
}

// Decide evaluates one permission. keys are the request's condition keys,
// layered over the caller's.
func (r *Resolver) Decide(_ context.Context, c *Caller, p Permission, keys *policy.Context) (policy.Decision, error) {
	if d, barred := barredSession(c, p); barred {
		return d, nil
	}
	if len(p.Keys) > 0 {
		keys = keys.Layer()
		for _, k := range p.Keys {
			k.Set(keys)
		}
	}
	sets := c.sets
	sets.Resource, sets.RequireResource = p.ResourcePolicy, p.RequireResource
	sets.ResourceOnlyDenies, sets.ACL = p.PolicyOnlyDenies, p.ACL
	principal := c.Principal
	if p.ResourcePolicy != nil { // nothing else names canonical users
		principal.CanonicalUser = r.canonicalUser(principal.Account)
	}
	d := policy.Evaluate(&policy.Request{
		Principal: principal, Action: p.Action, Resource: p.Resource, Context: keys, ResourceAccount: p.ResourceAccount,
	}, &sets)
	if err := keys.Err(); err != nil {
		return policy.Decision{}, fmt.Errorf("condition keys of %s: %w", p.Action, err)
	}
	return d, nil
}

// canonicalUser is ids.CanonicalUser, remembered.
func (r *Resolver) canonicalUser(account string) string {
	if account == "" {
		return ""
	}
	if id, ok := r.canonical.Load(account); ok {
		return id.(string)
	}
	id := ids.CanonicalUser(account)
	r.canonical.Store(account, id)
	return id
}

// barredSession refuses what sessions of GetSessionToken and
// GetFederationToken may not call whatever their policies say: IAM, and STS
// except AssumeRole (spec C.14). GetCallerIdentity needs no permission, and
// PassRole belongs to the operation that passes the role.
func barredSession(c *Caller, p Permission) (policy.Decision, bool) {
	if c.Session == nil || c.Session.IsRole() {
		return policy.Decision{}, false
	}
	service, name, _ := strings.Cut(p.Action, ":")
	switch service {
	case "iam":
		return policy.Decision{}, name != "PassRole"
	case "sts":
		assumes := name == "AssumeRole" || name == "TagSession" || name == "SetSourceIdentity"
		return policy.Decision{}, !assumes || c.Session.Kind == session.Federated
	}
	return policy.Decision{}, false
}
