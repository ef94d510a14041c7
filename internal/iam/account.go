package iam

import (
	"context"
	"errors"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

// findAccount returns the account's own record, empty when nothing has been
// kept about the account yet.
func findAccount(ctx context.Context, r metastore.Reader, account string) (*metastore.Account, error) {
	record, err := metastore.Accounts.Get(ctx, r, account, account)
	if errors.Is(err, metastore.ErrNotFound) {
		return new(metastore.Account), nil
	}
	return record, err
}

type aliasInput struct {
	AccountAlias string `required:"" length:"3,63" pattern:"[a-z0-9]([a-z0-9]|-)*[a-z0-9]"`
}

// check refuses two hyphens in a row, which the pattern of package regexp
// cannot.
func (in *aliasInput) check() error {
	if strings.Contains(in.AccountAlias, "--") {
		return validationError("1 validation error detected: Value '%s' at 'accountAlias' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", in.AccountAlias)
	}
	return nil
}

// createAccountAlias gives the account its alias. An account has one: a new
// one takes the place of the old (IAM User Guide, Your AWS account ID and its
// alias).
func (s *Service) createAccountAlias(ctx context.Context, in *aliasInput) (*api.Empty, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	account := account(ctx)
	return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
		record, err := findAccount(ctx, w, account)
		if err != nil {
			return err
		}
		err = metastore.AccountAliases.Insert(ctx, w, metastore.GlobalAccount, in.AccountAlias, &metastore.AccountAlias{Account: account})
		if errors.Is(err, metastore.ErrExists) {
			return aliasExists(in.AccountAlias)
		}
		if err != nil {
			return err
		}
		return s.setAlias(ctx, w, account, record, in.AccountAlias)
	})
}

func (s *Service) deleteAccountAlias(ctx context.Context, in *aliasInput) (*api.Empty, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	account := account(ctx)
	return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
		record, err := findAccount(ctx, w, account)
		if err != nil {
			return err
		}
		if record.Alias != in.AccountAlias {
			return noSuchAlias(in.AccountAlias)
		}
		return s.setAlias(ctx, w, account, record, "")
	})
}

// setAlias frees the alias that the account has and puts another into its
// record.
func (s *Service) setAlias(ctx context.Context, w metastore.Writer, account string, record *metastore.Account, alias string) error {
	if record.Alias != "" {
		err := metastore.AccountAliases.Delete(ctx, w, metastore.GlobalAccount, record.Alias)
		if err != nil && !errors.Is(err, metastore.ErrNotFound) {
			return err
		}
	}
	if record.Created.IsZero() {
		record.Created = s.now()
	}
	record.Alias = alias
	return metastore.Accounts.Put(ctx, w, account, account, record)
}

type listAccountAliasesInput struct{ page }

type listAccountAliasesOutput struct {
	AccountAliases []string
	pageInfo
}

func (s *Service) listAccountAliases(ctx context.Context, in *listAccountAliasesInput) (*listAccountAliasesOutput, error) {
	record, err := findAccount(ctx, s.store.Hot(), account(ctx))
	if err != nil {
		return nil, err
	}
	var aliases []string
	if record.Alias != "" {
		aliases = []string{record.Alias}
	}
	self := func(alias string) string { return alias }
	out := new(listAccountAliasesOutput)
	out.AccountAliases, out.pageInfo, err = collectList(in.page, aliases, self, self)
	return out, err
}

type getAccountSummaryOutput struct{ SummaryMap map[string]int }

// getAccountSummary counts what the account has. Things that cannot be made
// here count zero, and so do their quotas.
func (s *Service) getAccountSummary(ctx context.Context, _ *api.Empty) (*getAccountSummaryOutput, error) {
	summary := map[string]int{
		"UsersQuota": maxUsers, "GroupsQuota": maxGroups, "RolesQuota": maxRoles, "PoliciesQuota": maxPolicies,
		"UserPolicySizeQuota": maxUserInlineChars, "GroupPolicySizeQuota": maxGroupInlineChars, "RolePolicySizeQuota": maxRoleInlineChars,
		"PolicySizeQuota": maxPolicyChars, "AssumeRolePolicySizeQuota": maxTrustChars,
		"GroupsPerUserQuota": maxGroupsPerUser, "AccessKeysPerUserQuota": maxAccessKeys, "VersionsPerPolicyQuota": maxVersionsPerPolicy,
		"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached,
		"PolicyVersionsInUseQuota":   maxPolicies * maxVersionsPerPolicy,
		"GlobalEndpointTokenVersion": 2, // session tokens are valid everywhere
		"ServerCertificates":         0, "ServerCertificatesQuota": 0, "SigningCertificatesPerUserQuota": 0,
		"MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0, "AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
		"InstanceProfiles": 0, "InstanceProfilesQuota": 0,
	}
	err := s.store.View(ctx, func(r metastore.Reader) error { return countEntities(ctx, r, account(ctx), summary) })
	return &getAccountSummaryOutput{summary}, err
}

func countEntities(ctx context.Context, r metastore.Reader, account string, summary map[string]int) error {
	users, err1 := metastore.Users.Count(ctx, r, account, metastore.Query{})
	groups, err2 := metastore.Groups.Count(ctx, r, account, metastore.Query{})
	roles, err3 := metastore.Roles.Count(ctx, r, account, metastore.Query{})
	providers, err5 := metastore.OIDCProviders.Count(ctx, r, account, metastore.Query{})
	rootKeys, err4 := accessKeysOf(ctx, r, account, "")
	policies, versions := 0, 0
	for item, err := range metastore.Policies.All(ctx, r, account, metastore.Query{Limit: recordsAtOnce}) {
		if err != nil {
			return err
		}
		policies++
		versions += len(item.Value.Versions)
	}
	summary["Users"], summary["Groups"], summary["Roles"] = users, groups, roles
	summary["Policies"], summary["PolicyVersionsInUse"] = policies, versions
	summary["Providers"] = providers
	summary["AccountAccessKeysPresent"] = min(len(rootKeys), 1)
	return errors.Join(err1, err2, err3, err4, err5)
}
