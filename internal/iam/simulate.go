package iam

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
)

// The simulator is bounded by the work of one answer: how many combinations of
// action and resource it evaluates, how many statements in all of them, how
// many bytes of documents, which bounds what is inside a statement, and how
// long the answer is, by estimate.
const (
	maxSimulated           = 10_000
	maxSimulatedStatements = 1_000_000
	maxSimulatedBytes      = 200_000_000
	maxSimulationAnswer    = 16 << 20

	// valueUnit is how long the values that patterns are compared with may be
	// for a byte of a document to count once: comparing takes time in
	// proportion to both.
	valueUnit = 64
)

// simulationInput is what the two operations of the simulator share.
type simulationInput struct {
	PermissionsBoundaryPolicyInputList []string `length:"0,1" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
	ActionNames                        []string `required:"" pattern:"[^:*?]{1,126}:[^:*?]{1,126}"`
	ResourceArns                       []string
	ResourcePolicy                     *string `length:"1,131072" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
	ResourceOwner                      *string `length:"1,2048"`
	CallerArn                          *string `length:"1,2048"`
	ContextEntries                     []contextEntry
	ResourceHandlingOption             *string `length:"1,64"`
	page
}

type simulateCustomPolicyInput struct {
	PolicyInputList []string `required:"" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
	// OrderedOrganizationPolicyInputList is refused, whatever stands in it.
	OrderedOrganizationPolicyInputList []struct{}
	simulationInput
}

type simulatePrincipalPolicyInput struct {
	sourceInput
	// PolicyExclusionList is refused, whatever stands in it.
	PolicyExclusionList []struct{}
	PolicyInputList     []string `pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
	simulationInput
}

// simulation is what is evaluated: the caller, its policies and the condition
// keys, for every action and resource of the input.
type simulation struct {
	in         *simulationInput
	principal  policy.Principal
	sets       policy.Sets
	keys       *policy.Context
	owner      string // account that ResourceOwner names, or ""
	statements int    // evaluated so far
	bytes      int    // of all documents
	answer     int    // bytes of the answer so far
}

func (s *Service) simulateCustomPolicy(ctx context.Context, in *simulateCustomPolicyInput) (*simulationOutput, error) {
	sim := &simulation{in: &in.simulationInput, keys: new(policy.Context),
		principal: policy.Principal{Type: policy.User, Account: account(ctx)}}
	if len(in.OrderedOrganizationPolicyInputList) > 0 {
		return nil, invalidInput("OrderedOrganizationPolicyInputList is not offered: there are no organizations.")
	}
	if in.ResourcePolicy != nil && in.CallerArn == nil {
		return nil, invalidInput("CallerArn must be given together with ResourcePolicy.")
	}
	if err := sim.prepare(in.PolicyInputList); err != nil {
		return nil, err
	}
	return sim.run(ctx)
}

func (s *Service) simulatePrincipalPolicy(ctx context.Context, in *simulatePrincipalPolicyInput) (*simulationOutput, error) {
	if len(in.PolicyExclusionList) > 0 {
		return nil, invalidInput("PolicyExclusionList is not offered: simulate what is left with SimulateCustomPolicy.")
	}
	sim := &simulation{in: &in.simulationInput, keys: new(policy.Context)}
	err := s.store.View(ctx, func(r metastore.Reader) error {
		e, err := in.findSource(ctx, r)
		if err != nil {
			return err
		}
		own, err := s.documentsOf(ctx, r, e)
		if err != nil {
			return err
		}
		for _, text := range own {
			sim.bytes += len(text)
		}
		return s.simulateAs(ctx, r, sim, e)
	})
	if err != nil {
		return nil, err
	}
	if in.ResourcePolicy != nil && in.CallerArn == nil && sim.principal.Type != policy.User {
		return nil, invalidInput("CallerArn must be given together with ResourcePolicy, unless PolicySourceArn names a user.")
	}
	if err := sim.prepare(in.PolicyInputList); err != nil {
		return nil, err
	}
	return sim.run(ctx)
}

