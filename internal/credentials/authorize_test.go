package credentials

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/metastore"
)

// iotStatement makes a policy of one statement on every alias.
func iotStatement(effect, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Action":"iot:AssumeRoleWithCertificate","Resource":"*"%s}]}`, effect, condition)
}

func TestPoliciesOfCertificateGroupsAndParents(t *testing.T) {
	r := newRig(t)
	r.detachPolicy("policy", metastore.CertificatePoint(r.deviceID))
	r.putPolicy("deny", iotStatement("Deny", ""))
	r.putGroup("root", "")
	r.putGroup("middle", "root")
	r.putGroup("leaf", "middle")
	r.putGroup("aside", "root")
	r.addToGroup("leaf", "device-1")
	group, cert := metastore.ThingGroupPoint, metastore.CertificatePoint(r.deviceID)
	for _, tc := range []struct {
		name            string
		allow, deny     string // attachment points
		with, withoutIt int    // statuses with and without the thing header
	}{
		{"nothing attached", "", "", 403, 403},
		{"certificate", cert, "", 200, 200},
		{"group", group("leaf"), "", 200, 403},
		{"parent", group("middle"), "", 200, 403},
		{"root", group("root"), "", 200, 403},
		{"a group the thing is not in", group("aside"), "", 403, 403},
		{"deny of the root group", cert, group("root"), 403, 200},
		{"deny of the certificate", group("leaf"), cert, 403, 403},
		{"deny of a group the thing is not in", cert, group("aside"), 200, 200},
	} {
		if tc.allow != "" {
			r.attachPolicy("policy", tc.allow)
		}
		if tc.deny != "" {
			r.attachPolicy("deny", tc.deny)
		}
		if got := r.direct(path, r.state(), "device-1").Code; got != tc.with {
			t.Errorf("%s, with the thing: %d, want %d", tc.name, got, tc.with)
		}
		if got := r.direct(path, r.state()).Code; got != tc.withoutIt {
			t.Errorf("%s, without the thing: %d, want %d", tc.name, got, tc.withoutIt)
		}
		if tc.allow != "" {
			r.detachPolicy("policy", tc.allow)
		}
		if tc.deny != "" {
			r.detachPolicy("deny", tc.deny)
		}
	}
}

func TestDamagedRecordsAreInternalErrorsAndNeverAllow(t *testing.T) {
	for name, damage := range map[string]func(*rig){
		"unreadable policy": func(r *rig) {
			r.putPolicy("broken", "{")
			r.attachPolicy("broken", metastore.CertificatePoint(r.deviceID))
		},
		"missing policy": func(r *rig) { r.attachPolicy("gone", metastore.CertificatePoint(r.deviceID)) },
		"missing group":  func(r *rig) { r.addToGroup("gone", "device-1") },
		"missing parent": func(r *rig) { r.putGroup("leaf", "gone"); r.addToGroup("leaf", "device-1") },
		"endless parents": func(r *rig) {
			for i := range maxGroupDepth + 1 {
				r.putGroup(fmt.Sprint("g", i), fmt.Sprint("g", i+1))
			}
			r.addToGroup("g0", "device-1")
		},
		"unreadable trust": func(r *rig) { r.changeRole(func(v *metastore.Role) { v.Trust = "{" }) },
		"no thing id": func(r *rig) {
			r.update(func(ctx context.Context, w metastore.Writer) error {
				return metastore.Things.Put(ctx, w, account, "device-1", &metastore.Thing{Name: "device-1"})
			})
		},
	} {
		r := newRig(t)
		damage(r)
		if rec := r.direct(path, r.state(), "device-1"); rec.Code != 500 || rec.Body.String() != `{"message":"Internal Failure"}` ||
			rec.Header().Get("x-amzn-ErrorType") != "InternalFailureException" {
			t.Errorf("%s: %d %s, want 500", name, rec.Code, rec.Body)
		}
		if r.outcomes.of(InternalFailure) != 1 || !strings.Contains(r.log.String(), "internal error") {
			t.Errorf("%s: not counted or not logged: %s", name, r.log)
		}
	}
}

func TestParentsThatFormACircleEnd(t *testing.T) {
	r := newRig(t)
	r.putGroup("a", "b")
	r.putGroup("b", "a")
	r.addToGroup("a", "device-1")
	if rec := r.direct(path, r.state(), "device-1"); rec.Code != 200 {
		t.Errorf("%d %s, want 200", rec.Code, rec.Body)
	}
}

