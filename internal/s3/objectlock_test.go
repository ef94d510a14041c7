package s3

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"
)

func lockDocument(rule string) string {
	return "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>" + rule + "</ObjectLockConfiguration>"
}

func lockRuleOf(mode, period string) string {
	return "<Rule><DefaultRetention><Mode>" + mode + "</Mode>" + period + "</DefaultRetention></Rule>"
}

// lockedBucket makes a bucket with object lock.
func (f *fixture) lockedBucket(name string) {
	f.tb.Helper()
	f.must(call{method: "PUT", path: "/" + name, body: constraint(region), headers: map[string]string{"x-amz-bucket-object-lock-enabled": "true"}})
}

func retentionDocument(mode string, until time.Time) string {
	return fmt.Sprintf("<Retention><Mode>%s</Mode><RetainUntilDate>%s</RetainUntilDate></Retention>", mode, until.UTC().Format(time.RFC3339Nano))
}

func TestPutObjectLockConfigurationRefusals(t *testing.T) {
	f := newFixture(t)
	f.lockedBucket("locked")
	f.bucket("box")
	for name, test := range map[string]struct {
		body string
		code string
	}{
		"no body":        {"", "MalformedXML"},
		"not enabled":    {"<ObjectLockConfiguration/>", "MalformedXML"},
		"disabled":       {"<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled></ObjectLockConfiguration>", "MalformedXML"},
		"empty rule":     {lockDocument("<Rule/>"), "MalformedXML"},
		"no period":      {lockDocument(lockRuleOf("GOVERNANCE", "")), "MalformedXML"},
		"two periods":    {lockDocument(lockRuleOf("GOVERNANCE", "<Days>1</Days><Years>1</Years>")), "MalformedXML"},
		"unknown mode":   {lockDocument(lockRuleOf("governance", "<Days>1</Days>")), "MalformedXML"},
		"no days":        {lockDocument(lockRuleOf("GOVERNANCE", "<Days>0</Days>")), "InvalidRetentionPeriod"},
		"negative years": {lockDocument(lockRuleOf("COMPLIANCE", "<Years>-1</Years>")), "InvalidRetentionPeriod"},
		"too many days":  {lockDocument(lockRuleOf("COMPLIANCE", "<Days>36501</Days>")), "InvalidRetentionPeriod"},
		"too many years": {lockDocument(lockRuleOf("COMPLIANCE", "<Years>101</Years>")), "InvalidRetentionPeriod"},
	} {
		wantRefusal(t, name, f.do(call{method: "PUT", path: "/locked?object-lock", body: test.body}), 400, test.code)
	}
	enable := call{method: "PUT", path: "/box?object-lock", body: lockDocument("")}
	wantRefusal(t, "unversioned", f.do(enable), 409, "InvalidBucketState")
	f.versioning("box", "Suspended")
	wantRefusal(t, "suspended", f.do(enable), 409, "InvalidBucketState")
	wantRefusal(t, "not locked", f.do(call{path: "/box?object-lock"}), 404, "ObjectLockConfigurationNotFoundError")
	f.versioning("box", "Enabled")
	f.must(enable)
	f.must(call{path: "/box?object-lock"})
	for _, bucket := range []string{"box", "locked"} {
		wantRefusal(t, "suspend "+bucket, f.do(call{method: "PUT", path: "/" + bucket + "?versioning", body: versioningDocument("Suspended")}), 409, "InvalidBucketState")
	}
	f.allow("reader", []string{"s3:GetBucketObjectLockConfiguration"}, []string{"arn:aws:s3:::*"})
	wantRefusal(t, "without permission", f.do(call{as: "reader", method: "PUT", path: "/locked?object-lock", body: lockDocument("")}), 403, "AccessDenied")
	f.must(call{as: "reader", path: "/locked?object-lock"})
}

