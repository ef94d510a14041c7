package policy

import (
	"errors"
	"strings"
)

// syntax says which special texts a pattern or value of a document may hold.
type syntax struct {
	variables bool // ${key} and ${*}: Version 2012-10-17
	iot       bool // $(*) as well
	wildcards bool // * and ? are wildcards
}

func (d *Document) syntax() syntax {
	return syntax{variables: d.Version == Version2012, iot: d.Kind == IoT}
}

// withWildcards returns the syntax in which * and ? are wildcards.
func (y syntax) withWildcards() syntax {
	y.wildcards = true
	return y
}

type tokenKind uint8

const (
	literalToken  tokenKind = iota // text as it is
	anyCharToken                   // ?
	anyTextToken                   // *
	variableToken                  // ${…}
)

// token is a piece of a template.
type token struct {
	kind       tokenKind
	text       string // literal text; for a variable the ${…} as written
	key        string // of a variable, as written
	name       string // key in lower case
	fallback   string // the default
	hasDefault bool
}

var errVariable = errors.New("malformed variable")

// parseTemplate splits s into tokens. Neighbouring literals are joined and neighbouring * are one.
func parseTemplate(s string, y syntax) ([]token, error) {
	var tokens []token
	literal := func(text string) {
		if text == "" {
			return
		}
		if n := len(tokens); n > 0 && tokens[n-1].kind == literalToken {
			tokens[n-1].text += text
			return
		}
		tokens = append(tokens, token{kind: literalToken, text: text})
	}
	for s != "" {
		special := strings.IndexAny(s, "$*?")
		if special < 0 {
			special = len(s)
		}
		literal(s[:special])
		if s = s[special:]; s == "" {
			break
		}
		if n := escapeLength(s, y); n > 0 {
			literal(s[2:3])
			s = s[n:]
			continue
		}
		switch {
		case s[0] == '$' && y.variables && strings.HasPrefix(s, "${"):
			v, err := parseVariable(s)
			if err != nil {
				return nil, err
			}
			tokens = append(tokens, v)
			s = s[len(v.text):]
			continue
		case s[0] == '*' && y.wildcards:
			if n := len(tokens); n == 0 || tokens[n-1].kind != anyTextToken {
				tokens = append(tokens, token{kind: anyTextToken})
			}
		case s[0] == '?' && y.wildcards:
			tokens = append(tokens, token{kind: anyCharToken})
		default:
			literal(s[:1])
		}
		s = s[1:]
	}
	return tokens, nil
}

// escapeLength returns the length of ${*}, ${?}, ${$} or, for IoT, $(*), $(?), $($) at the start of s; 0 if there is none.
func escapeLength(s string, y syntax) int {
	if !y.variables || len(s) < 4 || s[0] != '$' || !strings.Contains("*?$", s[2:3]) {
		return 0
	}
	if s[1] == '{' && s[3] == '}' || y.iot && s[1] == '(' && s[3] == ')' {
		return 4
	}
	return 0
}

// parseVariable reads ${key} or ${key, 'default'} at the start of s (spec E.3).
func parseVariable(s string) (token, error) {
	end := strings.IndexAny(s[2:], ",}")
	if end < 0 {
		return token{}, errVariable
	}
	end += 2
	v := token{kind: variableToken, key: s[2:end]}
	if !validVariableKey(v.key) {
		return token{}, errVariable
	}
	v.name = strings.ToLower(v.key)
	if s[end] == ',' {
		rest := strings.TrimLeft(s[end+1:], " ")
		if rest == "" || rest[0] != '\'' {
			return token{}, errVariable
		}
		quote := strings.IndexByte(rest[1:], '\'')
		if quote < 0 {
			return token{}, errVariable
		}
		v.fallback, v.hasDefault = rest[1:1+quote], true
		rest = strings.TrimLeft(rest[quote+2:], " ")
		if rest == "" || rest[0] != '}' {
			return token{}, errVariable
		}
		end = len(s) - len(rest)
	}
	v.text = s[:end+1]
	return v, nil
}

// validVariableKey refuses what can be no key: tag keys (the widest sort) hold letters, digits, spaces and _.:/=+-@,
// thing attributes brackets.
func validVariableKey(key string) bool {
	return key != "" && strings.Trim(key, " ") == key && !strings.ContainsAny(key, "${}*?'\"\\<>()") && strings.IndexFunc(key, isControl) < 0
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// eachVariable calls f with the key of every variable in s, which has been validated.
func eachVariable(s string, y syntax, f func(key string)) {
	tokens, err := parseTemplate(s, y)
	if err != nil {
		return
	}
	for _, t := range tokens {
		if t.kind == variableToken {
			f(t.key)
		}
	}
}
