package s3

import (
	"context"
	"encoding/xml"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

func (s *Service) versioningOperations() []api.Operation {
	return []api.Operation{
		row("GetBucketVersioning", "GET /{Bucket}?versioning", needBucket[getBucketVersioningInput](s, "s3:GetBucketVersioning"), s.getBucketVersioning),
		row("PutBucketVersioning", "PUT /{Bucket}?versioning", needBucket[putBucketVersioningInput](s, "s3:PutBucketVersioning"), s.putBucketVersioning),
	}
}

type getBucketVersioningInput struct{ bucketTarget }

// getBucketVersioning answers an empty document for a bucket that was never
// versioned (API Reference, GetBucketVersioning).
func (s *Service) getBucketVersioning(ctx context.Context, in *getBucketVersioningInput) (*xmlOutput, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err != nil {
		return nil, in.bucketTarget.subject().translate(err)
	}
	d := newDocument("VersioningConfiguration", 64)
	switch b.Versioning {
	case object.VersioningEnabled:
		d.text("Status", versioningEnabled)
	case object.VersioningSuspended:
		d.text("Status", versioningSuspended)
	}
	return d.output(), nil
}

// The values of Status.
const (
	versioningEnabled   = "Enabled"
	versioningSuspended = "Suspended"
)

type putBucketVersioningInput struct {
	bucketTarget
	digestHeaders
	MFA                     string                   `header:"X-Amz-Mfa"`
	VersioningConfiguration *versioningConfiguration `payload:"xml"`
}

// versioningConfiguration has lists as members to see what is given twice.
type versioningConfiguration struct {
	XMLName   xml.Name `xml:"VersioningConfiguration"`
	Status    []string `xml:"Status"`
	MFADelete []string `xml:"MfaDelete"`
}

// versioning reads the state asked for. That deletions need a second factor
// cannot be asked for.
func (c *versioningConfiguration) versioning() (object.Versioning, error) {
	if c == nil || len(c.Status) > 1 || len(c.MFADelete) > 1 {
		return 0, malformedXML()
	}
	if len(c.MFADelete) == 1 {
		switch c.MFADelete[0] {
		case "Enabled":
			return 0, awserr.NotImplemented("MFA delete is not offered: send the configuration without MfaDelete.")
		case "Disabled":
		default:
			return 0, malformedXML()
		}
	}
	if len(c.Status) == 0 {
		return 0, awserr.New(http.StatusBadRequest, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
	}
	switch c.Status[0] {
	case versioningEnabled:
		return object.VersioningEnabled, nil
	case versioningSuspended:
		return object.VersioningSuspended, nil
	}
	return 0, malformedXML()
}

func (s *Service) putBucketVersioning(ctx context.Context, in *putBucketVersioningInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if in.MFA != "" {
		return nil, notBuilt("x-amz-mfa", "MFA delete")
	}
	v, err := in.VersioningConfiguration.versioning()
	if err != nil {
		return nil, err
	}
	if err := s.engine.SetVersioning(ctx, in.Bucket, v); err != nil {
		return nil, in.bucketTarget.subject().translate(err)
	}
	return &api.Empty{}, nil
}
