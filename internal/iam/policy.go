package iam

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/managedpolicy"
	"inro.dev/inro/internal/metastore"
)

// managed is a managed policy, the customer's or AWS's.
type managed struct {
	arn, name, path, id string
	description         string
	defaultVersion      string
	versions            []metastore.PolicyVersion // oldest first
	created, updated    time.Time
	tags                []metastore.Tag
}

// version returns the version with the given ID.
func (p *managed) version(id string) (metastore.PolicyVersion, bool) {
	for _, v := range p.versions {
		if v.ID == id {
			return v, true
		}
	}
	return metastore.PolicyVersion{}, false
}

func (p *managed) defaultDocument() string {
	v, _ := p.version(p.defaultVersion)
	return v.Document
}

func customerManaged(account string, p *metastore.Policy) *managed {
	return &managed{
		arn: arn.IAM(account, "policy", p.Path, p.Name), name: p.Name, path: p.Path, id: p.UniqueID,
		description: p.Description, defaultVersion: p.DefaultVersion, versions: p.Versions,
		created: p.Created, updated: p.Updated, tags: p.Tags,
	}
}

func awsManaged(p managedpolicy.Policy) *managed {
	return &managed{
		arn: p.ARN, name: p.Name, path: p.Path, id: p.ID, description: p.Description, defaultVersion: p.DefaultVersion,
		versions: []metastore.PolicyVersion{{ID: p.DefaultVersion, Document: p.Document, Created: p.Updated}},
		created:  p.Created, updated: p.Updated,
	}
}

// namedPolicy is the member by which operations about a managed policy name
// it.
type namedPolicy struct {
	PolicyArn string `required:"" length:"20,2048"`
}

func (n namedPolicy) managedPolicy() string { return n.PolicyArn }

// checkPolicyARN refuses what is not the ARN of a managed policy.
func checkPolicyARN(text string) error {
	a, err := arn.Parse(text)
	if word, name := a.Type(); err != nil || a.Service != "iam" || a.Region != "" || word != "policy" || name == "" || !isVisibleASCII(name) {
		return invalidInput("ARN %s is not valid.", text)
	}
	return nil
}

// isVisibleASCII reports whether s holds nothing but characters that paths
// and names can have, 0x21 to 0x7E.
func isVisibleASCII(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < 0x21 || c > 0x7E }) < 0
}

// findPolicy returns the managed policy with the given ARN, of the account or
// of AWS, or NoSuchEntity.
func (s *Service) findPolicy(ctx context.Context, r metastore.Reader, account, policyARN string) (*managed, error) {
	if p, ok := managedpolicy.Lookup(policyARN); ok {
		return awsManaged(p), nil
	}
	p, err := metastore.Policies.Get(ctx, r, account, policyARN)
	if errors.Is(err, metastore.ErrNotFound) {
		return nil, noSuchPolicy(policyARN)
	}
	if err != nil {
		return nil, err
	}
	return customerManaged(account, p), nil
}

// updatePolicy runs f on a customer-managed policy in one Update. operation is
// for the refusal of AWS's policies, which are nobody's to change.
func (s *Service) updatePolicy(ctx context.Context, operation, policyARN string, f func(metastore.Writer, *metastore.Policy) error) error {
	if strings.HasPrefix(policyARN, managedpolicy.Prefix) {
		caller := api.RequestOf(ctx).Caller.Principal.ARN
		return accessDenied("User: %s is not authorized to perform: iam:%s on resource: policy %s", caller, operation, policyARN)
	}
	return s.store.Update(ctx, func(w metastore.Writer) error {
		p, err := metastore.Policies.Get(ctx, w, account(ctx), policyARN)
		if errors.Is(err, metastore.ErrNotFound) {
			return noSuchPolicy(policyARN)
		}
		if err != nil {
			return err
		}
		return f(w, p)
	})
}

// changePolicy is updatePolicy that keeps what change did to the policy.
func (s *Service) changePolicy(ctx context.Context, operation, policyARN string, change func(*metastore.Policy) error) error {
	return s.updatePolicy(ctx, operation, policyARN, func(w metastore.Writer, p *metastore.Policy) error {
		if err := change(p); err != nil {
			return err
		}
		return metastore.Policies.Put(ctx, w, account(ctx), policyARN, p)
	})
}

// policyDescription is a managed policy in an answer.
type policyDescription struct {
	PolicyName, PolicyId, Arn, Path string
	DefaultVersionId                string
	AttachmentCount                 int
	PermissionsBoundaryUsageCount   int
	IsAttachable                    bool
	Description                     string
	CreateDate, UpdateDate          time.Time
	Tags                            []tag
}

