package iot

import (
	"context"
	"errors"
	"maps"

	"github.com/google/uuid"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

func (s *Service) thingOperations() []api.Operation {
	return []api.Operation{
		onNamed(s, "CreateThing", "POST /things/{thingName}", s.createThing),
		onNamed(s, "DescribeThing", "GET /things/{thingName}", s.describeThing),
		onNamed(s, "UpdateThing", "PATCH /things/{thingName}", s.updateThing),
		onNamed(s, "DeleteThing", "DELETE /things/{thingName}", s.deleteThing),
		onAny("ListThings", "GET /things", s.listThings),
	}
}

// thingLabel is the thing that an operation's path names.
type thingLabel struct {
	ThingName string `label:"thingName" required:"" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
}

func (l *thingLabel) resource() (word, name string) { return wordThing, l.ThingName }

type createThingInput struct {
	thingLabel
	ThingTypeName    string            `json:"thingTypeName" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
	AttributePayload *attributePayload `json:"attributePayload"`
	BillingGroupName *string           `json:"billingGroupName"`
}

type createThingOutput struct {
	ThingName string `json:"thingName"`
	ThingArn  string `json:"thingArn"`
	ThingID   string `json:"thingId"`
}

const billingGroupsComeLater = "billing groups come later"

// createThing answers a thing that exists with the same configuration as if it
// had made it (IoT API Reference, CreateThing).
func (s *Service) createThing(ctx context.Context, in *createThingInput) (*createThingOutput, error) {
	if in.BillingGroupName != nil {
		return nil, notOfferedMember("billingGroupName", billingGroupsComeLater)
	}
	if err := in.AttributePayload.check(); err != nil {
		return nil, err
	}
	thing := &metastore.Thing{
		Name: in.ThingName, ThingID: uuid.NewString(), TypeName: in.ThingTypeName,
		Attributes: in.AttributePayload.apply(nil), Version: 1, Created: s.now(),
	}
	thingARN := s.arn(ctx, ref{wordThing, in.ThingName})
	err := s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		there, err := metastore.Things.Get(ctx, w, account(ctx), thing.Name)
		if err == nil {
			if there.TypeName != thing.TypeName || !maps.Equal(there.Attributes, thing.Attributes) {
				return alreadyExists(there.ThingID, thingARN, "Thing %s already exists in account with different attributes", thing.Name)
			}
			thing = there
			return nil
		}
		if !errors.Is(err, metastore.ErrNotFound) {
			return err
		}
		if err := checkThing(ctx, w, thing); err != nil {
			return err
		}
		return metastore.Things.Insert(ctx, w, account(ctx), thing.Name, thing)
	})
	if err != nil {
		return nil, err
	}
	return &createThingOutput{thing.Name, thingARN, thing.ThingID}, nil
}

// checkThing checks the attributes and, when there is one, the type that the
// thing is about to have.
func checkThing(ctx context.Context, r metastore.Reader, thing *metastore.Thing) error {
	if thing.TypeName == "" {
		return checkAttributes(thing.Attributes, maxAttributesWithoutType)
	}
	if err := checkAttributes(thing.Attributes, maxAttributesWithType); err != nil {
		return err
	}
	thingType, err := metastore.ThingTypes.Get(ctx, r, account(ctx), thing.TypeName)
	if err != nil {
		return orNotFound(err, "Thing type %s does not exist", thing.TypeName)
	}
	if !thingType.Deprecated.IsZero() {
		return invalidRequest("Thing type %s is deprecated and cannot be given to a thing", thing.TypeName)
	}
	return nil
}

// getThing returns the thing or ResourceNotFoundException.
func getThing(ctx context.Context, r metastore.Reader, name string) (*metastore.Thing, error) {
	thing, err := metastore.Things.Get(ctx, r, account(ctx), name)
	if err != nil {
		return nil, orNotFound(err, "Thing %s does not exist", name)
	}
	return thing, nil
}

type describeThingInput struct{ thingLabel }

type describeThingOutput struct {
	DefaultClientID string            `json:"defaultClientId"`
	ThingName       string            `json:"thingName"`
	ThingID         string            `json:"thingId"`
	ThingArn        string            `json:"thingArn"`
	ThingTypeName   string            `json:"thingTypeName,omitempty"`
	Attributes      map[string]string `json:"attributes"`
	Version         int64             `json:"version"`
}

func (s *Service) describeThing(ctx context.Context, in *describeThingInput) (*describeThingOutput, error) {
	thing, err := getThing(ctx, s.cfg.Store.Hot(), in.ThingName)
	if err != nil {
		return nil, err
	}
	return &describeThingOutput{
		DefaultClientID: thing.Name, ThingName: thing.Name, ThingID: thing.ThingID, ThingArn: s.arn(ctx, ref{wordThing, thing.Name}),
		ThingTypeName: thing.TypeName, Attributes: orEmpty(thing.Attributes), Version: thing.Version,
	}, nil
}

// orEmpty keeps an empty map from becoming a JSON null.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

