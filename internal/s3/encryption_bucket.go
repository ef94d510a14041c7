package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
)

func (s *Service) encryptionOperations() []api.Operation {
	return []api.Operation{
		row("GetBucketEncryption", "GET /{Bucket}?encryption", needBucket[getBucketEncryptionInput](s, "s3:GetEncryptionConfiguration"), s.getBucketEncryption),
		row("PutBucketEncryption", "PUT /{Bucket}?encryption", needBucket[putBucketEncryptionInput](s, "s3:PutEncryptionConfiguration"), s.putBucketEncryption),
		row("DeleteBucketEncryption", "DELETE /{Bucket}?encryption", needBucket[deleteBucketEncryptionInput](s, "s3:PutEncryptionConfiguration"), s.deleteBucketEncryption),
	}
}

// encryptionSetting is a bucket's default encryption.
var encryptionSetting = setting[bucketEncryption]{"encryption", parseBucketEncryption}

// bucketEncryption is stored as JSON.
type bucketEncryption struct {
	Algorithm string `json:"algorithm,omitempty"` // methodServer, methodNamed, or "": none of its own
	KeyID     string `json:"keyId,omitempty"`     // as it was given
	BucketKey bool   `json:"bucketKey,omitempty"`
	// BlocksCustomerKeys refuses uploads with SSE-C. BlocksSet says that one of
	// the two was chosen.
	BlocksCustomerKeys bool `json:"blocksCustomerKeys,omitempty"`
	BlocksSet          bool `json:"blocksSet,omitempty"`
}

func parseBucketEncryption(document string) (*bucketEncryption, error) {
	e := new(bucketEncryption)
	d := json.NewDecoder(bytes.NewReader([]byte(document)))
	d.DisallowUnknownFields()
	if err := d.Decode(e); err != nil {
		return nil, err
	}
	if e.Algorithm != "" && e.Algorithm != methodServer && e.Algorithm != methodNamed {
		return nil, errors.New("unknown algorithm")
	}
	return e, nil
}

type getBucketEncryptionInput struct{ bucketTarget }

// getBucketEncryption tells the truth of a bucket without a default of its own:
// what the server does by default, or that nothing is encrypted.
func (s *Service) getBucketEncryption(ctx context.Context, in *getBucketEncryptionInput) (*xmlOutput, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err != nil {
		return nil, in.bucketTarget.subject().translate(err)
	}
	e, err := encryptionSetting.get(ctx, s, b)
	if err != nil {
		return nil, err
	}
	if e == nil {
		e = new(bucketEncryption)
	}
	algorithm := e.Algorithm
	if algorithm == "" && s.encryptByDefault {
		algorithm = methodServer
	}
	if algorithm == "" && !e.BlocksSet {
		return nil, awserr.New(http.StatusNotFound, "ServerSideEncryptionConfigurationNotFoundError",
			"The server side encryption configuration was not found").With("BucketName", in.Bucket)
	}
	d := newDocument("ServerSideEncryptionConfiguration", 512)
	d.open("Rule")
	if algorithm != "" {
		d.open("ApplyServerSideEncryptionByDefault")
		d.text("SSEAlgorithm", algorithm)
		if e.KeyID != "" {
			d.text("KMSMasterKeyID", e.KeyID)
		}
		d.close("ApplyServerSideEncryptionByDefault")
	}
	d.bool("BucketKeyEnabled", e.BucketKey)
	if e.BlocksSet {
		d.open("BlockedEncryptionTypes")
		d.text("EncryptionType", blockedName(e.BlocksCustomerKeys))
		d.close("BlockedEncryptionTypes")
	}
	d.close("Rule")
	return d.output(), nil
}

// Values of EncryptionType.
const (
	blocksNothing      = "NONE"
	blocksCustomerKeys = "SSE-C"
)

func blockedName(blocks bool) string {
	if blocks {
		return blocksCustomerKeys
	}
	return blocksNothing
}

type putBucketEncryptionInput struct {
	bucketTarget
	digestHeaders
	Configuration *encryptionConfiguration `payload:"xml"`
}

// encryptionConfiguration has lists as members to see what is given twice, and
// takes in what it does not know, to refuse it.
type encryptionConfiguration struct {
	XMLName xml.Name         `xml:"ServerSideEncryptionConfiguration"`
	Rules   []encryptionRule `xml:"Rule"`
	Other   []anyElement     `xml:",any"`
}

type encryptionRule struct {
	Apply            []encryptionByDefault    `xml:"ApplyServerSideEncryptionByDefault"`
	BucketKeyEnabled []string                 `xml:"BucketKeyEnabled"`
	Blocked          []blockedEncryptionTypes `xml:"BlockedEncryptionTypes"`
	Other            []anyElement             `xml:",any"`
}

