package s3

import (
	"crypto/sha256"
	"encoding/hex"
)

// canonicalUser returns the canonical user ID of an account: 64 hexadecimal
// characters, always the same for an account. AWS's are random.
func canonicalUser(account string) string {
	sum := sha256.Sum256([]byte("canonical user " + account))
	return hex.EncodeToString(sum[:])
}
