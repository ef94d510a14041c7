package s3

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
)

func block(acls, ignore, policies, restrict bool) string {
	return fmt.Sprintf(`<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><BlockPublicAcls>%v</BlockPublicAcls><IgnorePublicAcls>%v</IgnorePublicAcls><BlockPublicPolicy>%v</BlockPublicPolicy><RestrictPublicBuckets>%v</RestrictPublicBuckets></PublicAccessBlockConfiguration>`,
		acls, ignore, policies, restrict)
}

func TestPublicAccessIsBlockedByDefault(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	if got := f.must(call{path: "/box?publicAccessBlock"}).body; strings.Count(got, ">true<") != 4 {
		t.Errorf("block of a new bucket: %s", got)
	}
	public := statement("Allow", `"*"`, `"s3:GetObject"`, inBox, "")
	wantRefusal(t, "public policy", f.do(call{method: "PUT", path: "/box?policy", body: public}), 403, "AccessDenied")
	f.putPolicy("box", statement("Allow", `{"AWS":"`+otherAccount+`"}`, `"s3:GetObject"`, inBox, ""))
	for range 2 {
		if a := f.must(call{method: "DELETE", path: "/box?publicAccessBlock"}); a.status != 204 {
			t.Errorf("delete: got %d, want 204", a.status)
		}
	}
	wantRefusal(t, "get", f.do(call{path: "/box?publicAccessBlock"}), 404, "NoSuchPublicAccessBlockConfiguration")
	f.putPolicy("box", public)
	for _, body := range []string{"", "<Tagging/>", "<PublicAccessBlockConfiguration><BlockPublicAcls>perhaps</BlockPublicAcls></PublicAccessBlockConfiguration>"} {
		wantRefusal(t, body, f.do(call{method: "PUT", path: "/box?publicAccessBlock", body: body}), 400, "MalformedXML")
	}
	f.must(call{method: "PUT", path: "/box?publicAccessBlock", body: "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>"})
	got := f.must(call{path: "/box?publicAccessBlock"}).body
	if !strings.Contains(got, "<IgnorePublicAcls>true<") || strings.Count(got, ">false<") != 3 {
		t.Errorf("block: %s", got)
	}
}

// blocks sets the block of a bucket or of the account.
var blocks = map[string]func(f *fixture, body string){
	"bucket": func(f *fixture, body string) {
		f.must(call{method: "PUT", path: "/box?publicAccessBlock", body: body})
	},
	"account": func(f *fixture, body string) { f.must(control("root", account, "PUT", body)) },
	"account, by host name": func(f *fixture, body string) {
		c := control("root", account, "PUT", body)
		c.headers["Host"] = account + ".s3.localhost:9000"
		f.must(c)
	},
}

// control is a call of S3 Control.
func control(as, number, method, body string) call {
	return call{as: as, method: method, path: "/v20180820/configuration/publicAccessBlock", body: body, headers: map[string]string{"x-amz-account-id": number}}
}

func TestAccountsPublicAccessBlock(t *testing.T) {
	f := newFixture(t)
	f.allow("idle", []string{"s3:Nothing"}, []string{"*"})
	f.allow("admin", []string{"s3:*AccountPublicAccessBlock"}, []string{"*"})
	f.grantAs("friend", otherAccount, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)
	code := func(a answered) string {
		return decodeXML[struct {
			XMLName xml.Name `xml:"ErrorResponse"`
			Code    string   `xml:"Error>Code"`
		}](t, a).Code
	}
	if a := f.do(control("root", account, "GET", "")); a.status != 404 || code(a) != "NoSuchPublicAccessBlockConfiguration" {
		t.Errorf("get of none: %d %s", a.status, a.body)
	}
	for _, as := range []string{"other", "friend", "idle", "anonymous"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			if a := f.do(control(as, account, method, block(false, false, false, false))); a.status != 403 || code(a) != "AccessDenied" {
				t.Errorf("%s as %s: %d %s, want 403", method, as, a.status, a.body)
			}
		}
	}
	for _, number := range []string{"", "1234", "x"} {
		if a := f.do(control("root", number, "PUT", block(true, true, true, true))); a.status < 400 {
			t.Errorf("account %q: %d %s, want a refusal", number, a.status, a.body)
		}
	}
	f.must(control("admin", account, "PUT", block(true, false, true, false)))
	got := f.must(control("admin", account, "GET", "")).body
	if !strings.Contains(got, `xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"`) || strings.Count(got, ">true<") != 2 {
		t.Errorf("block: %s", got)
	}
	for range 2 {
		if a := f.must(control("admin", account, "DELETE", "")); a.status != 204 {
			t.Errorf("delete: %d, want 204", a.status)
		}
	}
	// A bucket may have the name that the paths of S3 Control begin with.
	f.bucket("v20180820")
	f.put("v20180820", "configuration/publicAccessBlock", "an object")
	if a := f.must(call{path: "/v20180820/configuration/publicAccessBlock"}); a.body != "an object" {
		t.Errorf("the object reads %q", a.body)
	}
}

