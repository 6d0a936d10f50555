package sim

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// panicError is a panic of a participant.
type panicError struct {
	Actor  string
	Reason any
	where  string // the line that panicked: "cache.go:31"
}

func (e *panicError) Error() string { return fmt.Sprintf("%s panicked: %v", e.Actor, e.Reason) }

// Where is the line of the participant's code that panicked, if that is known.
func (e *panicError) Where() string { return e.where }

// panicSite is the line that panics, for a deferred function that has recovered.
func panicSite() string { return siteOf(false) }

// caller is the line of a participant's code that calls this package.
func caller() string { return siteOf(true) }

// siteOf is the first line on the stack that is neither this package's nor Go's own; not
// inside, it is the first below a panic.
func siteOf(inside bool) string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panics := inside
	root := "" // of Go's own files; empty: unknown, as in a build with -trimpath
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panics, root = true, strings.TrimSuffix(f.File, "runtime/panic.go")
		case root != "" && strings.HasPrefix(f.File, root):
		case panics && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "racelab/sim."):
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
	}
	return ""
}

// panicked notes the panic of a participant. A refusal of this package goes on
// to whoever let the world take the step, unless the step was one of a check
// that gave the variables other values: then it says nothing.
func (w *World) panicked(err *panicError) {
	if e := refusal(err.Reason); e != nil && !w.estranged {
		panic(e)
	}
	w.broke(NoPanic, err)
}
