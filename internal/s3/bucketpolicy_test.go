package s3

import (
	"fmt"
	"strings"
	"testing"

	"inro.dev/inro/internal/policy"
)

// statement is a bucket policy of one statement.
func statement(effect, principal, action, resource, more string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Principal":%s,"Action":%s,"Resource":%s%s}]}`, effect, principal, action, resource, more)
}

const inBox = `["arn:aws:s3:::box","arn:aws:s3:::box/*"]`

// unblock lifts the public access block of a bucket.
func (f *fixture) unblock(bucket string) {
	f.tb.Helper()
	f.must(call{method: "DELETE", path: "/" + bucket + "?publicAccessBlock"})
}

func (f *fixture) putPolicy(bucket, text string) {
	f.tb.Helper()
	f.must(call{method: "PUT", path: "/" + bucket + "?policy", body: text})
}

func TestBucketPoliciesThatCannotMeanWhatTheySayAreRefused(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.unblock("box")
	for _, test := range []struct{ name, text, code, message string }{
		{"not JSON", "hello", "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'"},
		{"nothing", "", "MalformedPolicy", "Policies must be valid JSON"},
		{"a list", "[]", "MalformedPolicy", "Policies must be valid JSON"},
		{"half", `{"Version":`, "MalformedPolicy", ""},
		{"no principal", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}}`, "MalformedPolicy", "Missing required field Principal"},
		{"version", `{"Version":"2020-01-01","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}}`, "MalformedPolicy", "The policy must contain a valid version string"},
		{"principal", statement("Allow", `{"AWS":"arn:aws:iam::nobody:root"}`, `"s3:GetObject"`, inBox, ""), "MalformedPolicy", "Invalid principal in policy"},
		{"another bucket", statement("Allow", `"*"`, `"s3:GetObject"`, `"arn:aws:s3:::other/*"`, ""), "MalformedPolicy", "Policy has invalid resource"},
		{"another bucket beside", statement("Allow", `"*"`, `"s3:GetObject"`, `["arn:aws:s3:::box/*","arn:aws:s3:::box2/*"]`, ""), "MalformedPolicy", "Policy has invalid resource"},
		{"a prefix of the name", statement("Allow", `"*"`, `"s3:GetObject"`, `"arn:aws:s3:::bo/*"`, ""), "MalformedPolicy", "Policy has invalid resource"},
		{"another service", statement("Allow", `"*"`, `"s3:GetObject"`, `"arn:aws:sqs:::box/*"`, ""), "MalformedPolicy", "Policy has invalid resource"},
		{"a bucket of the caller's choice", statement("Allow", `"*"`, `"s3:GetObject"`, `"arn:aws:s3:::${aws:username}/*"`, ""), "MalformedPolicy", "Policy has invalid resource"},
		{"another service's action", statement("Allow", `"*"`, `"sqs:SendMessage"`, inBox, ""), "MalformedPolicy", "Policy has invalid action"},
		{"misspelt action", statement("Deny", `"*"`, `"s3:PutObjects"`, inBox, ""), "MalformedPolicy", "Policy has invalid action"},
		{"object action on the bucket", statement("Allow", `"*"`, `"s3:GetObject"`, `"arn:aws:s3:::box"`, ""), "MalformedPolicy", "Action does not apply to any resource(s) in statement"},
		{"bucket action on objects", statement("Allow", `"*"`, `["s3:GetObject","s3:ListBucket"]`, `"arn:aws:s3:::box/*"`, ""), "MalformedPolicy", "Action does not apply to any resource(s) in statement"},
		{"condition key", statement("Allow", `"*"`, `"s3:GetObject"`, inBox, `,"Condition":{"StringEquals":{"s3:prefixes":"a"}}`), "MalformedPolicy", "Policy has an invalid condition key"},
		{"NotPrincipal", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}}`, "MalformedPolicy", "Allow with NotPrincipal is not allowed."},
		{"too large", statement("Allow", `"*"`, `"s3:GetObject"`, `"arn:aws:s3:::box/`+strings.Repeat("x", 7000)+`","arn:aws:s3:::box/`+strings.Repeat("y", 7000)+`","arn:aws:s3:::box/`+strings.Repeat("z", 7000)+`"`, ""), "MalformedPolicy", ""},
		{"too large, well formed", statement("Allow", `"*"`, `"s3:GetObject"`, `["arn:aws:s3:::box/`+strings.Repeat("x", 7000)+`","arn:aws:s3:::box/`+strings.Repeat("y", 7000)+`","arn:aws:s3:::box/`+strings.Repeat("z", 7000)+`"]`, ""), "PolicyTooLarge", ""},
		{"too much white space", statement("Allow", `"*"`, `"s3:GetObject"`, inBox, strings.Repeat(" ", 50<<10)), "PolicyTooLarge", ""},
	} {
		e := wantRefusal(t, test.name, f.do(call{method: "PUT", path: "/box?policy", body: test.text}), 400, test.code)
		if !strings.HasPrefix(e.Message, test.message) {
			t.Errorf("%s: %q, want %q", test.name, e.Message, test.message)
		}
	}
	wantRefusal(t, "nothing was stored", f.do(call{path: "/box?policy"}), 404, "NoSuchBucketPolicy")
	wantRefusal(t, "wrong digest", f.do(call{method: "PUT", path: "/box?policy", body: statement("Allow", `"*"`, `"s3:GetObject"`, inBox, ""),
		headers: map[string]string{"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}}), 400, "BadDigest")
	for _, resource := range []string{`"*"`, `"arn:aws:s3:::*"`, `["arn:aws:s3:::*","arn:aws:s3:::*/*"]`, `"arn:aws:s3:::b?x*"`, `"arn:aws:s3:::box/${aws:username}/*"`} {
		f.putPolicy("box", statement("Allow", `"*"`, `["s3:Get*","S3:putobject"]`, resource, ""))
	}
}

func TestBucketPolicyIsGivenBackAsItWasPut(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	text := "{\n \"Version\": \"2012-10-17\",\t\"Statement\": [{\"Sid\": \"a b\", \"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"s3:PutObject\", \"Resource\": \"arn:aws:s3:::box/\\u00e9*\"}] }"
	if a := f.must(call{method: "PUT", path: "/box?policy", body: text, headers: map[string]string{"x-amz-confirm-remove-self-bucket-access": "true"}}); a.status != 204 {
		t.Errorf("put: got %d, want 204", a.status)
	}
	if a := f.must(call{path: "/box?policy"}); a.body != text || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %q %v, want %q", a.body, a.header, text)
	}
	for range 2 {
		if a := f.must(call{method: "DELETE", path: "/box?policy"}); a.status != 204 {
			t.Errorf("delete: got %d, want 204", a.status)
		}
	}
	wantRefusal(t, "get", f.do(call{path: "/box?policy"}), 404, "NoSuchBucketPolicy")
}

func TestBucketPolicyDecidesWithTheCallersOwn(t *testing.T) {
	f := newFixture(t)
	fill(f, "k")
	f.bucket("twin")
	f.put("twin", "k", "twin")
	f.unblock("box")
	f.allow("reader", []string{"s3:GetObject"}, []string{"*"})
	f.allow("idle", []string{"s3:Nothing"}, []string{"*"})
	get := func(as, path string) int { t.Helper(); return f.do(call{as: as, path: path}).status }
	want := func(what string, statuses map[string]int) {
		t.Helper()
		for as, status := range statuses {
			if got := get(as, "/box/k"); got != status {
				t.Errorf("%s: %s gets %d, want %d", what, as, got, status)
			}
		}
		for _, as := range []string{"anonymous", "other", "idle"} {
			if got := get(as, "/twin/k"); got != 403 {
				t.Errorf("%s: %s gets %d from another bucket, want 403", what, as, got)
			}
		}
	}
	want("no policy", map[string]int{"root": 200, "reader": 200, "idle": 403, "other": 403, "anonymous": 403})
	f.putPolicy("box", statement("Allow", `"*"`, `"s3:GetObject"`, inBox, ""))
	want("everyone", map[string]int{"root": 200, "reader": 200, "idle": 200, "other": 200, "anonymous": 200})
	f.putPolicy("box", statement("Allow", `{"AWS":"`+otherAccount+`"}`, `"s3:GetObject"`, inBox, ""))
	want("another account", map[string]int{"root": 200, "reader": 200, "idle": 403, "other": 200, "anonymous": 403})
	f.putPolicy("box", statement("Allow", `{"CanonicalUser":"`+canonicalUser(otherAccount)+`"}`, `"s3:GetObject"`, inBox, ""))
	want("another account by its canonical ID", map[string]int{"root": 200, "idle": 403, "other": 200, "anonymous": 403})
	f.putPolicy("box", statement("Deny", `"*"`, `"s3:GetObject"`, inBox, ""))
	want("nobody", map[string]int{"root": 403, "reader": 403, "idle": 403, "other": 403, "anonymous": 403})
	f.putPolicy("box", statement("Allow", `"*"`, `"s3:GetObject"`, inBox, `,"Condition":{"StringEquals":{"aws:PrincipalAccount":"`+otherAccount+`"}}`))
	want("a key the fixture does not set", map[string]int{"other": 403, "anonymous": 403})
	f.putPolicy("box", statement("Allow", `"*"`, `"s3:GetObjectVersion"`, inBox, ""))
	want("versions", map[string]int{"other": 403, "anonymous": 403})
	if got := get("anonymous", "/box/k?versionId=null"); got != 200 {
		t.Errorf("a version: got %d, want 200", got)
	}
	f.must(call{method: "DELETE", path: "/box?policy"})
	want("deleted", map[string]int{"root": 200, "idle": 403, "other": 403, "anonymous": 403})
}

func TestRootIsNeverLockedOutOfItsBucketPolicy(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.allow("admin", []string{"s3:*"}, []string{"*"})
	lock := statement("Deny", `"*"`, `"s3:*"`, inBox, "")
	f.putPolicy("box", lock)
	for _, as := range []string{"admin", "other", "anonymous"} {
		for _, c := range []call{{path: "/box?policy"}, {method: "DELETE", path: "/box?policy"}, {method: "PUT", path: "/box?policy", body: lock}} {
			c.as = as
			wantRefusal(t, c.method+" as "+as, f.do(c), 403, "AccessDenied")
		}
	}
	wantRefusal(t, "root's other calls", f.do(call{path: "/box?policyStatus"}), 403, "AccessDenied")
	wantRefusal(t, "root's other calls", f.do(call{method: "DELETE", path: "/box"}), 403, "AccessDenied")
	f.must(call{path: "/box?policy"})
	f.putPolicy("box", lock)
	f.must(call{method: "DELETE", path: "/box?policy"})
	f.must(call{as: "admin", method: "PUT", path: "/box?policy", body: lock})
}

func TestBucketPolicyIsTheOwnersAccountsAlone(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.putPolicy("box", statement("Allow", `{"AWS":"`+otherAccount+`"}`, `"s3:*"`, inBox, ""))
	for _, c := range []call{{path: "/box?policy"}, {method: "DELETE", path: "/box?policy"}, {method: "PUT", path: "/box?policy", body: statement("Allow", `{"AWS":"`+otherAccount+`"}`, `"s3:*"`, inBox, "")}} {
		c.as = "other"
		wantRefusal(t, c.method, f.do(c), 405, "MethodNotAllowed")
	}
	f.must(call{as: "other", method: "PUT", path: "/box/k", body: "x"})
	if v, err := f.engine.Head(t.Context(), "box", "k", headNothing); err != nil || v.Owner != account {
		t.Errorf("what another account wrote belongs to %q, %v, want %s", v.Owner, err, account)
	}
}

func TestPublicPolicies(t *testing.T) {
	for _, test := range []struct {
		principal, condition string
		want                 bool
	}{
		{`"*"`, ``, true},
		{`{"AWS":"*"}`, ``, true},
		{`{"AWS":["111111111111","*"]}`, ``, true},
		{`{"Service":"*"}`, ``, true},
		{`{"AWS":"111111111111"}`, ``, false},
		{`{"Service":"logging.s3.amazonaws.com"}`, ``, false},
		{`"*"`, `"IpAddress":{"aws:SourceIp":"10.0.0.0/32"}`, false},
		{`"*"`, `"IpAddress":{"aws:SourceIp":["10.0.0.0/32","203.0.113.7"]}`, false},
		{`"*"`, `"IpAddress":{"aws:SourceIp":["10.0.0.0/32","0.0.0.0/0"]}`, true},
		{`"*"`, `"IpAddress":{"aws:SourceIp":"::/0"}`, true},
		{`"*"`, `"IpAddress":{"aws:SourceIp":"::ffff:0.0.0.0/96"}`, true},
		{`"*"`, `"IpAddress":{"aws:SourceIp":"2001:db8::/32"}`, false},
		{`"*"`, `"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}`, true},
		{`"*"`, `"StringEquals":{"aws:SourceVpc":"vpc-1"}`, false},
		{`"*"`, `"StringLike":{"aws:SourceVpc":"vpc-1"}`, false},
		{`"*"`, `"StringLike":{"aws:SourceVpc":"vpc-*"}`, true},
		{`"*"`, `"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}`, true},
		{`"*"`, `"StringNotEquals":{"aws:SourceVpc":"vpc-1"}`, true},
		{`"*"`, `"ForAllValues:StringEquals":{"aws:SourceVpc":"vpc-1"}`, true},
		{`"*"`, `"StringEquals":{"aws:PrincipalOrgID":"o-1"}`, false},
		{`"*"`, `"StringEquals":{"AWS:principalaccount":"111111111111"}`, false},
		{`"*"`, `"StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalAccount}"}`, true},
		{`"*"`, `"StringLike":{"aws:userid":"AROAEXAMPLEEXAMPLE123:*"}`, false},
		{`"*"`, `"StringLike":{"aws:userid":"AROA*:*"}`, true},
		{`"*"`, `"StringLike":{"aws:userid":":*"}`, true},
		{`"*"`, `"StringEquals":{"aws:Referer":"x"}`, true},
		{`"*"`, `"Bool":{"aws:SecureTransport":"true"}`, true},
		{`"*"`, `"Bool":{"aws:SecureTransport":"true"},"ArnLike":{"aws:SourceArn":"arn:aws:sns:r:1:t"}`, false},
	} {
		doc, err := policy.Parse([]byte(statement("Allow", test.principal, `"s3:GetObject"`, inBox, `,"Condition":{`+test.condition+`}`)), policy.Resource)
		if err != nil {
			t.Fatalf("%s %s: %v", test.principal, test.condition, err)
		}
		if got := isPublic(doc); got != test.want {
			t.Errorf("%s %s: public is %v, want %v", test.principal, test.condition, got, test.want)
		}
	}
	deny, err := policy.Parse([]byte(statement("Deny", `"*"`, `"s3:GetObject"`, inBox, "")), policy.Resource)
	if err != nil || isPublic(deny) {
		t.Errorf("a policy that denies everyone is public: %v", err)
	}
}

