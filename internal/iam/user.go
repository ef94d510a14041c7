package iam

import (
	"context"
	"errors"
	"strings"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
)

// userDescription is a user in an answer.
type userDescription struct {
	Path, UserName, UserId, Arn string
	CreateDate                  time.Time
	PermissionsBoundary         *boundaryDescription
	Tags                        []tag
}

// describeUser renders a user as lists show it: without tags and boundary.
func describeUser(account string, u *metastore.User) userDescription {
	return userDescription{
		Path: u.Path, UserName: u.Name, UserId: u.UniqueID,
		Arn: arn.IAM(account, "user", u.Path, u.Name), CreateDate: u.Created,
	}
}

func describeUserFully(account string, u *metastore.User) userDescription {
	d := describeUser(account, u)
	d.PermissionsBoundary, d.Tags = describeBoundary(u.Boundary), wireTags(u.Tags)
	return d
}

type userOutput struct{ User userDescription }

type createUserInput struct {
	UserName string  `required:"" length:"1,64" pattern:"[\\w+=,.@-]+"`
	Path     *string `length:"1,512" pattern:"(/)|(/[\\x{21}-\\x{7E}]+/)"`
	maybeBoundary
	newTags
}

func (in createUserInput) entity() entityRef { return entityRef{userKind, in.UserName} }
func (in createUserInput) newPath() string   { return orRoot(in.Path) }

// orRoot is the path "/" when none is given.
func orRoot(path *string) string {
	if path == nil {
		return "/"
	}
	return *path
}

func (s *Service) createUser(ctx context.Context, in *createUserInput) (*userOutput, error) {
	account := account(ctx)
	tags, err := mergeTags(nil, in.Tags, "TagsPerUser")
	if err != nil {
		return nil, err
	}
	u := &metastore.User{
		Name: in.UserName, Path: orRoot(in.Path), UniqueID: ids.NewUniqueID(ids.User), Created: s.now(),
		Boundary: in.newBoundary(), Tags: tags,
	}
	err = s.store.Update(ctx, func(w metastore.Writer) error {
		if err := checkQuota(ctx, w, metastore.Users, account, maxUsers, "UsersPerAccount"); err != nil {
			return err
		}
		if err := s.checkBoundary(ctx, w, account, u.Boundary); err != nil {
			return err
		}
		return inserted(metastore.Users.Insert(ctx, w, account, metastore.NameID(u.Name), u), userKind, u.Name)
	})
	if err != nil {
		return nil, err
	}
	return &userOutput{describeUserFully(account, u)}, nil
}

// inserted turns ErrExists of a new entity's record into EntityAlreadyExists.
func inserted(err error, kind entityKind, name string) error {
	if errors.Is(err, metastore.ErrExists) {
		return entityExists(kind, name)
	}
	return err
}

type getUserInput struct{ maybeUser }

func (s *Service) getUser(ctx context.Context, in *getUserInput) (*userOutput, error) {
	name, err := in.userName(ctx)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return s.getRoot(ctx)
	}
	u, err := findUser(ctx, s.store.Hot(), account(ctx), name)
	if err != nil {
		return nil, err
	}
	return &userOutput{describeUserFully(account(ctx), u)}, nil
}

// getRoot describes the account's root, whose name is the account's alias, if
// it has one.
func (s *Service) getRoot(ctx context.Context) (*userOutput, error) {
	account := account(ctx)
	record, err := findAccount(ctx, s.store.Hot(), account)
	if err != nil {
		return nil, err
	}
	return &userOutput{userDescription{UserName: record.Alias, UserId: account, Arn: arn.Root(account), CreateDate: record.Created}}, nil
}

type updateUserInput struct {
	namedUser
	NewPath     *string `length:"1,512" pattern:"(/)|(/[\\x{21}-\\x{7E}]+/)"`
	NewUserName *string `length:"1,64" pattern:"[\\w+=,.@-]+"`
}

func (in updateUserInput) movedTo() *string { return in.NewPath }
func (in updateUserInput) newName() *string { return in.NewUserName }

func (s *Service) updateUser(ctx context.Context, in *updateUserInput) (*api.Empty, error) {
	account := account(ctx)
	return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
		u, err := findUser(ctx, w, account, in.UserName)
		if err != nil {
			return err
		}
		if in.NewPath != nil {
			u.Path = *in.NewPath
		}
		if in.NewUserName != nil {
			if err := renameUser(ctx, w, account, u, *in.NewUserName); err != nil {
				return err
			}
		}
		return metastore.Users.Put(ctx, w, account, metastore.NameID(u.Name), u)
	})
}

