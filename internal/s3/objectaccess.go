package s3

import (
	"context"
	"errors"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

// onExisting is the permission for an action on an object that is there, or on
// one of its versions when the request names one: GetObject, GetObjectVersion.
// Its owner decides. In a bucket with access control lists that is whoever
// wrote it; the bucket's policy can then refuse but not allow (User Guide, How
// Amazon S3 authorizes a request for an object operation). Where there is no
// object the permission is that to list the bucket.
//
// The version may be another one when the request acts. Whoever reads a version
// must ask mayUse of the one that it opened.
func (s *Service) onExisting(ctx context.Context, p place, action, key string, version *string, keys ...identity.Key) (api.Permission, error) {
	need := p.versioned(action, key, version, keys...)
	if !p.access.lists() {
		return need, nil
	}
	v, err := s.engine.Head(ctx, p.bucket.Name, key, object.GetOptions{VersionID: deref(version)})
	if absentObject(err) {
		// Nobody's list or policy is there to ask, and whether there is an
		// object is told to who may list (API Reference, GetObject).
		return p.onBucket("s3:ListBucket"), nil
	}
	if err == nil {
		err = p.judge(&need, &v)
	}
	return need, subject{bucket: p.bucket.Name, key: key}.translate(err)
}

// absentObject reports whether there is nothing to read.
func absentObject(err error) bool {
	return errors.Is(err, object.ErrNoSuchKey) || errors.Is(err, object.ErrNoSuchVersion) || errors.Is(err, object.ErrDeleteMarker) ||
		errors.Is(err, object.ErrInvalidKey) || errors.Is(err, object.ErrKeyTooLong)
}

// judge makes need that of a version: of its owner and with its list.
func (p place) judge(need *api.Permission, v *object.Version) error {
	list, err := parseACL(v.ACL)
	if err != nil {
		return err
	}
	need.ACL = list.grant(p.caller, objectPermissions[need.Action], p.ignoresPublic)
	if v.Owner != p.bucket.Account {
		need.ResourceAccount, need.PolicyOnlyDenies = v.Owner, true
	}
	return nil
}

// mayUse refuses unless the caller may take an action on a version that was
// opened: it may not be the one that was authorized, if another took its place
// meanwhile. In a bucket with lists disabled all versions are alike.
func (s *Service) mayUse(ctx context.Context, bucket, action, key string, version *string, v *object.Version) error {
	p, err := s.locate(ctx, bucket, "")
	if err != nil || !p.access.lists() {
		return err
	}
	need := p.versioned(action, key, version)
	if err := p.judge(&need, v); err != nil {
		return err
	}
	d, err := api.Authorize(ctx, need)
	if err == nil && !d.Allowed() {
		err = accessDenied()
	}
	return err
}

// ofWriter makes need one of the caller's account, which decides on the list of
// what it writes: where that counts, the writer owns it. Unsigned requests have
// no account: the bucket's list that lets them write lets them do this too.
func (p place) ofWriter(need *api.Permission) {
	if account := p.caller.Principal.Account; account != "" {
		need.ResourceAccount = account
		return
	}
	need.ACL = p.bucketGrant("s3:PutObject")
}

// ownerOf returns who owns a version as answers show it.
func (p place) ownerOf(v *object.Version) string {
	if !p.access.lists() {
		return p.bucket.Account
	}
	return v.Owner
}
