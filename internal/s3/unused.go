package s3

import (
	"context"
	"encoding/xml"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
)

// The operations of this file are about what no bucket of Inro has: requesters
// that pay, acceleration, replication. Tools ask for these, such as Terraform
// when it reads a bucket, and get what AWS answers of a bucket that does not use
// them.

func (s *Service) unusedOperations() []api.Operation {
	return []api.Operation{
		row("GetBucketRequestPayment", "GET /{Bucket}?requestPayment", needBucket[getBucketRequestPaymentInput](s, "s3:GetBucketRequestPayment"), getBucketRequestPayment),
		row("PutBucketRequestPayment", "PUT /{Bucket}?requestPayment", needBucket[putBucketRequestPaymentInput](s, "s3:PutBucketRequestPayment"), putBucketRequestPayment),
		row("GetBucketAccelerateConfiguration", "GET /{Bucket}?accelerate", needBucket[getBucketAccelerateInput](s, "s3:GetAccelerateConfiguration"), getBucketAccelerate),
		row("GetBucketReplication", "GET /{Bucket}?replication", needBucket[getBucketReplicationInput](s, "s3:GetReplicationConfiguration"), getBucketReplication),
	}
}

type getBucketRequestPaymentInput struct{ bucketTarget }

// bucketOwner pays for every request.
const bucketOwner = "BucketOwner"

func getBucketRequestPayment(context.Context, *getBucketRequestPaymentInput) (*xmlOutput, error) {
	d := newDocument("RequestPaymentConfiguration", 0)
	d.text("Payer", bucketOwner)
	return d.output(), nil
}

type requestPayment struct {
	XMLName xml.Name `xml:"RequestPaymentConfiguration"`
	Payer   string   `xml:"Payer"`
}

type putBucketRequestPaymentInput struct {
	bucketTarget
	digestHeaders
	RequestPaymentConfiguration *requestPayment `payload:"xml"`
}

// putBucketRequestPayment takes what holds anyhow.
func putBucketRequestPayment(ctx context.Context, in *putBucketRequestPaymentInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if in.RequestPaymentConfiguration == nil {
		return nil, malformedXML()
	}
	switch in.RequestPaymentConfiguration.Payer {
	case bucketOwner:
		return nothing, nil
	case "Requester":
		return nil, awserr.NotImplemented("That the requester pays is not offered: Inro charges nobody.")
	}
	return nil, malformedXML()
}

type getBucketAccelerateInput struct{ bucketTarget }

// getBucketAccelerate answers as for a bucket whose acceleration was never
// configured (API Reference, GetBucketAccelerateConfiguration).
func getBucketAccelerate(context.Context, *getBucketAccelerateInput) (*xmlOutput, error) {
	return newDocument("AccelerateConfiguration", 0).output(), nil
}

type getBucketReplicationInput struct{ bucketTarget }

func getBucketReplication(_ context.Context, in *getBucketReplicationInput) (*xmlOutput, error) {
	return nil, awserr.New(http.StatusNotFound, "ReplicationConfigurationNotFoundError", "The replication configuration was not found").
		With("BucketName", in.Bucket)
}
