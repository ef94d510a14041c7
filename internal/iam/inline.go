package iam

import (
	"context"
	"slices"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

// The members of the operations on inline policies.
type (
	namedInline struct {
		PolicyName string `required:"" length:"1,128" pattern:"[\\w+=,.@-]+"`
	}
	inlineDocument struct {
		PolicyDocument string `required:"" length:"1,131072" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
	}
)

func (n namedInline) inlineName() string  { return n.PolicyName }
func (d inlineDocument) document() string { return d.PolicyDocument }

// inlineInput names an inline policy of an entity.
type inlineInput interface {
	entityInput
	inlineName() string
}

type (
	putUserPolicyInput struct {
		namedUser
		namedInline
		inlineDocument
	}
	putGroupPolicyInput struct {
		namedGroup
		namedInline
		inlineDocument
	}
	putRolePolicyInput struct {
		namedRole
		namedInline
		inlineDocument
	}
	userPolicyInput struct {
		namedUser
		namedInline
	}
	groupPolicyInput struct {
		namedGroup
		namedInline
	}
	rolePolicyInput struct {
		namedRole
		namedInline
	}
)

func byInlineName(p metastore.InlinePolicy, name string) int { return strings.Compare(p.Name, name) }

// putInline handles Put{User,Group,Role}Policy: create or replace.
func putInline[In interface {
	inlineInput
	document() string
}](s *Service) func(context.Context, *In) (*api.Empty, error) {
	return func(ctx context.Context, in *In) (*api.Empty, error) {
		put := metastore.InlinePolicy{Name: (*in).inlineName(), Document: (*in).document()}
		if _, err := parseIdentity(put.Document); err != nil {
			return nil, err
		}
		return nothing, s.changeEntity(ctx, (*in).entity(), func(_ metastore.Writer, e *entity) error {
			i, found := slices.BinarySearchFunc(*e.inline, put.Name, byInlineName)
			if found {
				(*e.inline)[i] = put
			} else {
				*e.inline = slices.Insert(*e.inline, i, put)
			}
			return checkInlineSize(e)
		})
	}
}

// checkInlineSize refuses inline policies that are too long together.
func checkInlineSize(e *entity) error {
	total := 0
	for _, p := range *e.inline {
		total += documentChars(p.Document)
	}
	if most := e.kind.inlineChars(); total > most {
		return inlineTooLong(e.kind, e.name, most)
	}
	return nil
}

// deleteInline handles Delete{User,Group,Role}Policy.
func deleteInline[In inlineInput](s *Service) func(context.Context, *In) (*api.Empty, error) {
	return func(ctx context.Context, in *In) (*api.Empty, error) {
		name := (*in).inlineName()
		return nothing, s.changeEntity(ctx, (*in).entity(), func(_ metastore.Writer, e *entity) error {
			i, found := slices.BinarySearchFunc(*e.inline, name, byInlineName)
			if !found {
				return noSuchInlinePolicy(e.kind, name)
			}
			*e.inline = slices.Delete(*e.inline, i, i+1)
			return nil
		})
	}
}

// getInlineOutput is the answer of Get{User,Group,Role}Policy: one of the
// names is set.
type getInlineOutput struct {
	UserName, GroupName, RoleName string
	PolicyName                    string
	PolicyDocument                string // percent-encoded
}

// getInline handles Get{User,Group,Role}Policy.
func getInline[In inlineInput](s *Service) func(context.Context, *In) (*getInlineOutput, error) {
	return func(ctx context.Context, in *In) (*getInlineOutput, error) {
		e, err := findEntity(ctx, s.store.Hot(), account(ctx), (*in).entity())
		if err != nil {
			return nil, err
		}
		i, found := slices.BinarySearchFunc(*e.inline, (*in).inlineName(), byInlineName)
		if !found {
			return nil, noSuchInlinePolicy(e.kind, (*in).inlineName())
		}
		p := (*e.inline)[i]
		out := &getInlineOutput{PolicyName: p.Name, PolicyDocument: percentEncode(p.Document)}
		switch e.kind {
		case userKind:
			out.UserName = e.name
		case groupKind:
			out.GroupName = e.name
		case roleKind:
			out.RoleName = e.name
		}
		return out, nil
	}
}

type (
	listUserPoliciesInput struct {
		namedUser
		page
	}
	listGroupPoliciesInput struct {
		namedGroup
		page
	}
	listRolePoliciesInput struct {
		namedRole
		page
	}
	listInlineOutput struct {
		PolicyNames []string
		pageInfo
	}
)

// listInline handles List{User,Group,Role}Policies.
func listInline[In interface {
	entityInput
	paging() page
}](s *Service) func(context.Context, *In) (*listInlineOutput, error) {
	return func(ctx context.Context, in *In) (*listInlineOutput, error) {
		e, err := findEntity(ctx, s.store.Hot(), account(ctx), (*in).entity())
		if err != nil {
			return nil, err
		}
		name := func(p metastore.InlinePolicy) string { return p.Name }
		out := new(listInlineOutput)
		out.PolicyNames, out.pageInfo, err = collectList((*in).paging(), *e.inline, name, name)
		return out, err
	}
}
