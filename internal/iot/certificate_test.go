package iot

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCertificateLifeCycle(t *testing.T) {
	r := newRig(t)
	made := r.ok("POST", "/keys-and-certificate?setAsActive=true", nil)
	id, arn := made["certificateId"].(string), made["certificateArn"].(string)
	if arn != arnPrefix+"cert/"+id || at(made, "keyPair", "PublicKey") != "public" || at(made, "keyPair", "PrivateKey") != "private" {
		t.Errorf("CreateKeysAndCertificate = %v", made)
	}
	d := r.ok("GET", "/certificates/"+id, nil)["certificateDescription"].(object)
	generation := d["generationId"].(string)
	delete(d, "generationId")
	want := object{
		"certificateArn": arn, "certificateId": id, "status": "ACTIVE", "certificatePem": made["certificatePem"], "ownedBy": testAccount,
		"creationDate": 1785585600.5, "lastModifiedDate": 1785585600.5, "customerVersion": 1.0, "transferData": object{}, "certificateMode": "DEFAULT",
		"validity": object{"notBefore": 1785585600.0, "notAfter": float64(time.Date(2046, 8, 1, 12, 0, 0, 0, time.UTC).Unix())},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("DescribeCertificate = %v, want %v", d, want)
	}
	r.now = r.now.Add(time.Second)
	r.ok("PUT", "/certificates/"+id+"?newStatus=INACTIVE", nil)
	d = r.ok("GET", "/certificates/"+id, nil)["certificateDescription"].(object)
	if d["status"] != "INACTIVE" || d["customerVersion"] != 2.0 || d["lastModifiedDate"] != 1785585601.5 || d["generationId"] == generation {
		t.Errorf("after UpdateCertificate: %v", d)
	}
	r.ok("DELETE", "/certificates/"+id, nil)
	r.refused(404, "ResourceNotFoundException", "GET", "/certificates/"+id, nil)
	r.refused(404, "ResourceNotFoundException", "DELETE", "/certificates/"+id, nil)
	r.refused(404, "ResourceNotFoundException", "PUT", "/certificates/"+id+"?newStatus=ACTIVE", nil)
	r.refused(400, "InvalidRequestException", "GET", "/certificates/abc", nil)
}

func TestCertificateDefaultsToInactive(t *testing.T) {
	r := newRig(t)
	id, _ := r.certificate(false)
	if s := at(r.ok("GET", "/certificates/"+id, nil), "certificateDescription", "status"); s != "INACTIVE" {
		t.Errorf("status %v, want INACTIVE", s)
	}
}

func TestStatusTransitions(t *testing.T) {
	for _, final := range []bool{false, true} {
		r := newRig(t, func(c *Config) { c.RevocationIsFinal = final })
		id, _ := r.certificate(true)
		update := func(to string) reply { return r.call("PUT", "/certificates/"+id+"?newStatus="+to, nil) }
		for _, from := range []string{"ACTIVE", "INACTIVE", "REVOKED"} {
			for _, to := range []string{"ACTIVE", "INACTIVE", "REVOKED", "REGISTER_INACTIVE"} {
				if p := update(from); p.status != 200 {
					t.Fatalf("to %s: %s", from, p.text)
				}
				p := update(to)
				if from == "REVOKED" && to != "REVOKED" && final {
					if p.status != 406 || p.code != "CertificateStateException" {
						t.Errorf("%s to %s, final: %d %s", from, to, p.status, p.code)
					}
					id, _ = r.certificate(true)
					continue
				}
				want := strings.TrimPrefix(to, "REGISTER_")
				if got := at(r.ok("GET", "/certificates/"+id, nil), "certificateDescription", "status"); p.status != 200 || got != want {
					t.Errorf("%s to %s: %d, status %v, want %s", from, to, p.status, got, want)
				}
				id, _ = r.certificate(true)
			}
		}
		for _, to := range []string{"PENDING_TRANSFER", "PENDING_ACTIVATION", "OTHER", ""} {
			if p := update(to); p.status != 400 || p.code != "InvalidRequestException" {
				t.Errorf("to %q: %d %s, want 400", to, p.status, p.code)
			}
		}
	}
}

