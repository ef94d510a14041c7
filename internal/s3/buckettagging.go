package s3

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
)

// tagSetting holds the tags of a bucket.
var tagSetting = setting[[]metastore.Tag]{"tagging", func(document string) (*[]metastore.Tag, error) {
	tags := new([]metastore.Tag)
	return tags, json.Unmarshal([]byte(document), tags)
}}

func tagDocument(tags []metastore.Tag) (string, error) {
	text, err := json.Marshal(tags)
	return string(text), err
}

func (s *Service) bucketTaggingOperations() []api.Operation {
	return []api.Operation{
		row("PutBucketTagging", "PUT /{Bucket}?tagging", s.needPutBucketTagging, s.putBucketTagging),
		row("GetBucketTagging", "GET /{Bucket}?tagging", needBucket[getBucketTaggingInput](s, "s3:GetBucketTagging"), s.getBucketTagging),
		row("DeleteBucketTagging", "DELETE /{Bucket}?tagging", needBucket[getBucketTaggingInput](s, "s3:PutBucketTagging"), s.deleteBucketTagging),
	}
}

// maxBucketTags bounds a bucket's tags (User Guide, Using cost allocation S3
// bucket tags).
const maxBucketTags = 50

// bucketTags checks tags and returns them as they are stored.
func bucketTags(given []tagXML) ([]metastore.Tag, error) {
	if len(given) > maxBucketTags {
		return nil, awserr.New(http.StatusBadRequest, "BadRequest", "Bucket tag count cannot be greater than 50")
	}
	tags := make([]metastore.Tag, 0, len(given))
	for _, t := range given {
		if t.Key == nil || t.Value == nil {
			return nil, malformedXML()
		}
		if err := checkTag(*t.Key, *t.Value); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(tags, func(other metastore.Tag) bool { return strings.EqualFold(other.Key, *t.Key) }) { // policies cannot tell them apart
			return nil, sameTagKey(*t.Key)
		}
		tags = append(tags, metastore.Tag{Key: *t.Key, Value: *t.Value})
	}
	return tags, nil
}

// requestTagKeys appends the condition keys of tags that a request sets.
func requestTagKeys(keys []identity.Key, given []tagXML) []identity.Key {
	if len(given) == 0 {
		return keys
	}
	all := identity.ListKey("aws:TagKeys")
	for _, t := range given {
		if t.Key == nil || t.Value == nil {
			continue // refused later
		}
		keys = append(keys, identity.StringKey("aws:RequestTag/"+*t.Key, *t.Value))
		all.Values = append(all.Values, *t.Key)
	}
	return append(keys, all)
}

type putBucketTaggingInput struct {
	bucketTarget
	digestHeaders
	Tagging *tagging `payload:"xml"`
}

func (s *Service) needPutBucketTagging(ctx context.Context, in *putBucketTaggingInput) ([]api.Permission, error) {
	var err error
	if in.at, err = s.locate(ctx, in.Bucket, in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	var keys []identity.Key
	if in.Tagging != nil && in.Tagging.TagSet != nil {
		keys = requestTagKeys(nil, in.Tagging.TagSet.Tags)
	}
	return []api.Permission{in.at.onBucket("s3:PutBucketTagging", keys...)}, nil
}

func (s *Service) putBucketTagging(ctx context.Context, in *putBucketTaggingInput) (*noContent, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if in.Tagging == nil || in.Tagging.TagSet == nil {
		return nil, malformedXML()
	}
	tags, err := bucketTags(in.Tagging.TagSet.Tags)
	if err != nil {
		return nil, err
	}
	document := "" // no tags are no tag set
	if len(tags) > 0 {
		if document, err = tagDocument(tags); err != nil {
			return nil, err
		}
	}
	return deleted, s.settled(in.subject(), tagSetting.put(ctx, s, in.at.bucket, document))
}

type getBucketTaggingInput struct{ bucketTarget }

func (s *Service) getBucketTagging(ctx context.Context, in *getBucketTaggingInput) (*xmlOutput, error) {
	tags, err := tagSetting.get(ctx, s, in.at.bucket)
	if err != nil {
		return nil, err
	}
	if tags == nil {
		return nil, awserr.New(http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist").With("BucketName", in.Bucket)
	}
	d := newDocument("Tagging", 64*len(*tags))
	d.open("TagSet")
	for _, t := range *tags {
		d.open("Tag")
		d.text("Key", t.Key)
		d.text("Value", t.Value)
		d.close("Tag")
	}
	d.close("TagSet")
	return d.output(), nil
}

func (s *Service) deleteBucketTagging(ctx context.Context, in *getBucketTaggingInput) (*noContent, error) {
	return deleted, s.settled(in.subject(), tagSetting.remove(ctx, s, in.at.bucket))
}
