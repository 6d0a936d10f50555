package sim

import (
	"strings"
)

// ModelError says that a model breaks a rule of this package: a program carries
// something across a point that is in none of its fields, two functions share a plain
// variable, somebody changes a message that was sent. Nothing that was found before
// is proof of anything.
//
// Every panic of this package that begins with "sim: " is one, and every one of
// package scenario for a scenario that contradicts itself. It is no break of
// NoPanic, which is for panics of the participants themselves: it goes through
// explore.Engine to whoever called it. Run and the searches return it
// as their error; see RecoverModelError.
type ModelError struct{ Reason string }

func (e *ModelError) Error() string { return e.Reason }

// RecoverModelError turns the panic of a refusal into an error. Defer it where
// a world is built, run or searched:
//
//	defer sim.RecoverModelError(&err)
//
// Any other panic goes on.
func RecoverModelError(err *error) {
	reason := recover()
	if reason == nil {
		return
	}
	e := refusal(reason)
	if e == nil {
		panic(reason)
	}
	*err = e
}

// refusal is the ModelError of a panic of this package; nil: the panic is
// another's.
func refusal(reason any) *ModelError {
	switch reason := reason.(type) {
	case *ModelError:
		return reason
	case error:
		return refusal(reason.Error())
	case string:
		if strings.HasPrefix(reason, "sim: ") {
			return &ModelError{reason}
		}
	}
	return nil
}
