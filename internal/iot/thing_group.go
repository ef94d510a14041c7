package iot

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

// Limits of thing groups (IoT limits: thing groups). Depth counts the root.
const (
	maxGroupDepth    = 7
	maxChildGroups   = 100
	maxGroupsOfThing = 10
	// maxGroupMembersDeleted bounds the members of a group that DeleteThingGroup
	// ends in its one transaction.
	maxGroupMembersDeleted = 10000
)

func (s *Service) thingGroupOperations() []api.Operation {
	return []api.Operation{
		api.Op("CreateThingGroup", "POST /thing-groups/{thingGroupName}", s.createGroupNeeds, s.createThingGroup),
		onNamed(s, "DescribeThingGroup", "GET /thing-groups/{thingGroupName}", s.describeThingGroup),
		onNamed(s, "UpdateThingGroup", "PATCH /thing-groups/{thingGroupName}", s.updateThingGroup),
		onNamed(s, "DeleteThingGroup", "DELETE /thing-groups/{thingGroupName}", s.deleteThingGroup),
		onAny("ListThingGroups", "GET /thing-groups", s.listThingGroups),
	}
}

// thingGroupLabel is the thing group that an operation's path names.
type thingGroupLabel struct {
	ThingGroupName string `label:"thingGroupName" required:"" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
}

func (l *thingGroupLabel) resource() (word, name string) { return wordThingGroup, l.ThingGroupName }

type thingGroupProperties struct {
	Description      *string           `json:"thingGroupDescription" length:"0,2028" pattern:"[[:graph:] ]*"`
	AttributePayload *attributePayload `json:"attributePayload"`
}

// apply sets what p gives in g. p may be nil: no change.
func (p *thingGroupProperties) apply(g *metastore.ThingGroup) error {
	if p == nil {
		return nil
	}
	if err := p.AttributePayload.check(); err != nil {
		return err
	}
	if p.Description != nil {
		g.Description = *p.Description
	}
	g.Attributes = p.AttributePayload.apply(g.Attributes)
	return checkAttributes(g.Attributes, maxGroupAttributes)
}

type createThingGroupInput struct {
	thingGroupLabel
	ParentGroupName string                `json:"parentGroupName" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
	Properties      *thingGroupProperties `json:"thingGroupProperties"`
	tagList
}

type createThingGroupOutput struct {
	ThingGroupName string `json:"thingGroupName"`
	ThingGroupArn  string `json:"thingGroupArn"`
	ThingGroupID   string `json:"thingGroupId"`
}

// createGroupNeeds are the permissions on the group to be made and on its
// parent, whose policies hold for the things of the new group too (IoT Developer
// Guide, How AWS IoT works with IAM: "for group being created and for parent
// group, if used").
func (s *Service) createGroupNeeds(ctx context.Context, in *createThingGroupInput) ([]api.Permission, error) {
	const action = "iot:CreateThingGroup"
	needs, err := s.namedNeeds(ctx, action, in)
	if err != nil || in.ParentGroupName == "" {
		return needs, err
	}
	parent, err := s.permission(ctx, action, ref{wordThingGroup, in.ParentGroupName})
	parent.Keys = append(parent.Keys, requestTagKeys(in.Tags)...)
	return append(needs, parent), err
}

// createThingGroup answers a group that exists with the same configuration as
// if it had made it.
func (s *Service) createThingGroup(ctx context.Context, in *createThingGroupInput) (*createThingGroupOutput, error) {
	made := &metastore.ThingGroup{
		Name: in.ThingGroupName, GroupID: uuid.NewString(), Parent: in.ParentGroupName, Version: 1, Created: s.now(),
	}
	if err := in.Properties.apply(made); err != nil {
		return nil, err
	}
	var err error
	if made.Tags, err = in.records(); err != nil {
		return nil, err
	}
	groupARN := s.arn(ctx, ref{wordThingGroup, made.Name})
	err = s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		there, err := metastore.ThingGroups.Get(ctx, w, account(ctx), made.Name)
		if errors.Is(err, metastore.ErrNotFound) {
			return insertGroup(ctx, w, made)
		}
		if err != nil {
			return err
		}
		if there.Parent != made.Parent || there.Description != made.Description ||
			!maps.Equal(there.Attributes, made.Attributes) || !slices.Equal(there.Tags, made.Tags) {
			return alreadyExists(there.GroupID, groupARN, "Thing Group %s already exists in current account with different properties", made.Name)
		}
		made = there
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &createThingGroupOutput{made.Name, groupARN, made.GroupID}, nil
}

