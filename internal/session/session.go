package session

import (
	"errors"
	"time"
)

// Errors that callers of this package may test for.
var (
	// ErrInvalidToken is what Open answers to anything that it did not seal
	// itself for that access key id. The cause is not told apart.
	ErrInvalidToken = errors.New("session token is invalid")
	// ErrExpired is what Open answers to a genuine token whose time is over.
	ErrExpired = errors.New("session has expired")
	// ErrTooLarge is what Mint answers when names, session policies and tags
	// do not fit into a token (STS: PackedPolicyTooLarge).
	ErrTooLarge = errors.New("session does not fit into a token")
)

// MaxLifetime is the longest that any session may live (STS API Reference,
// GetSessionToken: 129600 seconds).
const MaxLifetime = 129600 * time.Second

// Kind tells by which call a session came about, and so which fields it has.
type Kind uint8

// The kinds of session. The numbers are part of the sealed format.
const (
	Role      Kind = 1 // AssumeRole
	Device    Kind = 2 // the credentials endpoint: a role assumed for a certificate
	User      Kind = 3 // GetSessionToken called by an IAM user
	Root      Kind = 4 // GetSessionToken called by the account's root
	Federated Kind = 5 // GetFederationToken
)

// Tag is a session tag.
type Tag struct{ Key, Value string }

// Session is what a session token says. All of it was true when the token was
// minted and none of it is looked up again by this package: whoever opens a
// token must still check that the role, user, certificate or thing is there,
// is the same one (by RoleID, UserID, ThingID) and is in force.
type Session struct {
	Kind    Kind
	Account string // 12 digits

	// Issued and Expires are whole seconds, UTC. Mint truncates both; a zero
	// Issued is filled with the time of minting.
	Issued, Expires time.Time

	// RoleName, RoleID (AROA…) and RolePath are those of the assumed role;
	// Role and Device kinds. A role deleted and made again under the same name
	// has another RoleID and must not match.
	RoleName, RoleID, RolePath string

	// SessionName is the RoleSessionName of a Role session, the certificate id
	// of a Device session (spec A.6; filled by Mint when empty) and the Name of
	// a Federated one.
	SessionName    string
	SourceIdentity string

	// UserName and UserID (AIDA…) are those of the IAM user who asked for a
	// User or Federated session. Both are empty when root asked for the latter.
	UserName, UserID string

	// CertificateID is 64 lower-case hex digits; ThingName, ThingTypeName and
	// ThingID are empty when the device named no thing. They are set in Device
	// sessions, and in Role sessions that descend from one by role chaining, so
	// that revocation reaches those too. Only for the Device kind do they make
	// the credentials-iot:* context keys (spec A.6).
	CertificateID                     string
	ThingName, ThingTypeName, ThingID string
	// CertificateAccount owns certificate and thing when that is not Account:
	// in a session of a role of another account that a device's session
	// assumed.
	CertificateAccount string

	// Provider is the ARN of the OpenID Connect provider that a Role session
	// came about through, with the Subject and the Audience of the token, or
	// all are empty.
	Provider, Subject, Audience string

	// Policy is the inline session policy, a JSON document, and PolicyARNs the
	// managed session policies; see HasPolicy.
	Policy     string
	PolicyARNs []string

	Tags              []Tag
	TransitiveTagKeys []string

	// ChainedRole says that the caller of AssumeRole was itself a role session.
	ChainedRole bool

	// AccessKeyID is filled by Mint and Open.
	AccessKeyID string
}

// HasPolicy says whether session policies limit the session. Without one a
// role session keeps its role's permissions and a federated user has none
// (spec E.6, step 4).
func (s *Session) HasPolicy() bool { return s.Policy != "" || len(s.PolicyARNs) > 0 }

// IsRole says whether the session acts as a role: Role and Device kinds.
func (s *Session) IsRole() bool { return s.Kind == Role || s.Kind == Device }

// Credentials are what the caller of Mint hands to the client.
type Credentials struct {
	AccessKeyID     string // ASIA…, 20 characters, encodes the account
	SecretAccessKey string // 40 characters
	SessionToken    string // standard base64
	Expiration      time.Time

	// PackedPolicyPercent is the part of the largest token that this one
	// takes, 1 to 100, when the session has policies or tags; else 0
	// (STS: PackedPolicySize).
	PackedPolicyPercent int
}
