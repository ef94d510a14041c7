package iot

import (
	"context"
	"errors"
	"regexp"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
)

const (
	// maxRoleAliases is per account (spec A.10).
	maxRoleAliases = 100
	// defaultCredentialSeconds is the duration of an alias that names none.
	defaultCredentialSeconds = 3600
	// credentialService is whom the role is passed to (spec B.11).
	credentialService = "credentials.iot.amazonaws.com"
)

func (s *Service) roleAliasOperations() []api.Operation {
	return []api.Operation{
		api.Op("CreateRoleAlias", "POST /role-aliases/{roleAlias}", s.createAliasNeeds, s.createRoleAlias),
		onNamed(s, "DescribeRoleAlias", "GET /role-aliases/{roleAlias}", s.describeRoleAlias),
		api.Op("UpdateRoleAlias", "PUT /role-aliases/{roleAlias}", s.updateAliasNeeds, s.updateRoleAlias),
		onNamed(s, "DeleteRoleAlias", "DELETE /role-aliases/{roleAlias}", s.deleteRoleAlias),
		onAny("ListRoleAliases", "GET /role-aliases", s.listRoleAliases),
	}
}

// roleAliasLabel is the role alias that an operation's path names.
type roleAliasLabel struct {
	RoleAlias string `label:"roleAlias" required:"" length:"1,128" pattern:"[\\w=,@-]+"`
}

func (l *roleAliasLabel) resource() (word, name string) { return wordRoleAlias, l.RoleAlias }

// passRole is the permission to hand a role to the credentials endpoint under
// an alias. AWS demands it without listing it (spec B.11).
func (s *Service) passRole(ctx context.Context, roleARN, alias string) api.Permission {
	return api.Permission{Action: "iam:PassRole", Resource: roleARN, Keys: []identity.Key{
		identity.StringKey("iam:PassedToService", credentialService),
		identity.StringKey("iam:AssociatedResourceArn", s.arn(ctx, ref{wordRoleAlias, alias})),
	}}
}

