package policy

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// naiveMatch is the definition of matching: tokens against characters, every * tried at every length, with the answers
// remembered.
func naiveMatch(tokens []token, values []string, s string, fold bool) bool {
	var flat []token
	for _, t := range tokens {
		if t.kind == variableToken {
			t = token{kind: literalToken, text: values[0]}
			values = values[1:]
		}
		flat = append(flat, t)
	}
	type key struct{ token, at int }
	known := make(map[key]bool)
	var match func(ti, at int) bool
	match = func(ti, at int) (result bool) {
		if got, ok := known[key{ti, at}]; ok {
			return got
		}
		defer func() { known[key{ti, at}] = result }()
		if ti == len(flat) {
			return at == len(s)
		}
		rest := s[at:]
		switch flat[ti].kind {
		case anyTextToken:
			return match(ti+1, at) || rest != "" && match(ti, at+charLength(rest))
		case anyCharToken:
			return rest != "" && match(ti+1, at+charLength(rest))
		}
		text := flat[ti].text
		if len(rest) < len(text) {
			return false
		}
		equal := rest[:len(text)] == text
		if fold {
			equal = asciiLower(rest[:len(text)]) == text
		}
		return equal && match(ti+1, at+len(text))
	}
	return match(0, 0)
}

func asciiLower(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = lower(b[i])
	}
	return string(b)
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "aXbYc", "", false)
	f.Add("*${k:v}*", "xxvalyy", "val", false)
	f.Add("s3:*Object", "S3:GetObject", "", true)
	f.Add("*?é*", "ééé", "", false)
	f.Add("*${k:v}", "a**", "*", false)
	f.Add("a*a*a*a*b", strings.Repeat("a", 30), "", false)
	f.Fuzz(func(t *testing.T, pattern, s, value string, fold bool) {
		if len(pattern) > 100 || len(s) > 200 || !utf8.ValidString(pattern) || !utf8.ValidString(value) {
			return
		}
		y := syntax{variables: true, wildcards: true}
		if fold {
			pattern, y.variables = asciiLower(pattern), false
		}
		tokens, err := parseTemplate(pattern, y)
		if err != nil {
			return
		}
		var values []string
		for _, tok := range tokens {
			if tok.kind == variableToken {
				values = append(values, value)
			}
		}
		got, want := matchTokens(tokens, values, s, fold), naiveMatch(tokens, values, s, fold)
		if got != want {
			t.Errorf("pattern %q value %q text %q fold %v: got %v, want %v", pattern, value, s, fold, got, want)
		}
	})
}

func TestMatchIsNotExponential(t *testing.T) {
	pattern := strings.Repeat("a*", 4000) + "b"
	text := strings.Repeat("a", 8000)
	tokens, err := parseTemplate(pattern, syntax{wildcards: true})
	if err != nil {
		t.Fatal(err)
	}
	question, err := parseTemplate("*"+strings.Repeat("?a", 2000)+"b", syntax{wildcards: true})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if matchTokens(tokens, nil, text, false) || matchTokens(tokens, nil, text, true) || matchTokens(question, nil, text, false) {
		t.Error("got a match, want none")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestEqualIgnoringCaseTellsInvalidBytesApart(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"É", "é", true}, {"K", "\u212a", true}, {"\xff", "\xff", true}, {"\xff", "\xfe", false}, {"\ufffd", "\xff", false}, {"a", "ab", false},
	}
	for _, tt := range tests {
		if got := equalFold(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: got %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
