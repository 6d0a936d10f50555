package witness

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/internal/search"
)

// ParseOrders reads orders between steps, one a line or parted by semicolons:
//
//	worker cache.put Lock before worker:2 cache.get Lock#2
//
// The second step does not happen until the first one has; #2 is the second time.
func ParseOrders(text string) ([]explore.Before, error) {
	return explore.ParseOrders(strings.ReplaceAll(text, ";", "\n"))
}

// keeping is one run that keeps orders.
type keeping struct {
	outcome
	happened map[sim.Step]int // which step of the run it was
	events   []string         // that happened, without their occurrence
}

// follow runs by orders up to the first break or the end. Apart from them the default
// schedule is taken. An order gives way where nothing but its later step can happen.
func follow(sys *search.System, orders []explore.Before) *keeping {
	sys.Reset()
	k := &keeping{happened: map[sim.Step]int{}}
	taken, times := map[string]int{}, map[string]int{}
	step := func(actor, label string, further int) sim.Step {
		return sim.Step{Actor: actor, Label: label, Occurrence: times[actor+" "+label] + further}
	}
	gone := map[int]bool{}
	for len(k.steps) < mostSteps(sys) && k.broke == nil {
		enabled := sys.Enabled()
		if len(enabled) == 0 {
			break
		}
		pick, first := -1, -1
		for i, e := range enabled {
			held := slices.IndexFunc(orders, func(o explore.Before) bool {
				return o.Later == step(e.Actor, e.Label, 1) && k.happened[o.Earlier] == 0 && !gone[slices.Index(orders, o)]
			})
			if held < 0 {
				pick = i
				break
			}
			if first < 0 {
				first = held
			}
		}
		if pick < 0 {
			gone[first] = true
			continue
		}
		if pick > 0 {
			k.decisions = append(k.decisions, Decision{enabled[0].Actor, taken[enabled[0].Actor] + 1, enabled[pick].String()})
		}
		k.take(sys, pick, taken)
		for _, s := range sys.Trace() {
			name := s.Event.String()
			if times[name]++; times[name] == 1 {
				k.events = append(k.events, name)
			}
			k.happened[step(s.Event.Actor, s.Event.Label, 0)] = len(k.happened) + 1
		}
	}
	k.history = sys.Fingerprint()
	return k
}

// kept says whether both steps of an order happened, the earlier one first.
func (k *keeping) kept(o explore.Before) bool {
	earlier, later := k.happened[o.Earlier], k.happened[o.Later]
	return earlier > 0 && earlier < later
}

// missing is a step of an order that did not happen, and the events that come near it.
func (k *keeping) missing(o explore.Before) string {
	for _, step := range []sim.Step{o.Earlier, o.Later} {
		if k.happened[step] == 0 {
			name := step.Actor + " " + step.Label
			near := slices.Clone(k.events)
			slices.SortStableFunc(near, func(a, b string) int { return explore.Distance(a, name) - explore.Distance(b, name) })
			return fmt.Sprintf("%s did not happen; near it: %s", step, strings.Join(near[:min(len(near), 5)], ", "))
		}
	}
	return ""
}

// steer runs by the orders of the settings, and says what it did if nothing broke.
func steer(t *testing.T, sys *search.System, s *Settings) (f *finding, said string, err error) {
	orders, err := ParseOrders(s.Orders)
	if err != nil {
		return nil, "", err
	}
	k := follow(sys, orders)
	kept := 0
	var lines []string
	for _, o := range orders {
		if k.kept(o) {
			kept++
		}
		if says := k.missing(o); says != "" {
			lines = append(lines, "\n  "+says)
		}
	}
	if k.broke == nil {
		return nil, fmt.Sprintf("nothing broke in %d steps, which kept %d of %d orders%s\n%s", len(k.steps), kept, len(orders), strings.Join(lines, ""), k.picture()), nil
	}
	return k.found(t, sys, s, Answer{Explored: fmt.Sprintf("by %d of the %d orders that were given", kept, len(orders))}), "", nil
}
