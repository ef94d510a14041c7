package policy

// evaluation is one request being decided.
type evaluation struct {
	req      *Request
	resource requestResource
}

// Evaluate decides a request (spec E.6). It allocates nothing unless a pattern holds more than eight variables, a
// condition compares binary values, or an IP address does not parse.
func Evaluate(req *Request, sets *Sets) Decision {
	if d, wrong := sets.wrongKind(req.Principal.Type); wrong {
		return d
	}
	e := evaluation{req: req}
	e.resource.set(req.Resource, req.Action)
	if d, denied := e.denied(sets); denied {
		return d
	}
	resource, named := e.admitted(sets)
	switch req.Principal.Type {
	case Anonymous, Service, WebIdentity: // they have no policies of their own
		if named == notNamed {
			return refusal(LayerResource)
		}
		return resource
	}
	switch {
	case named == notNamed && !e.sameAccount():
		return refusal(LayerCrossAccount)
	case named == notNamed && sets.RequireResource:
		return refusal(LayerResource)
	case named == byName && e.sameAccount():
		return resource
	}
	grant := e.granted(sets, resource, named)
	if !grant.Allowed() {
		return grant
	}
	return e.limited(sets, grant)
}

// granted returns the allow that boundary and session policies may still limit: the caller's own, or that of a resource
// policy which names the caller's role.
func (e *evaluation) granted(sets *Sets, resource Decision, named admission) Decision {
	own := e.allowedByIdentity(sets)
	switch {
	case own.Reason == ReasonNoSessionPolicy:
		return own
	case named == byRole && e.sameAccount():
		return resource
	case own.Reason == ReasonRoot && named != notNamed:
		return resource
	case !own.Allowed() && named == byAccount:
		own.Reason = ReasonDelegated
	}
	return own
}

// sameAccount reports whether caller and resource belong to one account.
func (e *evaluation) sameAccount() bool {
	return e.req.ResourceAccount == "" || e.req.ResourceAccount == e.req.Principal.Account
}

// wrongKind refuses policies in sets where their principals or resources would go unchecked, and IoT policies for any
// caller but a certificate.
func (sets *Sets) wrongKind(caller PrincipalType) (Decision, bool) {
	layer := LayerNone
	for _, p := range sets.Identity {
		if p != nil && (p.kind.hasPrincipal() || (p.kind == IoT) != (caller == Certificate)) {
			layer = LayerIdentity
		}
	}
	for _, p := range sets.Session {
		if p != nil && p.kind != Identity {
			layer = LayerSession
		}
	}
	if p := sets.Boundary; p != nil && p.kind != Identity {
		layer = LayerBoundary
	}
	if p := sets.Resource; p != nil && !p.kind.hasPrincipal() {
		layer = LayerResource
	}
	return Decision{Effect: ExplicitDeny, Reason: ReasonWrongKind, Layer: layer}, layer != LayerNone
}

// denied looks for a matching Deny in every set.
func (e *evaluation) denied(sets *Sets) (Decision, bool) {
	for _, p := range sets.Identity {
		if s, _ := e.find(p, true); s != nil {
			return s.decision(p, LayerIdentity), true
		}
	}
	if s, _ := e.find(sets.Boundary, true); s != nil {
		return s.decision(sets.Boundary, LayerBoundary), true
	}
	for _, p := range sets.Session {
		if s, _ := e.find(p, true); s != nil {
			return s.decision(p, LayerSession), true
		}
	}
	if s, _ := e.find(sets.Resource, true); s != nil {
		return s.decision(sets.Resource, LayerResource), true
	}
	return Decision{}, false
}

// find returns the statement of the wanted effect that applies and names the caller most closely, nil if none applies.
// p may be nil.
func (e *evaluation) find(p *Policy, deny bool) (found *statement, named admission) {
	if p == nil {
		return nil, notNamed
	}
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny != deny || !s.matchesAction(e.req.Action) {
			continue
		}
		how := s.matchesPrincipal(&e.req.Principal)
		if how <= named || !s.matchesResource(&e.resource, e.req.Context) || !s.matchesConditions(e.req.Context) {
			continue
		}
		found, named = s, how
		if how == byName || deny {
			break
		}
	}
	return found, named
}

// decision returns the decision that the statement makes.
func (s *statement) decision(p *Policy, layer Layer) Decision {
	return Decision{
		Effect: s.written.Effect, Reason: ReasonStatement, Layer: layer, Source: p.source,
		Sid: s.written.Sid, Statement: s.index, Start: s.written.Start, End: s.written.End,
	}
}

func refusal(layer Layer) Decision { return Decision{Layer: layer} }

// admitted returns the allow of the resource's policy or of its access control list, whichever names the caller more
// closely.
func (e *evaluation) admitted(sets *Sets) (Decision, admission) {
	resource, named := refusal(LayerResource), notNamed
	if !sets.ResourceOnlyDenies {
		resource, named = e.allowedByResource(sets.Resource)
	}
	if how := sets.ACL.admits(&e.req.Principal); how > named {
		return Decision{Effect: Allow, Reason: ReasonACL, Layer: LayerResource}, how
	}
	return resource, named
}

// allowedByResource returns the resource policy's allow and how closely it names the caller.
func (e *evaluation) allowedByResource(p *Policy) (Decision, admission) {
	s, named := e.find(p, false)
	if s == nil {
		return refusal(LayerResource), notNamed
	}
	return s.decision(p, LayerResource), named
}

// allowedByIdentity asks the caller's own policies. Root needs none; a federated user without session policy has none.
func (e *evaluation) allowedByIdentity(sets *Sets) Decision {
	switch {
	case e.req.Principal.Type == Root:
		return Decision{Effect: Allow, Reason: ReasonRoot, Layer: LayerIdentity}
	case e.req.Principal.Type == FederatedUser && !sets.HasSession:
		return Decision{Reason: ReasonNoSessionPolicy, Layer: LayerSession}
	}
	return e.allowedByAny(sets.Identity, LayerIdentity)
}

func (e *evaluation) allowedByAny(policies []*Policy, layer Layer) Decision {
	for _, p := range policies {
		if s, _ := e.find(p, false); s != nil {
			return s.decision(p, layer)
		}
	}
	return refusal(layer)
}

// limited applies the boundary and the session policies to an allow.
func (e *evaluation) limited(sets *Sets, allow Decision) Decision {
	if sets.Boundary != nil {
		if s, _ := e.find(sets.Boundary, false); s == nil {
			return refusal(LayerBoundary)
		}
	}
	if sets.HasSession {
		if d := e.allowedByAny(sets.Session, LayerSession); !d.Allowed() {
			return d
		}
	}
	return allow
}
