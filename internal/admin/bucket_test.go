package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"inro.dev/inro/internal/admin"
	"inro.dev/inro/internal/object"
)

// bucket makes a bucket of an account with objects of ten bytes.
func (w *world) bucket(account, name string, keys ...string) {
	w.t.Helper()
	if _, err := w.engine.CreateBucket(w.t.Context(), object.Bucket{Name: name, Account: account}); err != nil {
		w.t.Fatal(err)
	}
	for _, key := range keys {
		if _, err := w.engine.Put(w.t.Context(), name, key, strings.NewReader("0123456789"), object.PutOptions{SizeBytes: 10}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestOnlyTheOwnerAndTheInstallationSeeABucket(t *testing.T) {
	w := newWorld(t)
	tenant, err := w.root().CreateAccount(t.Context(), &admin.CreateAccountInput{AccountID: "111111111111"})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := w.root().CreateAccount(t.Context(), &admin.CreateAccountInput{AccountID: "222222222222"})
	if err != nil {
		t.Fatal(err)
	}
	w.bucket("111111111111", "box", "a/1")
	statement := func(effect, action, resource string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"%s","Action":"%s","Resource":"%s"}]}`, effect, action, resource)
	}
	everything := statement("Allow", "*", "*")
	for name, c := range map[string]struct {
		client      *admin.Client
		sees, sets  bool
		missingCode string
	}{
		"owner's root":        {w.as(tenant.AccessKeyID, tenant.SecretAccessKey), true, true, "ResourceNotFoundException"},
		"owner's user":        {w.user("111111111111", "a", everything), true, true, "ResourceNotFoundException"},
		"owner's reader":      {w.user("111111111111", "r", statement("Allow", "inro:Get*", "arn:aws:inro::111111111111:bucket/box")), true, false, "AccessDeniedException"},
		"owner's nobody":      {w.user("111111111111", "n", ""), false, false, "AccessDeniedException"},
		"installation's root": {w.root(), true, true, "ResourceNotFoundException"},
		"installation's user": {w.user(account, "i", everything), false, false, "ResourceNotFoundException"},
		"stranger's root":     {w.as(stranger.AccessKeyID, stranger.SecretAccessKey), false, false, "ResourceNotFoundException"},
		"stranger's user":     {w.user("222222222222", "s", everything), false, false, "ResourceNotFoundException"},
	} {
		usage, err := c.client.GetBucketUsage(t.Context(), "box")
		if c.sees && (err != nil || *usage != admin.Usage{Bytes: 10, Objects: 1}) {
			t.Errorf("%s: %+v, %v", name, usage, err)
		}
		if !c.sees {
			refused(t, name, err, "AccessDeniedException")
			_, err := c.client.GetBucketQuota(t.Context(), "box")
			refused(t, name, err, "AccessDeniedException")
			_, err = c.client.ListFolderUsage(t.Context(), "box", "")
			refused(t, name, err, "AccessDeniedException")
		}
		if err := c.client.PutBucketQuota(t.Context(), "box", admin.Quota{Bytes: 100}); c.sets != (err == nil) {
			t.Errorf("%s sets a quota: %v", name, err)
		} else if !c.sets {
			refused(t, name, err, "AccessDeniedException")
		}
		_, err = c.client.GetBucketUsage(t.Context(), "none")
		refused(t, name, err, c.missingCode)
	}
}

func TestQuotasAreSetWhole(t *testing.T) {
	w := newWorld(t)
	w.bucket(account, "box")
	want := admin.Quota{Bytes: 1 << 40, Objects: 5, FolderBytes: 7, FolderObjects: 2}
	if err := w.root().PutBucketQuota(t.Context(), "box", want); err != nil {
		t.Fatal(err)
	}
	if got, err := w.root().GetBucketQuota(t.Context(), "box"); err != nil || *got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	refused(t, "negative", w.root().PutBucketQuota(t.Context(), "box", admin.Quota{FolderObjects: -1}), "InvalidRequestException")
	refused(t, "no bucket", w.root().PutBucketQuota(t.Context(), "none", want), "ResourceNotFoundException")
	if err := w.root().PutBucketQuota(t.Context(), "box", admin.Quota{Objects: 1}); err != nil {
		t.Fatal(err)
	}
	if b, err := w.engine.Bucket(t.Context(), "box"); err != nil || b.Quota != (object.Quota{Objects: 1}) {
		t.Errorf("the engine has %+v, %v", b.Quota, err)
	}
}

func TestFoldersArePaged(t *testing.T) {
	w := newWorld(t)
	var keys []string
	for i := range 1003 {
		keys = append(keys, fmt.Sprintf("thing ü%04d/x", i))
	}
	w.bucket(account, "box", append(keys, "no folder")...)
	var folders []admin.FolderUsage
	token, pages := "", 0
	for {
		out, err := w.root().ListFolderUsage(t.Context(), "box", token)
		if err != nil {
			t.Fatal(err)
		}
		folders, pages = append(folders, out.Folders...), pages+1
		if token = out.NextToken; token == "" {
			break
		}
	}
	if pages != 2 || len(folders) != 1003 || folders[1002] != (admin.FolderUsage{Folder: "thing ü1002", Usage: admin.Usage{Bytes: 10, Objects: 1}}) {
		t.Errorf("%d pages, %d folders, the last %+v", pages, len(folders), folders[len(folders)-1])
	}
	_, err := w.root().ListFolderUsage(t.Context(), "box", "not base 64!")
	refused(t, "token", err, "InvalidRequestException")
}
