package s3

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCreateBucketChecksNameAndLocation(t *testing.T) {
	f := newFixture(t)
	f.must(call{method: "PUT", path: "/mine", body: constraint(region)})
	f.must(call{method: "PUT", path: "/classic", region: "us-east-1"})
	f.must(call{as: "other", method: "PUT", path: "/theirs", body: constraint(region)})
	for _, test := range []struct {
		name, bucket, region, body string
		headers                    map[string]string
		status                     int
		code                       string
	}{
		{name: "own bucket again", bucket: "mine", body: constraint(region), status: 409, code: "BucketAlreadyOwnedByYou"},
		{name: "own bucket again in us-east-1", bucket: "classic", region: "us-east-1", status: 200},
		{name: "own bucket again with a list", bucket: "classic", region: "us-east-1", headers: map[string]string{"x-amz-acl": "private"}, status: 409, code: "BucketAlreadyOwnedByYou"},
		{name: "own bucket again with tags", bucket: "classic", region: "us-east-1", body: `<CreateBucketConfiguration><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>`, status: 409, code: "BucketAlreadyOwnedByYou"},
		{name: "own bucket of us-east-1 from elsewhere", bucket: "classic", body: constraint(region), status: 409, code: "BucketAlreadyOwnedByYou"},
		{name: "foreign bucket", bucket: "theirs", body: constraint(region), status: 409, code: "BucketAlreadyExists"},
		{name: "no constraint outside us-east-1", bucket: "new1", status: 400, code: "IllegalLocationConstraintException"},
		{name: "empty constraint outside us-east-1", bucket: "new1", body: "<CreateBucketConfiguration/>", status: 400, code: "IllegalLocationConstraintException"},
		{name: "constraint of another region", bucket: "new1", body: constraint("eu-west-1"), status: 400, code: "IllegalLocationConstraintException"},
		{name: "constraint from us-east-1", bucket: "new2", region: "us-east-1", body: constraint("eu-west-1"), status: 200},
		{name: "constraint EU", bucket: "new3", region: "eu-west-1", body: constraint("EU"), status: 200},
		{name: "constraint us-east-1", bucket: "new1", region: "us-east-1", body: constraint("us-east-1"), status: 400, code: "InvalidLocationConstraint"},
		{name: "constraint nonsense", bucket: "new1", body: constraint("nowhere"), status: 400, code: "InvalidLocationConstraint"},
		{name: "not XML", bucket: "new1", body: "hello", status: 400, code: "MalformedXML"},
		{name: "another document", bucket: "new1", body: "<Delete/>", status: 400, code: "MalformedXML"},
		{name: "directory bucket", bucket: "new1", body: `<CreateBucketConfiguration><Bucket><Type>Directory</Type></Bucket></CreateBucketConfiguration>`, status: 501, code: "NotImplemented"},
		{name: "tags", bucket: "new1", body: `<CreateBucketConfiguration><LocationConstraint>ap-northeast-1</LocationConstraint><Tags><Tag><Key>aws:a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>`, status: 400, code: "InvalidTag"},
		{name: "private", bucket: "new4", body: constraint(region), headers: map[string]string{"x-amz-acl": "private"}, status: 200},
		{name: "public", bucket: "new1", body: constraint(region), headers: map[string]string{"x-amz-acl": "public-read"}, status: 400, code: "InvalidBucketAclWithObjectOwnership"},
		{name: "public with lists", bucket: "new1", body: constraint(region), headers: map[string]string{"x-amz-acl": "public-read", "x-amz-object-ownership": "ObjectWriter"}, status: 400, code: "InvalidBucketAclWithBlockPublicAccessError"},
		{name: "unknown ACL", bucket: "new1", body: constraint(region), headers: map[string]string{"x-amz-acl": "mine"}, status: 400, code: "InvalidArgument"},
		{name: "grant", bucket: "new1", body: constraint(region), headers: map[string]string{"x-amz-grant-write": "id=x"}, status: 400, code: "InvalidArgument"},
		{name: "object lock unclear", bucket: "new1", body: constraint(region), headers: map[string]string{"x-amz-bucket-object-lock-enabled": "perhaps"}, status: 400, code: "InvalidArgument"},
		{name: "no object lock", bucket: "new5", body: constraint(region), headers: map[string]string{"x-amz-bucket-object-lock-enabled": "false"}, status: 200},
		{name: "owner enforced", bucket: "new6", body: constraint(region), headers: map[string]string{"x-amz-object-ownership": "BucketOwnerEnforced"}, status: 200},
		{name: "object writer", bucket: "new7", body: constraint(region), headers: map[string]string{"x-amz-object-ownership": "ObjectWriter"}, status: 200},
		{name: "unknown ownership", bucket: "new1", body: constraint(region), headers: map[string]string{"x-amz-object-ownership": "Everybody"}, status: 400, code: "InvalidArgument"},
		{name: "bad name", bucket: "Upper", body: constraint(region), status: 400, code: "InvalidBucketName"},
		{name: "anonymous", bucket: "new1", body: constraint(region), status: 403, code: "AccessDenied"},
	} {
		t.Run(test.name, func(t *testing.T) {
			as := ""
			if test.name == "anonymous" {
				as = "anonymous"
			}
			a := f.do(call{as: as, method: "PUT", path: "/" + test.bucket, region: test.region, body: test.body, headers: test.headers})
			if test.status != 200 {
				wantRefusal(t, test.bucket, a, test.status, test.code)
				return
			}
			if a.status != 200 || a.header.Get("Location") != "/"+test.bucket {
				t.Fatalf("got %d %v %s, want 200 with Location", a.status, a.header, a.body)
			}
		})
	}
	for bucket, want := range map[string]string{"mine": region, "classic": "", "new2": "eu-west-1", "new3": "eu-west-1"} {
		a := f.must(call{path: "/" + bucket + "?location"})
		if got := decodeXML[string](t, a); got != want {
			t.Errorf("location of %s: got %q, want %q", bucket, got, want)
		}
	}
}