// insertGroup checks the place of a new group in its tree.
func insertGroup(ctx context.Context, w metastore.Writer, g *metastore.ThingGroup) error {
	if g.Parent != "" {
		parents, err := lineage(ctx, w, g.Parent)
		if errors.Is(err, metastore.ErrNotFound) {
			return notFound("The parent group %s does not exist", g.Parent)
		}
		if err != nil {
			return err
		}
		if len(parents) >= maxGroupDepth {
			return invalidRequest("The group %s would be deeper than %d levels", g.Name, maxGroupDepth)
		}
		children, err := metastore.ThingGroups.Count(ctx, w, account(ctx), childrenOf(g.Parent))
		if err != nil {
			return err
		}
		if children >= maxChildGroups {
			return invalidRequest("The parent group %s has %d child groups, which is the most", g.Parent, maxChildGroups)
		}
	}
	return metastore.ThingGroups.Insert(ctx, w, account(ctx), g.Name, g)
}

func childrenOf(parent string) metastore.Query {
	return metastore.Query{Index: "parent", Value: parent}
}

// getGroup returns the group or ResourceNotFoundException.
func getGroup(ctx context.Context, r metastore.Reader, name string) (*metastore.ThingGroup, error) {
	g, err := metastore.ThingGroups.Get(ctx, r, account(ctx), name)
	if err != nil {
		return nil, orNotFound(err, "Thing group %s does not exist", name)
	}
	return g, nil
}

type describeThingGroupInput struct{ thingGroupLabel }

type describeThingGroupOutput struct {
	ThingGroupName string               `json:"thingGroupName"`
	ThingGroupID   string               `json:"thingGroupId"`
	ThingGroupArn  string               `json:"thingGroupArn"`
	Version        int64                `json:"version"`
	Properties     shownGroupProperties `json:"thingGroupProperties"`
	Metadata       thingGroupMetadata   `json:"thingGroupMetadata"`
}

type shownGroupProperties struct {
	Description      string          `json:"thingGroupDescription,omitempty"`
	AttributePayload shownAttributes `json:"attributePayload"`
}

type shownAttributes struct {
	Attributes map[string]string `json:"attributes"`
}

type thingGroupMetadata struct {
	ParentGroupName string         `json:"parentGroupName,omitempty"`
	RootToParent    []groupAndARN  `json:"rootToParentThingGroups"`
	CreationDate    *api.Timestamp `json:"creationDate"`
}

type groupAndARN struct {
	GroupName string `json:"groupName"`
	GroupArn  string `json:"groupArn"`
}

func (s *Service) groupAndARN(ctx context.Context, name string) groupAndARN {
	return groupAndARN{name, s.arn(ctx, ref{wordThingGroup, name})}
}

func (s *Service) describeThingGroup(ctx context.Context, in *describeThingGroupInput) (*describeThingGroupOutput, error) {
	out := new(describeThingGroupOutput)
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		g, err := getGroup(ctx, r, in.ThingGroupName)
		if err != nil {
			return err
		}
		parents, err := lineage(ctx, r, g.Parent)
		if err != nil {
			return err
		}
		*out = describeThingGroupOutput{
			ThingGroupName: g.Name, ThingGroupID: g.GroupID, ThingGroupArn: s.arn(ctx, ref{wordThingGroup, g.Name}), Version: g.Version,
			Properties: shownGroupProperties{g.Description, shownAttributes{orEmpty(g.Attributes)}},
			Metadata:   thingGroupMetadata{ParentGroupName: g.Parent, RootToParent: []groupAndARN{}, CreationDate: &api.Timestamp{Time: g.Created}},
		}
		slices.Reverse(parents)
		for _, name := range parents {
			out.Metadata.RootToParent = append(out.Metadata.RootToParent, s.groupAndARN(ctx, name))
		}
		return nil
	})
}

type updateThingGroupInput struct {
	thingGroupLabel
	Properties      *thingGroupProperties `json:"thingGroupProperties" required:""`
	ExpectedVersion *int64                `json:"expectedVersion"`
}

type updateThingGroupOutput struct {
	Version int64 `json:"version"`
}

func (s *Service) updateThingGroup(ctx context.Context, in *updateThingGroupInput) (*updateThingGroupOutput, error) {
	out := new(updateThingGroupOutput)
	err := s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		return metastore.ThingGroups.Modify(ctx, w, account(ctx), in.ThingGroupName, func(g *metastore.ThingGroup) error {
			if in.ExpectedVersion != nil && *in.ExpectedVersion != g.Version {
				return versionConflict("thing group", g.Name, *in.ExpectedVersion, g.Version)
			}
			if err := in.Properties.apply(g); err != nil {
				return err
			}
			g.Version++
			out.Version = g.Version
			return nil
		})
	})
	if err != nil {
		return nil, orNotFound(err, "Thing group %s does not exist", in.ThingGroupName)
	}
	return out, nil
}

type deleteThingGroupInput struct {
	thingGroupLabel
	ExpectedVersion *int64 `query:"expectedVersion"`
}

