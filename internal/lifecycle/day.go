package lifecycle

import (
	"math"
	"time"
)

// Day is how long a day of a rule lasts. Zero is a day as S3 counts it.
type Day time.Duration

const wholeDay = 24 * time.Hour

func (d Day) whole() bool { return d == 0 || time.Duration(d) == wholeDay }

// after returns when days have passed since t. A whole day ends at midnight UTC
// (S3 User Guide, "Lifecycle rules: Based on an object's age": the result is
// rounded to the next day midnight UTC).
func (d Day) after(t time.Time, days int) time.Time {
	if !d.whole() {
		if int64(days) > math.MaxInt64/int64(d) {
			return t.Add(math.MaxInt64)
		}
		return t.Add(time.Duration(days) * time.Duration(d))
	}
	// Not by Add: 100 years of days are too long for a Duration, and a
	// configuration may hold more.
	due := t.UTC().AddDate(0, 0, days)
	midnight := time.Date(due.Year(), due.Month(), due.Day(), 0, 0, 0, 0, time.UTC)
	if midnight.Before(due) {
		midnight = midnight.AddDate(0, 0, 1)
	}
	return midnight
}
