// Package metastore keeps the records of IAM and IoT (users, roles, policies,
// things, certificates and what binds them) and the settings of S3's buckets.
//
// It has two layers. The lower one is a contract, [Store], small enough to be
// met by a second SQL dialect: records (a JSON body under account, kind and
// ID, with secondary index values) and relations (ordered pairs of IDs with a
// short value), read and written in transactions. The upper one is generic Go
// over that contract, written once for every dialect: [Table] holds values of
// one type, [Relation] holds the edges of one kind. The files named records_
// declare the tables of each service.
//
//	records    account | kind | ID   -> revision, body
//	indexes    account | kind | name | value | ID
//	relations  account | kind | from | to -> value   (read from either end)
//
// [Store.Hot] serves the reads that every request makes from memory. A hot
// read that begins after an Update returned sees that Update; package hot
// holds the cache and the argument for this.
//
// Implementations: package sqlite (one machine) and package memory (the
// reference model, for tests of services). Package metastoretest is the suite
// that each must pass.
//
// The package knows nothing of AWS errors, ARNs or HTTP, keeps no referential
// integrity between records and relations (a service removes both in one
// Update), and has no joins: a page of IDs is read, then the records.
//
// Everything here is safe for concurrent use, except that the Reader and
// Writer given to a transaction's function belong to that function's
// goroutine.
package metastore
