package s3

import (
	"context"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
)

func (s *Service) taggingOperations() []api.Operation {
	return []api.Operation{
		row("GetObjectTagging", "GET /{Bucket}/{Key+}?tagging", s.needGetObjectTagging, s.getObjectTagging),
	}
}

type getObjectTaggingInput struct {
	objectTarget
	versionTarget
}

func (s *Service) needGetObjectTagging(ctx context.Context, in *getObjectTaggingInput) ([]api.Permission, error) {
	p, err := s.locate(ctx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(in.VersionID); err != nil {
		return nil, err
	}
	need, err := s.onExisting(ctx, p, "s3:GetObjectTagging", in.Key, in.VersionID)
	if err != nil {
		return nil, err
	}
	return []api.Permission{need}, nil
}

// getObjectTagging answers that an object has no tags, which is so for every
// object, because tags are refused. The AWS CLI asks before it copies a large
// object.
func (s *Service) getObjectTagging(ctx context.Context, in *getObjectTaggingInput) (*xmlOutput, error) {
	if _, err := s.engine.Head(ctx, in.Bucket, in.Key, object.GetOptions{VersionID: in.version()}); err != nil {
		return nil, s.readError(ctx, in.objectTarget.subject(), err)
	}
	d := newDocument("Tagging", 0)
	d.open("TagSet")
	d.close("TagSet")
	return d.output(), nil
}
