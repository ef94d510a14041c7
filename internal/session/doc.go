// Package session mints and opens short-lived credentials. A session is not
// stored: the session token is the session, sealed, and the secret access key
// is derived from the token. Whoever holds the sealing keys can open it, so
// minting and opening are CPU work only and cost no write and no look-up.
//
// A Keyring holds the sealing keys, kept in one file; Mint turns a Session into
// Credentials, Open turns an access key id and a token back into the Session
// and its secret access key. A Keyring is safe for concurrent use.
//
// What the package leaves out: it verifies no request signature, evaluates no
// policy, and does not know whether the role, user, certificate or thing of a
// session still exists. Callers compare RoleID, UserID, ThingID and the state
// of CertificateID with the records at every request; this is how a session is
// revoked.
//
// # Token
//
// A token is the standard base64, with padding, of
//
//	 0        1       2        6         30              end-16
//	┌────────┬───────┬────────┬─────────┬───────────────┬─────┐
//	│version │ flags │ key id │ nonce   │ sealed payload│ tag │
//	│ 0x01   │       │ 4      │ 24      │               │ 16  │
//	└────────┴───────┴────────┴─────────┴───────────────┴─────┘
//
// The seal is XChaCha20-Poly1305 under a random nonce of 192 bits, which may be
// drawn at random by any number of nodes. The associated data are the first six
// bytes and the access key id, so a token opens with the access key id that it
// was minted for and with no other. Bit 0 of the flags says that the payload is
// deflated (RFC 1951), which is done only to tokens that would be longer than
// 1,400 characters; the other bits are zero. A payload holds nothing secret, so
// its compressed length gives nothing away.
//
// A payload is, with all numbers as varints of encoding/binary,
//
//	kind (1 byte) │ account │ issued, Unix s │ lifetime, s │ field │ field │ …
//
// and a field is a number of one byte, the length of its value, and the value.
// Fields stand in ascending order, empty ones are left out, list members repeat
// their number:
//
//	1 RoleName        6 UserName              11 ThingID
//	2 RoleID          7 UserID                12 Policy
//	3 RolePath        8 CertificateID, the    13 PolicyARNs
//	4 SessionName       32 bytes, not hex     14 Tags: length of key, key, value
//	5 SourceIdentity  9 ThingName             15 TransitiveTagKeys
//	                 10 ThingTypeName         16 ChainedRole: no value
//	                                          17 CertificateAccount
//	                                          18 Provider
//	                                          19 Subject
//	                                          20 Audience
//
// A field that is not known, out of order or not wholly read makes the token
// invalid.
// SessionName is left out of a Device session, where it is CertificateID.
//
// # Keys
//
// A key is 32 random bytes. HKDF-SHA256 makes two of it: the sealing key, and
// the key of the HMAC-SHA256 over access key id and token bytes whose first 30
// bytes, in base64, are the secret access key. The file is JSON:
//
//	{
//	  "version": 1,
//	  "keys": [
//	    {"id": "5f0c91aa", "created": "2026-01-02T03:04:05Z", "secret": "<base64 of 32 bytes>"}
//	  ]
//	}
//
// The last key seals; all of them open. The file must be readable by its owner
// alone. To end every session at once, remove the file while the server is
// stopped: a new one with a new key is made at the next start.
package session
