package s3

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
)

// publicAccessBlock is what a bucket's or an account's owner rules out whatever
// policies and lists say (User Guide, Blocking public access). Of bucket and
// account the stricter holds.
type publicAccessBlock struct {
	// BlockPublicAcls refuses to set public lists.
	BlockPublicAcls bool `xml:"BlockPublicAcls" json:",omitempty"`
	// IgnorePublicAcls leaves public lists out of account.
	IgnorePublicAcls bool `xml:"IgnorePublicAcls" json:",omitempty"`
	// BlockPublicPolicy refuses to set a public bucket policy.
	BlockPublicPolicy bool `xml:"BlockPublicPolicy" json:",omitempty"`
	// RestrictPublicBuckets shuts a bucket with a public policy to other
	// accounts.
	RestrictPublicBuckets bool `xml:"RestrictPublicBuckets" json:",omitempty"`
}

// or returns what either rules out.
func (b publicAccessBlock) or(other *publicAccessBlock) publicAccessBlock {
	if other == nil {
		return b
	}
	return publicAccessBlock{
		b.BlockPublicAcls || other.BlockPublicAcls, b.IgnorePublicAcls || other.IgnorePublicAcls,
		b.BlockPublicPolicy || other.BlockPublicPolicy, b.RestrictPublicBuckets || other.RestrictPublicBuckets,
	}
}

// accountBlock is the ID of an account's public access block.
const accountBlock = "publicAccessBlock"

// accountBlockOf returns the block of a whole account, nil when it has none.
func accountBlockOf(ctx context.Context, r metastore.Reader, account string) (*publicAccessBlock, error) {
	d, err := metastore.S3AccountDocuments.Get(ctx, r, account, accountBlock)
	if errors.Is(err, metastore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("public access block of account %s: %w", account, err)
	}
	b := new(publicAccessBlock)
	if err := json.Unmarshal([]byte(d.Document), b); err != nil {
		return nil, fmt.Errorf("public access block of account %s: %w", account, err)
	}
	return b, nil
}

// blockOf returns what holds for a bucket of an account.
func (s *Service) blockOf(ctx context.Context, r metastore.Reader, account string, a *bucketAccess) (publicAccessBlock, error) {
	block, err := accountBlockOf(ctx, r, account)
	return publicAccessBlock{}.or(a.Block).or(block), err
}

func (s *Service) publicAccessOperations() []api.Operation {
	return []api.Operation{
		row("PutPublicAccessBlock", "PUT /{Bucket}?publicAccessBlock", needBucket[putPublicAccessBlockInput](s, "s3:PutBucketPublicAccessBlock"), s.putPublicAccessBlock),
		row("GetPublicAccessBlock", "GET /{Bucket}?publicAccessBlock", needBucket[getPublicAccessBlockInput](s, "s3:GetBucketPublicAccessBlock"), s.getPublicAccessBlock),
		row("DeletePublicAccessBlock", "DELETE /{Bucket}?publicAccessBlock", needBucket[getPublicAccessBlockInput](s, "s3:PutBucketPublicAccessBlock"), s.deletePublicAccessBlock),
	}
}

// publicAccessBlockXML is the body of requests, publicAccessBlockAnswer that of
// answers, whose name carries a namespace.
type (
	publicAccessBlockXML struct {
		XMLName xml.Name `xml:"PublicAccessBlockConfiguration"`
		publicAccessBlock
	}
	publicAccessBlockAnswer struct {
		XMLName xml.Name
		publicAccessBlock
	}
)

type putPublicAccessBlockInput struct {
	bucketTarget
	digestHeaders
	PublicAccessBlockConfiguration *publicAccessBlockXML `payload:"xml"`
}

func (s *Service) putPublicAccessBlock(ctx context.Context, in *putPublicAccessBlockInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if in.PublicAccessBlockConfiguration == nil {
		return nil, malformedXML()
	}
	return nothing, s.settled(in.subject(), s.changeAccess(ctx, in.at.bucket, func(_ metastore.Writer, a *bucketAccess) error {
		a.Block = &in.PublicAccessBlockConfiguration.publicAccessBlock
		return nil
	}))
}

type getPublicAccessBlockInput struct{ bucketTarget }

type publicAccessBlockOutput struct {
	PublicAccessBlockConfiguration *publicAccessBlockAnswer `payload:"xml"`
}

func noPublicAccessBlock() *awserr.Error {
	return awserr.New(http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
}

func (s *Service) getPublicAccessBlock(_ context.Context, in *getPublicAccessBlockInput) (*publicAccessBlockOutput, error) {
	block := in.at.access.Block
	if block == nil {
		return nil, noPublicAccessBlock().With("BucketName", in.Bucket)
	}
	return answerBlock(block), nil
}

func answerBlock(block *publicAccessBlock) *publicAccessBlockOutput {
	return &publicAccessBlockOutput{&publicAccessBlockAnswer{named("PublicAccessBlockConfiguration"), *block}}
}

func (s *Service) deletePublicAccessBlock(ctx context.Context, in *getPublicAccessBlockInput) (*noContent, error) {
	return deleted, s.settled(in.subject(), s.changeAccess(ctx, in.at.bucket, func(_ metastore.Writer, a *bucketAccess) error {
		a.Block = nil
		return nil
	}))
}
