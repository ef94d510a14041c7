package iot

import (
	"context"
	"errors"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
)

// The words of resource types in ARNs (spec D.2).
const (
	wordThing      = "thing"
	wordThingType  = "thingtype"
	wordThingGroup = "thinggroup"
	wordCert       = "cert"
	wordPolicy     = "policy"
	wordRoleAlias  = "rolealias"
)

// named is an input whose operation is on one resource.
type named interface {
	// resource returns the word and the name of the resource's ARN.
	resource() (word, name string)
}

// requestTags is an input that brings tags for what it makes.
type requestTags interface{ tags() []tag }

// onNamed makes the row of an operation on the resource that its input names.
// The permission is that of the operation's name.
func onNamed[In, Out any, P interface {
	*In
	named
}](s *Service, name, route string, handle func(context.Context, *In) (*Out, error)) api.Operation {
	return api.Op(name, route, func(ctx context.Context, in *In) ([]api.Permission, error) {
		return s.namedNeeds(ctx, "iot:"+name, P(in))
	}, handle)
}

// onAny makes the row of an operation without a resource type.
func onAny[In, Out any](name, route string, handle func(context.Context, *In) (*Out, error)) api.Operation {
	return api.Op(name, route, func(context.Context, *In) ([]api.Permission, error) {
		return []api.Permission{{Action: "iot:" + name, Resource: "*"}}, nil
	}, handle)
}

// onARN makes the row of an operation on the resource whose ARN is in its
// input. find reads and checks it.
func onARN[In, Out any](s *Service, name, route string, find func(context.Context, *In) (ref, error),
	handle func(context.Context, *In) (*Out, error)) api.Operation {
	return api.Op(name, route, func(ctx context.Context, in *In) ([]api.Permission, error) {
		r, err := find(ctx, in)
		if err != nil {
			return nil, err
		}
		p, err := s.permission(ctx, "iot:"+name, r)
		return []api.Permission{p}, err
	}, handle)
}

func (s *Service) namedNeeds(ctx context.Context, action string, in named) ([]api.Permission, error) {
	word, name := in.resource()
	p, err := s.permission(ctx, action, ref{word, name})
	if err != nil {
		return nil, err
	}
	if t, ok := in.(requestTags); ok {
		p.Keys = append(p.Keys, requestTagKeys(t.tags())...)
	}
	return []api.Permission{p}, nil
}

// permission is action on r, with the tags of r as condition keys.
func (s *Service) permission(ctx context.Context, action string, r ref) (api.Permission, error) {
	p := api.Permission{Action: action, Resource: s.arn(ctx, r)}
	tags, err := tagsOf(ctx, s.cfg.Store.Hot(), account(ctx), r)
	if err != nil && !errors.Is(err, metastore.ErrNotFound) {
		return p, err
	}
	for _, t := range tags {
		p.Keys = append(p.Keys, identity.StringKey("aws:ResourceTag/"+t.Key, t.Value))
	}
	return p, nil
}

// requestTagKeys are the condition keys of tags in a request (spec E.5).
func requestTagKeys(tags []tag) []identity.Key {
	if len(tags) == 0 {
		return nil
	}
	var keys []identity.Key
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Key
		keys = append(keys, identity.StringKey("aws:RequestTag/"+t.Key, t.Value))
	}
	return append(keys, identity.ListKey("aws:TagKeys", names...))
}

// ref is a resource of the caller's account in this region.
type ref struct{ word, name string }

// arn returns the ARN of r.
func (s *Service) arn(ctx context.Context, r ref) string {
	return arn.IoT(s.cfg.Region, account(ctx), r.word, r.name)
}

// parseARN reads the ARN of an IoT resource of the caller's account and of this
// region. member names it in errors. That the resource exists is not checked.
func (s *Service) parseARN(ctx context.Context, member, text string) (ref, error) {
	parsed, err := arn.Parse(text)
	if err != nil || parsed.Service != "iot" {
		return ref{}, invalidRequest("The member %s is not the ARN of an AWS IoT resource.", member)
	}
	word, name := parsed.Type()
	r := ref{word, name}
	if name == "" || s.arn(ctx, r) != text {
		return ref{}, invalidRequest("The ARN in %s names no resource of this account and region.", member)
	}
	return r, nil
}

// account is the caller's, which owns whatever the caller names.
func account(ctx context.Context) string { return api.RequestOf(ctx).Caller.Principal.Account }
