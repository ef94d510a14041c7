package iot

import (
	"context"
	"slices"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

func (s *Service) groupMemberOperations() []api.Operation {
	return []api.Operation{
		api.Op("AddThingToThingGroup", "PUT /thing-groups/addThingToThingGroup", s.addMemberNeeds, s.addThingToThingGroup),
		api.Op("RemoveThingFromThingGroup", "PUT /thing-groups/removeThingFromThingGroup", s.memberNeeds("iot:RemoveThingFromThingGroup"), s.removeThingFromThingGroup),
		api.Op("UpdateThingGroupsForThing", "PUT /thing-groups/updateThingGroupsForThing", s.updateGroupsNeeds, s.updateThingGroupsForThing),
		onNamed(s, "ListThingGroupsForThing", "GET /things/{thingName}/thing-groups", s.listThingGroupsForThing),
		onNamed(s, "ListThingsInThingGroup", "GET /thing-groups/{thingGroupName}/things", s.listThingsInThingGroup),
	}
}

// memberInput names a thing and a group, each by name or by ARN.
type memberInput struct {
	ThingGroupName string `json:"thingGroupName" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
	ThingGroupArn  string `json:"thingGroupArn"`
	ThingName      string `json:"thingName" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
	ThingArn       string `json:"thingArn"`
}

type addMemberInput struct {
	memberInput
	// OverrideDynamicGroups changes nothing: it makes room in a thing's list of
	// groups by leaving dynamic ones, and there are none.
	OverrideDynamicGroups bool `json:"overrideDynamicGroups"`
}

// names returns the group and the thing that in names.
func (s *Service) names(ctx context.Context, in *memberInput) (group, thing string, err error) {
	if group, err = s.nameOrARN(ctx, wordThingGroup, "thingGroupName", in.ThingGroupName, "thingGroupArn", in.ThingGroupArn); err != nil {
		return "", "", err
	}
	thing, err = s.nameOrARN(ctx, wordThing, "thingName", in.ThingName, "thingArn", in.ThingArn)
	return group, thing, err
}

// nameOrARN returns the name of a resource that is given by name, by ARN, or by
// both in agreement.
func (s *Service) nameOrARN(ctx context.Context, word, nameMember, name, arnMember, arn string) (string, error) {
	if arn == "" {
		if name == "" {
			return "", invalidRequest("Either %s or %s must be given", nameMember, arnMember)
		}
		return name, nil
	}
	r, err := s.parseARN(ctx, arnMember, arn)
	if err != nil {
		return "", err
	}
	if r.word != word || name != "" && r.name != name {
		return "", invalidRequest("%s is not the ARN of the %s that is meant", arnMember, word)
	}
	return r.name, nil
}

// memberNeeds are the permissions on both the thing and the group.
func (s *Service) memberNeeds(action string) api.Needs[memberInput] {
	return func(ctx context.Context, in *memberInput) ([]api.Permission, error) {
		group, thing, err := s.names(ctx, in)
		if err != nil {
			return nil, err
		}
		return s.permissions(ctx, action, ref{wordThing, thing}, ref{wordThingGroup, group})
	}
}

func (s *Service) addMemberNeeds(ctx context.Context, in *addMemberInput) ([]api.Permission, error) {
	return s.memberNeeds("iot:AddThingToThingGroup")(ctx, &in.memberInput)
}

// permissions is one action on several resources.
func (s *Service) permissions(ctx context.Context, action string, refs ...ref) ([]api.Permission, error) {
	all := make([]api.Permission, len(refs))
	for i, r := range refs {
		var err error
		if all[i], err = s.permission(ctx, action, r); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Service) addThingToThingGroup(ctx context.Context, in *addMemberInput) (*api.Empty, error) {
	group, thing, err := s.names(ctx, &in.memberInput)
	if err != nil {
		return nil, err
	}
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		if _, err := getThing(ctx, w, thing); err != nil {
			return err
		}
		return addMember(ctx, w, group, thing)
	})
}

func (s *Service) removeThingFromThingGroup(ctx context.Context, in *memberInput) (*api.Empty, error) {
	group, thing, err := s.names(ctx, in)
	if err != nil {
		return nil, err
	}
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		if _, err := getThing(ctx, w, thing); err != nil {
			return err
		}
		return removeMember(ctx, w, group, thing)
	})
}

// addMember puts an existing thing into a group, unless it is there. It checks
// the limits of spec B.2: ten groups, no two of one hierarchy.
func addMember(ctx context.Context, w metastore.Writer, group, thing string) error {
	if _, err := getGroup(ctx, w, group); err != nil {
		return err
	}
	groups, err := groupsOf(ctx, w, thing)
	if err != nil {
		return err
	}
	if slices.Contains(groups, group) {
		return nil
	}
	if len(groups) >= maxGroupsOfThing {
		return invalidRequest("Thing %s is in %d groups, which is the most", thing, maxGroupsOfThing)
	}
	root, err := rootOf(ctx, w, group)
	if err != nil {
		return err
	}
	for _, other := range groups {
		otherRoot, err := rootOf(ctx, w, other)
		if err != nil {
			return err
		}
		if root == otherRoot {
			return invalidRequest("Thing %s is in the group %s of the same hierarchy as the group %s", thing, other, group)
		}
	}
	_, err = metastore.ThingGroupMembers.Add(ctx, w, account(ctx), group, thing, "")
	return err
}

