package iot

import (
	"context"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
)

func (s *Service) thingPrincipalOperations() []api.Operation {
	return []api.Operation{
		api.Op("AttachThingPrincipal", "PUT /things/{thingName}/principals", s.attachThingNeeds, s.attachThingPrincipal),
		api.Op("DetachThingPrincipal", "DELETE /things/{thingName}/principals", s.detachThingNeeds, s.detachThingPrincipal),
		onNamed(s, "ListThingPrincipals", "GET /things/{thingName}/principals", s.listThingPrincipals),
		onNamed(s, "ListThingPrincipalsV2", "GET /things/{thingName}/principals-v2", s.listThingPrincipalsV2),
		onARN(s, "ListPrincipalThings", "GET /principals/things", s.thingPrincipal, s.listPrincipalThings),
		onARN(s, "ListPrincipalThingsV2", "GET /principals/things-v2", func(ctx context.Context, in *listPrincipalThingsV2Input) (ref, error) {
			return s.thingPrincipal(ctx, &in.listPrincipalThingsInput)
		}, s.listPrincipalThingsV2),
	}
}

// principalHeader is the principal that an operation on a thing names.
type principalHeader struct {
	Principal string `header:"x-amzn-principal" required:""`
}

func (s *Service) certificateOf(ctx context.Context, h *principalHeader) (ref, error) {
	return s.certificate(ctx, "x-amzn-principal", h.Principal)
}

// thingPrincipalNeeds is action on the certificate, not on the thing, which is
// the condition key iot:thingArn (spec B.10).
func (s *Service) thingPrincipalNeeds(ctx context.Context, action string, h *principalHeader, thing string) ([]api.Permission, error) {
	r, err := s.certificateOf(ctx, h)
	if err != nil {
		return nil, err
	}
	p, err := s.permission(ctx, action, r)
	p.Keys = append(p.Keys, identity.StringKey("iot:thingArn", s.arn(ctx, ref{wordThing, thing})))
	return []api.Permission{p}, err
}

type attachThingInput struct {
	thingLabel
	principalHeader
	ThingPrincipalType string `query:"thingPrincipalType" enum:"EXCLUSIVE_THING,NON_EXCLUSIVE_THING"`
}

func (s *Service) attachThingNeeds(ctx context.Context, in *attachThingInput) ([]api.Permission, error) {
	return s.thingPrincipalNeeds(ctx, "iot:AttachThingPrincipal", &in.principalHeader, in.ThingName)
}

func (s *Service) attachThingPrincipal(ctx context.Context, in *attachThingInput) (*api.Empty, error) {
	r, err := s.certificateOf(ctx, &in.principalHeader)
	if err != nil {
		return nil, err
	}
	kind := in.ThingPrincipalType
	if kind == "" {
		kind = metastore.NonExclusiveThing
	}
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		if _, err := getThing(ctx, w, in.ThingName); err != nil {
			return err
		}
		if _, err := getCertificate(ctx, w, r.name); err != nil {
			return err
		}
		if err := checkExclusive(ctx, w, in.ThingName, r.name, kind); err != nil {
			return err
		}
		_, err := metastore.ThingPrincipals.Add(ctx, w, account(ctx), in.ThingName, r.name, kind)
		return err
	})
}

// checkExclusive refuses an attachment that would give a certificate which a
// thing holds alone to another thing as well (spec A.8). An exclusive
// attachment is the only one of its certificate, so two of them tell all.
func checkExclusive(ctx context.Context, r metastore.Reader, thing, certificateID, kind string) error {
	edges, err := metastore.ThingPrincipals.To(ctx, r, account(ctx), certificateID, "", 2)
	if err != nil {
		return err
	}
	for _, edge := range edges {
		if edge.From == thing {
			continue
		}
		if kind == metastore.ExclusiveThing {
			return invalidRequest("The principal is attached to another thing and cannot be attached to %s exclusively", thing)
		}
		if edge.Value == metastore.ExclusiveThing {
			return invalidRequest("The principal is attached to another thing exclusively")
		}
	}
	return nil
}

type detachThingInput struct {
	thingLabel
	principalHeader
}

func (s *Service) detachThingNeeds(ctx context.Context, in *detachThingInput) ([]api.Permission, error) {
	return s.thingPrincipalNeeds(ctx, "iot:DetachThingPrincipal", &in.principalHeader, in.ThingName)
}

// detachThingPrincipal succeeds when the principal is not attached.
func (s *Service) detachThingPrincipal(ctx context.Context, in *detachThingInput) (*api.Empty, error) {
	r, err := s.certificateOf(ctx, &in.principalHeader)
	if err != nil {
		return nil, err
	}
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		if _, err := getThing(ctx, w, in.ThingName); err != nil {
			return err
		}
		if _, err := getCertificate(ctx, w, r.name); err != nil {
			return err
		}
		_, err := metastore.ThingPrincipals.Remove(ctx, w, account(ctx), in.ThingName, r.name)
		return err
	})
}

type listThingPrincipalsInput struct {
	thingLabel
	tokenPage
}

