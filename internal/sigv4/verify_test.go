package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

var sessionCredentials = Credentials{exampleKeyID, exampleSecret, "session-token"}

// signedGet is a request to S3 with a query, metadata and a session token.
func signedGet(t testing.TB) *http.Request {
	t.Helper()
	r := httptest.NewRequest("GET", "http://127.0.0.1:9000/bucket/a/b%20c?list-type=2&prefix=x%2Fy&empty", nil)
	r.Header.Set("X-Amz-Meta-Colour", "blue")
	r.Header.Set("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
	if err := Sign(r, sessionCredentials, testScope, exampleTime, EmptySHA256); err != nil {
		t.Fatal(err)
	}
	return r
}

// presignedGet is the same request signed in its query, for an hour.
func presignedGet(t testing.TB) *http.Request {
	t.Helper()
	r := httptest.NewRequest("GET", "http://127.0.0.1:9000/bucket/a/b%20c?list-type=2&prefix=x%2Fy&empty", nil)
	r.Header.Set("X-Amz-Meta-Colour", "blue")
	u, err := Presign(r, sessionCredentials, testScope, exampleTime, time.Hour, "")
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	return r
}

// check parses and verifies r at the example's time plus late.
func check(r *http.Request, late time.Duration) error {
	a, err := Parse(r)
	if err != nil {
		return err
	}
	_, err = a.Verify(r, VerifyOptions{Secret: exampleSecret, Now: exampleTime.Add(late), PayloadSHA256: EmptySHA256})
	return err
}

func TestParseTellsWhatTheRequestClaims(t *testing.T) {
	for _, r := range []*http.Request{signedGet(t), presignedGet(t)} {
		a, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		want := Scope{"20130524", "us-east-1", "s3"}
		if a.AccessKeyID != exampleKeyID || a.Scope != want || a.SessionToken != "session-token" || !a.Time.Equal(exampleTime) {
			t.Errorf("got %q %v %q %v; want %q %v %q %v", a.AccessKeyID, a.Scope, a.SessionToken, a.Time,
				exampleKeyID, want, "session-token", exampleTime)
		}
		if a.Presigned && (a.Expires != time.Hour || !slices.Equal(a.SignedHeaders, []string{"host", "x-amz-meta-colour"})) {
			t.Errorf("presigned for %v with %v; want 1h with host and x-amz-meta-colour", a.Expires, a.SignedHeaders)
		}
	}
}

func TestUnsignedRequest(t *testing.T) {
	r := httptest.NewRequest("GET", "/bucket/key?X-Amz-Date=20130524T000000Z&x-amz-acl=private", nil)
	if _, err := Parse(r); err != ErrNotSigned {
		t.Errorf("got %v, want ErrNotSigned", err)
	}
}

// edit changes the Authorization header.
func edit(old, new string) func(*http.Request) {
	return func(r *http.Request) {
		h := r.Header.Get("Authorization")
		if !strings.Contains(h, old) {
			panic("the header does not contain " + old)
		}
		r.Header.Set("Authorization", strings.Replace(h, old, new, 1))
	}
}

func set(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func add(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

// query changes the raw query.
func query(old, new string) func(*http.Request) {
	return func(r *http.Request) {
		if !strings.Contains(r.URL.RawQuery, old) {
			panic("the query does not contain " + old)
		}
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, new, 1)
	}
}

func TestTamperedHeaderSignatureIsRefused(t *testing.T) {
	const date = "20130524"
	tests := map[string]struct {
		change func(*http.Request)
		want   Kind
	}{
		"nothing": {func(*http.Request) {}, 0},
		// The request.
		"method":                  {func(r *http.Request) { r.Method = "PUT" }, KindSignatureMismatch},
		"method in lower case":    {func(r *http.Request) { r.Method = "get" }, KindSignatureMismatch},
		"path":                    {func(r *http.Request) { r.URL.Path = "/bucket/a/b c2" }, KindSignatureMismatch},
		"path with slash":         {func(r *http.Request) { r.URL.Path += "/" }, KindSignatureMismatch},
		"path with double slash":  {func(r *http.Request) { r.URL.Path = "/bucket//a/b c" }, KindSignatureMismatch},
		"path with dot segment":   {func(r *http.Request) { r.URL.Path = "/bucket/./a/b c" }, KindSignatureMismatch},
		"path with parent":        {func(r *http.Request) { r.URL.Path = "/bucket/x/../a/b c" }, KindSignatureMismatch},
		"host":                    {func(r *http.Request) { r.Host = "localhost:9000" }, KindSignatureMismatch},
		"host without port":       {func(r *http.Request) { r.Host = "127.0.0.1" }, KindSignatureMismatch},
		"query value":             {query("x%2Fy", "x%2Fz"), KindSignatureMismatch},
		"query name":              {query("prefix", "Prefix"), KindSignatureMismatch},
		"query parameter added":   {query("empty", "empty&versionId=1"), KindSignatureMismatch},
		"query parameter removed": {query("&empty", ""), KindSignatureMismatch},
		"query value swapped":     {query("list-type=2&prefix=x%2Fy", "list-type=x%2Fy&prefix=2"), KindSignatureMismatch},
		"query order":             {query("list-type=2&prefix=x%2Fy", "prefix=x%2Fy&list-type=2"), 0},
		"query escape spelling":   {query("x%2Fy", "%78%2fy"), 0},
		"query bad escape":        {query("x%2Fy", "x%2"), KindInvalidRequest},
		"query semicolon":         {query("x%2Fy", "x;y"), KindInvalidRequest},
		"query too long":          {query("empty", strings.Repeat("&", maxQueryBytes)), KindInvalidRequest},
		"query with too many":     {query("empty", strings.Repeat("a&", maxQueryParams)), KindInvalidRequest},
		// Headers.
		"signed header":              {set("X-Amz-Meta-Colour", "red"), KindSignatureMismatch},
		"signed header twice":        {add("X-Amz-Meta-Colour", "red"), KindSignatureMismatch},
		"signed header with blanks":  {set("X-Amz-Meta-Colour", "  blue\t"), 0},
		"signed header removed":      {func(r *http.Request) { r.Header.Del("X-Amz-Meta-Colour") }, KindSignatureMismatch},
		"amz header added":           {set("X-Amz-Acl", "public-read"), KindHeadersNotSigned},
		"amz header in odd spelling": {func(r *http.Request) { r.Header["x-amz-acl"] = []string{"public-read"} }, KindHeadersNotSigned},
		"other header added":         {set("X-Amzn-Trace-Id", "Root=1"), 0},
		"token":                      {set("X-Amz-Security-Token", "other"), KindSignatureMismatch},
		"token removed":              {func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, KindSignatureMismatch},
		"token twice":                {add("X-Amz-Security-Token", "session-token"), KindInvalidRequest},
		"content hash":               {set("X-Amz-Content-Sha256", hexSHA256([]byte("x"))), KindSignatureMismatch},
		"content hash unsigned":      {set("X-Amz-Content-Sha256", UnsignedPayload), KindSignatureMismatch},
		"content hash streaming":     {set("X-Amz-Content-Sha256", StreamingUnsignedTrailer), KindSignatureMismatch},
		"content hash removed":       {func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }, KindMissingContentSHA256},
		"content hash in upper case": {set("X-Amz-Content-Sha256", strings.ToUpper(EmptySHA256)), KindInvalidContentSHA256},
		"content hash of SigV4A":     {set("X-Amz-Content-Sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), KindNotImplemented},
		"content hash twice":         {add("X-Amz-Content-Sha256", EmptySHA256), KindInvalidRequest},
		"content-md5":                {set("Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA=="), KindSignatureMismatch},
		"content-md5 not signed":     {edit("content-md5;", ""), KindHeadersNotSigned},
		"host not signed":            {edit("host;", ""), KindHeadersNotSigned},
		"date not signed":            {edit("x-amz-date;", ""), KindHeadersNotSigned},
		"token not signed":           {edit(";x-amz-security-token", ""), KindHeadersNotSigned},
		// Date.
		"date":                 {set("X-Amz-Date", "20130524T000001Z"), KindSignatureMismatch},
		"date of another day":  {set("X-Amz-Date", "20130525T000000Z"), KindMalformedHeader},
		"date twice":           {add("X-Amz-Date", "20130524T000000Z"), KindInvalidRequest},
		"date of February 30":  {set("X-Amz-Date", "20130230T000000Z"), KindMissingDate},
		"date with a fraction": {set("X-Amz-Date", "20130524T000000.1Z"), KindMissingDate},
		"date with a zone":     {set("X-Amz-Date", "20130524T000000+"), KindMissingDate},
		"date at hour 24":      {set("X-Amz-Date", "20130524T240000Z"), KindMissingDate},
		"date removed":         {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, KindMissingDate},
		// Scope.
		"access key":             {edit(exampleKeyID, "AKIAIOSFODNN7EXAMPLF"), 0}, // chooses the secret, which is the caller's
		"scope date":             {edit(date, "20130525"), KindMalformedHeader},
		"scope date too long":    {edit(date, "020130524"), KindMalformedHeader},
		"scope region":           {edit("us-east-1", "us-east-2"), KindSignatureMismatch},
		"scope region empty":     {edit("us-east-1", ""), KindSignatureMismatch},
		"scope region with NL":   {edit("us-east-1", "us\neast"), KindMalformedHeader},
		"scope service":          {edit("/s3/", "/iam/"), KindSignatureMismatch},
		"scope service case":     {edit("/s3/", "/S3/"), KindSignatureMismatch},
		"scope end":              {edit("aws4_request", "aws5_request"), KindMalformedHeader},
		"scope with more parts":  {edit("aws4_request", "aws4_request/x"), KindMalformedHeader},
		"scope with fewer parts": {edit("/us-east-1", ""), KindMalformedHeader},
		// Form of the header.
		"signature":                    {edit("Signature=", "Signature=0"), KindMalformedHeader},
		"signature changed":            {flipSignature, KindSignatureMismatch},
		"signature in upper case":      {upperSignature, KindMalformedHeader},
		"signature empty":              {func(r *http.Request) { cutAfter(r, "Signature=") }, KindMalformedHeader},
		"signature missing":            {func(r *http.Request) { cutAfter(r, ", Signature=") }, KindMalformedHeader},
		"algorithm":                    {edit("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), KindUnsupported},
		"algorithm in lower case":      {edit("AWS4-HMAC-SHA256", "aws4-hmac-sha256"), KindUnsupported},
		"algorithm of SigV4A":          {edit("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), KindNotImplemented},
		"algorithm of SigV2":           {set("Authorization", "AWS AKIA:c2lnbmF0dXJl"), KindUnsupported},
		"algorithm without blank":      {edit("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"), KindMalformedHeader},
		"header empty":                 {set("Authorization", ""), KindUnsupported},
		"header alone":                 {set("Authorization", algorithm), KindMalformedHeader},
		"header twice":                 {add("Authorization", "AWS4-HMAC-SHA256 x"), KindMalformedHeader},
		"header too long":              {edit("Credential=", strings.Repeat(" ", maxAuthorizationBytes)+"Credential="), KindMalformedHeader},
		"no blanks after commas":       {edit(", SignedHeaders", ",SignedHeaders"), 0},
		"more blanks after commas":     {edit(", SignedHeaders", " , \t SignedHeaders"), 0},
		"blank before equals":          {edit("SignedHeaders=", "SignedHeaders ="), KindMalformedHeader},
		"part twice":                   {edit("SignedHeaders=", "SignedHeaders=host, SignedHeaders="), KindMalformedHeader},
		"part unknown":                 {edit("SignedHeaders=", "Region=x, SignedHeaders="), KindMalformedHeader},
		"part in lower case":           {edit("Credential=", "credential="), KindMalformedHeader},
		"part empty":                   {edit(", SignedHeaders", ", , SignedHeaders"), KindMalformedHeader},
		"comma at the end":             {func(r *http.Request) { r.Header.Set("Authorization", r.Header.Get("Authorization")+",") }, KindMalformedHeader},
		"signed headers unsorted":      {edit("host;x-amz-content-sha256", "x-amz-content-sha256;host"), KindMalformedHeader},
		"signed headers twice":         {edit("host;", "host;host;"), KindMalformedHeader},
		"signed headers upper case":    {edit("host;", "Host;"), KindMalformedHeader},
		"signed headers empty":         {edit("content-md5;host", "content-md5;;host"), KindMalformedHeader},
		"signed headers with one more": {edit("host;", "host;range;"), KindSignatureMismatch},
		"signed headers too many":      {edit("host;", "host;"+manyNames()), KindMalformedHeader},
		"also in the query":            {query("empty", "empty&X-Amz-Signature=0"), KindTwoSignatures},
		"also algorithm in the query":  {query("empty", "empty&X-Amz-Algorithm=AWS4-HMAC-SHA256"), KindTwoSignatures},
		"also SigV2 in the query":      {query("empty", "empty&AWSAccessKeyId=a&Signature=b"), KindTwoSignatures},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := signedGet(t)
			test.change(r)
			if err := check(r, 0); kindOf(err) != test.want {
				t.Errorf("got %v, want kind %q\nrequest %s %s %v", err, test.want, r.Method, r.URL, r.Header)
			}
		})
	}
}

func flipSignature(r *http.Request) {
	h := []byte(r.Header.Get("Authorization"))
	last := &h[len(h)-1]
	*last = "0123456789abcdef"[(hexValue(*last)+1)%16]
	r.Header.Set("Authorization", string(h))
}

func upperSignature(r *http.Request) {
	head, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	r.Header.Set("Authorization", head+"Signature="+strings.ToUpper(signature))
}

func cutAfter(r *http.Request, mark string) {
	head, _, _ := strings.Cut(r.Header.Get("Authorization"), mark)
	if strings.HasPrefix(mark, "S") {
		head += mark
	}
	r.Header.Set("Authorization", head)
}

func manyNames() string {
	var b strings.Builder
	for i := range maxSignedHeaders {
		b.WriteString("i" + string([]byte{'a' + byte(i/26), 'a' + byte(i%26)}) + ";")
	}
	return b.String()
}

func TestTamperedPresignedURLIsRefused(t *testing.T) {
	tests := map[string]struct {
		change func(*http.Request)
		want   Kind
	}{
		"nothing":                       {func(*http.Request) {}, 0},
		"method":                        {func(r *http.Request) { r.Method = "DELETE" }, KindSignatureMismatch},
		"path":                          {func(r *http.Request) { r.URL.Path = "/bucket/a/b" }, KindSignatureMismatch},
		"host":                          {func(r *http.Request) { r.Host = "example.com" }, KindSignatureMismatch},
		"query value":                   {query("x%2Fy", "x"), KindSignatureMismatch},
		"query parameter added":         {query("list-type", "versionId=1&list-type"), KindSignatureMismatch},
		"query order":                   {query("list-type=2&prefix=x%2Fy", "prefix=x%2Fy&list-type=2"), 0},
		"signed header":                 {set("X-Amz-Meta-Colour", "red"), KindSignatureMismatch},
		"signed header removed":         {func(r *http.Request) { r.Header.Del("X-Amz-Meta-Colour") }, KindSignatureMismatch},
		"amz header added":              {set("X-Amz-Acl", "public-read"), KindHeadersNotSigned},
		"content-md5 added":             {set("Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA=="), KindHeadersNotSigned},
		"content-type added":            {set("Content-Type", "text/plain"), 0},
		"content hash added":            {set("X-Amz-Content-Sha256", EmptySHA256), KindHeadersNotSigned},
		"authorization added":           {set("Authorization", "AWS4-HMAC-SHA256 x"), KindTwoSignatures},
		"algorithm":                     {query("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), KindMalformedQuery},
		"algorithm of SigV4A":           {query("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), KindNotImplemented},
		"algorithm missing":             {query("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""), KindMalformedQuery},
		"algorithm twice":               {query("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Algorithm=AWS4-HMAC-SHA256"), KindMalformedQuery},
		"algorithm in odd spelling":     {query("X-Amz-Algorithm", "x-amz-algorithm"), KindMalformedQuery},
		"signature twice, one escaped":  {query("X-Amz-Date", "X-Amz-Signatur%65=0&X-Amz-Date"), KindMalformedQuery},
		"signature empty":               {query("X-Amz-Signature=", "X-Amz-Signature=&x="), KindMalformedQuery},
		"signature missing":             {query("X-Amz-Signature=", "x="), KindMalformedQuery},
		"credential":                    {query("us-east-1", "us-east-2"), KindSignatureMismatch},
		"credential without end":        {query("%2Faws4_request", ""), KindMalformedQuery},
		"credential of another day":     {query("%2F20130524%2F", "%2F20130525%2F"), KindMalformedQuery},
		"date":                          {query("20130524T000000Z", "20130524T000001Z"), KindSignatureMismatch},
		"date malformed":                {query("20130524T000000Z", "2013-05-24T00:00:00Z"), KindMalformedQuery},
		"expiry":                        {query("X-Amz-Expires=3600", "X-Amz-Expires=3601"), KindSignatureMismatch},
		"expiry zero":                   {query("X-Amz-Expires=3600", "X-Amz-Expires=0"), KindMalformedQuery},
		"expiry negative":               {query("X-Amz-Expires=3600", "X-Amz-Expires=-1"), KindMalformedQuery},
		"expiry of over a week":         {query("X-Amz-Expires=3600", "X-Amz-Expires=604801"), KindMalformedQuery},
		"expiry of too many digits":     {query("X-Amz-Expires=3600", "X-Amz-Expires=99999999999999999999"), KindMalformedQuery},
		"expiry not a number":           {query("X-Amz-Expires=3600", "X-Amz-Expires=%2B3600"), KindMalformedQuery},
		"expiry empty":                  {query("X-Amz-Expires=3600", "X-Amz-Expires="), KindMalformedQuery},
		"expiry missing":                {query("X-Amz-Expires=3600&", ""), KindMalformedQuery},
		"token":                         {query("session-token", "other-token"), KindSignatureMismatch},
		"token removed":                 {query("X-Amz-Security-Token=session-token&", ""), KindSignatureMismatch},
		"token differs in the header":   {set("X-Amz-Security-Token", "other"), KindMalformedQuery},
		"token also in the header":      {set("X-Amz-Security-Token", "session-token"), KindHeadersNotSigned},
		"signed headers":                {query("host%3Bx-amz-meta-colour", "host"), KindHeadersNotSigned},
		"signed headers without host":   {query("host%3Bx-amz-meta-colour", "x-amz-meta-colour"), KindHeadersNotSigned},
		"signed headers unescaped":      {query("host%3Bx-amz-meta-colour", "host;x-amz-meta-colour"), 0},
		"content hash in the query":     {query("X-Amz-Date", "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Date"), KindSignatureMismatch},
		"content hash of signed chunks": {query("X-Amz-Date", "X-Amz-Content-Sha256="+StreamingSigned+"&X-Amz-Date"), KindInvalidRequest},
		"bad escape in a name":          {query("list-type", "%zz"), KindInvalidRequest},
		"bad escape in a credential":    {query("%2F20130524", "%2"), KindInvalidRequest},
		"SigV2":                         {func(r *http.Request) { r.URL.RawQuery = "AWSAccessKeyId=a&Signature=b&Expires=1" }, KindUnsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := presignedGet(t)
			test.change(r)
			if err := check(r, 0); kindOf(err) != test.want {
				t.Errorf("got %v, want kind %q\nrequest %s %s %v", err, test.want, r.Method, r.URL, r.Header)
			}
		})
	}
}

func TestTimeLimits(t *testing.T) {
	tests := []struct {
		name string
		r    *http.Request
		late time.Duration
		want Kind
	}{
		{"header on time", signedGet(t), 0, 0},
		{"header at the limit", signedGet(t), 15 * time.Minute, 0},
		{"header late", signedGet(t), 15*time.Minute + time.Second, KindTooSkewed},
		{"header early at the limit", signedGet(t), -15 * time.Minute, 0},
		{"header early", signedGet(t), -15*time.Minute - time.Second, KindTooSkewed},
		{"presigned within", presignedGet(t), time.Hour, 0},
		{"presigned expired", presignedGet(t), time.Hour + time.Second, KindExpired},
		{"presigned early at the limit", presignedGet(t), -15 * time.Minute, 0},
		{"presigned early", presignedGet(t), -15*time.Minute - time.Second, KindNotYetValid},
		{"header of the far past", signedGet(t), 1 << 62, KindTooSkewed},
	}
	for _, test := range tests {
		if err := check(test.r, test.late); kindOf(err) != test.want {
			t.Errorf("%s: got %v, want kind %q", test.name, err, test.want)
		}
	}
}

// A difference of more than 292 years does not fit a time.Duration.
func TestAncientAndFarDates(t *testing.T) {
	for _, date := range []string{"00010101T000000Z", "16000101T000000Z", "99991231T235959Z"} {
		at, _ := time.Parse(amzDateLayout, date)
		r := httptest.NewRequest("GET", "/bucket/key", nil)
		if err := Sign(r, testCredentials, testScope, at, EmptySHA256); err != nil {
			t.Fatal(err)
		}
		if err := check(r, 0); kindOf(err) != KindTooSkewed {
			t.Errorf("header of %s: got %v, want %q", date, err, KindTooSkewed)
		}
		u, err := Presign(httptest.NewRequest("GET", "/bucket/key", nil), testCredentials, testScope, at, time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		r = httptest.NewRequest("GET", "/bucket/key", nil)
		r.URL = u
		if err := check(r, 0); kindOf(err) != KindExpired && kindOf(err) != KindNotYetValid {
			t.Errorf("presigned of %s: got %v, want expired or not yet valid", date, err)
		}
	}
}

func TestMaxSkewIsConfigurable(t *testing.T) {
	r := signedGet(t)
	a, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	o := VerifyOptions{Secret: exampleSecret, Now: exampleTime.Add(2 * time.Minute), MaxSkew: time.Minute}
	_, err = a.Verify(r, o)
	e, _ := errors.AsType[*Error](err)
	if kindOf(err) != KindTooSkewed || e.Detail.MaxSkew != time.Minute || !e.Detail.ServerTime.Equal(o.Now) || !e.Detail.RequestTime.Equal(exampleTime) {
		t.Errorf("got %+v, want %q with skew, server time and request time", err, KindTooSkewed)
	}
}

func TestMismatchShowsWhatWasComputedButNoSecret(t *testing.T) {
	r := signedGet(t)
	r.URL.Path = "/other"
	err := check(r, 0)
	e, ok := errors.AsType[*Error](err)
	if !ok || !strings.HasPrefix(e.Detail.CanonicalRequest, "GET\n/other\n") || e.Detail.AccessKeyID != exampleKeyID ||
		!strings.HasSuffix(e.Detail.StringToSign, hexSHA256([]byte(e.Detail.CanonicalRequest))) || e.Detail.SignatureProvided == "" {
		t.Fatalf("got %+v, want the canonical request, its string to sign, key id and signature", err)
	}
	if strings.Contains(e.Error()+e.Detail.CanonicalRequest+e.Detail.StringToSign, exampleSecret) {
		t.Error("the error holds the secret")
	}
}

func TestWrongAndEmptySecretsAreRefused(t *testing.T) {
	keys := NewKeyCache(16)
	for _, secret := range []string{"", "wrong", exampleSecret + "x"} {
		r := httptest.NewRequest("GET", "/bucket/key", nil)
		if secret == "" {
			// Even a signature made with the empty secret.
			r = signedWithEmptySecret()
		} else if err := Sign(r, testCredentials, testScope, exampleTime, EmptySHA256); err != nil {
			t.Fatal(err)
		}
		a, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Verify(r, VerifyOptions{Secret: secret, Now: exampleTime, Keys: keys}); kindOf(err) != KindSignatureMismatch {
			t.Errorf("secret %q: got %v, want %q", secret, err, KindSignatureMismatch)
		}
		if _, cached := keys.get(secret, a.Scope); cached {
			t.Errorf("secret %q: its key was cached although it verified nothing", secret)
		}
	}
}

func signedWithEmptySecret() *http.Request {
	r := httptest.NewRequest("GET", "/bucket/key", nil)
	r.Header.Set("X-Amz-Date", "20130524T000000Z")
	r.Header.Set("X-Amz-Content-Sha256", EmptySHA256)
	a := &Authorization{Scope: Scope{"20130524", "us-east-1", "s3"}, amzDate: "20130524T000000Z",
		scopeText: "20130524/us-east-1/s3/aws4_request", SignedHeaders: []string{"host", "x-amz-content-sha256", "x-amz-date"},
		signedList: "host;x-amz-content-sha256;x-amz-date"}
	if _, err := a.sign(r, "", EmptySHA256); err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/"+a.scopeText+",SignedHeaders="+a.signedList+",Signature="+a.Signature)
	return r
}

func TestServicesHashTheirBody(t *testing.T) {
	body := "Action=GetCallerIdentity&Version=2011-06-15"
	sign := func() *http.Request {
		r := httptest.NewRequest("POST", "http://127.0.0.1:9000/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if err := Sign(r, testCredentials, Scope{Region: "us-east-1", Service: "sts"}, exampleTime, hexSHA256([]byte(body))); err != nil {
			t.Fatal(err)
		}
		return r
	}
	withHeader := sign()
	withHeader.Header.Set("X-Amz-Content-Sha256", hexSHA256([]byte(body)))
	if err := Sign(withHeader, testCredentials, Scope{Region: "us-east-1", Service: "sts"}, exampleTime, hexSHA256([]byte(body))); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, hash string
		r          *http.Request
		want       Kind
	}{
		{"right body", hexSHA256([]byte(body)), sign(), 0},
		{"other body", hexSHA256([]byte(body + "&x")), sign(), KindSignatureMismatch},
		{"no hash given", "", sign(), KindInvalidRequest},
		{"unsigned payload", UnsignedPayload, sign(), KindInvalidRequest},
		{"header agrees", hexSHA256([]byte(body)), withHeader, 0},
		{"header disagrees", hexSHA256([]byte("x")), withHeader, KindContentSHA256Mismatch},
	}
	for _, test := range tests {
		a, err := Parse(test.r)
		if err != nil {
			t.Fatal(err)
		}
		v, err := a.Verify(test.r, VerifyOptions{Secret: exampleSecret, Now: exampleTime, PayloadSHA256: test.hash})
		if kindOf(err) != test.want {
			t.Errorf("%s: got %v, want kind %q", test.name, err, test.want)
		}
		if err == nil {
			if _, err := v.Body(test.r); kindOf(err) != KindInvalidRequest {
				t.Errorf("%s: Body: got %v, want %q", test.name, err, KindInvalidRequest)
			}
		}
	}
}

func TestServicePathsAreEncodedTwiceAndMustBeNormal(t *testing.T) {
	scope := Scope{Region: "us-east-1", Service: "iot"}
	r := httptest.NewRequest("POST", "http://h/attached-policies/arn%3Aaws%3Aiot%3Aus-east-1%3A1%3Acert%2Fabc", nil)
	if err := Sign(r, testCredentials, scope, exampleTime, EmptySHA256); err != nil {
		t.Fatal(err)
	}
	if err := check(r, 0); err != nil {
		t.Fatalf("escaped path: %v", err)
	}
	decoded := r.Clone(t.Context())
	decoded.URL.RawPath = "" // the same path with ':' and '/' unescaped
	if err := check(decoded, 0); kindOf(err) != KindSignatureMismatch {
		t.Errorf("path unescaped after signing: got %v, want %q", err, KindSignatureMismatch)
	}
	for _, path := range []string{"/things//x", "/things/../x", "/things/./x", "/things/x/..", "//"} {
		r := httptest.NewRequest("GET", "http://h/x", nil)
		r.URL = &url.URL{Path: path}
		if err := Sign(r, testCredentials, scope, exampleTime, EmptySHA256); err != nil {
			t.Fatal(err)
		}
		if err := check(r, 0); kindOf(err) != KindInvalidRequest {
			t.Errorf("path %s: got %v, want %q", path, err, KindInvalidRequest)
		}
	}
}

func TestDateHeaderStandsInForAmzDate(t *testing.T) {
	for _, date := range []string{"Fri, 24 May 2013 00:00:00 GMT", "20130524T000000Z"} {
		r := httptest.NewRequest("GET", "/bucket/key", nil)
		r.Header.Set("Date", date)
		r.Header.Set("X-Amz-Content-Sha256", EmptySHA256)
		a := &Authorization{Scope: Scope{"20130524", "us-east-1", "s3"}, amzDate: "20130524T000000Z",
			scopeText: "20130524/us-east-1/s3/aws4_request", SignedHeaders: []string{"date", "host", "x-amz-content-sha256"},
			signedList: "date;host;x-amz-content-sha256"}
		if _, err := a.sign(r, exampleSecret, EmptySHA256); err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/"+a.scopeText+",SignedHeaders="+a.signedList+",Signature="+a.Signature)
		if err := check(r, 0); err != nil {
			t.Errorf("Date %q: %v", date, err)
		}
		r.Header.Set("Date", "yesterday")
		if err := check(r, 0); kindOf(err) != KindMissingDate {
			t.Errorf("Date \"yesterday\": got %v, want %q", err, KindMissingDate)
		}
	}
}

// net/http keeps these headers in fields of the request.
func TestHeadersThatNetHTTPMoves(t *testing.T) {
	r := httptest.NewRequest("PUT", "http://h:80/bucket/key", strings.NewReader("12345"))
	r.TransferEncoding = []string{"chunked"}
	c := canonical{"s3", []string{"content-length", "host", "transfer-encoding"}, "", false, EmptySHA256}
	got, err := c.appendTo(nil, r)
	want := "PUT\n/bucket/key\n\ncontent-length:5\nhost:h:80\ntransfer-encoding:chunked\n\n\n" + EmptySHA256
	if string(got) != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	r.ContentLength = -1
	if _, err := c.appendTo(nil, r); kindOf(err) != KindSignatureMismatch {
		t.Errorf("signed content-length of a body of unknown length: got %v, want %q", err, KindSignatureMismatch)
	}
}

func TestCanonicalQuery(t *testing.T) {
	tests := []struct{ raw, want string }{
		{"", ""},
		{"a", "a="},
		{"a=", "a="},
		{"=a", "=a"},
		{"&&a&", "a="},
		{"b=1&a=2", "a=2&b=1"},
		{"a=2&a=1&a=10", "a=1&a=10&a=2"},
		{"a-b=1&a=2", "a=2&a-b=1"}, // '=' sorts after '-', but names go first
		{"a=b=c", "a=b%3Dc"},
		{"a=b+c", "a=b%20c"},
		{"a=b%2Bc", "a=b%2Bc"},
		{"a=%e3%81%82", "a=%E3%81%82"},
		{"a=\xe3\x81\x82", "a=%E3%81%82"},
		{"%61=%7e*", "a=~%2A"},
		{"a=/?:@!$'(),", "a=%2F%3F%3A%40%21%24%27%28%29%2C"},
		{"A=1&a=1&_=1", "A=1&_=1&a=1"},
	}
	for _, test := range tests {
		got, err := appendCanonicalQuery(nil, test.raw, false)
		if string(got) != test.want || err != nil {
			t.Errorf("%q: got %q, %v; want %q", test.raw, got, err, test.want)
		}
	}
	for _, raw := range []string{"%", "%1", "a=%g0", "a=%0g", "a=b;c", "a;b=c"} {
		if got, err := appendCanonicalQuery(nil, raw, false); kindOf(err) != KindInvalidRequest {
			t.Errorf("%q: got %q, %v; want %q", raw, got, err, KindInvalidRequest)
		}
	}
}

func TestEveryKindHasItsCodes(t *testing.T) {
	for k := KindTwoSignatures; k < kindCount; k++ {
		s3, s3Status := k.S3()
		query, status := k.Query()
		json, jsonStatus := k.JSON()
		if k.String() == "" || s3 == "" || s3Status < 400 || query == "" || status < 400 || !strings.HasSuffix(json, "Exception") || jsonStatus != status {
			t.Errorf("kind %d %q: %s %d, %s %d, %s %d", k, k, s3, s3Status, query, status, json, jsonStatus)
		}
	}
	if Kind(0).String() != "unknown" || kindCount.String() != "unknown" {
		t.Error("a kind that does not exist has a name")
	}
}
