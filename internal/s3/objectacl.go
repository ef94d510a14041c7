package s3

import (
	"context"
	"errors"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

func (s *Service) objectACLOperations() []api.Operation {
	return []api.Operation{
		row("GetObjectAcl", "GET /{Bucket}/{Key+}?acl", s.needGetObjectACL, s.getObjectACL),
		row("PutObjectAcl", "PUT /{Bucket}/{Key+}?acl", s.needPutObjectACL, s.putObjectACL),
	}
}

// needObjectACL states an action on the list of an object or version:
// GetObjectAcl, GetObjectVersionAcl.
func (s *Service) needObjectACL(ctx context.Context, t *objectTarget, v *versionTarget, action string, keys ...identity.Key) ([]api.Permission, error) {
	if err := checkVersion(v.VersionID); err != nil {
		return nil, err
	}
	var err error
	if t.at, err = s.locate(ctx, t.Bucket, t.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	need, err := s.onExisting(ctx, t.at, action, t.Key, v.VersionID, keys...)
	if err != nil {
		return nil, err
	}
	return []api.Permission{need}, nil
}

type getObjectACLInput struct {
	objectTarget
	versionTarget
}

const (
	actGetObjectACL = "s3:GetObjectAcl"
	actPutObjectACL = "s3:PutObjectAcl"
)

func (s *Service) needGetObjectACL(ctx context.Context, in *getObjectACLInput) ([]api.Permission, error) {
	return s.needObjectACL(ctx, &in.objectTarget, &in.versionTarget, actGetObjectACL)
}

func (s *Service) getObjectACL(ctx context.Context, in *getObjectACLInput) (*xmlOutput, error) {
	v, err := s.engine.Head(ctx, in.Bucket, in.Key, object.GetOptions{VersionID: in.version()})
	if err != nil {
		return nil, s.readError(ctx, in.objectTarget.subject(), err)
	}
	if err := s.mayUse(ctx, in.Bucket, actGetObjectACL, in.Key, in.VersionID, &v); err != nil {
		return nil, err
	}
	owner, list := in.at.ownerOf(&v), acl{}
	if in.at.access.lists() {
		if list, err = parseACL(v.ACL); err != nil {
			return nil, err
		}
	}
	return s.writeACL(ctx, owner, list.shown(owner))
}

type putObjectACLInput struct {
	objectTarget
	versionTarget
	aclHeaders
	digestHeaders
	GrantWrite          string               `header:"X-Amz-Grant-Write"`
	AccessControlPolicy *accessControlPolicy `payload:"xml"`
}

func (s *Service) needPutObjectACL(ctx context.Context, in *putObjectACLInput) ([]api.Permission, error) {
	keys := given(in.aclHeaders.keys(nil), "s3:x-amz-grant-write", in.GrantWrite)
	return s.needObjectACL(ctx, &in.objectTarget, &in.versionTarget, actPutObjectACL, keys...)
}

// errOtherVersion says that the version changed between authorization and
// commit.
var errOtherVersion = errors.New("another version took the place of the one that was authorized")

func (s *Service) putObjectACL(ctx context.Context, in *putObjectACLInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if !in.at.access.lists() {
		return nil, listsNotSupported()
	}
	for range 3 {
		err := s.setObjectACL(ctx, in)
		if !errors.Is(err, errOtherVersion) {
			return nothing, err
		}
	}
	return nil, conflictingOperation()
}

func (s *Service) setObjectACL(ctx context.Context, in *putObjectACLInput) error {
	where := in.objectTarget.subject()
	seen, err := s.engine.Head(ctx, in.Bucket, in.Key, object.GetOptions{VersionID: in.version()})
	if err != nil {
		return s.readError(ctx, where, err)
	}
	if err := s.mayUse(ctx, in.Bucket, actPutObjectACL, in.Key, in.VersionID, &seen); err != nil {
		return err
	}
	list, err := s.requestedACL(ctx, &asked{aclHeaders: &in.aclHeaders, grantWrite: in.GrantWrite, bucket: in.at.bucket.Account, owner: seen.Owner}, in.AccessControlPolicy)
	if err == nil && list.public() {
		err = s.refusePublic(ctx, s.store.Hot(), in.at)
	}
	if err != nil {
		return err
	}
	_, err = s.engine.SetAttributes(ctx, in.Bucket, in.Key, object.SetAttributesOptions{VersionID: seen.VersionID}, func(v *object.Version) error {
		if v.Owner != seen.Owner || v.ACL != seen.ACL || !v.Modified.Equal(seen.Modified) {
			return errOtherVersion
		}
		v.ACL = list.String()
		return nil
	})
	return where.translate(err)
}
