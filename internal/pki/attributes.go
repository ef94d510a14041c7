package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxAttributeValues and maxVariableCharacters are limits of the IoT
	// Developer Guide, "Using X.509 certificate policy variables".
	maxAttributeValues    = 5
	maxVariableCharacters = 1024

	subjectKey = "iot:Certificate.Subject."
	issuerKey  = "iot:Certificate.Issuer."
	serialKey  = "iot:Certificate.SerialNumber"
	// AvailableKeys is the key whose values are the names of all the others.
	availableKeys = "iot:Certificate.AvailableKeys"
)

// Object identifiers of the two alternative name extensions (RFC 5280 sections
// 4.2.1.6 and 4.2.1.7).
const (
	subjectAltName = "2.5.29.17"
	issuerAltName  = "2.5.29.18"
)

// Attributes returns the values that IoT policy variables and condition keys
// take from cert (spec A.7), by key without a suffix:
//
//	iot:Certificate.Subject.<Attribute>, iot:Certificate.Issuer.<Attribute>
//	iot:Certificate.Subject.AlternativeName.<Form>, and of the issuer
//	iot:Certificate.SerialNumber      in decimal
//	iot:Certificate.AvailableKeys     the other keys that have values, sorted
//
// Values are in the certificate's order, five at most except for
// AvailableKeys, and as they are: see VariableText. The caller resolves
// suffixes: none is values[0], ".1" is values[1], ".List" is all of them. A key
// without values is not in the map. What cannot be parsed is left out.
func Attributes(cert *x509.Certificate) map[string][]string {
	attributes := map[string][]string{serialKey: {cert.SerialNumber.String()}}
	addName(attributes, subjectKey, cert.Subject)
	addName(attributes, issuerKey, cert.Issuer)
	for _, extension := range cert.Extensions {
		switch extension.Id.String() {
		case subjectAltName:
			addAlternativeNames(attributes, subjectKey, extension.Value)
		case issuerAltName:
			addAlternativeNames(attributes, issuerKey, extension.Value)
		}
	}
	var keys []string
	for key, values := range attributes {
		attributes[key] = values[:min(len(values), maxAttributeValues)]
		keys = append(keys, key)
	}
	slices.Sort(keys)
	attributes[availableKeys] = keys
	return attributes
}

// addName adds the attributes of a distinguished name. Names has all of them in
// the certificate's order; the other fields of pkix.Name do not.
func addName(attributes map[string][]string, prefix string, name pkix.Name) {
	for _, attribute := range name.Names {
		word := attributeWord(attribute.Type)
		if value, ok := attribute.Value.(string); ok && word != "" {
			attributes[prefix+word] = append(attributes[prefix+word], value)
		}
	}
}

// attributeWord returns IoT's word for an attribute type of X.520, or "".
func attributeWord(oid asn1.ObjectIdentifier) string {
	switch oid.String() {
	case "2.5.4.3":
		return "CommonName"
	case "2.5.4.4":
		return "Surname"
	case "2.5.4.5":
		return "SerialNumber"
	case "2.5.4.6":
		return "Country"
	case "2.5.4.8":
		return "State"
	case "2.5.4.10":
		return "Organization"
	case "2.5.4.11":
		return "OrganizationalUnit"
	case "2.5.4.12":
		return "Title"
	case "2.5.4.42":
		return "GivenName"
	case "2.5.4.43":
		return "Initials"
	case "2.5.4.44":
		return "GenerationQualifier"
	case "2.5.4.46":
		return "DistinguishedNameQualifier"
	case "2.5.4.65":
		return "Pseudonym"
	}
	return ""
}

// addAlternativeNames adds the members of a GeneralNames (RFC 5280 section
// 4.2.1.6). x509.Certificate has those of the subject only, without directory
// names.
func addAlternativeNames(attributes map[string][]string, prefix string, der []byte) {
	var names []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &names); err != nil || len(rest) != 0 {
		return
	}
	for _, name := range names {
		if form, value := generalName(name); value != "" {
			key := prefix + "AlternativeName." + form
			attributes[key] = append(attributes[key], value)
		}
	}
}

// generalName returns IoT's word for the form of a GeneralName and its value,
// which is empty for the forms that have no word.
func generalName(name asn1.RawValue) (form, value string) {
	if name.Class != asn1.ClassContextSpecific {
		return "", ""
	}
	switch name.Tag {
	case 1:
		return "RFC822Name", ia5(name.Bytes)
	case 2:
		return "DNSName", ia5(name.Bytes)
	case 4:
		return "DirectoryName", directoryName(name.Bytes)
	case 6:
		return "UniformResourceIdentifier", ia5(name.Bytes)
	case 7:
		if ip, ok := netip.AddrFromSlice(name.Bytes); ok {
			return "IPAddress", ip.String()
		}
	}
	return "", ""
}

func ia5(text []byte) string {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return ""
		}
	}
	return string(text)
}

// directoryName writes a Name the way the IoT Developer Guide shows it:
// "cn=LightBulbCert,ou=SmartHome,o=IoT,c=US", the last RDN first. Values are
// escaped as in RFC 4514, which the guide does not show, so that no value can
// pass for several attributes.
func directoryName(der []byte) string {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) != 0 {
		return ""
	}
	slices.Reverse(name)
	rdns := make([]string, len(name))
	for i, rdn := range name {
		parts := make([]string, len(rdn))
		for j, attribute := range rdn {
			value, ok := attribute.Value.(string)
			if !ok {
				return ""
			}
			parts[j] = directoryWord(attribute.Type) + "=" + escape(value)
		}
		rdns[i] = strings.Join(parts, "+")
	}
	return strings.Join(rdns, ",")
}

// directoryWord returns the short name of an attribute type in lower case (RFC
// 4514 section 3), else the object identifier.
func directoryWord(oid asn1.ObjectIdentifier) string {
	switch oid.String() {
	case "2.5.4.3":
		return "cn"
	case "2.5.4.6":
		return "c"
	case "2.5.4.7":
		return "l"
	case "2.5.4.8":
		return "st"
	case "2.5.4.9":
		return "street"
	case "2.5.4.10":
		return "o"
	case "2.5.4.11":
		return "ou"
	case "0.9.2342.19200300.100.1.1":
		return "uid"
	case "0.9.2342.19200300.100.1.25":
		return "dc"
	}
	return oid.String()
}

// escape puts a backslash before the characters that IoT escapes in variables.
func escape(value string) string {
	var b strings.Builder
	for _, c := range value {
		if strings.ContainsRune(`,"\+=<>;`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// VariableText returns value as it is put in place of a variable in an IoT
// policy: with `, " \ = < > ;` escaped by a backslash. It is false when the
// value may not be substituted, so that the variable stays as it is written:
// it is longer than 1,024 characters, holds one of `* $ + ? #`, which could
// widen the policy, or is not UTF-8 (spec A.7).
func VariableText(value string) (text string, ok bool) {
	if !utf8.ValidString(value) || utf8.RuneCountInString(value) > maxVariableCharacters ||
		strings.ContainsAny(value, "*$+?#") {
		return "", false
	}
	return escape(value), true
}
