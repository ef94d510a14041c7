package s3

import (
	"net/http"
	"strings"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

// readConditions make a read depend on the object's state. A date that cannot
// be read counts as not given (RFC 9110 section 13.1.3).
type readConditions struct {
	IfMatch           string `header:"If-Match"`
	IfNoneMatch       string `header:"If-None-Match"`
	IfModifiedSince   string `header:"If-Modified-Since"`
	IfUnmodifiedSince string `header:"If-Unmodified-Since"`
}

// outcome of conditions.
type outcome uint8

const (
	proceed outcome = iota
	notModified
	failed
)

// evaluate returns the outcome and the header that decided. An entity tag has
// precedence over a date: when If-Match holds, If-Unmodified-Since is not looked
// at, and when If-None-Match is given, If-Modified-Since is not (API Reference,
// GetObject).
func (c *readConditions) evaluate(v *object.Version) (outcome, string) {
	if *c == (readConditions{}) {
		return proceed, ""
	}
	modified := v.Modified.Truncate(time.Second)
	if c.IfMatch != "" {
		if !matchesETag(c.IfMatch, v.ETag) {
			return failed, "If-Match"
		}
	} else if since, err := http.ParseTime(c.IfUnmodifiedSince); err == nil && modified.After(since) {
		return failed, "If-Unmodified-Since"
	}
	if c.IfNoneMatch != "" {
		if matchesETag(c.IfNoneMatch, v.ETag) {
			return notModified, "If-None-Match"
		}
	} else if since, err := http.ParseTime(c.IfModifiedSince); err == nil && !modified.After(since) {
		return notModified, "If-Modified-Since"
	}
	return proceed, ""
}

// matchesETag reports whether a list of entity tags, with or without quotes,
// has etag or is "*".
func matchesETag(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || strings.Trim(tag, `"`) == etag {
			return true
		}
	}
	return false
}

// copyConditions are those on the source of a copy.
type copyConditions struct {
	CopySourceIfMatch           string `header:"X-Amz-Copy-Source-If-Match"`
	CopySourceIfNoneMatch       string `header:"X-Amz-Copy-Source-If-None-Match"`
	CopySourceIfModifiedSince   string `header:"X-Amz-Copy-Source-If-Modified-Since"`
	CopySourceIfUnmodifiedSince string `header:"X-Amz-Copy-Source-If-Unmodified-Since"`
}

// check refuses a copy whose conditions do not hold; there is no 304 for it.
func (c *copyConditions) check(v *object.Version) error {
	read := readConditions{c.CopySourceIfMatch, c.CopySourceIfNoneMatch, c.CopySourceIfModifiedSince, c.CopySourceIfUnmodifiedSince}
	if result, header := read.evaluate(v); result != proceed {
		return preconditionFailed("x-amz-copy-source-" + header)
	}
	return nil
}

// writeConditions make a write depend on what it would replace. The engine
// evaluates them together with the commit. S3 offers "*" in If-None-Match
// only; Inro takes an entity tag too.
type writeConditions struct {
	IfMatch     string `header:"If-Match"`
	IfNoneMatch string `header:"If-None-Match"`
}

func (c *writeConditions) keys(keys []identity.Key) []identity.Key {
	keys = given(keys, "s3:if-match", c.IfMatch)
	return given(keys, "s3:if-none-match", c.IfNoneMatch)
}

// needs adds GetObject when an entity tag is to be compared: its answer tells
// something of the object (S3 User Guide, conditional writes).
func (c *writeConditions) needs(needs []api.Permission, p place, key string, keys []identity.Key) []api.Permission {
	if isETag(c.IfMatch) || isETag(c.IfNoneMatch) {
		needs = append(needs, p.onObject("s3:GetObject", key, keys...))
	}
	return needs
}

func (c *writeConditions) condition() (object.Condition, error) {
	for _, h := range [...]struct{ name, value string }{{"If-Match", c.IfMatch}, {"If-None-Match", c.IfNoneMatch}} {
		if strings.Contains(h.value, ",") {
			return object.Condition{}, awserr.NotImplemented("A list of entity tags is not offered in a conditional write.").With("Header", h.name)
		}
	}
	return object.Condition{IfMatch: strings.TrimSpace(c.IfMatch), IfNoneMatch: strings.TrimSpace(c.IfNoneMatch)}, nil
}
