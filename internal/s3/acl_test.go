package s3

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/object"
)

var headNothing object.GetOptions

// withLists is a fixture whose new buckets have access control lists and no
// public access block.
func withLists(t *testing.T) *fixture {
	return newFixtureWith(t, NewBuckets{Lists: true, Public: true})
}

// shownACL is an answer of GetBucketAcl and GetObjectAcl.
type shownACL struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AccessControlPolicy"`
	Owner   struct{ ID, DisplayName string }
	Grants  []struct {
		Grantee struct {
			Type                 string `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr"`
			ID, DisplayName, URI string
		}
		Permission string
	} `xml:"AccessControlList>Grant"`
}

// text is one line: the owner, then the grants.
func (a shownACL) text() string {
	names := map[string]string{canonicalUser(account): "main", canonicalUser(otherAccount): "other", canonicalUser(anonymousOwner): "nobody"}
	words := []string{names[a.Owner.ID] + ":"}
	for _, g := range a.Grants {
		who := names[g.Grantee.ID]
		if g.Grantee.Type == "Group" {
			who = g.Grantee.URI[strings.LastIndexByte(g.Grantee.URI, '/')+1:]
		}
		words = append(words, who+"="+g.Permission)
	}
	return strings.Join(words, " ")
}

func (f *fixture) acl(as, path string) string {
	f.tb.Helper()
	return decodeXML[shownACL](f.tb, f.must(call{as: as, path: path + "?acl"})).text()
}

// aclBody is a body of PutBucketAcl and PutObjectAcl by an owner.
func aclBody(owner string, grants ...string) string {
	return `<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>` + canonicalUser(owner) + `</ID></Owner><AccessControlList>` +
		strings.Join(grants, "") + `</AccessControlList></AccessControlPolicy>`
}

func byID(id, permission string) string {
	return fmt.Sprintf(`<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>%s</ID></Grantee><Permission>%s</Permission></Grant>`, id, permission)
}

func byURI(uri, permission string) string {
	return fmt.Sprintf(`<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>%s</URI></Grantee><Permission>%s</Permission></Grant>`, uri, permission)
}

const everyone = "http://acs.amazonaws.com/groups/global/AllUsers"

func TestStoredACLs(t *testing.T) {
	for _, text := range []string{"", "1", "1 account/111111111111=READ", "1 group/AllUsers=READ group/LogDelivery=WRITE account/anonymous=FULL_CONTROL"} {
		a, err := parseACL(text)
		if err != nil || a.String() != text {
			t.Errorf("%q became %q, %v", text, a.String(), err)
		}
	}
	for _, text := range []string{
		"2", "x", " ", "1 ", "1 account/=READ", "1 group/Everybody=READ", "1 account/1=EVERYTHING", "1 account/1", "1 user/1=READ", "1  account/1=READ",
		"1" + strings.Repeat(" account/1=READ", maxGrants+1),
	} {
		if a, err := parseACL(text); err == nil {
			t.Errorf("%q was read as %v", text, a)
		}
	}
}

func FuzzParseACL(f *testing.F) {
	f.Add("1 account/111111111111=READ group/AllUsers=READ")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseACL(text)
		if err != nil {
			return
		}
		if a.String() != text {
			t.Errorf("%q was read as %q", text, a.String())
		}
	})
}

func TestListsAreDisabledByDefault(t *testing.T) {
	f := newFixture(t)
	fill(f, "k")
	for _, path := range []string{"/box", "/box/k"} {
		if got := f.acl("root", path); got != "main: main=FULL_CONTROL" {
			t.Errorf("list of %s: %s", path, got)
		}
		for _, c := range []call{
			{headers: map[string]string{"x-amz-acl": "private"}}, {headers: map[string]string{"x-amz-acl": "public-read"}},
			{headers: map[string]string{"x-amz-grant-read": "id=" + canonicalUser(otherAccount)}}, {body: aclBody(account)},
		} {
			c.method, c.path = "PUT", path+"?acl"
			wantRefusal(t, fmt.Sprint(c), f.do(c), 400, "AccessControlListNotSupported")
		}
	}
	got := f.must(call{path: "/box?ownershipControls"}).body
	if !strings.Contains(got, "<ObjectOwnership>BucketOwnerEnforced</ObjectOwnership>") {
		t.Errorf("ownership controls: %s", got)
	}
}

