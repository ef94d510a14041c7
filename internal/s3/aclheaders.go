package s3

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
)

// aclHeaders ask for an access control list.
type aclHeaders struct {
	ACL              string `header:"X-Amz-Acl"`
	GrantFullControl string `header:"X-Amz-Grant-Full-Control"`
	GrantRead        string `header:"X-Amz-Grant-Read"`
	GrantReadACP     string `header:"X-Amz-Grant-Read-Acp"`
	GrantWriteACP    string `header:"X-Amz-Grant-Write-Acp"`
}

func (h *aclHeaders) any() bool { return *h != aclHeaders{} }

func (h *aclHeaders) keys(keys []identity.Key) []identity.Key {
	if !h.any() {
		return keys
	}
	keys = given(keys, "s3:x-amz-acl", h.ACL)
	keys = given(keys, "s3:x-amz-grant-full-control", h.GrantFullControl)
	keys = given(keys, "s3:x-amz-grant-read", h.GrantRead)
	keys = given(keys, "s3:x-amz-grant-read-acp", h.GrantReadACP)
	return given(keys, "s3:x-amz-grant-write-acp", h.GrantWriteACP)
}

// The canned lists (API Reference, PutObject and CreateBucket; User Guide,
// Canned ACL).
const (
	cannedPrivate           = "private"
	cannedOwnerFullControl  = "bucket-owner-full-control"
	cannedOwnerRead         = "bucket-owner-read"
	cannedPublicRead        = "public-read"
	cannedPublicReadWrite   = "public-read-write"
	cannedAuthenticatedRead = "authenticated-read"
	cannedLogDelivery       = "log-delivery-write"
	cannedAWSExecRead       = "aws-exec-read"
)

// asked is the list that a request asks for in headers.
type asked struct {
	*aclHeaders
	// grantWrite is x-amz-grant-write, which requests about buckets have.
	grantWrite string
	// bucket is the account of the bucket, owner that of what gets the list.
	bucket, owner string
	ofBucket      bool
}

// list reads the headers. The zero acl is what no header, and private, ask for.
func (q *asked) list(ctx context.Context, s *Service) (acl, error) {
	grants := [...]struct {
		header, value string
		permission    aclPermission
	}{
		{"x-amz-grant-read", q.GrantRead, aclRead}, {"x-amz-grant-write", q.grantWrite, aclWrite},
		{"x-amz-grant-read-acp", q.GrantReadACP, aclReadACP}, {"x-amz-grant-write-acp", q.GrantWriteACP, aclWriteACP},
		{"x-amz-grant-full-control", q.GrantFullControl, aclFullControl},
	}
	var a acl
	for _, g := range grants {
		if g.value == "" {
			continue
		}
		who, err := s.grantees(ctx, g.header, g.value)
		if err != nil {
			return acl{}, err
		}
		a.given = true
		for _, w := range who {
			a.grants = append(a.grants, aclGrant{w, g.permission})
		}
	}
	switch {
	case len(a.grants) > maxGrants:
		return acl{}, malformedACL()
	case !a.given:
		return q.canned()
	case q.ACL != "":
		return acl{}, invalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
	}
	return a, nil
}

// canned returns the list that x-amz-acl names.
func (q *asked) canned() (acl, error) {
	with := func(g ...aclGrant) (acl, error) { return acl{true, append(ownerOnly(q.owner), g...)}, nil }
	group := func(g aclGroup, p aclPermission) aclGrant { return aclGrant{grantee{group: g}, p} }
	switch q.ACL {
	case "", cannedPrivate:
		return acl{}, nil
	case cannedPublicRead:
		return with(group(groupAllUsers, aclRead))
	case cannedPublicReadWrite:
		return with(group(groupAllUsers, aclRead), group(groupAllUsers, aclWrite))
	case cannedAuthenticatedRead:
		return with(group(groupAuthenticatedUsers, aclRead))
	case cannedLogDelivery:
		if q.ofBucket {
			return with(group(groupLogDelivery, aclWrite), group(groupLogDelivery, aclReadACP))
		}
	case cannedOwnerRead, cannedOwnerFullControl:
		if q.ofBucket || q.bucket == q.owner {
			return acl{}, nil // the owner has it
		}
		p := aclFullControl
		if q.ACL == cannedOwnerRead {
			p = aclRead
		}
		return with(aclGrant{grantee{account: q.bucket}, p})
	case cannedAWSExecRead:
		return acl{}, notBuilt("x-amz-acl", "The access control list "+q.ACL)
	}
	return acl{}, invalidArgument("x-amz-acl", q.ACL, "")
}

