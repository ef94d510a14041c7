package iot

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
)

// Limits of policies (spec B.2, B.9).
const (
	maxPolicyVersions = 5
	// maxPolicyChars is AWS's quota, without white space.
	maxPolicyChars = 2048
	// maxPolicyBytes bounds a document with its white space, so that five
	// versions fit into a record. AWS has 404,600.
	maxPolicyBytes = 12 << 10
)

func (s *Service) policyOperations() []api.Operation {
	return []api.Operation{
		onNamed(s, "CreatePolicy", "POST /policies/{policyName}", s.createPolicy),
		onNamed(s, "GetPolicy", "GET /policies/{policyName}", s.getPolicy),
		onNamed(s, "DeletePolicy", "DELETE /policies/{policyName}", s.deletePolicy),
		onAny("ListPolicies", "GET /policies", s.listPolicies),
		onNamed(s, "CreatePolicyVersion", "POST /policies/{policyName}/version", s.createPolicyVersion),
		onNamed(s, "GetPolicyVersion", "GET /policies/{policyName}/version/{policyVersionId}", s.getPolicyVersion),
		onNamed(s, "DeletePolicyVersion", "DELETE /policies/{policyName}/version/{policyVersionId}", s.deletePolicyVersion),
		onNamed(s, "SetDefaultPolicyVersion", "PATCH /policies/{policyName}/version/{policyVersionId}", s.setDefaultPolicyVersion),
		onNamed(s, "ListPolicyVersions", "GET /policies/{policyName}/version", s.listPolicyVersions),
	}
}

// policyLabel is the policy that an operation's path names.
type policyLabel struct {
	PolicyName string `label:"policyName" required:"" length:"1,128" pattern:"[\\w+=,.@-]+"`
}

func (l *policyLabel) resource() (word, name string) { return wordPolicy, l.PolicyName }

// checkDocument parses a policy document. It is stored as it came.
func checkDocument(document string) error {
	if len(document) > maxPolicyBytes {
		return malformedPolicy("Policy document is malformed: it is longer than %d bytes", maxPolicyBytes)
	}
	parsed, err := policy.Parse([]byte(document), policy.IoT)
	if err != nil {
		return malformedPolicy("Policy document is malformed: %v", err)
	}
	if n := parsed.SizeWithoutWhitespace(); n > maxPolicyChars {
		return malformedPolicy("Policy document is malformed: it has %d characters without white space, the most is %d", n, maxPolicyChars)
	}
	return nil
}

// lookUpPolicy returns the policy or ResourceNotFoundException.
func lookUpPolicy(ctx context.Context, r metastore.Reader, name string) (*metastore.IoTPolicy, error) {
	p, err := metastore.IoTPolicies.Get(ctx, r, account(ctx), name)
	if err != nil {
		return nil, policyNotFound(err, name)
	}
	return p, nil
}

func policyNotFound(err error, name string) error {
	return orNotFound(err, "Policy not found (name=%s)", name)
}

// modifyPolicy changes a policy in one transaction and marks it modified.
func (s *Service) modifyPolicy(ctx context.Context, name string, change func(*metastore.IoTPolicy) error) error {
	err := s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		return metastore.IoTPolicies.Modify(ctx, w, account(ctx), name, func(p *metastore.IoTPolicy) error {
			if err := change(p); err != nil {
				return err
			}
			p.Modified, p.GenerationID = s.now(), uuid.NewString()
			return nil
		})
	})
	return policyNotFound(err, name)
}

type createPolicyInput struct {
	policyLabel
	PolicyDocument string `json:"policyDocument" required:"" length:"0,404600"`
	tagList
}

type createPolicyOutput struct {
	PolicyName      string `json:"policyName"`
	PolicyArn       string `json:"policyArn"`
	PolicyDocument  string `json:"policyDocument"`
	PolicyVersionID string `json:"policyVersionId"`
}

const firstVersion = 1

func (s *Service) createPolicy(ctx context.Context, in *createPolicyInput) (*createPolicyOutput, error) {
	if err := checkDocument(in.PolicyDocument); err != nil {
		return nil, err
	}
	tags, err := in.records()
	if err != nil {
		return nil, err
	}
	now, version := s.now(), strconv.Itoa(firstVersion)
	arn := s.arn(ctx, ref{wordPolicy, in.PolicyName})
	err = s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		return metastore.IoTPolicies.Insert(ctx, w, account(ctx), in.PolicyName, &metastore.IoTPolicy{
			Name: in.PolicyName, DefaultVersion: version, NextVersion: firstVersion + 1,
			Versions: []metastore.PolicyVersion{{ID: version, Document: in.PolicyDocument, Created: now}},
			Created:  now, Modified: now, GenerationID: uuid.NewString(), Tags: tags,
		})
	})
	if errors.Is(err, metastore.ErrExists) {
		err = alreadyExists(in.PolicyName, arn, "Policy cannot be created - name already exists (name=%s)", in.PolicyName)
	}
	if err != nil {
		return nil, err
	}
	return &createPolicyOutput{in.PolicyName, arn, in.PolicyDocument, version}, nil
}