func TestCannedACLs(t *testing.T) {
	f := withLists(t)
	f.bucket("box")
	f.must(call{method: "PUT", path: "/box?acl", headers: map[string]string{"x-amz-acl": "public-read-write"}})
	for canned, want := range map[string][3]string{ // of the bucket, of main's object, of other's
		"private":                   {"main: main=FULL_CONTROL", "main: main=FULL_CONTROL", "other: other=FULL_CONTROL"},
		"public-read":               {"main: AllUsers=READ main=FULL_CONTROL", "main: AllUsers=READ main=FULL_CONTROL", "other: AllUsers=READ other=FULL_CONTROL"},
		"public-read-write":         {"main: AllUsers=READ AllUsers=WRITE main=FULL_CONTROL", "main: AllUsers=READ AllUsers=WRITE main=FULL_CONTROL", "other: AllUsers=READ AllUsers=WRITE other=FULL_CONTROL"},
		"authenticated-read":        {"main: AuthenticatedUsers=READ main=FULL_CONTROL", "main: AuthenticatedUsers=READ main=FULL_CONTROL", "other: AuthenticatedUsers=READ other=FULL_CONTROL"},
		"bucket-owner-read":         {"main: main=FULL_CONTROL", "main: main=FULL_CONTROL", "other: other=FULL_CONTROL main=READ"},
		"bucket-owner-full-control": {"main: main=FULL_CONTROL", "main: main=FULL_CONTROL", "other: other=FULL_CONTROL main=FULL_CONTROL"},
		"log-delivery-write":        {"main: LogDelivery=WRITE LogDelivery=READ_ACP main=FULL_CONTROL", "", ""},
		"aws-exec-read":             {"", "", ""},
		"everybody":                 {"", "", ""},
	} {
		headers := map[string]string{"x-amz-acl": canned}
		for i, c := range []call{{method: "PUT", path: "/box2?acl"}, {method: "PUT", path: "/box/main"}, {as: "other", method: "PUT", path: "/box/other"}} {
			if i == 0 {
				f.bucket("box2")
			}
			c.headers = headers
			a := f.do(c)
			if want[i] == "" {
				if a.status != 400 && a.status != 501 {
					t.Errorf("%s on %s: got %d %s, want a refusal", canned, c.path, a.status, a.body)
				}
			} else if got := f.acl(c.as, strings.TrimSuffix(c.path, "?acl")); a.status != 200 || got != want[i] {
				t.Errorf("%s on %s: got %d and %s, want %s", canned, c.path, a.status, got, want[i])
			}
			if i == 0 {
				f.must(call{method: "DELETE", path: "/box2"})
			}
		}
	}
}

