package conformance

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"inro.dev/inro/test/rig"
)

func TestRequestsInFlightFinishWhenTheServerEnds(t *testing.T) {
	t.Parallel()
	server := rig.Start(t)
	c := root(server)
	bucket := newBucket(t, c)
	body, feed := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.Env["AWS_ENDPOINT_URL"]+"/"+bucket+"/slow", body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 10
	r.Header.Set("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
	who := must(rootProvider(server).Retrieve(t.Context()))(t)
	if err := v4.NewSigner().SignHTTP(t.Context(), who, r, "UNSIGNED-PAYLOAD", "s3", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	// With this header the body is asked for when the server reads it, and not
	// before: the first write below returns while the upload is under way.
	r.Header.Set("Expect", "100-continue")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	answered := make(chan string, 1)
	go func() {
		got, err := client.Do(r)
		if err != nil {
			answered <- err.Error()
			return
		}
		got.Body.Close()
		answered <- got.Status
	}()
	feed.Write([]byte("first"))
	stopped := make(chan struct{})
	go func() {
		server.Stop(t)
		close(stopped)
	}()
	refuses(t, server)
	feed.Write([]byte("secon"))
	feed.Close()
	if got := <-answered; got != "200 OK" {
		t.Errorf("the upload was answered with %s, want 200 OK", got)
	}
	<-stopped
	server.Restart(t)
	if text := getBytes(t, root(server), bucket, "slow"); string(text) != "firstsecon" {
		t.Errorf("after a restart the object holds %q", text)
	}
}

// refuses waits until the server accepts no connection any more.
func refuses(t *testing.T, server *rig.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		conn, err := loopback(ctx, "tcp", "localhost:"+port(t, server.Env["AWS_ENDPOINT_URL"]))
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Error("the server still accepts connections after SIGTERM")
	}
}

func TestOneServerHoldsADataFolder(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, rig.Binary(t), "serve", "--data", server.Dir,
		"--api", "127.0.0.1:0", "--credentials", "127.0.0.1:0", "--console", "127.0.0.1:0").CombinedOutput()
	if want := "is held by another process"; err == nil || ctx.Err() != nil || !strings.Contains(string(out), want) || !strings.Contains(string(out), server.Dir) {
		t.Errorf("a second server ended with %v: %s, want %q and the folder", err, out, want)
	}
	must(root(server).s3.ListBuckets(t.Context(), &s3.ListBucketsInput{}))(t)
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	server := rig.Start(t)
	f := newFleet(t, server, folderPolicy)
	d := f.device(t)
	before := d.credentials(t, d.thing)
	name, _, _ := strings.Cut(server.Credentials, ":")
	small, large := d.thing+"/small", d.thing+"/large"
	putText(t, f.root, f.name, small, "small")
	putText(t, f.root, f.name, large, strings.Repeat("large", 1<<20))
	for _, end := range []func(){func() { server.Stop(t) }, func() { server.Kill(t) }} {
		end()
		server.Restart(t)
		if again, _, _ := strings.Cut(server.Credentials, ":"); again != name {
			t.Errorf("the endpoint is %s, was %s", again, name)
		}
		c := as(server, before)
		if text := getBytes(t, c, f.name, small); string(text) != "small" {
			t.Errorf("the small object holds %q", text)
		}
		if text := getBytes(t, c, f.name, large); string(text) != strings.Repeat("large", 1<<20) {
			t.Errorf("the large object has %d other bytes", len(text))
		}
		who := must(c.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
		if !strings.HasSuffix(*who.Arn, "/"+d.id) {
			t.Errorf("the session from before is %s", *who.Arn)
		}
		d.ask(t, d.thing).parse(t)
	}
}
