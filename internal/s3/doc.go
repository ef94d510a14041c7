// Package s3 is the S3 service: buckets, objects, listings and uploads in
// parts, over the local object engine.
//
// [Service.API] is the table of operations for package api; every operation of
// S3 has a row, and those that are not built are refused as NotImplemented
// (notoffered.go). A handler gets a request that is authenticated and
// authorized: the permissions a row states name exactly the bucket, key and
// version that its handler touches, with the condition keys of spec E.7.
//
// Three rules hold everywhere:
//
//   - A key is opaque. It is not cleaned, and in XML a character that XML 1.0
//     cannot hold is written as a numeric reference, as S3 does, so that a client
//     fails loudly instead of acting on another key; encoding-type=url shows
//     every key.
//   - A setting that is not built (an archive's storage class, a transition, MFA
//     delete) is refused when a request carries it, after the permission for it
//     has been demanded. Nothing is stored and ignored.
//   - Whether a key exists is told only to callers who may list the bucket;
//     others get AccessDenied (spec E.7).
//
// Who may use a bucket is its owner's account, and whom the bucket's policy and
// access control lists let in: bucketAccess (access.go), one record, which
// Service.locate reads for every request and puts into every permission. Where
// lists count, each object has an owner and a list of its own
// (objectaccess.go).
//
// What the package leaves out: signatures, routing and rendering (package api),
// policies (package policy), and storage (package object). What is set on a
// bucket is kept in the metastore, one record for each setting (setting.go). It
// keeps no state of its own; a [Service] is safe for concurrent use.
package s3
