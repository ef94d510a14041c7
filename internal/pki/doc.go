// Package pki is Inro's X.509: its certificate authorities, the certificates
// they issue, and the reading of certificates that others issued.
package pki
