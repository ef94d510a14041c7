package conformance

import (
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"inro.dev/inro/test/rig"
)

// crtAddress is where the X.509 provider of the AWS Common Runtime connects:
// its port cannot be chosen (aws-c-auth, credentials_provider_x509.c).
const crtAddress = "127.0.0.1:443"

// TestCommonRuntimeUploadsWithItsX509Provider is point 18 of the acceptance
// list. It may be skipped: where port 443 is taken or not permitted, the provider
// can reach no server of this test.
func TestCommonRuntimeUploadsWithItsX509Provider(t *testing.T) {
	l, err := net.Listen("tcp", crtAddress)
	if err != nil {
		t.Skipf("the provider connects to port 443 only, which is not free here: %v", err)
	}
	l.Close()
	folder, err := filepath.Abs("../crt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("node is needed: install it, or run test/run, which does")
	}
	if _, err := filepath.EvalSymlinks(filepath.Join(folder, "node_modules", "aws-crt")); err != nil {
		t.Fatal("the modules of test/crt are needed: run test/clients, or npm ci there")
	}
	f := newFleet(t, rig.Start(t, "--credentials", crtAddress), folderPolicy)
	d := f.device(t)
	sh := newShell(t, f.server)
	sh.write(t, "cert.pem", []byte(d.certPEM))
	sh.write(t, "private.key", []byte(d.keyPEM))
	try := func(thing, object string) output {
		return sh.try(t, "node "+folder+"/fetch.js localhost "+thing+" "+f.name+" cert.pem private.key "+
			"$CURL_CA_BUNDLE $AWS_REGION $AWS_ENDPOINT_URL "+f.name+"/"+object)
	}
	key := d.thing + "/crt"
	if out := try(d.thing, key); out.code != 0 || out.stdout != "200" {
		t.Fatalf("upload: %+v", out)
	}
	got, err := f.root.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &f.name, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(got.Body); err != nil || string(text) != "from the common runtime" {
		t.Errorf("stored %q (%v)", text, err)
	}
	if out := try(d.thing, "thing-other/crt"); !strings.HasPrefix(out.stdout, "403 ") {
		t.Errorf("upload into another folder: %+v, want 403", out)
	}
	if out := try("no-such-thing", key); out.code != 1 {
		t.Errorf("as a thing that does not exist: %+v, want no credentials", out)
	}
}
