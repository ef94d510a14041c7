package s3

import "inro.dev/inro/internal/ids"

// canonicalUser returns the canonical user ID of an account.
func canonicalUser(account string) string { return ids.CanonicalUser(account) }
