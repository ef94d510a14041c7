package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCommandLineCopiesBothWays(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	bucket := newBucket(t, root(server))
	sh := newShell(t, server)
	small, large := []byte("small\n"), randomBytes(9, 20<<20)
	sh.write(t, "small", small)
	sh.write(t, "large", large)
	sh.run(t, strings.ReplaceAll(`
aws s3 cp small s3://BUCKET/folder/
aws s3 cp large "s3://BUCKET/ü +%/large"
aws s3 cp s3://BUCKET/folder/small small.back
aws s3 cp "s3://BUCKET/ü +%/large" large.back
aws s3 cp "s3://BUCKET/ü +%/large" s3://BUCKET/copy
aws s3 mv s3://BUCKET/copy s3://BUCKET/moved
aws s3 cp s3://BUCKET/moved moved.back
echo streamed | aws s3 cp - s3://BUCKET/streamed
aws s3 cp s3://BUCKET/streamed - > streamed.back`, "BUCKET", bucket))
	for name, want := range map[string][]byte{"small.back": small, "large.back": large, "moved.back": large, "streamed.back": []byte("streamed\n")} {
		if !bytes.Equal(sh.read(t, name), want) {
			t.Errorf("%s differs from what was uploaded", name)
		}
	}
	out := sh.run(t, "aws s3 ls --recursive s3://"+bucket+"/ | cut -c20- | sed 's/^ *//'")
	if want := "6 folder/small\n20971520 moved\n9 streamed\n20971520 ü +%/large"; out != want {
		t.Errorf("listed\n%s\nwant\n%s", out, want)
	}
	etag := sh.run(t, "aws s3api head-object --bucket "+bucket+" --key moved --query ETag --output text")
	if !strings.HasSuffix(etag, `-3"`) {
		t.Errorf("ETag %s, want one of 3 parts", etag)
	}
}

