package sim

import (
	"errors"
	"math/rand/v2"
)

// Chooser decides what happens next, whenever that is open.
type Chooser interface {
	// Choose returns the index of the event to take. An error ends the run:
	// ErrScheduleEnds without blame, any other because the choice is impossible.
	Choose(enabled []Event) (int, error)
}

// ErrScheduleEnds is what a Chooser returns to end the run without blame: it has no
// more events.
var ErrScheduleEnds = errors.New("the schedule ends")

// Ending is why a run ended.
type Ending string

const (
	Finished      Ending = "finished"       // every task ended
	Stuck         Ending = "stuck"          // tasks are left, and nothing can happen
	ScheduleEnded Ending = "schedule ended" // the chooser had nothing more to say
	StepLimit     Ending = "step limit"     // the run was cut off
)

// MaxSteps is how many steps a run may have. Run and the samplers cut a longer one
// off: Run returns StepLimit then. A search of all states has no such limit.
const MaxSteps = 10_000

// Run runs the world to its end by the choices of c, at most MaxSteps steps.
// The error is the chooser's, a schedule that does not fit, or a ModelError.
//
// A broken property does not stop it, and is not returned; World.Violations has the
// last step's alone. Package simtest has Broken, which returns all that broke.
func Run(w *World, c Chooser) (ending Ending, err error) {
	defer RecoverModelError(&err)
	for range MaxSteps {
		enabled := w.events()
		if len(enabled) == 0 {
			if len(w.left()) > 0 {
				return Stuck, nil
			}
			return Finished, nil
		}
		i, err := c.Choose(enabled)
		if errors.Is(err, ErrScheduleEnds) {
			return ScheduleEnded, nil
		}
		if err != nil {
			return "", err
		}
		w.take(i)
	}
	return StepLimit, nil
}

// walk takes each enabled event with the same probability.
type walk struct{ random *rand.Rand }

// NewWalk returns a Chooser that takes each enabled event with the same
// probability. The same seed makes the same choices.
func NewWalk(seed uint64) Chooser {
	return &walk{rand.New(rand.NewPCG(seed, 0))}
}

func (c *walk) Choose(enabled []Event) (int, error) { return c.random.IntN(len(enabled)), nil }
