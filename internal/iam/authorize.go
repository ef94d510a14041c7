package iam

import (
	"context"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
)

// target is what an operation is about, as policies see it.
type target struct {
	arn      string
	tags     []metastore.Tag
	boundary string
}

// keySource says which condition keys an operation has beside those that its
// input alone shows.
type keySource func(target) []identity.Key

// entityBoundary gives the permissions boundary that the entity has, for the
// operations on a user's or role's policies (Service Authorization Reference,
// IAM: iam:PermissionsBoundary).
func entityBoundary(t target) []identity.Key { return boundaryKey(t.boundary) }

func boundaryKey(arn string) []identity.Key {
	if arn == "" {
		return nil
	}
	return []identity.Key{{Name: "iam:PermissionsBoundary", Values: []string{arn}}}
}

// inputKeys are the condition keys that an input itself shows, by the members
// it has.
func inputKeys(in any) []identity.Key {
	var keys []identity.Key
	if in, ok := in.(interface{ policyARN() string }); ok {
		keys = append(keys, identity.Key{Name: "iam:PolicyARN", Values: []string{in.policyARN()}})
	}
	if in, ok := in.(interface{ newBoundary() string }); ok {
		keys = append(keys, boundaryKey(in.newBoundary())...)
	}
	if in, ok := in.(interface{ tags() []tag }); ok {
		keys = append(keys, requestTagKeys(in.tags())...)
	}
	if in, ok := in.(interface{ tagKeys() []string }); ok && len(in.tagKeys()) > 0 {
		keys = append(keys, identity.Key{Name: "aws:TagKeys", Values: in.tagKeys(), List: true})
	}
	return keys
}

func (t target) permission(action string, in any, sources ...keySource) api.Permission {
	keys := append(inputKeys(in), resourceTagKeys(t.tags)...)
	for _, source := range sources {
		keys = append(keys, source(t)...)
	}
	return api.Permission{Action: "iam:" + action, Resource: t.arn, Keys: keys}
}

// entityTarget looks an entity up for the path, tags and boundary that
// policies ask about. One that does not exist has the path "/" and nothing
// else, so that only those who may touch it learn that it is missing.
func (s *Service) entityTarget(ctx context.Context, ref entityRef) (target, error) {
	e, err := findEntity(ctx, s.store.Hot(), account(ctx), ref)
	if _, missing := awserr.As(err); missing {
		return target{arn: arn.IAM(account(ctx), string(ref.kind), "/", ref.name)}, nil
	}
	if err != nil {
		return target{}, err
	}
	t := target{arn: e.arn(account(ctx)), boundary: e.boundaryARN()}
	if e.tags != nil {
		t.tags = *e.tags
	}
	return t, nil
}

// onEntity needs iam:<action> on the user, group or role that the input names.
func onEntity[In entityInput](s *Service, action string, sources ...keySource) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		t, err := s.entityTarget(ctx, (*in).entity())
		if err != nil {
			return nil, err
		}
		return []api.Permission{t.permission(action, *in, sources...)}, nil
	}
}

// onUserOrCaller needs iam:<action> on the user that the input names, or on
// the caller.
func onUserOrCaller[In interface {
	userName(context.Context) (string, error)
}](s *Service, action string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		name, err := (*in).userName(ctx)
		if err != nil {
			return nil, err
		}
		t := target{arn: arn.Root(account(ctx))}
		if name != "" {
			if t, err = s.entityTarget(ctx, entityRef{userKind, name}); err != nil {
				return nil, err
			}
		}
		return []api.Permission{t.permission(action, *in)}, nil
	}
}

// newEntityInput is an input that makes an entity.
type newEntityInput interface {
	entityInput
	newPath() string
}

// onNewEntity needs iam:<action> on the ARN of what is to be made, and, when
// it is made with tags, tagAction on it too.
func onNewEntity[In newEntityInput](action, tagAction string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		ref := (*in).entity()
		t := target{arn: arn.IAM(account(ctx), string(ref.kind), (*in).newPath(), ref.name)}
		return t.permissionsToMake(action, tagAction, *in), nil
	}
}

func (t target) permissionsToMake(action, tagAction string, in any) []api.Permission {
	needs := []api.Permission{t.permission(action, in)}
	if in, ok := in.(interface{ tags() []tag }); ok && len(in.tags()) > 0 {
		needs = append(needs, t.permission(tagAction, in))
	}
	return needs
}

// movedInput is an input that renames or moves an entity.
type movedInput interface {
	entityInput
	newName() *string
	movedTo() *string
}

// onMoved needs iam:<action> on an entity both as it is and as it is to be
// (IAM API Reference, UpdateUser).
func onMoved[In movedInput](s *Service, action string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		ref := (*in).entity()
		t, err := s.entityTarget(ctx, ref)
		if err != nil {
			return nil, err
		}
		needs := []api.Permission{t.permission(action, *in)}
		after := target{arn: movedARN(t.arn, (*in).movedTo(), (*in).newName()), tags: t.tags}
		if after.arn != t.arn {
			needs = append(needs, after.permission(action, *in))
		}
		return needs, nil
	}
}

// movedARN replaces path and name in an entity's ARN where they are given.
func movedARN(old string, path, name *string) string {
	word := strings.IndexByte(old, '/')
	last := strings.LastIndexByte(old, '/')
	newPath, newName := old[word:last+1], old[last+1:]
	if path != nil {
		newPath = *path
	}
	if name != nil {
		newName = *name
	}
	return old[:word] + newPath + newName
}

// onPolicy needs iam:<action> on the managed policy that the input names.
func onPolicy[In interface{ managedPolicy() string }](s *Service, action string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		policyARN := (*in).managedPolicy()
		if err := checkPolicyARN(policyARN); err != nil {
			return nil, err
		}
		p, err := s.findPolicy(ctx, s.store.Hot(), account(ctx), policyARN)
		if _, missing := awserr.As(err); err != nil && !missing {
			return nil, err
		}
		t := target{arn: policyARN}
		if p != nil {
			t.tags = p.tags
		}
		return []api.Permission{t.permission(action, *in)}, nil
	}
}

// onPath needs iam:<action> on the part of the name space that a list shows:
// arn:aws:iam::<account>:user/<prefix>.
func onPath[In interface{ prefix() string }](action string, kind entityKind) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		return []api.Permission{{Action: "iam:" + action, Resource: arn.IAM(account(ctx), string(kind), (*in).prefix(), "")}}, nil
	}
}

// onAccount needs iam:<action>, which has no resource type.
func onAccount[In any](action string) api.Needs[In] {
	return func(context.Context, *In) ([]api.Permission, error) {
		return []api.Permission{{Action: "iam:" + action, Resource: "*"}}, nil
	}
}

// onSource needs iam:<action> on the user, group or role whose policies the
// operation looks at.
func onSource[In interface {
	source(context.Context) (entityRef, error)
}](s *Service, action string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		ref, err := (*in).source(ctx)
		if err != nil {
			return nil, err
		}
		t, err := s.entityTarget(ctx, ref)
		if err != nil {
			return nil, err
		}
		return []api.Permission{t.permission(action, *in)}, nil
	}
}
