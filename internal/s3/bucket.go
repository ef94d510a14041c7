package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"regexp"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/object"
)

func (s *Service) bucketOperations() []api.Operation {
	return []api.Operation{
		row("CreateBucket", "PUT /{Bucket}", s.needCreateBucket, s.createBucket),
		row("HeadBucket", "HEAD /{Bucket}", needBucket[headBucketInput](s, "s3:ListBucket"), s.headBucket),
		row("DeleteBucket", "DELETE /{Bucket}", needBucket[deleteBucketInput](s, "s3:DeleteBucket"), s.deleteBucket),
		row("GetBucketLocation", "GET /{Bucket}?location", needBucket[getBucketLocationInput](s, "s3:GetBucketLocation"), s.getBucketLocation),
	}
}

type createBucketInput struct {
	Bucket string `label:"Bucket"`
	aclHeaders
	GrantWrite                 string                     `header:"X-Amz-Grant-Write"`
	ObjectLockEnabledForBucket bool                       `header:"X-Amz-Bucket-Object-Lock-Enabled"`
	ObjectOwnership            string                     `header:"X-Amz-Object-Ownership"`
	BucketNamespace            string                     `header:"X-Amz-Bucket-Namespace"`
	Configuration              *createBucketConfiguration `payload:"xml"`
}

type createBucketConfiguration struct {
	XMLName            xml.Name `xml:"CreateBucketConfiguration"`
	LocationConstraint string   `xml:"LocationConstraint"`
	// Location and Bucket describe directory buckets.
	Location *struct{} `xml:"Location"`
	Bucket   *struct{} `xml:"Bucket"`
	Tags     []tagXML  `xml:"Tags>Tag"`
}

type createBucketOutput struct {
	Location  string `header:"Location"`
	BucketArn string `header:"X-Amz-Bucket-Arn"`
}

func (in *createBucketInput) constraint() string {
	if in.Configuration == nil {
		return ""
	}
	return in.Configuration.LocationConstraint
}

func (s *Service) needCreateBucket(ctx context.Context, in *createBucketInput) ([]api.Permission, error) {
	if err := checkNewBucketName(in.Bucket); err != nil {
		return nil, err
	}
	// The bucket is to be the caller's, whoever owns one of that name now.
	p := place{bucket: object.Bucket{Name: in.Bucket}}
	keys := in.aclHeaders.keys(nil)
	keys = given(keys, "s3:x-amz-grant-write", in.GrantWrite)
	keys = given(keys, "s3:LocationConstraint", in.constraint())
	keys = given(keys, "s3:x-amz-object-ownership", in.ObjectOwnership)
	keys = given(keys, "s3:x-amz-bucket-namespace", in.BucketNamespace)
	if in.Configuration != nil {
		keys = requestTagKeys(keys, in.Configuration.Tags)
	}
	needs := []api.Permission{p.onBucket("s3:CreateBucket", keys...)}
	if in.Configuration != nil && len(in.Configuration.Tags) > 0 {
		needs = append(needs, p.onBucket("s3:TagResource", keys...))
	}
	if in.aclHeaders.any() || in.GrantWrite != "" {
		needs = append(needs, p.onBucket("s3:PutBucketAcl", keys...))
	}
	if in.ObjectLockEnabledForBucket {
		needs = append(needs, p.onBucket("s3:PutBucketObjectLockConfiguration", keys...), p.onBucket("s3:PutBucketVersioning", keys...))
	}
	if in.ObjectOwnership != "" {
		needs = append(needs, p.onBucket("s3:PutBucketOwnershipControls", keys...))
	}
	return needs, nil
}

// tags are those that the new bucket is to have.
func (in *createBucketInput) tags() ([]metastore.Tag, error) {
	if in.Configuration == nil {
		return nil, nil
	}
	return bucketTags(in.Configuration.Tags)
}

