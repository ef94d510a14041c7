package lifecycle

import (
	"time"

	"inro.dev/inro/internal/object"
)

// expired is a version that a rule removes.
type expired struct {
	version object.Version
	current bool // it is the current version: a versioned bucket gets a marker
	only    bool // it is a delete marker and the only version of its key
}

// follower takes the versions of a listing one by one, of a key the newest first,
// and finds those that have expired.
type follower struct {
	plan *plan
	day  Day
	now  time.Time
	out  []expired

	begun  bool
	key    string
	done   string // the last key all of whose versions were seen; "" for none
	since  time.Time
	newer  int             // noncurrent versions of the key, delete markers aside
	marker *object.Version // the current version is this one, perhaps the only one
}

// next takes a version.
func (f *follower) next(v *object.Version) {
	if !f.begun || v.Key != f.key {
		f.end()
		f.begun, f.key, f.newer = true, v.Key, 0
		f.current(v)
	} else {
		f.marker = nil
		f.noncurrent(v)
	}
	f.since = v.Modified
}

// end says that the key has no more versions.
func (f *follower) end() {
	if !f.begun {
		return
	}
	if m := f.marker; m != nil {
		f.marker = nil
		if due, ok := f.plan.rules.MarkerExpires(m, f.day); ok && !f.now.Before(due.At) {
			f.out = append(f.out, expired{version: *m, current: true, only: true})
		}
	}
	f.done = f.key
}

func (f *follower) current(v *object.Version) {
	if v.DeleteMarker {
		marker := *v
		f.marker = &marker
		return
	}
	if due, ok := f.plan.rules.Expires(v, f.day); ok && !f.now.Before(due.At) {
		f.out = append(f.out, expired{version: *v, current: true})
	}
}

func (f *follower) noncurrent(v *object.Version) {
	if due, ok := f.plan.rules.NoncurrentExpires(v, f.since, f.newer, f.day); ok && !f.now.Before(due.At) {
		f.out = append(f.out, expired{version: *v})
	}
	if !v.DeleteMarker {
		f.newer++
	}
}
