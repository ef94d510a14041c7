package conformance

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// folderRequest is a row of spec E.8: what a device may do under the
// walkthrough's policy.
type folderRequest struct {
	name string
	send func(context.Context, *clients) error
	// status and code are those of the refusal; 0 means that it is allowed.
	status int
	code   string
	// simulated are the permissions that the request stands for.
	simulated []simulated
}

// simulated is what the policy simulator is asked.
type simulated struct {
	action, resource string
	// prefix is s3:prefix, nil when the key is absent.
	prefix *string
}

// folderRequests are the rows of spec E.8 for a thing, as far as one request is
// a row. They leave the bucket as they find it, for the next caller.
func folderRequests(t *testing.T, f *fleet, thing string) []folderRequest {
	t.Helper()
	own, other := thing+"/", thing+"-other/"
	for _, key := range []string{own + "x", own + "sub/x", other + "x", "test.txt"} {
		putText(t, f.root, f.name, key, "text of "+key)
	}
	upload := must(f.root.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &f.name, Key: aws.String(own + "failed")}))(t)
	w := requestWriter{f.name}
	return append(w.objects(own, other, *upload.UploadId), w.lists(thing)...)
}

// requestWriter writes the rows for a bucket.
type requestWriter struct{ bucket string }

func (w requestWriter) on(action, key string) []simulated {
	return []simulated{{action, "arn:aws:s3:::" + w.bucket + "/" + key, nil}}
}

func (w requestWriter) objects(own, other, uploadID string) []folderRequest {
	return []folderRequest{
		{"PutObject in the own folder", w.put(own+"put", nil), 0, "", w.on("s3:PutObject", own+"put")},
		{"GetObject in the own folder", w.get(own+"x", nil), 0, "", w.on("s3:GetObject", own+"x")},
		{"HeadObject in the own folder", w.head(own + "x"), 0, "", w.on("s3:GetObject", own+"x")},
		{"DeleteObject in the own folder", w.remove(own+"put", nil), 0, "", w.on("s3:DeleteObject", own+"put")},
		{"GetObject of a version in the own folder", w.get(own+"x", aws.String("null")), 0, "", w.on("s3:GetObjectVersion", own+"x")},
		{"DeleteObject of a version in the own folder", w.remove(own+"put", aws.String("null")), 0, "", w.on("s3:DeleteObjectVersion", own+"put")},
		{"PutObject beside all folders", w.put("test.txt", nil), 403, "AccessDenied", w.on("s3:PutObject", "test.txt")},
		{"PutObject in a folder whose name begins alike", w.put(other+"x", nil), 403, "AccessDenied", w.on("s3:PutObject", other+"x")},
		{"GetObject from another folder", w.get(other+"x", nil), 403, "AccessDenied", w.on("s3:GetObject", other+"x")},
		{"GetObject of what is not there", w.get(own+"missing", nil), 403, "AccessDenied", nil},
		{"DeleteObject from another folder", w.remove(other+"x", nil), 403, "AccessDenied", w.on("s3:DeleteObject", other+"x")},
		{"PutObject with dots in the key", w.put(own+"../y", nil), 0, "", w.on("s3:PutObject", own+"../y")},
		{"PutObject with an ACL", w.put(own+"acl", func(in *s3.PutObjectInput) { in.ACL = s3types.ObjectCannedACLPrivate }), 403, "AccessDenied", w.on("s3:PutObjectAcl", own+"acl")},
		{"PutObject with tags", w.put(own+"tags", func(in *s3.PutObjectInput) { in.Tagging = aws.String("a=b") }), 403, "AccessDenied", w.on("s3:PutObjectTagging", own+"tags")},
		{"multipart upload in the own folder", w.multipart(own + "large"), 0, "", w.on("s3:PutObject", own+"large")},
		{"AbortMultipartUpload", w.abort(own+"failed", uploadID), 403, "AccessDenied", w.on("s3:AbortMultipartUpload", own+"failed")},
		{"ListParts", w.parts(own+"failed", uploadID), 403, "AccessDenied", w.on("s3:ListMultipartUploadParts", own+"failed")},
		{"CopyObject within the own folder", w.copy(own+"x", own+"copy"), 0, "", append(w.on("s3:GetObject", own+"x"), w.on("s3:PutObject", own+"copy")...)},
		{"CopyObject from another folder", w.copy(other+"x", own+"copy"), 403, "AccessDenied", append(w.on("s3:GetObject", other+"x"), w.on("s3:PutObject", own+"copy")...)},
		{"CopyObject to another folder", w.copy(own+"x", other+"copy"), 403, "AccessDenied", append(w.on("s3:GetObject", own+"x"), w.on("s3:PutObject", other+"copy")...)},
	}
}

