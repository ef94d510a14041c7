package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// browse makes an unsigned request as a browser on a page of origin does.
func (f *fixture) browse(method, path, origin, asksFor string, headers ...string) answered {
	f.tb.Helper()
	r := httptest.NewRequest(method, "http://localhost:9000"+path, nil)
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	if asksFor != "" {
		r.Header.Set("Access-Control-Request-Method", asksFor)
	}
	for _, h := range headers {
		r.Header.Add("Access-Control-Request-Headers", h)
	}
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, r)
	return answered{w.Code, w.Header(), w.Body.String()}
}

func corsBody(rules ...string) string {
	return "<CORSConfiguration><CORSRule>" + strings.Join(rules, "</CORSRule><CORSRule>") + "</CORSRule></CORSConfiguration>"
}

func TestCORSRulesAreChecked(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	const allowed = "<AllowedOrigin>http://a</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
	many := make([]string, maxCORSRules+1)
	for i := range many {
		many[i] = allowed
	}
	for _, c := range []struct{ body, code string }{
		{"<CORSConfiguration/>", "MalformedXML"},
		{"<Other/>", "MalformedXML"},
		{corsBody(many...), "InvalidRequest"},
		{corsBody("<AllowedOrigin>a</AllowedOrigin>"), "MalformedXML"},
		{corsBody("<AllowedMethod>GET</AllowedMethod>"), "MalformedXML"},
		{corsBody("<AllowedOrigin>a</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod>"), "InvalidRequest"},
		{corsBody("<AllowedOrigin>a</AllowedOrigin><AllowedMethod>get</AllowedMethod>"), "InvalidRequest"},
		{corsBody("<AllowedOrigin>http://*.*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"), "InvalidRequest"},
		{corsBody(allowed + "<AllowedHeader>x-*-*</AllowedHeader>"), "InvalidRequest"},
		{corsBody(allowed + "<ExposeHeader>x-*</ExposeHeader>"), "InvalidRequest"},
		{corsBody(allowed + "<ExposeHeader>a&#10;b</ExposeHeader>"), "MalformedXML"},
		{corsBody(allowed + "<MaxAgeSeconds>-1</MaxAgeSeconds>"), "MalformedXML"},
		{corsBody(allowed + "<ID>" + strings.Repeat("x", 256) + "</ID>"), "InvalidArgument"},
	} {
		wantRefusal(t, fmt.Sprintf("%.120s", c.body), f.do(call{method: "PUT", path: "/box?cors", body: c.body}), 400, c.code)
	}
	wantRefusal(t, "none", f.do(call{path: "/box?cors"}), 404, "NoSuchCORSConfiguration")
	f.allow("reader", []string{"s3:GetBucketCORS"}, []string{"arn:aws:s3:::box"})
	f.must(call{method: "PUT", path: "/box?cors", body: corsBody(allowed + "<ID>one</ID><MaxAgeSeconds>5</MaxAgeSeconds>")})
	wantRefusal(t, "without permission", f.do(call{as: "reader", method: "DELETE", path: "/box?cors"}), 403, "AccessDenied")
	got := f.must(call{as: "reader", path: "/box?cors"}).body
	want := `<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><CORSRule><ID>one</ID><AllowedMethod>GET</AllowedMethod><AllowedOrigin>http://a</AllowedOrigin><MaxAgeSeconds>5</MaxAgeSeconds></CORSRule></CORSConfiguration>`
	if !strings.HasSuffix(got, want) {
		t.Fatalf("got %s, want %s", got, want)
	}
	if a := f.must(call{method: "DELETE", path: "/box?cors"}); a.status != 204 {
		t.Errorf("delete: got %d, want 204", a.status)
	}
	wantRefusal(t, "deleted", f.do(call{path: "/box?cors"}), 404, "NoSuchCORSConfiguration")
}

