package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
)

// Principals keeps the principals of bucket policies, as package iam does:
// users and roles by their unique ids.
type Principals interface {
	// Stored checks that the principals exist and returns the policy as it is
	// stored with the accounts of its unique ids. account owns the bucket,
	// known are the unique ids of the policy before. What is wrong with the
	// policy is a *policy.Error.
	Stored(ctx context.Context, r metastore.Reader, account, text string, known map[string]string) (stored string, owners map[string]string, err error)
	// Shown returns a stored policy with the ARNs of those who are still there.
	Shown(ctx context.Context, r metastore.Reader, stored string, owners map[string]string) (string, error)
}

func (s *Service) bucketPolicyOperations() []api.Operation {
	return []api.Operation{
		row("PutBucketPolicy", "PUT /{Bucket}?policy", needBucketPolicy[putBucketPolicyInput](s, "s3:PutBucketPolicy"), s.putBucketPolicy),
		row("GetBucketPolicy", "GET /{Bucket}?policy", needBucketPolicy[getBucketPolicyInput](s, "s3:GetBucketPolicy"), s.getBucketPolicy),
		row("DeleteBucketPolicy", "DELETE /{Bucket}?policy", needBucketPolicy[getBucketPolicyInput](s, "s3:DeleteBucketPolicy"), s.deleteBucketPolicy),
		row("GetBucketPolicyStatus", "GET /{Bucket}?policyStatus", needBucket[getBucketPolicyInput](s, "s3:GetBucketPolicyStatus"), s.getBucketPolicyStatus),
	}
}

// needBucketPolicy states one action on the bucket's policy. The root of the
// account that owns the bucket may take it whatever the policy says, so that
// nobody is locked out for ever (API Reference, PutBucketPolicy).
func needBucketPolicy[In any, T interface {
	*In
	bucket() *bucketTarget
}](s *Service, action string) api.Needs[In] {
	needs := needBucket[In, T](s, action)
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		stated, err := needs(ctx, in)
		if at := &T(in).bucket().at; err == nil && at.caller.IsRoot() && at.caller.Principal.Account == at.bucket.Account {
			stated[0].ResourcePolicy = nil
		}
		return stated, err
	}
}

// ownAccountOnly refuses callers of other accounts, whom a policy may have
// allowed the action (API Reference, PutBucketPolicy).
func (p *place) ownAccountOnly() error {
	if p.caller.Principal.Account == p.bucket.Account {
		return nil
	}
	return awserr.New(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.").With("ResourceType", "BUCKETPOLICY")
}

type putBucketPolicyInput struct {
	bucketTarget
	digestHeaders
	// ConfirmRemoveSelfBucketAccess confirms a policy under which the caller
	// could not change it any more. S3 takes such a policy without it too: the
	// account's root always can.
	ConfirmRemoveSelfBucketAccess bool         `header:"X-Amz-Confirm-Remove-Self-Bucket-Access"`
	Policy                        *api.Payload `payload:"stream"`
}

const (
	// maxPolicyBytes is S3's limit, of the policy without its white space (User
	// Guide, Bucket policies: 20 KB).
	maxPolicyBytes = 20 << 10
	// maxPolicyTextBytes bounds what is read and stored.
	maxPolicyTextBytes = 2 * maxPolicyBytes
)

func malformedPolicy(message string) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "MalformedPolicy", message)
}

func policyTooLarge() *awserr.Error {
	return awserr.New(http.StatusBadRequest, "PolicyTooLarge", "Policy exceeds the maximum allowed document size.")
}

// readPolicy reads the body and checks it against the digests it came with.
func (in *putBucketPolicyInput) readPolicy() ([]byte, error) {
	check, err := in.check(in.Policy)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in.Policy, maxPolicyTextBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPolicyTextBytes {
		return nil, policyTooLarge()
	}
	if check.trailing {
		value := in.Policy.Trailer(checksumPrefix + algorithmHeader(check.algorithm))
		if check.want, err = decodeSum(check.algorithm, value); err != nil {
			return nil, err
		}
	}
	return text, check.verifyBytes(text)
}

