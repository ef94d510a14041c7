package conformance

import (
	"path/filepath"
	"testing"
)

func TestJavaScriptSDKStoresStreamsAndParts(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	folder, err := filepath.Abs("../sdkjs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filepath.EvalSymlinks(filepath.Join(folder, "node_modules", "@aws-sdk", "lib-storage")); err != nil {
		t.Fatal("the modules of test/sdkjs are needed: run test/clients, or npm ci there")
	}
	if out := newShell(t, server).run(t, "node "+folder+"/store.js "+newBucket(t, root(server))); out != "done" {
		t.Errorf("printed %s", out)
	}
}
