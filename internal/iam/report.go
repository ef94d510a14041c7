package iam

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/metastore"
)

type policyDetail struct {
	PolicyName     string
	PolicyDocument string // percent-encoded
}

type userDetail struct {
	Path, UserName, UserId, Arn string
	CreateDate                  time.Time
	UserPolicyList              []policyDetail
	GroupList                   []string
	AttachedManagedPolicies     []attachedPolicy
	PermissionsBoundary         *boundaryDescription
	Tags                        []tag
}

type groupDetail struct {
	Path, GroupName, GroupId, Arn string
	CreateDate                    time.Time
	GroupPolicyList               []policyDetail
	AttachedManagedPolicies       []attachedPolicy
}

type roleDetail struct {
	Path, RoleName, RoleId, Arn string
	CreateDate                  time.Time
	AssumeRolePolicyDocument    string // percent-encoded
	InstanceProfileList         none
	RolePolicyList              []policyDetail
	AttachedManagedPolicies     []attachedPolicy
	PermissionsBoundary         *boundaryDescription
	Tags                        []tag
	RoleLastUsed                *roleLastUsed
}

type managedDetail struct {
	PolicyName, PolicyId, Arn, Path string
	DefaultVersionId                string
	AttachmentCount                 int
	PermissionsBoundaryUsageCount   int
	IsAttachable                    bool
	Description                     string
	CreateDate, UpdateDate          time.Time
	PolicyVersionList               []versionDescription
}

func (d userDetail) sizeBytes() int  { return documentsBytes(d.UserPolicyList) }
func (d groupDetail) sizeBytes() int { return documentsBytes(d.GroupPolicyList) }

func (d roleDetail) sizeBytes() int {
	return len(d.AssumeRolePolicyDocument) + documentsBytes(d.RolePolicyList)
}

func (d managedDetail) sizeBytes() int {
	n := 0
	for _, v := range d.PolicyVersionList {
		n += len(v.Document)
	}
	return n
}

func documentsBytes(policies []policyDetail) int {
	n := 0
	for _, p := range policies {
		n += len(p.PolicyDocument)
	}
	return n
}

type authorizationDetailsInput struct {
	Filter []string `enum:"User,Role,Group,LocalManagedPolicy,AWSManagedPolicy"`
	page
}

type authorizationDetailsOutput struct {
	UserDetailList  []userDetail
	GroupDetailList []groupDetail
	RoleDetailList  []roleDetail
	Policies        []managedDetail
	pageInfo
}

// subject is one thing that the report is about: a *metastore.User, Group or
// Role, or a *managed.
type subject struct {
	key   string
	value any
}

// getAccountAuthorizationDetails reports on users, groups, roles and policies,
// in this order. Of AWS's policies it shows those in use.
func (s *Service) getAccountAuthorizationDetails(ctx context.Context, in *authorizationDetailsInput) (*authorizationDetailsOutput, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	out := &authorizationDetailsOutput{
		UserDetailList: []userDetail{}, GroupDetailList: []groupDetail{}, RoleDetailList: []roleDetail{}, Policies: []managedDetail{},
	}
	return out, s.store.View(ctx, func(r metastore.Reader) error {
		d := describer{s, r, account(ctx)}
		key := func(s subject) string { return s.key }
		details, info, err := collect(in.page, in.subjects(ctx, r, after), key, func(s subject) (any, bool, error) { return d.describe(ctx, s) })
		out.pageInfo = info
		for _, detail := range details {
			out.add(detail)
		}
		return err
	})
}

func (out *authorizationDetailsOutput) add(detail any) {
	switch d := detail.(type) {
	case userDetail:
		out.UserDetailList = append(out.UserDetailList, d)
	case groupDetail:
		out.GroupDetailList = append(out.GroupDetailList, d)
	case roleDetail:
		out.RoleDetailList = append(out.RoleDetailList, d)
	case managedDetail:
		out.Policies = append(out.Policies, d)
	}
}

// subjects yields what the filter selects, from after the given key. Keys
// begin with the number of their section.
func (in *authorizationDetailsInput) subjects(ctx context.Context, r metastore.Reader, after string) iter.Seq2[subject, error] {
	account := account(ctx)
	sections := []func(after string) iter.Seq2[subject, error]{
		func(after string) iter.Seq2[subject, error] {
			return recordSubjects("0", in.wants("User"), metastore.Users.All(ctx, r, account, metastore.Query{After: after, Limit: recordsAtOnce}))
		},
		func(after string) iter.Seq2[subject, error] {
			return recordSubjects("1", in.wants("Group"), metastore.Groups.All(ctx, r, account, metastore.Query{After: after, Limit: recordsAtOnce}))
		},
		func(after string) iter.Seq2[subject, error] {
			return recordSubjects("2", in.wants("Role"), metastore.Roles.All(ctx, r, account, metastore.Query{After: after, Limit: recordsAtOnce}))
		},
		func(after string) iter.Seq2[subject, error] {
			return policySubjects("3", in.policyScope(), allPolicies(ctx, r, account, in.policyScope(), after))
		},
	}
	return func(yield func(subject, error) bool) {
		for i, section := range sections {
			number := string(rune('0' + i))
			rest, within := strings.CutPrefix(after, number)
			if !within && after > number {
				continue // this section was on earlier pages
			}
			if !within {
				rest = ""
			}
			for subject, err := range section(rest) {
				if !yield(subject, err) || err != nil {
					return
				}
			}
		}
	}
}

