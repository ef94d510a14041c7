package iot

import (
	"context"
	"slices"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

// Limits of attachments (spec A.7).
const (
	maxPoliciesOfCertificate = 10
	maxPoliciesOfGroup       = 2
)

func (s *Service) attachmentOperations() []api.Operation {
	return []api.Operation{
		onARN(s, "AttachPolicy", "PUT /target-policies/{policyName}", s.attachTarget, s.attachPolicy),
		onARN(s, "DetachPolicy", "POST /target-policies/{policyName}", s.attachTarget, s.detachPolicy),
		onAny("ListAttachedPolicies", "POST /attached-policies/{target}", s.listAttachedPolicies),
		onNamed(s, "ListTargetsForPolicy", "POST /policy-targets/{policyName}", s.listTargetsForPolicy),
		onARN(s, "AttachPrincipalPolicy", "PUT /principal-policies/{policyName}", s.policyPrincipal, s.attachPrincipalPolicy),
		onARN(s, "DetachPrincipalPolicy", "DELETE /principal-policies/{policyName}", s.policyPrincipal, s.detachPrincipalPolicy),
		onAny("ListPrincipalPolicies", "GET /principal-policies", s.listPrincipalPolicies),
		onAny("ListPolicyPrincipals", "GET /policy-principals", s.listPolicyPrincipals),
	}
}

// point is where policies are attached: a certificate or a thing group.
func (r ref) point() string {
	if r.word == wordThingGroup {
		return metastore.ThingGroupPoint(r.name)
	}
	return metastore.CertificatePoint(r.name)
}

// refOfPoint is the inverse of point.
func refOfPoint(point string) ref {
	word, name, _ := strings.Cut(point, "/")
	return ref{word, name}
}

// target reads the ARN of a certificate or thing group.
func (s *Service) target(ctx context.Context, text string) (ref, error) {
	r, err := s.parseARN(ctx, "target", text)
	if err == nil && r.word != wordCert && r.word != wordThingGroup {
		err = invalidRequest("The target is neither a certificate nor a thing group")
	}
	return r, err
}

// certificate reads the ARN of a certificate.
func (s *Service) certificate(ctx context.Context, member, text string) (ref, error) {
	r, err := s.parseARN(ctx, member, text)
	if err == nil && r.word != wordCert {
		err = invalidRequest("The given ARN does not represent a cert")
	}
	return r, err
}

// exists returns ResourceNotFoundException unless the certificate or group r
// exists.
func exists(ctx context.Context, reader metastore.Reader, r ref) error {
	if r.word == wordThingGroup {
		_, err := getGroup(ctx, reader, r.name)
		return err
	}
	_, err := getCertificate(ctx, reader, r.name)
	return err
}

// attach attaches an existing policy to an existing target. Doing it again
// changes nothing.
func (s *Service) attach(ctx context.Context, policyName string, r ref) (*api.Empty, error) {
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		if _, err := lookUpPolicy(ctx, w, policyName); err != nil {
			return err
		}
		if err := exists(ctx, w, r); err != nil {
			return err
		}
		added, err := metastore.IoTPolicyAttachments.Add(ctx, w, account(ctx), policyName, r.point(), "")
		if err != nil || !added {
			return err
		}
		n, err := metastore.IoTPolicyAttachments.CountTo(ctx, w, account(ctx), r.point())
		if err != nil {
			return err
		}
		most := maxPoliciesOfCertificate
		if r.word == wordThingGroup {
			most = maxPoliciesOfGroup
		}
		if n > most {
			return limitExceeded("The target has %d policies, which is the most: %s", most, s.arn(ctx, r))
		}
		return nil
	})
}

// detach detaches a policy from a target. One that is not attached is no error.
func (s *Service) detach(ctx context.Context, w metastore.Writer, policyName string, r ref) error {
	_, err := metastore.IoTPolicyAttachments.Remove(ctx, w, account(ctx), policyName, r.point())
	return err
}

