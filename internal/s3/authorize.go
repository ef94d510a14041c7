package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
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
	bucket string
	// account owns the bucket; "" when there is no such bucket, whose
	// permissions are then those of the caller's own account. So a caller
	// without permission on a name does not learn whether it exists.
	account string
}

// locate reads the bucket of a request. It refuses a name that no bucket can
// have, and a bucket that is not the expected account's.
func (s *Service) locate(ctx context.Context, bucket, expectedOwner string) (place, error) {
	if err := checkBucketName(bucket); err != nil {
		return place{}, err
	}
	p := place{bucket: bucket}
	switch b, err := s.engine.Bucket(ctx, bucket); {
	case err == nil:
		p.account = b.Account
	case !errors.Is(err, object.ErrNoSuchBucket):
		return place{}, fmt.Errorf("locate bucket: %w", err) // whose it is must be known
	}
	if expectedOwner != "" && p.account != "" && p.account != expectedOwner {
		return place{}, accessDenied()
	}
	return p, nil
}

// onBucket is the permission for an action on the bucket itself.
func (p place) onBucket(action string, keys ...identity.Key) api.Permission {
	return p.permission(action, arnPrefix+p.bucket, keys)
}

// onObject is the permission for an action on one key of the bucket.
func (p place) onObject(action, key string, keys ...identity.Key) api.Permission {
	return p.permission(action, arnPrefix+p.bucket+"/"+key, keys)
}

const arnPrefix = "arn:aws:s3:::"

func (p place) permission(action, resource string, keys []identity.Key) api.Permission {
	if p.account != "" {
		owner := []string{p.account}
		keys = append(keys[:len(keys):len(keys)],
			identity.Key{Name: "s3:ResourceAccount", Values: owner}, identity.Key{Name: "aws:ResourceAccount", Values: owner})
	}
	return api.Permission{Action: action, Resource: resource, Keys: keys, ResourceAccount: p.account}
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
		p, err := s.locate(ctx, t.Bucket, t.ExpectedBucketOwner)
		if err != nil {
			return nil, err
		}
		return []api.Permission{p.onBucket(action)}, nil
	}
}

// needObject states one action on the object.
func needObject[In any, T interface {
	*In
	object() *objectTarget
}](s *Service, action string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		t := T(in).object()
		p, err := s.locate(ctx, t.Bucket, t.ExpectedBucketOwner)
		if err != nil {
			return nil, err
		}
		return []api.Permission{p.onObject(action, t.Key)}, nil
	}
}

// versioned returns the permission for an action on an object, or on one of
// its versions when the request names one: GetObject, GetObjectVersion.
func (p place) versioned(action, key string, version *string, keys ...identity.Key) api.Permission {
	if version != nil {
		return p.onObject(action+"Version", key, append(keys, identity.StringKey("s3:VersionId", *version))...)
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