// describePolicy renders a policy as lists show it: without description and
// tags.
func describePolicy(ctx context.Context, r metastore.Reader, account string, p *managed) (policyDescription, error) {
	attached, bounds, err := uses(ctx, r, account, p.arn)
	return policyDescription{
		PolicyName: p.name, PolicyId: p.id, Arn: p.arn, Path: p.path, DefaultVersionId: p.defaultVersion,
		AttachmentCount: attached, PermissionsBoundaryUsageCount: bounds,
		IsAttachable: true, CreateDate: p.created, UpdateDate: p.updated,
	}, err
}

func describePolicyFully(ctx context.Context, r metastore.Reader, account string, p *managed) (policyDescription, error) {
	d, err := describePolicy(ctx, r, account, p)
	d.Description, d.Tags = p.description, wireTags(p.tags)
	return d, err
}

// uses counts the entities that a policy is attached to and those whose
// boundary it is.
func uses(ctx context.Context, r metastore.Reader, account, policyARN string) (attached, bounds int, err error) {
	if attached, err = metastore.PolicyAttachments.CountFrom(ctx, r, account, policyARN); err != nil {
		return 0, 0, err
	}
	byBoundary := metastore.Query{Index: "boundary", Value: policyARN}
	users, err := metastore.Users.Count(ctx, r, account, byBoundary)
	if err != nil {
		return 0, 0, err
	}
	roles, err := metastore.Roles.Count(ctx, r, account, byBoundary)
	return attached, users + roles, err
}

type policyOutput struct{ Policy policyDescription }

