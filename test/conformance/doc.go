// Package conformance drives the real inro binary with the clients that people
// use: the AWS SDKs for Go and JavaScript (the latter in ../sdkjs), minio-go, the
// AWS CLI, curl, rclone, s3cmd, restic, s3fs, and the X.509 credentials provider
// of the AWS Common Runtime (in ../crt). It holds tests only; its module keeps
// their dependencies away from Inro's own.
//
// Most tests share one server and keep apart by names of their own; those that
// stop, configure or search a server start one. The tests of the wire format
// need no server: they are driven by the services' operation tables, through
// the SDK's clients, and need no line per operation.
package conformance
