package policy

// PrincipalType is the sort of caller.
type PrincipalType int

const (
	// Anonymous callers sent no credentials. Only a resource policy for everyone admits them.
	Anonymous PrincipalType = iota
	// Root is the account itself.
	Root
	// User is an IAM user, with long-term keys or a GetSessionToken session.
	User
	// AssumedRole is a role session.
	AssumedRole
	// FederatedUser is a GetFederationToken session.
	FederatedUser
	// Service is an AWS service principal. Only a resource or trust policy that names it admits it.
	Service
	// WebIdentity is somebody whom an OpenID Connect provider vouches for and who asks for a role's session. Only a trust
	// policy that names the provider admits them.
	WebIdentity
	// Certificate is a device known by its certificate, to be decided by the IoT policies given as Sets.Identity.
	Certificate
)

// String returns the value of aws:PrincipalType where there is one.
func (t PrincipalType) String() string {
	switch t {
	case Anonymous:
		return "Anonymous"
	case Root:
		return "Account"
	case User:
		return "User"
	case AssumedRole:
		return "AssumedRole"
	case FederatedUser:
		return "FederatedUser"
	case Service:
		return "Service"
	case WebIdentity:
		return "WebIdentity"
	case Certificate:
		return "Certificate"
	}
	return "unknown"
}

// Principal is the caller as Principal elements see it. Condition keys about the caller belong in the [Context].
// Empty fields match nothing. The zero value is an anonymous caller.
type Principal struct {
	Type    PrincipalType
	Account string // 12 digits

	// ARN is the caller's own ARN: the user's, the session's (arn:aws:sts::<acct>:assumed-role/<role>/<session>), or
	// the federated user's.
	ARN string

	// RoleARN is, for AssumedRole, the role's ARN with its path; for FederatedUser, the ARN of the user who made the session.
	RoleARN string

	// UserID is AIDA… for a user and AROA… for a role session; aws:userid's form "AROA…:session" is taken as well.
	// It matches principals stored by unique id.
	UserID string

	// CanonicalUser is the S3 canonical user ID of the caller's account.
	CanonicalUser string

	// Service is the name of a service principal, such as credentials.iot.amazonaws.com.
	Service string

	// Provider is the ARN of the identity provider that vouches for a WebIdentity.
	Provider string
}

// Request is one action on one resource by one caller.
type Request struct {
	Principal Principal
	Action    string // "s3:GetObject"; letter case does not matter
	Resource  string // an ARN, or "*" for actions without a resource

	// Context holds the condition keys; nil means none.
	Context *Context

	// ResourceAccount is the account that owns the resource. Empty means the caller's own.
	ResourceAccount string
}

// Sets are the policies that apply to a request. The zero value admits only [Root], in its own account.
type Sets struct {
	// Identity are the caller's own policies: a user's with those of the groups, or a role's.
	Identity []*Policy

	// Boundary is the permissions boundary; nil means none.
	Boundary *Policy

	// Session are the session policies, used when HasSession is true; then at least one of them must allow.
	// HasSession with no policies allows nothing.
	Session    []*Policy
	HasSession bool

	// Resource is the bucket policy, trust policy or the like; nil means none.
	Resource *Policy

	// ResourceOnlyDenies says that no allow of Resource counts, only its denies: the policy of a bucket on an object that
	// another account owns.
	ResourceOnlyDenies bool

	// ACL is what the resource's access control list grants for the action.
	ACL Grant

	// RequireResource asks for an allow by the resource policy even within one account, as trust policies and
	// KMS key policies do.
	RequireResource bool
}