type updateThingInput struct {
	thingLabel
	ThingTypeName    string            `json:"thingTypeName" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
	AttributePayload *attributePayload `json:"attributePayload"`
	ExpectedVersion  *int64            `json:"expectedVersion"`
	RemoveThingType  bool              `json:"removeThingType"`
}

func (s *Service) updateThing(ctx context.Context, in *updateThingInput) (*api.Empty, error) {
	if in.RemoveThingType && in.ThingTypeName != "" {
		return nil, invalidRequest("thingTypeName and removeThingType cannot be given together")
	}
	if err := in.AttributePayload.check(); err != nil {
		return nil, err
	}
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		thing, err := getThing(ctx, w, in.ThingName)
		if err != nil {
			return err
		}
		if in.ExpectedVersion != nil && *in.ExpectedVersion != thing.Version {
			return versionConflict("thing", thing.Name, *in.ExpectedVersion, thing.Version)
		}
		if err := changeThing(ctx, w, thing, in); err != nil {
			return err
		}
		thing.Version++
		return metastore.Things.Put(ctx, w, account(ctx), thing.Name, thing)
	})
}

// changeThing applies in to thing. The type that the thing has already may be
// deprecated.
func changeThing(ctx context.Context, r metastore.Reader, thing *metastore.Thing, in *updateThingInput) error {
	thing.Attributes = in.AttributePayload.apply(thing.Attributes)
	switch {
	case in.RemoveThingType:
		thing.TypeName = ""
	case in.ThingTypeName != "" && in.ThingTypeName != thing.TypeName:
		thing.TypeName = in.ThingTypeName
		return checkThing(ctx, r, thing)
	}
	if thing.TypeName != "" {
		return checkAttributes(thing.Attributes, maxAttributesWithType)
	}
	return checkAttributes(thing.Attributes, maxAttributesWithoutType)
}

type deleteThingInput struct {
	thingLabel
	ExpectedVersion *int64 `query:"expectedVersion"`
}

// deleteThing succeeds when there is no such thing (IoT API Reference,
// DeleteThing). The thing leaves its groups with it.
func (s *Service) deleteThing(ctx context.Context, in *deleteThingInput) (*api.Empty, error) {
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		thing, err := metastore.Things.Get(ctx, w, account(ctx), in.ThingName)
		if errors.Is(err, metastore.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if in.ExpectedVersion != nil && *in.ExpectedVersion != thing.Version {
			return versionConflict("thing", thing.Name, *in.ExpectedVersion, thing.Version)
		}
		attached, err := metastore.ThingPrincipals.From(ctx, w, account(ctx), thing.Name, "", 1)
		if err != nil {
			return err
		}
		if len(attached) > 0 {
			return invalidRequest("Cannot delete. Thing %s is still attached to one or more principals", thing.Name)
		}
		groups, err := groupsOf(ctx, w, thing.Name)
		if err != nil {
			return err
		}
		for _, group := range groups {
			if _, err := metastore.ThingGroupMembers.Remove(ctx, w, account(ctx), group, thing.Name); err != nil {
				return err
			}
		}
		return metastore.Things.Delete(ctx, w, account(ctx), thing.Name)
	})
}

type listThingsInput struct {
	tokenPage
	AttributeName           string `query:"attributeName" length:"0,128" pattern:"[a-zA-Z0-9_.,@/:#-]+"`
	AttributeValue          string `query:"attributeValue" length:"0,800" pattern:"[a-zA-Z0-9_.,@/:#=\\[\\]-]*"`
	ThingTypeName           string `query:"thingTypeName" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
	UsePrefixAttributeValue bool   `query:"usePrefixAttributeValue"`
}

type listThingsOutput struct {
	Things    []thingAttribute `json:"things"`
	NextToken string           `json:"nextToken,omitempty"`
}

type thingAttribute struct {
	ThingName     string            `json:"thingName"`
	ThingTypeName string            `json:"thingTypeName,omitempty"`
	ThingArn      string            `json:"thingArn"`
	Attributes    map[string]string `json:"attributes"`
	Version       int64             `json:"version"`
}

func (s *Service) listThings(ctx context.Context, in *listThingsInput) (*listThingsOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	q, keep, err := in.query()
	if err != nil {
		return nil, err
	}
	out := &listThingsOutput{Things: []thingAttribute{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		things, _, token, err := listRecords(ctx, r, metastore.Things, account(ctx), q, c, keep)
		for _, t := range things {
			out.Things = append(out.Things, thingAttribute{t.Name, t.TypeName, s.arn(ctx, ref{wordThing, t.Name}), orEmpty(t.Attributes), t.Version})
		}
		out.NextToken = token
		return err
	})
}

// query returns the index query for the filters, and what is left to filter.
// An attribute name alone, as well as a value prefix, selects a range of the
// attribute index.
func (in *listThingsInput) query() (metastore.Query, func(*metastore.Thing) (bool, error), error) {
	prefix := in.UsePrefixAttributeValue || in.AttributeValue == ""
	switch {
	case in.AttributeName == "" && (in.AttributeValue != "" || in.UsePrefixAttributeValue):
		return metastore.Query{}, nil, invalidRequest("attributeValue and usePrefixAttributeValue need an attributeName")
	case in.AttributeName == "" && in.ThingTypeName == "":
		return metastore.Query{}, nil, nil
	case in.AttributeName == "":
		return metastore.Query{Index: "type", Value: in.ThingTypeName}, nil, nil
	}
	q := metastore.Query{Index: "attribute", Value: metastore.AttributeValue(in.AttributeName, in.AttributeValue), ValuePrefix: prefix}
	if in.ThingTypeName == "" {
		return q, nil, nil
	}
	return q, func(t *metastore.Thing) (bool, error) { return t.TypeName == in.ThingTypeName, nil }, nil
}