func TestDefaultRetention(t *testing.T) {
	f := newFixture(t)
	f.lockedBucket("locked")
	retention := func(path string) (r struct{ Mode, RetainUntilDate string }) {
		t.Helper()
		if err := xml.Unmarshal([]byte(f.must(call{path: path + "?retention"}).body), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	sum := map[string]string{"x-amz-checksum-crc32": "AAAAAA=="} // of nothing
	f.put("locked", "before", "x")
	wantRefusal(t, "without default", f.do(call{path: "/locked/before?retention"}), 404, "NoSuchObjectLockConfiguration")
	id := f.create("/locked/upload", nil)
	part := f.part("/locked/upload", id, 1, "x")
	for rule, want := range map[string]string{
		lockRuleOf("GOVERNANCE", "<Days>2</Days>"):   "GOVERNANCE 2026-11-22T10:00:00.123Z",
		lockRuleOf("COMPLIANCE", "<Years>1</Years>"): "COMPLIANCE 2027-11-20T10:00:00.123Z",
	} {
		f.must(call{method: "PUT", path: "/locked?object-lock", body: lockDocument(rule)})
		if a := f.must(call{path: "/locked?object-lock"}); !strings.Contains(a.body, rule) {
			t.Errorf("configuration: got %s, want %s", a.body, rule)
		}
		wantRefusal(t, "no digest", f.do(call{method: "PUT", path: "/locked/k"}), 400, "InvalidRequest")
		f.must(call{method: "PUT", path: "/locked/k", headers: sum})
		f.must(call{method: "PUT", path: "/locked/copy", headers: map[string]string{"x-amz-copy-source": "locked/before"}})
		for _, key := range []string{"k", "copy"} {
			if r := retention("/locked/" + key); r.Mode+" "+r.RetainUntilDate != want {
				t.Errorf("%s under %s: got %v, want %s", key, rule, r, want)
			}
		}
	}
	f.must(call{method: "POST", path: "/locked/upload?uploadId=" + id, body: "<CompleteMultipartUpload>" + part + "</CompleteMultipartUpload>"})
	if r := retention("/locked/upload"); r.Mode == "" {
		t.Errorf("completed upload: got %v", r)
	}
	f.must(call{method: "PUT", path: "/locked?object-lock", body: lockDocument("")})
	if a := f.must(call{path: "/locked?object-lock"}); strings.Contains(a.body, "Rule") {
		t.Errorf("without rule: got %s", a.body)
	}
}

func TestRetentionHolds(t *testing.T) {
	f := newFixture(t)
	f.lockedBucket("box")
	day := 24 * time.Hour
	at := func(d time.Duration) time.Time { return f.clock().Add(d) }
	bypass := map[string]string{"x-amz-bypass-governance-retention": "true"}
	f.allow("keeper", []string{"s3:*Object*"}, []string{"arn:aws:s3:::box/*"})
	for _, test := range []struct {
		name            string
		mode            string
		to              string
		shift           time.Duration
		allowed, forced bool
	}{
		{"governance extended", "GOVERNANCE", "GOVERNANCE", day, true, true},
		{"governance the same", "GOVERNANCE", "GOVERNANCE", 0, true, true},
		{"governance shortened", "GOVERNANCE", "GOVERNANCE", -day, false, true},
		{"governance made compliance", "GOVERNANCE", "COMPLIANCE", day, false, true},
		{"governance lifted", "GOVERNANCE", "", 0, false, true},
		{"compliance extended", "COMPLIANCE", "COMPLIANCE", day, true, true},
		{"compliance shortened", "COMPLIANCE", "COMPLIANCE", -day, false, false},
		{"compliance made governance", "COMPLIANCE", "GOVERNANCE", day, false, false},
		{"compliance lifted", "COMPLIANCE", "", 0, false, false},
	} {
		for _, headers := range []map[string]string{nil, bypass} {
			version := f.put("box", "k", test.name).header.Get(versionHeader)
			path := "/box/k?retention&versionId=" + version
			f.must(call{method: "PUT", path: path, body: retentionDocument(test.mode, at(3*day))})
			body := "<Retention/>"
			if test.to != "" {
				body = retentionDocument(test.to, at(3*day+test.shift))
			}
			want := test.allowed || headers != nil && test.forced
			a := f.do(call{method: "PUT", path: path, body: body, headers: headers})
			if (a.status == 200) != want {
				t.Errorf("%s with %v: got %d %s, want allowed: %v", test.name, headers, a.status, a.body, want)
			}
			if !want {
				wantRefusal(t, test.name, a, 403, "AccessDenied")
			}
		}
	}
	wantRefusal(t, "in the past", f.do(call{method: "PUT", path: "/box/k?retention", body: retentionDocument("GOVERNANCE", at(-1))}), 400, "InvalidArgument")
	wantRefusal(t, "beyond what can be kept", f.do(call{method: "PUT", path: "/box/k?retention", body: retentionDocument("GOVERNANCE", time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC))}), 400, "InvalidArgument")
	for _, body := range []string{"", "<Retention><Mode>GOVERNANCE</Mode></Retention>", retentionDocument("governance", at(day)), "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate></Retention>"} {
		wantRefusal(t, body, f.do(call{method: "PUT", path: "/box/k?retention", body: body}), 400, "MalformedXML")
	}
	f.bucket("plain")
	f.put("plain", "k", "x")
	for _, c := range []call{
		{path: "/plain/k?retention"}, {path: "/plain/k?legal-hold"}, {method: "PUT", path: "/plain/k?retention", body: retentionDocument("GOVERNANCE", at(day))},
		{method: "PUT", path: "/plain/k?legal-hold", body: "<LegalHold><Status>ON</Status></LegalHold>"},
	} {
		wantRefusal(t, "unlocked bucket", f.do(c), 400, "InvalidRequest")
	}
	// The bypass takes a permission of its own.
	f.allow("writer", []string{"s3:PutObjectRetention", "s3:DeleteObjectVersion"}, []string{"arn:aws:s3:::box/*"})
	version := f.put("box", "k", "x").header.Get(versionHeader)
	f.must(call{method: "PUT", path: "/box/k?retention", body: retentionDocument("GOVERNANCE", at(2*day))})
	wantRefusal(t, "bypass without permission", f.do(call{as: "writer", method: "PUT", path: "/box/k?retention", body: retentionDocument("GOVERNANCE", at(day)), headers: bypass}), 403, "AccessDenied")
	remove := call{as: "writer", method: "DELETE", path: "/box/k?versionId=" + version}
	wantRefusal(t, "removal", f.do(remove), 403, "AccessDenied")
	remove.headers = bypass
	wantRefusal(t, "removal with bypass without permission", f.do(remove), 403, "AccessDenied")
	remove.as = ""
	remove.headers = map[string]string{"x-amz-bypass-governance-retention": "perhaps"}
	wantRefusal(t, "unclear bypass", f.do(remove), 400, "InvalidArgument")
	f.must(call{method: "DELETE", path: "/box/k"}) // a marker may be made, and removed
	remove.headers = bypass
	f.must(remove)
	// A retention that is over holds nothing.
	version = f.put("box", "k", "x").header.Get(versionHeader)
	f.must(call{method: "PUT", path: "/box/k?retention", body: retentionDocument("COMPLIANCE", at(day))})
	wantRefusal(t, "removal in compliance mode", f.do(call{method: "DELETE", path: "/box/k?versionId=" + version, headers: bypass}), 403, "AccessDenied")
	f.advance(day)
	f.must(call{method: "DELETE", path: "/box/k?versionId=" + version})
}

func TestLegalHoldHolds(t *testing.T) {
	f := newFixture(t)
	f.lockedBucket("box")
	version := f.put("box", "k", "x").header.Get(versionHeader)
	hold := func(status string) call {
		return call{method: "PUT", path: "/box/k?legal-hold", body: "<LegalHold><Status>" + status + "</Status></LegalHold>"}
	}
	for _, status := range []string{"", "on", "MAYBE"} {
		wantRefusal(t, status, f.do(hold(status)), 400, "MalformedXML")
	}
	f.must(hold("ON"))
	if a := f.must(call{path: "/box/k?legal-hold"}); !strings.Contains(a.body, "<Status>ON</Status>") {
		t.Errorf("got %s", a.body)
	}
	remove := call{method: "DELETE", path: "/box/k?versionId=" + version, headers: map[string]string{"x-amz-bypass-governance-retention": "true"}}
	wantRefusal(t, "removal", f.do(remove), 403, "AccessDenied")
	f.must(hold("OFF"))
	f.must(remove)
}

func TestLockHeaders(t *testing.T) {
	f := newFixture(t)
	f.lockedBucket("box")
	until := f.clock().Add(time.Hour).UTC().Format(time.RFC3339)
	sum := func(h map[string]string) map[string]string {
		h["Content-MD5"] = "1B2M2Y8AsgTpgAmY7PhCfg==" // of nothing
		return h
	}
	for name, headers := range map[string]map[string]string{
		"mode alone":   {"x-amz-object-lock-mode": "GOVERNANCE"},
		"date alone":   {"x-amz-object-lock-retain-until-date": until},
		"unknown mode": {"x-amz-object-lock-mode": "governance", "x-amz-object-lock-retain-until-date": until},
		"no date":      {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": "soon"},
		"past date":    {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": "2020-01-01T00:00:00Z"},
		"unknown hold": {"x-amz-object-lock-legal-hold": "on"},
	} {
		wantRefusal(t, name, f.do(call{method: "PUT", path: "/box/k", headers: sum(headers)}), 400, "InvalidArgument")
		wantRefusal(t, name+" of an upload", f.do(call{method: "POST", path: "/box/k?uploads", headers: headers}), 400, "InvalidArgument")
	}
	locked := map[string]string{"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": until, "x-amz-object-lock-legal-hold": "ON"}
	wantRefusal(t, "no digest", f.do(call{method: "PUT", path: "/box/k", headers: locked}), 400, "InvalidRequest")
	f.allow("writer", []string{"s3:PutObject", "s3:GetObject"}, []string{"arn:aws:s3:::box/*"})
	wantRefusal(t, "without permission to lock", f.do(call{as: "writer", method: "PUT", path: "/box/k", headers: locked}), 403, "AccessDenied")
	f.must(call{method: "PUT", path: "/box/k", headers: sum(locked)})
	f.allow("auditor", []string{"s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectLegalHold"}, []string{"arn:aws:s3:::box/*"})
	for _, as := range []string{"", "auditor", "writer"} {
		for _, method := range []string{"GET", "HEAD"} {
			h := f.must(call{as: as, method: method, path: "/box/k"}).header
			got := h.Get("x-amz-object-lock-mode") + " " + h.Get("x-amz-object-lock-retain-until-date") + " " + h.Get("x-amz-object-lock-legal-hold")
			want := "GOVERNANCE 2026-11-20T11:00:00.000Z ON"
			if as == "writer" {
				want = "  "
			}
			if got != want {
				t.Errorf("%s as %q: got %q, want %q", method, as, got, want)
			}
		}
	}
	// Conditions on the remaining time.
	f.grant("short", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:PutObjectRetention","Resource":"*",
		"Condition":{"NumericLessThanEquals":{"s3:object-lock-remaining-retention-days":"10"}}}}`, nil)
	f.must(call{as: "short", method: "PUT", path: "/box/k?retention", body: retentionDocument("GOVERNANCE", f.clock().Add(10*24*time.Hour))})
	wantRefusal(t, "too long", f.do(call{as: "short", method: "PUT", path: "/box/k?retention", body: retentionDocument("GOVERNANCE", f.clock().Add(12*24*time.Hour))}), 403, "AccessDenied")
}

func TestConditionalDeletesByTimeAndSize(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	remove := func(key, header, value string) answered {
		return f.do(call{method: "DELETE", path: "/box/" + key, headers: map[string]string{header: value}})
	}
	const byTime, bySize = "x-amz-if-match-last-modified-time", "x-amz-if-match-size"
	f.put("box", "k", "12345")
	for _, test := range []struct {
		header, value string
		status        int
		code          string
	}{
		{bySize, "4", 412, "PreconditionFailed"}, {bySize, "x", 400, "InvalidArgument"},
		{byTime, "Fri, 20 Nov 2026 10:00:01 GMT", 412, "PreconditionFailed"}, {byTime, "2026-11-20T09:59:59Z", 412, "PreconditionFailed"}, {byTime, "soon", 400, "InvalidArgument"},
	} {
		wantRefusal(t, test.header+" "+test.value, remove("k", test.header, test.value), test.status, test.code)
	}
	f.allow("deleter", []string{"s3:DeleteObject"}, []string{"arn:aws:s3:::box/*"})
	wantRefusal(t, "without permission to read", f.do(call{as: "deleter", method: "DELETE", path: "/box/k", headers: map[string]string{bySize: "5"}}), 403, "AccessDenied")
	f.must(call{path: "/box/k"})
	for header, value := range map[string]string{bySize: "5", byTime: "Fri, 20 Nov 2026 10:00:00 GMT"} {
		f.put("box", "k", "12345")
		if a := remove("k", header, value); a.status != 204 {
			t.Errorf("%s: got %d %s", header, a.status, a.body)
		}
		if a := remove("k", header, value); a.status != 204 {
			t.Errorf("%s of nothing: got %d %s", header, a.status, a.body)
		}
	}
	f.put("box", "k", "12345")
	r := decodeXML[deleteResponse](t, f.deleteMany("", "<Delete><Object><Key>k</Key><Size>4</Size></Object><Object><Key>none</Key><Size>4</Size></Object>"+
		"<Object><Key>k</Key><LastModifiedTime>2026-11-20T10:00:00Z</LastModifiedTime><Size>5</Size></Object></Delete>"))
	if got := fmt.Sprint(r.deleted(), r.refused()); got != "[none k] [k PreconditionFailed]" {
		t.Errorf("many: got %s", got)
	}
}