// simulateAs gives the simulation the policies of an entity and the condition
// keys that its every request would have.
func (s *Service) simulateAs(ctx context.Context, r metastore.Reader, sim *simulation, e *entity) error {
	account := account(ctx)
	var err error
	switch e.kind {
	case userKind:
		u, ferr := findUser(ctx, r, account, e.name)
		if ferr != nil {
			return ferr
		}
		sim.principal = policy.Principal{Type: policy.User, Account: account, ARN: e.arn(account), UserID: e.uniqueID}
		sim.keys.Set("aws:username", e.name)
		sim.keys.Set("aws:userid", e.uniqueID)
		sim.sets, err = s.policies.OfUser(ctx, r, account, u)
	case roleKind:
		role, ferr := findRole(ctx, r, account, e.name)
		if ferr != nil {
			return ferr
		}
		sim.principal = policy.Principal{Type: policy.AssumedRole, Account: account, RoleARN: e.arn(account), UserID: e.uniqueID}
		sim.sets, err = s.policies.OfRole(ctx, r, account, role)
	default:
		g, ferr := findGroup(ctx, r, account, e.name)
		if ferr != nil {
			return ferr
		}
		// A group is no principal: the caller is any of its members.
		sim.principal = policy.Principal{Type: policy.User, Account: account}
		sim.sets, err = s.policies.OfGroup(ctx, r, account, g)
		return err
	}
	sim.keys.Set("aws:PrincipalArn", e.arn(account))
	sim.keys.Set("aws:PrincipalAccount", account)
	sim.keys.Set("aws:PrincipalType", sim.principal.Type.String())
	for _, t := range *e.tags {
		sim.keys.Set("aws:PrincipalTag/"+t.Key, t.Value)
	}
	return err
}

// prepare checks the input and adds its policies and keys.
func (sim *simulation) prepare(policies []string) error {
	in := sim.in
	if in.ResourceHandlingOption != nil {
		return invalidInput("ResourceHandlingOption is not offered: the scenarios it names are those of EC2.")
	}
	if err := sim.checkResources(); err != nil {
		return err
	}
	own, err := sim.compile("PolicyInputList", policies, policy.SourceNone)
	if err != nil {
		return err
	}
	sim.sets.Identity = append(slices.Clone(sim.sets.Identity), own...)
	boundary, err := sim.compile("PermissionsBoundaryPolicyInputList", in.PermissionsBoundaryPolicyInputList, policy.SourceNone)
	if err != nil {
		return err
	}
	if len(boundary) > 0 {
		sim.sets.Boundary = boundary[0]
	}
	if err := sim.addResourcePolicy(); err != nil {
		return err
	}
	for i := range in.ContextEntries {
		if err := in.ContextEntries[i].set(sim.keys); err != nil {
			return err
		}
	}
	return sim.checkWork()
}

func (sim *simulation) checkResources() error {
	for _, r := range sim.in.ResourceArns {
		if _, err := arn.Parse(r); err != nil && r != "*" {
			return invalidInput("Invalid resource ARN: %s", r)
		}
	}
	return nil
}

func (sim *simulation) compile(member string, texts []string, source policy.SourceType) ([]*policy.Policy, error) {
	var compiled []*policy.Policy
	for i, text := range texts {
		doc, err := policy.Parse([]byte(text), policy.Identity)
		if err != nil {
			return nil, invalidDocument(member, i, err)
		}
		sim.bytes += len(text)
		compiled = append(compiled, policy.Compile(doc, policy.Source{ID: member + "." + strconv.Itoa(i+1), Type: source}))
	}
	return compiled, nil
}

// addResourcePolicy adds the resource's policy and who calls and owns it.
func (sim *simulation) addResourcePolicy() error {
	in := sim.in
	if in.CallerArn != nil {
		a, err := arn.Parse(*in.CallerArn)
		if word, _ := a.Type(); err != nil || a.Service != "iam" || word != "user" || !isAccountID(a.Account) {
			return invalidInput("Invalid CallerArn: %s is not the ARN of a user.", *in.CallerArn)
		}
		if *in.CallerArn != sim.principal.ARN {
			sim.principal = policy.Principal{Type: policy.User, Account: a.Account, ARN: *in.CallerArn}
		}
	}
	if in.ResourceOwner != nil {
		owner := *in.ResourceOwner
		if a, err := arn.Parse(owner); err == nil {
			owner = a.Account
		}
		if !isAccountID(owner) {
			return invalidInput("Invalid ResourceOwner: %s is neither an account nor the ARN of one.", *in.ResourceOwner)
		}
		sim.owner = owner
	}
	if in.ResourcePolicy == nil {
		return nil
	}
	doc, err := policy.Parse([]byte(*in.ResourcePolicy), policy.Resource)
	if err != nil {
		if e, ok := asPolicyError(err); ok {
			return invalidInput("Invalid policy: ResourcePolicy: %s", e.Message).WithCause(err)
		}
		return err
	}
	sim.bytes += len(*in.ResourcePolicy)
	sim.sets.Resource = policy.Compile(doc, policy.Source{ID: "ResourcePolicy", Type: policy.SourceResource})
	return nil
}

