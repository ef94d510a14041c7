package iam

import (
	"context"

	"inro.dev/inro/internal/metastore"
)

// The quotas of an account (spec C.2; IAM User Guide, IAM and AWS STS quotas).
const (
	maxUsers    = 5000
	maxGroups   = 300
	maxRoles    = 1000
	maxPolicies = 1500

	maxGroupsPerUser     = 10
	maxAccessKeys        = 2
	maxAttached          = 10
	maxVersionsPerPolicy = 5

	// In characters without white space.
	maxPolicyChars = 6144
	maxTrustChars  = 2048

	maxUserInlineChars  = 2048
	maxGroupInlineChars = 5120
	maxRoleInlineChars  = 10240
)

// inlineChars bounds the sum of an entity's inline policies.
func (k entityKind) inlineChars() int {
	switch k {
	case userKind:
		return maxUserInlineChars
	case groupKind:
		return maxGroupInlineChars
	}
	return maxRoleInlineChars
}

// checkQuota refuses one more record in a table that holds most already.
func checkQuota[T any](ctx context.Context, w metastore.Writer, table *metastore.Table[T], account string, most int, quota string) error {
	n, err := table.Count(ctx, w, account, metastore.Query{})
	if err == nil && n >= most {
		err = quotaExceeded(quota, most)
	}
	return err
}
