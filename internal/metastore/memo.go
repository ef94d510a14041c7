package metastore

import "sync/atomic"

// Memo is a place beside a record in memory for its decoded value. The zero
// Memo is empty. It is safe for concurrent use; all values stored for one
// record are interchangeable, so the last one wins.
type Memo struct{ value atomic.Pointer[any] }

// Load returns the decoded value, or nil.
func (m *Memo) Load() any {
	if p := m.value.Load(); p != nil {
		return *p
	}
	return nil
}

// Store keeps v, which nobody may change afterwards.
func (m *Memo) Store(v any) { m.value.Store(&v) }