// checkRoleARN refuses what cannot be the ARN of a role. That the role exists
// is not checked: the order of creation is free (spec B.11).
func checkRoleARN(arn string) error {
	if !regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:role/[!-~]+$`).MatchString(arn) {
		return invalidRequest("The roleArn is not the ARN of a role: arn:aws:iam::<account>:role/<path and name>")
	}
	return nil
}

type createRoleAliasInput struct {
	roleAliasLabel
	RoleArn                   string `json:"roleArn" required:"" length:"20,2048"`
	CredentialDurationSeconds *int   `json:"credentialDurationSeconds" range:"900,43200"`
	tagList
}

type roleAliasOutput struct {
	RoleAlias    string `json:"roleAlias"`
	RoleAliasArn string `json:"roleAliasArn"`
}

func (s *Service) createAliasNeeds(ctx context.Context, in *createRoleAliasInput) ([]api.Permission, error) {
	if err := checkRoleARN(in.RoleArn); err != nil {
		return nil, err
	}
	needs, err := s.namedNeeds(ctx, "iot:CreateRoleAlias", in)
	return append(needs, s.passRole(ctx, in.RoleArn, in.RoleAlias)), err
}

func (s *Service) createRoleAlias(ctx context.Context, in *createRoleAliasInput) (*roleAliasOutput, error) {
	tags, err := in.records()
	if err != nil {
		return nil, err
	}
	now := s.now()
	alias := &metastore.RoleAlias{
		Alias: in.RoleAlias, RoleARN: in.RoleArn, CredentialDurationSeconds: defaultCredentialSeconds,
		Created: now, Modified: now, Tags: tags,
	}
	if in.CredentialDurationSeconds != nil {
		alias.CredentialDurationSeconds = *in.CredentialDurationSeconds
	}
	arn := s.arn(ctx, ref{wordRoleAlias, alias.Alias})
	err = s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		if err := metastore.RoleAliases.Insert(ctx, w, account(ctx), alias.Alias, alias); err != nil {
			return err
		}
		n, err := metastore.RoleAliases.Count(ctx, w, account(ctx), metastore.Query{})
		if err == nil && n > maxRoleAliases {
			err = limitExceeded("The account has %d role aliases, which is the most", maxRoleAliases)
		}
		return err
	})
	if errors.Is(err, metastore.ErrExists) {
		err = alreadyExists(alias.Alias, arn, "RoleAlias cannot be created - already exists (name=%s)", alias.Alias)
	}
	if err != nil {
		return nil, err
	}
	return &roleAliasOutput{alias.Alias, arn}, nil
}

func aliasNotFound(err error, alias string) error {
	return orNotFound(err, "RoleAlias not found (name= %s)", alias)
}

type describeRoleAliasInput struct{ roleAliasLabel }

type describeRoleAliasOutput struct {
	Description roleAliasDescription `json:"roleAliasDescription"`
}

type roleAliasDescription struct {
	RoleAlias                 string        `json:"roleAlias"`
	RoleAliasArn              string        `json:"roleAliasArn"`
	RoleArn                   string        `json:"roleArn"`
	Owner                     string        `json:"owner"`
	CredentialDurationSeconds int           `json:"credentialDurationSeconds"`
	CreationDate              api.Timestamp `json:"creationDate"`
	LastModifiedDate          api.Timestamp `json:"lastModifiedDate"`
}

func (s *Service) describeRoleAlias(ctx context.Context, in *describeRoleAliasInput) (*describeRoleAliasOutput, error) {
	a, err := metastore.RoleAliases.Get(ctx, s.cfg.Store.Hot(), account(ctx), in.RoleAlias)
	if err != nil {
		return nil, aliasNotFound(err, in.RoleAlias)
	}
	return &describeRoleAliasOutput{roleAliasDescription{
		a.Alias, s.arn(ctx, ref{wordRoleAlias, a.Alias}), a.RoleARN, account(ctx), a.CredentialDurationSeconds,
		api.Timestamp{Time: a.Created}, api.Timestamp{Time: a.Modified},
	}}, nil
}

type updateRoleAliasInput struct {
	roleAliasLabel
	RoleArn                   string `json:"roleArn" length:"20,2048"`
	CredentialDurationSeconds *int   `json:"credentialDurationSeconds" range:"900,43200"`
}

// updateAliasNeeds asks for iam:PassRole also when the duration alone changes:
// then on the role that the alias has.
func (s *Service) updateAliasNeeds(ctx context.Context, in *updateRoleAliasInput) ([]api.Permission, error) {
	needs, err := s.namedNeeds(ctx, "iot:UpdateRoleAlias", in)
	if err != nil {
		return nil, err
	}
	roleARN := in.RoleArn
	if roleARN != "" {
		if err := checkRoleARN(roleARN); err != nil {
			return nil, err
		}
	} else {
		alias, err := metastore.RoleAliases.Get(ctx, s.cfg.Store.Hot(), account(ctx), in.RoleAlias)
		if errors.Is(err, metastore.ErrNotFound) {
			return needs, nil // the handler says so to those who may know
		}
		if err != nil {
			return nil, err
		}
		roleARN = alias.RoleARN
	}
	return append(needs, s.passRole(ctx, roleARN, in.RoleAlias)), nil
}

func (s *Service) updateRoleAlias(ctx context.Context, in *updateRoleAliasInput) (*roleAliasOutput, error) {
	err := s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		return metastore.RoleAliases.Modify(ctx, w, account(ctx), in.RoleAlias, func(a *metastore.RoleAlias) error {
			if in.RoleArn != "" {
				a.RoleARN = in.RoleArn
			}
			if in.CredentialDurationSeconds != nil {
				a.CredentialDurationSeconds = *in.CredentialDurationSeconds
			}
			a.Modified = s.now()
			return nil
		})
	})
	if err != nil {
		return nil, aliasNotFound(err, in.RoleAlias)
	}
	return &roleAliasOutput{in.RoleAlias, s.arn(ctx, ref{wordRoleAlias, in.RoleAlias})}, nil
}

type deleteRoleAliasInput struct{ roleAliasLabel }

func (s *Service) deleteRoleAlias(ctx context.Context, in *deleteRoleAliasInput) (*api.Empty, error) {
	err := s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		return metastore.RoleAliases.Delete(ctx, w, account(ctx), in.RoleAlias)
	})
	return &api.Empty{}, aliasNotFound(err, in.RoleAlias)
}

type listRoleAliasesInput struct{ orderedPage }

type listRoleAliasesOutput struct {
	RoleAliases []string `json:"roleAliases"`
	NextMarker  string   `json:"nextMarker,omitempty"`
}

func (s *Service) listRoleAliases(ctx context.Context, in *listRoleAliasesInput) (*listRoleAliasesOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	out := &listRoleAliasesOutput{RoleAliases: []string{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		_, ids, marker, err := listRecords(ctx, r, metastore.RoleAliases, account(ctx), createdOrder(in.AscendingOrder), c, nil)
		out.RoleAliases = append(out.RoleAliases, ids...)
		out.NextMarker = marker
		return err
	})
}
