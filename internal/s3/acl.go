package s3

import (
	"fmt"
	"slices"
	"strings"

	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/policy"
)

// acl is an access control list (User Guide, Access control list overview): who
// may do what with a bucket or an object beside its owner's account, which may
// do everything whatever its list says. The zero acl is that of new buckets and
// objects, the owner's full control.
//
// It is stored as text, "" for the zero acl, else
//
//	1 account/111122223333=READ group/AllUsers=READ
//
// that is "1" and the grants in order.
type acl struct {
	given  bool
	grants []aclGrant
}

// aclGrant lets a grantee do something.
type aclGrant struct {
	grantee    grantee
	permission aclPermission
}

// grantee is an account or a group of callers.
type grantee struct {
	account string // "" for a group
	group   aclGroup
}

// aclPermission is one of the five permissions of a grant.
type aclPermission string

const (
	aclRead        aclPermission = "READ"
	aclWrite       aclPermission = "WRITE"
	aclReadACP     aclPermission = "READ_ACP"
	aclWriteACP    aclPermission = "WRITE_ACP"
	aclFullControl aclPermission = "FULL_CONTROL"
)

var aclPermissions = []aclPermission{aclRead, aclWrite, aclReadACP, aclWriteACP, aclFullControl}

// aclGroup is one of S3's predefined groups.
type aclGroup string

const (
	groupAllUsers           aclGroup = "AllUsers"
	groupAuthenticatedUsers aclGroup = "AuthenticatedUsers"
	// groupLogDelivery is S3 itself as it writes access logs. No caller is in
	// it.
	groupLogDelivery aclGroup = "LogDelivery"
)

const groupPrefix = "http://acs.amazonaws.com/groups/"

var aclGroups = map[string]aclGroup{
	groupPrefix + "global/AllUsers":           groupAllUsers,
	groupPrefix + "global/AuthenticatedUsers": groupAuthenticatedUsers,
	groupPrefix + "s3/LogDelivery":            groupLogDelivery,
}

func (g aclGroup) uri() string {
	if g == groupLogDelivery {
		return groupPrefix + "s3/LogDelivery"
	}
	return groupPrefix + "global/" + string(g)
}

func (g aclGroup) public() bool { return g == groupAllUsers || g == groupAuthenticatedUsers }

// anonymousOwner owns what unsigned requests write. It is nobody's account.
const anonymousOwner = "anonymous"

// maxGrants is S3's limit of one list (User Guide, Access control list
// overview).
const maxGrants = 100

const aclVersion = "1"

// String is the stored form.
func (a acl) String() string {
	if !a.given {
		return ""
	}
	var b strings.Builder
	b.WriteString(aclVersion)
	for _, g := range a.grants {
		if g.grantee.account != "" {
			b.WriteString(" account/" + g.grantee.account)
		} else {
			b.WriteString(" group/" + string(g.grantee.group))
		}
		b.WriteString("=" + string(g.permission))
	}
	return b.String()
}

// parseACL reads the stored form. What it does not know is an error, never
// skipped: it could be what makes a list public.
func parseACL(text string) (acl, error) {
	if text == "" {
		return acl{}, nil
	}
	words := strings.Split(text, " ")
	if words[0] != aclVersion || len(words)-1 > maxGrants {
		return acl{}, fmt.Errorf("access control list of version %.16q with %d grants cannot be read", words[0], len(words)-1)
	}
	a := acl{given: true, grants: make([]aclGrant, 0, len(words)-1)}
	for _, word := range words[1:] {
		who, permission, _ := strings.Cut(word, "=")
		kind, name, _ := strings.Cut(who, "/")
		g := aclGrant{permission: aclPermission(permission)}
		switch {
		case kind == "account" && name != "":
			g.grantee.account = name
		case kind == "group" && aclGroups[aclGroup(name).uri()] == aclGroup(name):
			g.grantee.group = aclGroup(name)
		default:
			return acl{}, fmt.Errorf("grantee %.64q in an access control list is unknown", who)
		}
		if !slices.Contains(aclPermissions, g.permission) {
			return acl{}, fmt.Errorf("permission %.64q in an access control list is unknown", permission)
		}
		a.grants = append(a.grants, g)
	}
	return a, nil
}

// public reports whether the list grants anything to everyone or to all
// accounts (User Guide, The meaning of "public").
func (a acl) public() bool {
	return slices.ContainsFunc(a.grants, func(g aclGrant) bool { return g.grantee.group.public() })
}

// private reports whether the list lets nobody in but the owner.
func (a acl) private(owner string) bool {
	return !slices.ContainsFunc(a.grants, func(g aclGrant) bool { return g.grantee.account != owner })
}

// shown are the grants as answers list them: groups first, then accounts.
func (a acl) shown(owner string) []aclGrant {
	if !a.given {
		return ownerOnly(owner)
	}
	grants := slices.Clone(a.grants)
	slices.SortStableFunc(grants, func(x, y aclGrant) int {
		switch {
		case x.grantee.account == "" && y.grantee.account != "":
			return -1
		case x.grantee.account != "" && y.grantee.account == "":
			return 1
		}
		return 0
	})
	return grants
}

func ownerOnly(owner string) []aclGrant {
	return []aclGrant{{grantee{account: owner}, aclFullControl}}
}

// grant is what the list grants a caller of one of the permissions that an
// action takes. A public list is left out whole when those are ignored.
func (a acl) grant(c *identity.Caller, permission aclPermission, ignorePublic bool) policy.Grant {
	if permission == "" || len(a.grants) == 0 || ignorePublic && a.public() {
		return policy.NoGrant
	}
	best := policy.NoGrant
	for _, g := range a.grants {
		if g.permission != permission && g.permission != aclFullControl {
			continue
		}
		switch {
		case g.grantee.group == groupAllUsers, g.grantee.group == groupAuthenticatedUsers && !c.IsAnonymous():
			return policy.GrantEveryone
		case g.grantee.account != "" && g.grantee.account == c.Principal.Account:
			best = policy.GrantAccount
		}
	}
	return best
}

// bucketPermissions are the permissions of a bucket's list that actions take
// (User Guide, Mapping of ACL permissions and access policy permissions). What
// is not here no list grants. Deleting is not: WRITE lets others than the
// bucket's owner only put objects.
var bucketPermissions = map[string]aclPermission{
	"s3:ListBucket":                 aclRead,
	"s3:ListBucketVersions":         aclRead,
	"s3:ListBucketMultipartUploads": aclRead,
	"s3:PutObject":                  aclWrite,
	"s3:GetBucketAcl":               aclReadACP,
	"s3:PutBucketAcl":               aclWriteACP,
}

// objectPermissions are those of an object's list.
var objectPermissions = map[string]aclPermission{
	"s3:GetObject":           aclRead,
	"s3:GetObjectVersion":    aclRead,
	"s3:GetObjectAcl":        aclReadACP,
	"s3:GetObjectVersionAcl": aclReadACP,
	"s3:PutObjectAcl":        aclWriteACP,
	"s3:PutObjectVersionAcl": aclWriteACP,
}

// bucketGrant is what the bucket's list grants the caller.
func (p place) bucketGrant(action string) policy.Grant {
	if p.access == nil || !p.access.lists() || len(p.access.acl.grants) == 0 {
		return policy.NoGrant
	}
	return p.access.acl.grant(p.caller, bucketPermissions[action], p.ignoresPublic)
}