type createPolicyInput struct {
	PolicyName     string  `required:"" length:"1,128" pattern:"[\\w+=,.@-]+"`
	Path           *string `length:"1,512" pattern:"((/[A-Za-z0-9.,+@=_-]+)*)/"`
	PolicyDocument string  `required:"" length:"1,131072" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
	Description    string  `length:"0,1000"`
	newTags
}

// onNewPolicy needs iam:CreatePolicy on the ARN to be, and iam:TagPolicy when
// it is made with tags.
func onNewPolicy(ctx context.Context, in *createPolicyInput) ([]api.Permission, error) {
	t := target{arn: arn.IAM(account(ctx), "policy", orRoot(in.Path), in.PolicyName)}
	return t.permissionsToMake("CreatePolicy", "TagPolicy", *in), nil
}

func (s *Service) createPolicy(ctx context.Context, in *createPolicyInput) (*policyOutput, error) {
	account := account(ctx)
	tags, err := mergeTags(nil, in.Tags, "TagsPerPolicy")
	if err != nil {
		return nil, err
	}
	if err := checkManagedDocument(in.PolicyDocument); err != nil {
		return nil, err
	}
	now := s.now()
	p := &metastore.Policy{
		Name: in.PolicyName, Path: orRoot(in.Path), UniqueID: ids.NewUniqueID(ids.ManagedPolicy), Description: in.Description,
		DefaultVersion: "v1", NextVersion: 2,
		Versions: []metastore.PolicyVersion{{ID: "v1", Document: in.PolicyDocument, Created: now}},
		Created:  now, Updated: now, Tags: tags,
	}
	view := customerManaged(account, p)
	err = s.store.Update(ctx, func(w metastore.Writer) error {
		if err := checkQuota(ctx, w, metastore.Policies, account, maxPolicies, "PoliciesPerAccount"); err != nil {
			return err
		}
		same, err := metastore.Policies.Count(ctx, w, account, metastore.Query{Index: "name", Value: metastore.NameID(p.Name)})
		if err != nil {
			return err
		}
		if same > 0 {
			return policyExists(p.Name)
		}
		return metastore.Policies.Insert(ctx, w, account, view.arn, p)
	})
	if err != nil {
		return nil, err
	}
	out := new(policyOutput)
	out.Policy, err = describePolicyFully(ctx, s.store.Hot(), account, view)
	return out, err
}

// checkManagedDocument checks a document for a managed policy and its size.
func checkManagedDocument(text string) error {
	doc, err := parseIdentity(text)
	if err != nil {
		return err
	}
	if doc.SizeWithoutWhitespace() > maxPolicyChars {
		return quotaExceeded("PolicySize", maxPolicyChars)
	}
	return nil
}

type policyInput struct{ namedPolicy }

func (s *Service) getPolicy(ctx context.Context, in *policyInput) (*policyOutput, error) {
	out := new(policyOutput)
	return out, s.store.View(ctx, func(r metastore.Reader) error {
		p, err := s.findPolicy(ctx, r, account(ctx), in.PolicyArn)
		if err != nil {
			return err
		}
		out.Policy, err = describePolicyFully(ctx, r, account(ctx), p)
		return err
	})
}

func (s *Service) deletePolicy(ctx context.Context, in *policyInput) (*api.Empty, error) {
	account := account(ctx)
	return nothing, s.updatePolicy(ctx, "DeletePolicy", in.PolicyArn, func(w metastore.Writer, p *metastore.Policy) error {
		attached, bounds, err := uses(ctx, w, account, in.PolicyArn)
		switch {
		case err != nil:
			return err
		case attached+bounds > 0:
			return deleteConflict("Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. " +
				"The default version is deleted with the policy.")
		}
		return metastore.Policies.Delete(ctx, w, account, in.PolicyArn)
	})
}

type listPoliciesInput struct {
	Scope             string `enum:"All,AWS,Local"`
	OnlyAttached      bool
	PathPrefix        *string `length:"1,512" pattern:"((/[A-Za-z0-9.,+@=_-]+)*)/"`
	PolicyUsageFilter string  `enum:"PermissionsPolicy,PermissionsBoundary"`
	page
}

type listPoliciesOutput struct {
	Policies []policyDescription
	pageInfo
}

func (s *Service) listPolicies(ctx context.Context, in *listPoliciesInput) (*listPoliciesOutput, error) {
	account, out := account(ctx), new(listPoliciesOutput)
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	return out, s.store.View(ctx, func(r metastore.Reader) (err error) {
		out.Policies, out.pageInfo, err = collect(in.page, allPolicies(ctx, r, account, in.Scope, after), policyOrder,
			func(p *managed) (policyDescription, bool, error) {
				if !strings.HasPrefix(p.path, orRoot(in.PathPrefix)) {
					return policyDescription{}, false, nil
				}
				d, err := describePolicy(ctx, r, account, p)
				return d, in.selects(&d), err
			})
		return err
	})
}

// selects applies OnlyAttached and PolicyUsageFilter, which ask how a policy
// is used.
func (in *listPoliciesInput) selects(d *policyDescription) bool {
	switch {
	case in.PolicyUsageFilter == "PermissionsBoundary":
		return d.PermissionsBoundaryUsageCount > 0
	case in.PolicyUsageFilter == "PermissionsPolicy", in.OnlyAttached:
		return d.AttachmentCount > 0
	}
	return true
}

// policyOrder is the key by which lists of policies ascend: AWS's first, by
// ARN, then the account's by name. The name is shorter than the ARN and as
// unique, and a marker has to fit into 320 characters.
func policyOrder(p *managed) string {
	if strings.HasPrefix(p.arn, managedpolicy.Prefix) {
		return "aws/" + p.arn
	}
	return "local/" + metastore.NameID(p.name)
}

// allPolicies yields the policies of a scope ("", All, AWS or Local) that come
// after the given key.
func allPolicies(ctx context.Context, r metastore.Reader, account, scope, after string) iter.Seq2[*managed, error] {
	return func(yield func(*managed, error) bool) {
		if scope != "Local" {
			for _, p := range managedpolicy.All() {
				if m := awsManaged(p); policyOrder(m) > after && !yield(m, nil) {
					return
				}
			}
		}
		if scope == "AWS" {
			return
		}
		byName := metastore.Query{Index: "name", ValuePrefix: true, Limit: recordsAtOnce}
		if name, ok := strings.CutPrefix(after, "local/"); ok {
			byName.AfterValue, byName.After = name, "\U0010FFFF" // after every ID of that name
		}
		for item, err := range metastore.Policies.All(ctx, r, account, byName) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(customerManaged(account, item.Value), nil) {
				return
			}
		}
	}
}

type (
	tagPolicyInput struct {
		namedPolicy
		givenTags
	}
	untagPolicyInput struct {
		namedPolicy
		givenTagKeys
	}
	listPolicyTagsInput struct {
		namedPolicy
		page
	}
)

func (s *Service) tagPolicy(ctx context.Context, in *tagPolicyInput) (*api.Empty, error) {
	return nothing, s.changePolicy(ctx, "TagPolicy", in.PolicyArn, func(p *metastore.Policy) (err error) {
		p.Tags, err = mergeTags(p.Tags, in.Tags, "TagsPerPolicy")
		return err
	})
}

func (s *Service) untagPolicy(ctx context.Context, in *untagPolicyInput) (*api.Empty, error) {
	return nothing, s.changePolicy(ctx, "UntagPolicy", in.PolicyArn, func(p *metastore.Policy) error {
		p.Tags = withoutTags(p.Tags, in.TagKeys)
		return nil
	})
}

func (s *Service) listPolicyTags(ctx context.Context, in *listPolicyTagsInput) (*listTagsOutput, error) {
	p, err := s.findPolicy(ctx, s.store.Hot(), account(ctx), in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return pageOfTags(in.page, p.tags)
}
