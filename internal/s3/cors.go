package s3

import (
	"context"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
)

func (s *Service) corsOperations() []api.Operation {
	return []api.Operation{
		row("PutBucketCors", "PUT /{Bucket}?cors", needBucket[putBucketCorsInput](s, "s3:PutBucketCORS"), s.putBucketCors),
		row("GetBucketCors", "GET /{Bucket}?cors", needBucket[getBucketCorsInput](s, "s3:GetBucketCORS"), s.getBucketCors),
		row("DeleteBucketCors", "DELETE /{Bucket}?cors", needBucket[getBucketCorsInput](s, "s3:PutBucketCORS"), s.deleteBucketCors),
	}
}

// corsConfiguration says which pages of other origins browsers may let at a
// bucket.
type corsConfiguration struct {
	XMLName xml.Name   `xml:"CORSConfiguration"`
	Xmlns   string     `xml:"xmlns,attr,omitempty"` // set in answers
	Rules   []corsRule `xml:"CORSRule"`
}

type corsRule struct {
	ID             string   `xml:"ID,omitempty"`
	AllowedHeaders []string `xml:"AllowedHeader"`
	AllowedMethods []string `xml:"AllowedMethod"`
	AllowedOrigins []string `xml:"AllowedOrigin"`
	ExposeHeaders  []string `xml:"ExposeHeader"`
	MaxAgeSeconds  *int32   `xml:"MaxAgeSeconds"`
}

var corsSetting = setting[corsConfiguration]{"cors", parseXMLSetting[corsConfiguration]}

// parseXMLSetting reads a setting that is stored as the XML of its structure.
func parseXMLSetting[T any](document string) (*T, error) {
	v := new(T)
	return v, xml.Unmarshal([]byte(document), v)
}

func xmlSetting(v any) (string, error) {
	text, err := xml.Marshal(v)
	return string(text), err
}

// maxCORSRules is AWS's (API Reference, PutBucketCors).
const maxCORSRules = 100

// corsMethods are those that a rule can allow (User Guide, Elements of a CORS
// configuration).
var corsMethods = []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodHead}

// check refuses what S3 refuses (API Reference, PutBucketCors and CORSRule;
// the words as observed).
func (c *corsConfiguration) check() error {
	if c == nil || len(c.Rules) == 0 {
		return malformedXML()
	}
	if len(c.Rules) > maxCORSRules {
		return invalidRequest("The number of CORS rules should not exceed allowed limit of 100 rules.")
	}
	for i := range c.Rules {
		if err := c.Rules[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (r *corsRule) check() error {
	if len(r.AllowedMethods) == 0 || len(r.AllowedOrigins) == 0 || r.MaxAgeSeconds != nil && *r.MaxAgeSeconds < 0 {
		return malformedXML()
	}
	if utf8.RuneCountInString(r.ID) > 255 {
		return invalidArgument("ID", r.ID, "ID length should not exceed allowed limit of 255")
	}
	for _, m := range r.AllowedMethods {
		if !slices.Contains(corsMethods, m) {
			return invalidRequest("Found unsupported HTTP method in CORS config. Unsupported method is " + clip(m))
		}
	}
	for _, o := range r.AllowedOrigins {
		if strings.Count(o, "*") > 1 {
			return invalidRequest("AllowedOrigin \"" + clip(o) + "\" can not have more than one wildcard.")
		}
		if !headerText(o) {
			return malformedXML()
		}
	}
	for _, h := range r.AllowedHeaders {
		if strings.Count(h, "*") > 1 {
			return invalidRequest("AllowedHeader \"" + clip(h) + "\" can not have more than one wildcard.")
		}
	}
	for _, h := range r.ExposeHeaders {
		if strings.Contains(h, "*") {
			return invalidRequest("ExposeHeader \"" + clip(h) + "\" contains wildcard. We currently do not support wildcard for ExposeHeader.")
		}
		if !headerText(h) {
			return malformedXML()
		}
	}
	return nil
}

type putBucketCorsInput struct {
	bucketTarget
	digestHeaders
	CORSConfiguration *corsConfiguration `payload:"xml"`
}

func (s *Service) putBucketCors(ctx context.Context, in *putBucketCorsInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if err := in.CORSConfiguration.check(); err != nil {
		return nil, err
	}
	document, err := xmlSetting(&corsConfiguration{Rules: in.CORSConfiguration.Rules})
	if err != nil {
		return nil, err
	}
	return nothing, s.settled(in.subject(), corsSetting.put(ctx, s, in.at.bucket, document))
}

type getBucketCorsInput struct{ bucketTarget }

type getBucketCorsOutput struct {
	CORSConfiguration *corsConfiguration `payload:"xml"`
}

func (s *Service) getBucketCors(ctx context.Context, in *getBucketCorsInput) (*getBucketCorsOutput, error) {
	c, err := corsSetting.get(ctx, s, in.at.bucket)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, awserr.New(http.StatusNotFound, "NoSuchCORSConfiguration", "The CORS configuration does not exist").With("BucketName", in.Bucket)
	}
	return &getBucketCorsOutput{&corsConfiguration{Xmlns: namespace, Rules: c.Rules}}, nil
}

func (s *Service) deleteBucketCors(ctx context.Context, in *getBucketCorsInput) (*noContent, error) {
	return deleted, s.settled(in.subject(), corsSetting.remove(ctx, s, in.at.bucket))
}
