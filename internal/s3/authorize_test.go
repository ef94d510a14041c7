package s3

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/sigv4"
)

// walkthroughPolicy is that of the article the project follows.
const walkthroughPolicy = `{
    "Version": "%s",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::box",
            "Condition": {
                "StringLike": {
                    "s3:prefix": "${credentials-iot:ThingName}/*"
                }
            }
        },
        {
            "Effect": "Allow",
            "Action":[
                "s3:PutObject",
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion"
            ],
            "Resource": "arn:aws:s3:::box/${credentials-iot:ThingName}/*"
        }
    ]
}`

// device is a fixture with the walkthrough's device and some objects.
func device(t *testing.T) *fixture {
	f := newFixture(t)
	f.grant("device", fmt.Sprintf(walkthroughPolicy, "2012-10-17"), map[string]string{"credentials-iot:ThingName": "thing-3f21f372"})
	f.grant("nameless", fmt.Sprintf(walkthroughPolicy, "2012-10-17"), nil)
	f.grant("old", fmt.Sprintf(walkthroughPolicy, "2008-10-17"), map[string]string{"credentials-iot:ThingName": "thing-3f21f372"})
	fill(f, "thing-3f21f372/x", "thing-other/x", "test.txt")
	return f
}

// TestWalkthroughPolicy is spec E.8, row by row.
func TestWalkthroughPolicy(t *testing.T) {
	f := device(t)
	uploadID := f.create("/box/thing-3f21f372/big", nil)
	const own = "/box/thing-3f21f372/"
	source := func(s string) map[string]string { return map[string]string{"x-amz-copy-source": s} }
	for _, test := range []struct {
		row     string
		call    call
		allowed bool
	}{
		{"PutObject", call{method: "PUT", path: own + "x", body: "x"}, true},
		{"GetObject", call{path: own + "x"}, true},
		{"HeadObject", call{method: "HEAD", path: own + "x"}, true},
		{"GetObject with versionId", call{path: own + "x?versionId=null"}, true},
		{"DeleteObject with versionId", call{method: "DELETE", path: own + "y?versionId=null"}, true},
		{"DeleteObject", call{method: "DELETE", path: own + "y"}, true},
		{"ListObjectsV2 prefix thing-3f21f372/", call{path: "/box?list-type=2&prefix=thing-3f21f372/"}, true},
		{"ListObjectsV2 as the CLI sends it", call{path: "/box?list-type=2&prefix=thing-3f21f372%2F&delimiter=%2F&encoding-type=url"}, true},
		{"ListObjectsV2 prefix thing-3f21f372/sub/", call{path: "/box?list-type=2&prefix=thing-3f21f372/sub/"}, true},
		{"ListObjects prefix thing-3f21f372/", call{path: "/box?prefix=thing-3f21f372/"}, true},
		{"ListObjectsV2 prefix thing-3f21f372", call{path: "/box?list-type=2&prefix=thing-3f21f372"}, false},
		{"ListObjectsV2 prefix thing-3f21f3720/", call{path: "/box?list-type=2&prefix=thing-3f21f3720/"}, false},
		{"ListObjectsV2 prefix empty", call{path: "/box?list-type=2&prefix="}, false},
		{"ListObjectsV2 prefix absent", call{path: "/box?list-type=2"}, false},
		{"HeadBucket", call{method: "HEAD", path: "/box"}, false},
		{"HeadBucket with a prefix", call{method: "HEAD", path: "/box?prefix=thing-3f21f372/"}, false},
		{"ListObjectsV2 prefix thing-xxxxxxxx/", call{path: "/box?list-type=2&prefix=thing-xxxxxxxx/"}, false},
		{"PutObject test.txt", call{method: "PUT", path: "/box/test.txt", body: "x"}, false},
		{"PutObject thing-3f21f372-other/x", call{method: "PUT", path: "/box/thing-3f21f372-other/x", body: "x"}, false},
		{"PutObject thing-3f21f372/../y", call{method: "PUT", path: own + "../y", body: "x"}, true},
		{"PutObject of an encoded slash", call{method: "PUT", path: "/box/thing-3f21f372%2Fz", body: "x"}, true},
		{"PutObject //thing-3f21f372/x", call{method: "PUT", path: "/box//thing-3f21f372/x", body: "x"}, false},
		{"PutObject with x-amz-acl", call{method: "PUT", path: own + "x", headers: map[string]string{"x-amz-acl": "private"}}, false},
		{"PutObject with x-amz-grant-read", call{method: "PUT", path: own + "x", headers: map[string]string{"x-amz-grant-read": "id=1"}}, false},
		{"PutObject with x-amz-tagging", call{method: "PUT", path: own + "x", headers: map[string]string{"x-amz-tagging": "a=b"}}, false},
		{"PutObject with a legal hold", call{method: "PUT", path: own + "x", headers: map[string]string{"x-amz-object-lock-legal-hold": "ON"}}, false},
		{"PutObject with a retention", call{method: "PUT", path: own + "x", headers: map[string]string{"x-amz-object-lock-mode": "GOVERNANCE"}}, false},
		{"CreateMultipartUpload", call{method: "POST", path: own + "m?uploads"}, true},
		{"UploadPart", call{method: "PUT", path: partPath(own+"big", uploadID, 1), body: "part"}, true},
		{"CompleteMultipartUpload", call{method: "POST", path: own + "big?uploadId=" + uploadID, body: "<CompleteMultipartUpload>" + entry(1, etagOf("part"), "") + "</CompleteMultipartUpload>"}, true},
		{"CreateMultipartUpload with x-amz-acl", call{method: "POST", path: own + "m?uploads", headers: map[string]string{"x-amz-acl": "private"}}, false},
		{"CreateMultipartUpload elsewhere", call{method: "POST", path: "/box/m?uploads"}, false},
		{"AbortMultipartUpload", call{method: "DELETE", path: own + "big?uploadId=" + uploadID}, false},
		{"ListParts", call{path: own + "big?uploadId=" + uploadID}, false},
		{"ListMultipartUploads", call{path: "/box?uploads&prefix=thing-3f21f372/"}, false},
		{"CopyObject own to own", call{method: "PUT", path: own + "copy", headers: source("box/thing-3f21f372/x")}, true},
		{"CopyObject from another folder", call{method: "PUT", path: own + "copy", headers: source("box/thing-other/x")}, false},
		{"CopyObject from another folder, encoded", call{method: "PUT", path: own + "copy", headers: source("%62ox%2Fthing-other%2Fx")}, false},
		{"CopyObject to another folder", call{method: "PUT", path: "/box/thing-other/copy", headers: source("box/thing-3f21f372/x")}, false},
		{"CopyObject with new tags", call{method: "PUT", path: own + "copy", headers: map[string]string{"x-amz-copy-source": "box/thing-3f21f372/x", "x-amz-tagging-directive": "REPLACE"}}, false},
		{"GetBucketLocation", call{path: "/box?location"}, false},
		{"DeleteBucket", call{method: "DELETE", path: "/box"}, false},
		{"CreateBucket", call{method: "PUT", path: "/box2", body: constraint(region)}, false},
		{"ListBuckets", call{path: "/"}, false},
		{"GetObjectTagging", call{path: own + "x?tagging"}, false},
		{"conditional delete with bypass", call{method: "DELETE", path: own + "y", headers: map[string]string{"x-amz-bypass-governance-retention": "true"}}, false},
	} {
		t.Run(test.row, func(t *testing.T) {
			test.call.as = "device"
			a := f.do(test.call)
			switch {
			case test.allowed && a.status >= 300:
				t.Errorf("got %d %s, want success", a.status, a.body)
			case !test.allowed && a.status != 403:
				t.Errorf("got %d %s, want 403", a.status, a.body)
			case !test.allowed && test.call.method != "HEAD":
				if e := a.refusal(t); e.Code != "AccessDenied" || e.Message != "Access Denied" {
					t.Errorf("got %s %q, want AccessDenied, Access Denied", e.Code, e.Message)
				}
			}
			if !test.allowed || strings.HasPrefix(test.row, "Head") {
				return
			}
			for _, as := range []string{"nameless", "old", "anonymous"} {
				test.call.as = as
				if a := f.do(test.call); a.status != 403 {
					t.Errorf("as %s: got %d %s, want 403", as, a.status, a.body)
				}
			}
		})
	}
	if a := f.must(call{path: "/box/thing-3f21f372/../y"}); a.body != "x" {
		t.Errorf("the key with dots became %q", a.body)
	}
}

