package s3

import (
	"context"
	"encoding/xml"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
)

// objectOwnership says who owns the objects of a bucket, and so whether access
// control lists count (User Guide, Controlling ownership of objects).
type objectOwnership string

const (
	// ownershipEnforced: the bucket's owner owns every object, lists are
	// disabled.
	ownershipEnforced objectOwnership = "BucketOwnerEnforced"
	// ownershipPreferred: the bucket's owner owns what is written with the
	// canned list bucket-owner-full-control, else the writer does.
	ownershipPreferred objectOwnership = "BucketOwnerPreferred"
	// ownershipWriter: who writes an object owns it.
	ownershipWriter objectOwnership = "ObjectWriter"
)

// valid takes the three, and "" for controls that were deleted.
func (o objectOwnership) valid() bool {
	switch o {
	case "", ownershipEnforced, ownershipPreferred, ownershipWriter:
		return true
	}
	return false
}

func (s *Service) ownershipOperations() []api.Operation {
	return []api.Operation{
		row("PutBucketOwnershipControls", "PUT /{Bucket}?ownershipControls", needBucket[putBucketOwnershipControlsInput](s, "s3:PutBucketOwnershipControls"), s.putBucketOwnershipControls),
		row("GetBucketOwnershipControls", "GET /{Bucket}?ownershipControls", needBucket[getBucketOwnershipControlsInput](s, "s3:GetBucketOwnershipControls"), s.getBucketOwnershipControls),
		row("DeleteBucketOwnershipControls", "DELETE /{Bucket}?ownershipControls", needBucket[getBucketOwnershipControlsInput](s, "s3:PutBucketOwnershipControls"), s.deleteBucketOwnershipControls),
	}
}

type ownershipControls struct {
	XMLName xml.Name        `xml:"OwnershipControls"`
	Rules   []ownershipRule `xml:"Rule"`
}

type ownershipRule struct {
	ObjectOwnership objectOwnership `xml:"ObjectOwnership"`
}

type putBucketOwnershipControlsInput struct {
	bucketTarget
	digestHeaders
	OwnershipControls *ownershipControls `payload:"xml"`
}

// listsWithOwnership refuses to disable lists while the bucket's own list lets
// others in (API Reference, PutBucketOwnershipControls).
func listsWithOwnership() *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidBucketAclWithObjectOwnership",
		"Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
}

func (s *Service) putBucketOwnershipControls(ctx context.Context, in *putBucketOwnershipControlsInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	c := in.OwnershipControls
	if c == nil || len(c.Rules) != 1 || c.Rules[0].ObjectOwnership == "" || !c.Rules[0].ObjectOwnership.valid() {
		return nil, malformedXML()
	}
	owner := in.at.bucket.Account
	return nothing, s.settled(in.subject(), s.changeAccess(ctx, in.at.bucket, func(_ metastore.Writer, a *bucketAccess) error {
		a.Ownership = c.Rules[0].ObjectOwnership
		if a.Ownership == ownershipEnforced && !a.acl.private(owner) {
			return listsWithOwnership()
		}
		return nil
	}))
}

type getBucketOwnershipControlsInput struct{ bucketTarget }

type getBucketOwnershipControlsOutput struct {
	OwnershipControls *ownershipControlsAnswer `payload:"xml"`
}

// ownershipControlsAnswer is ownershipControls with a namespace.
type ownershipControlsAnswer struct {
	XMLName xml.Name
	Rules   []ownershipRule `xml:"Rule"`
}

func (s *Service) getBucketOwnershipControls(_ context.Context, in *getBucketOwnershipControlsInput) (*getBucketOwnershipControlsOutput, error) {
	o := in.at.access.Ownership
	if o == "" {
		return nil, awserr.New(http.StatusNotFound, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found").With("BucketName", in.Bucket)
	}
	return &getBucketOwnershipControlsOutput{&ownershipControlsAnswer{named("OwnershipControls"), []ownershipRule{{o}}}}, nil
}

func (s *Service) deleteBucketOwnershipControls(ctx context.Context, in *getBucketOwnershipControlsInput) (*noContent, error) {
	return deleted, s.settled(in.subject(), s.changeAccess(ctx, in.at.bucket, func(_ metastore.Writer, a *bucketAccess) error {
		a.Ownership = ""
		return nil
	}))
}
