package iam

import (
	"context"
	"slices"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

// attachedPolicyARN is the member by which an attachment names its policy. It
// is the condition key iam:PolicyARN.
type attachedPolicyARN struct {
	PolicyArn string `required:"" length:"20,2048"`
}

func (a attachedPolicyARN) policyARN() string { return a.PolicyArn }

// attachmentInput is the input of the operations that attach and detach.
type attachmentInput interface {
	entityInput
	policyARN() string
}

type (
	userAttachmentInput struct {
		namedUser
		attachedPolicyARN
	}
	groupAttachmentInput struct {
		namedGroup
		attachedPolicyARN
	}
	roleAttachmentInput struct {
		namedRole
		attachedPolicyARN
	}
)

// attachPolicy handles Attach{User,Group,Role}Policy. Attaching twice is one
// attachment.
func attachPolicy[In attachmentInput](s *Service) func(context.Context, *In) (*api.Empty, error) {
	return func(ctx context.Context, in *In) (*api.Empty, error) {
		account, ref, policyARN := account(ctx), (*in).entity(), (*in).policyARN()
		if err := checkPolicyARN(policyARN); err != nil {
			return nil, err
		}
		return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
			e, err := findEntity(ctx, w, account, ref)
			if err != nil {
				return err
			}
			if _, err := s.findPolicy(ctx, w, account, policyARN); err != nil {
				return err
			}
			added, err := metastore.PolicyAttachments.Add(ctx, w, account, policyARN, e.point(), "")
			if err != nil || !added {
				return err
			}
			n, err := metastore.PolicyAttachments.CountTo(ctx, w, account, e.point())
			if err == nil && n > maxAttached {
				err = quotaExceeded("PoliciesPer"+ref.kind.title(), maxAttached)
			}
			return err
		})
	}
}

// detachPolicy handles Detach{User,Group,Role}Policy.
func detachPolicy[In attachmentInput](s *Service) func(context.Context, *In) (*api.Empty, error) {
	return func(ctx context.Context, in *In) (*api.Empty, error) {
		account, policyARN := account(ctx), (*in).policyARN()
		if err := checkPolicyARN(policyARN); err != nil {
			return nil, err
		}
		return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
			e, err := findEntity(ctx, w, account, (*in).entity())
			if err != nil {
				return err
			}
			removed, err := metastore.PolicyAttachments.Remove(ctx, w, account, policyARN, e.point())
			if err == nil && !removed {
				err = noSuchPolicy(policyARN)
			}
			return err
		})
	}
}

// policyPathPrefix is the part of an input that selects policies by path.
type policyPathPrefix struct {
	PathPrefix *string `length:"1,512" pattern:"((/[A-Za-z0-9.,+@=_-]+)*)/"`
}

func (p policyPathPrefix) pathPrefix() string { return orRoot(p.PathPrefix) }

type (
	listUserAttachmentsInput struct {
		namedUser
		policyPathPrefix
		page
	}
	listGroupAttachmentsInput struct {
		namedGroup
		policyPathPrefix
		page
	}
	listRoleAttachmentsInput struct {
		namedRole
		policyPathPrefix
		page
	}
)

type attachedPolicy struct{ PolicyName, PolicyArn string }

type listAttachmentsOutput struct {
	AttachedPolicies []attachedPolicy
	pageInfo
}

// listAttachments handles ListAttached{User,Group,Role}Policies.
func listAttachments[In interface {
	entityInput
	pathPrefix() string
	paging() page
}](s *Service) func(context.Context, *In) (*listAttachmentsOutput, error) {
	return func(ctx context.Context, in *In) (*listAttachmentsOutput, error) {
		out := new(listAttachmentsOutput)
		return out, s.store.View(ctx, func(r metastore.Reader) error {
			e, err := findEntity(ctx, r, account(ctx), (*in).entity())
			if err != nil {
				return err
			}
			attached, err := s.attachedTo(ctx, r, account(ctx), e)
			if err != nil {
				return err
			}
			attached = slices.DeleteFunc(attached, func(p *managed) bool { return !strings.HasPrefix(p.path, (*in).pathPrefix()) })
			out.AttachedPolicies, out.pageInfo, err = collectList((*in).paging(), attached, policyOrder, describeAttached)
			return err
		})
	}
}

func describeAttached(p *managed) attachedPolicy { return attachedPolicy{p.name, p.arn} }

// attachedTo returns the managed policies of an entity, in their order.
func (s *Service) attachedTo(ctx context.Context, r metastore.Reader, account string, e *entity) ([]*managed, error) {
	edges, err := edgesOf(ctx, r, metastore.PolicyAttachments, metastore.ToSide, account, e.point())
	if err != nil {
		return nil, err
	}
	policies := make([]*managed, 0, len(edges))
	for _, edge := range edges {
		p, err := s.findPolicy(ctx, r, account, edge.From)
		if err != nil {
			return nil, err
		}
		policies = append(policies, p)
	}
	slices.SortFunc(policies, func(a, b *managed) int { return strings.Compare(policyOrder(a), policyOrder(b)) })
	return policies, nil
}

