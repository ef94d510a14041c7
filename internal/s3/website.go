package s3

import (
	"context"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

func (s *Service) websiteOperations() []api.Operation {
	return []api.Operation{
		row("PutBucketWebsite", "PUT /{Bucket}?website", needBucket[putBucketWebsiteInput](s, "s3:PutBucketWebsite"), s.putBucketWebsite),
		row("GetBucketWebsite", "GET /{Bucket}?website", needBucket[getBucketWebsiteInput](s, "s3:GetBucketWebsite"), s.getBucketWebsite),
		row("DeleteBucketWebsite", "DELETE /{Bucket}?website", needBucket[getBucketWebsiteInput](s, "s3:DeleteBucketWebsite"), s.deleteBucketWebsite),
	}
}

// websiteConfiguration says how a bucket is read at its website endpoint.
type websiteConfiguration struct {
	XMLName               xml.Name         `xml:"WebsiteConfiguration"`
	Xmlns                 string           `xml:"xmlns,attr,omitempty"` // set in answers
	RedirectAllRequestsTo *redirectAll     `xml:"RedirectAllRequestsTo"`
	IndexDocument         *indexDocument   `xml:"IndexDocument"`
	ErrorDocument         *errorDocument   `xml:"ErrorDocument"`
	RoutingRules          *routingRuleList `xml:"RoutingRules"`
}

type redirectAll struct {
	HostName string `xml:"HostName"`
	Protocol string `xml:"Protocol,omitempty"`
}

type indexDocument struct {
	Suffix string `xml:"Suffix"`
}

type errorDocument struct {
	Key string `xml:"Key"`
}

type routingRuleList struct {
	Rules []routingRule `xml:"RoutingRule"`
}

type routingRule struct {
	Condition *routingCondition `xml:"Condition"`
	Redirect  *routingRedirect  `xml:"Redirect"`
}

type routingCondition struct {
	KeyPrefixEquals             string `xml:"KeyPrefixEquals,omitempty"`
	HttpErrorCodeReturnedEquals string `xml:"HttpErrorCodeReturnedEquals,omitempty"`
}

type routingRedirect struct {
	Protocol             string  `xml:"Protocol,omitempty"`
	HostName             string  `xml:"HostName,omitempty"`
	ReplaceKeyPrefixWith *string `xml:"ReplaceKeyPrefixWith"`
	ReplaceKeyWith       *string `xml:"ReplaceKeyWith"`
	HttpRedirectCode     string  `xml:"HttpRedirectCode,omitempty"`
}

var websiteSetting = setting[websiteConfiguration]{"website", parseXMLSetting[websiteConfiguration]}

// maxRoutingRules is AWS's (User Guide, Configuring advanced conditional
// redirects).
const maxRoutingRules = 50

// rules are the routing rules, if there are any.
func (c *websiteConfiguration) rules() []routingRule {
	if c.RoutingRules == nil {
		return nil
	}
	return c.RoutingRules.Rules
}

// check refuses what S3 refuses (API Reference, PutBucketWebsite).
func (c *websiteConfiguration) check() error {
	switch {
	case c == nil:
		return malformedXML()
	case c.RedirectAllRequestsTo != nil:
		if c.IndexDocument != nil || c.ErrorDocument != nil || c.RoutingRules != nil {
			return websiteArgument("RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.")
		}
		return c.RedirectAllRequestsTo.check()
	case c.IndexDocument == nil:
		return websiteArgument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty")
	case c.IndexDocument.Suffix == "" || strings.Contains(c.IndexDocument.Suffix, "/") || len(c.IndexDocument.Suffix) > object.MaxKeyBytes:
		return websiteArgument("The IndexDocument Suffix is not well formed")
	case c.ErrorDocument != nil && (c.ErrorDocument.Key == "" || len(c.ErrorDocument.Key) > object.MaxKeyBytes):
		return websiteArgument("The ErrorDocument Key is not well formed")
	case len(c.rules()) > maxRoutingRules:
		return websiteArgument("The number of routing rules exceeds the limit of 50 routing rules in a website configuration.")
	}
	for i := range c.rules() {
		if err := c.rules()[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func websiteArgument(message string) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidArgument", message)
}

func (r *redirectAll) check() error {
	if r.HostName == "" || !hostText(r.HostName) {
		return websiteArgument("The HostName of RedirectAllRequestsTo is not well formed")
	}
	return checkProtocol(r.Protocol)
}

func checkProtocol(protocol string) error {
	switch protocol {
	case "", "http", "https":
		return nil
	}
	return invalidRequest("Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.")
}

// hostText reports whether text can stand between "http://" and a path: no
// browser may be sent where it did not seem to go.
func hostText(text string) bool {
	return len(text) <= 300 && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_:[]", r)
	})
}

func (r *routingRule) check() error {
	d := r.Redirect
	if d == nil || *d == (routingRedirect{}) || r.Condition != nil && *r.Condition == (routingCondition{}) {
		return malformedXML()
	}
	if r.Condition != nil {
		if code := r.Condition.HttpErrorCodeReturnedEquals; code != "" && !statusIn(code, 400, 599) {
			return websiteArgument("The provided HTTP error code (" + clip(code) + ") is not valid. Valid codes are 4XX or 5XX.")
		}
	}
	switch {
	case d.HostName != "" && !hostText(d.HostName):
		return websiteArgument("The HostName of a redirect is not well formed")
	case d.ReplaceKeyWith != nil && d.ReplaceKeyPrefixWith != nil:
		return invalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
	case d.HttpRedirectCode != "" && !statusIn(d.HttpRedirectCode, 301, 399):
		return invalidRequest("The provided HTTP redirect code (" + clip(d.HttpRedirectCode) + ") is not valid. Valid codes are 3XX except 300.")
	}
	return checkProtocol(d.Protocol)
}

func statusIn(text string, least, most int) bool {
	n, err := strconv.Atoi(text)
	return err == nil && len(text) == 3 && n >= least && n <= most
}

type putBucketWebsiteInput struct {
	bucketTarget
	digestHeaders
	WebsiteConfiguration *websiteConfiguration `payload:"xml"`
}

func (s *Service) putBucketWebsite(ctx context.Context, in *putBucketWebsiteInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if err := in.WebsiteConfiguration.check(); err != nil {
		return nil, err
	}
	in.WebsiteConfiguration.Xmlns = ""
	document, err := xmlSetting(in.WebsiteConfiguration)
	if err != nil {
		return nil, err
	}
	return nothing, s.settled(in.subject(), websiteSetting.put(ctx, s, in.at.bucket, document))
}

type getBucketWebsiteInput struct{ bucketTarget }

type getBucketWebsiteOutput struct {
	WebsiteConfiguration *websiteConfiguration `payload:"xml"`
}

func (s *Service) getBucketWebsite(ctx context.Context, in *getBucketWebsiteInput) (*getBucketWebsiteOutput, error) {
	c, err := websiteSetting.get(ctx, s, in.at.bucket)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, noWebsite(in.Bucket)
	}
	shown := *c
	shown.Xmlns = namespace
	return &getBucketWebsiteOutput{&shown}, nil
}

func noWebsite(bucket string) *awserr.Error {
	return awserr.New(http.StatusNotFound, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration").With("BucketName", bucket)
}

func (s *Service) deleteBucketWebsite(ctx context.Context, in *getBucketWebsiteInput) (*noContent, error) {
	return deleted, s.settled(in.subject(), websiteSetting.remove(ctx, s, in.at.bucket))
}

// checkRedirectLocation reads x-amz-website-redirect-location (API Reference,
// PutObject).
func checkRedirectLocation(location string) error {
	switch {
	case location == "":
		return nil
	case !strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "http://") && !strings.HasPrefix(location, "https://"):
		return awserr.New(http.StatusBadRequest, "InvalidRedirectLocation", "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.")
	case len(location) > 2048:
		return awserr.New(http.StatusBadRequest, "InvalidRedirectLocation", "The length of website redirect location cannot exceed 2,048 characters.")
	case !headerText(location):
		return awserr.New(http.StatusBadRequest, "InvalidRedirectLocation", "The website redirect location has control characters.")
	}
	return nil
}
