package s3

import (
	"context"
	"errors"
	"slices"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

// existing is an action on an object that is there, or on one of its versions, as
// it was authorized.
type existing struct {
	place place
	need  api.Permission
	// first is what is demanded before the version is known: need, or another
	// permission when there was no version.
	first api.Permission
	// tags are those that a policy was told, if one asked.
	tags  []object.Tag
	asked bool
	// owner and list are those of the version that was judged, if one was.
	owner, list string
	judged      bool
}

// needExisting states an action on an object or on one of its versions:
// GetObjectAcl, GetObjectVersionAcl.
func (s *Service) needExisting(ctx context.Context, t *versionedTarget, action string, keys ...identity.Key) ([]api.Permission, error) {
	if err := checkVersion(t.VersionID); err != nil {
		return nil, err
	}
	var err error
	if t.at, err = s.locate(ctx, t.Bucket, t.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	if t.on, err = s.onExisting(ctx, t.at, action, t.Key, t.VersionID, keys...); err != nil {
		return nil, err
	}
	return []api.Permission{t.on.first}, nil
}

// existingTag is the family of condition keys for the tags of such an object.
const existingTag = "s3:ExistingObjectTag/"

// onExisting is the permission for an action on an object that is there, or on
// one of its versions when the request names one: GetObject, GetObjectVersion.
// Its owner decides. In a bucket with access control lists that is whoever
// wrote it; the bucket's policy can then refuse but not allow (User Guide, How
// Amazon S3 authorizes a request for an object operation). Where there is no
// object the permission is that to list the bucket. Its tags are condition keys,
// read when a policy names one.
//
// The version may be another one when the request acts. Whoever reads a version
// must ask mayUse of the one that it opened.
func (s *Service) onExisting(ctx context.Context, p place, action, key string, version *string, keys ...identity.Key) (*existing, error) {
	e := new(existing)
	options := object.GetOptions{VersionID: deref(version)}
	*e = existing{place: p, need: p.versioned(action, key, version, append(keys, e.tagKeys(func() (object.Version, error) {
		return s.engine.Head(ctx, p.bucket.Name, key, options)
	}))...)}
	if e.first = e.need; !p.access.lists() {
		return e, nil
	}
	v, err := s.engine.Head(ctx, p.bucket.Name, key, options)
	if absentObject(err) {
		// Nobody's list or policy is there to ask, and whether there is an
		// object is told to who may list (API Reference, GetObject).
		e.first = p.onBucket("s3:ListBucket")
		return e, nil
	}
	if err == nil {
		err = e.judge(&v)
		e.first = e.need
	}
	return e, subject{bucket: p.bucket.Name, key: key}.translate(err)
}

// onVersion is onExisting for a version that is at hand.
func (p place) onVersion(action, key string, version *string, v *object.Version, keys ...identity.Key) (api.Permission, error) {
	e := &existing{place: p, tags: v.Tags, asked: true}
	e.need = p.versioned(action, key, version, append(keys, e.tagKeys(nil))...)
	if !p.access.lists() {
		return e.need, nil
	}
	err := e.judge(v)
	return e.need, err
}

// tagKeys is the family of condition keys for the tags of the version. find reads
// it when a policy first asks.
func (e *existing) tagKeys(find func() (object.Version, error)) identity.Key {
	return identity.Key{Name: existingTag, Lookup: func(name string) (string, bool, error) {
		if !e.asked {
			v, err := find()
			if err != nil && !absentObject(err) {
				return "", false, err
			}
			e.tags, e.asked = v.Tags, true
		}
		value, ok := tagValue(e.tags, name)
		return value, ok, nil
	}}
}

// mayTell reports whether the caller may learn something of a version that it
// was allowed to read, by another action.
func (t *versionedTarget) mayTell(ctx context.Context, action string, v *object.Version) (bool, error) {
	need, err := t.at.onVersion(action, t.Key, t.VersionID, v)
	if err != nil {
		return false, err
	}
	return api.Allows(ctx, need)
}

// absentObject reports whether there is nothing to read.
func absentObject(err error) bool {
	return errors.Is(err, object.ErrNoSuchKey) || errors.Is(err, object.ErrNoSuchVersion) || errors.Is(err, object.ErrDeleteMarker) ||
		errors.Is(err, object.ErrInvalidKey) || errors.Is(err, object.ErrKeyTooLong)
}

// judge makes the permission that of a version: of its owner and with its list.
func (e *existing) judge(v *object.Version) error {
	list, err := parseACL(v.ACL)
	if err != nil {
		return err
	}
	e.owner, e.list, e.judged = v.Owner, v.ACL, true
	if onLocks(e.need.Action) {
		return nil // locks are the bucket owner's to allow, as at the write: they keep its bucket
	}
	e.need.ACL = list.grant(e.place.caller, objectPermissions[e.need.Action], e.place.ignoresPublic)
	e.need.ResourceAccount, e.need.PolicyOnlyDenies = v.Owner, v.Owner != e.place.bucket.Account
	return nil
}

// covers reports whether the decision holds for a version too. In a bucket with
// lists disabled, where no policy asked for tags, all versions are alike.
func (e *existing) covers(v *object.Version) bool {
	if e.place.access.lists() && (!e.judged || e.owner != v.Owner || e.list != v.ACL) {
		return false
	}
	return !e.asked || slices.Equal(e.tags, v.Tags)
}

// mayUse refuses unless the caller may act on a version that was opened: it may
// not be the one that was authorized, if another took its place meanwhile, or if
// its tags or its list were changed.
func (s *Service) mayUse(ctx context.Context, e *existing, v *object.Version) error {
	if e.covers(v) {
		return nil
	}
	e.tags, e.asked = v.Tags, true
	if e.place.access.lists() {
		if err := e.judge(v); err != nil {
			return err
		}
	}
	d, err := api.Authorize(ctx, e.need)
	if err == nil && !d.Allowed() {
		err = accessDenied()
	}
	return err
}

// maxAttempts bounds how often a change is tried of a version that another
// takes the place of meanwhile.
const maxAttempts = 3

// errOtherVersion says that the version changed between authorization and
// commit.
var errOtherVersion = errors.New("another version took the place of the one that was authorized")

// changeExisting changes what may change on the version that was authorized. If
// that is another one at the commit, it is authorized first. An error of change
// is the answer. messages may be nil.
func (s *Service) changeExisting(ctx context.Context, t *versionedTarget, messages messageMaker,
	change func(*object.Version) error) (*object.Version, error) {
	for range maxAttempts {
		var other object.Version
		options := object.SetAttributesOptions{VersionID: t.version(), Messages: messages}
		v, err := s.engine.SetAttributes(ctx, t.Bucket, t.Key, options, func(v *object.Version) error {
			if !t.on.covers(v) {
				other = *v
				return errOtherVersion
			}
			return change(v)
		})
		switch {
		case err == nil:
			return &v, nil
		case !errors.Is(err, errOtherVersion):
			return nil, s.readError(ctx, t.subject(), err)
		}
		if err := s.mayUse(ctx, t.on, &other); err != nil {
			return nil, err
		}
	}
	return nil, conflictingOperation()
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
