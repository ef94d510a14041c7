package s3

import (
	"context"
	"fmt"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/policy"
)

// bucketTarget is the bucket that a request names.
type bucketTarget struct {
	Bucket string `label:"Bucket"`
	// ExpectedBucketOwner makes the request fail unless this account owns the
	// bucket.
	ExpectedBucketOwner string `header:"X-Amz-Expected-Bucket-Owner"`
	// RequestPayer matters for buckets whose requester pays, which Inro does
	// not have; on others S3 accepts it without effect, and so does Inro.
	RequestPayer string `header:"X-Amz-Request-Payer"`

	// at is the bucket that was authorized, set by the functions that state
	// permissions.
	at place
}

func (t *bucketTarget) bucket() *bucketTarget { return t }
func (t *bucketTarget) subject() subject      { return subject{bucket: t.Bucket} }

// objectTarget is the object that a request names.
type objectTarget struct {
	bucketTarget
	Key string `label:"Key"`
}

func (t *objectTarget) object() *objectTarget { return t }
func (t *objectTarget) subject() subject      { return subject{bucket: t.Bucket, key: t.Key} }

// place is a bucket as authorization sees it.
type place struct {
	bucket object.Bucket
	access *bucketAccess
	// policy decides on the bucket and what is in it; nil for none.
	policy *policy.Policy
	// ignoresPublic says that public access control lists do not count.
	ignoresPublic bool
	caller        *identity.Caller
}

// locate reads the bucket of a request and who may use it. It refuses a name
// that no bucket can have, and a bucket that is not the expected account's.
// That there is no bucket of a name is no secret, as in AWS: names are global,
// and whoever makes a bucket learns it.
func (s *Service) locate(ctx context.Context, bucket, expectedOwner string) (place, error) {
	if err := checkBucketName(bucket); err != nil {
		return place{}, err
	}
	b, err := s.engine.Bucket(ctx, bucket)
	if err != nil {
		return place{}, subject{bucket: bucket}.translate(fmt.Errorf("locate bucket: %w", err)) // whose it is must be known
	}
	if expectedOwner != "" && b.Account != expectedOwner {
		return place{}, accessDenied()
	}
	p := place{bucket: b, caller: api.RequestOf(ctx).Caller}
	if p.access, err = s.access(ctx, b); err != nil {
		return place{}, err
	}
	return p, s.restrict(ctx, &p)
}

// onBucket is the permission for an action on the bucket itself.
func (p place) onBucket(action string, keys ...identity.Key) api.Permission {
	return p.permission(action, arnPrefix+p.bucket.Name, keys)
}

// onObject is the permission for an action on one key of the bucket that the
// bucket's owner decides on, such as to write or delete it. See onExisting for
// those that the object's owner decides on.
func (p place) onObject(action, key string, keys ...identity.Key) api.Permission {
	return p.permission(action, arnPrefix+p.bucket.Name+"/"+key, keys)
}

const arnPrefix = "arn:aws:s3:::"

func (p place) permission(action, resource string, keys []identity.Key) api.Permission {
	if p.bucket.Account != "" {
		owner := []string{p.bucket.Account}
		keys = append(keys[:len(keys):len(keys)],
			identity.Key{Name: "s3:ResourceAccount", Values: owner}, identity.Key{Name: "aws:ResourceAccount", Values: owner})
	}
	return api.Permission{
		Action: action, Resource: resource, Keys: keys, ResourceAccount: p.bucket.Account,
		ResourcePolicy: p.policy, ACL: p.bucketGrant(action),
	}
}

// optional appends a single-valued key when the client sent its source, empty
// or not.
func optional(keys []identity.Key, name string, value *string) []identity.Key {
	if value == nil {
		return keys
	}
	return append(keys, identity.StringKey(name, *value))
}

// given appends a single-valued key unless the value is empty.
func given(keys []identity.Key, name, value string) []identity.Key {
	if value == "" {
		return keys
	}
	return append(keys, identity.StringKey(name, value))
}

// needBucket states one action on the bucket.
func needBucket[In any, T interface {
	*In
	bucket() *bucketTarget
}](s *Service, action string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		t := T(in).bucket()
		var err error
		if t.at, err = s.locate(ctx, t.Bucket, t.ExpectedBucketOwner); err != nil {
			return nil, err
		}
		return []api.Permission{t.at.onBucket(action)}, nil
	}
}

// needObject states one action on the object.
func needObject[In any, T interface {
	*In
	object() *objectTarget
}](s *Service, action string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		t := T(in).object()
		var err error
		if t.at, err = s.locate(ctx, t.Bucket, t.ExpectedBucketOwner); err != nil {
			return nil, err
		}
		return []api.Permission{t.at.onObject(action, t.Key)}, nil
	}
}

// versioned returns the permission for an action on an object, or on one of
// its versions when the request names one: GetObject, GetObjectVersion;
// GetObjectTagging, GetObjectVersionTagging.
func (p place) versioned(action, key string, version *string, keys ...identity.Key) api.Permission {
	if version != nil {
		if !onLocks(action) {
			action = strings.Replace(action, "Object", "ObjectVersion", 1)
		}
		return p.onObject(action, key, append(keys, identity.StringKey("s3:VersionId", *version))...)
	}
	return p.onObject(action, key, keys...)
}

// missing is the answer for a key, or a version of it, that is not there. Only
// a caller that may list the bucket learns that; for this purpose the listing
// has no s3:prefix (spec E.7).
func (s *Service) missing(ctx context.Context, where subject, err error) error {
	p, lookup := s.locate(ctx, where.bucket, "")
	if lookup != nil {
		return lookup
	}
	d, failure := api.Authorize(ctx, p.onBucket("s3:ListBucket"))
	if failure != nil {
		return failure
	}
	if !d.Allowed() {
		return accessDenied()
	}
	return where.translate(err)
}

// isETag reports whether a condition names an entity tag, and not any.
func isETag(condition string) bool { return condition != "" && strings.TrimSpace(condition) != "*" }
