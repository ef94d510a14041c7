// Package kms seals the data keys of encrypted objects. A [Keyring] holds the
// master keys of a server, in generations: the last one seals, all of them open.
// [Keys] are the named keys that clients choose by ARN or alias (SSE-KMS).
// [SealFor] and [OpenFor] seal with a key of the client (SSE-C).
//
// Whoever loses a generation loses every object whose data key it sealed: there
// is no other way in. Nothing of a master key is in the objects or the records.
//
// What the package leaves out: it encrypts no objects (package object), decides
// nothing about who may use a key, and knows nothing of HTTP. All types are safe
// for concurrent use.
//
// # Master keys
//
// A generation is 32 random bytes. Its ID is 8 bytes of HKDF-SHA256 of the
// secret with the info "inro master key id v1", written as 16 hex digits: it is
// the same wherever the key is kept, and a secret with a wrong byte has another.
// The file is JSON, readable by its owner alone:
//
//	{
//	  "version": 1,
//	  "keys": [
//	    {"id": "0d7c2a9e51b8f364", "created": "2026-01-02T03:04:05Z", "secret": "<base64 of 32 bytes>"}
//	  ]
//	}
//
// Without a file the secrets are given as text, base64 with padding, separated
// by commas or white space, the oldest first.
//
// Under each generation every purpose has a key of its own: HKDF-SHA256 of the
// secret with the info "inro data keys v1", a zero byte and the name. The name
// is empty for the server's own encryption (SSE-S3) and the ARN of a named key,
// so named keys need no secrets of their own: the master key file is all there
// is to keep.
//
// # Sealed data keys
//
//	 0         1            9       33                       81
//	┌─────────┬────────────┬───────┬───────────────────┬─────┐
//	│ version │ generation │ nonce │ sealed data key   │ tag │
//	│ 0x01    │ 8          │ 24    │ 32                │ 16  │
//	└─────────┴────────────┴───────┴───────────────────┴─────┘
//
// The seal is XChaCha20-Poly1305, so nonces can be drawn at random for as many
// objects as there may be. The associated data are the first nine bytes and the
// [Context]: the ID of the bucket, the key of the object and the client's own
// encryption context, each with its length before it. A sealed data key that was
// moved to another object does not open.
//
// # Data keys sealed for a client
//
//	 0         1      17         49                       97
//	┌─────────┬──────┬──────────┬───────────────────┬─────┐
//	│ version │ salt │ verifier │ sealed data key   │ tag │
//	│ 0x02    │ 16   │ 32       │ 32                │ 16  │
//	└─────────┴──────┴──────────┴───────────────────┴─────┘
//
// HKDF-SHA256 of the client's key with the salt and the info "inro customer key
// v1" gives 64 bytes: the verifier, by which another key is told from damage,
// and the key of the seal. That key seals once, under a nonce of zeros. The
// associated data are the version and the Context.
package kms
