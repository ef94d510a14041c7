package metastore

import (
	"strings"
	"time"
)

// The records of IAM. IDs of users, groups and roles are NameID of their
// names, because IAM compares names without regard to case (spec C.2).
var (
	// AccountAliases holds the aliases of all accounts, by alias, in
	// GlobalAccount: no two accounts have the same.
	AccountAliases = NewTable[AccountAlias]("iam-account-alias")
	AccessKeys     = NewTable("iam-access-key",
		Index[AccessKey]{"owner", func(k *AccessKey) []string { return []string{AccessKeyOwner(k.Account, k.UserName)} }})
	Users = NewTable("iam-user",
		Index[User]{"unique-id", func(u *User) []string { return []string{u.UniqueID} }},
		Index[User]{"boundary", func(u *User) []string { return nonEmpty(u.Boundary) }})
	Groups = NewTable[Group]("iam-group")
	Roles  = NewTable("iam-role",
		Index[Role]{"unique-id", func(r *Role) []string { return []string{r.UniqueID} }},
		Index[Role]{"boundary", func(r *Role) []string { return nonEmpty(r.Boundary) }})
	// Policies are customer-managed policies by ARN.
	Policies = NewTable("iam-policy",
		Index[Policy]{"name", func(p *Policy) []string { return []string{NameID(p.Name)} }})
	// OIDCProviders are OpenID Connect providers by their URLs without
	// https://, as their ARNs hold them.
	OIDCProviders = NewTable[OIDCProvider]("iam-oidc-provider")

	// GroupMembers: from group ID to user ID.
	GroupMembers = NewRelation("iam-group-member")
	// PolicyAttachments: from policy ARN (AWS-managed ones too) to an
	// attachment point, see UserPoint and its siblings.
	PolicyAttachments = NewRelation("iam-policy-attachment")
)

// NameID folds a name to the ID of its record.
func NameID(name string) string { return strings.ToLower(name) }

// UserPoint is the attachment point of a user, as PolicyAttachments names it.
func UserPoint(userName string) string { return "user/" + NameID(userName) }

// GroupPoint is the attachment point of a group.
func GroupPoint(groupName string) string { return "group/" + NameID(groupName) }

// RolePoint is the attachment point of a role.
func RolePoint(roleName string) string { return "role/" + NameID(roleName) }

// AccessKeyOwner is the value of the index "owner" of AccessKeys: the keys of
// a user, or of the account's root when userName is empty.
func AccessKeyOwner(account, userName string) string { return account + "/" + NameID(userName) }

// AccountAlias is who has an alias.
type AccountAlias struct{ Account string }

// AccessKey is a long-term key. Its ID in AccessKeys is the access key ID, in
// GlobalAccount.
type AccessKey struct {
	Account string
	// UserName owns the key; "" for the account's root.
	UserName string `json:",omitempty"`
	Secret   string
	Active   bool
	Created  time.Time
	// Provided marks a root key that the server's configuration gave.
	Provided bool `json:",omitempty"`
}

// Tag is a tag of a record. Keys keep their case.
type Tag struct{ Key, Value string }

// InlinePolicy is a policy that lives in its user, group or role.
type InlinePolicy struct{ Name, Document string }

// User is an IAM user.
type User struct {
	Name, Path string
	UniqueID   string // AIDA…
	Created    time.Time
	Boundary   string         `json:",omitempty"` // policy ARN
	Tags       []Tag          `json:",omitempty"`
	Inline     []InlinePolicy `json:",omitempty"` // sorted by name
}

// Group is an IAM group.
type Group struct {
	Name, Path string
	UniqueID   string // AGPA…
	Created    time.Time
	Inline     []InlinePolicy `json:",omitempty"` // sorted by name
}

// Role is an IAM role.
type Role struct {
	Name, Path  string
	UniqueID    string // AROA…
	Created     time.Time
	Description string `json:",omitempty"`
	// Trust is the trust policy, with the ARNs of users and roles it names
	// replaced by their unique IDs, as AWS stores it: an entity made again
	// under the same name does not match.
	Trust string
	// TrustForeign tells the accounts of the unique IDs in Trust that are of
	// other accounts of the installation.
	TrustForeign []ForeignPrincipal `json:",omitempty"`
	// MaxSession is in seconds, 3600 to 43200.
	MaxSessionSeconds int
	Boundary          string         `json:",omitempty"` // policy ARN
	Tags              []Tag          `json:",omitempty"`
	Inline            []InlinePolicy `json:",omitempty"` // sorted by name
}

// ForeignPrincipal is a user or role of another account.
type ForeignPrincipal struct{ UniqueID, Account string }

// Policy is a customer-managed policy.
type Policy struct {
	Name, Path  string
	UniqueID    string // ANPA…
	Description string `json:",omitempty"`
	// DefaultVersion and each version's ID are "v1", "v2", …; NextVersion is
	// the number that the next one gets, never used before.
	DefaultVersion   string
	NextVersion      int
	Versions         []PolicyVersion // oldest first, at most 5
	Created, Updated time.Time
	Tags             []Tag `json:",omitempty"`
}

// OIDCProvider is an OpenID Connect provider, whose tokens may be exchanged for
// sessions of roles that trust it.
type OIDCProvider struct {
	// Issuer is the whole URL.
	Issuer      string
	ClientIDs   []string `json:",omitempty"` // in order of addition
	Thumbprints []string `json:",omitempty"`
	Created     time.Time
	Tags        []Tag `json:",omitempty"`
}

// PolicyVersion is one version of an IAM or IoT policy.
type PolicyVersion struct {
	ID       string
	Document string
	Created  time.Time
}

// DefaultDocument returns the document in force, or "" if there is none.
func (p *Policy) DefaultDocument() string { return documentOf(p.Versions, p.DefaultVersion) }

func documentOf(versions []PolicyVersion, id string) string {
	for i := range versions {
		if versions[i].ID == id {
			return versions[i].Document
		}
	}
	return ""
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
