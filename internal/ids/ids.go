// Package ids makes the unique ids of IAM entities and access keys, reads the
// account back out of an access key id (spec D.1), and names accounts as S3
// does.
//
// Two shapes exist, both over the alphabet A–Z2–7 (base32 of RFC 4648):
//
//	entity id      21 characters: a prefix of four, then 17 random ones (85 bits)
//	access key id  20 characters: a prefix of four, then 80 bits:
//
//	   1 bit    40 bits          39 bits
//	 ┌───┬──────────────────┬─────────────────┐
//	 │ 1 │ account number   │ random          │
//	 └───┴──────────────────┴─────────────────┘
//
// The leading bit tells such ids from AWS's old ones (AKIAI…, AKIAJ…), which
// carry no account. Only 39 bits of an access key id are random: it names a key
// and is no secret, and whoever stores key ids must refuse a second one that is
// equal. Ids are drawn from crypto/rand, whose failure ends the program.
//
// The package keeps no state and is safe for concurrent use. It does not know
// which ids exist.
package ids

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// A Prefix is the four letters that tell what an id names.
type Prefix string

// The prefixes of D.1 that Inro gives out.
const (
	AccessKey          Prefix = "AKIA" // long-term access key
	TemporaryAccessKey Prefix = "ASIA"
	User               Prefix = "AIDA"
	Role               Prefix = "AROA"
	Group              Prefix = "AGPA"
	ManagedPolicy      Prefix = "ANPA"
	PolicyVersion      Prefix = "ANVA"
	InstanceProfile    Prefix = "AIPA"
)

const (
	prefixLength      = 4
	uniqueIDLength    = 21
	accessKeyIDLength = 20
	accountDigits     = 12
	maxAccount        = 999_999_999_999
	accountMask       = 1<<40 - 1
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewUniqueID returns prefix followed by 17 random characters.
func NewUniqueID(prefix Prefix) string {
	// rand.Text returns at least 26 characters of the same alphabet.
	return string(prefix) + rand.Text()[:uniqueIDLength-prefixLength]
}

// NewAccessKeyID returns an id that AccountOfKeyID maps back to account, which
// must be 12 digits. prefix is AccessKey or TemporaryAccessKey.
func NewAccessKeyID(prefix Prefix, account string) (string, error) {
	number, err := accountNumber(account)
	if err != nil {
		return "", err
	}
	var bits [10]byte
	rand.Read(bits[:])
	// The account ends 7 bits above the end of the sixth byte (D.1: mask
	// 0x7fffffffff80 of the first six bytes).
	low := uint64(bits[5] & 0x7f)
	var head [8]byte
	binary.BigEndian.PutUint64(head[:], 1<<47|number<<7|low)
	copy(bits[:6], head[2:])
	return string(prefix) + encoding.EncodeToString(bits[:]), nil
}

// AccountOfKeyID returns the 12 digits of the account that id encodes. It is
// false for what is not an access key id and for ids of AWS's old form.
// A true answer says nothing of whether the key exists.
func AccountOfKeyID(id string) (account string, ok bool) {
	if len(id) != accessKeyIDLength {
		return "", false
	}
	if p := Prefix(id[:prefixLength]); p != AccessKey && p != TemporaryAccessKey {
		return "", false
	}
	// The decoder skips line ends, so the decoded length is checked too.
	bits, err := encoding.DecodeString(id[prefixLength:])
	if err != nil || len(bits) != 10 {
		return "", false
	}
	head := binary.BigEndian.Uint64(bits) >> 16
	number := head >> 7 & accountMask
	if head>>47 != 1 || number > maxAccount {
		return "", false
	}
	return fmt.Sprintf("%012d", number), true
}

// NewSecretAccessKey returns 40 random characters of the base64 alphabet,
// 240 bits.
func NewSecretAccessKey() string {
	var b [30]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// endpointPrefixLength is how many characters follow the "c" of an endpoint
// name (spec A.9).
const endpointPrefixLength = 13

// NewEndpointPrefix returns 13 lower-case letters and digits, for the endpoint
// names of an account.
func NewEndpointPrefix() string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var random [endpointPrefixLength]byte
	rand.Read(random[:]) // never fails
	for i, b := range random {
		random[i] = digits[int(b)%len(digits)] // the bias does not matter: a name is no secret
	}
	return string(random[:])
}

// CanonicalUser returns the canonical user ID of an account, by which S3 names
// owners and grantees: 64 hexadecimal characters, always the same for an
// account. AWS's are random.
func CanonicalUser(account string) string {
	sum := sha256.Sum256([]byte("canonical user " + account))
	return hex.EncodeToString(sum[:])
}

func accountNumber(account string) (uint64, error) {
	if len(account) != accountDigits {
		return 0, fmt.Errorf("account %q is not %d digits", account, accountDigits)
	}
	var n uint64
	for _, c := range []byte(account) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("account %q is not %d digits", account, accountDigits)
		}
		n = n*10 + uint64(c-'0')
	}
	return n, nil
}