// grantees reads the value of an x-amz-grant header: a list of id="…", uri="…"
// and emailAddress="…", the quotes being optional (API Reference, PutBucketAcl).
func (s *Service) grantees(ctx context.Context, header, value string) ([]grantee, error) {
	var all []grantee
	for item := range strings.SplitSeq(value, ",") {
		kind, name, ok := strings.Cut(strings.TrimSpace(item), "=")
		if name = strings.TrimSpace(name); len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
			name = name[1 : len(name)-1]
		}
		if !ok || len(all) == maxGrants {
			return nil, invalidArgument(header, value, "Argument format not recognized")
		}
		g, err := s.granteeOf(ctx, header, strings.TrimSpace(kind), name)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

func (s *Service) granteeOf(ctx context.Context, header, kind, name string) (grantee, error) {
	switch strings.ToLower(kind) {
	case "id":
		return s.granteeByID(ctx, name)
	case "uri":
		return granteeByURI(name)
	case "emailaddress":
		return grantee{}, granteeByEmail(name)
	}
	return grantee{}, invalidArgument(header, kind, "Argument format not recognized")
}

// granteeByID finds the account with a canonical user ID.
func (s *Service) granteeByID(ctx context.Context, id string) (grantee, error) {
	account, err := metastore.AccountOfCanonicalUser(ctx, s.store.Hot(), id)
	if err != nil {
		return grantee{}, err
	}
	if account == "" {
		return grantee{}, invalidArgument("CanonicalUser/ID", id, "Invalid id")
	}
	return grantee{account: account}, nil
}

func granteeByURI(uri string) (grantee, error) {
	if g, ok := aclGroups[uri]; ok {
		return grantee{group: g}, nil
	}
	return grantee{}, invalidArgument("Group/URI", uri, "Invalid group uri")
}

// granteeByEmail refuses: accounts have no addresses here.
func granteeByEmail(address string) error {
	return awserr.New(http.StatusBadRequest, "UnresolvableGrantByEmailAddress", "The e-mail address you provided does not match any account on record.").
		With("EmailAddress", clip(address))
}

// listsNotSupported answers a request about lists in a bucket that has them
// disabled (User Guide, Controlling ownership of objects).
func listsNotSupported() *awserr.Error {
	return awserr.New(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
}

// ownership is who owns a new object, and its list as it is stored.
type ownership struct{ owner, list string }

// newObject returns who will own what the caller writes, with the list that the
// headers ask for.
func (s *Service) newObject(ctx context.Context, p place, h *settingHeaders) (ownership, error) {
	bucket, writer := p.bucket.Account, p.caller.Principal.Account
	if writer == "" {
		writer = anonymousOwner
	}
	if !p.access.lists() {
		if h.GrantWrite != "" || h.aclHeaders.any() && !h.harmless(bucket) {
			return ownership{}, listsNotSupported()
		}
		return ownership{owner: bucket}, nil
	}
	if p.access.Ownership == ownershipPreferred && h.ACL == cannedOwnerFullControl {
		writer = bucket
	}
	q := &asked{aclHeaders: &h.aclHeaders, grantWrite: h.GrantWrite, bucket: bucket, owner: writer}
	a, err := q.list(ctx, s)
	if err == nil && a.public() {
		err = s.refusePublic(ctx, s.store.Hot(), p)
	}
	return ownership{writer, a.String()}, err
}

// harmless reports whether the headers ask for the bucket owner's full control
// alone, which holds in a bucket with lists disabled (User Guide, Controlling
// ownership of objects).
func (h *aclHeaders) harmless(owner string) bool {
	rest := *h
	rest.ACL, rest.GrantFullControl = "", ""
	grant := strings.TrimSpace(h.GrantFullControl)
	return rest == aclHeaders{} && (h.ACL == "" || h.ACL == cannedOwnerFullControl) &&
		(grant == "" || slices.Contains([]string{"id=" + canonicalUser(owner), `id="` + canonicalUser(owner) + `"`}, grant))
}

// refusePublic refuses a public list where that is blocked (User Guide,
// BlockPublicAcls).
func (s *Service) refusePublic(ctx context.Context, r metastore.Reader, p place) error {
	block, err := s.blockOf(ctx, r, p.bucket.Account, p.access)
	if err == nil && block.BlockPublicAcls {
		err = publicBlocked("public access control lists (ACLs)", "BlockPublicAcls")
	}
	return err
}