// checkWork refuses a page that would take too long.
func (sim *simulation) checkWork() error {
	pairs := min(len(sim.in.ActionNames), sim.in.limit()) * max(len(sim.in.ResourceArns), 1)
	if pairs > maxSimulated {
		return invalidInput("The simulation has %d combinations of action and resource; the most is %d.", pairs, maxSimulated)
	}
	if pairs*sim.bytes*(1+sim.valueBytes()/valueUnit) > maxSimulatedBytes {
		return invalidInput("The policies and context entries are too long for %d combinations of action and resource.", pairs)
	}
	return nil
}

// valueBytes is how much a condition or a resource pattern may have to be
// compared with.
func (sim *simulation) valueBytes() int {
	longest, n := 0, 0
	for _, r := range sim.in.ResourceArns {
		longest = max(longest, len(r))
	}
	for i := range sim.in.ContextEntries {
		for _, v := range sim.in.ContextEntries[i].ContextKeyValues {
			n += len(v) + 1
		}
	}
	return longest + n
}

// run evaluates the page of actions that is asked for.
func (sim *simulation) run(ctx context.Context) (*simulationOutput, error) {
	actions := make([]indexed, len(sim.in.ActionNames))
	for i, action := range sim.in.ActionNames {
		actions[i] = indexed{i, action}
	}
	after, err := sim.in.after()
	if err != nil {
		return nil, err
	}
	out := new(simulationOutput)
	out.EvaluationResults, out.pageInfo, err = collect(sim.in.page, rest(actions, indexed.key, after), indexed.key,
		func(action indexed) (evaluationResult, bool, error) {
			result, err := sim.evaluate(ctx, action.text)
			return result, true, err
		})
	return out, err
}

// indexed is an element of an input list, kept in the order of the list.
type indexed struct {
	index int
	text  string
}

func (i indexed) key() string { return strconv.Itoa(1_000_000 + i.index) }

// explain decides one action on one resource. Who owns the resource matters
// only when its policy is part of the simulation: without one, the simulator
// shows what the caller's own policies say (spec C.12).
func (sim *simulation) explain(action, resource string) *policy.Explanation {
	req := &policy.Request{Principal: sim.principal, Action: action, Resource: resource, Context: sim.keys}
	if sim.sets.Resource != nil {
		req.ResourceAccount = sim.owner
		if a, err := arn.Parse(resource); err == nil && isAccountID(a.Account) {
			req.ResourceAccount = a.Account
		}
	}
	return policy.Explain(req, &sim.sets)
}

// crossAccount reports whether caller and resource belong to two accounts.
func (sim *simulation) crossAccount(resource string) bool {
	if sim.sets.Resource == nil {
		return false
	}
	owner := sim.owner
	if a, err := arn.Parse(resource); err == nil && isAccountID(a.Account) {
		owner = a.Account
	}
	return owner != "" && owner != sim.principal.Account
}

// evaluate decides one action on every resource.
func (sim *simulation) evaluate(ctx context.Context, action string) (evaluationResult, error) {
	if len(sim.in.ResourceArns) == 0 {
		result, err := sim.result(ctx, action, "*")
		return result.whole(action), err
	}
	results := make([]resourceResult, len(sim.in.ResourceArns))
	for i, r := range sim.in.ResourceArns {
		var err error
		if results[i], err = sim.result(ctx, action, r); err != nil {
			return evaluationResult{}, err
		}
	}
	return combined(action, results), nil
}