type getPolicyInput struct{ policyLabel }

type getPolicyOutput struct {
	PolicyName       string        `json:"policyName"`
	PolicyArn        string        `json:"policyArn"`
	PolicyDocument   string        `json:"policyDocument"`
	DefaultVersionID string        `json:"defaultVersionId"`
	CreationDate     api.Timestamp `json:"creationDate"`
	LastModifiedDate api.Timestamp `json:"lastModifiedDate"`
	GenerationID     string        `json:"generationId"`
}

func (s *Service) getPolicy(ctx context.Context, in *getPolicyInput) (*getPolicyOutput, error) {
	p, err := lookUpPolicy(ctx, s.cfg.Store.Hot(), in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &getPolicyOutput{p.Name, s.arn(ctx, ref{wordPolicy, p.Name}), p.DefaultDocument(), p.DefaultVersion,
		api.Timestamp{Time: p.Created}, api.Timestamp{Time: p.Modified}, p.GenerationID}, nil
}

type deletePolicyInput struct{ policyLabel }

// deletePolicy refuses a policy with several versions or with targets.
func (s *Service) deletePolicy(ctx context.Context, in *deletePolicyInput) (*api.Empty, error) {
	name := in.PolicyName
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		p, err := lookUpPolicy(ctx, w, name)
		if err != nil {
			return err
		}
		if len(p.Versions) > 1 {
			return deleteConflict("Cannot delete the policy because it has one or more policy versions attached to it (name=%s)", name)
		}
		targets, err := metastore.IoTPolicyAttachments.From(ctx, w, account(ctx), name, "", 1)
		if err != nil {
			return err
		}
		if len(targets) > 0 {
			return deleteConflict("The policy cannot be deleted as the policy is attached to one or more principals (name=%s)", name)
		}
		return metastore.IoTPolicies.Delete(ctx, w, account(ctx), name)
	})
}

type listPoliciesInput struct{ orderedPage }

type listPoliciesOutput struct {
	Policies   []policyElement `json:"policies"`
	NextMarker string          `json:"nextMarker,omitempty"`
}

type policyElement struct {
	PolicyName string `json:"policyName"`
	PolicyArn  string `json:"policyArn"`
}

func (s *Service) policyElement(ctx context.Context, name string) policyElement {
	return policyElement{name, s.arn(ctx, ref{wordPolicy, name})}
}

func (s *Service) listPolicies(ctx context.Context, in *listPoliciesInput) (*listPoliciesOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	out := &listPoliciesOutput{Policies: []policyElement{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		policies, _, marker, err := listRecords(ctx, r, metastore.IoTPolicies, account(ctx), createdOrder(in.AscendingOrder), c, nil)
		for _, p := range policies {
			out.Policies = append(out.Policies, s.policyElement(ctx, p.Name))
		}
		out.NextMarker = marker
		return err
	})
}

type createPolicyVersionInput struct {
	policyLabel
	PolicyDocument string `json:"policyDocument" required:"" length:"0,404600"`
	SetAsDefault   bool   `query:"setAsDefault"`
}

type createPolicyVersionOutput struct {
	PolicyArn        string `json:"policyArn"`
	PolicyDocument   string `json:"policyDocument"`
	PolicyVersionID  string `json:"policyVersionId"`
	IsDefaultVersion bool   `json:"isDefaultVersion"`
}