type listEntitiesForPolicyInput struct {
	namedPolicy
	EntityFilter      string  `enum:"User,Role,Group,LocalManagedPolicy,AWSManagedPolicy"`
	PathPrefix        *string `length:"1,512" pattern:"(/)|(/[\\x{21}-\\x{7E}]+/)"`
	PolicyUsageFilter string  `enum:"PermissionsPolicy,PermissionsBoundary"`
	page
}

type (
	policyGroup struct{ GroupName, GroupId string }
	policyUser  struct{ UserName, UserId string }
	policyRole  struct{ RoleName, RoleId string }
)

type listEntitiesForPolicyOutput struct {
	PolicyGroups []policyGroup
	PolicyUsers  []policyUser
	PolicyRoles  []policyRole
	pageInfo
}

func (s *Service) listEntitiesForPolicy(ctx context.Context, in *listEntitiesForPolicyInput) (*listEntitiesForPolicyOutput, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	var entities []*entity
	var info pageInfo
	err = s.store.View(ctx, func(r metastore.Reader) error {
		if _, err := s.findPolicy(ctx, r, account(ctx), in.PolicyArn); err != nil {
			return err
		}
		points, err := in.points(ctx, r)
		if err != nil {
			return err
		}
		point := func(p string) string { return p }
		entities, info, err = collect(in.page, rest(points, point, after), point, func(p string) (*entity, bool, error) {
			e, err := entityAt(ctx, r, account(ctx), p)
			if err != nil {
				return nil, false, err
			}
			// Not e itself, which would keep its documents until the answer is out.
			return &entity{kind: e.kind, name: e.name, uniqueID: e.uniqueID}, strings.HasPrefix(e.path, orRoot(in.PathPrefix)), nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return entitiesForPolicy(entities, info), nil
}

func entitiesForPolicy(entities []*entity, info pageInfo) *listEntitiesForPolicyOutput {
	out := &listEntitiesForPolicyOutput{PolicyGroups: []policyGroup{}, PolicyUsers: []policyUser{}, PolicyRoles: []policyRole{}, pageInfo: info}
	for _, e := range entities {
		switch e.kind {
		case userKind:
			out.PolicyUsers = append(out.PolicyUsers, policyUser{e.name, e.uniqueID})
		case groupKind:
			out.PolicyGroups = append(out.PolicyGroups, policyGroup{e.name, e.uniqueID})
		case roleKind:
			out.PolicyRoles = append(out.PolicyRoles, policyRole{e.name, e.uniqueID})
		}
	}
	return out
}

// points returns the attachment points of the entities that use the policy as
// the filters say, in order, each once.
func (in *listEntitiesForPolicyInput) points(ctx context.Context, r metastore.Reader) ([]string, error) {
	var points []string
	if in.PolicyUsageFilter != "PermissionsBoundary" {
		edges, err := edgesOf(ctx, r, metastore.PolicyAttachments, metastore.FromSide, account(ctx), in.PolicyArn)
		if err != nil {
			return nil, err
		}
		for _, e := range edges {
			points = append(points, e.To)
		}
	}
	if in.PolicyUsageFilter != "PermissionsPolicy" {
		bounded, err := boundedBy(ctx, r, account(ctx), in.PolicyArn)
		if err != nil {
			return nil, err
		}
		points = append(points, bounded...)
	}
	points = slices.DeleteFunc(points, func(p string) bool {
		kind, _, _ := strings.Cut(p, "/")
		return in.EntityFilter != "" && in.EntityFilter != entityKind(kind).title()
	})
	slices.Sort(points)
	return slices.Compact(points), nil
}

// boundedBy returns the points of the users and roles whose boundary the
// policy is.
func boundedBy(ctx context.Context, r metastore.Reader, account, policyARN string) ([]string, error) {
	var points []string
	query := metastore.Query{Index: "boundary", Value: policyARN}
	for item, err := range metastore.Users.All(ctx, r, account, query) {
		if err != nil {
			return nil, err
		}
		points = append(points, userKind.point(item.Value.Name))
	}
	for item, err := range metastore.Roles.All(ctx, r, account, query) {
		if err != nil {
			return nil, err
		}
		points = append(points, roleKind.point(item.Value.Name))
	}
	return points, nil
}

// entityAt returns the entity at an attachment point.
func entityAt(ctx context.Context, r metastore.Reader, account, point string) (*entity, error) {
	kind, name, _ := strings.Cut(point, "/")
	return findEntity(ctx, r, account, entityRef{entityKind(kind), name})
}
