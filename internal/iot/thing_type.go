package iot

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

func (s *Service) thingTypeOperations() []api.Operation {
	return []api.Operation{
		onNamed(s, "CreateThingType", "POST /thing-types/{thingTypeName}", s.createThingType),
		onNamed(s, "DescribeThingType", "GET /thing-types/{thingTypeName}", s.describeThingType),
		onNamed(s, "UpdateThingType", "PATCH /thing-types/{thingTypeName}", s.updateThingType),
		onNamed(s, "DeprecateThingType", "POST /thing-types/{thingTypeName}/deprecate", s.deprecateThingType),
		onNamed(s, "DeleteThingType", "DELETE /thing-types/{thingTypeName}", s.deleteThingType),
		onAny("ListThingTypes", "GET /thing-types", s.listThingTypes),
	}
}

// thingTypeLabel is the thing type that an operation's path names.
type thingTypeLabel struct {
	ThingTypeName string `label:"thingTypeName" required:"" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
}

func (l *thingTypeLabel) resource() (word, name string) { return wordThingType, l.ThingTypeName }

// thingTypeProperties are members of requests; mqtt5Configuration is refused.
type thingTypeProperties struct {
	Description          *string   `json:"thingTypeDescription" length:"0,2028" pattern:"[[:graph:] ]*"`
	SearchableAttributes []string  `json:"searchableAttributes" length:"0,3" pattern:"[a-zA-Z0-9_.,@/:#-]{1,128}"`
	Mqtt5Configuration   *struct{} `json:"mqtt5Configuration"`
}

// apply sets what p gives in t. p may be nil: no change.
func (p *thingTypeProperties) apply(t *metastore.ThingType) error {
	if p == nil {
		return nil
	}
	if p.Mqtt5Configuration != nil {
		return notOfferedMember("mqtt5Configuration", "it belongs to the message broker, which is not part of Inro")
	}
	if p.Description != nil {
		t.Description = *p.Description
	}
	if p.SearchableAttributes != nil {
		t.SearchableAttributes = p.SearchableAttributes
	}
	return nil
}

type createThingTypeInput struct {
	thingTypeLabel
	Properties *thingTypeProperties `json:"thingTypeProperties"`
	tagList
}

type createThingTypeOutput struct {
	ThingTypeName string `json:"thingTypeName"`
	ThingTypeArn  string `json:"thingTypeArn"`
	ThingTypeID   string `json:"thingTypeId"`
}

// createThingType answers a type that exists with the same configuration as if
// it had made it.
func (s *Service) createThingType(ctx context.Context, in *createThingTypeInput) (*createThingTypeOutput, error) {
	made := &metastore.ThingType{Name: in.ThingTypeName, TypeID: uuid.NewString(), Created: s.now()}
	if err := in.Properties.apply(made); err != nil {
		return nil, err
	}
	var err error
	if made.Tags, err = in.records(); err != nil {
		return nil, err
	}
	typeARN := s.arn(ctx, ref{wordThingType, made.Name})
	err = s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		there, err := metastore.ThingTypes.Get(ctx, w, account(ctx), made.Name)
		if errors.Is(err, metastore.ErrNotFound) {
			return metastore.ThingTypes.Insert(ctx, w, account(ctx), made.Name, made)
		}
		if err != nil {
			return err
		}
		if there.Description != made.Description || !slices.Equal(there.SearchableAttributes, made.SearchableAttributes) ||
			!slices.Equal(there.Tags, made.Tags) || !there.Deprecated.IsZero() {
			return alreadyExists(there.TypeID, typeARN, "Thing Type %s already exists in current account with different properties", made.Name)
		}
		made = there
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &createThingTypeOutput{made.Name, typeARN, made.TypeID}, nil
}

type describeThingTypeInput struct{ thingTypeLabel }

type describeThingTypeOutput struct {
	ThingTypeName string `json:"thingTypeName"`
	ThingTypeID   string `json:"thingTypeId"`
	ThingTypeArn  string `json:"thingTypeArn"`
	thingTypeDetail
}

// thingTypeDetail is what a description and a list element share.
type thingTypeDetail struct {
	Properties shownTypeProperties `json:"thingTypeProperties"`
	Metadata   thingTypeMetadata   `json:"thingTypeMetadata"`
}

type shownTypeProperties struct {
	Description          string   `json:"thingTypeDescription,omitempty"`
	SearchableAttributes []string `json:"searchableAttributes"`
}

type thingTypeMetadata struct {
	Deprecated      bool           `json:"deprecated"`
	DeprecationDate *api.Timestamp `json:"deprecationDate,omitempty"`
	CreationDate    api.Timestamp  `json:"creationDate"`
}

func detailOfType(t *metastore.ThingType) thingTypeDetail {
	d := thingTypeDetail{
		shownTypeProperties{t.Description, append([]string{}, t.SearchableAttributes...)},
		thingTypeMetadata{Deprecated: !t.Deprecated.IsZero(), CreationDate: api.Timestamp{Time: t.Created}},
	}
	if d.Metadata.Deprecated {
		d.Metadata.DeprecationDate = &api.Timestamp{Time: t.Deprecated}
	}
	return d
}

func (s *Service) describeThingType(ctx context.Context, in *describeThingTypeInput) (*describeThingTypeOutput, error) {
	t, err := metastore.ThingTypes.Get(ctx, s.cfg.Store.Hot(), account(ctx), in.ThingTypeName)
	if err != nil {
		return nil, orNotFound(err, "Thing type %s does not exist", in.ThingTypeName)
	}
	return &describeThingTypeOutput{t.Name, t.TypeID, s.arn(ctx, ref{wordThingType, t.Name}), detailOfType(t)}, nil
}

type updateThingTypeInput struct {
	thingTypeLabel
	Properties *thingTypeProperties `json:"thingTypeProperties"`
}

func (s *Service) updateThingType(ctx context.Context, in *updateThingTypeInput) (*api.Empty, error) {
	return s.modifyThingType(ctx, in.ThingTypeName, in.Properties.apply)
}

// modifyThingType changes a type in one transaction.
func (s *Service) modifyThingType(ctx context.Context, name string, change func(*metastore.ThingType) error) (*api.Empty, error) {
	err := s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		return metastore.ThingTypes.Modify(ctx, w, account(ctx), name, change)
	})
	return &api.Empty{}, orNotFound(err, "Thing type %s does not exist", name)
}

type deprecateThingTypeInput struct {
	thingTypeLabel
	UndoDeprecate bool `json:"undoDeprecate"`
}

// deprecateThingType keeps the date of the first call: a second one does not
// start the wait before DeleteThingType anew.
func (s *Service) deprecateThingType(ctx context.Context, in *deprecateThingTypeInput) (*api.Empty, error) {
	return s.modifyThingType(ctx, in.ThingTypeName, func(t *metastore.ThingType) error {
		switch {
		case in.UndoDeprecate:
			t.Deprecated = time.Time{}
		case t.Deprecated.IsZero():
			t.Deprecated = s.now()
		}
		return nil
	})
}

type deleteThingTypeInput struct{ thingTypeLabel }

// deleteThingType wants the type deprecated for ThingTypeDeletionDelay (spec
// B.4). The words of the second refusal are those that Terraform waits for.
func (s *Service) deleteThingType(ctx context.Context, in *deleteThingTypeInput) (*api.Empty, error) {
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		name := in.ThingTypeName
		t, err := metastore.ThingTypes.Get(ctx, w, account(ctx), name)
		if err != nil {
			return orNotFound(err, "Thing type %s does not exist", name)
		}
		if t.Deprecated.IsZero() {
			return invalidRequest("Cannot delete thing type : %s. The thing type must be deprecated first", name)
		}
		if s.now().Before(t.Deprecated.Add(s.cfg.ThingTypeDeletionDelay)) {
			return invalidRequest("Cannot delete thing type : %s. Please wait for 5 minutes after deprecation and then retry", name)
		}
		used, err := metastore.Things.List(ctx, w, account(ctx), metastore.Query{Index: "type", Value: name, Limit: 1})
		if err != nil {
			return err
		}
		if len(used) > 0 {
			return invalidRequest("Cannot delete thing type : %s. Things of this type exist", name)
		}
		return metastore.ThingTypes.Delete(ctx, w, account(ctx), name)
	})
}

type listThingTypesInput struct {
	tokenPage
	ThingTypeName string `query:"thingTypeName" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
}

type listThingTypesOutput struct {
	ThingTypes []thingTypeDefinition `json:"thingTypes"`
	NextToken  string                `json:"nextToken,omitempty"`
}

type thingTypeDefinition struct {
	ThingTypeName string `json:"thingTypeName"`
	ThingTypeArn  string `json:"thingTypeArn"`
	thingTypeDetail
}

func (s *Service) listThingTypes(ctx context.Context, in *listThingTypesInput) (*listThingTypesOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	q := metastore.Query{Prefix: in.ThingTypeName}
	keep := func(t *metastore.ThingType) (bool, error) {
		return in.ThingTypeName == "" || t.Name == in.ThingTypeName, nil
	}
	out := &listThingTypesOutput{ThingTypes: []thingTypeDefinition{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		types, _, token, err := listRecords(ctx, r, metastore.ThingTypes, account(ctx), q, c, keep)
		for _, t := range types {
			out.ThingTypes = append(out.ThingTypes, thingTypeDefinition{t.Name, s.arn(ctx, ref{wordThingType, t.Name}), detailOfType(t)})
		}
		out.NextToken = token
		return err
	})
}