func TestRequestsForACLs(t *testing.T) {
	f := withLists(t)
	fill(f, "k")
	other, nobody := canonicalUser(otherAccount), canonicalUser("123456789012")
	for _, path := range []string{"/box?acl", "/box/k?acl"} {
		for _, test := range []struct {
			name, code string
			status     int
			call       call
		}{
			{"nothing", "MissingSecurityHeader", 400, call{}},
			{"header and body", "UnexpectedContent", 400, call{headers: map[string]string{"x-amz-acl": "private"}, body: aclBody(account)}},
			{"canned and grant", "InvalidRequest", 400, call{headers: map[string]string{"x-amz-acl": "private", "x-amz-grant-read": "id=" + other}}},
			{"no such user", "InvalidArgument", 400, call{headers: map[string]string{"x-amz-grant-read": "id=" + nobody}}},
			{"account number", "InvalidArgument", 400, call{headers: map[string]string{"x-amz-grant-read": "id=" + otherAccount}}},
			{"no such group", "InvalidArgument", 400, call{headers: map[string]string{"x-amz-grant-read": "uri=http://example.com"}}},
			{"e-mail", "UnresolvableGrantByEmailAddress", 400, call{headers: map[string]string{"x-amz-grant-read": `emailAddress="a@example.com"`}}},
			{"unknown kind", "InvalidArgument", 400, call{headers: map[string]string{"x-amz-grant-read": "name=x"}}},
			{"no kind", "InvalidArgument", 400, call{headers: map[string]string{"x-amz-grant-read": other}}},
			{"too many", "InvalidArgument", 400, call{headers: map[string]string{"x-amz-grant-read": strings.TrimSuffix(strings.Repeat("id="+other+",", 101), ",")}}},
			{"body: no owner", "MalformedACLError", 400, call{body: `<AccessControlPolicy><AccessControlList/></AccessControlPolicy>`}},
			{"body: another owner", "AccessDenied", 403, call{body: aclBody(otherAccount)}},
			{"body: no such user", "InvalidArgument", 400, call{body: aclBody(account, byID("_foo", "READ"))}},
			{"body: no such group", "InvalidArgument", 400, call{body: aclBody(account, byURI("x", "READ"))}},
			{"body: unknown permission", "MalformedACLError", 400, call{body: aclBody(account, byID(other, "EVERYTHING"))}},
			{"body: no grantee", "MalformedACLError", 400, call{body: aclBody(account, `<Grant><Permission>READ</Permission></Grant>`)}},
			{"body: no type", "MalformedACLError", 400, call{body: aclBody(account, `<Grant><Grantee><ID>`+other+`</ID></Grantee><Permission>READ</Permission></Grant>`)}},
			{"body: e-mail", "UnresolvableGrantByEmailAddress", 400, call{body: aclBody(account, `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="AmazonCustomerByEmail"><EmailAddress>a@example.com</EmailAddress></Grantee><Permission>READ</Permission></Grant>`)}},
			{"body: too many", "MalformedACLError", 400, call{body: aclBody(account, strings.Repeat(byID(other, "READ"), maxGrants+1))}},
			{"body: another document", "MalformedXML", 400, call{body: `<Tagging/>`}},
		} {
			test.call.method, test.call.path = "PUT", path
			wantRefusal(t, path+" "+test.name, f.do(test.call), test.status, test.code)
		}
		plain := strings.TrimSuffix(path, "?acl")
		if got := f.acl("root", plain); got != "main: main=FULL_CONTROL" {
			t.Errorf("refused requests changed the list of %s to %s", plain, got)
		}
		f.must(call{method: "PUT", path: path, body: aclBody(account, byID(canonicalUser(account), "FULL_CONTROL"), byURI(everyone, "READ"), byID(other, "WRITE_ACP"))})
		if got := f.acl("root", plain); got != "main: AllUsers=READ main=FULL_CONTROL other=WRITE_ACP" {
			t.Errorf("list of %s: %s", plain, got)
		}
		f.must(call{method: "PUT", path: path, body: aclBody(account)})
		if got := f.acl("root", plain); got != "main:" {
			t.Errorf("empty list of %s: %s", plain, got)
		}
		grants := map[string]string{
			"x-amz-grant-read": `id="` + other + `", uri="` + everyone + `"`, "x-amz-grant-write": "id=" + other,
			"x-amz-grant-full-control": "id=" + canonicalUser(account),
		}
		f.must(call{method: "PUT", path: path, headers: grants})
		if got := f.acl("root", plain); got != "main: AllUsers=READ other=READ other=WRITE main=FULL_CONTROL" {
			t.Errorf("list of %s by headers: %s", plain, got)
		}
	}
}