func (s *Service) putBucketPolicy(ctx context.Context, in *putBucketPolicyInput) (*noContent, error) {
	if err := in.at.ownAccountOnly(); err != nil {
		return nil, err
	}
	text, err := in.readPolicy()
	if err != nil {
		return nil, err
	}
	doc, err := parseBucketPolicy(text, in.Bucket)
	if err != nil {
		return nil, err
	}
	public, b := isPublic(doc), in.at.bucket
	return deleted, s.settled(in.subject(), s.changeAccess(ctx, b, func(w metastore.Writer, a *bucketAccess) error {
		if public {
			// User Guide, BlockPublicPolicy.
			if block, err := s.blockOf(ctx, w, b.Account, a); err != nil {
				return err
			} else if block.BlockPublicPolicy {
				return publicBlocked("public policies", "BlockPublicPolicy")
			}
		}
		var err error
		if a.Policy, a.Principals, err = s.principals.Stored(ctx, w, b.Account, string(text), a.Principals); err != nil {
			return refusedPolicy(err)
		}
		return nil
	}))
}

// parseBucketPolicy reads a policy for a bucket.
func parseBucketPolicy(text []byte, bucket string) (*policy.Document, error) {
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, malformedPolicy("Policies must be valid JSON and the first byte must be '{'")
	}
	doc, err := policy.Parse(text, policy.Resource)
	if err != nil {
		return nil, refusedPolicy(err)
	}
	if doc.SizeWithoutWhitespace() > maxPolicyBytes {
		return nil, policyTooLarge()
	}
	for i := range doc.Statements {
		if message := checkBucketStatement(&doc.Statements[i], bucket); message != "" {
			return nil, malformedPolicy(message)
		}
	}
	return doc, nil
}

// refusedPolicy words what package policy, and who knows the principals,
// refuse.
func refusedPolicy(err error) error {
	e, ok := errors.AsType[*policy.Error](err)
	if !ok {
		return err
	}
	message := e.Message
	switch e.Problem {
	case policy.ProblemVersion:
		message = "The policy must contain a valid version string"
	case policy.ProblemPrincipal:
		if message != missingPrincipal {
			message = "Invalid principal in policy"
		}
	}
	refused := malformedPolicy(message).WithCause(err)
	if e.Detail != "" {
		refused = refused.With("Detail", clip(e.Detail))
	}
	return refused
}

const missingPrincipal = "Missing required field Principal."

type getBucketPolicyInput struct{ bucketTarget }

type getBucketPolicyOutput struct {
	ContentType string       `header:"Content-Type"`
	Policy      *api.Payload `payload:"stream"`
}

func noSuchBucketPolicy(bucket string) *awserr.Error {
	return awserr.New(http.StatusNotFound, "NoSuchBucketPolicy", "The bucket policy does not exist").With("BucketName", bucket)
}

func (s *Service) getBucketPolicy(ctx context.Context, in *getBucketPolicyInput) (*getBucketPolicyOutput, error) {
	if err := in.at.ownAccountOnly(); err != nil {
		return nil, err
	}
	a := in.at.access
	if a.Policy == "" {
		return nil, noSuchBucketPolicy(in.Bucket)
	}
	text, err := s.principals.Shown(ctx, s.store.Hot(), a.Policy, a.Principals)
	if err != nil {
		return nil, err
	}
	return &getBucketPolicyOutput{ContentType: "application/json", Policy: &api.Payload{Reader: bytes.NewReader([]byte(text)), Length: int64(len(text))}}, nil
}

func (s *Service) deleteBucketPolicy(ctx context.Context, in *getBucketPolicyInput) (*noContent, error) {
	if err := in.at.ownAccountOnly(); err != nil {
		return nil, err
	}
	return deleted, s.settled(in.subject(), s.changeAccess(ctx, in.at.bucket, func(_ metastore.Writer, a *bucketAccess) error {
		a.Policy, a.Principals = "", nil
		return nil
	}))
}

// getBucketPolicyStatus answers whether the bucket is public, by its policy or
// by its list, as far as those are not blocked.
func (s *Service) getBucketPolicyStatus(ctx context.Context, in *getBucketPolicyInput) (*xmlOutput, error) {
	a := in.at.access
	public := a.public
	if a.lists() && a.acl.public() {
		block, err := s.blockOf(ctx, s.store.Hot(), in.at.bucket.Account, a)
		if err != nil {
			return nil, err
		}
		public = public || !block.IgnorePublicAcls
	}
	d := newDocument("PolicyStatus", 0)
	// In capitals in the API Reference; SDKs read either.
	d.bool("IsPublic", public)
	return d.output(), nil
}
