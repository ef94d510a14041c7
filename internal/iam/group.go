package iam

import (
	"context"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
)

type groupDescription struct {
	Path, GroupName, GroupId, Arn string
	CreateDate                    time.Time
}

func describeGroup(account string, g *metastore.Group) groupDescription {
	return groupDescription{g.Path, g.Name, g.UniqueID, arn.IAM(account, "group", g.Path, g.Name), g.Created}
}

type createGroupInput struct {
	namedGroup
	Path *string `length:"1,512" pattern:"(/)|(/[\\x{21}-\\x{7E}]+/)"`
}

func (in createGroupInput) newPath() string { return orRoot(in.Path) }

type createGroupOutput struct{ Group groupDescription }

func (s *Service) createGroup(ctx context.Context, in *createGroupInput) (*createGroupOutput, error) {
	account := account(ctx)
	g := &metastore.Group{Name: in.GroupName, Path: orRoot(in.Path), UniqueID: ids.NewUniqueID(ids.Group), Created: s.now()}
	err := s.store.Update(ctx, func(w metastore.Writer) error {
		if err := checkQuota(ctx, w, metastore.Groups, account, maxGroups, "GroupsPerAccount"); err != nil {
			return err
		}
		return inserted(metastore.Groups.Insert(ctx, w, account, metastore.NameID(g.Name), g), groupKind, g.Name)
	})
	if err != nil {
		return nil, err
	}
	return &createGroupOutput{describeGroup(account, g)}, nil
}

type getGroupInput struct {
	namedGroup
	page
}

type getGroupOutput struct {
	Group groupDescription
	Users []userDescription
	pageInfo
}

func (s *Service) getGroup(ctx context.Context, in *getGroupInput) (*getGroupOutput, error) {
	account, out := account(ctx), new(getGroupOutput)
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	return out, s.store.View(ctx, func(r metastore.Reader) error {
		g, err := findGroup(ctx, r, account, in.GroupName)
		if err != nil {
			return err
		}
		out.Group = describeGroup(account, g)
		members, err := edgesOf(ctx, r, metastore.GroupMembers, metastore.FromSide, account, metastore.NameID(g.Name))
		if err != nil {
			return err
		}
		member := func(e metastore.Edge) string { return e.To }
		out.Users, out.pageInfo, err = collect(in.page, rest(members, member, after), member,
			func(e metastore.Edge) (userDescription, bool, error) {
				u, err := metastore.Users.Get(ctx, r, account, e.To)
				if err != nil {
					return userDescription{}, false, err
				}
				return describeUser(account, u), true, nil
			})
		return err
	})
}

type updateGroupInput struct {
	namedGroup
	NewPath      *string `length:"1,512" pattern:"(/)|(/[\\x{21}-\\x{7E}]+/)"`
	NewGroupName *string `length:"1,128" pattern:"[\\w+=,.@-]+"`
}

func (in updateGroupInput) movedTo() *string { return in.NewPath }
func (in updateGroupInput) newName() *string { return in.NewGroupName }

func (s *Service) updateGroup(ctx context.Context, in *updateGroupInput) (*api.Empty, error) {
	account := account(ctx)
	return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
		g, err := findGroup(ctx, w, account, in.GroupName)
		if err != nil {
			return err
		}
		if in.NewPath != nil {
			g.Path = *in.NewPath
		}
		if in.NewGroupName != nil {
			if err := renameGroup(ctx, w, account, g, *in.NewGroupName); err != nil {
				return err
			}
		}
		return metastore.Groups.Put(ctx, w, account, metastore.NameID(g.Name), g)
	})
}

// renameGroup gives g its new name and moves all that refers to the old one.
// The caller puts g.
func renameGroup(ctx context.Context, w metastore.Writer, account string, g *metastore.Group, name string) error {
	old, from, to := g.Name, metastore.NameID(g.Name), metastore.NameID(name)
	g.Name = name
	if from == to {
		return nil
	}
	if err := moveRecord(ctx, w, metastore.Groups, account, from, to, groupKind, name); err != nil {
		return err
	}
	if err := moveEdges(ctx, w, metastore.GroupMembers, metastore.FromSide, account, from, to); err != nil {
		return err
	}
	return moveEdges(ctx, w, metastore.PolicyAttachments, metastore.ToSide, account, groupKind.point(old), groupKind.point(name))
}

type groupInput struct{ namedGroup }

