package pki

import "crypto/x509"

// Attributes returns the values that IoT policy variables take from cert
// (spec A.7), by key without a numeric suffix, such as
// "iot:Certificate.Subject.CommonName". Values are in the certificate's order,
// five at most. The caller resolves the suffixes: none is values[0], ".1" is
// values[1], ".List" is all of them.
func Attributes(cert *x509.Certificate) map[string][]string { return nil }

// VariableText returns value as it is put in place of a variable in a policy:
// with `, " \ = < > ;` escaped by a backslash. It is false when the value may
// not be substituted: it is longer than 1,024 characters or holds one of
// "* $ + ? #" (spec A.7).
func VariableText(value string) (text string, ok bool) { return "", false }
