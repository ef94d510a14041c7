package crash

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"inro.dev/inro/test/rig"
)

const (
	lockedBucket = "crash-versions"
	expiryBucket = "crash-expiry"
)

// TestVersionsSurviveKill kills the server under writes, deletes and completions
// in a versioned bucket with object lock, and under a lifecycle worker that
// expires what another bucket gets.
func TestVersionsSurviveKill(t *testing.T) {
	rounds, seed := environment(t, "INRO_CRASH_ROUNDS", 6), environment(t, "INRO_CRASH_SEED", time.Now().UnixNano())
	t.Logf("INRO_CRASH_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 100))
	server := rig.Start(t, "--config", lifecycleConfig(t))
	client := server.S3(1)
	for _, step := range []struct {
		client *rig.S3
		path   string
		query  string
		body   string
	}{
		{client.With("X-Amz-Bucket-Object-Lock-Enabled", "true"), lockedBucket, "", string(locationBody)},
		{client, expiryBucket, "", string(locationBody)},
		{client, expiryBucket, "lifecycle=", `<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>old/</Prefix></Filter>` +
			`<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>`},
	} {
		if step.query != "" {
			step.client = step.client.With("Content-Md5", contentMD5([]byte(step.body)))
		}
		if _, err := step.client.OK(t.Context(), http.MethodPut, step.path, step.query, []byte(step.body)); err != nil {
			t.Fatal(err)
		}
	}
	var keepers []*keeper
	for i := range workers {
		keepers = append(keepers, &keeper{id: i, random: rand.New(rand.NewPCG(uint64(seed), uint64(i+200))), kept: map[string]*entry{}, expiring: map[string]version{}})
	}
	for round := range rounds {
		loadVersions(t, server, keepers, 300*time.Millisecond+time.Duration(random.IntN(1200))*time.Millisecond)
		server.Restart(t)
		verifyVersions(t, server.S3(workers), keepers)
		if t.Failed() {
			t.Fatalf("round %d of seed %d", round, seed)
		}
	}
	emptyVersions(t, server, keepers)
}

// lifecycleConfig makes rules act within seconds.
func lifecycleConfig(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "inro.toml")
	if err := os.WriteFile(path, []byte("[s3]\nlifecycle_day = \"1s\"\nlifecycle_interval = \"1s\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func contentMD5(body []byte) string {
	sum := md5.Sum(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// entry is a version that was acknowledged, or is about to be.
type entry struct {
	key     string
	id      string
	content version // absent for a delete marker
	locked  bool
}

// keeper writes versions of keys of its own, one operation at a time.
type keeper struct {
	id       int
	random   *rand.Rand
	kept     map[string]*entry  // by version ID
	writing  *entry             // a version whose ID never came
	removing string             // the ID of one whose removal was not answered
	expiring map[string]version // the objects put where they expire, and elsewhere
	putting  string             // the key of one of them that was not answered
	puts     int
	done     int
	refused  error
}

func loadVersions(t *testing.T, server *rig.Server, all []*keeper, d time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	client := server.S3(workers)
	var group sync.WaitGroup
	for _, k := range all {
		group.Go(func() { k.run(ctx, client) })
	}
	time.Sleep(d)
	server.Kill(t)
	cancel()
	group.Wait()
	acknowledged := 0
	for _, k := range all {
		acknowledged += k.done
		if k.refused != nil {
			t.Errorf("keeper %d: %v", k.id, k.refused)
		}
	}
	if acknowledged == 0 {
		t.Fatal("nothing was acknowledged before the kill: the load does nothing")
	}
}

func (k *keeper) run(ctx context.Context, client *rig.S3) {
	k.done, k.writing, k.removing, k.putting = 0, nil, "", ""
	for ctx.Err() == nil {
		if err := k.step(ctx, client); err != nil {
			if _, answered := errors.AsType[*url.Error](err); !answered && !isCut(err) {
				k.refused = err
			}
			return // the server was killed
		}
		k.done++
	}
}

func (k *keeper) step(ctx context.Context, client *rig.S3) error {
	switch n := k.random.IntN(20); {
	case n < 3:
		return k.remove(ctx, client)
	case n < 6:
		return k.expire(ctx, client)
	default:
		return k.write(ctx, client, n)
	}
}

// write makes a version: a delete marker, a locked one, one of parts, or a plain
// one.
func (k *keeper) write(ctx context.Context, client *rig.S3, n int) error {
	e := &entry{key: fmt.Sprintf("keeper-%d/key %d", k.id, k.random.IntN(keysPerWorker))}
	k.writing = e
	path := lockedBucket + "/" + e.key
	var answer *rig.Answer
	var err error
	switch {
	case n == 6 || n == 7:
		e.content = absent
		answer, err = client.OK(ctx, http.MethodDelete, path, "", nil)
	case n == 8:
		e.content = version{k.random.Uint64(), partBytes + k.random.IntN(1<<20) + 1, 2}
		answer, err = client.Multipart(ctx, path, e.content.split())
	default:
		e.content = version{k.random.Uint64(), sizes[k.random.IntN(len(sizes))], 0}
		body := e.content.content()
		if e.locked = n < 11; e.locked {
			client = client.With("X-Amz-Object-Lock-Mode", "GOVERNANCE", "Content-Md5", contentMD5(body),
				"X-Amz-Object-Lock-Retain-Until-Date", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		}
		answer, err = client.OK(ctx, http.MethodPut, path, "", body)
	}
	if err != nil {
		return err
	}
	if e.id = answer.Header.Get("X-Amz-Version-Id"); e.id == "" {
		return fmt.Errorf("write of %q was answered without a version ID", e.key)
	}
	k.kept[e.id], k.writing = e, nil
	return nil
}

// remove removes a version for good; a locked one must be refused.
func (k *keeper) remove(ctx context.Context, client *rig.S3) error {
	for id, e := range k.kept {
		k.removing = id
		a, err := client.Do(ctx, http.MethodDelete, lockedBucket+"/"+e.key, "versionId="+url.QueryEscape(id), nil)
		switch {
		case err != nil:
			return err
		case e.locked && a.Status != http.StatusForbidden, !e.locked && a.Status != http.StatusNoContent:
			return fmt.Errorf("removal of version %s (locked: %v): status %d: %s", id, e.locked, a.Status, a.Body)
		case !e.locked:
			delete(k.kept, id)
		}
		k.removing = ""
		break
	}
	return nil
}

// expire puts an object where a rule expires it, or beside that.
func (k *keeper) expire(ctx context.Context, client *rig.S3) error {
	k.puts++ // no key is put twice
	key := fmt.Sprintf("%s/%d/%d", []string{"old", "kept"}[k.random.IntN(2)], k.id, k.puts)
	v := version{k.random.Uint64(), sizes[k.random.IntN(len(sizes))], 0}
	k.putting, k.expiring[key] = key, v
	_, err := client.OK(ctx, http.MethodPut, expiryBucket+"/"+key, "", v.content())
	if err == nil {
		k.putting = ""
	}
	return err
}

type listedVersion struct {
	Key, VersionId string
}

// listVersions lists all versions and delete markers, by ID.
func listVersions(ctx context.Context, client *rig.S3) (map[string]string, error) {
	found := map[string]string{}
	query := "versions="
	for {
		a, err := client.OK(ctx, http.MethodGet, lockedBucket, query, nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Version, DeleteMarker              []listedVersion
			IsTruncated                        bool
			NextKeyMarker, NextVersionIdMarker string
		}
		if err := xml.Unmarshal(a.Body, &page); err != nil {
			return nil, err
		}
		for _, v := range slices.Concat(page.Version, page.DeleteMarker) {
			found[v.VersionId] = v.Key
		}
		if !page.IsTruncated {
			return found, nil
		}
		query = "versions=&key-marker=" + url.QueryEscape(page.NextKeyMarker) + "&version-id-marker=" + url.QueryEscape(page.NextVersionIdMarker)
	}
}

// verifyVersions compares what is there with what was acknowledged, and takes in
// what came of operations that were under way.
func verifyVersions(t *testing.T, client *rig.S3, all []*keeper) {
	found, err := listVersions(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		for id, e := range k.kept {
			_, listed := found[id]
			delete(found, id)
			if !listed && id == k.removing && !e.locked {
				delete(k.kept, id)
			} else if err := e.check(t.Context(), client, listed); err != nil {
				t.Errorf("keeper %d: %v", k.id, err)
			}
		}
		k.verifyExpiry(t, client)
	}
	for id, key := range found { // of writes that were not answered
		i := slices.IndexFunc(all, func(k *keeper) bool { return k.writing != nil && k.writing.key == key })
		if i < 0 {
			t.Errorf("version %s of %q was never written", id, key)
			continue
		}
		k := all[i]
		k.writing.id = id
		if err := k.writing.check(t.Context(), client, true); err != nil {
			t.Errorf("keeper %d, not acknowledged: %v", k.id, err)
		}
		k.kept[id], k.writing = k.writing, nil
	}
}

// check reads a version that must be there.
func (e *entry) check(ctx context.Context, client *rig.S3, listed bool) error {
	a, err := client.Do(ctx, http.MethodGet, lockedBucket+"/"+e.key, "versionId="+url.QueryEscape(e.id), nil)
	if err != nil {
		return err
	}
	good := a.Status == http.StatusMethodNotAllowed && a.Header.Get("X-Amz-Delete-Marker") == "true"
	if e.content != absent {
		good = a.Status == http.StatusOK && a.Header.Get("ETag") == e.content.etag() && bytes.Equal(a.Body, e.content.content())
	}
	if e.locked && a.Header.Get("X-Amz-Object-Lock-Mode") != "GOVERNANCE" {
		good = false
	}
	if !good || !listed {
		return fmt.Errorf("version %s of %q: listed %v, status %d, %d bytes; want %+v", e.id, e.key, listed, a.Status, len(a.Body), *e)
	}
	return nil
}

// verifyExpiry reads the objects of the bucket with a rule: whole, or gone where
// the rule is.
func (k *keeper) verifyExpiry(t *testing.T, client *rig.S3) {
	for key, v := range k.expiring {
		a, err := client.Do(t.Context(), http.MethodGet, expiryBucket+"/"+key, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		mayBeGone := strings.HasPrefix(key, "old/") || key == k.putting
		switch {
		case a.Status == http.StatusNotFound && mayBeGone:
			delete(k.expiring, key)
		case a.Status != http.StatusOK || !bytes.Equal(a.Body, v.content()):
			t.Errorf("%q: status %d, %d bytes; want %d", key, a.Status, len(a.Body), v.size)
		}
	}
}

// emptyVersions removes everything, locked versions too, and waits for the rule to
// remove the rest; then no file of a body may be left.
func emptyVersions(t *testing.T, server *rig.Server, all []*keeper) {
	client := server.S3(workers)
	bypassing := client.With("X-Amz-Bypass-Governance-Retention", "true")
	for _, k := range all {
		for id, e := range k.kept {
			if _, err := bypassing.OK(t.Context(), http.MethodDelete, lockedBucket+"/"+e.key, "versionId="+url.QueryEscape(id), nil); err != nil {
				t.Fatal(err)
			}
		}
		for key := range k.expiring {
			if strings.HasPrefix(key, "old/") {
				continue
			}
			if _, err := client.OK(t.Context(), http.MethodDelete, expiryBucket+"/"+key, "", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left, err := listVersions(t.Context(), client); err != nil || len(left) > 0 {
		t.Fatalf("versions left: %v, %v", left, err)
	}
	abortUploads(t, client, lockedBucket)
	deadline := time.Now().Add(30 * time.Second)
	for {
		keys, err := client.Keys(t.Context(), expiryBucket)
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d objects were not expired", len(keys))
		}
		time.Sleep(100 * time.Millisecond)
	}
	wantNoFiles(t, server)
}
