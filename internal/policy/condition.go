package policy

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// condition is one compiled operator on one key. Only the list of its family is used; policy values that do not parse
// are left out, so that they match nothing.
type condition struct {
	op   operator
	name string // of the key, in lower case

	patterns []pattern      // strings and Bool
	arns     []arnPattern   // ARNs
	numbers  []decimal      // numbers
	instants []instant      // dates
	prefixes []netip.Prefix // IP addresses
	binaries []string       // decoded bytes
	wants    []bool         // Null

	written *Condition
}

func compileCondition(written *Condition, y syntax) condition {
	k := condition{op: written.op, name: strings.ToLower(written.Key), written: written}
	for _, v := range written.Values {
		k.add(v, y)
	}
	return k
}

// add compiles one policy value.
func (k *condition) add(v string, y syntax) {
	switch k.op.family {
	case stringLike:
		y = y.withWildcards()
		fallthrough
	case stringEquals, stringEqualsIgnoreCase, boolean:
		if tokens, err := parseTemplate(v, y); err == nil {
			k.patterns = append(k.patterns, newPattern(tokens))
		}
	case arnLike:
		if p, ok := compileARN(v, y); ok {
			k.arns = append(k.arns, p)
		}
	case numeric:
		if d, ok := parseDecimal(v); ok {
			k.numbers = append(k.numbers, d)
		}
	case date:
		if t, ok := parseInstant(v); ok {
			k.instants = append(k.instants, t)
		}
	case ipAddress:
		if p, ok := parseIPPrefix(v); ok {
			k.prefixes = append(k.prefixes, p)
		}
	case binary:
		if b, err := base64.StdEncoding.DecodeString(v); err == nil {
			k.binaries = append(k.binaries, string(b))
		}
	case null:
		if b, ok := parseBool(v); ok {
			k.wants = append(k.wants, b)
		}
	}
}

// holds decides the condition (spec E.4).
func (k *condition) holds(c *Context) bool {
	e := c.lookup(k.name)
	if k.op.family == null {
		return k.nullHolds(e == nil)
	}
	if e == nil {
		return k.holdsWhenAbsent()
	}
	if !e.isList {
		return k.matches(e.value, c) != k.op.negated
	}
	if k.op.quantifier == forAllValues {
		for _, v := range e.list {
			if k.matches(v, c) == k.op.negated {
				return false
			}
		}
		return true
	}
	if k.op.quantifier == forAnyValue {
		for _, v := range e.list {
			if k.matches(v, c) != k.op.negated {
				return true
			}
		}
		return false
	}
	for _, v := range e.list {
		if k.matches(v, c) {
			return !k.op.negated
		}
	}
	return k.op.negated
}

func (k *condition) holdsWhenAbsent() bool {
	switch {
	case k.op.ifExists:
		return true
	case k.op.quantifier == forAllValues:
		return true
	case k.op.quantifier == forAnyValue:
		return false
	}
	return k.op.negated
}

func (k *condition) nullHolds(absent bool) bool {
	for _, want := range k.wants {
		if want == absent {
			return true
		}
	}
	return false
}

// matches reports whether v, a value of the key, matches one of the policy's values, negation left aside.
func (k *condition) matches(v string, c *Context) bool {
	switch k.op.family {
	case stringEquals, stringLike:
		for i := range k.patterns {
			if k.patterns[i].match(v, c) {
				return true
			}
		}
	case stringEqualsIgnoreCase:
		return k.matchesIgnoringCase(v, c)
	case boolean:
		_, ok := parseBool(v)
		return ok && k.matchesIgnoringCase(v, c)
	case arnLike:
		return k.matchesARN(v, c)
	case numeric:
		return k.matchesNumber(v)
	case date:
		return k.matchesInstant(v)
	case ipAddress:
		return k.matchesAddress(v)
	case binary:
		return k.matchesBinary(v)
	}
	return false
}

func (k *condition) matchesIgnoringCase(v string, c *Context) bool {
	for i := range k.patterns {
		if k.patterns[i].equalIgnoringCase(v, c) {
			return true
		}
	}
	return false
}

func (k *condition) matchesARN(v string, c *Context) bool {
	parts, n := splitARN(v)
	if n != arnSegments {
		return false
	}
	for i := range k.arns {
		if k.arns[i].match(v, &parts, c) {
			return true
		}
	}
	return false
}