func TestPublicAccessBlock(t *testing.T) {
	for of, set := range blocks {
		t.Run(of, func(t *testing.T) {
			f := withLists(t)
			fill(f, "k")
			f.allow("reader", []string{"s3:GetObject"}, []string{"*"})
			public := statement("Allow", `"*"`, `"s3:GetObject"`, inBox, "")
			publicRead := map[string]string{"x-amz-acl": "public-read"}

			set(f, block(true, false, false, false))
			for _, canned := range []string{"public-read", "public-read-write", "authenticated-read"} {
				headers := map[string]string{"x-amz-acl": canned}
				for _, path := range []string{"/box?acl", "/box/k?acl", "/box/new"} {
					wantRefusal(t, canned+" "+path, f.do(call{method: "PUT", path: path, headers: headers}), 403, "AccessDenied")
				}
				wantRefusal(t, canned+" upload", f.do(call{method: "POST", path: "/box/new?uploads", headers: headers}), 403, "AccessDenied")
				wantRefusal(t, canned+" copy", f.do(call{method: "PUT", path: "/box/new", headers: map[string]string{"x-amz-acl": canned, "x-amz-copy-source": "box/k"}}), 403, "AccessDenied")
			}
			wantRefusal(t, "grant", f.do(call{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-grant-read": "uri=" + everyone}}), 403, "AccessDenied")
			wantRefusal(t, "body", f.do(call{method: "PUT", path: "/box/k?acl", body: aclBody(account, byURI(everyone, "READ"))}), 403, "AccessDenied")
			f.must(call{method: "PUT", path: "/box/k?acl", headers: map[string]string{"x-amz-grant-read": "id=" + canonicalUser(otherAccount)}})

			set(f, block(false, true, false, false))
			f.must(call{method: "PUT", path: "/box?acl", headers: publicRead})
			f.must(call{method: "PUT", path: "/box/k?acl", headers: publicRead})
			for _, as := range []string{"anonymous", "other"} {
				wantRefusal(t, "ignored list "+as, f.do(call{as: as, path: "/box"}), 403, "AccessDenied")
				wantRefusal(t, "ignored list "+as, f.do(call{as: as, path: "/box/k"}), 403, "AccessDenied")
			}
			f.must(call{method: "PUT", path: "/box/k?acl", headers: map[string]string{"x-amz-grant-read": "id=" + canonicalUser(otherAccount)}})
			f.must(call{as: "other", path: "/box/k"}) // a list that is not public counts

			set(f, block(false, false, true, false))
			wantRefusal(t, "public policy", f.do(call{method: "PUT", path: "/box?policy", body: public}), 403, "AccessDenied")

			set(f, block(false, false, false, true))
			f.putPolicy("box", public)
			for _, as := range []string{"anonymous", "other"} {
				wantRefusal(t, "restricted "+as, f.do(call{as: as, path: "/box/k"}), 403, "AccessDenied")
			}
			f.must(call{path: "/box/k"})
			f.must(call{as: "reader", path: "/box/k"})

			set(f, block(false, false, false, false))
			f.must(call{as: "anonymous", path: "/box"})
			f.must(call{as: "anonymous", path: "/box/k"})
			f.must(call{as: "other", path: "/box/k"})
		})
	}
}