// detachAll detaches every policy from a point.
func detachAll(ctx context.Context, w metastore.Writer, point string) error {
	var names []string
	for edge, err := range metastore.IoTPolicyAttachments.AllTo(ctx, w, account(ctx), point) {
		if err != nil {
			return err
		}
		names = append(names, edge.From)
	}
	for _, name := range names {
		if _, err := metastore.IoTPolicyAttachments.Remove(ctx, w, account(ctx), name, point); err != nil {
			return err
		}
	}
	return nil
}

type attachPolicyInput struct {
	policyLabel
	Target string `json:"target" required:""`
}

func (s *Service) attachTarget(ctx context.Context, in *attachPolicyInput) (ref, error) {
	return s.target(ctx, in.Target)
}

func (s *Service) attachPolicy(ctx context.Context, in *attachPolicyInput) (*api.Empty, error) {
	r, err := s.target(ctx, in.Target)
	if err != nil {
		return nil, err
	}
	return s.attach(ctx, in.PolicyName, r)
}

// detachPolicy knows no ResourceNotFoundException (IoT API model): what is not
// there is not attached.
func (s *Service) detachPolicy(ctx context.Context, in *attachPolicyInput) (*api.Empty, error) {
	r, err := s.target(ctx, in.Target)
	if err != nil {
		return nil, err
	}
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		return s.detach(ctx, w, in.PolicyName, r)
	})
}

type listAttachedPoliciesInput struct {
	Target    string `label:"target" required:""`
	Recursive bool   `query:"recursive"`
	markerPage
}

// listAttachedPolicies lists by name. With recursive, those that a group
// inherits from its parents are among them.
func (s *Service) listAttachedPolicies(ctx context.Context, in *listAttachedPoliciesInput) (*listPoliciesOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	target, err := s.target(ctx, in.Target)
	if err != nil {
		return nil, err
	}
	out := &listPoliciesOutput{Policies: []policyElement{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		if err := exists(ctx, r, target); err != nil {
			return err
		}
		points := []string{target.point()}
		if in.Recursive && target.word == wordThingGroup {
			if points, err = groupPoints(ctx, r, target.name); err != nil {
				return err
			}
		}
		names, err := policiesAt(ctx, r, points)
		for _, name := range names {
			if name <= c.after.id {
				continue
			}
			if len(out.Policies) == c.limit {
				out.NextMarker = position{id: out.Policies[c.limit-1].PolicyName}.token()
				break
			}
			out.Policies = append(out.Policies, s.policyElement(ctx, name))
		}
		return err
	})
}

// groupPoints returns the attachment points of a group and of its parents.
func groupPoints(ctx context.Context, r metastore.Reader, group string) ([]string, error) {
	groups, err := lineage(ctx, r, group)
	points := make([]string, len(groups))
	for i, name := range groups {
		points[i] = metastore.ThingGroupPoint(name)
	}
	return points, err
}

