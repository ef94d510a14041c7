package policy

import "strings"

// decimal is a decimal number as text: sign, significant digits in two runs, and the place of the point counted from
// the first digit. Numbers of any length compare exactly and without allocating.
type decimal struct {
	negative bool
	whole    string // digits; together with part they begin with a digit other than 0 and are empty for zero
	part     string
	point    int // the number is 0.d₁d₂d₃… × 10^point
}

// maxExponent bounds the exponent of a number; AWS documents none.
const maxExponent = 9999

// parseDecimal reads [+-]digits[.digits][e[+-]digits].
func parseDecimal(s string) (d decimal, ok bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	d.whole, s = cutDigits(s)
	digits := len(d.whole)
	if s != "" && s[0] == '.' {
		d.part, s = cutDigits(s[1:])
		if d.part == "" {
			return decimal{}, false
		}
		digits += len(d.part)
	}
	exponent, ok := parseExponent(s)
	if !ok || digits == 0 {
		return decimal{}, false
	}
	d.normalize(exponent)
	return d, true
}

func cutDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

func parseExponent(s string) (exponent int, ok bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	digits, rest := cutDigits(s)
	if digits == "" || rest != "" {
		return 0, false
	}
	for i := range len(digits) {
		if exponent = exponent*10 + int(digits[i]-'0'); exponent > maxExponent {
			return 0, false
		}
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

// normalize removes zeros that do not count and places the point.
func (d *decimal) normalize(exponent int) {
	d.whole = strings.TrimLeft(d.whole, "0")
	d.point = len(d.whole) + exponent
	if d.whole == "" {
		trimmed := strings.TrimLeft(d.part, "0")
		d.point -= len(d.part) - len(trimmed)
		d.part = trimmed
	}
	d.part = strings.TrimRight(d.part, "0")
	if d.part == "" {
		d.whole = strings.TrimRight(d.whole, "0")
	}
	if d.whole == "" && d.part == "" {
		d.negative, d.point = false, 0
	}
}

func (d *decimal) digits() int { return len(d.whole) + len(d.part) }

// digit returns the i-th significant digit, '0' beyond the last.
func (d *decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	if i -= len(d.whole); i < len(d.part) {
		return d.part[i]
	}
	return '0'
}

// compare returns -1, 0 or 1 as a is less than, equal to or greater than b.
func (a *decimal) compare(b *decimal) int {
	if a.negative != b.negative {
		if a.negative {
			return -1
		}
		return 1
	}
	c := a.compareMagnitude(b)
	if a.negative {
		return -c
	}
	return c
}

func (a *decimal) compareMagnitude(b *decimal) int {
	switch {
	case a.digits() == 0 || b.digits() == 0:
		return sign(a.digits() - b.digits())
	case a.point != b.point:
		return sign(a.point - b.point)
	}
	for i := range max(a.digits(), b.digits()) {
		if x, y := a.digit(i), b.digit(i); x != y {
			return sign(int(x) - int(y))
		}
	}
	return 0
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