func (s *Service) createPolicyVersion(ctx context.Context, in *createPolicyVersionInput) (*createPolicyVersionOutput, error) {
	if err := checkDocument(in.PolicyDocument); err != nil {
		return nil, err
	}
	var version string
	err := s.modifyPolicy(ctx, in.PolicyName, func(p *metastore.IoTPolicy) error {
		if len(p.Versions) >= maxPolicyVersions {
			return versionsLimitExceeded(p.Name)
		}
		version = strconv.Itoa(p.NextVersion)
		p.NextVersion++
		p.Versions = append(p.Versions, metastore.PolicyVersion{ID: version, Document: in.PolicyDocument, Created: s.now()})
		if in.SetAsDefault {
			p.DefaultVersion = version
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &createPolicyVersionOutput{s.arn(ctx, ref{wordPolicy, in.PolicyName}), in.PolicyDocument, version, in.SetAsDefault}, nil
}

// policyVersionLabel is the version that an operation's path names.
type policyVersionLabel struct {
	policyLabel
	PolicyVersionID string `label:"policyVersionId" required:"" length:"1,20" pattern:"[0-9]+"`
}

// of returns the index of the version in p or ResourceNotFoundException.
func (l *policyVersionLabel) of(p *metastore.IoTPolicy) (int, error) {
	i := slices.IndexFunc(p.Versions, func(v metastore.PolicyVersion) bool { return v.ID == l.PolicyVersionID })
	if i < 0 {
		return 0, l.notFound()
	}
	return i, nil
}

func (l *policyVersionLabel) notFound() *awserr.Error {
	return notFound("Policy version not found (name=%s, version=%s)", l.PolicyName, l.PolicyVersionID)
}

type getPolicyVersionInput struct{ policyVersionLabel }

type getPolicyVersionOutput struct {
	PolicyArn        string        `json:"policyArn"`
	PolicyName       string        `json:"policyName"`
	PolicyDocument   string        `json:"policyDocument"`
	PolicyVersionID  string        `json:"policyVersionId"`
	IsDefaultVersion bool          `json:"isDefaultVersion"`
	CreationDate     api.Timestamp `json:"creationDate"`
	LastModifiedDate api.Timestamp `json:"lastModifiedDate"`
	GenerationID     string        `json:"generationId"`
}

func (s *Service) getPolicyVersion(ctx context.Context, in *getPolicyVersionInput) (*getPolicyVersionOutput, error) {
	p, err := lookUpPolicy(ctx, s.cfg.Store.Hot(), in.PolicyName)
	if err != nil {
		return nil, err
	}
	i, err := in.of(p)
	if err != nil {
		return nil, err
	}
	v := p.Versions[i]
	return &getPolicyVersionOutput{s.arn(ctx, ref{wordPolicy, p.Name}), p.Name, v.Document, v.ID, v.ID == p.DefaultVersion,
		api.Timestamp{Time: v.Created}, api.Timestamp{Time: v.Created}, p.GenerationID}, nil
}

type deletePolicyVersionInput struct{ policyVersionLabel }

func (s *Service) deletePolicyVersion(ctx context.Context, in *deletePolicyVersionInput) (*api.Empty, error) {
	return &api.Empty{}, s.modifyPolicy(ctx, in.PolicyName, func(p *metastore.IoTPolicy) error {
		i, err := in.of(p)
		if err != nil {
			return err
		}
		if in.PolicyVersionID == p.DefaultVersion {
			return invalidRequest("Cannot delete the default version of a policy")
		}
		p.Versions = slices.Delete(p.Versions, i, i+1)
		return nil
	})
}

type setDefaultPolicyVersionInput struct{ policyVersionLabel }

func (s *Service) setDefaultPolicyVersion(ctx context.Context, in *setDefaultPolicyVersionInput) (*api.Empty, error) {
	return &api.Empty{}, s.modifyPolicy(ctx, in.PolicyName, func(p *metastore.IoTPolicy) error {
		if _, err := in.of(p); err != nil {
			return err
		}
		p.DefaultVersion = in.PolicyVersionID
		return nil
	})
}

type listPolicyVersionsInput struct{ policyLabel }

type listPolicyVersionsOutput struct {
	PolicyVersions []policyVersionElement `json:"policyVersions"`
}

type policyVersionElement struct {
	VersionID        string        `json:"versionId"`
	IsDefaultVersion bool          `json:"isDefaultVersion"`
	CreateDate       api.Timestamp `json:"createDate"`
}

// listPolicyVersions returns the newest first, all of them: there are five at
// most.
func (s *Service) listPolicyVersions(ctx context.Context, in *listPolicyVersionsInput) (*listPolicyVersionsOutput, error) {
	p, err := lookUpPolicy(ctx, s.cfg.Store.Hot(), in.PolicyName)
	if err != nil {
		return nil, err
	}
	out := &listPolicyVersionsOutput{PolicyVersions: []policyVersionElement{}}
	for _, v := range slices.Backward(p.Versions) {
		out.PolicyVersions = append(out.PolicyVersions, policyVersionElement{v.ID, v.ID == p.DefaultVersion, api.Timestamp{Time: v.Created}})
	}
	return out, nil
}
