package s3

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// site reads a page of a website endpoint as anybody.
func (f *fixture) site(method, bucket, path string) answered {
	f.tb.Helper()
	r := httptest.NewRequest(method, "http://"+bucket+".s3-website-"+region+".amazonaws.com"+path, nil)
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, r)
	return answered{w.Code, w.Header(), w.Body.String()}
}

// openSite makes a bucket whose objects everybody may read.
func (f *fixture) openSite(bucket, configuration string) {
	f.tb.Helper()
	f.bucket(bucket)
	f.unblock(bucket)
	f.putPolicy(bucket, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::`+bucket+`/*"}}`)
	f.must(call{method: "PUT", path: "/" + bucket + "?website", body: "<WebsiteConfiguration>" + configuration + "</WebsiteConfiguration>"})
}

const (
	indexPage = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
	errorPage = "<ErrorDocument><Key>error.html</Key></ErrorDocument>"
)

func TestWebsiteConfigurationIsChecked(t *testing.T) {
	f := newFixture(t)
	f.bucket("site")
	rule := func(text string) string {
		return indexPage + "<RoutingRules><RoutingRule>" + text + "</RoutingRule></RoutingRules>"
	}
	for _, c := range []struct{ body, code string }{
		{"", "InvalidArgument"},
		{errorPage, "InvalidArgument"},
		{"<IndexDocument><Suffix></Suffix></IndexDocument>", "InvalidArgument"},
		{"<IndexDocument><Suffix>a/b</Suffix></IndexDocument>", "InvalidArgument"},
		{indexPage + "<ErrorDocument><Key></Key></ErrorDocument>", "InvalidArgument"},
		{"<RedirectAllRequestsTo><HostName>a.com</HostName></RedirectAllRequestsTo>" + indexPage, "InvalidArgument"},
		{"<RedirectAllRequestsTo><HostName></HostName></RedirectAllRequestsTo>", "InvalidArgument"},
		{"<RedirectAllRequestsTo><HostName>a.com/@b</HostName></RedirectAllRequestsTo>", "InvalidArgument"},
		{"<RedirectAllRequestsTo><HostName>a.com</HostName><Protocol>ftp</Protocol></RedirectAllRequestsTo>", "InvalidRequest"},
		{rule(""), "MalformedXML"},
		{rule("<Redirect></Redirect>"), "MalformedXML"},
		{rule("<Condition></Condition><Redirect><HostName>a</HostName></Redirect>"), "MalformedXML"},
		{rule("<Redirect><HttpRedirectCode>200</HttpRedirectCode></Redirect>"), "InvalidRequest"},
		{rule("<Redirect><HttpRedirectCode>300</HttpRedirectCode></Redirect>"), "InvalidRequest"},
		{rule("<Redirect><ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith></Redirect>"), "InvalidRequest"},
		{rule("<Condition><HttpErrorCodeReturnedEquals>200</HttpErrorCodeReturnedEquals></Condition><Redirect><HostName>a</HostName></Redirect>"), "InvalidArgument"},
	} {
		wantRefusal(t, c.body, f.do(call{method: "PUT", path: "/site?website", body: "<WebsiteConfiguration>" + c.body + "</WebsiteConfiguration>"}), 400, c.code)
	}
	wantRefusal(t, "none", f.do(call{path: "/site?website"}), 404, "NoSuchWebsiteConfiguration")
	if a := f.site("GET", "site", "/"); a.status != 404 || !strings.Contains(a.body, "NoSuchWebsiteConfiguration") {
		t.Errorf("without a configuration: got %d %s", a.status, a.body)
	}
	f.must(call{method: "PUT", path: "/site?website", body: "<WebsiteConfiguration>" + indexPage + errorPage + "</WebsiteConfiguration>"})
	if got := f.must(call{path: "/site?website"}).body; !strings.HasSuffix(got, `<WebsiteConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+indexPage+errorPage+"</WebsiteConfiguration>") {
		t.Errorf("got %s", got)
	}
	if a := f.must(call{method: "DELETE", path: "/site?website"}); a.status != 204 {
		t.Errorf("delete: got %d, want 204", a.status)
	}
}

func TestWebsitePages(t *testing.T) {
	f := newFixture(t)
	f.openSite("site", indexPage+errorPage)
	for key, body := range map[string]string{"index.html": "home", "docs/index.html": "docs", "a b.txt": "text", "error.html": "sorry"} {
		f.must(call{method: "PUT", path: "/site/" + escape(key), body: body, headers: map[string]string{"Content-Type": "text/html"}})
	}
	f.must(call{method: "PUT", path: "/site/old", headers: map[string]string{"x-amz-website-redirect-location": "/a%20b.txt"}})
	if a := f.must(call{method: "HEAD", path: "/site/old"}); a.header.Get("X-Amz-Website-Redirect-Location") != "/a%20b.txt" {
		t.Errorf("HEAD: got %v", a.header)
	}
	for _, c := range []struct {
		method, path string
		status       int
		body         string
		location     string
	}{
		{"GET", "/", 200, "home", ""},
		{"HEAD", "/", 200, "", ""},
		{"GET", "/docs/", 200, "docs", ""},
		{"GET", "/docs", 302, "", "/docs/"},
		{"GET", "/a%20b.txt", 200, "text", ""},
		{"GET", "/old", 301, "", "/a%20b.txt"},
		{"GET", "/none", 403, "sorry", ""}, // whoever may not list does not learn that it is not there
		{"HEAD", "/none", 403, "", ""},
		{"GET", "/none/", 403, "sorry", ""},
		{"POST", "/", 405, "", ""},
		{"PUT", "/a", 405, "", ""},
		{"DELETE", "/index.html", 405, "", ""},
	} {
		a := f.site(c.method, "site", c.path)
		if a.status != c.status || c.body != "" && a.body != c.body || c.method == "HEAD" && a.body != "" || a.header.Get("Location") != c.location {
			t.Errorf("%s %s: got %d %q to %q, want %d %q to %q", c.method, c.path, a.status, a.body, a.header.Get("Location"), c.status, c.body, c.location)
		}
	}
	if a := f.site("GET", "site", "/"); a.header.Get("Content-Type") != "text/html" || a.header.Get("Etag") == "" {
		t.Errorf("got %v", a.header)
	}
	f.putPolicy("site", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::site/*"},
		{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::site"}]}`)
	if a := f.site("GET", "site", "/none"); a.status != 404 || a.body != "sorry" {
		t.Errorf("with the permission to list: got %d %q, want 404 sorry", a.status, a.body)
	}
}

func TestAWebsiteShowsOnlyWhatEverybodyMayRead(t *testing.T) {
	f := newFixture(t)
	f.bucket("site")
	f.put("site", "index.html", "secret")
	f.put("site", "error.html", "also secret")
	f.must(call{method: "PUT", path: "/site?website", body: "<WebsiteConfiguration>" + indexPage + errorPage + "</WebsiteConfiguration>"})
	for _, path := range []string{"/", "/index.html", "/error.html", "/none"} {
		a := f.site("GET", "site", path)
		if a.status != 403 || strings.Contains(a.body, "secret") || !strings.Contains(a.body, "<li>Code: AccessDenied</li>") {
			t.Errorf("%s: got %d %s, want 403", path, a.status, a.body)
		}
	}
	if a := f.site("GET", "nowhere", "/"); a.status != 404 || !strings.Contains(a.body, "NoSuchBucket") {
		t.Errorf("no bucket: got %d %s", a.status, a.body)
	}
}

func TestWebsiteRedirects(t *testing.T) {
	f := newFixture(t)
	f.openSite("all", "<RedirectAllRequestsTo><HostName>www.example.com</HostName><Protocol>https</Protocol></RedirectAllRequestsTo>")
	f.openSite("rules", indexPage+`<RoutingRules>
		<RoutingRule><Condition><KeyPrefixEquals>docs/</KeyPrefixEquals></Condition><Redirect><ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith></Redirect></RoutingRule>
		<RoutingRule><Condition><KeyPrefixEquals>img/</KeyPrefixEquals></Condition><Redirect><HostName>i.example.com</HostName><Protocol>https</Protocol><ReplaceKeyWith>one.png</ReplaceKeyWith><HttpRedirectCode>307</HttpRedirectCode></Redirect></RoutingRule>
		<RoutingRule><Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals></Condition><Redirect><HostName>e.example.com</HostName><ReplaceKeyPrefixWith>report-404/</ReplaceKeyPrefixWith></Redirect></RoutingRule>
	</RoutingRules>`)
	host := "http://rules.s3-website-" + region + ".amazonaws.com"
	for _, c := range []struct {
		bucket, path string
		status       int
		location     string
	}{
		{"all", "/", 301, "https://www.example.com/"},
		{"all", "/a%20b/c", 301, "https://www.example.com/a%20b/c"},
		{"rules", "/docs/a", 301, host + "/documents/a"},
		{"rules", "/img/b", 307, "https://i.example.com/one.png"},
		{"rules", "/x%0d%0ay", 301, "http://e.example.com/report-404/x%0D%0Ay"},
	} {
		if a := f.site("GET", c.bucket, c.path); a.status != c.status || a.header.Get("Location") != c.location {
			t.Errorf("%s %s: got %d to %q, want %d to %q", c.bucket, c.path, a.status, a.header.Get("Location"), c.status, c.location)
		}
	}
}

func TestWebsiteHosts(t *testing.T) {
	s := New(Config{Domains: []string{"localhost"}, WebsiteDomains: []string{"web.example.com", "www.example.org"}})
	for host, want := range map[string]string{
		"a.b.s3-website-eu-west-1.amazonaws.com": "a.b", "a.s3-website.eu-central-1.localhost": "a", "shop.web.example.com": "shop",
		"www.example.org": "www.example.org", "a.s3.eu-west-1.amazonaws.com": "", "s3-website-eu-west-1.amazonaws.com": "",
		"a.s3-website-x.y.localhost": "", "a.localhost": "", "example.com": "",
	} {
		if got, claimed := s.websiteHost(host); got != want || claimed != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", host, got, claimed, want)
		}
	}
}