func (sim *simulation) result(ctx context.Context, action, resource string) (resourceResult, error) {
	x := sim.explain(action, resource)
	sim.statements += len(x.Statements)
	if sim.statements > maxSimulatedStatements {
		return resourceResult{}, invalidInput("The simulation evaluates more than %d statements.", maxSimulatedStatements)
	}
	result := resourceResult{
		EvalResourceName: resource, EvalResourceDecision: x.Decision.Effect.String(),
		MatchedStatements: decidingStatements(x), MissingContextValues: slices.Clone(x.MissingContextKeys),
	}
	if result.MissingContextValues == nil {
		result.MissingContextValues = []string{}
	}
	if x.HasBoundary {
		result.PermissionsBoundaryDecisionDetail = &boundaryDecision{x.BoundaryAllows}
	}
	if sim.answer += result.sizeBytes(); sim.answer > maxSimulationAnswer {
		return resourceResult{}, invalidInput("The answer is longer than %d bytes: simulate fewer actions, resources or statements at a time.", maxSimulationAnswer)
	}
	if sim.crossAccount(resource) {
		result.EvalDecisionDetails = map[string]string{
			"IAM Policy":      decisionIn(x, policy.LayerIdentity).String(),
			"Resource Policy": decisionIn(x, policy.LayerResource).String(),
		}
	}
	return result, ctx.Err()
}

// decisionIn is what the statements of one layer say on their own.
func decisionIn(x *policy.Explanation, layer policy.Layer) policy.Effect {
	effect := policy.ImplicitDeny
	for _, s := range x.Matched() {
		if s.Layer == layer && effect != policy.ExplicitDeny {
			effect = s.Effect
		}
	}
	return effect
}

// decidingStatements returns the statements that led to the decision: those
// that deny, if any do, else those that allow; none for an implicit deny.
func decidingStatements(x *policy.Explanation) []matchedStatement {
	deciding := []matchedStatement{}
	if x.Decision.Effect == policy.ImplicitDeny {
		return deciding
	}
	for _, s := range x.Matched() {
		if s.Effect == x.Decision.Effect {
			deciding = append(deciding, matchedStatement{
				SourcePolicyId: s.Source.ID, SourcePolicyType: sourceType(s.Source),
				StartPosition: position{s.Start.Line, s.Start.Column}, EndPosition: position{s.End.Line, s.End.Column},
			})
		}
	}
	return deciding
}

// sourceType is the type of a policy as the API names it: a boundary is the
// managed policy it is.
func sourceType(s policy.Source) string {
	switch s.Type {
	case policy.SourceUser, policy.SourceGroup, policy.SourceRole, policy.SourceAWSManaged, policy.SourceUserManaged, policy.SourceResource:
		return s.Type.String()
	}
	return policy.SourceNone.String()
}

// combined joins the results of an action on several resources. Taken
// together, they are allowed only if each is; the statements are those of the
// resources that decided.
func combined(action string, results []resourceResult) evaluationResult {
	if len(results) == 1 {
		whole := results[0].whole(action)
		whole.ResourceSpecificResults = results
		return whole
	}
	whole := evaluationResult{
		EvalActionName: action, EvalResourceName: "*", EvalDecision: combinedDecision(results),
		MatchedStatements: []matchedStatement{}, MissingContextValues: []string{}, ResourceSpecificResults: results,
	}
	for _, r := range results {
		whole.MissingContextValues = append(whole.MissingContextValues, r.MissingContextValues...)
		if d := r.PermissionsBoundaryDecisionDetail; d != nil {
			before := whole.PermissionsBoundaryDecisionDetail
			whole.PermissionsBoundaryDecisionDetail = &boundaryDecision{d.AllowedByPermissionsBoundary && (before == nil || before.AllowedByPermissionsBoundary)}
		}
		if r.EvalResourceDecision != whole.EvalDecision {
			continue
		}
		for _, m := range r.MatchedStatements {
			if !slices.Contains(whole.MatchedStatements, m) {
				whole.MatchedStatements = append(whole.MatchedStatements, m)
			}
		}
	}
	slices.SortFunc(whole.MissingContextValues, strings.Compare)
	whole.MissingContextValues = slices.CompactFunc(whole.MissingContextValues, strings.EqualFold)
	return whole
}

// combinedDecision is the strictest of several.
func combinedDecision(results []resourceResult) string {
	decision := policy.Allow.String()
	for _, r := range results {
		switch r.EvalResourceDecision {
		case policy.ExplicitDeny.String():
			return r.EvalResourceDecision
		case policy.ImplicitDeny.String():
			decision = r.EvalResourceDecision
		}
	}
	return decision
}