func TestPolicyStatusTellsWhetherTheBucketIsPublic(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	status := func(want bool) {
		t.Helper()
		out := decodeXML[struct{ IsPublic bool }](t, f.must(call{path: "/box?policyStatus"}))
		if out.IsPublic != want {
			t.Errorf("IsPublic = %v, want %v", out.IsPublic, want)
		}
	}
	status(false)
	f.unblock("box")
	f.putPolicy("box", statement("Allow", `"*"`, `"s3:GetObject"`, inBox, ""))
	status(true)
	f.putPolicy("box", statement("Allow", `"*"`, `"s3:GetObject"`, inBox, `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`))
	status(false)
}

func FuzzResourceOf(f *testing.F) {
	for _, seed := range []string{"*", "arn:aws:s3:::box", "arn:aws:s3:::b*x/*", "arn:aws:s3:::*o*", "arn:aws:s3:::b?x*"} {
		f.Add(seed, "box", "k")
	}
	f.Fuzz(func(t *testing.T, pattern, bucket, key string) {
		if checkBucketName(bucket) != nil || key == "" {
			return
		}
		text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":%q}}`, pattern)
		doc, err := policy.Parse([]byte(text), policy.Resource)
		if err != nil || doc.Statements[0].Resources[0] != pattern {
			return
		}
		onBucket, onObject, ok := resourceOf(pattern, bucket)
		if ok {
			return
		}
		// What is refused must be able to cover nothing here, unless a variable
		// chooses the bucket.
		compiled := policy.Compile(doc, policy.Source{})
		for _, resource := range []string{"arn:aws:s3:::" + bucket, "arn:aws:s3:::" + bucket + "/" + key} {
			d := policy.Evaluate(&policy.Request{Action: "s3:GetObject", Resource: resource}, &policy.Sets{Resource: compiled})
			if d.Allowed() && !strings.Contains(pattern, "${") {
				t.Errorf("%q covers %q, and is refused for bucket %q (%v %v)", pattern, resource, bucket, onBucket, onObject)
			}
		}
	})
}
