package policy

import (
	"strings"
	"unicode/utf8"
)

// pattern is a compiled template, matched in place against a value.
type pattern struct {
	tokens    []token
	variables int

	// exact is the whole text of a pattern without wildcards and variables, which isExact says it is.
	exact   string
	isExact bool
}

func newPattern(tokens []token) pattern {
	p := pattern{tokens: tokens}
	for _, t := range tokens {
		if t.kind == variableToken {
			p.variables++
		}
	}
	switch {
	case len(tokens) == 0:
		p.isExact = true
	case len(tokens) == 1 && tokens[0].kind == literalToken:
		p.isExact, p.exact = true, tokens[0].text
	}
	return p
}

// maxStackVariables is how many variables of one pattern are resolved without allocating.
const maxStackVariables = 8

// match reports whether all of s matches, with variables taken from c as literal text. An unresolved variable
// matches nothing.
func (p *pattern) match(s string, c *Context) bool {
	if p.isExact {
		return s == p.exact
	}
	if p.variables == 0 {
		return matchTokens(p.tokens, nil, s, false)
	}
	var stack [maxStackVariables]string
	values, ok := p.resolve(c, stack[:0])
	return ok && matchTokens(p.tokens, values, s, false)
}

// matchFold is match without regard to the case of ASCII letters; the pattern must be in lower case and hold no variables.
func (p *pattern) matchFold(s string) bool {
	if p.isExact {
		return len(s) == len(p.exact) && hasPrefixFold(s, p.exact)
	}
	return matchTokens(p.tokens, nil, s, true)
}

// resolve appends the values of p's variables in order; ok is false when one is unresolved.
func (p *pattern) resolve(c *Context, values []string) (_ []string, ok bool) {
	for i := range p.tokens {
		t := &p.tokens[i]
		if t.kind != variableToken {
			continue
		}
		value, ok := t.resolve(c)
		if !ok {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// resolve returns the text that takes the variable's place (spec E.3, A.7).
func (t *token) resolve(c *Context) (value string, ok bool) {
	e := c.lookup(t.name)
	switch {
	case e == nil || e.isList:
		return t.fallback, t.hasDefault
	case e.certificate != nil && e.certificate.verbatim:
		return t.text, true
	case e.certificate != nil:
		return e.certificate.substitute, true
	}
	return e.value, true
}

// matchTokens matches all of s. values holds the text of the variables in order of appearance.
//
// It keeps one point to go back to, the latest *: when what follows it does not fit, the * takes one more character.
// Earlier * never need to be tried again, since a shorter text for them leaves the most to the later ones. That bounds
// the work by len(tokens) × len(s).
func matchTokens(tokens []token, values []string, s string, fold bool) bool {
	var (
		ti, vi, si int  // next token, next variable, position in s
		star       bool // a * has been seen:
		starTi     int  // the token after it,
		starVi     int  // the variable after it,
		starSi     int  // and where its text ends
	)
	for {
		if ti < len(tokens) {
			switch t := &tokens[ti]; t.kind {
			case anyTextToken:
				ti++
				if ti == len(tokens) {
					return true
				}
				star, starTi, starVi, starSi = true, ti, vi, si
				continue
			case anyCharToken:
				if si < len(s) {
					si += charLength(s[si:])
					ti++
					continue
				}
			default:
				text := t.text
				if t.kind == variableToken {
					text = values[vi]
				}
				if hasPrefix(s[si:], text, fold) {
					si += len(text)
					ti++
					if t.kind == variableToken {
						vi++
					}
					continue
				}
			}
		} else if si == len(s) {
			return true
		}
		if !star {
			return false
		}
		if starSi = advance(tokens, starTi, values, starVi, s, starSi, fold); starSi < 0 {
			return false
		}
		ti, vi, si = starTi, starVi, starSi
	}
}

// advance returns the next place after at where the token after a * may begin, or -1 if there is none.
func advance(tokens []token, ti int, values []string, vi int, s string, at int, fold bool) int {
	if at >= len(s) {
		return -1
	}
	at += charLength(s[at:])
	t := &tokens[ti]
	if t.kind == anyCharToken || fold {
		return at
	}
	text := t.text
	if t.kind == variableToken {
		text = values[vi]
	}
	if ti == len(tokens)-1 { // the last token can only fit at the end
		if end := len(s) - len(text); end >= at {
			return end
		}
		return -1
	}
	next := strings.Index(s[at:], text)
	if next < 0 {
		return -1
	}
	return at + next
}

// charLength returns the length of the first character of s, which is not empty: one byte if it is not valid UTF-8.
func charLength(s string) int {
	if s[0] < utf8.RuneSelf {
		return 1
	}
	_, size := utf8.DecodeRuneInString(s)
	return size
}

func hasPrefix(s, prefix string, fold bool) bool {
	if fold {
		return hasPrefixFold(s, prefix)
	}
	return strings.HasPrefix(s, prefix)
}

// hasPrefixFold is strings.HasPrefix without regard to the case of ASCII letters in s; prefix is in lower case.
func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
