package iam

import (
	"context"
	"errors"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/metastore"
)

// entityKind is user, group or role. Its value is the word in ARNs and texts.
type entityKind string

const (
	userKind  entityKind = "user"
	groupKind entityKind = "group"
	roleKind  entityKind = "role"
)

// title is the kind at the beginning of a sentence or quota name.
func (k entityKind) title() string {
	switch k {
	case userKind:
		return "User"
	case groupKind:
		return "Group"
	}
	return "Role"
}

// point is where policies are attached to an entity.
func (k entityKind) point(name string) string {
	switch k {
	case userKind:
		return metastore.UserPoint(name)
	case groupKind:
		return metastore.GroupPoint(name)
	}
	return metastore.RolePoint(name)
}

// entityRef names an entity of the caller's account.
type entityRef struct {
	kind entityKind
	name string
}

// entityInput is an input that names an entity.
type entityInput interface{ entity() entityRef }

// The members by which inputs name entities and policies.
type (
	namedUser struct {
		UserName string `required:"" length:"1,128" pattern:"[\\w+=,.@-]+"`
	}
	namedGroup struct {
		GroupName string `required:"" length:"1,128" pattern:"[\\w+=,.@-]+"`
	}
	namedRole struct {
		RoleName string `required:"" length:"1,64" pattern:"[\\w+=,.@-]+"`
	}
	// maybeUser names a user, or leaves it to mean the caller.
	maybeUser struct {
		UserName *string `length:"1,128" pattern:"[\\w+=,.@-]+"`
	}
)

func (n namedUser) entity() entityRef  { return entityRef{userKind, n.UserName} }
func (n namedGroup) entity() entityRef { return entityRef{groupKind, n.GroupName} }
func (n namedRole) entity() entityRef  { return entityRef{roleKind, n.RoleName} }

// userName returns the user that an input means. It is "" for the account's
// root, when root leaves the name out.
func (m maybeUser) userName(ctx context.Context) (string, error) {
	if m.UserName != nil {
		return *m.UserName, nil
	}
	caller := api.RequestOf(ctx).Caller
	if caller.UserName != "" || caller.IsRoot() {
		return caller.UserName, nil
	}
	return "", validationError("Must specify userName when calling with non-User credentials")
}

// entity is a user, group or role as far as all three are alike. The pointers
// lead into its record; what they point to may be changed only when the entity
// was found by the Writer of an Update, and is kept by put.
type entity struct {
	kind       entityKind
	name, path string
	uniqueID   string
	created    time.Time
	inline     *[]metastore.InlinePolicy
	tags       *[]metastore.Tag // nil for groups
	boundary   *string          // nil for groups
	put        func(context.Context, metastore.Writer) error
}

func (e *entity) arn(account string) string { return arn.IAM(account, string(e.kind), e.path, e.name) }

func (e *entity) point() string { return e.kind.point(e.name) }

// boundaryARN is the entity's permissions boundary, or "".
func (e *entity) boundaryARN() string {
	if e.boundary == nil {
		return ""
	}
	return *e.boundary
}

// findEntity returns the entity that ref names, or NoSuchEntity.
func findEntity(ctx context.Context, r metastore.Reader, account string, ref entityRef) (*entity, error) {
	switch ref.kind {
	case userKind:
		u, err := findUser(ctx, r, account, ref.name)
		if err != nil {
			return nil, err
		}
		return userEntity(account, u), nil
	case groupKind:
		g, err := findGroup(ctx, r, account, ref.name)
		if err != nil {
			return nil, err
		}
		return groupEntity(account, g), nil
	}
	role, err := findRole(ctx, r, account, ref.name)
	if err != nil {
		return nil, err
	}
	return roleEntity(account, role), nil
}

func userEntity(account string, u *metastore.User) *entity {
	return &entity{
		kind: userKind, name: u.Name, path: u.Path, uniqueID: u.UniqueID, created: u.Created,
		inline: &u.Inline, tags: &u.Tags, boundary: &u.Boundary,
		put: func(ctx context.Context, w metastore.Writer) error {
			return metastore.Users.Put(ctx, w, account, metastore.NameID(u.Name), u)
		},
	}
}

func groupEntity(account string, g *metastore.Group) *entity {
	return &entity{
		kind: groupKind, name: g.Name, path: g.Path, uniqueID: g.UniqueID, created: g.Created,
		inline: &g.Inline,
		put: func(ctx context.Context, w metastore.Writer) error {
			return metastore.Groups.Put(ctx, w, account, metastore.NameID(g.Name), g)
		},
	}
}

func roleEntity(account string, role *metastore.Role) *entity {
	return &entity{
		kind: roleKind, name: role.Name, path: role.Path, uniqueID: role.UniqueID, created: role.Created,
		inline: &role.Inline, tags: &role.Tags, boundary: &role.Boundary,
		put: func(ctx context.Context, w metastore.Writer) error {
			return metastore.Roles.Put(ctx, w, account, metastore.NameID(role.Name), role)
		},
	}
}

func findUser(ctx context.Context, r metastore.Reader, account, name string) (*metastore.User, error) {
	u, err := metastore.Users.Get(ctx, r, account, metastore.NameID(name))
	if errors.Is(err, metastore.ErrNotFound) {
		return nil, noSuchEntity(userKind, name)
	}
	return u, err
}

func findGroup(ctx context.Context, r metastore.Reader, account, name string) (*metastore.Group, error) {
	g, err := metastore.Groups.Get(ctx, r, account, metastore.NameID(name))
	if errors.Is(err, metastore.ErrNotFound) {
		return nil, noSuchEntity(groupKind, name)
	}
	return g, err
}

func findRole(ctx context.Context, r metastore.Reader, account, name string) (*metastore.Role, error) {
	role, err := metastore.Roles.Get(ctx, r, account, metastore.NameID(name))
	if errors.Is(err, metastore.ErrNotFound) {
		return nil, noSuchEntity(roleKind, name)
	}
	return role, err
}

// changeEntity alters the entity that ref names in one Update.
func (s *Service) changeEntity(ctx context.Context, ref entityRef, change func(metastore.Writer, *entity) error) error {
	account := account(ctx)
	return s.store.Update(ctx, func(w metastore.Writer) error {
		e, err := findEntity(ctx, w, account, ref)
		if err != nil {
			return err
		}
		if err := change(w, e); err != nil {
			return err
		}
		return e.put(ctx, w)
	})
}