// deleteThingGroup succeeds when there is no such group. Its things leave it
// and its policies are detached in the same transaction, so that a new group of
// the name begins without them.
func (s *Service) deleteThingGroup(ctx context.Context, in *deleteThingGroupInput) (*api.Empty, error) {
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		g, err := metastore.ThingGroups.Get(ctx, w, account(ctx), in.ThingGroupName)
		if errors.Is(err, metastore.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if in.ExpectedVersion != nil && *in.ExpectedVersion != g.Version {
			return versionConflict("thing group", g.Name, *in.ExpectedVersion, g.Version)
		}
		children, err := metastore.ThingGroups.Count(ctx, w, account(ctx), childrenOf(g.Name))
		if err != nil {
			return err
		}
		if children > 0 {
			return invalidRequest("Cannot delete thing group : %s when there are still child groups attached to it", g.Name)
		}
		if err := removeMembers(ctx, w, g.Name); err != nil {
			return err
		}
		if err := detachAll(ctx, w, metastore.ThingGroupPoint(g.Name)); err != nil {
			return err
		}
		return metastore.ThingGroups.Delete(ctx, w, account(ctx), g.Name)
	})
}

func removeMembers(ctx context.Context, w metastore.Writer, group string) error {
	var things []string
	for edge, err := range metastore.ThingGroupMembers.AllFrom(ctx, w, account(ctx), group) {
		if err != nil {
			return err
		}
		if things = append(things, edge.To); len(things) > maxGroupMembersDeleted {
			return invalidRequest("Thing group %s has more than %d things: remove some with RemoveThingFromThingGroup first", group, maxGroupMembersDeleted)
		}
	}
	for _, thing := range things {
		if _, err := metastore.ThingGroupMembers.Remove(ctx, w, account(ctx), group, thing); err != nil {
			return err
		}
	}
	return nil
}

type listThingGroupsInput struct {
	tokenPage
	ParentGroup      string `query:"parentGroup" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
	NamePrefixFilter string `query:"namePrefixFilter" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
	Recursive        *bool  `query:"recursive"`
}

type listThingGroupsOutput struct {
	ThingGroups []groupAndARN `json:"thingGroups"`
	NextToken   string        `json:"nextToken,omitempty"`
}

// listThingGroups lists all groups, or with recursive=false those without a
// parent; with a parent its children, or with recursive=true all below it (IoT
// Developer Guide, Listing thing groups).
func (s *Service) listThingGroups(ctx context.Context, in *listThingGroupsInput) (*listThingGroupsOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	out := &listThingGroupsOutput{ThingGroups: []groupAndARN{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		if in.ParentGroup != "" {
			if _, err := getGroup(ctx, r, in.ParentGroup); err != nil {
				return err
			}
		}
		q := metastore.Query{Prefix: in.NamePrefixFilter}
		groups, _, token, err := listRecords(ctx, r, metastore.ThingGroups, account(ctx), q, c, in.filter(ctx, r))
		for _, g := range groups {
			out.ThingGroups = append(out.ThingGroups, s.groupAndARN(ctx, g.Name))
		}
		out.NextToken = token
		return err
	})
}

// filter returns which groups are listed; nil is all.
func (in *listThingGroupsInput) filter(ctx context.Context, r metastore.Reader) func(*metastore.ThingGroup) (bool, error) {
	recursive := in.Recursive != nil && *in.Recursive
	switch {
	case in.ParentGroup == "" && in.Recursive != nil && !recursive:
		return func(g *metastore.ThingGroup) (bool, error) { return g.Parent == "", nil }
	case in.ParentGroup == "":
		return nil
	case !recursive:
		return func(g *metastore.ThingGroup) (bool, error) { return g.Parent == in.ParentGroup, nil }
	}
	return func(g *metastore.ThingGroup) (bool, error) {
		parents, err := lineage(ctx, r, g.Parent)
		return slices.Contains(parents, in.ParentGroup), err
	}
}

// lineage returns the names of a group and its parents, the root last; none for
// an empty name. It fails with metastore.ErrNotFound when one is missing.
func lineage(ctx context.Context, r metastore.Reader, name string) ([]string, error) {
	var names []string
	for name != "" && len(names) < maxGroupDepth {
		g, err := metastore.ThingGroups.Get(ctx, r, account(ctx), name)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		name = g.Parent
	}
	return names, nil
}

// descendants returns the names of a group and of all groups below it, sorted.
// A tree is bounded by its depth and by the children of each group; one with
// more than maxScanned groups is refused.
func descendants(ctx context.Context, r metastore.Reader, root string) ([]string, error) {
	names := []string{root}
	for next := 0; next < len(names); next++ {
		for item, err := range metastore.ThingGroups.All(ctx, r, account(ctx), childrenOf(names[next])) {
			if err != nil {
				return nil, err
			}
			if names = append(names, item.ID); len(names) > maxScanned {
				return nil, invalidRequest("More than %d groups are below %s", maxScanned, root)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}
