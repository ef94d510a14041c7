package iam

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/oidc"
)

// Quotas of OpenID Connect providers (IAM User Guide, IAM and STS quotas).
const (
	maxProviders = 100
	maxClientIDs = 100
)

func (s *Service) oidcProviderOperations() []api.Operation {
	return []api.Operation{
		api.Op("CreateOpenIDConnectProvider", "", s.onNewProvider, s.createProvider),
		api.Op("GetOpenIDConnectProvider", "", onProvider[providerInput](s, "GetOpenIDConnectProvider"), s.getProvider),
		api.Op("ListOpenIDConnectProviders", "", onAccount[api.Empty]("ListOpenIDConnectProviders"), s.listProviders),
		api.Op("DeleteOpenIDConnectProvider", "", onProvider[providerInput](s, "DeleteOpenIDConnectProvider"), s.deleteProvider),
		api.Op("AddClientIDToOpenIDConnectProvider", "", onProvider[clientIDInput](s, "AddClientIDToOpenIDConnectProvider"), s.addClientID),
		api.Op("RemoveClientIDFromOpenIDConnectProvider", "", onProvider[clientIDInput](s, "RemoveClientIDFromOpenIDConnectProvider"), s.removeClientID),
		api.Op("UpdateOpenIDConnectProviderThumbprint", "", onProvider[thumbprintsInput](s, "UpdateOpenIDConnectProviderThumbprint"), s.updateThumbprints),
		api.Op("TagOpenIDConnectProvider", "", onProvider[tagProviderInput](s, "TagOpenIDConnectProvider"), s.tagProvider),
		api.Op("UntagOpenIDConnectProvider", "", onProvider[untagProviderInput](s, "UntagOpenIDConnectProvider"), s.untagProvider),
		api.Op("ListOpenIDConnectProviderTags", "", onProvider[listProviderTagsInput](s, "ListOpenIDConnectProviderTags"), s.listProviderTags),
	}
}

// providerWord is the word of providers in ARNs.
const providerWord = "oidc-provider"

// ofProvider names a provider by its ARN.
type ofProvider struct {
	OpenIDConnectProviderArn string `required:"" length:"20,2048"`
}

func (p ofProvider) provider() string { return p.OpenIDConnectProviderArn }

// providerID returns the ID of the record of a provider, which its ARN ends
// with: the URL without https://. It is false for another sort of ARN.
func providerID(name arn.ARN) (string, bool) {
	word, id := name.Type()
	ok := name.Partition == "aws" && name.Service == "iam" && name.Region == "" && word == providerWord && id != ""
	return id, ok
}

// ownProvider returns the ID of a provider of the account, or the refusal of an
// ARN that is none.
func ownProvider(account, text string) (string, error) {
	name, err := arn.Parse(text)
	id, ok := providerID(name)
	if err != nil || !ok || name.Account != account {
		return "", invalidInput("Invalid ARN: %s is not an OpenID Connect provider of this account.", clipARN(text))
	}
	return id, nil
}

func clipARN(text string) string { return text[:min(len(text), 300)] }

func noSuchProvider(id string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "OpenIDConnect Provider not found for %s", id)
}

func findProvider(ctx context.Context, r metastore.Reader, account, id string) (*metastore.OIDCProvider, error) {
	p, err := metastore.OIDCProviders.Get(ctx, r, account, id)
	if errors.Is(err, metastore.ErrNotFound) || errors.Is(err, metastore.ErrInvalid) {
		return nil, noSuchProvider(id)
	}
	return p, err
}

// onProvider needs iam:<action> on the provider that the input names.
func onProvider[In interface{ provider() string }](s *Service, action string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		id, err := ownProvider(account(ctx), (*in).provider())
		if err != nil {
			return nil, err
		}
		t := target{arn: (*in).provider()}
		p, err := findProvider(ctx, s.store.Hot(), account(ctx), id)
		if _, missing := awserr.As(err); err != nil && !missing {
			return nil, err
		}
		if p != nil {
			t.tags = p.Tags
		}
		return []api.Permission{t.permission(action, *in)}, nil
	}
}

type createProviderInput struct {
	Url            string   `required:"" length:"1,255"`
	ClientIDList   []string `length:"0,100"`
	ThumbprintList []string `length:"0,5"`
	newTags
}

