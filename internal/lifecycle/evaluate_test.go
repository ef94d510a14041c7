package lifecycle

import (
	"math"
	"testing"
	"time"

	"inro.dev/inro/internal/object"
)

func TestDaysEndAtMidnight(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		from string
		days int
		want string
	}{
		{"2014-01-15T10:30:00Z", 3, "2014-01-19T00:00:00Z"}, // the example of the User Guide
		{"2014-01-15T00:00:00Z", 1, "2014-01-16T00:00:00Z"},
		{"2014-01-15T00:00:00.000000001Z", 1, "2014-01-17T00:00:00Z"},
		{"2014-01-15T23:59:59.999999999Z", 1, "2014-01-17T00:00:00Z"},
		{"2014-01-16T08:30:00+09:00", 1, "2014-01-17T00:00:00Z"}, // the day is UTC's
		{"2024-02-28T12:00:00Z", 1, "2024-03-01T00:00:00Z"},
	} {
		if got := Day(0).after(at(c.from), c.days); !got.Equal(at(c.want)) {
			t.Errorf("%s and %d days: %v, want %s", c.from, c.days, got, c.want)
		}
	}
	if got := Day(10*time.Second).after(at("2014-01-15T10:30:00Z"), 3); !got.Equal(at("2014-01-15T10:30:30Z")) {
		t.Errorf("3 days of 10 s: %v", got)
	}
	for _, d := range []Day{0, Day(10 * time.Second), Day(time.Hour)} {
		if now := at("2026-01-01T00:00:00Z"); d.after(now, math.MaxInt32).Before(now.AddDate(200, 0, 0)) {
			t.Errorf("2147483647 days of %v are over before 200 years", time.Duration(d))
		}
	}
}

func TestRulesApplyByTheirFilter(t *testing.T) {
	text := func(s string) *string { return &s }
	size := func(n int64) *int64 { return &n }
	a, b := object.Tag{Key: "a", Value: "1"}, object.Tag{Key: "b", Value: "2"}
	v := &object.Version{Key: "logs/x", SizeBytes: 100, Attributes: object.Attributes{Tags: []object.Tag{a, b}}}
	for name, c := range map[string]struct {
		rule Rule
		want bool
	}{
		"old prefix":         {Rule{Prefix: text("logs/")}, true},
		"other old prefix":   {Rule{Prefix: text("Logs/")}, false},
		"empty filter":       {Rule{Filter: &Filter{}}, true},
		"prefix":             {Rule{Filter: &Filter{Prefix: text("logs/x")}}, true},
		"longer prefix":      {Rule{Filter: &Filter{Prefix: text("logs/xy")}}, false},
		"tag":                {Rule{Filter: &Filter{Tags: []object.Tag{b}}}, true},
		"both tags":          {Rule{Filter: &Filter{Tags: []object.Tag{b, a}}}, true},
		"one tag of two":     {Rule{Filter: &Filter{Tags: []object.Tag{a, {Key: "c", Value: "3"}}}}, false},
		"other value":        {Rule{Filter: &Filter{Tags: []object.Tag{{Key: "a", Value: "2"}}}}, false},
		"greater":            {Rule{Filter: &Filter{SizeGreaterThan: size(99)}}, true},
		"not greater":        {Rule{Filter: &Filter{SizeGreaterThan: size(100)}}, false},
		"less":               {Rule{Filter: &Filter{SizeLessThan: size(101)}}, true},
		"not less":           {Rule{Filter: &Filter{SizeLessThan: size(100)}}, false},
		"all":                {Rule{Filter: &Filter{And: true, Prefix: text("logs"), Tags: []object.Tag{a}, SizeGreaterThan: size(1), SizeLessThan: size(200)}}, true},
		"all but the prefix": {Rule{Filter: &Filter{And: true, Prefix: text("log/"), Tags: []object.Tag{a}, SizeGreaterThan: size(1)}}, false},
	} {
		if got := c.rule.applies(v); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestTheEarliestRuleCounts(t *testing.T) {
	modified := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	v := &object.Version{Key: "k", Modified: modified}
	disabled := days("disabled", "", 1)
	disabled.Disabled = true
	date := Rule{ID: "date", Expiration: &Expiration{Date: time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC)}}
	c := &Configuration{Rules: []Rule{disabled, days("ten", "", 10), date, days("elsewhere", "x", 1), days("five", "", 5)}}
	if due, ok := c.Expires(v, 0); !ok || due.RuleID != "date" || !due.At.Equal(date.Expiration.Date) {
		t.Errorf("got %v, %v", due, ok)
	}
	c.Rules[2].Disabled = true
	if due, ok := c.Expires(v, 0); !ok || due.RuleID != "five" || !due.At.Equal(time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %v, %v", due, ok)
	}
	if due, ok := c.Expires(&object.Version{Key: "k", DeleteMarker: true, Modified: modified}, 0); ok {
		t.Errorf("a delete marker expires like an object: %v", due)
	}
	if due, ok := (&Configuration{Rules: []Rule{markers("m"), noncurrent("n", 1, 0), disabled}}).Expires(v, 0); ok {
		t.Errorf("rules of other versions expire the current one: %v", due)
	}
}

func TestPrefixesCoverEachOther(t *testing.T) {
	no, yes := false, true
	upload := Rule{Filter: &Filter{Prefix: &[]string{"up/"}[0]}, AbortUploadDays: 1}
	off := days("", "off/", 1)
	off.Disabled = true
	marker := Rule{Prefix: &[]string{"m/"}[0], Expiration: &Expiration{DeleteMarker: &yes}}
	noMarker := Rule{Prefix: &[]string{"n/"}[0], Expiration: &Expiration{DeleteMarker: &no}}
	c := &Configuration{Rules: []Rule{days("", "b/c", 1), days("", "a", 1), upload, days("", "b/", 1), off, days("", "ab", 1), marker, noMarker}}
	p := planOf(object.Bucket{}, c)
	if got := p.objects; len(got) != 2 || got[0] != "a" || got[1] != "b/" {
		t.Errorf("prefixes of objects: %q", got)
	}
	if got := p.uploads; len(got) != 1 || got[0] != "up/" {
		t.Errorf("prefixes of uploads: %q", got)
	}
	p = planOf(object.Bucket{Versioning: object.VersioningSuspended}, c)
	if got := p.objects; len(got) != 3 || got[2] != "m/" {
		t.Errorf("prefixes of objects with versions: %q", got)
	}
}
