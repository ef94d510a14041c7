package metastore_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"inro.dev/inro/internal/metastore"
)

func TestPrefixEnd(t *testing.T) {
	for prefix, want := range map[string]string{
		"": "", "a": "b", "az": "a{", "\x7f": "\u0080", "\ud7ff": "\ue000", "a\U0010ffff": "b",
		"\U0010ffff\U0010ffff": "", "\uffff": "\U00010000", "日": string('日' + 1),
	} {
		if got := metastore.PrefixEnd(prefix); got != want {
			t.Errorf("PrefixEnd(%q) = %q, want %q", prefix, got, want)
		}
	}
}

// FuzzPrefixEnd checks that a text begins with a prefix if and only if it lies
// in the range that stands for it.
func FuzzPrefixEnd(f *testing.F) {
	for _, seed := range [][2]string{{"a", "ab"}, {"\ud7ff", "\ue000"}, {"a\U0010ffff", "a\U0010ffff\U0010ffff"}, {"%", "a"}, {"", "x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, prefix, text string) {
		if !utf8.ValidString(prefix) || !utf8.ValidString(text) {
			return
		}
		end := metastore.PrefixEnd(prefix)
		if !utf8.ValidString(end) {
			t.Errorf("PrefixEnd(%q) = %q is not UTF-8", prefix, end)
		}
		for _, text := range []string{text, prefix + text} {
			inRange := text >= prefix && (end == "" || text < end)
			if inRange != strings.HasPrefix(text, prefix) {
				t.Errorf("%q is in the range of prefix %q, which ends at %q: %t", text, prefix, end, inRange)
			}
		}
	})
}