func TestPreflight(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.bucket("plain")
	f.must(call{method: "PUT", path: "/box?cors", body: corsBody(
		"<AllowedOrigin>http://*.example.com</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>POST</AllowedMethod>"+
			"<AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>Content-Type</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>30</MaxAgeSeconds>",
		"<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>")})
	for _, c := range []struct {
		what, path, origin, method string
		headers                    []string
		status                     int
		code, allowed              string
	}{
		{"a rule", "/box/k", "http://a.example.com", "PUT", []string{"x-amz-date, CONTENT-TYPE", "X-Amz-Acl"}, 200, "", "http://a.example.com"},
		{"everybody", "/box", "https://b.org", "GET", nil, 200, "", "*"},
		{"everybody has no headers", "/box", "https://b.org", "GET", []string{"x-amz-date"}, 403, "AccessForbidden", ""},
		{"another method", "/box", "https://b.org", "PUT", nil, 403, "AccessForbidden", ""},
		{"another origin", "/box", "http://a.example.com.evil.org", "PUT", nil, 403, "AccessForbidden", ""},
		{"another header", "/box", "http://a.example.com", "PUT", []string{"authorization"}, 403, "AccessForbidden", ""},
		{"no rules", "/plain", "https://b.org", "GET", nil, 403, "AccessForbidden", ""},
		{"no bucket", "/nowhere", "https://b.org", "GET", nil, 403, "AccessForbidden", ""},
		{"no origin", "/box", "", "GET", nil, 400, "BadRequest", ""},
		{"no method", "/box", "https://b.org", "", nil, 400, "BadRequest", ""},
		{"a method that is none", "/box", "https://b.org", "PATCH", nil, 400, "BadRequest", ""},
		{"a presigned URL that nobody checks", "/box/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=x", "https://b.org", "GET", nil, 200, "", "*"},
	} {
		a := f.browse(http.MethodOptions, c.path, c.origin, c.method, c.headers...)
		if got := a.header.Get("Access-Control-Allow-Origin"); got != c.allowed {
			t.Errorf("%s: allowed %q, want %q", c.what, got, c.allowed)
		}
		if c.code != "" {
			wantRefusal(t, c.what, a, c.status, c.code)
		} else if a.status != 200 || a.body != "" {
			t.Errorf("%s: got %d %s, want 200", c.what, a.status, a.body)
		}
	}
	h := f.browse(http.MethodOptions, "/box/k", "http://a.example.com", "PUT", "X-Amz-Date").header
	for name, want := range map[string]string{
		"Access-Control-Allow-Methods": "PUT, POST", "Access-Control-Allow-Headers": "x-amz-date", "Access-Control-Expose-Headers": "ETag",
		"Access-Control-Max-Age": "30", "Access-Control-Allow-Credentials": "true", "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
	} {
		if h.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, h.Get(name), want)
		}
	}
	if h := f.browse(http.MethodOptions, "/box/k", "https://b.org", "GET").header; h.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("everybody may send credentials")
	}
}

func TestRequestsFromOtherOriginsAreDecidedAsOthers(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "k", "x")
	f.must(call{method: "PUT", path: "/box?cors", body: corsBody("<AllowedOrigin>https://a</AllowedOrigin><AllowedMethod>GET</AllowedMethod><ExposeHeader>ETag</ExposeHeader>")})
	a := f.browse("GET", "/box/k", "https://a", "")
	wantRefusal(t, "anonymous", a, 403, "AccessDenied")
	if a.header.Get("Access-Control-Allow-Origin") != "https://a" {
		t.Errorf("a page cannot read why it was refused: %v", a.header)
	}
	a = f.must(call{path: "/box/k", headers: map[string]string{"Origin": "https://a"}})
	if a.header.Get("Access-Control-Allow-Origin") != "https://a" || a.header.Get("Access-Control-Expose-Headers") != "ETag" {
		t.Errorf("got %v", a.header)
	}
	for _, origin := range []string{"", "https://b"} {
		if a = f.must(call{path: "/box/k", headers: map[string]string{"Origin": origin}}); a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("origin %q: got %v", origin, a.header)
		}
	}
	if a = f.do(call{method: "PUT", path: "/box/k", headers: map[string]string{"Origin": "https://a"}}); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("PUT: got %v", a.header)
	}
}

func FuzzOneWildcard(f *testing.F) {
	f.Add("http://*.example.com", "http://a.example.com")
	f.Add("a*a", "a")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if strings.Count(pattern, "*") > 1 {
			return
		}
		before, after, wild := strings.Cut(pattern, "*")
		if !oneWildcard(pattern, before+text+after) && wild || oneWildcard(pattern, text) && !wild && pattern != text {
			t.Fatalf("%q and %q", pattern, text)
		}
		if wild && oneWildcard(pattern, text) && len(text) < len(pattern)-1 {
			t.Fatalf("%q overlaps in %q", text, pattern)
		}
	})
}
