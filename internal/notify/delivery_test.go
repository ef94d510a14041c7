package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeTarget is a target under the test's control.
type fakeTarget struct {
	mu       sync.Mutex
	received []string
	opened   int
	closed   int
	attempts []time.Time
	// down refuses to open.
	down bool
	// refuse is the body that is never taken.
	refuse string
	// takes is how long one message takes.
	takes time.Duration
}

var errDown, errRefused = errors.New("target is down"), errors.New("message is refused")

// set changes what the target does.
func (f *fakeTarget) set(change func(*fakeTarget)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeTarget) open(context.Context) (sender, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts = append(f.attempts, time.Now())
	if f.down {
		return nil, errDown
	}
	f.opened++
	return f, nil
}

func (f *fakeTarget) close() { f.set(func(f *fakeTarget) { f.closed++ }) }

func (f *fakeTarget) send(ctx context.Context, messages []Message) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range messages {
		if string(messages[i].Body) == f.refuse {
			return i, errRefused
		}
		if f.takes > 0 {
			pause(ctx, f.takes)
			if ctx.Err() != nil {
				return i, ctx.Err()
			}
		}
		f.received = append(f.received, string(messages[i].Body))
	}
	return len(messages), nil
}

// rig is a dispatcher with one fake target, in a bubble of synctest.
type rig struct {
	*Dispatcher
	target *fakeTarget
	outbox *memoryOutbox
	log    *bytes.Buffer
}

func newRig(t Target) *rig {
	r := &rig{target: &fakeTarget{}, outbox: newMemoryOutbox(), log: new(bytes.Buffer)}
	r.restart(t)
	return r
}

func (r *rig) restart(t Target) {
	t.Name = "q"
	r.Dispatcher = &Dispatcher{outbox: r.outbox}
	r.deliveries = []*delivery{newDelivery(&t, r.target.open, r.outbox, slog.New(slog.NewTextHandler(r.log, nil)))}
	r.start()
}

func bodies(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprint("message ", i))
	}
	return all
}

func (r *rig) wantReceived(t *testing.T, want []string) {
	t.Helper()
	synctest.Wait()
	r.target.mu.Lock()
	defer r.target.mu.Unlock()
	if !slices.Equal(r.target.received, want) {
		t.Fatalf("received %d messages %.200q, want %d %.200q", len(r.target.received), r.target.received, len(want), want)
	}
}

func TestMessagesArriveInOrderAndAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{})
		defer r.Close()
		all := bodies(0, 3*maxRead+7)
		for chunk := range slices.Chunk(all, 50) {
			r.outbox.enqueue("q", chunk...)
		}
		r.wantReceived(t, all)
		if s := r.Stats()[0]; s.Length != 0 || s.Delivered != uint64(len(all)) || s.Failures != 0 || s.Target != "q" {
			t.Errorf("got %+v, want %d delivered and nothing left", s, len(all))
		}
		if r.target.opened != 1 {
			t.Errorf("the target was opened %d times, want once", r.target.opened)
		}
	})
}

func TestTargetThatIsDownGetsEverythingLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{})
		defer r.Close()
		r.target.set(func(f *fakeTarget) { f.down = true })
		r.outbox.enqueue("q", bodies(0, 10)...)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s := r.Stats()[0]; s.Length != 10 || s.Failures == 0 || s.Delivered != 0 {
			t.Errorf("while down: got %+v, want 10 waiting and failures counted", s)
		}
		r.target.set(func(f *fakeTarget) { f.down = false })
		time.Sleep(lastPause)
		r.wantReceived(t, bodies(0, 10))
		if lines := strings.Count(r.log.String(), "events are not delivered"); lines < 5 || lines > 11 {
			t.Errorf("%d lines about it in ten minutes, want about one a minute:\n%s", lines, r.log)
		}
		if !strings.Contains(r.log.String(), "delivered again") {
			t.Errorf("the log does not say that deliveries go on:\n%s", r.log)
		}
	})
}

func TestPausesGrowAndAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{})
		defer r.Close()
		r.target.set(func(f *fakeTarget) { f.down = true })
		r.outbox.enqueue("q", "one")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		var times []time.Time
		r.target.set(func(f *fakeTarget) { times = slices.Clone(f.attempts) })
		for i := 1; i < len(times); i++ {
			most := lastPause
			if i-1 < 8 {
				most = min(firstPause<<(i-1), lastPause)
			}
			if got := times[i].Sub(times[i-1]); got < most/2 || got > most {
				t.Errorf("pause %d is %v, want %v to %v", i, got, most/2, most)
			}
		}
		if len(times) < 20 || len(times) > 60 {
			t.Errorf("%d attempts in ten minutes, want 20 to 60", len(times))
		}
	})
}

func TestRefusedMessageHoldsUpThoseBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{})
		defer r.Close()
		r.target.set(func(f *fakeTarget) { f.refuse = "message 3" })
		r.outbox.enqueue("q", bodies(0, 6)...)
		time.Sleep(time.Hour)
		r.wantReceived(t, bodies(0, 3))
		r.target.set(func(f *fakeTarget) {
			if f.closed != f.opened {
				t.Errorf("opened %d times and closed %d times, want a new sender after each failure", f.opened, f.closed)
			}
		})
		r.target.set(func(f *fakeTarget) { f.refuse = "" })
		time.Sleep(lastPause)
		r.wantReceived(t, bodies(0, 6))
	})
}

func TestRefusedMessageIsGivenUpWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{GiveUpAfter: 10 * time.Minute})
		defer r.Close()
		r.target.set(func(f *fakeTarget) { f.refuse = "message 3" })
		r.outbox.enqueue("q", bodies(0, 6)...)
		time.Sleep(9 * time.Minute)
		r.wantReceived(t, bodies(0, 3))
		time.Sleep(2 * time.Minute)
		r.wantReceived(t, append(bodies(0, 3), bodies(4, 6)...))
		if s := r.Stats()[0]; s.GivenUp != 1 || s.Delivered != 5 || s.Length != 0 {
			t.Errorf("got %+v, want one given up and five delivered", s)
		}
	})
}

func TestSlowTargetDoesNotSlowTheOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{})
		defer r.Close()
		r.target.set(func(f *fakeTarget) { f.takes = time.Minute })
		start := time.Now()
		r.outbox.enqueue("q", bodies(0, 1000)...)
		if took := time.Since(start); took != 0 {
			t.Errorf("enqueueing took %v, want no time", took)
		}
	})
}

func TestDropsOfAFullQueueAreCountedAndLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{})
		defer r.Close()
		r.outbox.most = 5
		r.target.set(func(f *fakeTarget) { f.down = true })
		r.outbox.enqueue("q", bodies(0, 12)...)
		time.Sleep(time.Second)
		r.outbox.enqueue("q", bodies(12, 20)...)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if s := r.Stats()[0]; s.Length != 5 || s.Dropped != 15 {
			t.Errorf("got %+v, want 5 waiting and 15 dropped", s)
		}
		if text := r.log.String(); !strings.Contains(text, "the queue is full") || !strings.Contains(text, "dropped=8") || strings.Count(text, "the queue is full") > 2 {
			t.Errorf("log: %s\nwant one line for the first 7 and one for the other 8", text)
		}
		r.target.set(func(f *fakeTarget) { f.down = false })
		time.Sleep(lastPause)
		r.wantReceived(t, bodies(0, 5))
	})
}

func TestUnacknowledgedMessagesComeAgainAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{})
		r.outbox.setBroken(true) // as if the process ended before the acknowledgement
		r.outbox.enqueue("q", bodies(0, 3)...)
		r.wantReceived(t, bodies(0, 3))
		if s := r.Stats()[0]; s.Delivered != 0 || s.Failures != 1 {
			t.Errorf("got %+v, want nothing counted as delivered", s)
		}
		r.Close()
		r.outbox.setBroken(false)
		r.restart(Target{})
		defer r.Close()
		r.wantReceived(t, append(bodies(0, 3), bodies(0, 3)...))
	})
}

func TestCloseLetsADeliveryEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{})
		r.target.set(func(f *fakeTarget) { f.takes = 2 * time.Second })
		r.outbox.enqueue("q", "one")
		synctest.Wait()
		r.Close()
		r.wantReceived(t, []string{"one"})
		if s := r.outbox.QueueStats("q"); s.Length != 0 {
			t.Errorf("%d messages left, want the delivered one acknowledged", s.Length)
		}
	})
}

func TestCloseDoesNotWaitForASlowDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Target{})
		r.target.set(func(f *fakeTarget) { f.takes = time.Hour })
		r.outbox.enqueue("q", "one", "two")
		synctest.Wait()
		start := time.Now()
		r.Close()
		if took := time.Since(start); took > drainTimeout {
			t.Errorf("Close took %v, want at most %v", took, drainTimeout)
		}
		if s := r.outbox.QueueStats("q"); s.Length != 2 {
			t.Errorf("%d messages left, want both", s.Length)
		}
	})
}

func TestMessageIDIsThatOfTheBody(t *testing.T) {
	a, again, b := Message{1, []byte("a")}, Message{7, []byte("a")}, Message{1, []byte("b")}
	if a.ID() != again.ID() || a.ID() == b.ID() || len(a.ID()) != 32 {
		t.Errorf("got %s, %s and %s, want the first two alike and 32 characters", a.ID(), again.ID(), b.ID())
	}
}
