// Package api serves AWS operations: one table row per operation, one
// pipeline for all of them, and one file for each wire protocol.
//
// A service is a [Service]: its name in the SigV4 credential scope, its
// [Protocol] and its [Operation] rows. A row is made by [Op] from a typed
// handler and states the permissions a caller needs; a row without that
// statement panics at start, so that no operation is open by omission.
//
//	request ─▶ choose service ─▶ authenticate ─▶ route ─▶ decode ─▶ authorize ─▶ handle ─▶ encode
//
// [Server] is the pipeline. It authenticates with Signature Version 4 (header
// or presigned URL) through an [Authority], which also decides. Logging,
// metrics and the request id happen once, around the pipeline.
//
// Inputs and outputs are plain structs whose fields carry tags named after
// Smithy's HTTP traits:
//
//	label:"thingName"       path parameter
//	query:"maxResults"      query parameter
//	header:"x-amzn-…"       header; a []string of an input is its list of values
//	headers:"x-amz-meta-"   all headers with that prefix, as map[string]string
//	payload:"xml"           the XML body (S3)
//	payload:"stream"        the body, unread until the operation is authorized (*Payload or io.Reader)
//	payload:"form"          the fields of a browser's form (*Form); header tags then name fields, and the stream is its file
//	status:""               the HTTP status of an output (int), 200 when zero
//	json:"…"                member of a JSON body (IoT)
//	form:"…"                member of a Query body (IAM, STS); the field name when absent
//
// and constraints, checked before a handler runs: required, length:"1,128"
// (characters, or elements of a list), range:"900,43200", pattern:"…",
// enum:"A,B". Tags are compiled when the table is built; a bad one panics
// then.
//
// What the package leaves out: what operations mean, and where identities and
// policies live. A [Server] is safe for concurrent use.
package api