type encryptionByDefault struct {
	SSEAlgorithm   []string     `xml:"SSEAlgorithm"`
	KMSMasterKeyID []string     `xml:"KMSMasterKeyID"`
	Other          []anyElement `xml:",any"`
}

type blockedEncryptionTypes struct {
	EncryptionType []string     `xml:"EncryptionType"`
	Other          []anyElement `xml:",any"`
}

type anyElement struct{ XMLName xml.Name }

// maxKeyIDBytes bounds a key ID (KMS API Reference, GenerateDataKey, KeyId).
const maxKeyIDBytes = 2048

// over returns the setting that the configuration makes of an old one. What it
// does not mention stays, as seen on S3 for blocked types: saying nothing takes
// no protection away.
func (c *encryptionConfiguration) over(old bucketEncryption) (bucketEncryption, error) {
	if c == nil || len(c.Rules) != 1 || len(c.Other) > 0 {
		return old, malformedXML()
	}
	r := &c.Rules[0]
	if len(r.Apply) > 1 || len(r.BucketKeyEnabled) > 1 || len(r.Blocked) > 1 || len(r.Other) > 0 ||
		len(r.Apply)+len(r.BucketKeyEnabled)+len(r.Blocked) == 0 {
		return old, malformedXML()
	}
	e := old
	if len(r.Apply) == 1 {
		e.BucketKey = false
		if err := r.Apply[0].set(&e); err != nil {
			return old, err
		}
	}
	if len(r.BucketKeyEnabled) == 1 {
		switch {
		case strings.EqualFold(r.BucketKeyEnabled[0], "true"):
			e.BucketKey = true
		case strings.EqualFold(r.BucketKeyEnabled[0], "false"):
			e.BucketKey = false
		default:
			return old, malformedXML()
		}
	}
	if len(r.Blocked) == 1 {
		b := &r.Blocked[0]
		if len(b.EncryptionType) != 1 || len(b.Other) > 0 || b.EncryptionType[0] != blocksNothing && b.EncryptionType[0] != blocksCustomerKeys {
			return old, malformedXML()
		}
		e.BlocksSet, e.BlocksCustomerKeys = true, b.EncryptionType[0] == blocksCustomerKeys
	}
	return e, nil
}

// set takes the default over into e. Whether the key exists is not looked at,
// as in S3 (API Reference, PutBucketEncryption); an upload tells.
func (a *encryptionByDefault) set(e *bucketEncryption) error {
	if len(a.SSEAlgorithm) != 1 || len(a.KMSMasterKeyID) > 1 || len(a.Other) > 0 {
		return malformedXML()
	}
	e.Algorithm, e.KeyID = a.SSEAlgorithm[0], ""
	switch e.Algorithm {
	case methodServer, methodNamed:
	case "aws:kms:dsse":
		return awserr.NotImplemented("Dual-layer encryption (aws:kms:dsse) is not offered.")
	default:
		return malformedXML()
	}
	if len(a.KMSMasterKeyID) == 0 {
		return nil
	}
	e.KeyID = a.KMSMasterKeyID[0]
	switch {
	case e.Algorithm != methodNamed:
		return awserr.New(http.StatusBadRequest, "InvalidArgument",
			"a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse").
			With("ArgumentName", "ApplyServerSideEncryptionByDefault")
	case e.KeyID == "" || len(e.KeyID) > maxKeyIDBytes:
		return malformedXML()
	}
	return nil
}

func (s *Service) putBucketEncryption(ctx context.Context, in *putBucketEncryptionInput) (*api.Empty, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err != nil {
		return nil, in.bucketTarget.subject().translate(err)
	}
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	err = encryptionSetting.change(ctx, s, b, func(old *bucketEncryption) (string, error) {
		if old == nil {
			old = new(bucketEncryption)
		}
		e, err := in.Configuration.over(*old)
		if err != nil {
			return "", err
		}
		document, err := json.Marshal(e)
		return string(document), err
	})
	if err != nil {
		return nil, in.bucketTarget.subject().translate(err)
	}
	return &api.Empty{}, nil
}

type deleteBucketEncryptionInput struct{ bucketTarget }

func (s *Service) deleteBucketEncryption(ctx context.Context, in *deleteBucketEncryptionInput) (*noContent, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err == nil {
		err = encryptionSetting.remove(ctx, s, b)
	}
	if err != nil {
		return nil, in.bucketTarget.subject().translate(err)
	}
	return &noContent{http.StatusNoContent}, nil
}

// checkBlocked refuses to write with a client's key into a bucket that blocks
// that.
func (s *Service) checkBlocked(ctx context.Context, bucket, key string) error {
	b, err := s.engine.Bucket(ctx, bucket)
	if err != nil {
		return err
	}
	e, err := encryptionSetting.get(ctx, s, b)
	if err != nil || e == nil || !e.BlocksCustomerKeys {
		return err
	}
	return customerKeysBlocked(ctx, bucket, key)
}
