package iam

import (
	"context"
	"errors"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
)

// maybeBoundary is the permissions boundary that a new user or role gets.
type maybeBoundary struct {
	PermissionsBoundary *string `length:"20,2048"`
}

func (b maybeBoundary) newBoundary() string {
	if b.PermissionsBoundary == nil {
		return ""
	}
	return *b.PermissionsBoundary
}

// givenBoundary is the permissions boundary that a user or role gets.
type givenBoundary struct {
	PermissionsBoundary string `required:"" length:"20,2048"`
}

func (b givenBoundary) newBoundary() string { return b.PermissionsBoundary }

type boundaryDescription struct{ PermissionsBoundaryType, PermissionsBoundaryArn string }

// describeBoundary is nil when there is none.
func describeBoundary(arn string) *boundaryDescription {
	if arn == "" {
		return nil
	}
	return &boundaryDescription{"Policy", arn}
}

// checkBoundary refuses a boundary that is no managed policy. "" is none.
func (s *Service) checkBoundary(ctx context.Context, r metastore.Reader, account, arn string) error {
	if arn == "" {
		return nil
	}
	if err := checkPolicyARN(arn); err != nil {
		return err
	}
	_, err := s.findPolicy(ctx, r, account, arn)
	if e, ok := errors.AsType[*awserr.Error](err); ok && e.Code == "NoSuchEntity" {
		return noSuchBoundary(arn)
	}
	return err
}

type (
	putUserBoundaryInput struct {
		namedUser
		givenBoundary
	}
	putRoleBoundaryInput struct {
		namedRole
		givenBoundary
	}
)

// putBoundary handles PutUserPermissionsBoundary and
// PutRolePermissionsBoundary.
func putBoundary[In interface {
	entityInput
	newBoundary() string
}](s *Service) func(context.Context, *In) (*api.Empty, error) {
	return func(ctx context.Context, in *In) (*api.Empty, error) {
		boundary := (*in).newBoundary()
		return nothing, s.changeEntity(ctx, (*in).entity(), func(w metastore.Writer, e *entity) error {
			*e.boundary = boundary
			return s.checkBoundary(ctx, w, account(ctx), boundary)
		})
	}
}

// deleteBoundary handles DeleteUserPermissionsBoundary and
// DeleteRolePermissionsBoundary. It is content when there is none.
func deleteBoundary[In entityInput](s *Service) func(context.Context, *In) (*api.Empty, error) {
	return func(ctx context.Context, in *In) (*api.Empty, error) {
		return nothing, s.changeEntity(ctx, (*in).entity(), func(_ metastore.Writer, e *entity) error {
			*e.boundary = ""
			return nil
		})
	}
}
