package policy

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func allowDocument(action string) string {
	return fmt.Sprintf(`{"Statement":{"Effect":"Allow","Action":%q,"Resource":"*"}}`, action)
}

func TestCacheKeepsDocumentsKindsAndSourcesApart(t *testing.T) {
	c := NewCache(100)
	get := func(text string, kind Kind, src Source) *Policy {
		t.Helper()
		p, err := c.Policy(text, kind, src)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	user := Source{ID: "p", Type: SourceUser}
	first := get(allowDocument("iot:*"), Identity, user)
	if again := get(allowDocument("iot:*"), Identity, user); again != first {
		t.Error("got another policy for the same key, want the cached one")
	}
	for _, other := range []*Policy{
		get(allowDocument("iot:Get*"), Identity, user),
		get(allowDocument("iot:*"), IoT, user),
		get(allowDocument("iot:*"), Identity, Source{ID: "q", Type: SourceUser}),
		get(allowDocument("iot:*"), Identity, Source{ID: "p", Type: SourceGroup}),
	} {
		if other == first {
			t.Error("got one policy for different keys")
		}
	}
	if p, err := c.Policy(allowDocument("nonsense"), Identity, user); p != nil || err == nil {
		t.Errorf("got %v %v, want an error", p, err)
	}
}

func TestCacheIsBoundedAndConcurrent(t *testing.T) {
	c := NewCache(0)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 50 {
				id := fmt.Sprintf("%d-%d", worker, i)
				p, err := c.Policy(allowDocument("s3:*"), Identity, Source{ID: id})
				if err != nil || p.Source().ID != id {
					t.Errorf("got %v %v, want source %s", p, err, id)
				}
			}
		})
	}
	wg.Wait()
	if n := c.entries.Len(); n != 1 {
		t.Errorf("got %d entries, want 1", n)
	}
}

func TestCacheIsBoundedByMemory(t *testing.T) {
	c := NewCache(1000)
	stars := strings.Repeat("*a", 4000)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 25 {
				text := fmt.Sprintf(`{"Id":"%d-%d","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::%s"}}`, worker, i, stars)
				if _, err := c.Policy(text, Identity, Source{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n, most := c.entries.Len(), int(c.most/bytesPerTextByte)/len(stars); n == 0 || n > most {
		t.Errorf("got %d entries, want 1 to %d", n, most)
	}
	var kept int64
	for _, key := range c.entries.Keys() {
		kept += key.bytes()
	}
	if got := c.bytes.Load(); got != kept || got > c.most {
		t.Errorf("got %d bytes, want %d, which are those of the entries, and at most %d", got, kept, c.most)
	}
}