func TestBucketNames(t *testing.T) {
	for name, want := range map[string]bool{
		"abc": true, "a.b": true, "a-b.c-d": true, "0ab": true, "192.168.1.x": true, strings.Repeat("a", 63): true,
		"ab": false, "": false, strings.Repeat("a", 64): false, "Abc": false, "a_b": false, "a..b": false, "a.-b": false, "a-.b": false,
		"-ab": false, "ab-": false, ".ab": false, "ab.": false, "192.168.1.1": false, "a/b": false, "a b": false, "abé": false, "a\x00b": false,
	} {
		if got := checkBucketName(name) == nil; got != want {
			t.Errorf("name %q: got valid %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"xn--abc", "sthree-a", "amzn-s3-demo-bucket", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "a--table-s3"} {
		if checkNewBucketName(name) == nil {
			t.Errorf("reserved name %q was accepted", name)
		}
		if err := checkBucketName(name); err != nil {
			t.Errorf("reserved name %q of an existing bucket: %v", name, err)
		}
	}
}

func TestBucketLifeCycle(t *testing.T) {
	f := newFixture(t)
	wantRefusal(t, "missing bucket", f.do(call{path: "/nowhere?location"}), 404, "NoSuchBucket")
	if a := f.do(call{method: "HEAD", path: "/nowhere"}); a.status != 404 || a.body != "" {
		t.Errorf("HEAD of a missing bucket: got %d %q, want 404 without body", a.status, a.body)
	}
	f.bucket("box")
	a := f.must(call{method: "HEAD", path: "/box"})
	if got := a.header.Get("x-amz-bucket-region"); got != region || a.body != "" {
		t.Errorf("HEAD: got region %q, body %q, want %q and none", got, a.body, region)
	}
	f.put("box", "k", "v")
	wantRefusal(t, "delete with an object", f.do(call{method: "DELETE", path: "/box"}), 409, "BucketNotEmpty")
	f.must(call{method: "DELETE", path: "/box/k"})
	if a := f.must(call{method: "DELETE", path: "/box"}); a.status != 204 {
		t.Errorf("delete: got %d, want 204", a.status)
	}
	e := wantRefusal(t, "delete again", f.do(call{method: "DELETE", path: "/box"}), 404, "NoSuchBucket")
	if e.field("BucketName") != "box" {
		t.Errorf("got fields %v, want BucketName box", e.Fields)
	}
	wantRefusal(t, "put without bucket", f.do(call{method: "PUT", path: "/box/k", body: "x"}), 404, "NoSuchBucket")
	wantRefusal(t, "list without bucket", f.do(call{path: "/box?list-type=2"}), 404, "NoSuchBucket")
	wantRefusal(t, "empty list without bucket", f.do(call{path: "/box?max-keys=0"}), 404, "NoSuchBucket")
}

func TestExpectedBucketOwnerMustOwnTheBucket(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "k", "v")
	for _, c := range []call{
		{path: "/box"}, {method: "HEAD", path: "/box/k"}, {path: "/box/k"}, {method: "DELETE", path: "/box/k"}, {method: "PUT", path: "/box/k"},
		{path: "/box?uploads"}, {path: "/box?location"}, {method: "POST", path: "/box/k?uploads"},
	} {
		c.headers = map[string]string{"x-amz-expected-bucket-owner": otherAccount}
		if a := f.do(c); a.status != 403 {
			t.Errorf("%s %s with another expected owner: got %d, want 403", c.method, c.path, a.status)
		}
		c.headers["x-amz-expected-bucket-owner"] = account
		if a := f.do(c); a.status >= 300 && c.method != "DELETE" {
			t.Errorf("%s %s with the expected owner: got %d %s", c.method, c.path, a.status, a.body)
		}
		f.put("box", "k", "v")
	}
}

type bucketList struct {
	Owner             string   `xml:"Owner>ID"`
	Names             []string `xml:"Buckets>Bucket>Name"`
	Regions           []string `xml:"Buckets>Bucket>BucketRegion"`
	Dates             []string `xml:"Buckets>Bucket>CreationDate"`
	Prefix            string
	ContinuationToken string
}

func TestListBucketsPagesThroughTheCallersOwn(t *testing.T) {
	f := newFixture(t)
	var want []string
	for i := range 7 {
		name := fmt.Sprintf("box-%d", i)
		f.bucket(name)
		want = append(want, name)
	}
	f.must(call{method: "PUT", path: "/east", region: "us-east-1"})
	f.must(call{as: "other", method: "PUT", path: "/box-theirs", body: constraint(region)})

	all := decodeXML[bucketList](t, f.must(call{path: "/"}))
	if !slices.Equal(all.Names, append(slices.Clone(want), "east")) || all.ContinuationToken != "" || len(all.Owner) != 64 {
		t.Errorf("all: got %+v", all)
	}
	if all.Dates[0] != "2026-11-20T10:00:00.123Z" {
		t.Errorf("date: got %s", all.Dates[0])
	}
	var got []string
	token := ""
	for range 10 {
		page := decodeXML[bucketList](t, f.must(call{path: "/?max-buckets=3&prefix=box-&bucket-region=" + region + "&continuation-token=" + token}))
		got = append(got, page.Names...)
		if token = page.ContinuationToken; token == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages: got %v, want %v", got, want)
	}
	east := decodeXML[bucketList](t, f.must(call{path: "/?max-buckets=1&bucket-region=us-east-1"}))
	if !slices.Equal(east.Names, []string{"east"}) || east.ContinuationToken != "" {
		t.Errorf("one region: got %+v", east)
	}
	for _, query := range []string{"max-buckets=0", "max-buckets=10001", "max-buckets=x", "continuation-token=%21%21"} {
		wantRefusal(t, query, f.do(call{path: "/?" + query}), 400, "InvalidArgument")
	}
	wantRefusal(t, "anonymous", f.do(call{as: "anonymous", path: "/"}), 403, "AccessDenied")
}
