package s3

import (
	"net/http"
	"net/netip"
	"strings"

	"inro.dev/inro/internal/awserr"
)

// checkBucketName refuses what no bucket can be called, so that the ARN made of
// a bucket and a key has one reading (S3 User Guide, General purpose bucket
// naming rules).
func checkBucketName(name string) error {
	if !wellFormedBucketName(name) {
		return invalidBucketName(name)
	}
	return nil
}

func wellFormedBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 {
		return false
	}
	before, numeric := byte('.'), true
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z' || c == '-' && before != '.':
			numeric = false
		case '0' <= c && c <= '9':
		case c == '.' && before != '.' && before != '-':
		default:
			return false
		}
		before = c
	}
	if before == '.' || before == '-' {
		return false
	}
	if !numeric {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err != nil
}

// Names that AWS keeps for access points and other kinds of bucket.
var (
	reservedPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

// checkNewBucketName also refuses the names that AWS reserves.
func checkNewBucketName(name string) error {
	if err := checkBucketName(name); err != nil {
		return err
	}
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(name, p) {
			return invalidBucketName(name)
		}
	}
	for _, s := range reservedSuffixes {
		if strings.HasSuffix(name, s) {
			return invalidBucketName(name)
		}
	}
	return nil
}

func invalidBucketName(name string) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.").With("BucketName", clip(name))
}