// refuse refuses what is asked for and not built.
func (in *createBucketInput) refuse() error {
	if in.BucketNamespace != "" && in.BucketNamespace != "global" {
		return notBuilt("x-amz-bucket-namespace", "A bucket namespace other than global")
	}
	if c := in.Configuration; c != nil && (c.Location != nil || c.Bucket != nil) {
		return awserr.NotImplemented("Of CreateBucketConfiguration only LocationConstraint and Tags are offered.")
	}
	return nil
}

// access returns who may use the new bucket: what the request asks for, else
// what the server's configuration says (API Reference, CreateBucket).
func (in *createBucketInput) access(ctx context.Context, s *Service, account string) (*bucketAccess, error) {
	a := newAccess()
	if s.newBuckets.Public {
		a.Block = nil
	}
	if s.newBuckets.Lists {
		a.Ownership = ""
	}
	if in.ObjectOwnership != "" {
		if a.Ownership = objectOwnership(in.ObjectOwnership); !a.Ownership.valid() {
			return nil, invalidArgument("x-amz-object-ownership", in.ObjectOwnership, "Invalid x-amz-object-ownership header: "+clip(in.ObjectOwnership))
		}
	}
	list, err := (&asked{aclHeaders: &in.aclHeaders, grantWrite: in.GrantWrite, bucket: account, owner: account, ofBucket: true}).list(ctx, s)
	if err != nil {
		return nil, err
	}
	if !a.lists() && !list.private(account) {
		return nil, listsWithOwnership()
	}
	if list.public() {
		block, err := s.blockOf(ctx, s.store.Hot(), account, a)
		if err != nil {
			return nil, err
		}
		if block.BlockPublicAcls {
			return nil, awserr.New(http.StatusBadRequest, "InvalidBucketAclWithBlockPublicAccessError", "Bucket cannot have public ACLs set with BlockPublicAccess enabled")
		}
	}
	if a.lists() {
		a.ACL = list.String()
	}
	return a, nil
}

func (s *Service) createBucket(ctx context.Context, in *createBucketInput) (*createBucketOutput, error) {
	if err := in.refuse(); err != nil {
		return nil, err
	}
	req := api.RequestOf(ctx)
	asked := s.requestRegion(req)
	region, err := s.location(asked, in.constraint())
	if err != nil {
		return nil, err
	}
	account := req.Caller.Principal.Account
	if account == "" { // a bucket has an owner
		return nil, accessDenied()
	}
	access, err := in.access(ctx, s, account)
	if err != nil {
		return nil, err
	}
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	b, err := s.engine.CreateBucket(ctx, in.bucket(account, region))
	switch {
	case err == nil:
		err = s.furnish(ctx, b, access, tags)
	case errors.Is(err, object.ErrBucketExists):
		again := asked == classicRegion && region == classicRegion && b.Region == classicRegion && !in.furnished()
		err = existingBucket(b, account, again)
	}
	if err != nil {
		return nil, err
	}
	return &createBucketOutput{Location: "/" + in.Bucket, BucketArn: arnPrefix + in.Bucket}, nil
}

// bucket is the bucket asked for. Object lock brings versioning with it (API
// Reference, CreateBucket).
func (in *createBucketInput) bucket(account, region string) object.Bucket {
	b := object.Bucket{Name: in.Bucket, Account: account, Region: region}
	if in.ObjectLockEnabledForBucket {
		b.Versioning, b.ObjectLock = object.VersioningEnabled, true
	}
	return b
}

// furnish writes the settings of a new bucket. Before they are there it is
// closed to everybody else; if they cannot be written it is removed again.
func (s *Service) furnish(ctx context.Context, b object.Bucket, access *bucketAccess, tags []metastore.Tag) error {
	text, err := access.document()
	if err != nil {
		return err
	}
	if text == closedText && len(tags) == 0 {
		return nil // what is not written says the same
	}
	err = s.updateSettings(ctx, b, func(w metastore.Writer) error {
		if err := accessSetting.write(ctx, s, w, b, text); err != nil || len(tags) == 0 {
			return err
		}
		if text, err = tagDocument(tags); err != nil {
			return err
		}
		return tagSetting.write(ctx, s, w, b, text)
	})
	if err != nil {
		err = errors.Join(err, s.engine.DeleteBucket(context.WithoutCancel(ctx), b.Name))
	}
	return err
}