// onNewProvider needs iam:CreateOpenIDConnectProvider on the ARN of what is to
// be made, and the permission to tag it when it is made with tags.
func (s *Service) onNewProvider(ctx context.Context, in *createProviderInput) ([]api.Permission, error) {
	t := target{arn: arn.IAM(account(ctx), providerWord, "/", withoutScheme(in.Url))}
	return t.permissionsToMake("CreateOpenIDConnectProvider", "TagOpenIDConnectProvider", *in), nil
}

// withoutScheme is a URL as ARNs and answers hold it.
func withoutScheme(url string) string {
	return strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://")
}

type createProviderOutput struct {
	OpenIDConnectProviderArn string
	Tags                     []tag
}

func (s *Service) createProvider(ctx context.Context, in *createProviderInput) (*createProviderOutput, error) {
	if err := oidc.CheckIssuer(in.Url, s.plain); err != nil {
		return nil, invalidInput("Invalid Open ID Connect Provider URL: %v.", err)
	}
	if err := checkClientIDs(in.ClientIDList); err != nil {
		return nil, err
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags, "TagsPerOpenIdConnectProvider")
	if err != nil {
		return nil, err
	}
	account, id := account(ctx), withoutScheme(in.Url)
	err = s.store.Update(ctx, func(w metastore.Writer) error {
		if err := checkQuota(ctx, w, metastore.OIDCProviders, account, maxProviders, "OpenIdConnectProvidersPerAccount"); err != nil {
			return err
		}
		err := metastore.OIDCProviders.Insert(ctx, w, account, id, &metastore.OIDCProvider{
			Issuer: in.Url, ClientIDs: distinct(in.ClientIDList), Thumbprints: distinct(in.ThumbprintList), Created: s.now(), Tags: tags,
		})
		if errors.Is(err, metastore.ErrExists) {
			return awserr.Newf(http.StatusConflict, "EntityAlreadyExists", "Provider with url %s already exists.", in.Url)
		}
		return err
	})
	return &createProviderOutput{arn.IAM(account, providerWord, "/", id), wireTags(tags)}, err
}

func checkClientIDs(ids []string) error {
	for _, id := range ids {
		if id == "" || len(id) > 255 {
			return validationError("1 validation error detected: Value at 'clientIDList' failed to satisfy constraint: " +
				"Member must have length between 1 and 255")
		}
	}
	return nil
}

// checkThumbprints checks as AWS does: the length alone. What is no SHA-1 hash
// in hex is the hash of no certificate.
func checkThumbprints(thumbprints []string) error {
	for _, t := range thumbprints {
		if len(t) != 40 {
			return validationError("1 validation error detected: Value at 'thumbprintList' failed to satisfy constraint: " +
				"Member must have length 40")
		}
	}
	return nil
}

// distinct leaves out what stands in a list before.
func distinct(list []string) []string {
	var out []string
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

type providerInput struct{ ofProvider }

type getProviderOutput struct {
	Url            string
	ClientIDList   []string
	ThumbprintList []string
	CreateDate     time.Time
	Tags           []tag
}

func (s *Service) getProvider(ctx context.Context, in *providerInput) (*getProviderOutput, error) {
	id, err := ownProvider(account(ctx), in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	p, err := findProvider(ctx, s.store.Hot(), account(ctx), id)
	if err != nil {
		return nil, err
	}
	// AWS shows URLs without https://. One with http:// shows that.
	return &getProviderOutput{
		Url: strings.TrimPrefix(p.Issuer, "https://"), ClientIDList: shownList(p.ClientIDs), ThumbprintList: shownList(p.Thumbprints),
		CreateDate: p.Created, Tags: wireTags(p.Tags),
	}, nil
}

// shownList is never nil, so that the member stands in the answer.
func shownList(list []string) []string { return append([]string{}, list...) }

type providerEntry struct{ Arn string }

type listProvidersOutput struct{ OpenIDConnectProviderList []providerEntry }

func (s *Service) listProviders(ctx context.Context, _ *api.Empty) (*listProvidersOutput, error) {
	out := &listProvidersOutput{OpenIDConnectProviderList: []providerEntry{}}
	account := account(ctx)
	return out, s.store.View(ctx, func(r metastore.Reader) error {
		for item, err := range metastore.OIDCProviders.All(ctx, r, account, metastore.Query{}) {
			if err != nil {
				return err
			}
			out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, providerEntry{arn.IAM(account, providerWord, "/", item.ID)})
		}
		return nil
	})
}

// deleteProvider succeeds when there is no such provider (IAM API Reference,
// DeleteOpenIDConnectProvider). Roles that trust it keep their trust policies,
// which admit nobody by it until it is made again.
func (s *Service) deleteProvider(ctx context.Context, in *providerInput) (*api.Empty, error) {
	id, err := ownProvider(account(ctx), in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
		err := metastore.OIDCProviders.Delete(ctx, w, account(ctx), id)
		if errors.Is(err, metastore.ErrNotFound) || errors.Is(err, metastore.ErrInvalid) {
			return nil
		}
		return err
	})
}

