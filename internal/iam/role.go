package iam

import (
	"context"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
)

// defaultMaxSessionSeconds is a role's MaxSessionDuration when none is given
// (IAM API Reference, CreateRole).
const defaultMaxSessionSeconds = 3600

// roleDescription is a role in an answer.
type roleDescription struct {
	Path, RoleName, RoleId, Arn string
	CreateDate                  time.Time
	AssumeRolePolicyDocument    string // percent-encoded
	Description                 string
	MaxSessionDuration          int
	PermissionsBoundary         *boundaryDescription
	Tags                        []tag
	RoleLastUsed                *roleLastUsed
}

func (d roleDescription) sizeBytes() int { return len(d.AssumeRolePolicyDocument) }

// roleLastUsed is empty, as AWS answers of a role whose use it has no record
// of: uses are not recorded here.
type roleLastUsed struct{}

// describeRole renders a role as lists show it: without tags, boundary and
// last use.
func describeRole(ctx context.Context, r metastore.Reader, account string, role *metastore.Role) (roleDescription, error) {
	trust, err := shownTrust(ctx, r, account, role)
	return roleDescription{
		Path: role.Path, RoleName: role.Name, RoleId: role.UniqueID, Arn: arn.IAM(account, "role", role.Path, role.Name),
		CreateDate: role.Created, AssumeRolePolicyDocument: percentEncode(trust),
		Description: role.Description, MaxSessionDuration: role.MaxSessionSeconds,
	}, err
}

func describeRoleFully(ctx context.Context, r metastore.Reader, account string, role *metastore.Role) (roleDescription, error) {
	d, err := describeRole(ctx, r, account, role)
	d.PermissionsBoundary, d.Tags = describeBoundary(role.Boundary), wireTags(role.Tags)
	return d, err
}

type roleOutput struct{ Role roleDescription }

type createRoleInput struct {
	namedRole
	Path                     *string `length:"1,512" pattern:"(/)|(/[\\x{21}-\\x{7E}]+/)"`
	AssumeRolePolicyDocument string  `required:"" length:"1,131072" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
	Description              string  `length:"0,1000" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{7E}\\x{A1}-\\x{FF}]*"`
	MaxSessionDuration       *int    `range:"3600,43200"`
	maybeBoundary
	newTags
}

func (in createRoleInput) newPath() string { return orRoot(in.Path) }

func (s *Service) createRole(ctx context.Context, in *createRoleInput) (*roleOutput, error) {
	account := account(ctx)
	tags, err := mergeTags(nil, in.Tags, "TagsPerRole")
	if err != nil {
		return nil, err
	}
	role := &metastore.Role{
		Name: in.RoleName, Path: orRoot(in.Path), UniqueID: ids.NewUniqueID(ids.Role), Created: s.now(),
		Description: in.Description, MaxSessionSeconds: defaultMaxSessionSeconds, Boundary: in.newBoundary(), Tags: tags,
	}
	if in.MaxSessionDuration != nil {
		role.MaxSessionSeconds = *in.MaxSessionDuration
	}
	out := new(roleOutput)
	err = s.store.Update(ctx, func(w metastore.Writer) (err error) {
		if err := checkQuota(ctx, w, metastore.Roles, account, maxRoles, "RolesPerAccount"); err != nil {
			return err
		}
		if err := s.checkBoundary(ctx, w, account, role.Boundary); err != nil {
			return err
		}
		if err := setTrust(ctx, w, account, role, in.AssumeRolePolicyDocument); err != nil {
			return err
		}
		if err := inserted(metastore.Roles.Insert(ctx, w, account, metastore.NameID(role.Name), role), roleKind, role.Name); err != nil {
			return err
		}
		out.Role, err = describeRoleFully(ctx, w, account, role)
		return err
	})
	return out, err
}

type roleInput struct{ namedRole }

func (s *Service) getRole(ctx context.Context, in *roleInput) (*roleOutput, error) {
	out := new(roleOutput)
	return out, s.store.View(ctx, func(r metastore.Reader) error {
		role, err := findRole(ctx, r, account(ctx), in.RoleName)
		if err != nil {
			return err
		}
		out.Role, err = describeRoleFully(ctx, r, account(ctx), role)
		out.Role.RoleLastUsed = new(roleLastUsed)
		return err
	})
}

// changeRole alters a role in one Update.
func (s *Service) changeRole(ctx context.Context, name string, change func(metastore.Writer, *metastore.Role) error) error {
	account := account(ctx)
	return s.store.Update(ctx, func(w metastore.Writer) error {
		role, err := findRole(ctx, w, account, name)
		if err != nil {
			return err
		}
		if err := change(w, role); err != nil {
			return err
		}
		return metastore.Roles.Put(ctx, w, account, metastore.NameID(role.Name), role)
	})
}

type updateRoleInput struct {
	namedRole
	Description        *string `length:"0,1000" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{7E}\\x{A1}-\\x{FF}]*"`
	MaxSessionDuration *int    `range:"3600,43200"`
}

func (s *Service) updateRole(ctx context.Context, in *updateRoleInput) (*api.EmptyResult, error) {
	return new(api.EmptyResult), s.changeRole(ctx, in.RoleName, func(_ metastore.Writer, role *metastore.Role) error {
		if in.Description != nil {
			role.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			role.MaxSessionSeconds = *in.MaxSessionDuration
		}
		return nil
	})
}

type updateRoleDescriptionInput struct {
	namedRole
	Description *string `required:"" length:"0,1000" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{7E}\\x{A1}-\\x{FF}]*"`
}

func (s *Service) updateRoleDescription(ctx context.Context, in *updateRoleDescriptionInput) (*roleOutput, error) {
	out := new(roleOutput)
	return out, s.changeRole(ctx, in.RoleName, func(w metastore.Writer, role *metastore.Role) (err error) {
		role.Description = *in.Description
		out.Role, err = describeRoleFully(ctx, w, account(ctx), role)
		return err
	})
}

type updateAssumeRolePolicyInput struct {
	namedRole
	PolicyDocument string `required:"" length:"1,131072" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
}

func (s *Service) updateAssumeRolePolicy(ctx context.Context, in *updateAssumeRolePolicyInput) (*api.Empty, error) {
	return nothing, s.changeRole(ctx, in.RoleName, func(w metastore.Writer, role *metastore.Role) error {
		return setTrust(ctx, w, account(ctx), role, in.PolicyDocument)
	})
}

func (s *Service) deleteRole(ctx context.Context, in *roleInput) (*api.Empty, error) {
	account := account(ctx)
	return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
		role, err := findRole(ctx, w, account, in.RoleName)
		if err != nil {
			return err
		}
		if err := checkNoPolicies(ctx, w, account, roleEntity(account, role)); err != nil {
			return err
		}
		return metastore.Roles.Delete(ctx, w, account, metastore.NameID(role.Name))
	})
}

type listRolesOutput struct {
	Roles []roleDescription
	pageInfo
}

func (s *Service) listRoles(ctx context.Context, in *listInput) (*listRolesOutput, error) {
	account, out := account(ctx), new(listRolesOutput)
	return out, s.pageOfTable(ctx, in.page, func(r metastore.Reader, q metastore.Query) (err error) {
		out.Roles, out.pageInfo, err = collect(in.page, metastore.Roles.All(ctx, r, account, q), itemID[metastore.Role],
			func(item metastore.Item[metastore.Role]) (roleDescription, bool, error) {
				if !in.selects(item.Value.Path) {
					return roleDescription{}, false, nil
				}
				d, err := describeRole(ctx, r, account, item.Value)
				return d, true, err
			})
		return err
	})
}