// furnished reports whether the request asks for more than a bucket. Such a one
// is not answered with a bucket that was made before, which has other settings:
// they are not changed by way of CreateBucket.
func (in *createBucketInput) furnished() bool {
	return in.aclHeaders.any() || in.GrantWrite != "" || in.ObjectOwnership != "" || in.ObjectLockEnabledForBucket ||
		in.Configuration != nil && len(in.Configuration.Tags) > 0
}

// existingBucket answers the creation of what is there already. In us-east-1
// the owner may create a bucket again (API Reference, CreateBucket).
func existingBucket(b object.Bucket, account string, again bool) error {
	if b.Account != account {
		return awserr.New(http.StatusConflict, "BucketAlreadyExists",
			"The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.").
			With("BucketName", b.Name)
	}
	if again {
		return nil
	}
	return awserr.New(http.StatusConflict, "BucketAlreadyOwnedByYou",
		"Your previous request to create the named bucket succeeded and you already own it.").With("BucketName", b.Name)
}

// classicRegion is the region that has no location constraint, and whose
// endpoint creates buckets in every region.
const classicRegion = "us-east-1"

var regionPattern = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// requestRegion is the region that a request was signed for.
func (s *Service) requestRegion(req *api.Request) string {
	if v, ok := req.Context.Get("aws:RequestedRegion"); ok && len(v) == 1 && v[0] != "" {
		return v[0]
	}
	return s.region
}

// location returns the region of a new bucket (API Reference, CreateBucket:
// LocationConstraint).
func (s *Service) location(asked, constraint string) (string, error) {
	if constraint == "EU" {
		constraint = "eu-west-1"
	}
	switch {
	case constraint == "" && asked == classicRegion:
		return classicRegion, nil
	case constraint == "":
		return "", illegalLocation("unspecified")
	case constraint == classicRegion, constraint != s.region && !regionPattern.MatchString(constraint):
		return "", awserr.New(http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid").
			With("LocationConstraint", clip(constraint))
	case asked != classicRegion && asked != constraint:
		return "", illegalLocation(constraint)
	}
	return constraint, nil
}

func illegalLocation(constraint string) error {
	return awserr.Newf(http.StatusBadRequest, "IllegalLocationConstraintException",
		"The %s location constraint is incompatible for the region specific endpoint this request was sent to.", constraint)
}

type headBucketInput struct{ bucketTarget }

type headBucketOutput struct {
	BucketRegion     string `header:"X-Amz-Bucket-Region"`
	BucketArn        string `header:"X-Amz-Bucket-Arn"`
	AccessPointAlias string `header:"X-Amz-Access-Point-Alias"`
}

func (s *Service) headBucket(ctx context.Context, in *headBucketInput) (*headBucketOutput, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err != nil {
		return nil, in.subject().translate(err)
	}
	return &headBucketOutput{BucketRegion: b.Region, BucketArn: arnPrefix + b.Name, AccessPointAlias: "false"}, nil
}

type deleteBucketInput struct{ bucketTarget }

// noContent is the answer of deletions.
type noContent struct {
	Status int `status:""`
}

func (s *Service) deleteBucket(ctx context.Context, in *deleteBucketInput) (*noContent, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err == nil {
		err = s.engine.DeleteBucket(ctx, in.Bucket)
	}
	if err != nil {
		return nil, in.subject().translate(err)
	}
	if err := s.removeSettings(ctx, b); err != nil {
		return nil, err
	}
	return &noContent{http.StatusNoContent}, nil
}

type getBucketLocationInput struct{ bucketTarget }

func (s *Service) getBucketLocation(ctx context.Context, in *getBucketLocationInput) (*xmlOutput, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err != nil {
		return nil, in.subject().translate(err)
	}
	d := newDocument("LocationConstraint", 0)
	if b.Region != classicRegion {
		d.b = appendText(d.b, b.Region)
	}
	return d.output(), nil
}
