package simrun

import (
	"fmt"
	"strings"

	"racelab/sim/explore"
)

// wasteStates is how many states --waste looks at, if --limit does not say.
const wasteStates = 100_000

// wasteShown is how many fields it lists, of those in which one pair in 200 differs.
const wasteShown = 20

// waste says how many states differ only in what nobody needs any more, and in which
// fields.
func (s *search) waste(a *app, sys *explore.Worlds, o explore.Options) error {
	w, err := explore.FindWaste(sys, o)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, s.Heading())
	all := ", all there are"
	if !w.Complete {
		all = ", and more are left"
	}
	fmt.Fprintf(a.stdout, "%s states%s; %s would do, as nothing that can still happen tells the others apart: %.2f times as many as needed\n",
		thousands(w.States), all, thousands(w.Classes), w.Factor())
	if w.Pairs == 0 {
		return nil
	}
	fmt.Fprintf(a.stdout, "\nOf %s pairs of states that nothing tells apart\n  differ  in it alone\n", thousands(w.Pairs))
	for i, f := range w.Fields {
		if i == wasteShown || 200*f.Pairs < w.Pairs {
			fmt.Fprintf(a.stdout, "and in %d more fields\n", len(w.Fields)-i)
			break
		}
		name, at, _ := strings.Cut(f.Name, ", at ")
		if at != "" {
			name += "  at " + at
		}
		fmt.Fprintf(a.stdout, "%7.0f%% %11.0f%%  %s\n", percent(f.Pairs, w.Pairs), percent(f.Alone, w.Pairs), name)
	}
	return nil
}

func percent(part, of int) float64 { return 100 * float64(part) / float64(of) }
