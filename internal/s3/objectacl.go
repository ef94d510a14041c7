package s3

import (
	"context"
	"errors"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
)

func (s *Service) objectACLOperations() []api.Operation {
	return []api.Operation{
		row("GetObjectAcl", "GET /{Bucket}/{Key+}?acl", s.needGetObjectACL, s.getObjectACL),
		row("PutObjectAcl", "PUT /{Bucket}/{Key+}?acl", s.needPutObjectACL, s.putObjectACL),
	}
}

type getObjectACLInput struct{ versionedTarget }

const (
	actGetObjectACL = "s3:GetObjectAcl"
	actPutObjectACL = "s3:PutObjectAcl"
)

func (s *Service) needGetObjectACL(ctx context.Context, in *getObjectACLInput) ([]api.Permission, error) {
	return s.needExisting(ctx, &in.versionedTarget, actGetObjectACL)
}

func (s *Service) getObjectACL(ctx context.Context, in *getObjectACLInput) (*xmlOutput, error) {
	v, err := s.engine.Head(ctx, in.Bucket, in.Key, object.GetOptions{VersionID: in.version()})
	if err != nil {
		return nil, s.readError(ctx, in.subject(), err)
	}
	if err := s.mayUse(ctx, in.on, &v); err != nil {
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
	versionedTarget
	aclHeaders
	digestHeaders
	GrantWrite          string               `header:"X-Amz-Grant-Write"`
	AccessControlPolicy *accessControlPolicy `payload:"xml"`
}

func (s *Service) needPutObjectACL(ctx context.Context, in *putObjectACLInput) ([]api.Permission, error) {
	keys := given(in.aclHeaders.keys(nil), "s3:x-amz-grant-write", in.GrantWrite)
	return s.needExisting(ctx, &in.versionedTarget, actPutObjectACL, keys...)
}

func (s *Service) putObjectACL(ctx context.Context, in *putObjectACLInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if !in.at.access.lists() {
		return nil, listsNotSupported()
	}
	for range maxAttempts {
		err := s.setObjectACL(ctx, in)
		if !errors.Is(err, errOtherVersion) {
			return nothing, err
		}
	}
	return nil, conflictingOperation()
}

func (s *Service) setObjectACL(ctx context.Context, in *putObjectACLInput) error {
	where := in.subject()
	seen, err := s.engine.Head(ctx, in.Bucket, in.Key, object.GetOptions{VersionID: in.version()})
	if err != nil {
		return s.readError(ctx, where, err)
	}
	if err := s.mayUse(ctx, in.on, &seen); err != nil {
		return err
	}
	list, err := s.requestedACL(ctx, &asked{aclHeaders: &in.aclHeaders, grantWrite: in.GrantWrite, bucket: in.at.bucket.Account, owner: seen.Owner}, in.AccessControlPolicy)
	if err == nil && list.public() {
		err = s.refusePublic(ctx, s.store.Hot(), in.at)
	}
	if err != nil {
		return err
	}
	messages, err := s.messages(ctx, in.Bucket, objectACLPut)
	if err != nil {
		return err
	}
	_, err = s.engine.SetAttributes(ctx, in.Bucket, in.Key, object.SetAttributesOptions{VersionID: seen.VersionID, Messages: messages}, func(v *object.Version) error {
		if !in.on.covers(v) || v.ACL != seen.ACL || !v.Modified.Equal(seen.Modified) {
			return errOtherVersion
		}
		v.ACL = list.String()
		return nil
	})
	return where.translate(err)
}
