package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/object"
)

func TestCurrentVersionsExpire(t *testing.T) {
	r := newRig(t)
	tag := object.Tag{Key: "keep", Value: "no"}
	tags := Rule{ID: "tags", Filter: &Filter{Tags: []object.Tag{tag}}, Expiration: &Expiration{Days: 1}}
	r.bucket("plain", object.Unversioned, days("a", "a/", 1), days("b", "b/", 3), tags)
	r.bucket("none", object.Unversioned)
	delete(r.rules, "none")
	for _, key := range []string{"a/1", "a/2", "b/1", "c/1"} {
		r.put("plain", key, object.PutOptions{})
		r.put("none", key, object.PutOptions{})
	}
	r.put("plain", "c/2", tagged(object.Tag{Key: "x", Value: "y"}, tag))
	r.put("plain", "c/3", tagged(object.Tag{Key: "keep", Value: "yes"}))

	r.advance(day) // rounded up to the next midnight
	if got, want := r.pass(), (Report{Buckets: 1, Looked: 6}); got != want {
		t.Errorf("after a day: %+v, want %+v", got, want)
	}
	r.advance(12 * time.Hour)
	if got, want := r.pass(), (Report{Buckets: 1, Looked: 6, Deleted: 3}); got != want {
		t.Errorf("after two days: %+v, want %+v", got, want)
	}
	r.want("plain", "b/1", "c/1", "c/3")
	r.put("plain", "b/1", object.PutOptions{}) // anew: its days begin again
	r.advance(2 * day)
	r.pass()
	r.want("plain", "b/1", "c/1", "c/3")
	r.advance(2 * day)
	r.pass()
	r.want("plain", "c/1", "c/3")
	r.want("none", "a/1", "a/2", "b/1", "c/1")
}

func TestDateExpiresWhatThereIs(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.Unversioned, Rule{ID: "d", Filter: &Filter{}, Expiration: &Expiration{Date: time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC)}})
	r.put("b", "k", object.PutOptions{})
	r.advance(day)
	r.pass()
	r.want("b", "k")
	r.advance(day)
	r.pass()
	r.want("b")
	r.put("b", "k", object.PutOptions{}) // the rule goes on after its date
	r.pass()
	r.want("b")
}

