package kms

import (
	"errors"
	"testing"
)

const (
	region  = "ap-northeast-1"
	account = "999999999999"
	other   = "888888888888"
)

func TestFindKey(t *testing.T) {
	keys, err := NewKeys([]Key{
		{ID: "one", Account: account, Region: region, Aliases: []string{"alias/uploads", "alias/aws/s3"}, Accounts: []string{other}},
		{ID: "one", Account: other, Region: region, Aliases: []string{"alias/uploads"}},
		{ID: "off", Account: account, Region: region, Disabled: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	const first = "arn:aws:kms:ap-northeast-1:999999999999:key/one"
	for _, test := range []struct {
		account, name, arn string
		err                error
	}{
		{account, "one", first, nil},
		{other, "one", "arn:aws:kms:ap-northeast-1:888888888888:key/one", nil},
		{account, first, first, nil},
		{other, first, first, nil},
		{account, "alias/uploads", first, nil},
		{other, "arn:aws:kms:ap-northeast-1:999999999999:alias/uploads", first, nil},
		{account, "alias/aws/s3", first, nil},
		{account, "off", "", ErrKeyDisabled},
		{other, "alias/aws/s3", "", ErrKeyNotFound},
		{account, "two", "", ErrKeyNotFound},
		{account, "", "", ErrKeyNotFound},
		{account, "aws/s3", "", ErrKeyNotFound},
		{account, "key/one", "", ErrKeyNotFound},
		{account, "arn:aws:kms:us-east-1:999999999999:key/one", "", ErrKeyNotFound},
		{account, "arn:", "", ErrKeyNotFound},
	} {
		k, err := keys.Find(region, test.account, test.name)
		if !errors.Is(err, test.err) {
			t.Errorf("%s of %s: error %v, want %v", test.name, test.account, err, test.err)
		} else if err == nil && k.ARN() != test.arn {
			t.Errorf("%s of %s: %s, want %s", test.name, test.account, k.ARN(), test.arn)
		}
	}
	open := Key{ID: "open", Account: account, Region: region, Accounts: []string{"*"}}
	if !open.Delegates("777777777777") || open.Delegates("") {
		t.Error("a key for all accounts is for none, or for nobody's")
	}
	k, err := keys.Find(region, account, "one")
	if err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]bool{account: true, other: true, "777777777777": false, "": false} {
		if k.Delegates(who) != want {
			t.Errorf("delegates to %q: %t, want %t", who, !want, want)
		}
	}
}

func TestKeysRefused(t *testing.T) {
	for name, keys := range map[string][]Key{
		"no ID":       {{Account: account, Region: region}},
		"ID":          {{ID: "a/b", Account: account, Region: region}},
		"same ID":     {{ID: "a", Account: account, Region: region}, {ID: "a", Account: account, Region: region}},
		"alias":       {{ID: "a", Account: account, Region: region, Aliases: []string{"uploads"}}},
		"alias twice": {{ID: "a", Account: account, Region: region, Aliases: []string{"alias/x"}}, {ID: "b", Account: account, Region: region, Aliases: []string{"alias/x"}}},
	} {
		if _, err := NewKeys(keys); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
