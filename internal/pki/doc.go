// Package pki is Inro's X.509: its two certificate authorities, the
// certificates they issue, and the reading of certificates that others issued.
//
// An Authority holds
//
//   - the server CA (ECDSA P-256), which signs the TLS certificates of Inro's
//     own listeners; clients trust it through CURL_CA_BUNDLE, AWS_CA_BUNDLE and
//     the like;
//   - the device CA (RSA 2048), which signs the certificates of
//     CreateKeysAndCertificate and CreateCertificateFromCsr in the shape that
//     AWS gives them (spec D.3). Nobody validates that chain: devices are known
//     by the fingerprint of their certificate, CertificateID.
//
// They share nothing, so that trusting a server never means trusting a device.
// ParseCertificatePEM, ParseCSRPEM and Attributes read what clients send. An
// Authority is safe for concurrent use; the functions keep no state.
//
// The package leaves out: which certificates are registered and in which state
// (the registry's records), path validation of client certificates (there is
// none, spec A.2), revocation lists, and ACME. Private keys of devices are
// returned once and kept nowhere.
//
// # Folder
//
//	server-ca.key      private key (PKCS#8) and certificate, mode 0600
//	server-ca.pem      the certificate again, for clients, mode 0644
//	device-ca.key      as above
//	device-ca.pem
//	leaf-<hash>.key    key and certificate of a listener; hash is of its hosts
//
// The .key files are the truth: each is written whole or not at all, and the
// .pem files are made again from them. A .key file that group or others may use
// is refused. A leaf may be deleted at any time; it is issued again.
package pki