// TestGrants asks for everything that a list could allow, under every list.
func TestGrants(t *testing.T) {
	f := withLists(t)
	f.allow("reader", []string{"s3:*"}, []string{"*"})
	f.grantAs("foreigner", otherAccount, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Nothing","Resource":"*"}}`)
	f.grantAs("friend", otherAccount, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)
	actions := []struct {
		name   string
		call   call
		bucket []string // permissions of the bucket's list that allow it
		object []string
	}{
		{"list", call{path: "/box"}, []string{"READ"}, nil},
		{"list V2", call{path: "/box?list-type=2"}, []string{"READ"}, nil},
		{"head bucket", call{method: "HEAD", path: "/box"}, []string{"READ"}, nil},
		{"uploads", call{path: "/box?uploads"}, []string{"READ"}, nil},
		{"get list of bucket", call{path: "/box?acl"}, []string{"READ_ACP"}, nil},
		{"location", call{path: "/box?location"}, nil, nil},
		{"policy", call{path: "/box?policy"}, nil, nil},
		{"tags", call{path: "/box?tagging"}, nil, nil},
		{"get", call{path: "/box/k"}, nil, []string{"READ"}},
		{"head", call{method: "HEAD", path: "/box/k"}, nil, []string{"READ"}},
		{"get version", call{path: "/box/k?versionId=null"}, nil, []string{"READ"}},
		{"get list", call{path: "/box/k?acl"}, nil, []string{"READ_ACP"}},
		{"get list of version", call{path: "/box/k?acl&versionId=null"}, nil, []string{"READ_ACP"}},
		{"object tags", call{path: "/box/k?tagging"}, nil, nil},
		{"put", call{method: "PUT", path: "/box/new"}, []string{"WRITE"}, nil},
		{"upload", call{method: "POST", path: "/box/new?uploads"}, []string{"WRITE"}, nil},
		{"delete", call{method: "DELETE", path: "/box/k2"}, nil, nil},
		{"delete version", call{method: "DELETE", path: "/box/k2?versionId=null"}, nil, nil},
		{"delete bucket", call{method: "DELETE", path: "/box"}, nil, nil},
		{"ownership", call{method: "DELETE", path: "/box?ownershipControls"}, nil, nil},
		{"unblock", call{method: "DELETE", path: "/box?publicAccessBlock"}, nil, nil},
		{"put policy", call{method: "PUT", path: "/box?policy", body: "{}"}, nil, nil},
	}
	fill(f, "k", "k2")
	permissions := []string{"", "READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"}
	grantees := map[string]func(permission string) string{
		"AllUsers":           func(p string) string { return byURI(everyone, p) },
		"AuthenticatedUsers": func(p string) string { return byURI("http://acs.amazonaws.com/groups/global/AuthenticatedUsers", p) },
		"LogDelivery":        func(p string) string { return byURI("http://acs.amazonaws.com/groups/s3/LogDelivery", p) },
		"other":              func(p string) string { return byID(canonicalUser(otherAccount), p) },
		"main":               func(p string) string { return byID(canonicalUser(account), p) },
	}
	admitted := map[string][]string{ // beside the owner's account
		"AllUsers": {"anonymous", "other", "friend"}, "AuthenticatedUsers": {"other", "friend"}, "other": {"other", "friend"},
	}
	for who, grant := range grantees {
		for _, permission := range permissions {
			list := aclBody(account)
			if permission != "" {
				list = aclBody(account, grant(permission))
			}
			for _, onObject := range []bool{false, true} {
				f.must(call{method: "PUT", path: "/box?acl", body: aclBody(account)})
				f.must(call{method: "PUT", path: "/box/k?acl", body: aclBody(account)})
				target := "/box?acl"
				if onObject {
					target = "/box/k?acl"
				}
				f.must(call{method: "PUT", path: target, body: list})
				for _, action := range actions {
					for _, as := range []string{"anonymous", "other", "friend", "foreigner"} {
						takes := action.bucket
						if onObject {
							takes = action.object
						}
						want := slices.Contains(admitted[who], as) && permission != "" && len(takes) > 0 &&
							(permission == "FULL_CONTROL" || slices.Contains(takes, permission))
						c := action.call
						c.as = as
						if a := f.do(c); (a.status < 300) != want {
							t.Errorf("%s=%s on %s: %s as %s got %d %s, want allowed %v", who, permission, target, action.name, as, a.status, a.body, want)
						}
					}
				}
			}
		}
	}
}

// grantAs is grant for a user of another account.
func (f *fixture) grantAs(name, number, document string) {
	f.tb.Helper()
	f.grant(name, document, nil)
	p := &f.users[name].caller.Principal
	p.Account, p.CanonicalUser = number, canonicalUser(number)
	p.ARN = "arn:aws:sts::" + number + ":assumed-role/role/" + name
	p.RoleARN = "arn:aws:iam::" + number + ":role/role"
}

func TestWhoWritesAnObjectOwnsIt(t *testing.T) {
	for _, test := range []struct {
		ownership, canned string
		owner             string
		refused           bool
	}{
		{"BucketOwnerEnforced", "", account, false},
		{"BucketOwnerEnforced", "bucket-owner-full-control", account, false},
		{"BucketOwnerEnforced", "private", "", true},
		{"BucketOwnerPreferred", "", otherAccount, false},
		{"BucketOwnerPreferred", "bucket-owner-full-control", account, false},
		{"BucketOwnerPreferred", "private", otherAccount, false},
		{"ObjectWriter", "", otherAccount, false},
		{"ObjectWriter", "bucket-owner-full-control", otherAccount, false},
		{"ObjectWriter", "private", otherAccount, false},
	} {
		t.Run(test.ownership+" "+test.canned, func(t *testing.T) {
			f := newFixture(t)
			f.must(call{method: "PUT", path: "/box", body: constraint(region), headers: map[string]string{"x-amz-object-ownership": test.ownership}})
			f.unblock("box")
			f.putPolicy("box", statement("Allow", `{"AWS":"`+otherAccount+`"}`, `"s3:*"`, inBox, ""))
			f.put("box", "source", "x")
			f.must(call{method: "PUT", path: "/box?policy", body: statement("Allow", `{"AWS":"`+otherAccount+`"}`, `["s3:PutObject","s3:GetObject"]`, `"arn:aws:s3:::box/*"`, "")})
			headers := map[string]string{}
			if test.canned != "" {
				headers["x-amz-acl"] = test.canned
			}
			withSource := map[string]string{"x-amz-copy-source": "box/source"}
			for k, v := range headers {
				withSource[k] = v
			}
			for key, c := range map[string]call{
				"put":  {method: "PUT", path: "/box/put", headers: headers},
				"copy": {method: "PUT", path: "/box/copy", headers: withSource},
				"mpu":  {method: "POST", path: "/box/mpu?uploads", headers: headers},
			} {
				c.as = "other"
				if test.refused {
					wantRefusal(t, key, f.do(c), 400, "AccessControlListNotSupported")
					continue
				}
				a := f.must(c)
				if key == "mpu" {
					id := decodeXML[struct{ UploadId string }](t, a).UploadId
					f.must(call{as: "other", method: "PUT", path: partPath("/box/mpu", id, 1), body: "part"})
					f.must(call{as: "other", method: "POST", path: "/box/mpu?uploadId=" + id, body: "<CompleteMultipartUpload>" + entry(1, etagOf("part"), "") + "</CompleteMultipartUpload>"})
				}
				v, err := f.engine.Head(t.Context(), "box", key, headNothing)
				if err != nil || v.Owner != test.owner {
					t.Errorf("%s belongs to %q, %v, want %s", key, v.Owner, err, test.owner)
				}
			}
		})
	}
}

// TestObjectsOfOtherAccounts is about a bucket in which another account wrote.
func TestObjectsOfOtherAccounts(t *testing.T) {
	f := withLists(t)
	f.bucket("box")
	f.putPolicy("box", statement("Allow", `"*"`, `["s3:PutObject","s3:GetObject","s3:GetObjectAcl","s3:PutObjectAcl"]`, inBox, ""))
	f.must(call{as: "other", method: "PUT", path: "/box/k", body: "x"})
	f.must(call{as: "other", path: "/box/k"})
	for _, as := range []string{"root", "anonymous"} { // the policy cannot allow what is not the bucket owner's
		for _, c := range []call{{path: "/box/k"}, {path: "/box/k?acl"}, {method: "PUT", path: "/box/k?acl", headers: map[string]string{"x-amz-acl": "public-read"}},
			{path: "/box/k?tagging"}, {method: "PUT", path: "/box/copy", headers: map[string]string{"x-amz-copy-source": "box/k"}}} {
			c.as = as
			wantRefusal(t, c.method+" "+c.path+" as "+as, f.do(c), 403, "AccessDenied")
		}
	}
	f.must(call{as: "other", method: "PUT", path: "/box/k?acl", headers: map[string]string{"x-amz-acl": "bucket-owner-read"}})
	f.must(call{path: "/box/k"})
	wantRefusal(t, "list", f.do(call{path: "/box/k?acl"}), 403, "AccessDenied")
	f.putPolicy("box", statement("Deny", `{"AWS":"`+otherAccount+`"}`, `"s3:GetObject"`, inBox, ""))
	wantRefusal(t, "its owner, denied by the bucket's policy", f.do(call{as: "other", path: "/box/k"}), 403, "AccessDenied")
	f.must(call{path: "/box/k"})
	f.must(call{method: "PUT", path: "/box?ownershipControls", body: `<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>`})
	f.must(call{path: "/box/k"})
	if got := f.acl("root", "/box/k"); got != "main: main=FULL_CONTROL" {
		t.Errorf("with lists disabled: %s", got)
	}
	f.must(call{method: "DELETE", path: "/box/k"}) // always the bucket owner's to do
}

func TestAnonymousWritersOwnNothingOfAnybodys(t *testing.T) {
	f := withLists(t)
	f.bucket("box")
	f.must(call{method: "PUT", path: "/box?acl", headers: map[string]string{"x-amz-acl": "public-read-write"}})
	f.must(call{as: "anonymous", method: "PUT", path: "/box/k", body: "x"})
	for _, as := range []string{"root", "other", "anonymous"} {
		wantRefusal(t, "get as "+as, f.do(call{as: as, path: "/box/k"}), 403, "AccessDenied")
	}
	f.must(call{as: "anonymous", method: "PUT", path: "/box/k", body: "x", headers: map[string]string{"x-amz-acl": "public-read"}})
	for _, as := range []string{"root", "other", "anonymous"} {
		f.must(call{as: as, path: "/box/k"})
		wantRefusal(t, "list as "+as, f.do(call{as: as, method: "PUT", path: "/box/k?acl", headers: map[string]string{"x-amz-acl": "private"}}), 403, "AccessDenied")
	}
	f.must(call{method: "DELETE", path: "/box/k"})
	f.must(call{method: "PUT", path: "/box?acl", headers: map[string]string{"x-amz-acl": "public-read"}})
	f.putPolicy("box", statement("Allow", `"*"`, `"s3:PutObject"`, inBox, ""))
	f.must(call{as: "anonymous", method: "PUT", path: "/box/k", body: "x"})
	wantRefusal(t, "with a list, by a policy", f.do(call{as: "anonymous", method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-acl": "public-read"}}), 403, "AccessDenied")
}

func TestListsAndDenies(t *testing.T) {
	f := withLists(t)
	fill(f, "k")
	f.must(call{method: "PUT", path: "/box?acl", headers: map[string]string{"x-amz-acl": "public-read"}})
	f.must(call{method: "PUT", path: "/box/k?acl", headers: map[string]string{"x-amz-acl": "public-read"}})
	for _, as := range []string{"anonymous", "other"} {
		f.must(call{as: as, path: "/box"})
		f.must(call{as: as, path: "/box/k"})
	}
	f.putPolicy("box", statement("Deny", `"*"`, `"s3:*"`, inBox, ""))
	for _, as := range []string{"anonymous", "other"} {
		wantRefusal(t, as, f.do(call{as: as, path: "/box"}), 403, "AccessDenied")
		wantRefusal(t, as, f.do(call{as: as, path: "/box/k"}), 403, "AccessDenied")
	}
}

func TestAMissingObjectIsToldToThoseWhomAListLetsList(t *testing.T) {
	f := withLists(t)
	f.bucket("box")
	for _, path := range []string{"/box/k", "/box/k?acl", "/box/k?tagging"} {
		wantRefusal(t, path, f.do(call{as: "anonymous", path: path}), 403, "AccessDenied")
	}
	f.must(call{method: "PUT", path: "/box?acl", headers: map[string]string{"x-amz-acl": "public-read"}})
	for _, path := range []string{"/box/k", "/box/k?acl", "/box/k?tagging"} {
		wantRefusal(t, path, f.do(call{as: "anonymous", path: path}), 404, "NoSuchKey")
	}
	f.put("box", "k", "x")
	for _, path := range []string{"/box/k", "/box/k?acl", "/box/k?tagging"} {
		wantRefusal(t, path, f.do(call{as: "anonymous", path: path}), 403, "AccessDenied")
	}
}

func TestOwnershipControls(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	controls := func(o string) string {
		return `<OwnershipControls xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ObjectOwnership>` + o + `</ObjectOwnership></Rule></OwnershipControls>`
	}
	for _, body := range []string{"", "<OwnershipControls/>", controls(""), controls("Everybody"), "<Tagging/>", strings.Replace(controls("ObjectWriter"), "<Rule>", "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule><Rule>", 1)} {
		wantRefusal(t, body, f.do(call{method: "PUT", path: "/box?ownershipControls", body: body}), 400, "MalformedXML")
	}
	f.unblock("box")
	f.must(call{method: "PUT", path: "/box?ownershipControls", body: controls("ObjectWriter")})
	f.must(call{method: "PUT", path: "/box?acl", headers: map[string]string{"x-amz-acl": "public-read"}})
	f.must(call{as: "anonymous", path: "/box"})
	wantRefusal(t, "while lists let others in", f.do(call{method: "PUT", path: "/box?ownershipControls", body: controls("BucketOwnerEnforced")}), 400, "InvalidBucketAclWithObjectOwnership")
	f.must(call{method: "PUT", path: "/box?acl", headers: map[string]string{"x-amz-acl": "private"}})
	f.must(call{method: "PUT", path: "/box?ownershipControls", body: controls("BucketOwnerEnforced")})
	for range 2 {
		if a := f.must(call{method: "DELETE", path: "/box?ownershipControls"}); a.status != 204 {
			t.Errorf("delete: got %d, want 204", a.status)
		}
	}
	wantRefusal(t, "get", f.do(call{path: "/box?ownershipControls"}), 404, "OwnershipControlsNotFoundError")
	f.must(call{method: "PUT", path: "/box?acl", headers: map[string]string{"x-amz-acl": "public-read"}}) // as ObjectWriter
}
