package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
)

// maxGroupDepth bounds the walk from a group to its root. The registry keeps
// trees much lower than this; what is beyond is damage, and refused.
const maxGroupDepth = 32

// authorize is step 4: the IoT policies of the certificate and, when the
// header named a thing, of its groups and their parents must allow
// iot:AssumeRoleWithCertificate on the alias (spec A.7).
func (e *Endpoint) authorize(r *http.Request, x *exchange) *refusal {
	policies, err := e.policies(r.Context(), x)
	if err != nil {
		return internal("policies", err)
	}
	keys := e.contexts.Get().(*policy.Context)
	defer e.contexts.Put(keys)
	keys.Reset(e.keys.of(x.certificateID, r.TLS.PeerCertificates[0]))
	requestKeys(keys, x)
	thingKeys(keys, x.thing)
	decision := policy.Evaluate(&policy.Request{
		Principal: policy.Principal{Type: policy.Certificate, Account: x.account},
		Action:    "iot:AssumeRoleWithCertificate",
		Resource:  e.aliasARN(x),
		Context:   keys,
	}, &policy.Sets{Identity: policies})
	if !decision.Allowed() {
		return refuse(PolicyDenied, decision.String())
	}
	return nil
}

// requestKeys sets the keys of the connection and of the time.
func requestKeys(keys *policy.Context, x *exchange) {
	if ip := sourceIP(x.remote); ip != "" {
		keys.Set("aws:SourceIp", ip)
	}
	keys.SetBool("aws:SecureTransport", true)
	keys.SetTime("aws:CurrentTime", x.now)
	keys.SetInt("aws:EpochTime", x.now.Unix())
}

// thingKeys sets the thing variables, which exist only for the thing that the
// header named.
func thingKeys(keys *policy.Context, thing *metastore.Thing) {
	if thing == nil {
		return
	}
	keys.Set("iot:Connection.Thing.ThingName", thing.Name)
	keys.SetBool("iot:Connection.Thing.IsAttached", true)
	if thing.TypeName != "" {
		keys.Set("iot:Connection.Thing.ThingTypeName", thing.TypeName)
	}
	for name, value := range thing.Attributes {
		keys.Set("iot:Connection.Thing.Attributes["+name+"]", value)
	}
}

// policies returns all policies that bear on the request.
func (e *Endpoint) policies(ctx context.Context, x *exchange) ([]*policy.Policy, error) {
	all, err := e.attached(ctx, x.account, metastore.CertificatePoint(x.certificateID), nil)
	if err != nil || x.thing == nil {
		return all, err
	}
	groups, err := e.groups(ctx, x.account, x.thing.Name)
	if err != nil {
		return nil, err
	}
	for _, name := range groups {
		if all, err = e.attached(ctx, x.account, metastore.ThingGroupPoint(name), all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// attached appends the policies at one attachment point.
func (e *Endpoint) attached(ctx context.Context, account, point string, into []*policy.Policy) ([]*policy.Policy, error) {
	for edge, err := range metastore.IoTPolicyAttachments.AllTo(ctx, e.hot, account, point) {
		if err != nil {
			return nil, fmt.Errorf("policies of %s: %w", point, err)
		}
		record, err := metastore.IoTPolicies.Get(ctx, e.hot, account, edge.From)
		if err != nil {
			return nil, fmt.Errorf("policy %s of %s: %w", edge.From, point, err)
		}
		compiled, err := e.cfg.Policies.Policy(record.DefaultDocument(), policy.IoT, policy.Source{ID: record.Name, Type: policy.SourceIoT})
		if err != nil {
			return nil, fmt.Errorf("policy %s of %s: %w", edge.From, point, err)
		}
		into = append(into, compiled)
	}
	return into, nil
}

// groups returns the names of the groups that the thing is in and of their
// parents, each once.
func (e *Endpoint) groups(ctx context.Context, account, thingName string) ([]string, error) {
	var names []string
	for edge, err := range metastore.ThingGroupMembers.AllTo(ctx, e.hot, account, thingName) {
		if err != nil {
			return nil, fmt.Errorf("groups of thing %s: %w", thingName, err)
		}
		if names, err = e.lineage(ctx, account, edge.From, names); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// lineage appends a group and its parents, up to one that is there already.
func (e *Endpoint) lineage(ctx context.Context, account, name string, names []string) ([]string, error) {
	for depth := 0; name != "" && !slices.Contains(names, name); depth++ {
		if depth == maxGroupDepth {
			return nil, fmt.Errorf("thing group %s has more than %d parents", name, maxGroupDepth)
		}
		group, err := metastore.ThingGroups.Get(ctx, e.hot, account, name)
		if err != nil {
			return nil, fmt.Errorf("thing group %s: %w", name, err)
		}
		names = append(names, name)
		name = group.Parent
	}
	return names, nil
}

// isNotFound also takes what the store refuses to look up, such as a name with
// a NUL in it: there cannot be such a record.
func isNotFound(err error) bool {
	return errors.Is(err, metastore.ErrNotFound) || errors.Is(err, metastore.ErrInvalid)
}
