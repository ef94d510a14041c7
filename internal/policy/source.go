package policy

// Kind says where a document is used, which decides what it may contain.
type Kind int

const (
	// Identity documents are attached to users, groups and roles; session policies and permissions boundaries too.
	// They have no Principal.
	Identity Kind = iota
	// Resource documents belong to a resource, such as a bucket policy. Principal is required.
	Resource
	// Trust documents say who may assume a role. Principal is required, Resource is not allowed, actions are sts: only.
	Trust
	// IoT documents are attached to certificates and thing groups: Identity without Id, actions of iot: or *,
	// and $(*) $(?) $($) accepted beside ${*} ${?} ${$}.
	IoT
)

// String returns the kind in lower case, as logs print it.
func (k Kind) String() string {
	switch k {
	case Identity:
		return "identity"
	case Resource:
		return "resource"
	case Trust:
		return "trust"
	case IoT:
		return "iot"
	}
	return "unknown"
}

// hasPrincipal reports whether documents of this kind name their principals.
func (k Kind) hasPrincipal() bool { return k == Resource || k == Trust }

// SourceType is what a policy is attached to, in the words of IAM's simulator where it has one.
type SourceType int

// The source types. The first seven are those of SimulateCustomPolicy's SourcePolicyType.
const (
	SourceNone SourceType = iota
	SourceUser
	SourceGroup
	SourceRole
	SourceAWSManaged
	SourceUserManaged
	SourceResource
	SourceSession
	SourceBoundary
	SourceIoT
)

// String returns the SourcePolicyType value of the IAM API ("aws-managed"), or a word of ours for session, boundary and iot.
func (t SourceType) String() string {
	switch t {
	case SourceUser:
		return "user"
	case SourceGroup:
		return "group"
	case SourceRole:
		return "role"
	case SourceAWSManaged:
		return "aws-managed"
	case SourceUserManaged:
		return "user-managed"
	case SourceResource:
		return "resource"
	case SourceSession:
		return "session"
	case SourceBoundary:
		return "boundary"
	case SourceIoT:
		return "iot"
	}
	return "none"
}

// Source identifies a policy in decisions and explanations. It has no effect on evaluation.
type Source struct {
	ID   string // a policy name or ARN
	Type SourceType
}