func (s *Service) deleteGroup(ctx context.Context, in *groupInput) (*api.Empty, error) {
	account := account(ctx)
	return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
		g, err := findGroup(ctx, w, account, in.GroupName)
		if err != nil {
			return err
		}
		members, err := metastore.GroupMembers.CountFrom(ctx, w, account, metastore.NameID(g.Name))
		if err != nil {
			return err
		}
		if members > 0 {
			return deleteConflict("Cannot delete entity, must remove users from group first.")
		}
		if err := checkNoPolicies(ctx, w, account, groupEntity(account, g)); err != nil {
			return err
		}
		return metastore.Groups.Delete(ctx, w, account, metastore.NameID(g.Name))
	})
}

type listGroupsOutput struct {
	Groups []groupDescription
	pageInfo
}

func (s *Service) listGroups(ctx context.Context, in *listInput) (*listGroupsOutput, error) {
	account, out := account(ctx), new(listGroupsOutput)
	return out, s.pageOfTable(ctx, in.page, func(r metastore.Reader, q metastore.Query) (err error) {
		out.Groups, out.pageInfo, err = collect(in.page, metastore.Groups.All(ctx, r, account, q), itemID[metastore.Group],
			func(item metastore.Item[metastore.Group]) (groupDescription, bool, error) {
				return describeGroup(account, item.Value), in.selects(item.Value.Path), nil
			})
		return err
	})
}

// memberInput names a group, which the operation is about, and a user.
type memberInput struct {
	namedGroup
	UserName string `required:"" length:"1,128" pattern:"[\\w+=,.@-]+"`
}

// changeMember runs change with the IDs of a group and a user that exist.
func (s *Service) changeMember(ctx context.Context, in *memberInput, change func(w metastore.Writer, account, group, user string) error) error {
	account := account(ctx)
	return s.store.Update(ctx, func(w metastore.Writer) error {
		g, err := findGroup(ctx, w, account, in.GroupName)
		if err != nil {
			return err
		}
		u, err := findUser(ctx, w, account, in.UserName)
		if err != nil {
			return err
		}
		return change(w, account, metastore.NameID(g.Name), metastore.NameID(u.Name))
	})
}

func (s *Service) addUserToGroup(ctx context.Context, in *memberInput) (*api.Empty, error) {
	return nothing, s.changeMember(ctx, in, func(w metastore.Writer, account, group, user string) error {
		added, err := metastore.GroupMembers.Add(ctx, w, account, group, user, "")
		if err != nil || !added {
			return err
		}
		n, err := metastore.GroupMembers.CountTo(ctx, w, account, user)
		if err == nil && n > maxGroupsPerUser {
			err = quotaExceeded("GroupsPerUser", maxGroupsPerUser)
		}
		return err
	})
}

func (s *Service) removeUserFromGroup(ctx context.Context, in *memberInput) (*api.Empty, error) {
	return nothing, s.changeMember(ctx, in, func(w metastore.Writer, account, group, user string) error {
		removed, err := metastore.GroupMembers.Remove(ctx, w, account, group, user)
		if err == nil && !removed {
			err = notAMember(in.UserName, in.GroupName)
		}
		return err
	})
}

type listGroupsForUserInput struct {
	namedUser
	page
}

func (s *Service) listGroupsForUser(ctx context.Context, in *listGroupsForUserInput) (*listGroupsOutput, error) {
	account, out := account(ctx), new(listGroupsOutput)
	return out, s.store.View(ctx, func(r metastore.Reader) error {
		u, err := findUser(ctx, r, account, in.UserName)
		if err != nil {
			return err
		}
		groups, err := groupsOf(ctx, r, account, u)
		if err != nil {
			return err
		}
		out.Groups, out.pageInfo, err = collectList(in.page, groups, func(g *metastore.Group) string { return metastore.NameID(g.Name) },
			func(g *metastore.Group) groupDescription { return describeGroup(account, g) })
		return err
	})
}

// groupsOf returns the groups of a user in order of ID.
func groupsOf(ctx context.Context, r metastore.Reader, account string, u *metastore.User) ([]*metastore.Group, error) {
	edges, err := edgesOf(ctx, r, metastore.GroupMembers, metastore.ToSide, account, metastore.NameID(u.Name))
	if err != nil {
		return nil, err
	}
	groups := make([]*metastore.Group, 0, len(edges))
	for _, e := range edges {
		g, err := metastore.Groups.Get(ctx, r, account, e.From)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}
