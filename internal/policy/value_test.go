package policy

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

func TestDecimalsCompareLikeRationals(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	number := func() string {
		s := [...]string{"", "-", "+"}[r.IntN(3)]
		for range 1 + r.IntN(4) {
			s += string("00159"[r.IntN(5)])
		}
		if r.IntN(2) == 0 {
			s += "."
			for range 1 + r.IntN(4) {
				s += string("00159"[r.IntN(5)])
			}
		}
		if r.IntN(3) == 0 {
			s += fmt.Sprintf("e%d", r.IntN(7)-3)
		}
		return s
	}
	for range 20000 {
		a, b := number(), number()
		x, okX := parseDecimal(a)
		y, okY := parseDecimal(b)
		p, _ := new(big.Rat).SetString(a)
		q, _ := new(big.Rat).SetString(b)
		if !okX || !okY || x.compare(&y) != p.Cmp(q) {
			t.Fatalf("%s and %s: got %d %v %v, want %d", a, b, x.compare(&y), okX, okY, p.Cmp(q))
		}
	}
}

func TestDecimalsRefuse(t *testing.T) {
	for _, s := range []string{"", "-", ".", "1.", "1..2", "1e", "1e+", "1e99999999999", "0x10", "1 ", " 1", "1,5", "NaN", "Inf", "1_000", "--1", "٣"} {
		if d, ok := parseDecimal(s); ok {
			t.Errorf("%q: got %+v, want a refusal", s, d)
		}
	}
	if d, ok := parseDecimal(".5"); !ok || d.part != "5" {
		t.Errorf(".5: got %+v %v", d, ok)
	}
}

func TestInstantsAgreeWithTime(t *testing.T) {
	for day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 10000; day = day.AddDate(0, 0, 97) {
		text := day.Format("2006-01-02")
		if got, ok := parseInstant(text); !ok || got.seconds != day.Unix() {
			t.Fatalf("%s: got %d %v, want %d", text, got.seconds, ok, day.Unix())
		}
	}
	for _, text := range []string{"2026-08-01T12:34:56Z", "2024-02-29T23:59:59.25+09:00", "1969-12-31T00:00:00-11:30", "2000-01-01T00:00:00.123456789Z"} {
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := parseInstant(text); !ok || got.seconds != want.Unix() || int(got.nanos) != want.Nanosecond() {
			t.Errorf("%s: got %+v %v, want %v", text, got, ok, want)
		}
	}
}

func TestInstantsRefuse(t *testing.T) {
	for _, s := range []string{"", "now", "2026-13-01", "2026-00-01", "2025-02-29", "2026-04-31", "2026-08-01T", "2026-08-01T12", "2026-08-01T24:00Z",
		"2026-08-01T12:60Z", "2026-08-01T12:00:61Z", "2026-08-01T12:00:00.Z", "2026-08-01T12:00Zx", "2026-08-01T12:00+9", "2026-08-01T12:00+25:00",
		"2026-8-1", "26-08-01", "2026-08-01 12:00:00Z", "1234567890123456789", "-", "1.5"} {
		if got, ok := parseInstant(s); ok {
			t.Errorf("%q: got %+v, want a refusal", s, got)
		}
	}
}
