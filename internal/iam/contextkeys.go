package iam

import (
	"context"
	"slices"
	"strings"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
)

type contextKeysOutput struct{ ContextKeyNames []string }

type contextKeysForCustomPolicyInput struct {
	PolicyInputList []string `required:"" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
}

func (s *Service) getContextKeysForCustomPolicy(_ context.Context, in *contextKeysForCustomPolicyInput) (*contextKeysOutput, error) {
	return contextKeys(in.PolicyInputList)
}

// sourceInput names the user, group or role whose policies are looked at.
type sourceInput struct {
	PolicySourceArn string `required:"" length:"20,2048"`
}

// source returns the reference that the ARN stands for.
func (in sourceInput) source(ctx context.Context) (entityRef, error) {
	a, err := arn.Parse(in.PolicySourceArn)
	word, rest := a.Type()
	kind := entityKind(word)
	if err != nil || a.Service != "iam" || a.Region != "" || !isVisibleASCII(rest) || kind != userKind && kind != groupKind && kind != roleKind {
		return entityRef{}, invalidInput("ARN %s is not valid: it must be that of a user, group or role.", in.PolicySourceArn)
	}
	ref := entityRef{kind, rest[strings.LastIndexByte(rest, '/')+1:]}
	if a.Account != account(ctx) || ref.name == "" {
		return entityRef{}, noSuchEntity(kind, ref.name)
	}
	return ref, nil
}

// findSource returns the entity that the ARN names, path and letter case
// included.
func (in sourceInput) findSource(ctx context.Context, r metastore.Reader) (*entity, error) {
	ref, err := in.source(ctx)
	if err != nil {
		return nil, err
	}
	e, err := findEntity(ctx, r, account(ctx), ref)
	if err == nil && e.arn(account(ctx)) != in.PolicySourceArn {
		return nil, noSuchEntity(ref.kind, ref.name)
	}
	return e, err
}

type contextKeysForPrincipalPolicyInput struct {
	sourceInput
	PolicyInputList []string `pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
}

func (s *Service) getContextKeysForPrincipalPolicy(ctx context.Context, in *contextKeysForPrincipalPolicyInput) (*contextKeysOutput, error) {
	texts := slices.Clone(in.PolicyInputList)
	err := s.store.View(ctx, func(r metastore.Reader) error {
		e, err := in.findSource(ctx, r)
		if err != nil {
			return err
		}
		own, err := s.documentsOf(ctx, r, e)
		texts = append(texts, own...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return contextKeys(texts)
}

// documentsOf returns the documents of an entity's policies, and of its groups'
// when it is a user.
func (s *Service) documentsOf(ctx context.Context, r metastore.Reader, e *entity) ([]string, error) {
	var texts []string
	for _, p := range *e.inline {
		texts = append(texts, p.Document)
	}
	attached, err := s.attachedTo(ctx, r, account(ctx), e)
	if err != nil {
		return nil, err
	}
	for _, p := range attached {
		texts = append(texts, p.defaultDocument())
	}
	if e.kind != userKind {
		return texts, nil
	}
	groups, err := groupsOf(ctx, r, account(ctx), &metastore.User{Name: e.name})
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		more, err := s.documentsOf(ctx, r, groupEntity(account(ctx), g))
		if err != nil {
			return nil, err
		}
		texts = append(texts, more...)
	}
	return texts, nil
}

// contextKeys returns the condition keys of documents, sorted, each once
// whatever its letter case.
func contextKeys(texts []string) (*contextKeysOutput, error) {
	names := []string{}
	for i, text := range texts {
		doc, err := policy.Parse([]byte(text), policy.Identity)
		if err != nil {
			return nil, invalidDocument("PolicyInputList", i, err)
		}
		names = append(names, policy.ContextKeys(doc)...)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return &contextKeysOutput{slices.CompactFunc(names, strings.EqualFold)}, nil
}

// invalidDocument refuses a document of an input list. The operations that
// take such lists have no MalformedPolicyDocument.
func invalidDocument(member string, index int, err error) error {
	if e, ok := asPolicyError(err); ok {
		return invalidInput("Invalid policy: %s.member.%d: %s", member, index+1, e.Message).WithCause(err)
	}
	return err
}
