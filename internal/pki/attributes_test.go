package pki

import (
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rawName returns the DER of a name of one attribute per RDN.
func rawName(t testing.TB, attributes [][2]string) []byte {
	t.Helper()
	var name pkix.RDNSequence
	for _, attribute := range attributes {
		var oid asn1.ObjectIdentifier
		for part := range strings.SplitSeq(attribute[0], ".") {
			n, err := strconv.Atoi(part)
			if err != nil {
				t.Fatal(err)
			}
			oid = append(oid, n)
		}
		name = append(name, pkix.RelativeDistinguishedNameSET{{Type: oid, Value: attribute[1]}})
	}
	return marshal(t, name)
}

func marshal(t testing.TB, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// generalNames returns the DER of an alternative name extension.
func generalNames(t testing.TB, dns string, ip []byte, uri, email string, directory [][2]string) []byte {
	t.Helper()
	context := func(tag int, content []byte, compound bool) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: compound, Bytes: content}
	}
	return marshal(t, []asn1.RawValue{
		context(2, []byte(dns), false),
		context(7, ip, false),
		context(6, []byte(uri), false),
		context(1, []byte(email), false),
		context(4, rawName(t, directory), true),
		context(8, []byte{42, 3, 4}, false), // registeredID: no word
	})
}

func TestAttributesAreThoseOfTheDeveloperGuide(t *testing.T) {
	issuer := &x509.Certificate{RawSubject: rawName(t, [][2]string{
		{"2.5.4.6", "US"}, {"2.5.4.10", "IoT Devices"}, {"2.5.4.11", "SmartHome"}, {"2.5.4.8", "WA"},
		{"2.5.4.3", "IoT Devices Primary CA"}, {"2.5.4.42", "Primary CA1"}, {"2.5.4.43", "XY"}, {"2.5.4.46", "Example corp"},
		{"2.5.4.4", "SmartHome"}, {"2.5.4.12", "CA1"}, {"2.5.4.65", "Primary_CA"}, {"2.5.4.44", "2"}, {"2.5.4.5", "987"},
	})}
	key := ecdsaKey(t, elliptic.P256())
	cert, err := x509.ParseCertificate(newCertificate(t, exampleTemplate(t), issuer, key.Public(), key))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"iot:Certificate.SerialNumber": {"10525622389124227206"},
	}
	for prefix, values := range map[string]string{
		"iot:Certificate.Subject.": "Country=US|Organization=IoT Devices|OrganizationalUnit=LightBulb|State=NY|" +
			"CommonName=LightBulb Device Cert|GivenName=Bulb|Initials=ZZ|DistinguishedNameQualifier=Bulb001|" +
			"Surname=Multi Color|Title=RGB|Pseudonym=RGB Device|GenerationQualifier=4|SerialNumber=123|" +
			"AlternativeName.DNSName=example.com|AlternativeName.IPAddress=1.2.3.4|" +
			"AlternativeName.UniformResourceIdentifier=ResourceIdentifier001|" +
			"AlternativeName.RFC822Name=device1@example.com|" +
			"AlternativeName.DirectoryName=cn=LightBulbCert,ou=SmartHome,o=IoT,c=US",
		"iot:Certificate.Issuer.": "Country=US|Organization=IoT Devices|OrganizationalUnit=SmartHome|State=WA|" +
			"CommonName=IoT Devices Primary CA|GivenName=Primary CA1|Initials=XY|DistinguishedNameQualifier=Example corp|" +
			"Surname=SmartHome|Title=CA1|Pseudonym=Primary_CA|GenerationQualifier=2|SerialNumber=987|" +
			"AlternativeName.DNSName=issuer.com|AlternativeName.IPAddress=5.6.7.8|" +
			"AlternativeName.UniformResourceIdentifier=PrimarySignerCA|" +
			"AlternativeName.RFC822Name=primary@issuer.com|" +
			"AlternativeName.DirectoryName=cn=Primary Issuer CA,ou=IoT Devices,o=Issuer,c=US",
	} {
		for pair := range strings.SplitSeq(values, "|") {
			name, value, _ := strings.Cut(pair, "=")
			want[prefix+name] = []string{value}
		}
	}
	want["iot:Certificate.AvailableKeys"] = slices.Sorted(maps.Keys(want))
	got := Attributes(cert)
	for key := range want {
		if !reflect.DeepEqual(got[key], want[key]) {
			t.Errorf("%s = %q, want %q", key, got[key], want[key])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d: %q", len(got), len(want), slices.Sorted(maps.Keys(got)))
	}
}

