package object

import (
	"context"
	"errors"
	"testing"
)

func TestDeleteAsksItsCheck(t *testing.T) {
	refusal := errors.New("refused")
	e := newTest(t)
	asked := func(key, versionID string, want error) (current bool, tags int) {
		t.Helper()
		calls := 0
		result, err := e.Delete(context.Background(), testBucket, key, DeleteOptions{VersionID: versionID, Check: func(v *Version, is bool) error {
			calls++
			current, tags = is, len(v.Tags)
			if want == refusal {
				return refusal
			}
			return nil
		}})
		if !errors.Is(err, want) {
			t.Errorf("delete of %q, %q: %v, want %v", key, versionID, err, want)
		}
		if absent := errors.Is(want, ErrNoSuchKey) || errors.Is(want, ErrNoSuchVersion); absent != (calls == 0) {
			t.Errorf("delete of %q, %q: asked %d times", key, versionID, calls)
		}
		if want != nil && result.VersionID != "" {
			t.Errorf("refused delete of %q, %q: %+v", key, versionID, result)
		}
		return current, tags
	}

	put(t, e, "key", testBody(10, 1))
	asked("none", "", ErrNoSuchKey)
	if current, _ := asked("key", "", refusal); !current {
		t.Error("the only version is not the current one")
	}
	wantVersion(t, e, "key", "", testBody(10, 1))

	setVersioning(t, e, VersioningEnabled)
	second := put(t, e, "key", testBody(10, 2))
	if _, err := e.SetAttributes(context.Background(), testBucket, "key", SetAttributesOptions{}, func(v *Version) error {
		v.Tags = []Tag{{"a", "b"}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	asked("none", "", ErrNoSuchKey)
	wantVersions(t, e, "none") // no marker
	asked("key", "AAAA", ErrNoSuchVersion)
	if current, tags := asked("key", "", refusal); !current || tags != 1 {
		t.Errorf("the current version: current %v with %d tags", current, tags)
	}
	if current, _ := asked("key", NullVersionID, refusal); current {
		t.Error("an older version is told to be the current one")
	}
	if current, _ := asked("key", second.VersionID, refusal); !current {
		t.Error("the current version by its ID is not the current one")
	}
	wantVersions(t, e, "key", second.VersionID, NullVersionID)
	asked("key", NullVersionID, nil)
	wantVersions(t, e, "key", second.VersionID)

	// A null marker that a write has replaced meanwhile is told by the check.
	setVersioning(t, e, VersioningSuspended)
	remove(t, e, "key", DeleteOptions{})
	put(t, e, "key", testBody(10, 3))
	if current, _ := asked("key", NullVersionID, refusal); !current {
		t.Error("the null version is not the current one")
	}
	wantVersion(t, e, "key", "", testBody(10, 3))

	// Targets of one call see each other.
	results, err := e.DeleteMany(context.Background(), testBucket, []DeleteTarget{
		{Key: "key", Options: DeleteOptions{VersionID: NullVersionID}},
		{Key: "key", Options: DeleteOptions{VersionID: second.VersionID, Check: func(_ *Version, current bool) error {
			if current {
				return refusal
			}
			return nil
		}}},
	})
	if err != nil || results[0].Err != nil || !errors.Is(results[1].Err, refusal) {
		t.Errorf("delete of both: %+v, %v", results, err)
	}
}