// renameUser gives u its new name and moves all that refers to the old one.
// The caller puts u.
func renameUser(ctx context.Context, w metastore.Writer, account string, u *metastore.User, name string) error {
	from, to := metastore.NameID(u.Name), metastore.NameID(name)
	keys, err := accessKeysOf(ctx, w, account, u.Name)
	if err != nil {
		return err
	}
	for _, key := range keys {
		key.Value.UserName = name
		if err := metastore.AccessKeys.Put(ctx, w, metastore.GlobalAccount, key.ID, key.Value); err != nil {
			return err
		}
	}
	old := u.Name
	u.Name = name
	if from == to {
		return nil
	}
	if err := moveRecord(ctx, w, metastore.Users, account, from, to, userKind, name); err != nil {
		return err
	}
	if err := moveEdges(ctx, w, metastore.GroupMembers, metastore.ToSide, account, from, to); err != nil {
		return err
	}
	return moveEdges(ctx, w, metastore.PolicyAttachments, metastore.ToSide, account, userKind.point(old), userKind.point(name))
}

// moveRecord deletes a record whose value is to be put under another ID, which
// must be free.
func moveRecord[T any](ctx context.Context, w metastore.Writer, table *metastore.Table[T], account, from, to string, kind entityKind, name string) error {
	if _, err := table.Get(ctx, w, account, to); err == nil {
		return entityExists(kind, name)
	} else if !errors.Is(err, metastore.ErrNotFound) {
		return err
	}
	return table.Delete(ctx, w, account, from)
}

// moveEdges makes every edge that has from at the given side have to there.
func moveEdges(ctx context.Context, w metastore.Writer, relation *metastore.Relation, side metastore.Side, account, from, to string) error {
	edges, err := edgesOf(ctx, w, relation, side, account, from)
	if err != nil {
		return err
	}
	for _, e := range edges {
		if _, err := relation.Remove(ctx, w, account, e.From, e.To); err != nil {
			return err
		}
		if side == metastore.FromSide {
			e.From = to
		} else {
			e.To = to
		}
		if _, err := relation.Add(ctx, w, account, e.From, e.To, e.Value); err != nil {
			return err
		}
	}
	return nil
}

// edgesOf returns all edges that have id at the given side.
func edgesOf(ctx context.Context, r metastore.Reader, relation *metastore.Relation, side metastore.Side, account, id string) ([]metastore.Edge, error) {
	all := relation.AllFrom(ctx, r, account, id)
	if side == metastore.ToSide {
		all = relation.AllTo(ctx, r, account, id)
	}
	var edges []metastore.Edge
	for e, err := range all {
		if err != nil {
			return nil, err
		}
		edges = append(edges, e)
	}
	return edges, nil
}

type userInput struct{ namedUser }

func (s *Service) deleteUser(ctx context.Context, in *userInput) (*api.Empty, error) {
	account := account(ctx)
	return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
		u, err := findUser(ctx, w, account, in.UserName)
		if err != nil {
			return err
		}
		groups, err := metastore.GroupMembers.CountTo(ctx, w, account, metastore.NameID(u.Name))
		if err != nil {
			return err
		}
		if groups > 0 {
			return deleteConflict("Cannot delete entity, must remove users from group first.")
		}
		keys, err := accessKeysOf(ctx, w, account, u.Name)
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			return deleteConflict("Cannot delete entity, must delete access keys first.")
		}
		if err := checkNoPolicies(ctx, w, account, userEntity(account, u)); err != nil {
			return err
		}
		return metastore.Users.Delete(ctx, w, account, metastore.NameID(u.Name))
	})
}

// checkNoPolicies refuses to delete an entity that has policies.
func checkNoPolicies(ctx context.Context, r metastore.Reader, account string, e *entity) error {
	attached, err := metastore.PolicyAttachments.CountTo(ctx, r, account, e.point())
	switch {
	case err != nil:
		return err
	case attached > 0:
		return deleteConflict("Cannot delete entity, must detach all policies first.")
	case len(*e.inline) > 0:
		return deleteConflict("Cannot delete entity, must delete policies first.")
	}
	return nil
}

// pathPrefix is the part of an input that selects by path.
type pathPrefix struct {
	PathPrefix *string `length:"1,512" pattern:"/[\\x{21}-\\x{7F}]*"`
}

func (p pathPrefix) prefix() string { return orRoot(p.PathPrefix) }

func (p pathPrefix) selects(path string) bool { return strings.HasPrefix(path, p.prefix()) }

type listInput struct {
	pathPrefix
	page
}

type listUsersOutput struct {
	Users []userDescription
	pageInfo
}

func (s *Service) listUsers(ctx context.Context, in *listInput) (*listUsersOutput, error) {
	account, out := account(ctx), new(listUsersOutput)
	err := s.pageOfTable(ctx, in.page, func(r metastore.Reader, q metastore.Query) (err error) {
		out.Users, out.pageInfo, err = collect(in.page, metastore.Users.All(ctx, r, account, q), itemID[metastore.User],
			func(item metastore.Item[metastore.User]) (userDescription, bool, error) {
				return describeUser(account, item.Value), in.selects(item.Value.Path), nil
			})
		return err
	})
	return out, err
}

// pageOfTable runs list on one state of the store, with the query that begins
// where the page does.
func (s *Service) pageOfTable(ctx context.Context, p page, list func(metastore.Reader, metastore.Query) error) error {
	after, err := p.after()
	if err != nil {
		return err
	}
	return s.store.View(ctx, func(r metastore.Reader) error { return list(r, metastore.Query{After: after, Limit: recordsAtOnce}) })
}
