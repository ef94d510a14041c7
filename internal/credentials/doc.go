// Package credentials is the credentials endpoint: a device shows its X.509
// certificate by mutual TLS and gets short-lived credentials of the role that a
// role alias names (spec A).
//
//	GET /role-aliases/{roleAlias}/credentials
//	x-amzn-iot-thingname: <thing name>          (optional)
//
//	{"credentials":{"accessKeyId":"ASIA…","secretAccessKey":"…","sessionToken":"…","expiration":"2026-01-02T03:04:05Z"}}
//
// An [Endpoint] is the http.Handler, its [Endpoint.TLSConfig] the TLS side, and
// [Endpoint.Server] the bounds of a connection. A request goes through these steps, and the first that fails answers (spec A.4
// and A.5):
//
//	path, method ─▶ server name ─▶ certificate ─▶ thing ─▶ IoT policies ─▶ alias ─▶ role, trust ─▶ duration ─▶ issued
//	   404, 405         403            403          403        403           404        400          400        200
//
// # Rules worth knowing
//
//   - The certificate is looked up by the SHA-256 of its DER form and is not
//     validated as a path: the registry's status decides. It is looked up on
//     every request, also on connections that are kept alive. TLS itself proves
//     that the client has the private key.
//   - Who has no certificate, or one that is unknown or not in force, gets an
//     answer after the handshake, not a broken one: Inro's devices can then tell
//     a network from a refusal.
//   - The thing header must name a thing that the certificate is attached to.
//     Without the header no thing is inferred. An empty header counts as none;
//     two headers are refused.
//   - A policy that is attached and cannot be read is an internal error, never
//     left out: it could be the one that denies.
//   - Nothing is written and, once the records are in memory, nothing is read
//     from disk. A session is not stored (package session).
//
// The caller learns the words of spec A.4 only. Why it was refused is logged
// with the request id that it got: which step, which certificate, alias and
// thing, and the decision of the policies. Key material is never logged. Of
// requests that anybody can make, 20 lines per second are logged at info and
// the others at debug.
//
// What the package leaves out: what the credentials may do (package identity),
// registering certificates (package iot), sessions of other callers (STS).
//
// An Endpoint is safe for concurrent use.
package credentials
