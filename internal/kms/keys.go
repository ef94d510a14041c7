package kms

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Errors of Keys.Find.
var (
	ErrKeyNotFound = errors.New("no such key")
	ErrKeyDisabled = errors.New("key is disabled")
)

// Key is a named key. It has no secret of its own; see the package comment.
type Key struct {
	// ID names the key within its account and region: 1 to 128 letters, digits,
	// "-" or "_".
	ID      string
	Account string
	Region  string
	// Aliases are further names, each "alias/" and up to 250 letters, digits,
	// "/", "-" or "_".
	Aliases []string
	// Accounts may use the key beside its own: their policies decide, as if
	// the policy of the key named them (AWS KMS Developer Guide, "Allowing
	// users in other accounts to use a KMS key"). "*" stands for all.
	Accounts []string
	// Disabled keeps the key from sealing and opening.
	Disabled bool
}

// ARN names the key everywhere.
func (k *Key) ARN() string {
	return arnOf(k.Region, k.Account, "key/"+k.ID)
}

func arnOf(region, account, resource string) string {
	return "arn:aws:kms:" + region + ":" + account + ":" + resource
}

// Delegates reports whether the policies of an account decide about the key.
func (k *Key) Delegates(account string) bool {
	return account != "" && (account == k.Account || slices.Contains(k.Accounts, account) || slices.Contains(k.Accounts, "*"))
}

// Keys are the named keys of a server. They do not change.
type Keys struct {
	byARN map[string]*Key // ARNs of keys and of aliases
}

var (
	keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	aliasPattern = regexp.MustCompile(`^alias/[A-Za-z0-9/_-]{1,250}$`)
)

// NewKeys returns the set of the keys given, or says what is wrong with them.
func NewKeys(keys []Key) (*Keys, error) {
	set := &Keys{byARN: make(map[string]*Key, 2*len(keys))}
	var errs []error
	add := func(name string, k *Key) {
		if set.byARN[name] != nil {
			errs = append(errs, fmt.Errorf("two keys are named %s", name))
		}
		set.byARN[name] = k
	}
	for i := range keys {
		k := &keys[i]
		if !keyIDPattern.MatchString(k.ID) {
			errs = append(errs, fmt.Errorf("key ID %q is not 1 to 128 letters, digits, \"-\" or \"_\"", k.ID))
			continue
		}
		add(k.ARN(), k)
		for _, alias := range k.Aliases {
			if !aliasPattern.MatchString(alias) {
				errs = append(errs, fmt.Errorf("alias %q of key %s does not look like alias/name", alias, k.ID))
				continue
			}
			add(arnOf(k.Region, k.Account, alias), k)
		}
	}
	return set, errors.Join(errs...)
}

// Find returns the key that a client means: by key ID or alias in the account
// and region given, or by the ARN of either anywhere (API Reference,
// GenerateDataKey, KeyId).
func (s *Keys) Find(region, account, name string) (*Key, error) {
	var key *Key
	switch {
	case strings.HasPrefix(name, "arn:"):
		key = s.byARN[name]
	case strings.HasPrefix(name, "alias/"):
		key = s.byARN[arnOf(region, account, name)]
	default:
		key = s.byARN[arnOf(region, account, "key/"+name)]
	}
	switch {
	case key == nil:
		return nil, ErrKeyNotFound
	case key.Disabled:
		return key, ErrKeyDisabled
	}
	return key, nil
}
