package hook

import "fmt"

// RaceError is a data race.
type RaceError struct {
	Object        string
	First, Second RacingAccess
}

// RacingAccess is one access of a data race.
type RacingAccess struct {
	Task  string
	Point string // from which its step began
	Step  int    // of the run, from 1
	Write bool
}

func (e *RaceError) Error() string {
	return fmt.Sprintf("data race on %s: %s %s it at step %d (%q), %s %s it at step %d (%q), and no lock, message or atomic leads from the first to the second",
		e.Object, e.First.Task, verb(e.First.Write, "wrote", "read"), e.First.Step, e.First.Point,
		e.Second.Task, verb(e.Second.Write, "writes", "reads"), e.Second.Step, e.Second.Point)
}

func verb(write bool, writes, reads string) string {
	if write {
		return writes
	}
	return reads
}
