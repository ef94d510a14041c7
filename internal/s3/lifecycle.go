package s3

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/lifecycle"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/object"
)

func (s *Service) lifecycleOperations() []api.Operation {
	return []api.Operation{
		row("GetBucketLifecycleConfiguration", "GET /{Bucket}?lifecycle", needBucket[getBucketLifecycleInput](s, "s3:GetLifecycleConfiguration"), s.getBucketLifecycle),
		row("PutBucketLifecycleConfiguration", "PUT /{Bucket}?lifecycle", needBucket[putBucketLifecycleInput](s, "s3:PutLifecycleConfiguration"), s.putBucketLifecycle),
		// API Reference, DeleteBucketLifecycle: the permission is that of Put.
		row("DeleteBucketLifecycle", "DELETE /{Bucket}?lifecycle", needBucket[deleteBucketLifecycleInput](s, "s3:PutLifecycleConfiguration"), s.deleteBucketLifecycle),
	}
}

// lifecycleRules is the setting. Its document is the JSON of the configuration.
var lifecycleRules = setting[lifecycle.Configuration]{"lifecycle", func(document string) (*lifecycle.Configuration, error) {
	c := new(lifecycle.Configuration)
	return c, json.Unmarshal([]byte(document), c)
}}

// LifecycleRules returns the lifecycle rules of a bucket, nil when it has none.
func (s *Service) LifecycleRules(ctx context.Context, b object.Bucket) (*lifecycle.Configuration, error) {
	return lifecycleRules.get(ctx, s, b)
}

type putBucketLifecycleInput struct {
	bucketTarget
	digestHeaders
	TransitionMinimumSize string                  `header:"X-Amz-Transition-Default-Minimum-Object-Size"`
	Configuration         *lifecycleConfiguration `payload:"xml"`
}

type putBucketLifecycleOutput struct {
	TransitionMinimumSize string `header:"X-Amz-Transition-Default-Minimum-Object-Size"`
}

// The values of x-amz-transition-default-minimum-object-size. It speaks of
// transitions, of which there are none; it is taken and given back because tools
// compare what they set with what they get.
const (
	minimumSizeDefault = "all_storage_classes_128K"
	minimumSizeVaries  = "varies_by_storage_class"
)

func (s *Service) putBucketLifecycle(ctx context.Context, in *putBucketLifecycleInput) (*putBucketLifecycleOutput, error) {
	if err := in.verifyBody(api.RequestOf(ctx).Body); err != nil {
		return nil, err
	}
	c, err := in.Configuration.read()
	if err != nil {
		return nil, err
	}
	switch in.TransitionMinimumSize {
	case "", minimumSizeDefault:
	case minimumSizeVaries:
		c.TransitionMinimumSize = minimumSizeVaries
	default:
		return nil, invalidRequest("Invalid value for header x-amz-transition-default-minimum-object-size.")
	}
	document, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err == nil {
		err = lifecycleRules.put(ctx, s, b, string(document))
	}
	if errors.Is(err, metastore.ErrInvalid) {
		return nil, invalidRequest("The lifecycle configuration is too long.")
	}
	if err != nil {
		return nil, in.bucketTarget.subject().translate(err)
	}
	return &putBucketLifecycleOutput{minimumSize(c)}, nil
}

func minimumSize(c *lifecycle.Configuration) string {
	if c.TransitionMinimumSize == "" {
		return minimumSizeDefault
	}
	return c.TransitionMinimumSize
}

type getBucketLifecycleInput struct{ bucketTarget }

type getBucketLifecycleOutput struct {
	xmlOutput
	TransitionMinimumSize string `header:"X-Amz-Transition-Default-Minimum-Object-Size"`
}

func (s *Service) getBucketLifecycle(ctx context.Context, in *getBucketLifecycleInput) (*getBucketLifecycleOutput, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err != nil {
		return nil, in.subject().translate(err)
	}
	c, err := lifecycleRules.get(ctx, s, b)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, awserr.New(http.StatusNotFound, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist").With("BucketName", in.Bucket)
	}
	d := newDocument("LifecycleConfiguration", 256*len(c.Rules))
	for i := range c.Rules {
		d.lifecycleRule(&c.Rules[i])
	}
	return &getBucketLifecycleOutput{*d.output(), minimumSize(c)}, nil
}

func (d *document) lifecycleRule(r *lifecycle.Rule) {
	d.open("Rule")
	d.text("ID", r.ID)
	if r.Prefix != nil {
		d.text("Prefix", *r.Prefix)
	}
	if r.Filter != nil {
		d.lifecycleFilter(r.Filter)
	}
	status := statusEnabled
	if r.Disabled {
		status = statusDisabled
	}
	d.text("Status", status)
	if e := r.Expiration; e != nil {
		d.open("Expiration")
		if e.Days != 0 {
			d.int("Days", int64(e.Days))
		}
		if !e.Date.IsZero() {
			d.time("Date", e.Date)
		}
		if e.DeleteMarker != nil {
			d.bool("ExpiredObjectDeleteMarker", *e.DeleteMarker)
		}
		d.close("Expiration")
	}
	if n := r.Noncurrent; n != nil {
		d.open("NoncurrentVersionExpiration")
		d.int("NoncurrentDays", int64(n.Days))
		if n.Newer != 0 {
			d.int("NewerNoncurrentVersions", int64(n.Newer))
		}
		d.close("NoncurrentVersionExpiration")
	}
	if r.AbortUploadDays != 0 {
		d.open("AbortIncompleteMultipartUpload")
		d.int("DaysAfterInitiation", int64(r.AbortUploadDays))
		d.close("AbortIncompleteMultipartUpload")
	}
	d.close("Rule")
}

func (d *document) lifecycleFilter(f *lifecycle.Filter) {
	d.open("Filter")
	if f.And {
		d.open("And")
	}
	if f.Prefix != nil {
		d.text("Prefix", *f.Prefix)
	}
	for _, t := range f.Tags {
		d.open("Tag")
		d.text("Key", t.Key)
		d.text("Value", t.Value)
		d.close("Tag")
	}
	if f.SizeGreaterThan != nil {
		d.int("ObjectSizeGreaterThan", *f.SizeGreaterThan)
	}
	if f.SizeLessThan != nil {
		d.int("ObjectSizeLessThan", *f.SizeLessThan)
	}
	if f.And {
		d.close("And")
	}
	d.close("Filter")
}

type deleteBucketLifecycleInput struct{ bucketTarget }

func (s *Service) deleteBucketLifecycle(ctx context.Context, in *deleteBucketLifecycleInput) (*noContent, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err == nil {
		err = lifecycleRules.remove(ctx, s, b)
	}
	if err != nil {
		return nil, in.subject().translate(err)
	}
	return &noContent{http.StatusNoContent}, nil
}