// removeMember takes a thing out of a group. A thing that is not in it is no
// error.
func removeMember(ctx context.Context, w metastore.Writer, group, thing string) error {
	if _, err := getGroup(ctx, w, group); err != nil {
		return err
	}
	_, err := metastore.ThingGroupMembers.Remove(ctx, w, account(ctx), group, thing)
	return err
}

// groupsOf returns the names of the groups that a thing is in, sorted.
func groupsOf(ctx context.Context, r metastore.Reader, thing string) ([]string, error) {
	var names []string
	for edge, err := range metastore.ThingGroupMembers.AllTo(ctx, r, account(ctx), thing) {
		if err != nil {
			return nil, err
		}
		names = append(names, edge.From)
	}
	return names, nil
}

func rootOf(ctx context.Context, r metastore.Reader, group string) (string, error) {
	names, err := lineage(ctx, r, group)
	if err != nil {
		return "", err
	}
	return names[len(names)-1], nil
}

type updateGroupsInput struct {
	ThingName           string   `json:"thingName" length:"1,128" pattern:"[a-zA-Z0-9:_-]+" required:""`
	ThingGroupsToAdd    []string `json:"thingGroupsToAdd" length:"0,100" pattern:"[a-zA-Z0-9:_-]{1,128}"`
	ThingGroupsToRemove []string `json:"thingGroupsToRemove" length:"0,100" pattern:"[a-zA-Z0-9:_-]{1,128}"`
	// OverrideDynamicGroups changes nothing, see addMemberInput.
	OverrideDynamicGroups bool `json:"overrideDynamicGroups"`
}

func (s *Service) updateGroupsNeeds(ctx context.Context, in *updateGroupsInput) ([]api.Permission, error) {
	refs := []ref{{wordThing, in.ThingName}}
	for _, name := range slices.Concat(in.ThingGroupsToAdd, in.ThingGroupsToRemove) {
		refs = append(refs, ref{wordThingGroup, name})
	}
	return s.permissions(ctx, "iot:UpdateThingGroupsForThing", refs...)
}

// updateThingGroupsForThing removes before it adds, so that a thing can move
// within a hierarchy and at the limit of groups.
func (s *Service) updateThingGroupsForThing(ctx context.Context, in *updateGroupsInput) (*api.Empty, error) {
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		if _, err := getThing(ctx, w, in.ThingName); err != nil {
			return err
		}
		for _, group := range in.ThingGroupsToRemove {
			if err := removeMember(ctx, w, group, in.ThingName); err != nil {
				return err
			}
		}
		for _, group := range in.ThingGroupsToAdd {
			if err := addMember(ctx, w, group, in.ThingName); err != nil {
				return err
			}
		}
		return nil
	})
}

type listThingGroupsForThingInput struct {
	thingLabel
	tokenPage
}

// listThingGroupsForThing lists the groups that the thing is in itself, not
// their parents.
func (s *Service) listThingGroupsForThing(ctx context.Context, in *listThingGroupsForThingInput) (*listThingGroupsOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	out := &listThingGroupsOutput{ThingGroups: []groupAndARN{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		if _, err := getThing(ctx, r, in.ThingName); err != nil {
			return err
		}
		edges, token, err := listEdges(ctx, r, metastore.ThingGroupMembers, account(ctx), metastore.ToSide, in.ThingName, c, nil)
		for _, edge := range edges {
			out.ThingGroups = append(out.ThingGroups, s.groupAndARN(ctx, edge.From))
		}
		out.NextToken = token
		return err
	})
}

type listThingsInThingGroupInput struct {
	thingGroupLabel
	tokenPage
	Recursive bool `query:"recursive"`
}

type thingNamesOutput struct {
	Things    []string `json:"things"`
	NextToken string   `json:"nextToken,omitempty"`
}

// listThingsInThingGroup lists by group, then by thing.
func (s *Service) listThingsInThingGroup(ctx context.Context, in *listThingsInThingGroupInput) (*thingNamesOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	out := &thingNamesOutput{Things: []string{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		if _, err := getGroup(ctx, r, in.ThingGroupName); err != nil {
			return err
		}
		groups := []string{in.ThingGroupName}
		if in.Recursive {
			if groups, err = descendants(ctx, r, in.ThingGroupName); err != nil {
				return err
			}
		}
		return out.fill(ctx, r, groups, c)
	})
}

// fill reads one page of the things of groups, which are sorted. The place in
// the list is the pair of group and thing.
func (out *thingNamesOutput) fill(ctx context.Context, r metastore.Reader, groups []string, c cursor) error {
	var last position
	for _, group := range groups {
		after := ""
		switch {
		case group < c.after.value:
			continue
		case group == c.after.value:
			after = c.after.id
		}
		room := c.limit - len(out.Things)
		edges, err := metastore.ThingGroupMembers.From(ctx, r, account(ctx), group, after, room+1)
		if err != nil {
			return err
		}
		for _, edge := range edges {
			if len(out.Things) == c.limit {
				out.NextToken = last.token()
				return nil
			}
			out.Things = append(out.Things, edge.To)
			last = position{id: edge.To, value: group}
		}
	}
	return nil
}