func TestCertificatesFromRequestsAndElsewhere(t *testing.T) {
	r := newRig(t)
	made := r.ok("POST", "/certificates?setAsActive=true", object{"certificateSigningRequest": csr(t)})
	if s := at(r.ok("GET", "/certificates/"+made["certificateId"].(string), nil), "certificateDescription", "status"); s != "ACTIVE" {
		t.Errorf("status %v, want ACTIVE", s)
	}
	for _, bad := range []any{object{}, object{"certificateSigningRequest": "nonsense"}, object{"certificateSigningRequest": strings.Repeat("x", 4097)}} {
		r.refused(400, "InvalidRequestException", "POST", "/certificates", bad)
	}
	text, id := ownCertificate(t)
	own := r.ok("POST", "/certificate/register-no-ca", object{"certificatePem": "\n" + text + "\n", "status": "ACTIVE"})
	if own["certificateId"] != id || own["certificateArn"] != arnPrefix+"cert/"+id {
		t.Errorf("RegisterCertificateWithoutCA = %v, want %s", own, id)
	}
	d := r.ok("GET", "/certificates/"+id, nil)["certificateDescription"].(object)
	if d["status"] != "ACTIVE" || d["certificateMode"] != "SNI_ONLY" || d["certificatePem"] != text {
		t.Errorf("DescribeCertificate = %v", d)
	}
	p := r.refused(409, "ResourceAlreadyExistsException", "POST", "/certificate/register-no-ca", object{"certificatePem": text})
	if p.message() != "The certificate is already provisioned or registered" || p.body["resourceId"] != id || p.body["resourceArn"] != own["certificateArn"] {
		t.Errorf("%v", p.body)
	}
	r.refused(400, "CertificateValidationException", "POST", "/certificate/register-no-ca", object{"certificatePem": "nonsense"})
	r.refused(400, "CertificateValidationException", "POST", "/certificate/register-no-ca", object{"certificatePem": text + text})
	other, _ := ownCertificate(t)
	r.refused(400, "InvalidRequestException", "POST", "/certificate/register-no-ca", object{"certificatePem": other, "status": "PENDING_ACTIVATION"})
	registered := r.ok("POST", "/certificate/register-no-ca", object{"certificatePem": other})
	if s := at(r.ok("GET", "/certificates/"+registered["certificateId"].(string), nil), "certificateDescription", "status"); s != "INACTIVE" {
		t.Errorf("default status %v, want INACTIVE", s)
	}
}

func TestDeleteOrderOfCertificates(t *testing.T) {
	r := newRig(t)
	id, arn := r.certificate(true)
	r.ok("POST", "/things/lamp", nil)
	r.ok("POST", "/policies/p", object{"policyDocument": document})
	r.ok("PUT", "/things/lamp/principals", nil, "x-amzn-principal", arn)
	r.ok("PUT", "/target-policies/p", object{"target": arn})
	for _, step := range []struct {
		query, code string
		status      int
		message     string
		repair      func()
	}{
		{"?forceDelete=true", "CertificateStateException", 406, "Certificate must be deactivated (not ACTIVE) before deletion. Id: " + id,
			func() { r.ok("PUT", "/certificates/"+id+"?newStatus=INACTIVE", nil) }},
		{"?forceDelete=true", "DeleteConflictException", 409, "Things must be detached before deletion (arn: " + arn + ")",
			func() { r.ok("DELETE", "/things/lamp/principals", nil, "x-amzn-principal", arn) }},
		{"", "DeleteConflictException", 409, "Certificate policies must be detached before deletion (arn: " + arn + ")", func() {}},
	} {
		if p := r.refused(step.status, step.code, "DELETE", "/certificates/"+id+step.query, nil); p.message() != step.message {
			t.Errorf("message %q, want %q", p.message(), step.message)
		}
		step.repair()
	}
	r.ok("DELETE", "/certificates/"+id+"?forceDelete=true", nil)
	r.ok("DELETE", "/policies/p", nil) // nothing is left attached
}

func TestListsInOrderOfCreation(t *testing.T) {
	r := newRig(t)
	var ids, names, aliases []string
	for i, name := range []string{"zeta", "alpha", "mu", "beta", "omega"} {
		if i != 3 { // beta is made at the same moment as mu
			r.now = r.now.Add(time.Second)
		}
		id, _ := r.certificate(true)
		ids = append(ids, id)
		r.ok("POST", "/policies/"+name, object{"policyDocument": document})
		r.ok("POST", "/role-aliases/"+name, object{"roleArn": "arn:aws:iam::999999999999:role/r"})
		names, aliases = append(names, name), append(aliases, name)
	}
	for _, l := range []*[]string{&ids, &names, &aliases} { // equal times: by ID
		if (*l)[2] > (*l)[3] {
			(*l)[2], (*l)[3] = (*l)[3], (*l)[2]
		}
	}
	for _, tc := range []struct {
		path, member, name string
		ascending          []string
	}{
		{"/certificates", "certificates", "certificateId", ids},
		{"/policies", "policies", "policyName", names},
		{"/role-aliases", "roleAliases", "", aliases},
	} {
		for _, ascending := range []bool{true, false} {
			want := slices.Clone(tc.ascending)
			if !ascending {
				slices.Reverse(want)
			}
			for _, size := range []string{"1", "2", "3", "5", "250"} {
				var got []string
				marker := ""
				for range 10 {
					target := tc.path + "?pageSize=" + size + "&marker=" + strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(marker)
					if ascending {
						target += "&isAscendingOrder=true"
					}
					if marker == "" {
						target = strings.Replace(target, "&marker=", "", 1)
					}
					page := r.ok("GET", target, nil)
					if tc.name == "" {
						got = append(got, list(page, tc.member)...)
					} else {
						got = append(got, column(page, tc.member, tc.name)...)
					}
					next, more := page["nextMarker"].(string)
					if !more {
						break
					}
					marker = next
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, ascending %v, pages of %s: %q, want %q", tc.path, ascending, size, got, want)
				}
			}
		}
		r.refused(400, "InvalidRequestException", "GET", tc.path+"?marker=%21", nil)
		r.refused(400, "InvalidRequestException", "GET", tc.path+"?marker=AAAA", nil)
		r.refused(400, "InvalidRequestException", "GET", tc.path+"?pageSize=251", nil)
	}
}
