// Package arn reads and writes Amazon Resource Names.
//
// An ARN is six parts joined by colons; the sixth may itself hold colons:
//
//	arn:partition:service:region:account:resource
//
// The package knows the shapes of the resources Inro serves (spec D.2) and
// nothing of wildcards, which belong to package policy.
package arn

import (
	"fmt"
	"strings"
)

// ARN is a parsed name. The zero value is not a valid ARN.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// maxLength bounds what Parse accepts (IAM API reference: arnType, 2048).
const maxLength = 2048

// Parse splits s. It does not check that the resource exists or is well formed.
func Parse(s string) (ARN, error) {
	if len(s) > maxLength {
		return ARN{}, fmt.Errorf("ARN of %d characters is longer than %d", len(s), maxLength)
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN: want arn:partition:service:region:account:resource", s)
	}
	return ARN{parts[1], parts[2], parts[3], parts[4], parts[5]}, nil
}

// String joins the parts again.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// Type returns the resource's type word and the rest: "role" and "path/name"
// for "role/path/name". A resource without a slash has no type word.
func (a ARN) Type() (word, rest string) {
	word, rest, found := strings.Cut(a.Resource, "/")
	if !found {
		return "", a.Resource
	}
	return word, rest
}

// IAM returns the ARN of an IAM entity: word is user, role, group or policy;
// path starts and ends with a slash.
func IAM(account, word, path, name string) string {
	return "arn:aws:iam::" + account + ":" + word + path + name
}

// Root returns the ARN of an account's root, which also names the account.
func Root(account string) string { return "arn:aws:iam::" + account + ":root" }

// AssumedRole returns the ARN of a role session. The role's path is dropped
// (spec A.6).
func AssumedRole(account, roleName, sessionName string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + roleName + "/" + sessionName
}

// FederatedUser returns the ARN of a federated session.
func FederatedUser(account, name string) string {
	return "arn:aws:sts::" + account + ":federated-user/" + name
}

// IoT returns the ARN of an IoT resource: word is thing, thingtype,
// thinggroup, cert, policy, rolealias and so on (spec D.2).
func IoT(region, account, word, name string) string {
	return "arn:aws:iot:" + region + ":" + account + ":" + word + "/" + name
}

// Bucket returns the ARN of a bucket.
func Bucket(bucket string) string { return "arn:aws:s3:::" + bucket }

// Object returns the ARN of an object. The key is taken as it is.
func Object(bucket, key string) string { return "arn:aws:s3:::" + bucket + "/" + key }
