package s3

import (
	"context"
	"net/http"
	"slices"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

func (s *Service) taggingOperations() []api.Operation {
	return []api.Operation{
		row("GetObjectTagging", "GET /{Bucket}/{Key+}?tagging", s.needGetObjectTagging, s.getObjectTagging),
		row("PutObjectTagging", "PUT /{Bucket}/{Key+}?tagging", s.needPutObjectTagging, s.putObjectTagging),
		row("DeleteObjectTagging", "DELETE /{Bucket}/{Key+}?tagging", s.needDeleteObjectTagging, s.deleteObjectTagging),
	}
}

type objectTaggingInput struct{ versionedTarget }

// versionedOutput is an answer that is only a document, about a version.
type versionedOutput struct {
	xmlOutput
	VersionID string `header:"X-Amz-Version-Id"`
}

// versionedStatus is an answer without a document, about a version.
type versionedStatus struct {
	Status    int    `status:""`
	VersionID string `header:"X-Amz-Version-Id"`
}

func (s *Service) needGetObjectTagging(ctx context.Context, in *objectTaggingInput) ([]api.Permission, error) {
	return s.needExisting(ctx, &in.versionedTarget, "s3:GetObjectTagging")
}

func (s *Service) getObjectTagging(ctx context.Context, in *objectTaggingInput) (*versionedOutput, error) {
	v, err := s.engine.Head(ctx, in.Bucket, in.Key, object.GetOptions{VersionID: in.version()})
	if err != nil {
		return nil, s.readError(ctx, in.subject(), err)
	}
	if err := s.mayUse(ctx, in.on, &v); err != nil {
		return nil, err
	}
	d := newDocument("Tagging", 64*len(v.Tags))
	d.tagSet(v.Tags)
	return &versionedOutput{*d.output(), s.versionHeader(ctx, in.Bucket, v.VersionID)}, nil
}

type putObjectTaggingInput struct {
	versionedTarget
	digestHeaders
	Tagging *tagging `payload:"xml"`

	tags []object.Tag // of Tagging
}

func (s *Service) needPutObjectTagging(ctx context.Context, in *putObjectTaggingInput) ([]api.Permission, error) {
	var err error
	if in.tags, err = in.Tagging.objectTags(); err != nil {
		return nil, err
	}
	return s.needExisting(ctx, &in.versionedTarget, "s3:PutObjectTagging", requestObjectTags(nil, in.tags)...)
}

func (s *Service) putObjectTagging(ctx context.Context, in *putObjectTaggingInput) (*versionedStatus, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	return s.retag(ctx, &in.versionedTarget, in.tags, objectTaggingPut, http.StatusOK)
}

func (s *Service) needDeleteObjectTagging(ctx context.Context, in *objectTaggingInput) ([]api.Permission, error) {
	return s.needExisting(ctx, &in.versionedTarget, "s3:DeleteObjectTagging")
}

func (s *Service) deleteObjectTagging(ctx context.Context, in *objectTaggingInput) (*versionedStatus, error) {
	return s.retag(ctx, &in.versionedTarget, nil, objectTaggingDelete, http.StatusNoContent)
}

// retag gives a version other tags.
func (s *Service) retag(ctx context.Context, t *versionedTarget, tags []object.Tag, told event, status int) (*versionedStatus, error) {
	messages, err := s.messages(ctx, t.Bucket, told)
	if err != nil {
		return nil, err
	}
	v, err := s.changeExisting(ctx, t, messages, func(v *object.Version) error {
		v.Tags = tags
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &versionedStatus{status, s.versionHeader(ctx, t.Bucket, v.VersionID)}, nil
}

// tagCount is x-amz-tagging-count for a caller that may read the tags (API
// Reference, GetObject), nil for others and when there are none.
func tagCount(ctx context.Context, t *versionedTarget, v *object.Version) (*int, error) {
	if len(v.Tags) == 0 {
		return nil, nil
	}
	may, err := t.mayTell(ctx, "s3:GetObjectTagging", v)
	if err != nil || !may {
		return nil, err
	}
	count := len(v.Tags)
	return &count, nil
}

// copyTags returns the tags of a copy: new ones, or those of the source, which
// takes permission to read and to write them (API Reference, CopyObject).
func copyTags(ctx context.Context, in *copyObjectInput, source *copySource, v *object.Version) ([]object.Tag, error) {
	switch {
	case in.retags():
		return headerTags(in.Tagging)
	case in.Tagging != nil:
		return nil, invalidRequest("The header x-amz-tagging needs x-amz-tagging-directive: REPLACE.")
	}
	if len(v.Tags) == 0 {
		return nil, nil
	}
	read, err := in.source.place.onVersion("s3:GetObjectTagging", source.key, source.version, v)
	if err != nil {
		return nil, err
	}
	keys := requestObjectTags([]identity.Key{identity.StringKey("s3:x-amz-copy-source", source.String())}, v.Tags)
	for _, need := range []api.Permission{read, in.at.onObject("s3:PutObjectTagging", in.Key, keys...)} {
		d, err := api.Authorize(ctx, need)
		if err != nil {
			return nil, err
		}
		if !d.Allowed() {
			return nil, accessDenied()
		}
	}
	return slices.Clone(v.Tags), nil
}