func TestConditionKeysOfTheConnection(t *testing.T) {
	r := newRig(t)
	r.putThing("device-1", "sensor", map[string]string{"site": "tokyo"})
	for _, tc := range []struct {
		name, condition string
		thing           string
		want            int
	}{
		{"source address", `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, "", 200},
		{"another address", `{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`, "", 403},
		{"secure transport", `{"Bool":{"aws:SecureTransport":"true"}}`, "", 200},
		{"time", `{"DateLessThan":{"aws:CurrentTime":"2026-08-01T12:00:01Z"},"NumericEquals":{"aws:EpochTime":"1785585600"}}`, "", 200},
		{"time is over", `{"DateLessThan":{"aws:CurrentTime":"2026-08-01T12:00:00Z"}}`, "", 403},
		{"subject", `{"StringEquals":{"iot:Certificate.Subject.CommonName":"device"}}`, "", 200},
		{"another subject", `{"StringEquals":{"iot:Certificate.Subject.CommonName":"devices"}}`, "", 403},
		{"issuer", `{"StringEquals":{"iot:Certificate.Issuer.CommonName":"device"}}`, "", 200},
		{"available keys", `{"ForAnyValue:StringEquals":{"iot:Certificate.AvailableKeys":"iot:Certificate.Subject.CommonName"}}`, "", 200},
		{"thing name", `{"StringEquals":{"iot:Connection.Thing.ThingName":"device-1"}}`, "device-1", 200},
		{"thing type", `{"StringEquals":{"iot:Connection.Thing.ThingTypeName":"sensor"}}`, "device-1", 200},
		{"attribute", `{"StringEquals":{"iot:Connection.Thing.Attributes[site]":"tokyo"}}`, "device-1", 200},
		{"attached", `{"Bool":{"iot:Connection.Thing.IsAttached":"true"}}`, "device-1", 200},
		{"thing name without header", `{"StringLike":{"iot:Connection.Thing.ThingName":"*"}}`, "", 403},
		{"attached without header", `{"Bool":{"iot:Connection.Thing.IsAttached":"true"}}`, "", 403},
		{"not attached without header", `{"Bool":{"iot:Connection.Thing.IsAttached":"false"}}`, "", 403},
		{"keys of the credentials are not for IoT policies", `{"StringLike":{"credentials-iot:AwsCertificateId":"*"}}`, "device-1", 403},
		{"no client id", `{"Null":{"iot:ClientId":"true","iot:DomainName":"true"}}`, "device-1", 200},
	} {
		r.putPolicy("policy", iotStatement("Allow", tc.condition))
		things := []string{tc.thing}
		if tc.thing == "" {
			things = nil
		}
		if rec := r.direct(path, r.state(), things...); rec.Code != tc.want {
			t.Errorf("%s: %d %s, want %d", tc.name, rec.Code, rec.Body, tc.want)
		}
	}
}

func TestThingVariablesResolveFromTheHeaderOnly(t *testing.T) {
	r := newRig(t)
	r.putPolicy("policy", strings.Replace(allowAlias, "rolealias/alias", "rolealias/${iot:Connection.Thing.ThingTypeName}-alias", 1))
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return metastore.RoleAliases.Put(ctx, w, account, "sensor-alias", &metastore.RoleAlias{
			Alias: "sensor-alias", RoleARN: arn.IAM(account, "role", "/", "role"), CredentialDurationSeconds: 900})
	})
	const sensors = "/role-aliases/sensor-alias/credentials"
	if rec := r.direct(sensors, r.state(), "device-1"); rec.Code != 200 {
		t.Errorf("with the thing: %d %s, want 200", rec.Code, rec.Body)
	}
	if rec := r.direct(sensors, r.state()); rec.Code != 403 {
		t.Errorf("without: %d %s, want 403", rec.Code, rec.Body)
	}
	r.putThing("device-1", "", nil)
	if rec := r.direct(sensors, r.state(), "device-1"); rec.Code != 403 {
		t.Errorf("thing without a type: %d %s, want 403", rec.Code, rec.Body)
	}
}

func TestTrustPolicies(t *testing.T) {
	r := newRig(t)
	statement := func(principal, rest string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"` + rest + `}]}`
	}
	service := `{"Service":"credentials.iot.amazonaws.com"}`
	aliasARN := arn.IoT(region, account, "rolealias", "alias")
	for _, tc := range []struct {
		name, trust string
		want        int
	}{
		{"the service", statement(service, ""), 200},
		{"one of several services", statement(`{"Service":["ec2.amazonaws.com","credentials.iot.amazonaws.com"]}`, ""), 200},
		{"another service", statement(`{"Service":"iot.amazonaws.com"}`, ""), 400},
		{"the account", statement(`{"AWS":"999999999999"}`, ""), 400},
		{"another action", strings.Replace(trustIoT, "sts:AssumeRole", "sts:AssumeRoleWithSAML", 1), 400},
		{"source account", statement(service, `,"Condition":{"StringEquals":{"aws:SourceAccount":"999999999999"}}`), 200},
		{"another source account", statement(service, `,"Condition":{"StringEquals":{"aws:SourceAccount":"111111111111"}}`), 400},
		{"source ARN", statement(service, `,"Condition":{"ArnLike":{"aws:SourceArn":"`+aliasARN+`"}}`), 200},
		{"source ARN of the account", statement(service, `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:iot:ap-northeast-1:999999999999:*"}}`), 200},
		{"another source ARN", statement(service, `,"Condition":{"ArnLike":{"aws:SourceArn":"`+aliasARN+`s"}}`), 400},
		{"session name", statement(service, `,"Condition":{"StringEquals":{"sts:RoleSessionName":"`+r.deviceID+`"}}`), 200},
		{"no keys of the credentials", statement(service, `,"Condition":{"StringLike":{"credentials-iot:ThingName":"*"}}`), 400},
		{"explicit deny", strings.TrimSuffix(statement(service, ""), "]}") + `,{"Effect":"Deny","Principal":` + service + `,"Action":"sts:AssumeRole"}]}`, 400},
	} {
		r.changeRole(func(v *metastore.Role) { v.Trust = tc.trust })
		rec := r.direct(path, r.state(), "device-1")
		if rec.Code != tc.want || tc.want == 400 && rec.Body.String() != rowRole {
			t.Errorf("%s: %d %s, want %d", tc.name, rec.Code, rec.Body, tc.want)
		}
	}
}

func TestRolesAreFoundByTheirWholeARN(t *testing.T) {
	r := newRig(t)
	r.changeRole(func(v *metastore.Role) { v.Path = "/iot/devices/" })
	for roleARN, want := range map[string]int{
		"arn:aws:iam::999999999999:role/iot/devices/role":  200,
		"arn:aws:iam::999999999999:role/role":              400,
		"arn:aws:iam::999999999999:role/iot/role":          400,
		"arn:aws:iam::999999999999:role/iot/devices/Role":  400,
		"arn:aws:iam::111111111111:role/iot/devices/role":  400,
		"arn:aws:iam::999999999999:user/iot/devices/role":  400,
		"arn:aws:iam::999999999999:role/iot/devices/role/": 400,
		"arn:aws:iam::999999999999:role/iot/devices/":      400,
		"role": 400,
		"":     400,
		"arn:aws:iam::999999999999:role/iot/devices/\x00": 400,
	} {
		r.changeAlias(func(v *metastore.RoleAlias) { v.RoleARN = roleARN })
		if rec := r.direct(path, r.state(), "device-1"); rec.Code != want {
			t.Errorf("%q: %d %s, want %d", roleARN, rec.Code, rec.Body, want)
		}
	}
}

func TestLargestBodyIsBelow2048Bytes(t *testing.T) {
	r := newRig(t)
	random := func(n int) string {
		var b strings.Builder
		for b.Len() < n {
			b.WriteString(rand.Text())
		}
		return b.String()[:n]
	}
	thing, typeName, role := random(128), random(128), random(64)
	rolePath := "/" + random(510) + "/"
	r.putThing(thing, typeName, nil)
	r.update(func(ctx context.Context, w metastore.Writer) error {
		return firstError(
			metastore.Things.Put(ctx, w, account, thing, &metastore.Thing{Name: thing, TypeName: typeName, ThingID: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}),
			metastore.Roles.Put(ctx, w, account, metastore.NameID(role), &metastore.Role{
				Name: role, Path: rolePath, UniqueID: "AROAEXAMPLEEXAMPLE234", Trust: trustIoT, MaxSessionSeconds: 43200}))
	})
	r.changeAlias(func(v *metastore.RoleAlias) {
		v.RoleARN, v.CredentialDurationSeconds = arn.IAM(account, "role", rolePath, role), 43200
	})
	r.attachThing(thing, r.deviceID)
	rec := r.direct(path, r.state(), thing)
	if rec.Code != 200 || rec.Body.Len() >= 2048 {
		t.Errorf("%d, %d bytes, want 200 with fewer than 2048", rec.Code, rec.Body.Len())
	}
	t.Logf("largest body: %d bytes", rec.Body.Len())
}

func TestWeirdCertificatesAreAnswered(t *testing.T) {
	r := newRig(t)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weird := selfSignedBy(t, key, &x509.Certificate{
		Subject: pkix.Name{CommonName: "a*b${x}", Organization: []string{"", strings.Repeat("x", 2000), "a,b", "\"q\"", "é"}},
		ExtraExtensions: []pkix.Extension{
			{Id: []int{2, 5, 29, 18}, Value: []byte{0x30, 0x80}}, // a damaged issuerAltName
			{Id: []int{1, 2, 3, 4}, Value: []byte("nonsense")},
		},
	})
	id := r.registerCertificate(weird, metastore.CertificateActive)
	r.attachPolicy("policy", metastore.CertificatePoint(id))
	r.device = weird
	if rec := r.direct(path, r.state()); rec.Code != 200 {
		t.Errorf("%d %s, want 200", rec.Code, rec.Body)
	}
	r.putPolicy("policy", iotStatement("Allow", `{"StringEquals":{"iot:Certificate.Subject.CommonName":"${iot:Certificate.Subject.CommonName}"}}`))
	if rec := r.direct(path, r.state()); rec.Code != 403 {
		t.Errorf("a value that may not be substituted: %d %s, want 403", rec.Code, rec.Body)
	}
}
