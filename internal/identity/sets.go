package identity

import (
	"context"
	"fmt"

	"inro.dev/inro/internal/managedpolicy"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
)

// Policies gathers and compiles the policies of users, groups and roles. A
// policy that is attached and cannot be read is an error, never left out: it
// could be the one that denies.
type Policies struct {
	compiled *policy.Cache
}

// NewPolicies returns a gatherer that keeps compiled policies in cache.
func NewPolicies(cache *policy.Cache) *Policies { return &Policies{cache} }

// OfUser returns the user's own and its groups' policies, and its boundary.
func (p *Policies) OfUser(ctx context.Context, r metastore.Reader, account string, u *metastore.User) (policy.Sets, error) {
	var sets policy.Sets
	var err error
	if sets.Identity, err = p.entity(ctx, r, account, metastore.UserPoint(u.Name), policy.SourceUser, u.Name, u.Inline, nil); err != nil {
		return sets, err
	}
	for edge, err := range metastore.GroupMembers.AllTo(ctx, r, account, metastore.NameID(u.Name)) {
		if err != nil {
			return sets, fmt.Errorf("groups of user %s: %w", u.Name, err)
		}
		g, err := metastore.Groups.Get(ctx, r, account, edge.From)
		if err != nil {
			return sets, fmt.Errorf("group %s of user %s: %w", edge.From, u.Name, err)
		}
		if sets.Identity, err = p.group(ctx, r, account, g, sets.Identity); err != nil {
			return sets, err
		}
	}
	sets.Boundary, err = p.boundary(ctx, r, account, u.Boundary)
	return sets, err
}

// OfGroup returns the group's policies.
func (p *Policies) OfGroup(ctx context.Context, r metastore.Reader, account string, g *metastore.Group) (policy.Sets, error) {
	identity, err := p.group(ctx, r, account, g, nil)
	return policy.Sets{Identity: identity}, err
}

// OfRole returns the role's policies and its boundary, not its trust policy.
func (p *Policies) OfRole(ctx context.Context, r metastore.Reader, account string, role *metastore.Role) (policy.Sets, error) {
	var sets policy.Sets
	var err error
	if sets.Identity, err = p.entity(ctx, r, account, metastore.RolePoint(role.Name), policy.SourceRole, role.Name, role.Inline, nil); err != nil {
		return sets, err
	}
	sets.Boundary, err = p.boundary(ctx, r, account, role.Boundary)
	return sets, err
}

// Trust compiles a role's trust policy.
func (p *Policies) Trust(role *metastore.Role) (*policy.Policy, error) {
	return p.compiled.Policy(role.Trust, policy.Trust, policy.Source{ID: role.Name, Type: policy.SourceResource})
}

// Session compiles inline and managed session policies.
func (p *Policies) Session(ctx context.Context, r metastore.Reader, account, inline string, arns []string) ([]*policy.Policy, error) {
	var all []*policy.Policy
	if inline != "" {
		c, err := p.compiled.Policy(inline, policy.Identity, policy.Source{ID: "session policy", Type: policy.SourceSession})
		if err != nil {
			return nil, fmt.Errorf("session policy: %w", err)
		}
		all = append(all, c)
	}
	for _, a := range arns {
		c, err := p.Managed(ctx, r, account, a)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Managed compiles the default version of a customer- or AWS-managed policy.
func (p *Policies) Managed(ctx context.Context, r metastore.Reader, account, arn string) (*policy.Policy, error) {
	if m, ok := managedpolicy.Lookup(arn); ok {
		return p.compiled.Policy(m.Document, policy.Identity, policy.Source{ID: m.Name, Type: policy.SourceAWSManaged})
	}
	m, err := metastore.Policies.Get(ctx, r, account, arn)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", arn, err)
	}
	c, err := p.compiled.Policy(m.DefaultDocument(), policy.Identity, policy.Source{ID: m.Name, Type: policy.SourceUserManaged})
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", arn, err)
	}
	return c, nil
}

func (p *Policies) group(ctx context.Context, r metastore.Reader, account string, g *metastore.Group, into []*policy.Policy) ([]*policy.Policy, error) {
	return p.entity(ctx, r, account, metastore.GroupPoint(g.Name), policy.SourceGroup, g.Name, g.Inline, into)
}

func (p *Policies) entity(ctx context.Context, r metastore.Reader, account, point string, kind policy.SourceType, name string,
	inline []metastore.InlinePolicy, into []*policy.Policy) ([]*policy.Policy, error) {
	for _, in := range inline {
		c, err := p.compiled.Policy(in.Document, policy.Identity, policy.Source{ID: in.Name, Type: kind})
		if err != nil {
			return nil, fmt.Errorf("inline policy %s of %s: %w", in.Name, name, err)
		}
		into = append(into, c)
	}
	for edge, err := range metastore.PolicyAttachments.AllTo(ctx, r, account, point) {
		if err != nil {
			return nil, fmt.Errorf("policies of %s: %w", name, err)
		}
		c, err := p.Managed(ctx, r, account, edge.From)
		if err != nil {
			return nil, err
		}
		into = append(into, c)
	}
	return into, nil
}

func (p *Policies) boundary(ctx context.Context, r metastore.Reader, account, arn string) (*policy.Policy, error) {
	if arn == "" {
		return nil, nil
	}
	return p.Managed(ctx, r, account, arn)
}
