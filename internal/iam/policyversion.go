package iam

import (
	"context"
	"slices"
	"strconv"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

// versionDescription is a policy version in an answer. Lists leave the
// document out.
type versionDescription struct {
	Document         string // percent-encoded
	VersionId        string
	IsDefaultVersion bool
	CreateDate       time.Time
}

func describeVersion(p *managed, v metastore.PolicyVersion) versionDescription {
	return versionDescription{VersionId: v.ID, IsDefaultVersion: v.ID == p.defaultVersion, CreateDate: v.Created}
}

type versionOutput struct{ PolicyVersion versionDescription }

type createPolicyVersionInput struct {
	namedPolicy
	PolicyDocument string `required:"" length:"1,131072" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
	SetAsDefault   bool
}

func (s *Service) createPolicyVersion(ctx context.Context, in *createPolicyVersionInput) (*versionOutput, error) {
	if err := checkManagedDocument(in.PolicyDocument); err != nil {
		return nil, err
	}
	v := metastore.PolicyVersion{Document: in.PolicyDocument, Created: s.now()}
	err := s.changePolicy(ctx, "CreatePolicyVersion", in.PolicyArn, func(p *metastore.Policy) error {
		if len(p.Versions) >= maxVersionsPerPolicy {
			return limitExceeded("A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
		}
		v.ID = "v" + strconv.Itoa(p.NextVersion)
		p.NextVersion++
		p.Versions = append(p.Versions, v)
		p.Updated = v.Created
		if in.SetAsDefault {
			p.DefaultVersion = v.ID
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &versionOutput{versionDescription{VersionId: v.ID, IsDefaultVersion: in.SetAsDefault, CreateDate: v.Created}}, nil
}

// versionInput names one version of a policy.
type versionInput struct {
	namedPolicy
	VersionId string `required:"" pattern:"v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?"`
}

func (s *Service) getPolicyVersion(ctx context.Context, in *versionInput) (*versionOutput, error) {
	p, err := s.findPolicy(ctx, s.store.Hot(), account(ctx), in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, ok := p.version(in.VersionId)
	if !ok {
		return nil, noSuchPolicyVersion(in.PolicyArn, in.VersionId)
	}
	d := describeVersion(p, v)
	d.Document = percentEncode(v.Document)
	return &versionOutput{d}, nil
}

func (s *Service) deletePolicyVersion(ctx context.Context, in *versionInput) (*api.Empty, error) {
	return nothing, s.changePolicy(ctx, "DeletePolicyVersion", in.PolicyArn, func(p *metastore.Policy) error {
		i := versionIndex(p, in.VersionId)
		switch {
		case i < 0:
			return noSuchPolicyVersion(in.PolicyArn, in.VersionId)
		case p.DefaultVersion == in.VersionId:
			return deleteConflict("Cannot delete the default version of a policy.")
		}
		p.Versions = slices.Delete(p.Versions, i, i+1)
		p.Updated = s.now()
		return nil
	})
}

func (s *Service) setDefaultPolicyVersion(ctx context.Context, in *versionInput) (*api.Empty, error) {
	return nothing, s.changePolicy(ctx, "SetDefaultPolicyVersion", in.PolicyArn, func(p *metastore.Policy) error {
		if versionIndex(p, in.VersionId) < 0 {
			return noSuchPolicyVersion(in.PolicyArn, in.VersionId)
		}
		p.DefaultVersion, p.Updated = in.VersionId, s.now()
		return nil
	})
}

func versionIndex(p *metastore.Policy, id string) int {
	return slices.IndexFunc(p.Versions, func(v metastore.PolicyVersion) bool { return v.ID == id })
}

type listPolicyVersionsInput struct {
	namedPolicy
	page
}

type listPolicyVersionsOutput struct {
	Versions []versionDescription
	pageInfo
}

// listPolicyVersions lists the newest version first, as AWS does.
func (s *Service) listPolicyVersions(ctx context.Context, in *listPolicyVersionsInput) (*listPolicyVersionsOutput, error) {
	p, err := s.findPolicy(ctx, s.store.Hot(), account(ctx), in.PolicyArn)
	if err != nil {
		return nil, err
	}
	newestFirst := slices.Clone(p.versions)
	slices.Reverse(newestFirst)
	out := new(listPolicyVersionsOutput)
	out.Versions, out.pageInfo, err = collectList(in.page, newestFirst, versionOrder,
		func(v metastore.PolicyVersion) versionDescription { return describeVersion(p, v) })
	return out, err
}

// versionOrder is a key that falls as version numbers grow.
func versionOrder(v metastore.PolicyVersion) string {
	n, _ := strconv.ParseUint(v.ID[1:], 10, 32) // IDs are made by us: "v" and a number
	return strconv.FormatUint(1<<32-n, 10)
}
