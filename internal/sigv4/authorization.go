package sigv4

import (
	"net/http"
	"strings"
	"time"
)

// Credentials sign requests.
type Credentials struct {
	AccessKeyID, SecretAccessKey string
	SessionToken                 string // of temporary credentials, else ""
}

// Scope is what a signing key is derived for.
type Scope struct {
	Date    string // UTC day, YYYYMMDD
	Region  string
	Service string // signing name, such as "s3" or "iot"
}

// Authorization is what a request claims about its signature. Nothing of it
// may be trusted before Verify.
type Authorization struct {
	AccessKeyID   string
	Scope         Scope
	SignedHeaders []string // lower case, ascending, without duplicates
	Signature     string   // 64 lower-case hex digits
	Presigned     bool     // signed in the query
	Time          time.Time
	Expires       time.Duration // presigned only: 1 s to 604,800 s
	SessionToken  string        // X-Amz-Security-Token, "" if absent
	ContentSHA256 string        // x-amz-content-sha256 as sent, "" if absent

	amzDate    string     // Time as it is signed, YYYYMMDDTHHMMSSZ
	scopeText  string     // DATE/REGION/SERVICE/aws4_request as sent
	signedList string     // SignedHeaders as sent
	names      [16]string // backs SignedHeaders up to its size
}

// Bounds on what is read before anything is known of the caller. AWS states
// none but that of the request's whole header, 8 KB.
const (
	maxAuthorizationBytes = 8 << 10
	maxSignedHeaders      = 256
	maxQueryBytes         = 64 << 10
	maxQueryParams        = 1000
	maxAccessKeyIDBytes   = 128 // IAM API Reference, AccessKey: 16 to 128
	maxScopePartBytes     = 64
)

const (
	algorithm       = "AWS4-HMAC-SHA256"
	scopeEnd        = "aws4_request"
	amzDateLayout   = "20060102T150405Z"
	serviceS3       = "s3"
	maxExpires      = 604800 * time.Second
	defaultMaxSkew  = 15 * time.Minute
	headerAmzPrefix = "X-Amz-"
)

// Parse reads the Authorization header or the presigned query of r without
// verifying it. It returns ErrNotSigned if neither is there, else an *Error
// for what it cannot read without doubt. It does not touch the body.
func Parse(r *http.Request) (*Authorization, error) {
	q, err := scanQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	header, inHeader := r.Header["Authorization"]
	switch {
	case inHeader && q.signed():
		return nil, refuse(KindTwoSignatures, "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "+
			"Signature query string parameter or the Authorization header should be specified")
	case inHeader:
		return parseHeader(r, header)
	case q.version2:
		return nil, refuse(KindUnsupported, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	case q.signed():
		return parseQuery(r, &q)
	}
	return nil, ErrNotSigned
}

// single returns the value of the header with the canonical name key, which
// may occur once at most.
func single(r *http.Request, key string) (string, error) {
	values := r.Header[key]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", refuse(KindInvalidRequest, "The header "+strings.ToLower(key)+" occurs more than once.")
}

// setCredential reads "<key id>/<date>/<region>/<service>/aws4_request".
func (a *Authorization) setCredential(s string) bool {
	id, scope, ok := strings.Cut(s, "/")
	if !ok || !validAccessKeyID(id) {
		return false
	}
	a.AccessKeyID, a.scopeText = id, scope
	var end string
	if a.Scope.Date, scope, ok = strings.Cut(scope, "/"); !ok {
		return false
	}
	if a.Scope.Region, scope, ok = strings.Cut(scope, "/"); !ok {
		return false
	}
	if a.Scope.Service, end, ok = strings.Cut(scope, "/"); !ok {
		return false
	}
	return validDay(a.Scope.Date) && validRegion(a.Scope.Region) && validScopePart(a.Scope.Service) && end == scopeEnd
}

// setSignedHeaders reads "host;x-amz-date". The names must be lower case and
// ascend, as every canonical request lists them: then none occurs twice.
func (a *Authorization) setSignedHeaders(s string) bool {
	a.signedList = s
	names := a.names[:0]
	for previous := ""; ; {
		name, rest, more := strings.Cut(s, ";")
		if name <= previous || !validHeaderName(name) || len(names) == maxSignedHeaders {
			return false
		}
		names = append(names, name)
		if !more {
			a.SignedHeaders = names
			return true
		}
		previous, s = name, rest
	}
}

// setDate takes over a date in ISO 8601 basic format.
func (a *Authorization) setDate(s string) bool {
	t, ok := parseAmzDate(s)
	a.Time, a.amzDate = t, s
	return ok
}

// validRegion allows an empty region: clients that know none sign so, and who
// serves every region can tell what they mean. The signature covers it.
func validRegion(s string) bool { return s == "" || validScopePart(s) }

// signs reports whether the header name, in lower case, is signed.
func (a *Authorization) signs(name string) bool {
	for _, s := range a.SignedHeaders {
		if s == name {
			return true
		}
	}
	return false
}

func validAccessKeyID(s string) bool {
	if s == "" || len(s) > maxAccessKeyIDBytes {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == ',' || c == '"' {
			return false
		}
	}
	return true
}

func validScopePart(s string) bool {
	if s == "" || len(s) > maxScopePartBytes {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func validDay(s string) bool {
	if len(s) != 8 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// validHeaderName accepts the tokens of RFC 9110 section 5.6.2 in lower case.
func validHeaderName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c == '-' || c >= '0' && c <= '9' {
			continue
		}
		if strings.IndexByte("!#$%&'*+.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// validHexSHA256 accepts 64 lower-case hex digits.
func validHexSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// parseAmzDate reads YYYYMMDDTHHMMSSZ and nothing else.
func parseAmzDate(s string) (time.Time, bool) {
	if len(s) != len(amzDateLayout) || s[8] != 'T' || s[15] != 'Z' {
		return time.Time{}, false
	}
	for i := range 15 {
		if i != 8 && (s[i] < '0' || s[i] > '9') {
			return time.Time{}, false
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(4), two(6)
	hour, minute, second := two(9), two(11), two(13)
	if hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	// time.Date turns February 30 into March 2.
	return t, t.Day() == day && int(t.Month()) == month
}
