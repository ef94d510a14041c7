package conformance

import (
	"strings"
	"testing"
)

// TestCommandLineStreamsAGiBFromStandardInput keeps to what fits no memory
// limit and no single part: the command line sends parts as they come, without
// knowing the length. The bytes are a cipher's, so that parts that changed
// places or were lost show.
func TestCommandLineStreamsAGiBFromStandardInput(t *testing.T) {
	server := shared.Server(t)
	bucket := newBucket(t, root(server))
	out := newShell(t, server).run(t, strings.ReplaceAll(`
head -c 1073741824 /dev/zero |
  openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 00000000000000000000000000000000 |
  tee >(sha256sum > sent) | aws s3 cp - s3://BUCKET/stream --expected-size 1073741824
aws s3 cp s3://BUCKET/stream - | sha256sum > back
cmp sent back && echo same
aws s3api head-object --bucket BUCKET --key stream --query ContentLength
aws s3api head-object --bucket BUCKET --key stream --query ETag --output text | sed 's/.*-//'
aws s3 rm --recursive s3://BUCKET/ --quiet
aws s3 ls --recursive s3://BUCKET/`, "BUCKET", bucket))
	if want := "same\n1073741824\n128\""; out != want {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
}