func TestAttributesKeepOrderAndTakeFive(t *testing.T) {
	key := ecdsaKey(t, elliptic.P256())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7),
		RawSubject: rawName(t, [][2]string{
			{"2.5.4.11", "z"}, {"2.5.4.3", "first"}, {"2.5.4.11", "a"}, {"2.5.4.11", "m"}, {"2.5.4.3", "second"},
			{"2.5.4.11", "b"}, {"2.5.4.11", "c"}, {"2.5.4.11", "sixth"}, {"1.2.3.4", "unknown"},
		}),
	}
	cert, err := ParseCertificatePEM(selfSigned(t, template, key))
	if err != nil {
		t.Fatal(err)
	}
	got := Attributes(cert)
	for name, want := range map[string][]string{
		"iot:Certificate.Subject.OrganizationalUnit": {"z", "a", "m", "b", "c"},
		"iot:Certificate.Subject.CommonName":         {"first", "second"},
		"iot:Certificate.Issuer.CommonName":          {"first", "second"}, // self-signed
		"iot:Certificate.Subject.Country":            nil,
		"iot:Certificate.SerialNumber":               {"7"},
	} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 6 {
		t.Errorf("keys %q, want 6", slices.Sorted(maps.Keys(got)))
	}
}

func TestDirectoryNamesCannotPassForOthers(t *testing.T) {
	der := rawName(t, [][2]string{{"2.5.4.10", "IoT"}, {"2.5.4.3", "x,ou=Admin"}, {"1.2.3", "y"}})
	if got, want := directoryName(der), `1.2.3=y,cn=x\,ou\=Admin,o=IoT`; got != want {
		t.Errorf("directoryName = %q, want %q", got, want)
	}
}

func TestAttributesLeaveOutWhatCannotBeParsed(t *testing.T) {
	for _, der := range [][]byte{nil, {0x30}, {0x30, 0x02, 0x87, 0x03}, {0x04, 0x00}, {0x30, 0x00, 0x00},
		{0x30, 0x05, 0x87, 0x03, 1, 2, 3}, {0x30, 0x03, 0x82, 0x01, 0xff}, {0x30, 0x03, 0xa4, 0x01, 0x30}} {
		got := map[string][]string{}
		addAlternativeNames(got, subjectKey, der)
		if len(got) != 0 {
			t.Errorf("addAlternativeNames(%x) = %q, want nothing", der, got)
		}
	}
}

func TestVariableTextEscapesOrRefuses(t *testing.T) {
	tests := []struct {
		value, text string
		ok          bool
	}{
		{"LightBulb Device Cert", "LightBulb Device Cert", true},
		{"", "", true},
		{"温度計", "温度計", true},
		// The example of the IoT Developer Guide.
		{deviceIssuer, `Amazon Web Services O\=Amazon.com Inc. L\=Seattle ST\=Washington C\=US`, true},
		{`,"\=<>;`, `\,\"\\\=\<\>\;`, true},
		{"a*", "", false},
		{"${aws:username}", "", false},
		{"a+b", "", false},
		{"a?", "", false},
		{"#", "", false},
		{"\xff", "", false},
		{strings.Repeat("度", 1024), strings.Repeat("度", 1024), true},
		{strings.Repeat("x", 1025), "", false},
	}
	for _, test := range tests {
		text, ok := VariableText(test.value)
		if text != test.text || ok != test.ok {
			t.Errorf("VariableText(%q) = %q, %v, want %q, %v", test.value, text, ok, test.text, test.ok)
		}
	}
}
