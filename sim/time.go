package sim

import (
	"math"
	"time"
)

// Time is a moment of the world's time, as the distance from the start of the
// run, or Never. Its unit is that of a time.Duration, the nanosecond. What counts
// of one is its distance from now: two states that differ only in the time of day
// are one.
type Time time.Duration

// Never is the moment of what does not happen. It is before any other.
const Never = Time(math.MinInt64)

// Add is the moment that comes later by d.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub is how much later t is than u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Before says whether t comes before u.
func (t Time) Before(u Time) bool { return t < u }

func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return time.Duration(t).String()
}

// clock is the time of a world. Nothing moves it but events: a timer that
// fires moves it to its deadline, and in timed mode each event has its moment.
//
// A deadline counts, the time of day does not: saved states hold every moment
// relative to now, so that two states that differ only in when they are
// reached are one.
type clock struct {
	object
	used bool // the world has timers, or is timed: else it has no time
	now  Time
}
