// Package sigv4 is AWS Signature Version 4 (AWS4-HMAC-SHA256): it reads and
// verifies signed requests, decodes aws-chunked bodies, and signs.
//
// A server calls Parse, looks up the secret of Authorization.AccessKeyID,
// calls Authorization.Verify, and reads the payload through Verified.Body:
//
//	a, err := sigv4.Parse(r)              // what the request claims
//	v, err := a.Verify(r, sigv4.VerifyOptions{Secret: secret, Now: now, Keys: keys})
//	b, err := v.Body(r)                   // S3 only; decoded and checked
//	if _, err := io.Copy(dst, b); err != nil { discard }
//
// A form of a browser goes through ParseForm and FormAuthorization.Verify
// instead. A client calls Sign, SignStreaming, Presign or SignForm.
//
// Two rules differ by the service in the scope. For "s3" the canonical path
// is the decoded path encoded once, never normalised, and the payload hash is
// what x-amz-content-sha256 says. For every other service the escaped path is
// encoded a second time, a path with empty or dot segments is refused, and
// the payload hash is that of the body, given by the caller.
//
// The signature of an S3 request covers the decoded path: "a%2Fb" and "a/b"
// sign alike and must mean the same key to the caller. A literal '+' in the
// query is a space, as form decoding has it.
//
// Everything read is bounded before anything is known of the caller: the
// Authorization header, the query, the number of signed headers, and every
// line of a chunked body. What cannot be read without doubt is refused.
//
// What it leaves out: who owns an access key, whether a session token is
// genuine, what the caller may do, what the policy of a browser's form allows,
// Signature Version 2 and SigV4A (ECDSA). It does no I/O but reading the
// request's body.
//
// Nothing here keeps package state. KeyCache is safe for concurrent use; the
// other types belong to one request and one goroutine.
package sigv4
