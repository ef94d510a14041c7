package s3

import (
	"strconv"
	"strings"
	"time"

	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

// lockHeaders ask for retention or a legal hold of a new version.
type lockHeaders struct {
	ObjectLockMode            string `header:"X-Amz-Object-Lock-Mode"`
	ObjectLockRetainUntilDate string `header:"X-Amz-Object-Lock-Retain-Until-Date"`
	ObjectLockLegalHold       string `header:"X-Amz-Object-Lock-Legal-Hold"`
}

func (h *lockHeaders) any() bool { return *h != lockHeaders{} }

func (h *lockHeaders) keys(keys []identity.Key, now time.Time) []identity.Key {
	if !h.any() {
		return keys
	}
	keys = given(keys, "s3:object-lock-legal-hold", h.ObjectLockLegalHold)
	return retentionKeys(keys, h.ObjectLockMode, h.ObjectLockRetainUntilDate, now)
}

// retentionKeys appends the condition keys of a retention that is asked for.
func retentionKeys(keys []identity.Key, mode, until string, now time.Time) []identity.Key {
	keys = given(keys, "s3:object-lock-mode", mode)
	keys = given(keys, "s3:object-lock-retain-until-date", until)
	if t, err := parseRetainUntil(until); err == nil {
		days := int64(t.Sub(now) / (24 * time.Hour))
		keys = append(keys, identity.StringKey("s3:object-lock-remaining-retention-days", strconv.FormatInt(days, 10)))
	}
	return keys
}

// parseRetainUntil reads an ISO 8601 date and time, to the millisecond, which is
// how precisely it is told.
func parseRetainUntil(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC().Truncate(time.Millisecond), err
}

// lastRetention is the latest time that a version can be retained until.
var lastRetention = time.Date(2261, time.December, 31, 0, 0, 0, 0, time.UTC)

// checkRetainUntil refuses an end of retention that is past, or too far off to
// be kept.
func checkRetainUntil(argument, text string, until, now time.Time) error {
	switch {
	case !until.After(now):
		return invalidArgument(argument, text, "The retain until date must be in the future!")
	case until.After(lastRetention):
		return invalidArgument(argument, text, "The retain until date must be before "+lastRetention.Format(time.DateOnly)+".")
	}
	return nil
}

// lock reads the headers (API Reference, PutObject).
func (h *lockHeaders) lock(now time.Time) (r object.Retention, hold bool, err error) {
	const modeHeader, untilHeader, holdHeader = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold"
	if (h.ObjectLockMode == "") != (h.ObjectLockRetainUntilDate == "") {
		return r, false, invalidArgument(modeHeader, h.ObjectLockMode, untilHeader+" and "+modeHeader+" must both be supplied")
	}
	if h.ObjectLockMode != "" {
		mode, ok := retentionModes[h.ObjectLockMode]
		if !ok {
			return r, false, invalidArgument(modeHeader, h.ObjectLockMode, "Unknown wormMode directive.")
		}
		until, err := parseRetainUntil(h.ObjectLockRetainUntilDate)
		if err != nil {
			return r, false, invalidArgument(untilHeader, h.ObjectLockRetainUntilDate, "The retain until date must be provided in ISO 8601 format")
		}
		if err := checkRetainUntil(untilHeader, h.ObjectLockRetainUntilDate, until, now); err != nil {
			return r, false, err
		}
		r = object.Retention{Mode: mode, Until: until}
	}
	switch h.ObjectLockLegalHold {
	case "", legalHoldOff:
	case legalHoldOn:
		hold = true
	default:
		return r, false, invalidArgument(holdHeader, h.ObjectLockLegalHold, "Legal Hold must be either of 'ON' or 'OFF'")
	}
	return r, hold, nil
}

// The values of a legal hold.
const (
	legalHoldOn  = "ON"
	legalHoldOff = "OFF"
)

// lockValues are the headers that tell how a version is locked.
type lockValues struct {
	ObjectLockMode            string `header:"X-Amz-Object-Lock-Mode"`
	ObjectLockRetainUntilDate string `header:"X-Amz-Object-Lock-Retain-Until-Date"`
	ObjectLockLegalHold       string `header:"X-Amz-Object-Lock-Legal-Hold"`
}

// bypassHeader asks to override a retention in governance mode.
const bypassHeader = "x-amz-bypass-governance-retention"

// bypassHeaders go with requests that a retention may stand against. To bypass
// takes a permission in every bucket, also where nothing is locked.
type bypassHeaders struct {
	BypassGovernanceRetention string `header:"X-Amz-Bypass-Governance-Retention"`
}

// bypasses reads the header.
func (h *bypassHeaders) bypasses() (bool, error) {
	switch {
	case h.BypassGovernanceRetention == "" || strings.EqualFold(h.BypassGovernanceRetention, "false"):
		return false, nil
	case strings.EqualFold(h.BypassGovernanceRetention, "true"):
		return true, nil
	}
	return false, invalidArgument(bypassHeader, h.BypassGovernanceRetention, "The value is neither true nor false.")
}
