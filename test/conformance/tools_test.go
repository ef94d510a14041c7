package conformance

import (
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"inro.dev/inro/test/rig"
)

// tool runs a script for a bucket with one of the tools that people keep their
// files with. In it BUCKET is the bucket, HOST the server's host and port. up is
// a folder to store: small files, odd names, and one that takes parts.
func tool(t *testing.T, server *rig.Server, name, script string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed: install it, or run test/run, which does", name)
	}
	endpoint, err := url.Parse(server.Env["AWS_ENDPOINT_URL"])
	if err != nil {
		t.Fatal(err)
	}
	sh := newShell(t, server)
	sh.write(t, "large", randomBytes(11, 12<<20))
	names := strings.NewReplacer("BUCKET", newBucket(t, root(server)), "HOST", endpoint.Host)
	return sh.run(t, `
mkdir -p up/a/b
for f in 1 a/2 'a/b/3 ü+%' a/4; do echo "$f" > "up/$f"; done
: > up/empty
mv large up/a/large
`+names.Replace(script))
}

// wantLines compares what a tool printed, line by line and without blanks
// around them.
func wantLines(t *testing.T, got, want string) {
	t.Helper()
	trim := func(text string) string {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		return strings.Join(lines, "\n")
	}
	if trim(got) != trim(want) {
		t.Errorf("printed\n%s\nwant\n%s", trim(got), trim(want))
	}
}

func TestRcloneSyncsAndChecks(t *testing.T) {
	t.Parallel()
	out := tool(t, shared.Server(t), "rclone", `
export RCLONE_CONFIG_INRO_TYPE=s3 RCLONE_CONFIG_INRO_PROVIDER=Other RCLONE_CONFIG_INRO_ENV_AUTH=true \
  RCLONE_CONFIG_INRO_ENDPOINT="$AWS_ENDPOINT_URL" RCLONE_CONFIG_INRO_REGION="$AWS_REGION" \
  RCLONE_S3_ACL=bucket-owner-full-control RCLONE_S3_UPLOAD_CUTOFF=5Mi RCLONE_S3_CHUNK_SIZE=5Mi RCLONE_RETRIES=1 RCLONE_LOW_LEVEL_RETRIES=1 RCLONE_QUIET=true
unset AWS_CA_BUNDLE # rclone cannot load it, and the server speaks plain HTTP here
rclone sync up inro:BUCKET/backup
rclone check --download up inro:BUCKET/backup
rclone check --one-way up inro:BUCKET/backup
rclone lsf -R inro:BUCKET/backup | LC_ALL=C sort
RCLONE_QUIET=false rclone sync --dry-run up inro:BUCKET/backup 2>&1 | grep -c Skipped || true
rm up/a/2 && echo new > up/a/4
rclone sync --checksum up inro:BUCKET/backup
rclone copy --checksum inro:BUCKET/backup inro:BUCKET/copy
rclone copy --checksum inro:BUCKET/copy down
diff -r up down && echo same
rclone purge inro:BUCKET/backup
rclone size inro:BUCKET --json
rclone lsd inro:BUCKET | sed 's/.* //'`)
	wantLines(t, out, `1
a/
a/2
a/4
a/b/
a/b/3 ü+%
a/large
empty
0
same
{"count":5,"bytes":12582929,"sizeless":0}
copy`)
}

func TestS3cmdPutsGetsAndSyncs(t *testing.T) {
	t.Parallel()
	out := tool(t, shared.Server(t), "s3cmd", `
s3cmd() { command s3cmd --host=HOST --host-bucket=HOST --no-ssl --region="$AWS_REGION" --access_key="$AWS_ACCESS_KEY_ID" --secret_key="$AWS_SECRET_ACCESS_KEY" --multipart-chunk-size-mb=5 --no-progress "$@"; }
quiet() { s3cmd --quiet "$@"; }
quiet put up/1 s3://BUCKET/one
quiet get s3://BUCKET/one one && cmp one up/1 && echo got
quiet put --multipart-chunk-size-mb=5 up/a/large s3://BUCKET/large
quiet get s3://BUCKET/large large && cmp large up/a/large && echo got in parts
quiet sync up/ s3://BUCKET/sync/
rm up/a/4
quiet sync --delete-removed up/ s3://BUCKET/sync/
mkdir down && quiet sync s3://BUCKET/sync/ down/
diff -r up down && echo same
s3cmd ls --recursive s3://BUCKET/ | sed 's/.* s3:..BUCKET//'
aws s3api put-bucket-ownership-controls --bucket BUCKET --ownership-controls 'Rules=[{ObjectOwnership=ObjectWriter}]' # s3cmd copies lists too
quiet cp s3://BUCKET/one s3://BUCKET/two
quiet mv s3://BUCKET/two s3://BUCKET/three
s3cmd info s3://BUCKET/three | grep -i 'file size'
quiet del s3://BUCKET/one
quiet del --recursive --force s3://BUCKET/
s3cmd ls --recursive s3://BUCKET/ | wc -l
quiet rb s3://BUCKET && echo removed`)
	wantLines(t, out, `got
got in parts
same
/large
/one
/sync/1
/sync/a/2
/sync/a/b/3 ü+%
/sync/a/large
/sync/empty
File size: 2
0
removed`)
}

func TestResticBacksUpAndRestores(t *testing.T) {
	t.Parallel()
	out := tool(t, shared.Server(t), "restic", `
export RESTIC_REPOSITORY=s3:http://HOST/BUCKET/repository RESTIC_PASSWORD=secret
restic init --quiet
restic backup --quiet up
echo changed > up/1
restic backup --quiet up
restic check --quiet --read-data
restic restore latest --quiet --target restored
diff -r up restored/up && echo same
restic snapshots --json | jq length
restic forget --quiet --keep-last 1 --prune
restic check --quiet
restic snapshots --json | jq length`)
	wantLines(t, out, "same\n2\n1")
}

func TestS3fsMountsABucket(t *testing.T) {
	t.Parallel()
	fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("s3fs needs FUSE, which is not allowed here: %v", err)
	}
	fuse.Close()
	out := tool(t, shared.Server(t), "s3fs", `
(umask 077; echo "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" > passwd)
mkdir mnt
s3fs BUCKET mnt -o passwd_file=passwd,url="$AWS_ENDPOINT_URL",endpoint="$AWS_REGION",use_path_request_style,sigv4,multipart_size=5,retries=1
trap 'umount mnt 2>/dev/null || fusermount -u mnt || fusermount3 -u mnt' EXIT
cp -r up/. mnt/
diff -r up mnt && echo same
echo more >> mnt/1
cat mnt/1
mv mnt/a/large mnt/moved
cmp mnt/moved up/a/large && echo moved
rm mnt/a/2
ls mnt/a mnt
aws s3 ls --recursive s3://BUCKET | sed 's/^.\{20\} *//'`)
	wantLines(t, out, `same
1
more
moved
mnt:
1
a
empty
moved

mnt/a:
4
b
7 1
0 a/
4 a/4
0 a/b/
11 a/b/3 ü+%
0 empty
12582912 moved`)
}