func (w requestWriter) lists(thing string) []folderRequest {
	bucket := "arn:aws:s3:::" + w.bucket
	on := func(prefix *string) []simulated { return []simulated{{"s3:ListBucket", bucket, prefix}} }
	row := func(name, prefix string, status int, code string) folderRequest {
		return folderRequest{"ListObjectsV2 of " + name, w.list(&prefix), status, code, on(&prefix)}
	}
	return []folderRequest{
		row("the own folder", thing+"/", 0, ""),
		row("a folder below", thing+"/sub/", 0, ""),
		row("the own folder without the slash", thing, 403, "AccessDenied"),
		row("a folder whose name begins alike", thing+"0/", 403, "AccessDenied"),
		row("another folder", "thing-xxxxxxxx/", 403, "AccessDenied"),
		row("an empty prefix", "", 403, "AccessDenied"),
		{"ListObjectsV2 without a prefix", w.list(nil), 403, "AccessDenied", on(nil)},
		{"HeadBucket", w.headBucket, 403, "Forbidden", on(nil)},
		{"ListObjectVersions", w.versions(thing + "/"), 403, "AccessDenied", []simulated{{"s3:ListBucketVersions", bucket, aws.String(thing + "/")}}},
	}
}

func (w requestWriter) put(key string, change func(*s3.PutObjectInput)) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		in := &s3.PutObjectInput{Bucket: &w.bucket, Key: &key, Body: strings.NewReader("text of " + key)}
		if change != nil {
			change(in)
		}
		_, err := c.s3.PutObject(ctx, in)
		return err
	}
}

func (w requestWriter) get(key string, version *string) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &w.bucket, Key: &key, VersionId: version})
		if err != nil {
			return err
		}
		defer out.Body.Close()
		_, err = io.Copy(io.Discard, out.Body)
		return err
	}
}

func (w requestWriter) head(key string) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		_, err := c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &w.bucket, Key: &key})
		return err
	}
}

func (w requestWriter) remove(key string, version *string) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		_, err := c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.bucket, Key: &key, VersionId: version})
		return err
	}
}

func (w requestWriter) multipart(key string) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		upload, err := c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &w.bucket, Key: &key})
		if err != nil {
			return err
		}
		part, err := c.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &w.bucket, Key: &key, UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("the only part"),
		})
		if err != nil {
			return err
		}
		_, err = c.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &w.bucket, Key: &key, UploadId: upload.UploadId, MultipartUpload: &s3types.CompletedMultipartUpload{
				Parts: []s3types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32}},
			},
		})
		return err
	}
}

func (w requestWriter) abort(key, uploadID string) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		_, err := c.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &w.bucket, Key: &key, UploadId: &uploadID})
		return err
	}
}

func (w requestWriter) parts(key, uploadID string) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		_, err := c.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: &w.bucket, Key: &key, UploadId: &uploadID})
		return err
	}
}

func (w requestWriter) copy(from, to string) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		_, err := c.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &w.bucket, Key: &to, CopySource: aws.String(w.bucket + "/" + from)})
		return err
	}
}

func (w requestWriter) list(prefix *string) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		_, err := c.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &w.bucket, Prefix: prefix})
		return err
	}
}

func (w requestWriter) versions(prefix string) func(context.Context, *clients) error {
	return func(ctx context.Context, c *clients) error {
		_, err := c.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &w.bucket, Prefix: &prefix})
		return err
	}
}

func (w requestWriter) headBucket(ctx context.Context, c *clients) error {
	_, err := c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &w.bucket})
	return err
}

func TestDeviceReachesItsFolderAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	c := d.clients(t)
	for _, r := range folderRequests(t, f, d.thing) {
		wantRefusal(t, r.name, r.send(t.Context(), c), r.status, r.code)
	}
	for key, want := range map[string]bool{d.thing + "/../y": true, "y": false, d.thing + "-other/copy": false, d.thing + "/tags": false, d.thing + "/acl": false} {
		_, err := f.root.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &f.name, Key: &key})
		if got := err == nil; got != want {
			t.Errorf("object %s is there: %v (%v), want %v", key, got, err, want)
		}
	}
}

func TestFolderPolicyOfTheOldVersionAllowsNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), strings.Replace(folderPolicy, "2012-10-17", "2008-10-17", 1))
	d := f.device(t)
	c := d.clients(t)
	for _, r := range folderRequests(t, f, d.thing) {
		if got := refusalOf(r.send(t.Context(), c)); got.status != 403 && r.status != 501 {
			t.Errorf("%s: got %v, want 403", r.name, got)
		}
	}
}

func TestDeleteObjectsReportsForeignKeys(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	own, foreign := d.thing+"/x", "thing-other/x"
	putText(t, f.root, f.name, own, "own")
	putText(t, f.root, f.name, foreign, "foreign")
	out := must(d.clients(t).s3.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &f.name, Delete: &s3types.Delete{
		Objects: []s3types.ObjectIdentifier{{Key: &own}, {Key: &foreign}},
	}}))(t)
	if len(out.Deleted) != 1 || *out.Deleted[0].Key != own {
		t.Errorf("deleted %+v, want %s alone", out.Deleted, own)
	}
	if len(out.Errors) != 1 || *out.Errors[0].Key != foreign || *out.Errors[0].Code != "AccessDenied" {
		t.Errorf("errors %+v, want AccessDenied for %s alone", out.Errors, foreign)
	}
	must(f.root.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &f.name, Key: &foreign}))(t)
}

