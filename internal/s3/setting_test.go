package s3

import (
	"errors"
	"strings"
	"testing"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/object"
)

// lines is a setting for tests.
var lines = setting[[]string]{"test-lines", func(document string) (*[]string, error) {
	if document == "unreadable" {
		return nil, errors.New("cannot be read")
	}
	parsed := strings.Split(document, "\n")
	return &parsed, nil
}}

// service returns the fixture's engine and store behind a service.
func (f *fixture) service() *Service {
	return New(Config{
		Engine: f.engine, Store: f.store, Principals: principals{}, NewBuckets: f.newBuckets, Targets: f.targets, Region: region, Clock: f.clock,
		Keyring: f.keyring, Keys: f.keys, CustomerKeysOverHTTP: true,
	})
}

func (f *fixture) bucketOf(name string) object.Bucket {
	f.tb.Helper()
	b, err := f.engine.Bucket(f.tb.Context(), name)
	if err != nil {
		f.tb.Fatal(err)
	}
	return b
}

func TestSettingIsReadAsItWasPutLast(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	s, b, ctx := f.service(), f.bucketOf("box"), t.Context()
	want := func(text string) {
		t.Helper()
		for range 2 { // parsed, then from memory
			got, err := lines.get(ctx, s, b)
			if err != nil || (got == nil) != (text == "") || got != nil && strings.Join(*got, "\n") != text {
				t.Errorf("get = %v, %v, want %q", got, err, text)
			}
		}
	}
	want("")
	if err := lines.put(ctx, s, b, "a\nb"); err != nil {
		t.Fatal(err)
	}
	want("a\nb")
	first, _ := lines.get(ctx, s, b)
	if second, _ := lines.get(ctx, s, b); first != second {
		t.Error("the document is parsed at every read")
	}
	refused := errors.New("refused")
	if err := lines.change(ctx, s, b, func(old *[]string) (string, error) {
		if len(*old) != 2 {
			t.Errorf("change sees %v", *old)
		}
		return "c", refused
	}); !errors.Is(err, refused) {
		t.Errorf("change = %v, want %v", err, refused)
	}
	want("a\nb")
	for range 2 {
		if err := lines.remove(ctx, s, b); err != nil {
			t.Fatal(err)
		}
		want("")
	}
	if err := lines.put(ctx, s, b, "unreadable"); err != nil {
		t.Fatal(err)
	}
	if got, err := lines.get(ctx, s, b); err == nil {
		t.Errorf("get of what cannot be read = %v, want an error", got)
	}
	if err := lines.put(ctx, s, b, strings.Repeat("x", metastore.MaxBodyBytes)); !errors.Is(err, metastore.ErrInvalid) {
		t.Errorf("put of too much = %v, want ErrInvalid", err)
	}
}

func TestSettingsGoWithTheirBucket(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.bucket("kept")
	s, old, ctx := f.service(), f.bucketOf("box"), t.Context()
	for _, b := range []object.Bucket{old, f.bucketOf("kept")} {
		if err := lines.put(ctx, s, b, "a"); err != nil {
			t.Fatal(err)
		}
	}
	f.must(call{method: "DELETE", path: "/box"})
	if got, err := lines.get(ctx, s, old); got != nil || err != nil {
		t.Errorf("setting of a deleted bucket = %v, %v", got, err)
	}
	if err := lines.put(ctx, s, old, "late"); !errors.Is(err, object.ErrNoSuchBucket) {
		t.Errorf("put on a deleted bucket = %v, want ErrNoSuchBucket", err)
	}
	f.bucket("box")
	if err := lines.put(ctx, s, old, "late"); !errors.Is(err, object.ErrNoSuchBucket) {
		t.Errorf("put on a deleted bucket whose name is in use = %v, want ErrNoSuchBucket", err)
	}
	if got, err := lines.get(ctx, s, f.bucketOf("box")); got != nil || err != nil {
		t.Errorf("setting of a new bucket = %v, %v", got, err)
	}
	if got, err := lines.get(ctx, s, f.bucketOf("kept")); got == nil || err != nil {
		t.Errorf("setting of another bucket = %v, %v", got, err)
	}
}
