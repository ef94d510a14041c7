package main

import (
	"slices"
	"strings"
)

// areas are the features that tests are grouped by: the first one that fits,
// by a mark of the suite or a part of the test's name.
var areas = []struct {
	name  string
	marks []string
	parts []string
}{
	{"S3 Select", []string{"s3select"}, []string{"test_s3select.py"}},
	{"SNS", []string{"sns"}, []string{"test_sns.py"}},
	{"STS", nil, []string{"test_sts.py"}},
	{"IAM", nil, []string{"test_iam.py"}},
	{"cloud tiers", []string{"cloud_transition", "cloud_restore"}, nil},
	{"append", []string{"appendobject"}, []string{"append"}},
	{"access logging", []string{"bucket_logging", "bucket_logging_cleanup"}, nil},
	{"lifecycle", []string{"lifecycle", "lifecycle_expiration", "lifecycle_transition"}, []string{"lifecycle"}},
	{"object lock", []string{"object_lock"}, []string{"object_lock"}},
	{"encryption", []string{"encryption", "sse_s3", "bucket_encryption"}, []string{"encrypt", "sse_"}},
	{"website", []string{"s3website", "s3website_routing_rules", "s3website_redirect_location"}, nil},
	{"ownership", []string{"object_ownership"}, []string{"ownership"}},
	{"public access block", nil, []string{"public_block", "block_public", "ignore_public", "publicaccess"}},
	{"bucket policy", []string{"bucket_policy"}, []string{"policy"}},
	{"conditional writes", []string{"conditional_write"}, []string{"ifmatch", "ifnonematch", "if_match", "if_none_match", "ifnonmatch"}},
	{"checksums", []string{"checksum"}, []string{"checksum"}},
	{"browser uploads", nil, []string{"post_object"}},
	{"CORS", nil, []string{"cors"}},
	{"tagging", []string{"tagging"}, []string{"tag"}},
	{"versioning", []string{"versioning", "delete_marker"}, []string{"version"}},
	{"ACL", nil, []string{"acl", "grant", "access_bucket", "canned", "object_raw", "anon"}},
	{"attributes", nil, []string{"attributes"}},
	{"copy", []string{"copy"}, []string{"copy"}},
	{"multipart", nil, []string{"multipart"}},
	{"headers", nil, []string{"test_headers.py"}},
	{"listing", []string{"list_objects_v2"}, []string{"list"}},
	{"buckets", nil, []string{"bucket"}},
}

// area is the feature that a test is about.
func area(t test) string {
	name := shortID(t.ID)
	for _, a := range areas {
		if slices.ContainsFunc(a.marks, func(m string) bool { return slices.Contains(t.Marks, m) }) ||
			slices.ContainsFunc(a.parts, func(p string) bool { return strings.Contains(name, p) }) {
			return a.name
		}
	}
	return "objects"
}
