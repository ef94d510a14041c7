package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

func (s *Service) bucketLoggingOperations() []api.Operation {
	return []api.Operation{
		row("PutBucketLogging", "PUT /{Bucket}?logging", needBucket[putBucketLoggingInput](s, "s3:PutBucketLogging"), s.putBucketLogging),
		row("GetBucketLogging", "GET /{Bucket}?logging", needBucket[getBucketLoggingInput](s, "s3:GetBucketLogging"), s.getBucketLogging),
	}
}

// bucketLoggingStatus says where the access log of a bucket goes.
type bucketLoggingStatus struct {
	XMLName xml.Name        `xml:"BucketLoggingStatus"`
	Xmlns   string          `xml:"xmlns,attr,omitempty"` // set in answers
	Enabled *loggingEnabled `xml:"LoggingEnabled"`
}

type loggingEnabled struct {
	TargetBucket string           `xml:"TargetBucket"`
	TargetPrefix *string          `xml:"TargetPrefix"`
	TargetGrants *loggingGrants   `xml:"TargetGrants"`
	KeyFormat    *objectKeyFormat `xml:"TargetObjectKeyFormat"`
}

type loggingGrants struct {
	Grants []struct{} `xml:"Grant"`
}

type objectKeyFormat struct {
	Simple      *struct{}           `xml:"SimplePrefix"`
	Partitioned *partitionedKeyForm `xml:"PartitionedPrefix"`
}

type partitionedKeyForm struct {
	PartitionDateSource string `xml:"PartitionDateSource,omitempty"`
}

// The dates that a partitioned key can have (API Reference, PartitionedPrefix).
const (
	deliveryTime = "DeliveryTime"
	eventTime    = "EventTime"
)

var loggingSetting = setting[bucketLoggingStatus]{"logging", parseXMLSetting[bucketLoggingStatus]}

// maxLogPrefixBytes leaves room for the rest of a log object's key.
const maxLogPrefixBytes = 800

// check refuses what cannot be honoured.
func (e *loggingEnabled) check() error {
	switch {
	case e.TargetBucket == "" || e.TargetPrefix == nil:
		return malformedXML()
	case len(*e.TargetPrefix) > maxLogPrefixBytes:
		return invalidArgument("TargetPrefix", *e.TargetPrefix, "The target prefix is too long.")
	case e.TargetGrants != nil && len(e.TargetGrants.Grants) > 0:
		return awserr.NotImplemented("TargetGrants are not offered: let the policy of the target bucket say who may read the logs.")
	}
	e.TargetGrants = nil
	if e.KeyFormat == nil {
		e.KeyFormat = &objectKeyFormat{Simple: new(struct{})} // the default, which is shown
	}
	f := e.KeyFormat
	if (f.Simple != nil) == (f.Partitioned != nil) {
		return malformedXML()
	}
	if f.Partitioned != nil {
		switch f.Partitioned.PartitionDateSource {
		case "":
			f.Partitioned.PartitionDateSource = deliveryTime
		case deliveryTime, eventTime:
		default:
			return malformedXML()
		}
	}
	return nil
}

type putBucketLoggingInput struct {
	bucketTarget
	digestHeaders
	BucketLoggingStatus *bucketLoggingStatus `payload:"xml"`
}

func (s *Service) putBucketLogging(ctx context.Context, in *putBucketLoggingInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	status := in.BucketLoggingStatus
	if status == nil {
		return nil, malformedXML()
	}
	if status.Enabled == nil {
		return nothing, s.settled(in.subject(), loggingSetting.remove(ctx, s, in.at.bucket))
	}
	if err := status.Enabled.check(); err != nil {
		return nil, err
	}
	if err := s.logTarget(ctx, in.at.bucket, status.Enabled.TargetBucket); err != nil {
		return nil, err
	}
	document, err := xmlSetting(&bucketLoggingStatus{Enabled: status.Enabled})
	if err != nil {
		return nil, err
	}
	return nothing, s.settled(in.subject(), loggingSetting.put(ctx, s, in.at.bucket, document))
}

// logTarget checks the bucket that is to hold logs: it must be the same owner's
// (API Reference, PutBucketLogging). Whether its policy lets logs in is asked
// at every delivery.
func (s *Service) logTarget(ctx context.Context, source object.Bucket, target string) error {
	b, err := s.engine.Bucket(ctx, target)
	switch {
	case errors.Is(err, object.ErrNoSuchBucket):
		return invalidLogTarget("The target bucket for logging does not exist", target)
	case err != nil:
		return subject{bucket: target}.translate(err)
	case b.Account != source.Account:
		return invalidLogTarget("The owner for the bucket to be logged and the target bucket must be the same.", target)
	}
	return nil
}

func invalidLogTarget(message, target string) error {
	return awserr.New(http.StatusBadRequest, "InvalidTargetBucketForLogging", message).With("TargetBucket", clip(target))
}

type getBucketLoggingInput struct{ bucketTarget }

type getBucketLoggingOutput struct {
	BucketLoggingStatus *bucketLoggingStatus `payload:"xml"`
}

func (s *Service) getBucketLogging(ctx context.Context, in *getBucketLoggingInput) (*getBucketLoggingOutput, error) {
	c, err := loggingSetting.get(ctx, s, in.at.bucket)
	if err != nil {
		return nil, err
	}
	shown := &bucketLoggingStatus{Xmlns: namespace}
	if c != nil {
		shown.Enabled = c.Enabled
	}
	return &getBucketLoggingOutput{shown}, nil
}
