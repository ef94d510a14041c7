package sigv4

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The query parameters of a presigned request, indexes into authQuery.
const (
	paramAlgorithm = iota
	paramCredential
	paramDate
	paramExpires
	paramSignedHeaders
	paramSignature
	paramSecurityToken
	paramContentSHA256
	paramCount
)

var paramNames = [paramCount]string{
	"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
	"X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Content-Sha256",
}

// authQuery holds the parameters of a query that concern its signature.
type authQuery struct {
	values   [paramCount]string
	present  [paramCount]bool
	version2 bool // carries a signature of Signature Version 2
}

// signed reports whether the query claims to be presigned.
func (q *authQuery) signed() bool {
	return q.present[paramAlgorithm] || q.present[paramCredential] || q.present[paramSignature] ||
		q.present[paramSignedHeaders] || q.version2
}

// scanQuery collects the signature's parameters from a raw query. Parameter
// names are compared decoded, so that an escape cannot hide one.
func scanQuery(raw string) (authQuery, error) {
	var q authQuery
	if len(raw) > maxQueryBytes {
		return q, refuse(KindInvalidRequest, "The query string is too long.")
	}
	var id2, signature2 bool
	var wrong error // of a parameter of version 4
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		name, ok := unescape(name)
		if !ok {
			return q, errBadEscape()
		}
		switch {
		case len(name) > len(headerAmzPrefix) && strings.EqualFold(name[:len(headerAmzPrefix)], headerAmzPrefix):
			if err := q.set(name, value); err != nil && wrong == nil {
				wrong = err
			}
		case name == "AWSAccessKeyId":
			id2 = true
		case name == "Signature":
			signature2 = true
		}
	}
	if q.version2 = id2 && signature2; q.version2 {
		return q, nil // refused whatever else is wrong with it
	}
	return q, wrong
}

// set stores one X-Amz- parameter if it is one of the signature's.
func (q *authQuery) set(name, rawValue string) error {
	for i, known := range paramNames {
		if len(name) != len(known) || !strings.EqualFold(name, known) {
			continue
		}
		if name != known || q.present[i] {
			return refuse(KindMalformedQuery, "The query parameter "+known+" must occur once, in this spelling.")
		}
		value, ok := unescape(rawValue)
		if !ok {
			return errBadEscape()
		}
		q.values[i], q.present[i] = value, true
	}
	return nil
}

// parseQuery reads a request signed in its query.
func parseQuery(r *http.Request, q *authQuery) (*Authorization, error) {
	if q.present[paramAlgorithm] && q.values[paramAlgorithm] != algorithm {
		if strings.HasPrefix(q.values[paramAlgorithm], "AWS4-ECDSA") {
			return nil, unsupportedScheme(q.values[paramAlgorithm])
		}
		return nil, refuse(KindMalformedQuery, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")
	}
	for i := paramAlgorithm; i <= paramSignature; i++ {
		if !q.present[i] {
			return nil, refuse(KindMalformedQuery, "Query-string authentication version 4 requires the X-Amz-Algorithm, "+
				"X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
		}
	}
	a := &Authorization{Presigned: true, Signature: q.values[paramSignature]}
	if err := a.readQuery(q); err != nil {
		return nil, err
	}
	return a, a.readOptional(r, q)
}

func (a *Authorization) readQuery(q *authQuery) error {
	switch {
	case !a.setCredential(q.values[paramCredential]):
		return refuse(KindMalformedQuery, "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "+
			"expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")
	case !a.setDate(q.values[paramDate]):
		return refuse(KindMalformedQuery, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
	case a.amzDate[:8] != a.Scope.Date:
		return refuse(KindMalformedQuery, "Error parsing the X-Amz-Credential parameter; Invalid credential date \""+
			a.Scope.Date+"\". This date is not the same as X-Amz-Date: \""+a.amzDate[:8]+"\".")
	case !a.setSignedHeaders(q.values[paramSignedHeaders]):
		return refuse(KindMalformedQuery,
			"X-Amz-SignedHeaders must be lower-case header names in ascending order, separated by semicolons.")
	case !validHexSHA256(a.Signature):
		return refuse(KindMalformedQuery, "X-Amz-Signature must be 64 lower-case hex digits.")
	}
	return a.setExpires(q.values[paramExpires])
}

// setExpires reads X-Amz-Expires (S3 API Reference, Authenticating Requests:
// Using Query Parameters: 1 to 604800 seconds).
func (a *Authorization) setExpires(s string) error {
	digits := s
	for digits != "" && digits[0] >= '0' && digits[0] <= '9' {
		digits = digits[1:]
	}
	if s == "" || digits != "" {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n < 0 {
			return refuse(KindMalformedQuery, "X-Amz-Expires must be non-negative")
		}
		return refuse(KindMalformedQuery, "X-Amz-Expires should be a number")
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > uint64(maxExpires/time.Second) {
		return refuse(KindMalformedQuery, "X-Amz-Expires must be less than a week (in seconds); "+
			"that is, the given X-Amz-Expires must be less than 604800 seconds")
	}
	if n == 0 {
		return refuse(KindMalformedQuery, "X-Amz-Expires must be at least one second")
	}
	a.Expires = time.Duration(n) * time.Second
	return nil
}

// readOptional takes the session token and the content hash, each of which
// may be in the query or in a header, but must not differ.
func (a *Authorization) readOptional(r *http.Request, q *authQuery) error {
	for _, f := range []struct {
		param  int
		header string
		to     *string
	}{
		{paramSecurityToken, "X-Amz-Security-Token", &a.SessionToken},
		{paramContentSHA256, "X-Amz-Content-Sha256", &a.ContentSHA256},
	} {
		value, err := single(r, f.header)
		if err != nil {
			return err
		}
		if q.present[f.param] {
			if value != "" && value != q.values[f.param] {
				return refuse(KindMalformedQuery, "The query parameter "+paramNames[f.param]+" and the header differ.")
			}
			value = q.values[f.param]
		}
		*f.to = value
	}
	return nil
}

// unescape decodes a part of a query, where '+' is a space. It returns s
// itself when there is nothing to decode.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			out = append(out, ' ')
		case '%':
			b, ok := unhex(s, i+1)
			if !ok {
				return "", false
			}
			out = append(out, b)
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out), true
}

// unhex reads the two hex digits of s at i.
func unhex(s string, i int) (byte, bool) {
	if i+2 > len(s) {
		return 0, false
	}
	high, low := hexValue(s[i]), hexValue(s[i+1])
	return high<<4 | low&0x0f, high < 16 && low < 16
}

// hexValue returns the value of a hex digit, 0xff for anything else.
func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

func errBadEscape() error {
	return refuse(KindInvalidRequest, "The query string holds an invalid percent-encoding.")
}