// changeProvider alters the provider that an ARN names in one Update.
func (s *Service) changeProvider(ctx context.Context, text string, change func(*metastore.OIDCProvider) error) error {
	id, err := ownProvider(account(ctx), text)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(w metastore.Writer) error {
		p, err := findProvider(ctx, w, account(ctx), id)
		if err != nil {
			return err
		}
		if err := change(p); err != nil {
			return err
		}
		return metastore.OIDCProviders.Put(ctx, w, account(ctx), id, p)
	})
}

type clientIDInput struct {
	ofProvider
	ClientID string `required:"" length:"1,255"`
}

// addClientID succeeds when the client ID is there (IAM API Reference,
// AddClientIDToOpenIDConnectProvider), and so does its counterpart when it is
// not.
func (s *Service) addClientID(ctx context.Context, in *clientIDInput) (*api.Empty, error) {
	return nothing, s.changeProvider(ctx, in.OpenIDConnectProviderArn, func(p *metastore.OIDCProvider) error {
		if slices.Contains(p.ClientIDs, in.ClientID) {
			return nil
		}
		if len(p.ClientIDs) >= maxClientIDs {
			return quotaExceeded("ClientIdsPerOpenIdConnectProvider", maxClientIDs)
		}
		p.ClientIDs = append(p.ClientIDs, in.ClientID)
		return nil
	})
}

func (s *Service) removeClientID(ctx context.Context, in *clientIDInput) (*api.Empty, error) {
	return nothing, s.changeProvider(ctx, in.OpenIDConnectProviderArn, func(p *metastore.OIDCProvider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == in.ClientID })
		return nil
	})
}

type thumbprintsInput struct {
	ofProvider
	ThumbprintList []string `required:"" length:"0,5"`
}

func (s *Service) updateThumbprints(ctx context.Context, in *thumbprintsInput) (*api.Empty, error) {
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	return nothing, s.changeProvider(ctx, in.OpenIDConnectProviderArn, func(p *metastore.OIDCProvider) error {
		p.Thumbprints = distinct(in.ThumbprintList)
		return nil
	})
}

type (
	tagProviderInput struct {
		ofProvider
		givenTags
	}
	untagProviderInput struct {
		ofProvider
		givenTagKeys
	}
	listProviderTagsInput struct {
		ofProvider
		page
	}
)

func (s *Service) tagProvider(ctx context.Context, in *tagProviderInput) (*api.Empty, error) {
	return nothing, s.changeProvider(ctx, in.OpenIDConnectProviderArn, func(p *metastore.OIDCProvider) (err error) {
		p.Tags, err = mergeTags(p.Tags, in.Tags, "TagsPerOpenIdConnectProvider")
		return err
	})
}

func (s *Service) untagProvider(ctx context.Context, in *untagProviderInput) (*api.Empty, error) {
	return nothing, s.changeProvider(ctx, in.OpenIDConnectProviderArn, func(p *metastore.OIDCProvider) error {
		p.Tags = withoutTags(p.Tags, in.TagKeys)
		return nil
	})
}

func (s *Service) listProviderTags(ctx context.Context, in *listProviderTagsInput) (*listTagsOutput, error) {
	id, err := ownProvider(account(ctx), in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	p, err := findProvider(ctx, s.store.Hot(), account(ctx), id)
	if err != nil {
		return nil, err
	}
	return pageOfTags(in.page, p.Tags)
}