// policiesAt returns the names of the policies attached to points, sorted, each
// once. There are few: see the limits.
func policiesAt(ctx context.Context, r metastore.Reader, points []string) ([]string, error) {
	var names []string
	for _, point := range points {
		for edge, err := range metastore.IoTPolicyAttachments.AllTo(ctx, r, account(ctx), point) {
			if err != nil {
				return nil, err
			}
			names = append(names, edge.From)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

type listTargetsInput struct {
	policyLabel
	markerPage
}

type listTargetsOutput struct {
	Targets    []string `json:"targets"`
	NextMarker string   `json:"nextMarker,omitempty"`
}

func (s *Service) listTargetsForPolicy(ctx context.Context, in *listTargetsInput) (*listTargetsOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	out := &listTargetsOutput{Targets: []string{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		out.Targets, out.NextMarker, err = s.targetsOf(ctx, r, in.PolicyName, c, nil)
		return err
	})
}

// targetsOf reads one page of the ARNs that a policy is attached to.
func (s *Service) targetsOf(ctx context.Context, r metastore.Reader, policyName string, c cursor, keep func(metastore.Edge) bool) (arns []string, marker string, err error) {
	arns = []string{}
	if _, err := lookUpPolicy(ctx, r, policyName); err != nil {
		return nil, "", err
	}
	edges, marker, err := listEdges(ctx, r, metastore.IoTPolicyAttachments, account(ctx), metastore.FromSide, policyName, c, keep)
	for _, edge := range edges {
		arns = append(arns, s.arn(ctx, refOfPoint(edge.To)))
	}
	return arns, marker, err
}

// The operations below are deprecated in AWS: they know certificates only, in a
// header.

type principalPolicyInput struct {
	policyLabel
	Principal string `header:"x-amzn-iot-principal" required:""`
}

func (s *Service) policyPrincipal(ctx context.Context, in *principalPolicyInput) (ref, error) {
	return s.certificate(ctx, "x-amzn-iot-principal", in.Principal)
}

func (s *Service) attachPrincipalPolicy(ctx context.Context, in *principalPolicyInput) (*api.Empty, error) {
	r, err := s.policyPrincipal(ctx, in)
	if err != nil {
		return nil, err
	}
	return s.attach(ctx, in.PolicyName, r)
}

func (s *Service) detachPrincipalPolicy(ctx context.Context, in *principalPolicyInput) (*api.Empty, error) {
	r, err := s.policyPrincipal(ctx, in)
	if err != nil {
		return nil, err
	}
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		if _, err := lookUpPolicy(ctx, w, in.PolicyName); err != nil {
			return err
		}
		if err := exists(ctx, w, r); err != nil {
			return err
		}
		return s.detach(ctx, w, in.PolicyName, r)
	})
}

// namedOrderPage is a markerPage of a list that AWS keeps in order of creation
// and Inro by name, ascending.
type namedOrderPage struct {
	markerPage
	AscendingOrder *bool `query:"isAscendingOrder"`
}

func (p *namedOrderPage) cursor() (cursor, error) {
	if p.AscendingOrder != nil && !*p.AscendingOrder {
		return cursor{}, notOfferedMember("isAscendingOrder=false", "this list is in ascending order of names")
	}
	return p.markerPage.cursor()
}

type listPrincipalPoliciesInput struct {
	Principal string `header:"x-amzn-iot-principal" required:""`
	namedOrderPage
}

func (s *Service) listPrincipalPolicies(ctx context.Context, in *listPrincipalPoliciesInput) (*listPoliciesOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	principal, err := s.certificate(ctx, "x-amzn-iot-principal", in.Principal)
	if err != nil {
		return nil, err
	}
	out := &listPoliciesOutput{Policies: []policyElement{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		if err := exists(ctx, r, principal); err != nil {
			return err
		}
		edges, marker, err := listEdges(ctx, r, metastore.IoTPolicyAttachments, account(ctx), metastore.ToSide, principal.point(), c, nil)
		for _, edge := range edges {
			out.Policies = append(out.Policies, s.policyElement(ctx, edge.From))
		}
		out.NextMarker = marker
		return err
	})
}

type listPolicyPrincipalsInput struct {
	PolicyName string `header:"x-amzn-iot-policy" required:"" length:"1,128" pattern:"[\\w+=,.@-]+"`
	namedOrderPage
}

type listPolicyPrincipalsOutput struct {
	Principals []string `json:"principals"`
	NextMarker string   `json:"nextMarker,omitempty"`
}

func (s *Service) listPolicyPrincipals(ctx context.Context, in *listPolicyPrincipalsInput) (*listPolicyPrincipalsOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	certificates := func(e metastore.Edge) bool { return refOfPoint(e.To).word == wordCert }
	out := &listPolicyPrincipalsOutput{Principals: []string{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		out.Principals, out.NextMarker, err = s.targetsOf(ctx, r, in.PolicyName, c, certificates)
		return err
	})
}
