package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"time"
)

// FormAuthorization is what a browser's upload claims about its signature: an
// HTML form whose fields carry a policy document and a signature of it (S3 API
// Reference, "Authenticating Requests in Browser-Based Uploads Using POST").
// Nothing of it may be trusted before Verify.
type FormAuthorization struct {
	AccessKeyID  string
	Scope        Scope
	Time         time.Time
	SessionToken string // "" if absent
	Signature    string // 64 lower-case hex digits
	Policy       string // in Base64, as it is signed
}

// The fields of a form that concern its signature, in lower case.
const (
	formPolicy        = "policy"
	formAlgorithm     = "x-amz-algorithm"
	formCredential    = "x-amz-credential"
	formDate          = "x-amz-date"
	formSignature     = "x-amz-signature"
	formSecurityToken = "x-amz-security-token"
)

// maxFormAge is how long after its date a form may be used, whatever its
// policy says (S3 API Reference, "Calculating a Signature": a signing key is
// valid for up to seven days).
const maxFormAge = 7 * 24 * time.Hour

// ParseForm reads the signature out of the fields of a form, named in lower
// case, without verifying it. It returns ErrNotSigned for a form without any
// such field, else an *Error for what it cannot read without doubt.
func ParseForm(fields map[string]string) (*FormAuthorization, error) {
	_, id2 := fields["awsaccesskeyid"]
	_, signature2 := fields["signature"]
	if id2 || signature2 {
		return nil, refuse(KindUnsupported, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	}
	if !formSigned(fields) {
		return nil, ErrNotSigned
	}
	for _, f := range [...]struct{ name, shown string }{
		{formPolicy, "policy"}, {formAlgorithm, "X-Amz-Algorithm"}, {formCredential, "X-Amz-Credential"},
		{formDate, "X-Amz-Date"}, {formSignature, "X-Amz-Signature"},
	} {
		if fields[f.name] == "" {
			return nil, refuse(KindMalformedForm, "Bucket POST must contain a field named '"+f.shown+
				"'.  If it is specified, please check the order of the fields.")
		}
	}
	return readForm(fields)
}

func formSigned(fields map[string]string) bool {
	for _, name := range [...]string{formPolicy, formAlgorithm, formCredential, formDate, formSignature, formSecurityToken} {
		if _, ok := fields[name]; ok {
			return true
		}
	}
	return false
}

func readForm(fields map[string]string) (*FormAuthorization, error) {
	var a Authorization
	switch given := fields[formAlgorithm]; {
	case given == algorithm:
	case strings.HasPrefix(given, "AWS4-ECDSA"):
		return nil, refuse(KindNotImplemented, "Signature Version 4A is not implemented.")
	default:
		return nil, refuse(KindMalformedForm, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")
	}
	switch {
	case !a.setCredential(fields[formCredential]) || a.Scope.Service != serviceS3:
		return nil, refuse(KindMalformedForm, "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "+
			"expecting \"<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request\".")
	case !a.setDate(fields[formDate]):
		return nil, refuse(KindMalformedForm, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
	case a.amzDate[:8] != a.Scope.Date:
		return nil, refuse(KindMalformedForm, "Error parsing the X-Amz-Credential parameter; Invalid credential date \""+
			a.Scope.Date+"\". This date is not the same as X-Amz-Date: \""+a.amzDate[:8]+"\".")
	case !validHexSHA256(fields[formSignature]):
		return nil, refuse(KindMalformedForm, "X-Amz-Signature must be 64 lower-case hex digits.")
	}
	return &FormAuthorization{
		AccessKeyID: a.AccessKeyID, Scope: a.Scope, Time: a.Time, SessionToken: fields[formSecurityToken],
		Signature: fields[formSignature], Policy: fields[formPolicy],
	}, nil
}

// Verify checks the signature of the policy and the form's date. The policy's
// own expiration and conditions are for the caller to check, once it holds.
// VerifyOptions.PayloadSHA256 is not used.
func (a *FormAuthorization) Verify(o VerifyOptions) error {
	skew := o.MaxSkew
	if skew == 0 {
		skew = defaultMaxSkew
	}
	detail := Detail{RequestTime: a.Time, ServerTime: o.Now, MaxSkew: skew, Expires: maxFormAge}
	switch {
	case a.Time.After(o.Now.Add(skew)):
		return &Error{Kind: KindNotYetValid, Detail: detail, Message: "Request is not valid yet"}
	case o.Now.After(a.Time.Add(maxFormAge)):
		return &Error{Kind: KindExpired, Detail: detail, Message: "Request has expired"}
	}
	key, cached := signingKey{}, false
	if o.Keys != nil {
		key, cached = o.Keys.get(o.Secret, a.Scope)
	}
	if !cached {
		key = deriveKey(o.Secret, a.Scope)
	}
	// The policy in Base64 is the string to sign.
	want := key.signature([]byte(a.Policy))
	if subtle.ConstantTimeCompare(want[:], []byte(a.Signature)) != 1 || o.Secret == "" {
		return &Error{Kind: KindSignatureMismatch,
			Message: "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
			Detail:  Detail{AccessKeyID: a.AccessKeyID, SignatureProvided: a.Signature, StringToSign: a.Policy}}
	}
	if o.Keys != nil && !cached {
		o.Keys.put(o.Secret, a.Scope, key)
	}
	return nil
}

// SignForm adds to the fields of a form what signs it, for its policy, which
// must be there already, in Base64. The policy must have conditions for the
// other fields that a signed form has (FormFields).
func SignForm(fields map[string]string, c Credentials, s Scope, t time.Time) {
	for name, value := range FormFields(c, s, t) {
		fields[name] = value
	}
	s.Date, s.Service = t.UTC().Format(amzDateLayout)[:8], serviceS3
	key := deriveKey(c.SecretAccessKey, s)
	sum := key.signature([]byte(fields[formPolicy]))
	fields[formSignature] = string(sum[:])
}

// FormFields are the fields of a signed form that its policy has to cover.
func FormFields(c Credentials, s Scope, t time.Time) map[string]string {
	date := t.UTC().Format(amzDateLayout)
	fields := map[string]string{
		formAlgorithm: algorithm, formDate: date,
		formCredential: c.AccessKeyID + "/" + date[:8] + "/" + s.Region + "/" + serviceS3 + "/" + scopeEnd,
	}
	if c.SessionToken != "" {
		fields[formSecurityToken] = c.SessionToken
	}
	return fields
}

// signature is mac in lower-case hex.
func (k *signingKey) signature(message []byte) (out [2 * sha256.Size]byte) {
	sum := k.mac(message)
	hex.Encode(out[:], sum[:])
	return out
}
