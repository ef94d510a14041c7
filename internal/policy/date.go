package policy

// instant is a point in time, exact to the nanosecond.
type instant struct {
	seconds int64 // since 1970, may be negative
	nanos   int32
}

func (a instant) compare(b instant) int {
	if a.seconds != b.seconds {
		if a.seconds < b.seconds {
			return -1
		}
		return 1
	}
	return sign(int(a.nanos) - int(b.nanos))
}

// parseInstant reads a date of the W3C profile of ISO 8601 (2026-08-01, 2026-08-01T12:00Z, …T12:00:00.5+09:00; without
// a zone it is UTC) or whole seconds since 1970. A bare year is taken for seconds (decision).
func parseInstant(s string) (t instant, ok bool) {
	if t, ok = parseEpoch(s); ok {
		return t, true
	}
	d := dateReader{s: s}
	year := d.number(4)
	d.literal('-')
	month := d.number(2)
	day := int64(1)
	if d.accept('-') {
		day = d.number(2)
	}
	if d.bad || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return instant{}, false
	}
	t.seconds = daysSinceEpoch(year, month, day) * 86400
	if d.accept('T') {
		seconds, nanos := d.clock()
		t.seconds += seconds
		t.nanos = nanos
	}
	return t, !d.bad && d.s == ""
}

// parseEpoch reads up to 18 digits with an optional minus.
func parseEpoch(s string) (t instant, ok bool) {
	negative := s != "" && s[0] == '-'
	if negative {
		s = s[1:]
	}
	digits, rest := cutDigits(s)
	if digits == "" || rest != "" || len(digits) > 18 {
		return instant{}, false
	}
	for i := range len(digits) {
		t.seconds = t.seconds*10 + int64(digits[i]-'0')
	}
	if negative {
		t.seconds = -t.seconds
	}
	return t, true
}

// dateReader reads fixed-width fields and remembers whether one was bad.
type dateReader struct {
	s   string
	bad bool
}

func (d *dateReader) number(width int) int64 {
	if len(d.s) < width {
		d.bad = true
		return 0
	}
	var n int64
	for i := range width {
		c := d.s[i]
		if c < '0' || c > '9' {
			d.bad = true
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	d.s = d.s[width:]
	return n
}

func (d *dateReader) accept(c byte) bool {
	if d.s == "" || d.s[0] != c {
		return false
	}
	d.s = d.s[1:]
	return true
}

func (d *dateReader) literal(c byte) {
	if !d.accept(c) {
		d.bad = true
	}
}

// clock reads hh:mm[:ss[.fraction]] and the zone.
func (d *dateReader) clock() (seconds int64, nanos int32) {
	hour := d.number(2)
	d.literal(':')
	minute := d.number(2)
	second := int64(0)
	if d.accept(':') {
		second = d.number(2)
		if d.accept('.') {
			nanos = d.fraction()
		}
	}
	if hour > 23 || minute > 59 || second > 60 {
		d.bad = true
	}
	return hour*3600 + minute*60 + second - d.zone(), nanos
}

// fraction reads the digits of a fraction of a second; those beyond the ninth do not count.
func (d *dateReader) fraction() int32 {
	digits, rest := cutDigits(d.s)
	d.s = rest
	if digits == "" {
		d.bad = true
	}
	var nanos int32
	for i := range 9 {
		nanos *= 10
		if i < len(digits) {
			nanos += int32(digits[i] - '0')
		}
	}
	return nanos
}

// zone reads Z, ±hh:mm, ±hhmm or nothing and returns seconds east of UTC.
func (d *dateReader) zone() int64 {
	east := int64(1)
	switch {
	case d.s == "" || d.accept('Z'):
		return 0
	case d.accept('-'):
		east = -1
	default:
		d.literal('+')
	}
	hour := d.number(2)
	d.accept(':')
	minute := d.number(2)
	if hour > 23 || minute > 59 {
		d.bad = true
	}
	return east * (hour*3600 + minute*60)
}

func leap(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if leap(year) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSinceEpoch counts days from 1970-01-01 in the Gregorian calendar, for years 0 to 9999. Years are taken to
// begin in March, so that the leap day is the last.
func daysSinceEpoch(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	year += 400 // keeps every term positive for year 0
	days := 365*year + year/4 - year/100 + year/400
	days += (153*(month-3) + 2) / 5
	return days + day - 1 - 719468 - 146097
}
