package simrun

import (
	"fmt"

	"racelab/sim/explore"
)

// wasteStates is how many states --waste looks at, if --limit does not say.
const wasteStates = 100_000

// wasteShown is how many causes it lists, and wasteFields how many fields of each.
const (
	wasteShown  = 20
	wasteFields = 8
)

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
		explore.Thousands(w.States), all, explore.Thousands(w.Classes), w.Factor())
	causes, left := w.Causes()
	if left == 0 {
		return nil
	}
	fmt.Fprintf(a.stdout, "\nWhat tells %s of those that are too many from the state of their class that is most alike, with an example of each\n", explore.Thousands(left))
	for i, c := range causes {
		if i == wasteShown {
			fmt.Fprintf(a.stdout, "and %s by %s other sets of fields\n", explore.Thousands(left), explore.Thousands(len(causes)-i))
			break
		}
		left -= c.States
		number := explore.Thousands(c.States)
		for k, d := range c.Example {
			if k == wasteFields {
				fmt.Fprintf(a.stdout, "%9sand in %d more\n", "", len(c.Example)-k)
				break
			}
			fmt.Fprintf(a.stdout, "%7s  %s: %s | %s\n", number, d.Name, d.First, d.Second)
			number = ""
		}
		fmt.Fprintf(a.stdout, "%9safter %s\n", "", c.After)
	}
	return nil
}
