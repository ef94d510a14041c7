// Package managedpolicy holds the AWS-managed policies that Inro knows: those
// that people attach by habit to the users and roles of the services Inro
// serves. They live under arn:aws:iam::aws:policy/ and cannot be changed.
//
// Each document says what AWS's says, in the default version named beside it
// (as published in May 2026), with one exception: ReadOnlyAccess,
// SecurityAudit and ViewOnlyAccess hold only the actions of iam, iot, s3 and
// sts, out of hundreds of services that Inro does not have.
//
// Lookup and All read an immutable table; they are safe for concurrent use.
// The package leaves out older versions of the policies and everything about
// who has them attached.
package managedpolicy

import (
	"slices"
	"strings"
	"time"
)

// Policy is one AWS-managed policy in its default version.
type Policy struct {
	ARN      string // arn:aws:iam::aws:policy<Path><Name>
	Name     string
	Path     string // "/", "/service-role/" or "/job-function/"
	ID       string // ANPA…
	Document string // JSON
	// DefaultVersion is "v1", "v2", …: the version that Document is. It was
	// made at Updated, and the policy itself at Created.
	DefaultVersion   string
	Created, Updated time.Time
	Description      string
}

// Prefix begins the ARN of every AWS-managed policy and of no other.
const Prefix = "arn:aws:iam::aws:policy/"

// Lookup returns the policy with the given ARN, which is compared byte for
// byte, and whether there is one.
func Lookup(arn string) (Policy, bool) {
	if !strings.HasPrefix(arn, Prefix) {
		return Policy{}, false
	}
	i, found := slices.BinarySearchFunc(policies[:], arn, func(p Policy, arn string) int {
		return strings.Compare(p.ARN, arn)
	})
	if !found {
		return Policy{}, false
	}
	return policies[i], true
}

// All returns every policy, in ascending order of ARN. The slice is the
// caller's own.
func All() []Policy { return slices.Clone(policies[:]) }

func at(year int, month time.Month, day, hour, minute, second int) time.Time {
	return time.Date(year, month, day, hour, minute, second, 0, time.UTC)
}
