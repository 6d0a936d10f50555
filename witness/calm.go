package witness

import "racelab/witness/rt"

// Calm runs f by the default schedule, in which the goroutine that runs goes on as
// long as it can: the start of a client, say, is then no part of the search.
func Calm(f func()) { rt.Calm(f) }