func TestCommandLineSyncsFolders(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	bucket := newBucket(t, root(server))
	sh := newShell(t, server)
	out := sh.run(t, strings.ReplaceAll(`
mkdir -p up/a up/b
for f in 1 a/2 a/3 b/4; do echo $f > up/$f; done
aws s3 sync up s3://BUCKET/sync --no-progress | wc -l
aws s3 sync up s3://BUCKET/sync --no-progress | wc -l
rm up/a/2
echo five > up/5
aws s3 sync up s3://BUCKET/sync --delete --no-progress | cut -d' ' -f1 | sort
aws s3 sync s3://BUCKET/sync down --no-progress | wc -l
diff -r up down && echo same
aws s3 rm --recursive s3://BUCKET/sync --exclude '*' --include 'a/*' | wc -l
aws s3 ls s3://BUCKET/sync/ | sed 's/.* //'`, "BUCKET", bucket))
	if want := "4\n0\ndelete:\nupload:\n4\nsame\n1\nb/\n1\n5"; strings.Join(strings.Fields(out), "\n") != strings.Join(strings.Fields(want), "\n") {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
}

func TestCommandLineMakesBucketsAndPresigns(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	bucket := uniqueName(t)
	// Version 1 of the CLI presigns with Signature Version 2 unless it is told
	// otherwise; what it makes so is refused in words that say what to do.
	out := newShell(t, server).run(t, strings.ReplaceAll(`
aws s3 mb s3://BUCKET
echo presigned > file
aws s3 cp file s3://BUCKET/file --quiet
curl --silent "$AWS_ENDPOINT_URL/BUCKET/file?AWSAccessKeyId=AKIAX&Signature=x&Expires=1" | grep -o 'Please use AWS4-HMAC-SHA256'
mkdir -p .aws && printf '[default]\ns3 =\n  signature_version = s3v4\n' > .aws/config
curl --silent --show-error --fail "$(aws s3 presign s3://BUCKET/file)"
curl --silent --output /dev/null --write-out '%{http_code}\n' "$AWS_ENDPOINT_URL/BUCKET/file"
aws s3 rb s3://BUCKET 2>&1 | grep -o BucketNotEmpty || true
aws s3 rb --force s3://BUCKET
aws s3 ls s3://BUCKET 2>&1 | grep -o NoSuchBucket || true`, "BUCKET", bucket))
	want := "make_bucket: " + bucket + "\nPlease use AWS4-HMAC-SHA256\npresigned\n403\nBucketNotEmpty\ndelete: s3://" + bucket + "/file\nremove_bucket: " + bucket + "\nNoSuchBucket"
	if out != want {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
}

// page is an answer of a list command with --max-items.
type page struct {
	Items     []string
	NextToken string
}

// pages runs a list command until its last page, of at most two items each,
// and returns the items that query selects.
func pages(t *testing.T, sh *shell, command, query string) []string {
	t.Helper()
	var all []string
	token := ""
	for range 10 {
		text := sh.run(t, command+" --max-items 2 "+token+" --output json | jq -c '{Items: [("+query+")], NextToken: .NextToken}'")
		var p page
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatalf("%s printed %s: %v", command, text, err)
		}
		if len(p.Items) > 2 {
			t.Errorf("%s: a page has %d items, want at most 2", command, len(p.Items))
		}
		all = append(all, p.Items...)
		if p.NextToken == "" {
			return all
		}
		token = "--starting-token " + p.NextToken
	}
	t.Fatalf("%s has no last page", command)
	return nil
}

func TestCommandLineReadsBackInPages(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	sh := newShell(t, server)
	name := uniqueName(t)
	var make strings.Builder
	fmt.Fprintf(&make, "cat > trust.json <<'END'\n%s\nEND\ncat > iot.json <<'END'\n%s\nEND\n", deviceTrust, assumePolicy("Allow", "*"))
	var want []string
	for i := range 3 {
		one := fmt.Sprint(name, "-", i)
		want = append(want, one)
		fmt.Fprintf(&make, "aws iam create-role --path /%[1]s/ --role-name %[2]s --assume-role-policy-document file://trust.json >/dev/null\n"+
			"aws iot create-thing --thing-name %[2]s --attribute-payload '{\"attributes\":{\"test\":\"%[1]s\"}}' >/dev/null\n", name, one)
	}
	fmt.Fprintf(&make, "aws iot create-policy --policy-name %[1]s --policy-document file://iot.json >/dev/null\n"+
		"aws iam put-role-policy --role-name %[1]s-0 --policy-name inline --policy-document file://policy.json\n", name)
	sh.write(t, "policy.json", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`))
	sh.run(t, make.String())
	for _, c := range []struct{ command, query string }{
		{"aws iam list-roles --path-prefix /" + name + "/", ".Roles[].RoleName"},
		{"aws iot list-things --attribute-name test --attribute-value " + name, ".things[].thingName"},
	} {
		if got := pages(t, sh, c.command, c.query); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("%s: got %q, want %q", c.command, got, want)
		}
	}
	out := sh.run(t, strings.ReplaceAll(`
aws iam get-role --role-name NAME-0 --query Role.AssumeRolePolicyDocument.Statement[0].Principal.Service --output text
aws iam get-role-policy --role-name NAME-0 --policy-name inline --query PolicyDocument.Statement[0].Action --output text
aws iot get-policy --policy-name NAME | jq -r '.policyDocument | fromjson.Statement[0].Action'
aws iot list-policies --page-size 2 | jq -r '.policies[].policyName' | grep -x NAME
aws iot describe-thing --thing-name NAME-1 --query attributes.test --output text
aws sts get-caller-identity --query Arn --output text`, "NAME", name))
	lines := "credentials.iot.amazonaws.com\ns3:*\niot:AssumeRoleWithCertificate\n" + name + "\n" + name + "\narn:aws:iam::" + account + ":root"
	if out != lines {
		t.Errorf("printed\n%s\nwant\n%s", out, lines)
	}
}
