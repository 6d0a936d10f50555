package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"racelab/sim"
)

// Before is an order between two events: Later does not happen until Earlier
// has. A race, told as a story, is the few orders that force it.
type Before struct {
	Earlier, Later sim.Step
}

func (b Before) String() string { return b.Earlier.String() + " before " + b.Later.String() }

// ParseBefore reads "G1 snapshot before G0 await response".
func ParseBefore(text string) (Before, error) {
	earlier, later, ok := strings.Cut(text, " before ")
	if !ok {
		return Before{}, fmt.Errorf("%.80q is not an order; want EVENT before EVENT", text)
	}
	x, err := sim.ParseStep(strings.TrimSpace(earlier))
	if err != nil {
		return Before{}, err
	}
	y, err := sim.ParseStep(strings.TrimSpace(later))
	return Before{x, y}, err
}

// ParseOrders reads orders, one a line.
func ParseOrders(text string) ([]Before, error) {
	var orders []Before
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		order, err := ParseBefore(line)
		if err != nil {
			return nil, err
		}
		orders = append(orders, order)
	}
	return orders, nil
}

// orderWalks is how many walks say which events there are.
const orderWalks = 100

// CheckOrders looks for events that none of the systems has, as a misspelt one:
// none of 100 walks in each could have taken it. The error lists those that come
// near.
func CheckOrders(orders []Before, systems ...System) (err error) {
	defer sim.RecoverModelError(&err)
	var cursors []*cursor
	for _, sys := range systems {
		cursors = append(cursors, newCursor(sys))
	}
	var known []string
	for seed := range uint64(orderWalks) {
		if _, _, missing := strange(orders, known); !missing {
			return nil
		}
		for _, at := range cursors {
			known = eventsOf(at, seed, known)
		}
	}
	order, name, missing := strange(orders, known)
	if !missing {
		return nil
	}
	slices.SortStableFunc(known, func(a, b string) int { return cmp.Compare(Distance(a, name), Distance(b, name)) })
	return fmt.Errorf("the order %q has the event %q, which none of %d walks meets; near it: %s",
		order, name, orderWalks, strings.Join(known[:min(len(known), 5)], ", "))
}

// strange returns the first event of the orders that is not among the sorted known.
func strange(orders []Before, known []string) (_ Before, name string, missing bool) {
	for _, order := range orders {
		for _, step := range [2]sim.Step{order.Earlier, order.Later} {
			name := step.Actor + " " + step.Label
			if _, found := slices.BinarySearch(known, name); !found {
				return order, name, true
			}
		}
	}
	return Before{}, "", false
}

// eventsOf adds the events that a walk could have taken to a sorted list.
func eventsOf(at *cursor, seed uint64, known []string) []string {
	at.Reset()
	walk := sim.NewWalk(seed)
	for n := 0; len(at.Enabled()) > 0 && n < sim.MaxSteps; n++ {
		for _, e := range at.Enabled() {
			if i, found := slices.BinarySearch(known, e.String()); !found {
				known = slices.Insert(known, i, e.String())
			}
		}
		i, _ := walk.Choose(at.Enabled())
		at.Take(i)
	}
	return known
}

// Distance is how many bytes must be put in, left out or changed to get from a to
// b: the Levenshtein distance, by which a misspelt name finds the nearest.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Script is a Chooser that keeps orders. Apart from them it goes on where it
// is: the same task or node as long as that can move, else the first that can.
type Script struct {
	orders []Before
	done   sim.Schedule
	place  int
	// GaveWay lists the orders that could not be kept: nothing but their later
	// event could happen.
	GaveWay []Before
}

// NewScript returns the script of some orders.
func NewScript(orders ...Before) *Script { return &Script{orders: orders} }

func (c *Script) Choose(enabled []sim.Event) (int, error) {
	choice := c.pick(enabled)
	for choice < 0 {
		c.giveWay(enabled)
		choice = c.pick(enabled)
	}
	c.done = c.done.Add(enabled[choice])
	c.place = enabled[choice].Place
	return choice, nil
}

// pick returns the event to take, or -1 if the orders hold up all of them.
func (c *Script) pick(enabled []sim.Event) int {
	choice := -1
	for i, event := range enabled {
		if c.heldUp(event) != nil {
			continue
		}
		if event.Place == c.place {
			return i
		}
		if choice < 0 {
			choice = i
		}
	}
	return choice
}

// heldUp returns the order that an event has to wait for.
func (c *Script) heldUp(event sim.Event) *Before {
	step := c.done.Add(event)[len(c.done)]
	for i := range c.orders {
		if c.orders[i].Later == step && !slices.Contains(c.done, c.orders[i].Earlier) {
			return &c.orders[i]
		}
	}
	return nil
}

// giveWay drops the first of the orders that hold up the events: of a story,
// what comes later may yet be told.
func (c *Script) giveWay(enabled []sim.Event) {
	first := slices.IndexFunc(c.orders, func(order Before) bool {
		return slices.ContainsFunc(enabled, func(event sim.Event) bool { return *c.heldUp(event) == order })
	})
	c.GaveWay = append(c.GaveWay, c.orders[first])
	c.orders = slices.Delete(slices.Clone(c.orders), first, first+1)
}

// Unmet lists the orders whose events did not both happen, which a misspelt
// event is the usual reason for.
func (c *Script) Unmet() []Before {
	var unmet []Before
	for _, order := range c.orders {
		if !slices.Contains(c.done, order.Earlier) || !slices.Contains(c.done, order.Later) {
			unmet = append(unmet, order)
		}
	}
	return unmet
}