func (in *authorizationDetailsInput) wants(kind string) bool {
	return len(in.Filter) == 0 || slices.Contains(in.Filter, kind)
}

// policyScope is the scope of allPolicies that the filter selects, or "none".
func (in *authorizationDetailsInput) policyScope() string {
	local, aws := in.wants("LocalManagedPolicy"), in.wants("AWSManagedPolicy")
	switch {
	case local && aws:
		return "All"
	case local:
		return "Local"
	case aws:
		return "AWS"
	}
	return "none"
}

func recordSubjects[T any](section string, wanted bool, items iter.Seq2[metastore.Item[T], error]) iter.Seq2[subject, error] {
	return func(yield func(subject, error) bool) {
		if !wanted {
			return
		}
		for item, err := range items {
			if !yield(subject{section + item.ID, item.Value}, err) {
				return
			}
		}
	}
}

func policySubjects(section, scope string, policies iter.Seq2[*managed, error]) iter.Seq2[subject, error] {
	return func(yield func(subject, error) bool) {
		if scope == "none" {
			return
		}
		for p, err := range policies {
			if err != nil {
				yield(subject{}, err)
				return
			}
			if !yield(subject{section + policyOrder(p), p}, nil) {
				return
			}
		}
	}
}

// describer renders subjects in one state of the store.
type describer struct {
	s       *Service
	r       metastore.Reader
	account string
}

// describe renders one subject. It leaves out policies of AWS that nobody
// uses.
func (d describer) describe(ctx context.Context, subject subject) (any, bool, error) {
	switch v := subject.value.(type) {
	case *metastore.User:
		detail, err := d.user(ctx, v)
		return detail, true, err
	case *metastore.Group:
		detail, err := d.group(ctx, v)
		return detail, true, err
	case *metastore.Role:
		detail, err := d.role(ctx, v)
		return detail, true, err
	}
	p := subject.value.(*managed)
	detail, err := d.policy(ctx, p)
	used := detail.AttachmentCount+detail.PermissionsBoundaryUsageCount > 0
	return detail, used || strings.HasPrefix(policyOrder(p), "local/"), err
}

func (d describer) user(ctx context.Context, u *metastore.User) (userDetail, error) {
	e := userEntity(d.account, u)
	detail := userDetail{
		Path: u.Path, UserName: u.Name, UserId: u.UniqueID, Arn: e.arn(d.account), CreateDate: u.Created,
		UserPolicyList: inlineDetails(u.Inline), GroupList: []string{},
		PermissionsBoundary: describeBoundary(u.Boundary), Tags: wireTags(u.Tags),
	}
	groups, err := groupsOf(ctx, d.r, d.account, u)
	if err != nil {
		return detail, err
	}
	for _, g := range groups {
		detail.GroupList = append(detail.GroupList, g.Name)
	}
	detail.AttachedManagedPolicies, err = d.attached(ctx, e)
	return detail, err
}

func (d describer) group(ctx context.Context, g *metastore.Group) (groupDetail, error) {
	e := groupEntity(d.account, g)
	attached, err := d.attached(ctx, e)
	return groupDetail{
		Path: g.Path, GroupName: g.Name, GroupId: g.UniqueID, Arn: e.arn(d.account), CreateDate: g.Created,
		GroupPolicyList: inlineDetails(g.Inline), AttachedManagedPolicies: attached,
	}, err
}

func (d describer) role(ctx context.Context, role *metastore.Role) (roleDetail, error) {
	trust, err := shownTrust(ctx, d.r, d.account, role)
	if err != nil {
		return roleDetail{}, err
	}
	attached, err := d.attached(ctx, roleEntity(d.account, role))
	return roleDetail{
		Path: role.Path, RoleName: role.Name, RoleId: role.UniqueID, Arn: arn.IAM(d.account, "role", role.Path, role.Name),
		CreateDate: role.Created, AssumeRolePolicyDocument: percentEncode(trust), InstanceProfileList: none{},
		RolePolicyList: inlineDetails(role.Inline), AttachedManagedPolicies: attached,
		PermissionsBoundary: describeBoundary(role.Boundary), Tags: wireTags(role.Tags), RoleLastUsed: new(roleLastUsed),
	}, err
}

func (d describer) policy(ctx context.Context, p *managed) (managedDetail, error) {
	attached, bounds, err := uses(ctx, d.r, d.account, p.arn)
	detail := managedDetail{
		PolicyName: p.name, PolicyId: p.id, Arn: p.arn, Path: p.path, DefaultVersionId: p.defaultVersion,
		AttachmentCount: attached, PermissionsBoundaryUsageCount: bounds, IsAttachable: true, Description: p.description,
		CreateDate: p.created, UpdateDate: p.updated,
	}
	for _, v := range slices.Backward(p.versions) {
		version := describeVersion(p, v)
		version.Document = percentEncode(v.Document)
		detail.PolicyVersionList = append(detail.PolicyVersionList, version)
	}
	return detail, err
}

func (d describer) attached(ctx context.Context, e *entity) ([]attachedPolicy, error) {
	policies, err := d.s.attachedTo(ctx, d.r, d.account, e)
	attached := []attachedPolicy{}
	for _, p := range policies {
		attached = append(attached, describeAttached(p))
	}
	return attached, err
}

func inlineDetails(inline []metastore.InlinePolicy) []policyDetail {
	details := []policyDetail{}
	for _, p := range inline {
		details = append(details, policyDetail{p.Name, percentEncode(p.Document)})
	}
	return details
}
