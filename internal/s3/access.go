package s3

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/policy"
)

// bucketAccess says who may use a bucket beside its owner's account. It is one
// setting because its parts limit one another, and because every request needs
// it. A bucket that has no record of it is as closed as can be, see newAccess.
type bucketAccess struct {
	// Policy is the bucket policy as package iam stores it; "" for none.
	Policy string `json:",omitempty"`
	// Principals are the accounts of the unique ids in Policy.
	Principals map[string]string `json:",omitempty"`
	// Ownership tells whether access control lists count; "" when the
	// controls were deleted, which is ownershipWriter (User Guide,
	// Controlling ownership of objects).
	Ownership objectOwnership `json:",omitempty"`
	// Block is the public access block; nil when it was deleted.
	Block *publicAccessBlock `json:",omitempty"`
	// ACL is the bucket's access control list, see acl; "" is the owner's
	// full control alone.
	ACL string `json:",omitempty"`

	// public says that Policy lets the public in.
	public bool
	acl    acl
}

// newAccess is the access of a bucket that was made without asking for another:
// no policy, no lists, nothing public (User Guide, Default settings for new S3
// buckets).
func newAccess() *bucketAccess {
	return &bucketAccess{Ownership: ownershipEnforced, Block: &publicAccessBlock{true, true, true, true}}
}

var closedAccess = newAccess()

// closedText is its stored form.
var closedText = func() string {
	text, err := closedAccess.document()
	if err != nil {
		panic(err)
	}
	return text
}()

var accessSetting = setting[bucketAccess]{"access", parseAccess}

func parseAccess(document string) (*bucketAccess, error) {
	a := new(bucketAccess)
	d := json.NewDecoder(strings.NewReader(document))
	d.DisallowUnknownFields() // one from a newer version may narrow a permission
	if err := d.Decode(a); err != nil {
		return nil, err
	}
	if !a.Ownership.valid() {
		return nil, fmt.Errorf("object ownership %q is unknown", a.Ownership)
	}
	var err error
	if a.acl, err = parseACL(a.ACL); err != nil {
		return nil, err
	}
	if a.Policy != "" {
		doc, err := policy.Parse([]byte(a.Policy), policy.Resource)
		if err != nil {
			return nil, err
		}
		a.public = isPublic(doc)
	}
	return a, nil
}

func (a *bucketAccess) document() (string, error) {
	text, err := json.Marshal(a)
	return string(text), err
}

// lists reports whether access control lists count.
func (a *bucketAccess) lists() bool { return a.Ownership != ownershipEnforced }

// access returns who may use a bucket. What it points to must not be changed.
func (s *Service) access(ctx context.Context, b object.Bucket) (*bucketAccess, error) {
	a, err := accessSetting.get(ctx, s, b)
	if a == nil {
		a = closedAccess
	}
	return a, err
}

// changeAccess changes who may use a bucket, in one transaction. An error of
// change is returned and changes nothing.
func (s *Service) changeAccess(ctx context.Context, b object.Bucket, change func(metastore.Writer, *bucketAccess) error) error {
	return s.updateSettings(ctx, b, func(w metastore.Writer) error {
		a, err := accessSetting.read(ctx, w, b) // by a Writer it is ours to change
		if err != nil {
			return err
		}
		if a == nil {
			a = newAccess()
		}
		if err := change(w, a); err != nil {
			return err
		}
		text, err := a.document()
		if err != nil {
			return err
		}
		return accessSetting.write(ctx, s, w, b, text)
	})
}

// restrict compiles the bucket's policy and applies what the public access
// blocks of bucket and account say about existing policies and lists.
func (s *Service) restrict(ctx context.Context, p *place) error {
	a := p.access
	var err error
	if a.Policy != "" {
		source := policy.Source{ID: p.bucket.Name, Type: policy.SourceResource}
		if p.policy, err = s.policies.Policy(a.Policy, policy.Resource, source); err != nil {
			return fmt.Errorf("policy of bucket %s: %w", p.bucket.Name, err)
		}
	}
	if !a.public && !a.acl.public() && !a.lists() {
		return nil // nothing of it can be public
	}
	block, err := s.blockOf(ctx, s.store.Hot(), p.bucket.Account, a)
	if err != nil {
		return err
	}
	p.ignoresPublic = block.IgnorePublicAcls
	// User Guide, Block public access settings, RestrictPublicBuckets: a public
	// policy admits only the owner's account, also where it names others.
	if block.RestrictPublicBuckets && a.public && p.caller.Principal.Account != p.bucket.Account {
		p.policy = restricted
	}
	return nil
}

// restricted is the policy of a bucket with a public policy towards callers of
// other accounts while RestrictPublicBuckets is in force.
var restricted = func() *policy.Policy {
	doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Sid":"RestrictPublicBuckets","Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`), policy.Resource)
	if err != nil {
		panic(err)
	}
	return policy.Compile(doc, policy.Source{ID: "public access block", Type: policy.SourceResource})
}()
