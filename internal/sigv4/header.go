package sigv4

import (
	"net/http"
	"strings"
)

// parseHeader reads a request signed in its Authorization header, whose
// values are given.
func parseHeader(r *http.Request, values []string) (*Authorization, error) {
	if len(values) != 1 {
		return nil, refuse(KindMalformedHeader, "The Authorization header occurs more than once.")
	}
	a := new(Authorization)
	if err := a.readHeader(values[0]); err != nil {
		return nil, err
	}
	if err := a.readHeaderDate(r); err != nil {
		return nil, err
	}
	if a.amzDate[:8] != a.Scope.Date {
		return nil, refuse(KindMalformedHeader, "The authorization header is malformed; Invalid credential date \""+a.Scope.Date+
			"\". This date is not the same as X-Amz-Date: \""+a.amzDate[:8]+"\".")
	}
	var err error
	if a.SessionToken, err = single(r, "X-Amz-Security-Token"); err != nil {
		return nil, err
	}
	if a.ContentSHA256, err = single(r, "X-Amz-Content-Sha256"); err != nil {
		return nil, err
	}
	return a, nil
}

// readHeader reads
//
//	AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…
//
// with the three in any order and optional blanks around the commas, as
// clients send it; each exactly once and nothing else.
func (a *Authorization) readHeader(s string) error {
	if len(s) > maxAuthorizationBytes {
		return refuse(KindMalformedHeader, "The authorization header is too long.")
	}
	scheme, rest, _ := strings.Cut(s, " ")
	if scheme != algorithm {
		return unsupportedScheme(scheme)
	}
	const credential, signedHeaders, signature = 1, 2, 4
	seen := 0
	for more := true; more; {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(trim(part), "=")
		field, ok := 0, false
		switch name {
		case "Credential":
			field, ok = credential, a.setCredential(value)
		case "SignedHeaders":
			field, ok = signedHeaders, a.setSignedHeaders(value)
		case "Signature":
			a.Signature = value
			field, ok = signature, validHexSHA256(value)
		}
		if field == 0 || seen&field != 0 {
			return refuse(KindMalformedHeader, "The authorization header is malformed; "+
				"it takes Credential, SignedHeaders and Signature, each once.")
		}
		if !ok {
			return malformedPart(name)
		}
		seen |= field
	}
	if seen != credential|signedHeaders|signature {
		return refuse(KindMalformedHeader, "The authorization header is malformed; "+
			"it requires Credential, SignedHeaders and Signature.")
	}
	return nil
}

func unsupportedScheme(scheme string) error {
	switch {
	case strings.HasPrefix(scheme, "AWS4-ECDSA"):
		return refuse(KindNotImplemented, "Signature Version 4A is not implemented. Please use AWS4-HMAC-SHA256.")
	case strings.HasPrefix(scheme, algorithm):
		return refuse(KindMalformedHeader, "The authorization header is malformed; a space must follow AWS4-HMAC-SHA256.")
	}
	return refuse(KindUnsupported, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
}

func malformedPart(name string) error {
	switch name {
	case "Credential":
		return refuse(KindMalformedHeader, "The authorization header is malformed; the Credential is mal-formed; "+
			"expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")
	case "SignedHeaders":
		return refuse(KindMalformedHeader, "The authorization header is malformed; "+
			"SignedHeaders must be lower-case header names in ascending order, separated by semicolons.")
	}
	return refuse(KindMalformedHeader, "The authorization header is malformed; Signature must be 64 lower-case hex digits.")
}

// readHeaderDate takes the time from X-Amz-Date, else from Date, where HTTP
// dates and the ISO form are read (Signature Version 4 documentation, Date).
func (a *Authorization) readHeaderDate(r *http.Request) error {
	date, err := single(r, "X-Amz-Date")
	if err != nil {
		return err
	}
	if date != "" {
		if !a.setDate(date) {
			return refuse(KindMissingDate, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
		}
		return nil
	}
	if date, err = single(r, "Date"); err != nil {
		return err
	}
	if a.setDate(date) {
		return nil
	}
	t, err := http.ParseTime(date)
	if err != nil {
		return refuse(KindMissingDate, "AWS authentication requires a valid Date or x-amz-date header")
	}
	a.setDate(t.UTC().Format(amzDateLayout))
	return nil
}

// trim removes the optional white space of RFC 9110 section 5.6.3.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