type listThingPrincipalsOutput struct {
	Principals []string `json:"principals"`
	NextToken  string   `json:"nextToken,omitempty"`
}

func (s *Service) listThingPrincipals(ctx context.Context, in *listThingPrincipalsInput) (*listThingPrincipalsOutput, error) {
	out := &listThingPrincipalsOutput{Principals: []string{}}
	var err error
	out.NextToken, err = s.principalsOfThing(ctx, in, "", func(e metastore.Edge) {
		out.Principals = append(out.Principals, s.arn(ctx, ref{wordCert, e.To}))
	})
	return out, err
}

type listThingPrincipalsV2Input struct {
	listThingPrincipalsInput
	ThingPrincipalType string `query:"thingPrincipalType" enum:"EXCLUSIVE_THING,NON_EXCLUSIVE_THING"`
}

type listThingPrincipalsV2Output struct {
	Objects   []thingPrincipalObject `json:"thingPrincipalObjects"`
	NextToken string                 `json:"nextToken,omitempty"`
}

type thingPrincipalObject struct {
	Principal          string `json:"principal"`
	ThingPrincipalType string `json:"thingPrincipalType"`
}

func (s *Service) listThingPrincipalsV2(ctx context.Context, in *listThingPrincipalsV2Input) (*listThingPrincipalsV2Output, error) {
	out := &listThingPrincipalsV2Output{Objects: []thingPrincipalObject{}}
	var err error
	out.NextToken, err = s.principalsOfThing(ctx, &in.listThingPrincipalsInput, in.ThingPrincipalType, func(e metastore.Edge) {
		out.Objects = append(out.Objects, thingPrincipalObject{s.arn(ctx, ref{wordCert, e.To}), e.Value})
	})
	return out, err
}

// principalsOfThing reads one page of the attachments of a thing; kind "" is
// both.
func (s *Service) principalsOfThing(ctx context.Context, in *listThingPrincipalsInput, kind string, each func(metastore.Edge)) (token string, err error) {
	c, err := in.cursor()
	if err != nil {
		return "", err
	}
	err = s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		if _, err := getThing(ctx, r, in.ThingName); err != nil {
			return err
		}
		token, err = eachEdge(ctx, r, metastore.FromSide, in.ThingName, c, kind, each)
		return err
	})
	return token, err
}

type listPrincipalThingsInput struct {
	principalHeader
	tokenPage
}

func (s *Service) thingPrincipal(ctx context.Context, in *listPrincipalThingsInput) (ref, error) {
	return s.certificateOf(ctx, &in.principalHeader)
}

func (s *Service) listPrincipalThings(ctx context.Context, in *listPrincipalThingsInput) (*thingNamesOutput, error) {
	out := &thingNamesOutput{Things: []string{}}
	var err error
	out.NextToken, err = s.thingsOfPrincipal(ctx, in, "", func(e metastore.Edge) { out.Things = append(out.Things, e.From) })
	return out, err
}

type listPrincipalThingsV2Input struct {
	listPrincipalThingsInput
	ThingPrincipalType string `query:"thingPrincipalType" enum:"EXCLUSIVE_THING,NON_EXCLUSIVE_THING"`
}

type listPrincipalThingsV2Output struct {
	Objects   []principalThingObject `json:"principalThingObjects"`
	NextToken string                 `json:"nextToken,omitempty"`
}

type principalThingObject struct {
	ThingName          string `json:"thingName"`
	ThingPrincipalType string `json:"thingPrincipalType"`
}

func (s *Service) listPrincipalThingsV2(ctx context.Context, in *listPrincipalThingsV2Input) (*listPrincipalThingsV2Output, error) {
	out := &listPrincipalThingsV2Output{Objects: []principalThingObject{}}
	var err error
	out.NextToken, err = s.thingsOfPrincipal(ctx, &in.listPrincipalThingsInput, in.ThingPrincipalType, func(e metastore.Edge) {
		out.Objects = append(out.Objects, principalThingObject{e.From, e.Value})
	})
	return out, err
}

// thingsOfPrincipal reads one page of the attachments of a certificate; kind ""
// is both.
func (s *Service) thingsOfPrincipal(ctx context.Context, in *listPrincipalThingsInput, kind string, each func(metastore.Edge)) (token string, err error) {
	c, err := in.cursor()
	if err != nil {
		return "", err
	}
	certificate, err := s.thingPrincipal(ctx, in)
	if err != nil {
		return "", err
	}
	err = s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		if _, err := getCertificate(ctx, r, certificate.name); err != nil {
			return err
		}
		token, err = eachEdge(ctx, r, metastore.ToSide, certificate.name, c, kind, each)
		return err
	})
	return token, err
}

// eachEdge reads one page of the attachments between things and certificates at
// one end.
func eachEdge(ctx context.Context, r metastore.Reader, side metastore.Side, id string, c cursor, kind string, each func(metastore.Edge)) (string, error) {
	keep := func(e metastore.Edge) bool { return kind == "" || e.Value == kind }
	edges, token, err := listEdges(ctx, r, metastore.ThingPrincipals, account(ctx), side, id, c, keep)
	for _, edge := range edges {
		each(edge)
	}
	return token, err
}