func TestVersionsExpire(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.VersioningEnabled, days("now", "cur", 1), noncurrent("old", 2, 0), markers("m"))
	r.put("b", "cur", object.PutOptions{})
	r.put("b", "old", object.PutOptions{})
	r.put("b", "old", object.PutOptions{})
	r.advance(3 * day)
	r.put("b", "old", object.PutOptions{}) // the second is noncurrent from now on
	if got, want := r.pass(), (Report{Buckets: 1, Looked: 4, Deleted: 1, Marked: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.want("b", "-cur", "cur", "old", "old")
	r.advance(2 * day)
	r.pass()
	r.want("b", "-cur", "cur", "old", "old")
	r.advance(day)
	r.pass() // now the versions go; and with its last version gone, the marker at the next pass
	r.want("b", "-cur", "old")
	if got, want := r.pass(), (Report{Buckets: 1, Looked: 2, Deleted: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.want("b", "old")
}

func TestNewerVersionsAreKept(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.VersioningEnabled, noncurrent("n", 1, 2))
	for range 4 {
		r.put("b", "k", object.PutOptions{})
	}
	r.delete("b", "k")
	r.put("b", "k", object.PutOptions{})
	r.advance(3 * day)
	r.pass()
	// The current one, the marker, which does not count, and two more.
	r.want("b", "k", "-k", "k", "k")
}

func TestMarkersGoAloneOnly(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.VersioningEnabled, markers("m"))
	r.put("b", "a", object.PutOptions{})
	r.delete("b", "a")
	r.delete("b", "b") // nothing below
	r.delete("b", "c")
	r.delete("b", "c")
	r.put("b", "d", object.PutOptions{})
	if got, want := r.pass(), (Report{Buckets: 1, Looked: 6, Deleted: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.want("b", "-a", "a", "-c", "-c", "d")

	// With days a marker must have that age.
	r.bucket("days", object.VersioningEnabled, days("d", "", 2))
	r.delete("days", "k")
	r.advance(day)
	r.pass()
	r.want("days", "-k")
	r.advance(2 * day)
	r.pass()
	r.want("days")

	// A rule with a tag is not for markers, which have none.
	tag := days("t", "", 1)
	tag.Filter.Tags = []object.Tag{{Key: "a", Value: "b"}}
	r.bucket("tags", object.VersioningEnabled, tag)
	r.delete("tags", "k")
	r.advance(9 * day)
	r.pass()
	r.want("tags", "-k")
}

func TestSuspendedBucketsLoseTheNullVersion(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.VersioningEnabled, days("d", "", 1))
	r.put("b", "k", object.PutOptions{})
	r.check(r.engine.SetVersioning(t.Context(), "b", object.VersioningSuspended))
	r.put("b", "k", object.PutOptions{})
	r.advance(3 * day)
	if got, want := r.pass(), (Report{Buckets: 1, Looked: 2, Marked: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.want("b", "-k", "k")
}

func TestLockedVersionsStay(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.VersioningEnabled, days("d", "", 1), noncurrent("n", 1, 0))
	r.check(r.engine.EnableObjectLock(t.Context(), "b"))
	r.put("b", "held", object.PutOptions{Attributes: object.Attributes{LegalHold: true}})
	r.put("b", "kept", object.PutOptions{Attributes: object.Attributes{Retention: object.Retention{Mode: object.Governance, Until: r.now.Add(6 * day)}}})
	r.advance(2 * day)
	r.pass()
	r.want("b", "-held", "held", "-kept", "kept") // a marker above a locked version does no harm
	r.advance(2 * day)
	if got, want := r.pass(), (Report{Buckets: 1, Looked: 4, Locked: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.advance(3 * day)
	r.pass()
	r.want("b", "-held", "held", "-kept")
}

func TestUploadsAreAborted(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.Unversioned, Rule{ID: "u", Filter: &Filter{Prefix: &[]string{"a/"}[0]}, AbortUploadDays: 2})
	for _, key := range []string{"a/1", "a/1", "b/1"} {
		u, err := r.engine.CreateUpload(t.Context(), "b", key, object.UploadOptions{})
		r.check(err)
		_, err = r.engine.PutPart(t.Context(), "b", key, u.ID, 1, strings.NewReader("part"), object.PartOptions{SizeBytes: 4})
		r.check(err)
	}
	r.put("b", "a/object", object.PutOptions{})
	r.advance(2 * day)
	r.pass()
	r.advance(day)
	if got, want := r.pass(), (Report{Buckets: 1, Looked: 2, Aborted: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	list, err := r.engine.Uploads(t.Context(), "b", object.ListUploadsOptions{Limit: 10})
	if err != nil || len(list.Entries) != 1 || list.Entries[0].Upload.Key != "b/1" {
		t.Errorf("uploads left: %+v, %v", list.Entries, err)
	}
	r.want("b", "a/object")
}

// meddling calls between before each deletion.
type meddling struct {
	Engine
	between func(bucket string)
}

func (m *meddling) DeleteMany(ctx context.Context, bucket string, targets []object.DeleteTarget) ([]object.DeleteResult, error) {
	m.between(bucket)
	return m.Engine.DeleteMany(ctx, bucket, targets)
}

func TestWhatChangedInBetweenStays(t *testing.T) {
	tag := object.Tag{Key: "old", Value: ""}
	rule := days("d", "", 1)
	rule.Filter.Tags = []object.Tag{tag}
	r := newRig(t)
	r.bucket("plain", object.Unversioned, rule)
	for _, key := range []string{"deleted", "overwritten", "untagged", "gone"} {
		r.put("plain", key, tagged(tag))
	}
	r.bucket("versions", object.VersioningEnabled, noncurrent("n", 1, 0), days("d", "overwritten", 1))
	r.put("versions", "restored", object.PutOptions{})
	r.delete("versions", "restored")
	r.put("versions", "overwritten", object.PutOptions{})
	r.bucket("null", object.VersioningEnabled, markers("m"))
	r.check(r.engine.SetVersioning(t.Context(), "null", object.VersioningSuspended))
	r.delete("null", "k")

	r.advance(3 * day)
	r.cfg.Engine = &meddling{r.engine, func(bucket string) {
		switch bucket {
		case "plain":
			r.delete(bucket, "deleted")
			r.put(bucket, "overwritten", tagged(tag))
			_, err := r.engine.SetAttributes(t.Context(), bucket, "untagged", object.SetAttributesOptions{}, func(v *object.Version) error {
				v.Tags = nil
				return nil
			})
			r.check(err)
		case "versions":
			list, err := r.engine.Versions(t.Context(), bucket, object.ListVersionsOptions{Prefix: "restored", Limit: 1})
			r.check(err)
			_, err = r.engine.Delete(t.Context(), bucket, "restored", object.DeleteOptions{VersionID: list.Entries[0].Version.VersionID})
			r.check(err)
			r.put(bucket, "overwritten", object.PutOptions{})
		case "null":
			r.put(bucket, "k", object.PutOptions{})
		}
	}}
	if got, want := r.pass(), (Report{Buckets: 3, Looked: 8, Deleted: 1, Changed: 6}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.want("plain", "overwritten", "untagged")
	r.want("null", "k")
	for _, key := range []string{"restored", "overwritten"} {
		if _, err := r.engine.Head(t.Context(), "versions", key, object.GetOptions{}); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestMessagesGoWithDeletions(t *testing.T) {
	r := newRig(t)
	r.bucket("plain", object.Unversioned, days("d", "", 1))
	r.bucket("versions", object.VersioningEnabled, days("d", "", 1))
	r.put("plain", "k", object.PutOptions{})
	r.put("versions", "k", object.PutOptions{})
	r.delete("versions", "l")
	r.cfg.Messages = func(_ context.Context, bucket string, named bool) (func(*object.Version) []object.Message, error) {
		return func(v *object.Version) []object.Message {
			return []object.Message{{Queue: "q", Body: fmt.Appendf(nil, "%s/%s named %v marker %v", bucket, v.Key, named, v.DeleteMarker)}}
		}, nil
	}
	r.advance(3 * day)
	r.pass()
	messages, err := r.engine.Messages(t.Context(), "q", 0, 10)
	if err != nil || len(messages) != 3 ||
		string(messages[0].Body) != "plain/k named false marker false" ||
		string(messages[1].Body) != "versions/k named false marker true" ||
		string(messages[2].Body) != "versions/l named true marker true" {
		t.Errorf("got %+v, %v", messages, err)
	}
}

func TestWithoutMessagesNothingIsDeleted(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.Unversioned, days("d", "", 1))
	r.put("b", "k", object.PutOptions{})
	r.cfg.Messages = func(context.Context, string, bool) (func(*object.Version) []object.Message, error) {
		return nil, errors.New("unreadable")
	}
	r.advance(3 * day)
	if got, want := r.pass(), (Report{Buckets: 1, Looked: 1, Failed: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.want("b", "k")
}

func TestErrorsOfABucketStopNoOther(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"a", "b", "c"} {
		r.bucket(name, object.Unversioned, days("d", "", 1))
		r.put(name, "k", object.PutOptions{})
	}
	rules := r.cfg.Rules
	r.cfg.Rules = func(ctx context.Context, b object.Bucket) (*Configuration, error) {
		if b.Name == "b" {
			return nil, errors.New("unreadable")
		}
		return rules(ctx, b)
	}
	r.advance(3 * day)
	if got, want := r.pass(), (Report{Buckets: 2, Looked: 2, Deleted: 2, Failed: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.want("a")
	r.want("b", "k")
	r.want("c")
}

// stopping ends the context after so many pages.
type stopping struct {
	Engine
	pages int
	stop  func()
}

func (s *stopping) Versions(ctx context.Context, bucket string, opts object.ListVersionsOptions) (object.VersionList, error) {
	if s.pages--; s.pages < 0 {
		s.stop()
		return object.VersionList{}, ctx.Err()
	}
	opts.Limit = 3 // of versions, so that pages end within keys
	return s.Engine.Versions(ctx, bucket, opts)
}

func TestPassGoesOnAfterARestart(t *testing.T) {
	for stopAt := 0; ; stopAt++ {
		r := newRig(t)
		for _, name := range []string{"a", "b"} {
			r.bucket(name, object.VersioningEnabled, days("d", "k", 1), noncurrent("n", 1, 1))
			for _, key := range []string{"j", "k1", "k1", "k1", "k1", "k2", "k3", "k3", "l"} {
				r.put(name, key, object.PutOptions{})
			}
		}
		r.advance(3 * day)
		ctx, cancel := context.WithCancel(t.Context())
		r.cfg.Engine = &stopping{r.engine, stopAt, cancel}
		err := New(r.cfg).Pass(ctx)
		cancel()
		whole := err == nil
		if !whole && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		first, err := New(r.cfg).place(t.Context())
		r.check(err)
		if first.Finished.IsZero() == whole {
			t.Fatalf("stopped after %d pages: place %+v", stopAt, first)
		}
		if !whole {
			r.advance(time.Minute)
			r.cfg.Engine = &stopping{r.engine, 1000, cancel}
			report := r.pass()
			if stopAt > 2 && report.Looked > 18 { // each bucket has 9, and 3 markers come
				t.Errorf("stopped after %d pages: %d versions were looked at again", stopAt, report.Looked)
			}
			second, err := New(r.cfg).place(t.Context())
			r.check(err)
			if !second.Started.Equal(first.Started) || second.Finished.IsZero() || second.Bucket != "" {
				t.Errorf("stopped after %d pages: the pass %+v went on as %+v", stopAt, first, second)
			}
		}
		// What expired under a new marker goes with the pass after.
		r.advance(time.Hour)
		r.cfg.Engine = r.engine
		r.pass()
		for _, name := range []string{"a", "b"} {
			r.want(name, "j", "-k1", "k1", "-k2", "k2", "-k3", "k3", "l")
		}
		if whole {
			if stopAt < 6 {
				t.Errorf("the pass had only %d pages", stopAt)
			}
			return
		}
		if t.Failed() {
			return
		}
	}
}

func TestPlaceOfADeletedBucketIsLeft(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.Unversioned, days("d", "", 1))
	for _, key := range []string{"a", "z"} {
		r.put("b", key, object.PutOptions{})
	}
	r.advance(3 * day)
	r.check(New(r.cfg).keep(t.Context(), &metastore.LifecyclePass{Started: r.now, Bucket: "b", BucketID: "another", Key: "m"}))
	r.pass()
	r.want("b")
	r.check(New(r.cfg).keep(t.Context(), &metastore.LifecyclePass{Started: r.now, Bucket: "a", BucketID: "gone", Key: "m"}))
	r.put("b", "a", object.PutOptions{})
	r.advance(3 * day)
	r.pass()
	r.want("b")
}

// TestRulesThatWereTakenBackDeleteNothing changes the rules of a bucket after a
// pass has read them and before it deletes.
func TestRulesThatWereTakenBackDeleteNothing(t *testing.T) {
	r := newRig(t)
	r.bucket("b", object.Unversioned, days("all", "", 1))
	r.put("b", "a/1", object.PutOptions{})
	r.put("b", "b/1", object.PutOptions{})
	r.advance(3 * day)
	first := r.rules["b"]
	for _, c := range []struct {
		then *Configuration
		want []string
	}{
		{nil, []string{"a/1", "b/1"}},
		{&Configuration{Rules: []Rule{days("b", "b/", 1)}}, []string{"a/1"}},
	} {
		asked := 0
		r.cfg.Rules = func(context.Context, object.Bucket) (*Configuration, error) {
			if asked++; asked == 1 {
				return first, nil
			}
			return c.then, nil
		}
		r.pass()
		r.want("b", c.want...)
	}
}