func TestDeleteObjectsRefusesForeignKeysOnly(t *testing.T) {
	f := device(t)
	body := `<Delete><Object><Key>thing-3f21f372/x</Key></Object><Object><Key>thing-other/x</Key></Object><Object><Key>test.txt</Key></Object>` +
		`<Object><Key>thing-3f21f372/none</Key><VersionId>null</VersionId></Object></Delete>`
	a := f.deleteMany("device", body)
	r := decodeXML[deleteResponse](t, a)
	if a.status != 200 || !slices.Equal(r.deleted(), []string{"thing-3f21f372/x", "thing-3f21f372/none"}) ||
		!slices.Equal(r.refused(), []string{"thing-other/x AccessDenied", "test.txt AccessDenied"}) {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if l := f.list(""); !slices.Equal(l.keys(), []string{"test.txt", "thing-other/x"}) {
		t.Errorf("left: got %q", l.keys())
	}
	r = decodeXML[deleteResponse](t, f.deleteMany("anonymous", body))
	if len(r.Deleted) != 0 || len(r.Error) != 4 {
		t.Errorf("anonymous: got %+v", r)
	}
}

func TestExistenceIsToldOnlyToThoseWhoMayList(t *testing.T) {
	f := device(t)
	f.allow("lister", []string{"s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject"}, []string{"arn:aws:s3:::box", "arn:aws:s3:::box/*"})
	f.allow("blind", []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion"}, []string{"arn:aws:s3:::box/*"})
	for _, c := range []call{
		{path: "/box/thing-3f21f372/none"}, {method: "HEAD", path: "/box/thing-3f21f372/none"},
		{method: "PUT", path: "/box/thing-3f21f372/none", headers: map[string]string{"If-Match": "*"}},
		{method: "DELETE", path: "/box/thing-3f21f372/none", headers: map[string]string{"If-Match": "*"}},
		{method: "PUT", path: "/box/thing-3f21f372/copy", headers: map[string]string{"x-amz-copy-source": "box/thing-3f21f372/none"}},
	} {
		for as, want := range map[string]int{"root": 404, "lister": 404, "blind": 403, "device": 403} {
			c.as = as
			if a := f.do(c); a.status != want {
				t.Errorf("%s %s as %s: got %d %s, want %d", c.method, c.path, as, a.status, a.body, want)
			}
		}
	}
	version := strings.Repeat("v", 32)
	wantRefusal(t, "missing version", f.do(call{as: "blind", path: "/box/test.txt?versionId=" + version}), 403, "AccessDenied")
	f.must(call{method: "DELETE", path: "/box/test.txt"})
	for _, bucket := range []string{"box", "nowhere"} {
		for _, as := range []string{"anonymous", "nameless", "other"} {
			for _, c := range []call{{path: "/" + bucket}, {path: "/" + bucket + "/k"}, {method: "PUT", path: "/" + bucket + "/k"}, {method: "DELETE", path: "/" + bucket}} {
				c.as = as
				if bucket == "nowhere" { // which everybody may know
					wantRefusal(t, c.method+" "+c.path+" as "+as, f.do(c), 404, "NoSuchBucket")
				} else {
					wantRefusal(t, c.method+" "+c.path+" as "+as, f.do(c), 403, "AccessDenied")
				}
			}
		}
	}
}

// TestConditionKeys sends requests under a policy that allows only with one
// condition.
func TestConditionKeys(t *testing.T) {
	f := newFixture(t)
	fill(f, "source", "k", "same")
	id := f.create("/box/part", nil)
	etag := etagOf("same")
	headers := func(kv ...string) map[string]string {
		m := make(map[string]string)
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	for _, test := range []struct {
		name, condition string
		call            call
		allowed         bool
	}{
		{"prefix absent", `"Null":{"s3:prefix":"true"}`, call{path: "/box"}, true},
		{"prefix empty is present", `"Null":{"s3:prefix":"true"}`, call{path: "/box?prefix="}, false},
		{"prefix empty", `"StringEquals":{"s3:prefix":""}`, call{path: "/box?prefix="}, true},
		{"delimiter", `"StringEquals":{"s3:delimiter":"/"}`, call{path: "/box?delimiter=/"}, true},
		{"delimiter absent", `"StringEquals":{"s3:delimiter":"/"}`, call{path: "/box"}, false},
		{"max-keys", `"NumericLessThanEquals":{"s3:max-keys":"10"}`, call{path: "/box?max-keys=10"}, true},
		{"max-keys above", `"NumericLessThanEquals":{"s3:max-keys":"10"}`, call{path: "/box?max-keys=11"}, false},
		{"max-keys absent", `"NumericLessThanEquals":{"s3:max-keys":"10"}`, call{path: "/box"}, false},
		{"HeadBucket has no prefix", `"Null":{"s3:prefix":"true"}`, call{method: "HEAD", path: "/box?prefix=x"}, true},
		{"uploads have no prefix", `"Null":{"s3:prefix":"true"}`, call{path: "/box?uploads&prefix=x"}, true},
		{"version", `"StringEquals":{"s3:VersionId":"null"}`, call{path: "/box/k?versionId=null"}, true},
		{"version absent", `"Null":{"s3:VersionId":"true"}`, call{path: "/box/k"}, true},
		{"version present", `"Null":{"s3:VersionId":"true"}`, call{path: "/box/k?versionId=null"}, false},
		{"ACL", `"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}`, call{method: "PUT", path: "/box/k", headers: headers("x-amz-acl", "bucket-owner-full-control")}, true},
		{"no ACL", `"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}`, call{method: "PUT", path: "/box/k"}, false},
		{"grant", `"Null":{"s3:x-amz-grant-read":"true"}`, call{method: "PUT", path: "/box/k", headers: headers("x-amz-grant-read", "id=1")}, false},
		{"storage class", `"StringEquals":{"s3:x-amz-storage-class":"STANDARD"}`, call{method: "PUT", path: "/box/k", headers: headers("x-amz-storage-class", "STANDARD")}, true},
		{"no encryption", `"StringEquals":{"s3:x-amz-server-side-encryption":"AES256"}`, call{method: "PUT", path: "/box/k"}, false},
		{"object tag", `"StringEquals":{"s3:RequestObjectTag/team":"a"}`, call{method: "PUT", path: "/box/k", headers: headers("x-amz-tagging", "team=b")}, false},
		{"object tag keys", `"ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["team"]}`, call{method: "PUT", path: "/box/k", headers: headers("x-amz-tagging", "team=a&x=y")}, false},
		{"if-none-match", `"StringEquals":{"s3:if-none-match":"*"}`, call{method: "PUT", path: "/box/new1", headers: headers("If-None-Match", "*")}, true},
		{"no if-none-match", `"Null":{"s3:if-none-match":"false"}`, call{method: "PUT", path: "/box/new2"}, false},
		{"if-match", `"StringEquals":{"s3:if-match":"` + strings.Trim(etag, `"`) + `"}`, call{method: "PUT", path: "/box/same", body: "k", headers: headers("If-Match", strings.Trim(etag, `"`))}, true},
		{"creates: PutObject", `"Bool":{"s3:ObjectCreationOperation":"true"}`, call{method: "PUT", path: "/box/k", body: "k"}, true},
		{"creates: CreateMultipartUpload", `"Bool":{"s3:ObjectCreationOperation":"true"}`, call{method: "POST", path: "/box/k?uploads"}, false},
		{"creates: UploadPart", `"Bool":{"s3:ObjectCreationOperation":"false"}`, call{method: "PUT", path: partPath("/box/part", id, 1)}, true},
		{"copy source", `"StringLike":{"s3:x-amz-copy-source":"box/s*"}`, call{method: "PUT", path: "/box/k", headers: headers("x-amz-copy-source", "/box/source")}, false}, // GetObject has no such key
		{"copy source not", `"StringNotLike":{"s3:x-amz-copy-source":"box/s*"}`, call{method: "PUT", path: "/box/k", headers: headers("x-amz-copy-source", "/box/%73ource")}, false},
		{"metadata directive", `"StringEqualsIfExists":{"s3:x-amz-metadata-directive":"REPLACE"}`, call{method: "PUT", path: "/box/k", headers: headers("x-amz-copy-source", "box/source", "x-amz-metadata-directive", "COPY")}, false},
		{"location", `"StringEquals":{"s3:LocationConstraint":"ap-northeast-1"}`, call{method: "PUT", path: "/box-new", body: constraint(region)}, true},
		{"other location", `"StringEquals":{"s3:LocationConstraint":"eu-west-1"}`, call{method: "PUT", path: "/box-new2", body: constraint(region)}, false},
		{"ownership", `"StringEquals":{"s3:x-amz-object-ownership":"BucketOwnerEnforced"}`, call{method: "PUT", path: "/box-new3", body: constraint(region), headers: headers("x-amz-object-ownership", "BucketOwnerEnforced")}, true},
		{"resource account", `"StringEquals":{"s3:ResourceAccount":"999999999999","aws:ResourceAccount":"999999999999"}`, call{path: "/box/k"}, true},
		{"other resource account", `"StringEquals":{"s3:ResourceAccount":"111111111111"}`, call{path: "/box/k"}, false},
		{"existing tags are not looked at", `"Null":{"s3:ExistingObjectTag/a":"true"}`, call{method: "PUT", path: "/box/k", body: "k"}, true},
		{"signature", `"StringEquals":{"s3:authType":"REST-HEADER","s3:signatureversion":"AWS4-HMAC-SHA256"}`, call{path: "/box/k"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.grant("conditional", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{`+test.condition+`}}}`, nil)
			test.call.as = "conditional"
			a := f.do(test.call)
			if test.allowed && a.status >= 300 || !test.allowed && a.status != 403 {
				t.Errorf("got %d %s, want allowed %v", a.status, a.body, test.allowed)
			}
		})
	}
}

// TestActions grants one action after another until a call passes, and wants
// every one of them to have been needed (spec E.7).
func TestActions(t *testing.T) {
	f := newFixture(t)
	fill(f, "k", "k2")
	id := f.create("/box/k", nil)
	part := f.part("/box/k", id, 1, "x")
	source := map[string]string{"x-amz-copy-source": "box/k2"}
	sourceVersion := map[string]string{"x-amz-copy-source": "box/k2?versionId=null"}
	for _, test := range []struct {
		name    string
		call    call
		actions []string
	}{
		{"ListBuckets", call{path: "/"}, []string{"ListAllMyBuckets"}},
		{"CreateBucket", call{method: "PUT", path: "/box-a", body: constraint(region)}, []string{"CreateBucket"}},
		{"CreateBucket with ACL", call{method: "PUT", path: "/box-b", body: constraint(region), headers: map[string]string{"x-amz-acl": "private"}}, []string{"CreateBucket", "PutBucketAcl"}},
		{"CreateBucket with ownership", call{method: "PUT", path: "/box-c", body: constraint(region), headers: map[string]string{"x-amz-object-ownership": "BucketOwnerEnforced"}}, []string{"CreateBucket", "PutBucketOwnershipControls"}},
		{"CreateBucket with lock", call{method: "PUT", path: "/box-d", body: constraint(region), headers: map[string]string{"x-amz-bucket-object-lock-enabled": "true"}}, []string{"CreateBucket", "PutBucketObjectLockConfiguration", "PutBucketVersioning"}},
		{"HeadBucket", call{method: "HEAD", path: "/box"}, []string{"ListBucket"}},
		{"GetBucketLocation", call{path: "/box?location"}, []string{"GetBucketLocation"}},
		{"DeleteBucket", call{method: "DELETE", path: "/box-a"}, []string{"DeleteBucket"}},
		{"ListObjects", call{path: "/box"}, []string{"ListBucket"}},
		{"ListObjectsV2", call{path: "/box?list-type=2"}, []string{"ListBucket"}},
		{"ListMultipartUploads", call{path: "/box?uploads"}, []string{"ListBucketMultipartUploads"}},
		{"GetObject", call{path: "/box/k"}, []string{"GetObject"}},
		{"GetObject version", call{path: "/box/k?versionId=null"}, []string{"GetObjectVersion"}},
		{"HeadObject", call{method: "HEAD", path: "/box/k"}, []string{"GetObject"}},
		{"GetObjectTagging", call{path: "/box/k?tagging"}, []string{"GetObjectTagging"}},
		{"GetObjectTagging version", call{path: "/box/k?tagging&versionId=null"}, []string{"GetObjectVersionTagging"}},
		{"PutObject", call{method: "PUT", path: "/box/k", body: "k"}, []string{"PutObject"}},
		{"PutObject with ACL", call{method: "PUT", path: "/box/k", body: "k", headers: map[string]string{"x-amz-acl": "private"}}, []string{"PutObject", "PutObjectAcl"}},
		{"PutObject with tags", call{method: "PUT", path: "/box/k", body: "k", headers: map[string]string{"x-amz-tagging": "a=b"}}, []string{"PutObject", "PutObjectTagging"}},
		{"PutObject with lock", call{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-legal-hold": "ON"}}, []string{"PutObject", "PutObjectLegalHold", "PutObjectRetention"}},
		{"PutObject comparing an ETag", call{method: "PUT", path: "/box/k", body: "k", headers: map[string]string{"If-Match": etagOf("k")}}, []string{"GetObject", "PutObject"}},
		{"PutObject if absent", call{method: "PUT", path: "/box/absent", body: "k", headers: map[string]string{"If-None-Match": "*"}}, []string{"PutObject"}},
		{"CopyObject", call{method: "PUT", path: "/box/k", headers: source}, []string{"GetObject", "PutObject"}},
		{"CopyObject version", call{method: "PUT", path: "/box/k", headers: sourceVersion}, []string{"GetObjectVersion", "PutObject"}},
		{"DeleteObject", call{method: "DELETE", path: "/box/none"}, []string{"DeleteObject"}},
		{"DeleteObject version", call{method: "DELETE", path: "/box/none?versionId=null"}, []string{"DeleteObjectVersion"}},
		{"DeleteObject with bypass", call{method: "DELETE", path: "/box/none", headers: map[string]string{"x-amz-bypass-governance-retention": "true"}}, []string{"BypassGovernanceRetention", "DeleteObject"}},
		{"CreateMultipartUpload", call{method: "POST", path: "/box/k?uploads"}, []string{"PutObject"}},
		{"UploadPart", call{method: "PUT", path: partPath("/box/k", id, 2), body: "x"}, []string{"PutObject"}},
		{"UploadPartCopy", call{method: "PUT", path: partPath("/box/k", id, 2), headers: source}, []string{"GetObject", "PutObject"}},
		{"UploadPartCopy version", call{method: "PUT", path: partPath("/box/k", id, 2), headers: sourceVersion}, []string{"GetObjectVersion", "PutObject"}},
		{"ListParts", call{path: "/box/k?uploadId=" + id}, []string{"ListMultipartUploadParts"}},
		{"CompleteMultipartUpload", call{method: "POST", path: "/box/k?uploadId=" + id, body: "<CompleteMultipartUpload>" + part + "</CompleteMultipartUpload>"}, []string{"PutObject"}},
		{"AbortMultipartUpload", call{method: "DELETE", path: "/box/k?uploadId=" + f.create("/box/k", nil)}, []string{"AbortMultipartUpload"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.call.as = "actor"
			for without := range test.actions {
				granted := []string{"s3:Nothing"}
				for i, a := range test.actions {
					if i != without {
						granted = append(granted, "s3:"+a)
					}
				}
				f.allow("actor", granted, []string{"*"})
				if a := f.do(test.call); a.status != 403 {
					t.Errorf("without %s: got %d %s, want 403", test.actions[without], a.status, a.body)
				}
			}
			var granted []string
			for _, a := range test.actions {
				granted = append(granted, "s3:"+a)
			}
			f.allow("actor", granted, []string{"*"})
			if a := f.do(test.call); a.status == 403 {
				t.Errorf("with %s: got %d %s", granted, a.status, a.body)
			}
		})
	}
}

func TestVirtualHostedBuckets(t *testing.T) {
	f := device(t)
	for _, host := range []string{"box.s3.localhost:9000", "box.s3.amazonaws.com", "box.s3.ap-northeast-1.amazonaws.com"} {
		if a := f.must(call{as: "device", path: "/thing-3f21f372/x", headers: map[string]string{"Host": host}}); a.body != "thing-3f21f372/x" {
			t.Errorf("%s: got %q", host, a.body)
		}
		wantRefusal(t, host, f.do(call{as: "device", path: "/thing-other/x", headers: map[string]string{"Host": host}}), 403, "AccessDenied")
	}
}

// presigned makes a call whose signature and these parameters are in the query.
func (f *fixture) presigned(as, method, path string, parameters map[string]string, body string) answered {
	f.tb.Helper()
	r := httptest.NewRequest(method, "http://localhost:9000"+path, strings.NewReader(body))
	query := r.URL.Query()
	for k, v := range parameters {
		query.Set(k, v)
	}
	r.URL.RawQuery = query.Encode()
	u, err := sigv4.Presign(r, sigv4.Credentials{AccessKeyID: as, SecretAccessKey: secretOf(as)}, sigv4.Scope{Region: region, Service: "s3"}, f.clock(), time.Minute, "")
	if err != nil {
		f.tb.Fatal(err)
	}
	w := httptest.NewRecorder()
	r = httptest.NewRequest(method, u.String(), strings.NewReader(body))
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	f.server.ServeHTTP(w, r)
	return answered{w.Code, w.Header(), w.Body.String()}
}

func TestPresignedRequestsCarryHeadersInTheQuery(t *testing.T) {
	f := device(t)
	const own = "/box/thing-3f21f372/"
	if a := f.presigned("device", "GET", own+"x", nil, ""); a.status != 200 || a.body != "thing-3f21f372/x" {
		t.Errorf("get: got %d %s", a.status, a.body)
	}
	wantRefusal(t, "foreign key", f.presigned("device", "GET", "/box/test.txt", nil, ""), 403, "AccessDenied")
	a := f.presigned("device", "PUT", own+"up", map[string]string{"x-amz-meta-k": "v", "x-amz-checksum-crc32": sumOf(object.CRC32, "body"), "x-amz-sdk-checksum-algorithm": "CRC32", "x-id": "PutObject"}, "body")
	if a.status != 200 || a.header.Get("x-amz-checksum-crc32") != sumOf(object.CRC32, "body") {
		t.Errorf("put: got %d %s", a.status, a.body)
	}
	if a := f.must(call{path: own + "up"}); a.body != "body" || a.meta("k") != "v" {
		t.Errorf("what was put: got %q %v", a.body, a.header)
	}
	wantRefusal(t, "ACL without permission", f.presigned("device", "PUT", own+"up", map[string]string{"x-amz-acl": "private"}, ""), 403, "AccessDenied")
	wantRefusal(t, "ACL", f.presigned("root", "PUT", own+"up", map[string]string{"X-Amz-Acl": "public-read"}, ""), 400, "AccessControlListNotSupported")
	wantRefusal(t, "wrong checksum", f.presigned("root", "PUT", own+"up", map[string]string{"x-amz-checksum-crc32": "AAAAAA=="}, "body"), 400, "BadDigest")
	wantRefusal(t, "another owner", f.presigned("root", "GET", own+"up", map[string]string{"x-amz-expected-bucket-owner": otherAccount}, ""), 403, "AccessDenied")
	wantRefusal(t, "foreign source", f.presigned("device", "PUT", own+"copy", map[string]string{"x-amz-copy-source": "box/test.txt"}, ""), 403, "AccessDenied")
	if a := f.presigned("root", "PUT", own+"copy", map[string]string{"x-amz-copy-source": "box/test.txt"}, ""); a.status != 200 || !strings.Contains(a.body, "CopyObjectResult") {
		t.Errorf("copy: got %d %s", a.status, a.body)
	}
}
