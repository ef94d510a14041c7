package sigv4

import (
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

// The example of the S3 API Reference, "Examples: Browser-Based Upload using
// HTTP POST (Using AWS Signature Version 4)".
const (
	formExampleSignature = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
	formExamplePolicy    = "{ \"expiration\": \"2015-12-30T12:00:00.000Z\",\r\n" +
		"  \"conditions\": [\r\n" +
		"    {\"bucket\": \"sigv4examplebucket\"},\r\n" +
		"    [\"starts-with\", \"$key\", \"user/user1/\"],\r\n" +
		"    {\"acl\": \"public-read\"},\r\n" +
		"    {\"success_action_redirect\": \"http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html\"},\r\n" +
		"    [\"starts-with\", \"$Content-Type\", \"image/\"],\r\n" +
		"    {\"x-amz-meta-uuid\": \"14365123651274\"},\r\n" +
		"    {\"x-amz-server-side-encryption\": \"AES256\"},\r\n" +
		"    [\"starts-with\", \"$x-amz-meta-tag\", \"\"],\r\n\r\n" +
		"    {\"x-amz-credential\": \"AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request\"},\r\n" +
		"    {\"x-amz-algorithm\": \"AWS4-HMAC-SHA256\"},\r\n" +
		"    {\"x-amz-date\": \"20151229T000000Z\" }\r\n" +
		"  ]\r\n}"
)

func formExample() map[string]string {
	return map[string]string{
		"key": "user/user1/${filename}", "policy": base64.StdEncoding.EncodeToString([]byte(formExamplePolicy)),
		"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-date": "20151229T000000Z",
		"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
		"x-amz-signature":  formExampleSignature,
	}
}

func TestFormExampleOfTheReferenceVerifies(t *testing.T) {
	a, err := ParseForm(formExample())
	if err != nil {
		t.Fatal(err)
	}
	if a.AccessKeyID != "AKIAIOSFODNN7EXAMPLE" || a.Scope != (Scope{"20151229", "us-east-1", "s3"}) {
		t.Fatalf("got %+v", a)
	}
	keys := NewKeyCache(16)
	for range 2 { // derived, then from the cache
		if err := a.Verify(VerifyOptions{Secret: exampleSecret, Now: a.Time.Add(time.Hour), Keys: keys}); err != nil {
			t.Fatal(err)
		}
	}
	signed := formExample()
	delete(signed, "x-amz-signature")
	SignForm(signed, Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: exampleSecret}, Scope{Region: "us-east-1"}, a.Time)
	if !maps.Equal(signed, formExample()) {
		t.Fatalf("signed: got %v, want %v", signed, formExample())
	}
}

func TestVerifyRefusesForms(t *testing.T) {
	signed := time.Date(2015, 12, 29, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		what         string
		field, value string
		secret       string
		now          time.Time
		want         Kind
	}{
		{"another policy", "policy", base64.StdEncoding.EncodeToString([]byte(formExamplePolicy + " ")), exampleSecret, signed, KindSignatureMismatch},
		{"another secret", "", "", "x" + exampleSecret, signed, KindSignatureMismatch},
		{"no secret", "", "", "", signed, KindSignatureMismatch},
		{"another region", "x-amz-credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-2/s3/aws4_request", exampleSecret, signed, KindSignatureMismatch},
		{"too early", "", "", exampleSecret, signed.Add(-16 * time.Minute), KindNotYetValid},
		{"after a week", "", "", exampleSecret, signed.Add(maxFormAge + time.Second), KindExpired},
	} {
		fields := formExample()
		if c.field != "" {
			fields[c.field] = c.value
		}
		a, err := ParseForm(fields)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if err := a.Verify(VerifyOptions{Secret: c.secret, Now: c.now}); kindOf(err) != c.want {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
	}
}

func TestParseFormRefuses(t *testing.T) {
	for _, c := range []struct {
		what, field, value string
		want               Kind
	}{
		{"no policy", "policy", "", KindMalformedForm},
		{"no algorithm", "x-amz-algorithm", "", KindMalformedForm},
		{"no credential", "x-amz-credential", "", KindMalformedForm},
		{"no date", "x-amz-date", "", KindMalformedForm},
		{"no signature", "x-amz-signature", "", KindMalformedForm},
		{"another algorithm", "x-amz-algorithm", "AWS4-HMAC-SHA1", KindMalformedForm},
		{"version 4A", "x-amz-algorithm", "AWS4-ECDSA-P256-SHA256", KindNotImplemented},
		{"another service", "x-amz-credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/iam/aws4_request", KindMalformedForm},
		{"another day", "x-amz-credential", "AKIAIOSFODNN7EXAMPLE/20151230/us-east-1/s3/aws4_request", KindMalformedForm},
		{"a date of HTTP", "x-amz-date", "Tue, 29 Dec 2015 00:00:00 GMT", KindMalformedForm},
		{"a signature in capitals", "x-amz-signature", strings.ToUpper(formExampleSignature), KindMalformedForm},
		{"version 2", "awsaccesskeyid", "AKIAIOSFODNN7EXAMPLE", KindUnsupported},
	} {
		fields := formExample()
		if fields[c.field] = c.value; c.value == "" {
			delete(fields, c.field)
		}
		if a, err := ParseForm(fields); a != nil || kindOf(err) != c.want {
			t.Errorf("%s: got %v, %v, want %v", c.what, a, err, c.want)
		}
	}
	if _, err := ParseForm(map[string]string{"key": "k", "acl": "private"}); !errors.Is(err, ErrNotSigned) {
		t.Errorf("an unsigned form: got %v, want ErrNotSigned", err)
	}
}

// What ParseForm accepts holds the claims it promises, and the signature of
// nobody verifies.
func FuzzParseForm(f *testing.F) {
	e := formExample()
	f.Add(e["policy"], e["x-amz-algorithm"], e["x-amz-credential"], e["x-amz-date"], e["x-amz-signature"], "")
	f.Fuzz(func(t *testing.T, policy, algorithm, credential, date, signature, token string) {
		a, err := ParseForm(map[string]string{"policy": policy, "x-amz-algorithm": algorithm, "x-amz-credential": credential,
			"x-amz-date": date, "x-amz-signature": signature, "x-amz-security-token": token})
		if err != nil {
			if a != nil || kindOf(err) >= kindCount {
				t.Fatalf("got %v, %v; want nil and an *Error", a, err)
			}
			return
		}
		if a.Policy == "" || a.AccessKeyID == "" || !validHexSHA256(a.Signature) || a.Scope.Service != serviceS3 ||
			a.Time.UTC().Format(amzDateLayout) != date || date[:8] != a.Scope.Date {
			t.Fatalf("accepted %+v", a)
		}
		if err := a.Verify(VerifyOptions{Secret: "another secret", Now: a.Time}); kindOf(err) != KindSignatureMismatch {
			t.Fatalf("verified %+v: %v", a, err)
		}
	})
}