func (k *condition) matchesNumber(v string) bool {
	d, ok := parseDecimal(v)
	if !ok {
		return false
	}
	for i := range k.numbers {
		if k.op.relation.holds(d.compare(&k.numbers[i])) {
			return true
		}
	}
	return false
}

func (k *condition) matchesInstant(v string) bool {
	t, ok := parseInstant(v)
	if !ok {
		return false
	}
	for _, want := range k.instants {
		if k.op.relation.holds(t.compare(want)) {
			return true
		}
	}
	return false
}

func (k *condition) matchesAddress(v string) bool {
	addr, err := netip.ParseAddr(v)
	if err != nil || addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap()
	for _, p := range k.prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func (k *condition) matchesBinary(v string) bool {
	b, err := base64.StdEncoding.DecodeString(v)
	if err != nil {
		return false
	}
	for _, want := range k.binaries {
		if want == string(b) {
			return true
		}
	}
	return false
}

// parseIPPrefix reads a CIDR or an address, which counts as /32 or /128. Bits beyond the prefix do not matter, and
// IPv4-mapped IPv6 counts as IPv4.
func parseIPPrefix(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, false
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

// parseBool reads true or false in any case.
func parseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

// equalIgnoringCase compares all of s with a pattern without wildcards, by Unicode's simple folding.
func (p *pattern) equalIgnoringCase(s string, c *Context) bool {
	if p.isExact {
		return equalFold(s, p.exact)
	}
	for i := range p.tokens {
		t := &p.tokens[i]
		text := t.text
		if t.kind == variableToken {
			var ok bool
			if text, ok = t.resolve(c); !ok {
				return false
			}
		}
		var ok bool
		if s, ok = cutPrefixFold(s, text); !ok {
			return false
		}
	}
	return s == ""
}

func equalFold(s, text string) bool {
	rest, ok := cutPrefixFold(s, text)
	return ok && rest == ""
}

// cutPrefixFold removes from s as many characters as text has, if they are equal but for case. Unlike
// strings.EqualFold it does not take two different invalid bytes for equal.
func cutPrefixFold(s, text string) (rest string, ok bool) {
	for text != "" {
		if s == "" {
			return "", false
		}
		n, m := charLength(s), charLength(text)
		a, b := s[:n], text[:m]
		if a != b && (!utf8.ValidString(a) || !utf8.ValidString(b) || !strings.EqualFold(a, b)) {
			return "", false
		}
		s, text = s[n:], text[m:]
	}
	return s, true
}

// arnPattern is a policy value of an ARN operator: six parts, each matched with wildcards.
type arnPattern struct {
	parts [arnSegments]pattern
	// whole is used instead for a value that is one variable; isWhole says so.
	whole   pattern
	isWhole bool
}

// compileARN compiles a value; ok is false when it has not six parts and so can match nothing.
func compileARN(v string, y syntax) (p arnPattern, ok bool) {
	tokens, err := parseTemplate(v, y.withWildcards())
	if err != nil {
		return arnPattern{}, false
	}
	if len(tokens) == 1 && tokens[0].kind == variableToken {
		return arnPattern{whole: newPattern(tokens), isWhole: true}, true
	}
	parts, n := splitTokens(tokens)
	for i := range parts {
		p.parts[i] = newPattern(parts[i])
	}
	return p, n == arnSegments
}

// splitTokens splits tokens at the first five colons in literal text; colons inside variables do not count.
func splitTokens(tokens []token) (parts [arnSegments][]token, n int) {
	for _, t := range tokens {
		for t.kind == literalToken && n < arnSegments-1 {
			before, after, found := strings.Cut(t.text, ":")
			if !found {
				break
			}
			if before != "" {
				parts[n] = append(parts[n], token{kind: literalToken, text: before})
			}
			t.text = after
			n++
		}
		if t.kind != literalToken || t.text != "" {
			parts[n] = append(parts[n], t)
		}
	}
	return parts, n + 1
}

// match takes the value of the key both whole and split.
func (p *arnPattern) match(whole string, parts *[arnSegments]string, c *Context) bool {
	if p.isWhole {
		return p.whole.match(whole, c)
	}
	for i := range p.parts {
		if !p.parts[i].match(parts[i], c) {
			return false
		}
	}
	return true
}
