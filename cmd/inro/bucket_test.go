package main

import "testing"

func TestAmounts(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1000": 1000, "500GiB": 500 << 30, "2 tib": 2 << 40, "3MB": 3_000_000, "1kB": 1000, "9223372036854775807": 1<<63 - 1,
		"-1": -1, "": -1, "GiB": -1, "1.5GiB": -1, "1Gi": -1, "9999999999TiB": -1, "1 GiB GiB": -1, "1kMB": -1,
	} {
		var a amount
		err := a.UnmarshalText([]byte(text))
		if (err == nil) != (want >= 0) || err == nil && int64(a) != want {
			t.Errorf("%q: %d, %v, want %d", text, a, err, want)
		}
	}
}
