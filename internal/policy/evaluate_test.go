package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func mustCompile(t testing.TB, text string, kind Kind) *Policy {
	t.Helper()
	return Compile(mustParse(t, text, kind), Source{ID: "test"})
}

// walkthroughRequests returns requests of a device about its own and a foreign folder.
func walkthroughRequests() (base *Context, allowed, denied, list *Request) {
	device := Principal{
		Type: AssumedRole, Account: "999999999999", UserID: "AROAEXAMPLEEXAMPLE234:5c3453ec",
		ARN:     "arn:aws:sts::999999999999:assumed-role/s3-bucket-4e8f4765-role-for-iot/5c3453ec",
		RoleARN: "arn:aws:iam::999999999999:role/s3-bucket-4e8f4765-role-for-iot",
	}
	base = &Context{}
	for _, key := range []string{"aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:SourceIp", "aws:UserAgent", "aws:RequestedRegion",
		"aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalType", "aws:userid", "aws:TokenIssueTime", "credentials-iot:ThingTypeName",
		"credentials-iot:AwsCertificateId", "s3:authType", "s3:signatureversion", "s3:TlsVersion", "s3:x-amz-content-sha256", "s3:ResourceAccount"} {
		base.Set(key, "value")
	}
	base.Set("credentials-iot:ThingName", "thing-3f21f372")
	request := func(action, resource string) *Request {
		return &Request{Principal: device, Action: action, Resource: resource, Context: base.Layer(), ResourceAccount: "999999999999"}
	}
	allowed = request("s3:PutObject", "arn:aws:s3:::bucket-4e8f4765/thing-3f21f372/test.txt")
	denied = request("s3:PutObject", "arn:aws:s3:::bucket-4e8f4765/thing-xxxxxxxx/test.txt")
	list = request("s3:ListBucket", "arn:aws:s3:::bucket-4e8f4765")
	list.Context.Set("s3:prefix", "thing-3f21f372/")
	return base, allowed, denied, list
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	_, allowed, denied, list := walkthroughRequests()
	bucket := mustCompile(t, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bucket-4e8f4765/*",
		"Condition":{"Bool":{"aws:SecureTransport":"false"},"IpAddress":{"aws:SourceIp":"2001:db8::/32"},"NumericLessThan":{"s3:TlsVersion":"1.2"},
		"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/${aws:userid}-*"},
		"StringEqualsIgnoreCase":{"aws:UserAgent":"x${aws:userid}"}}}}`, Resource)
	for _, r := range []*Request{allowed, denied, list} {
		r.Context.Set("aws:SecureTransport", "false")
		r.Context.Set("aws:SourceIp", "2001:db8::1")
		r.Context.Set("s3:TlsVersion", "1.1")
		r.Context.Set("aws:CurrentTime", "2026-08-01T00:00:00Z")
		r.Context.Set("aws:PrincipalArn", "arn:aws:iam::999999999999:role/value-1")
	}
	sets := &Sets{Identity: []*Policy{mustCompile(t, walkthroughDocument, Identity)}, Resource: bucket}
	for name, want := range map[*Request]Effect{allowed: Allow, denied: ImplicitDeny, list: Allow} {
		var d Decision
		allocs := testing.AllocsPerRun(100, func() { d = Evaluate(name, sets) })
		if allocs != 0 || d.Effect != want {
			t.Errorf("%s %s: got %v allocations and %v, want 0 and %v", name.Action, name.Resource, allocs, d, want)
		}
	}
}

func BenchmarkEvaluateWalkthrough(b *testing.B) {
	_, allowed, denied, list := walkthroughRequests()
	sets := &Sets{Identity: []*Policy{mustCompile(b, walkthroughDocument, Identity)}}
	for _, bm := range []struct {
		name string
		req  *Request
		want Effect
	}{{"allow", allowed, Allow}, {"deny", denied, ImplicitDeny}, {"list", list, Allow}} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := Evaluate(bm.req, sets); d.Effect != bm.want {
					b.Fatalf("got %v", d)
				}
			}
		})
	}
}

func BenchmarkCompileWalkthrough(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mustCompile(b, walkthroughDocument, Identity)
	}
}

func BenchmarkCacheHit(b *testing.B) {
	c := NewCache(16)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Policy(walkthroughDocument, Identity, Source{ID: "p", Type: SourceRole}); err != nil {
			b.Fatal(err)
		}
	}
}

// randomWords makes documents and requests out of few words, so that they often meet.
type randomWords struct{ *rand.Rand }

func (r randomWords) pick(words ...string) string { return words[r.IntN(len(words))] }

func (r randomWords) statement(effect string, kind Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"Effect":%q`, effect)
	if kind.hasPrincipal() {
		fmt.Fprintf(&b, `,%q:%s`, r.pick("Principal", "Principal", "Principal", "NotPrincipal"),
			r.pick(`"*"`, `{"AWS":"*"}`, `{"AWS":"111111111111"}`, `{"AWS":"arn:aws:iam::111111111111:user/a"}`,
				`{"AWS":["arn:aws:sts::111111111111:assumed-role/r/s","arn:aws:iam::111111111111:role/r"]}`, `{"Service":"x.amazonaws.com"}`))
	}
	fmt.Fprintf(&b, `,%q:%q`, r.pick("Action", "Action", "NotAction"), r.pick("*", "s3:*", "s3:Get*", "s3:PutObject", "iam:*"))
	fmt.Fprintf(&b, `,%q:%q`, r.pick("Resource", "Resource", "NotResource"),
		r.pick("*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::*${k:a,'x'}*", "arn:aws:s3"))
	if r.IntN(2) == 0 {
		fmt.Fprintf(&b, `,"Condition":{"%s%s%s":{%q:%s}}`, r.pick("", "", "ForAllValues:", "ForAnyValue:"),
			r.pick("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "NumericLessThan", "Bool", "IpAddress", "NotIpAddress", "ArnLike", "DateLessThan"),
			r.pick("", "IfExists"), r.pick("k:a", "k:b", "aws:username"),
			r.pick(`"x"`, `["x","*"]`, `"true"`, `"10"`, `"10.0.0.0/8"`, `"2026-08-01"`, `[]`))
	}
	return b.String() + "}"
}

func (r randomWords) policy(t testing.TB, kind Kind, statements []string) *Policy {
	return mustCompile(t, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`, kind)
}

func (r randomWords) request() *Request {
	req := &Request{Action: r.pick("s3:GetObject", "s3:PutObject", "iam:GetUser"), Context: &Context{},
		Resource: r.pick("arn:aws:s3:::b", "arn:aws:s3:::b/a/k", "arn:aws:s3:::b/x", "*"), ResourceAccount: r.pick("", "111111111111", "222222222222")}
	for _, key := range []string{"k:a", "k:b", "aws:username"} {
		switch value := r.pick("x", "a", "*", "true", "5", "10.1.2.3", "2026-01-01", ""); r.IntN(3) {
		case 0:
			req.Context.Set(key, value)
		case 1:
			req.Context.SetList(key, value, "x")
		}
	}
	req.Principal = [...]Principal{
		{},
		{Type: Root, Account: "111111111111"},
		{Type: User, Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/a"},
		{Type: AssumedRole, Account: "111111111111", ARN: "arn:aws:sts::111111111111:assumed-role/r/s", RoleARN: "arn:aws:iam::111111111111:role/r"},
		{Type: FederatedUser, Account: "111111111111", ARN: "arn:aws:sts::111111111111:federated-user/f"},
		{Type: Service, Service: "x.amazonaws.com"},
	}[r.IntN(6)]
	return req
}

// TestMoreDenyAndFewerAllowNeverPermit checks on random sets that a Deny added anywhere, a boundary added, or session
// policies added never turn a refusal into an allow, and that Explain agrees with Evaluate.
func TestMoreDenyAndFewerAllowNeverPermit(t *testing.T) {
	r := randomWords{rand.New(rand.NewPCG(3, 4))}
	allowedCount := 0
	for range 4000 {
		var identity, resource []string
		for range 1 + r.IntN(3) {
			identity = append(identity, r.statement(r.pick("Allow", "Allow", "Deny"), Identity))
			resource = append(resource, r.statement(r.pick("Allow", "Allow", "Deny"), Resource))
		}
		req := r.request()
		before := Sets{Identity: []*Policy{r.policy(t, Identity, identity)}, RequireResource: r.IntN(4) == 0}
		if r.IntN(2) == 0 {
			before.Resource = r.policy(t, Resource, resource)
		}
		d := Evaluate(req, &before)
		if x := Explain(req, &before); x.Decision != d {
			t.Fatalf("Explain decides %v, Evaluate %v", x.Decision, d)
		}
		if d.Allowed() {
			allowedCount++
			continue
		}
		if req.Principal.Type == FederatedUser {
			before.HasSession, before.Session = true, nil // session policies are what gives federated users permissions
			d = Evaluate(req, &before)
			if d.Allowed() {
				t.Fatalf("an empty session made %v of a refusal", d)
			}
		}
		limits := before
		limits.Boundary = r.policy(t, Identity, identity)
		if !limits.HasSession {
			limits.HasSession, limits.Session = true, []*Policy{r.policy(t, Identity, identity)}
		}
		denies := before
		denies.Identity = []*Policy{r.policy(t, Identity, slices.Concat(identity, []string{r.statement("Deny", Identity)}))}
		if denies.Resource != nil {
			denies.Resource = r.policy(t, Resource, slices.Concat([]string{r.statement("Deny", Resource)}, resource))
		}
		for _, after := range []*Sets{&limits, &denies} {
			if got := Evaluate(req, after); got.Allowed() && req.Principal.Type != FederatedUser {
				t.Fatalf("refused before (%v), afterwards %v\nidentity %s\nresource %s\n%+v", d, got, identity, resource, req)
			}
		}
	}
	if allowedCount < 200 {
		t.Errorf("only %d of the random requests were allowed; the test says little", allowedCount)
	}
}

// TestSubstitutedValuesNeverActAsWildcards compares patterns with a variable to the same patterns with the value
// written out and escaped.
func TestSubstitutedValuesNeverActAsWildcards(t *testing.T) {
	r := randomWords{rand.New(rand.NewPCG(5, 6))}
	text := func() string {
		var b strings.Builder
		for range r.IntN(6) {
			b.WriteString(r.pick("a", "b", "/", "*", "?", "$", "${k:v}", ":"))
		}
		return b.String()
	}
	escape := strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")
	y := syntax{variables: true, wildcards: true}
	for range 50000 {
		before, after := r.pick("", "a", "*", "?", "a*"), r.pick("", "/", "*", "/*", "?")
		value, s := text(), text()
		c := &Context{}
		c.Set("k:v", value)
		withVariable, err := parseTemplate(before+"${k:v}"+after, y)
		if err != nil {
			t.Fatal(err)
		}
		written, err := parseTemplate(before+escape.Replace(value)+after, y)
		if err != nil {
			t.Fatal(err)
		}
		p, q := newPattern(withVariable), newPattern(written)
		if got, want := p.match(s, c), q.match(s, nil); got != want {
			t.Fatalf("%s${k:v}%s with %q against %q: got %v, want %v", before, after, value, s, got, want)
		}
	}
}

func FuzzEvaluate(f *testing.F) {
	f.Add(walkthroughDocument, 0, "s3:PutObject", "arn:aws:s3:::bucket-4e8f4765/t/x", "credentials-iot:ThingName", "t", 3)
	f.Add(`{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","NotResource":"arn:aws:s3"}}`, 1, "s3:GetObject", "*", "k:a", "*", 0)
	f.Fuzz(func(t *testing.T, text string, kind int, action, resource, key, value string, principal int) {
		k := Kind(uint(kind) % 4)
		doc, err := Parse([]byte(text), k)
		if err != nil {
			return
		}
		p := Compile(doc, Source{})
		req := &Request{Action: action, Resource: resource, Context: &Context{}, Principal: Principal{
			Type: PrincipalType(uint(principal) % 7), Account: "111111111111", ARN: value, RoleARN: key, UserID: value, Service: value}}
		req.Context.Set(key, value)
		var sets Sets
		if k.hasPrincipal() {
			sets.Resource = p
		} else {
			sets.Identity = []*Policy{p}
		}
		d := Evaluate(req, &sets)
		if x := Explain(req, &sets); x.Decision != d {
			t.Errorf("Explain decides %v, Evaluate %v", x.Decision, d)
		}
		deny := Sets{Identity: sets.Identity, Resource: Compile(mustParse(t, denyEverything, Resource), Source{})}
		if d := Evaluate(req, &deny); d.Allowed() {
			t.Errorf("got %v under a policy that denies everything", d)
		}
		none := Request{Principal: req.Principal, Action: action, Resource: resource, Context: req.Context, ResourceAccount: "222222222222"}
		if d := Evaluate(&none, &Sets{Identity: sets.Identity}); d.Allowed() {
			t.Errorf("got %v on another account's resource without a resource policy", d)
		}
	})
}

const denyEverything = `{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`

func FuzzParse(f *testing.F) {
	f.Add(walkthroughDocument, 0)
	f.Add(denyEverything, 1)
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111111111111"]},"Action":"sts:AssumeRole","Condition":{"Null":{"k:a":true}}}]}`, 2)
	f.Add(`{"Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"arn:aws:iot:*:*:thing/$(*)","Condition":{"NumericEquals":{"k:a":[1,-2.5e3]}}}]}`, 3)
	f.Fuzz(func(t *testing.T, text string, kind int) {
		k := Kind(uint(kind) % 4)
		doc, err := Parse([]byte(text), k)
		if err != nil {
			if e, ok := err.(*Error); !ok || e.Line < 1 || e.Column < 1 || e.Message == "" {
				t.Errorf("got error %#v, want a position and a message", err)
			}
			return
		}
		ContextKeys(doc)
		p := Compile(doc, Source{})
		req := &Request{Principal: Principal{Type: User, Account: "111111111111"}, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
		Evaluate(req, &Sets{Identity: []*Policy{p}, Resource: p})
		if k.hasPrincipal() {
			out, err := ReplacePrincipals([]byte(text), k, func(r PrincipalRef) (string, bool) { return r.Value, r.Type != "" })
			if err != nil {
				t.Errorf("principals replaced by themselves: %v", err)
			}
			if again, err := Parse(out, k); err != nil || len(again.Principals()) != len(doc.Principals()) {
				t.Errorf("got %v after replacing principals by themselves", err)
			}
		}
	})
}
