package object

import (
	"encoding/base64"
	"encoding/binary"
	"math"
)

// versionID is the ID of a numbered version: its sequence number:8, big-endian,
// and random bytes:16, so that an ID cannot be guessed and is never used twice.
// Its text is base64 of the URL alphabet, 32 characters.
type versionID [24]byte

func (v versionID) String() string { return base64.RawURLEncoding.EncodeToString(v[:]) }

func (v versionID) sequence() uint64 { return binary.BigEndian.Uint64(v[:]) }

// parseVersionID reads what versionID.String wrote; each ID has one spelling.
func parseVersionID(s string) (versionID, bool) {
	var v versionID
	if len(s) != base64.RawURLEncoding.EncodedLen(len(v)) {
		return v, false
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(v[:], []byte(s)); err != nil || v.sequence() == nullSequence {
		return versionID{}, false
	}
	return v, true
}

// nextSequence returns a sequence number above all given before, and above that
// of the version that is current. It is about the time in nanoseconds, so that it
// grows across restarts; where the clock went back, order still holds for a key.
// It is for mutations only.
func (e *Engine) nextSequence(current uint64) uint64 {
	now := uint64(max(e.cfg.Clock().UnixNano(), 1))
	e.lastSequence = max(now, e.lastSequence+1, current+1)
	return e.lastSequence
}

// sequenceOf reads the sequence number at the end of a version row's key.
func sequenceOf(row []byte) uint64 {
	return math.MaxUint64 - binary.BigEndian.Uint64(row[len(row)-orderBytes:])
}