func TestDeviceMayAskWhoItIs(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	got := must(d.clients(t).sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
	role := must(f.root.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &f.name}))(t)
	if want := "arn:aws:sts::" + account + ":assumed-role/" + f.name + "/" + d.id; *got.Arn != want {
		t.Errorf("ARN %s, want %s", *got.Arn, want)
	}
	if want := *role.Role.RoleId + ":" + d.id; *got.UserId != want || *got.Account != account {
		t.Errorf("user id %s of %s, want %s of %s", *got.UserId, *got.Account, want, account)
	}
	out := newShell(t, f.server).as(d.credentials(t, d.thing)).run(t, "aws sts get-caller-identity --query Arn --output text")
	if out != *got.Arn {
		t.Errorf("the CLI printed %s, want %s", out, *got.Arn)
	}
}

func TestDeviceCommandLineReachesItsFolderAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	folderRequests(t, f, d.thing) // for the objects that it stores
	sh := newShell(t, f.server).as(d.credentials(t, d.thing))
	sh.write(t, "file", []byte("text"))
	b := f.name
	for _, c := range []struct {
		command string
		denied  string // the operation that is refused, "" for none
	}{
		{"aws s3api put-object --bucket " + b + " --key " + d.thing + "/put --body file", ""},
		{"aws s3api get-object --bucket " + b + " --key " + d.thing + "/put got", ""},
		{"aws s3 cp file s3://" + b + "/" + d.thing + "/cp", ""},
		{"aws s3 cp s3://" + b + "/" + d.thing + "/cp got", ""},
		{"aws s3 ls s3://" + b + "/" + d.thing + "/", ""},
		{"aws s3 ls s3://" + b + "/" + d.thing + "/sub/", ""},
		{"aws s3 rm s3://" + b + "/" + d.thing + "/cp", ""},
		{"aws s3api put-object --bucket " + b + " --key test.txt --body file", "PutObject"},
		{"aws s3api put-object --bucket " + b + " --key " + d.thing + "-other/x --body file", "PutObject"},
		{"aws s3api get-object --bucket " + b + " --key " + d.thing + "-other/x got", "GetObject"},
		{"aws s3 cp file s3://" + b + "/test.txt", "PutObject"},
		{"aws s3 ls s3://" + b, "ListObjectsV2"},
		{"aws s3 ls s3://" + b + "/" + d.thing, "ListObjectsV2"},
		{"aws s3 ls s3://" + b + "/thing-xxxxxxxx/", "ListObjectsV2"},
		{"aws s3 rm s3://" + b + "/" + d.thing + "-other/x", "DeleteObject"},
	} {
		out := sh.try(t, c.command)
		if c.denied == "" && out.code != 0 {
			t.Errorf("%s: %s", c.command, out.stderr)
		}
		want := "An error occurred (AccessDenied) when calling the " + c.denied + " operation: Access Denied"
		if c.denied != "" && (out.code == 0 || !strings.Contains(out.stderr, want)) {
			t.Errorf("%s ended with %d: %s\nwant %s", c.command, out.code, out.stderr, want)
		}
	}
}

func TestSimulatorReproducesTheFolderRows(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	thing := "thing-3f21f372"
	for _, r := range folderRequests(t, f, thing) {
		if r.simulated == nil {
			continue // a row about more than permissions
		}
		allowed := true
		for _, s := range r.simulated {
			allowed = simulate(t, f, thing, s) && allowed
		}
		if want := r.status == 0; allowed != want {
			t.Errorf("%s: simulated %+v as allowed: %v, want %v", r.name, r.simulated, allowed, want)
		}
		if simulate(t, f, "", r.simulated[0]) {
			t.Errorf("%s: simulated %+v as allowed without a thing", r.name, r.simulated[0])
		}
	}
}

// simulate asks the policy simulator about the fleet's role. thing "" leaves
// the context key out.
func simulate(t *testing.T, f *fleet, thing string, s simulated) bool {
	t.Helper()
	var entries []iamtypes.ContextEntry
	add := func(name, value string) {
		entries = append(entries, iamtypes.ContextEntry{ContextKeyName: &name, ContextKeyType: iamtypes.ContextKeyTypeEnumString, ContextKeyValues: []string{value}})
	}
	if thing != "" {
		add("credentials-iot:ThingName", thing)
	}
	if s.prefix != nil {
		add("s3:prefix", *s.prefix)
	}
	out := must(f.root.iam.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(f.roleARN()), ActionNames: []string{s.action}, ResourceArns: []string{s.resource}, ContextEntries: entries,
	}))(t)
	if len(out.EvaluationResults) != 1 {
		t.Fatalf("%+v: got %d results, want 1", s, len(out.EvaluationResults))
	}
	return out.EvaluationResults[0].EvalDecision == iamtypes.PolicyEvaluationDecisionTypeAllowed
}
