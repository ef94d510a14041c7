package s3

import (
	"context"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
)

func (s *Service) bucketACLOperations() []api.Operation {
	return []api.Operation{
		row("GetBucketAcl", "GET /{Bucket}?acl", needBucket[getBucketACLInput](s, "s3:GetBucketAcl"), s.getBucketACL),
		row("PutBucketAcl", "PUT /{Bucket}?acl", s.needPutBucketACL, s.putBucketACL),
	}
}

type getBucketACLInput struct{ bucketTarget }

func (s *Service) getBucketACL(ctx context.Context, in *getBucketACLInput) (*xmlOutput, error) {
	owner, list := in.at.bucket.Account, acl{}
	if in.at.access.lists() {
		list = in.at.access.acl
	}
	return s.writeACL(ctx, owner, list.shown(owner))
}

type putBucketACLInput struct {
	bucketTarget
	aclHeaders
	digestHeaders
	GrantWrite          string               `header:"X-Amz-Grant-Write"`
	AccessControlPolicy *accessControlPolicy `payload:"xml"`
}

func (s *Service) needPutBucketACL(ctx context.Context, in *putBucketACLInput) ([]api.Permission, error) {
	var err error
	if in.at, err = s.locate(ctx, in.Bucket, in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	keys := given(in.aclHeaders.keys(nil), "s3:x-amz-grant-write", in.GrantWrite)
	return []api.Permission{in.at.onBucket("s3:PutBucketAcl", keys...)}, nil
}

func (s *Service) putBucketACL(ctx context.Context, in *putBucketACLInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	owner := in.at.bucket.Account
	list, err := s.requestedACL(ctx, &asked{aclHeaders: &in.aclHeaders, grantWrite: in.GrantWrite, bucket: owner, owner: owner, ofBucket: true}, in.AccessControlPolicy)
	if err != nil {
		return nil, err
	}
	return nothing, s.settled(in.subject(), s.changeAccess(ctx, in.at.bucket, func(w metastore.Writer, a *bucketAccess) error {
		if !a.lists() {
			return listsNotSupported()
		}
		a.ACL = list.String()
		if !list.public() {
			return nil
		}
		return s.refusePublic(ctx, w, place{bucket: in.at.bucket, access: a})
	}))
}

// requestedACL returns the list that a request to set one asks for: in headers
// or in its body (API Reference, PutBucketAcl and PutObjectAcl).
func (s *Service) requestedACL(ctx context.Context, q *asked, body *accessControlPolicy) (acl, error) {
	inHeaders := q.any() || q.grantWrite != ""
	switch {
	case inHeaders && body != nil:
		return acl{}, awserr.New(http.StatusBadRequest, "UnexpectedContent", "This request does not support content")
	case inHeaders:
		return q.list(ctx, s)
	case body == nil:
		return acl{}, awserr.New(http.StatusBadRequest, "MissingSecurityHeader", "Your request was missing a required header").With("MissingHeaderName", "x-amz-acl")
	}
	return body.list(ctx, s, q.owner)
}
