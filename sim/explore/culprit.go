package explore

import (
	"cmp"
	"slices"
	"strings"

	"racelab/sim"
)

// Culprit is why a schedule breaks a property: the orders that it takes.
type Culprit struct {
	Property string
	// Orders force the break: every run that keeps them breaks the property,
	// and of any order left out, some run that keeps the others does not. They
	// come in the sequence of the schedule.
	Orders []Order
	States int // explored to show that the orders force it
}

// Order is one order of two steps that touch the same object.
type Order struct {
	Before
	EarlierAt, LaterAt         int    // their numbers in the schedule, from 1; LaterAt 0: it is held up at the end
	Object                     string // what both touch
	EarlierWrites, LaterWrites bool

	orders bool // the object only orders steps, and holds nothing that they need
}

func (o Order) rank() int {
	if o.orders {
		return 0
	}
	return 1
}

// culpritStates bounds each of the searches that FindCulprit makes.
const culpritStates = 20_000

// FindCulprit finds the orders that force a break, by taking from all orders of
// dependent steps in the schedule whichever are not needed. It returns nil
// where that is too large to show.
//
// A data race has none: it is that no order leads from one access to the other.
func FindCulprit(sys System, schedule sim.Schedule, property string) *Culprit {
	if property == sim.NoDataRace {
		return nil
	}
	orders := dependentOrders(sys, schedule, sim.Hangs(property))
	// What is tried first is left out first: an order of accesses to data says
	// more than one of accesses to the lock that guards them.
	slices.SortStableFunc(orders, func(a, b Order) int { return cmp.Compare(a.rank(), b.rank()) })
	if forced, _ := forces(sys, orders, property); !forced {
		return nil
	}
	for i := 0; i < len(orders); {
		fewer := slices.Delete(slices.Clone(orders), i, i+1)
		if forced, _ := forces(sys, fewer, property); forced {
			orders = fewer
		} else {
			i++
		}
	}
	slices.SortStableFunc(orders, func(a, b Order) int { return cmp.Compare(a.LaterAt, b.LaterAt) })
	_, states := forces(sys, orders, property)
	return &Culprit{property, orders, states}
}

// dependentOrders lists the pairs of steps in a schedule that come from
// different tasks and touch the same object, one of them writing; for a
// deadlock also those with the steps that are held up at the end.
func dependentOrders(sys System, schedule sim.Schedule, deadlock bool) []Order {
	var accesses [][]sim.Access
	var orders []Order
	sys.Reset()
	replay := sim.NewReplay(schedule)
	for j, later := range schedule {
		i, err := replay.Choose(sys.Enabled())
		if err != nil {
			panic("explore: the schedule is not of this system: " + err.Error())
		}
		sys.Take(i)
		accesses = append(accesses, slices.Clone(sys.Accesses()))
		for i, earlier := range schedule[:j] {
			if origin(earlier) == origin(later) {
				continue
			}
			if a, b, ok := conflict(accesses[i], accesses[j]); ok {
				orders = append(orders, Order{
					Before:    Before{earlier, later},
					EarlierAt: i + 1, LaterAt: j + 1,
					Object: sys.ObjectName(a.Object), EarlierWrites: a.Write, LaterWrites: b.Write,
					orders: !holdsData(a),
				})
			}
		}
	}
	if !deadlock {
		return orders
	}
	// What is held up at the end wants something that earlier steps took.
	for _, b := range sys.Blocked() {
		held := schedule.Add(b.Event)[len(schedule)]
		for i, earlier := range schedule {
			if origin(earlier) == origin(held) {
				continue
			}
			if a, _, ok := conflict(accesses[i], []sim.Access{{Object: b.Object, Write: true, Kind: sim.Lock}}); ok {
				orders = append(orders, Order{
					Before:    Before{earlier, held},
					EarlierAt: i + 1,
					Object:    sys.ObjectName(b.Object), EarlierWrites: a.Write, LaterWrites: true,
					orders: true,
				})
			}
		}
	}
	return orders
}

// origin is the task that a step comes from: its own, or the one whose request
// is on its way.
func origin(s sim.Step) string {
	sender, _, _ := strings.Cut(s.Actor, "->")
	task, _, _ := strings.Cut(sender, "/")
	return task
}

// holdsData says whether the object is more than a lock, a connection or the
// memory of a property.
func holdsData(a sim.Access) bool { return a.Kind == sim.Data || a.Kind == sim.Private }

// conflict returns the accesses of two steps to an object that one of them
// writes; to data, if there is a choice.
func conflict(earlier, later []sim.Access) (a, b sim.Access, ok bool) {
	for _, x := range earlier {
		for _, y := range later {
			if x.Object == y.Object && (x.Write || y.Write) && (!ok || !holdsData(a)) {
				a, b, ok = x, y, true
			}
		}
	}
	return a, b, ok
}

// forces says whether every run that keeps the orders breaks the property, and
// at least one run keeps them; and how many states it took to see.
func forces(sys System, orders []Order, property string) (bool, int) {
	o := &ordered{System: sys}
	for _, order := range orders {
		o.orders = append(o.orders, order.Before)
	}
	seen := map[uint64]bool{}
	broke := false
	var path []int
	// always explores what follows the state at the end of path, at which the
	// system stands, and says whether all of it breaks.
	var always func() bool
	always = func() bool {
		if seen[o.Fingerprint()] {
			return true
		}
		seen[o.Fingerprint()] = true
		if len(seen) > culpritStates {
			return false
		}
		n := len(o.Enabled())
		if n == 0 {
			return o.blocked // No run goes on here that keeps the orders.
		}
		for i := range n {
			if i > 0 {
				o.Reset()
				for _, choice := range path {
					o.Take(choice)
				}
			}
			o.Take(i)
			if slices.ContainsFunc(o.Violations(), func(v sim.Violation) bool { return v.Property == property }) {
				broke = true
				continue
			}
			path = append(path, i)
			if !always() {
				return false
			}
			path = path[:len(path)-1]
		}
		return true
	}
	o.Reset()
	all := always()
	return all && broke, len(seen)
}

// ordered is a System that is held to some orders. A run that cannot keep them
// ends where it cannot.
type ordered struct {
	System
	orders  []Before
	earlier []int // how often the earlier event of each order has happened
	later   []int // the same for the later one
	events  []sim.Event
	index   []int // of events among those of the inner system
	blocked bool  // the inner system could go on, but not in order
}

func (o *ordered) Reset() {
	o.System.Reset()
	o.earlier, o.later = make([]int, len(o.orders)), make([]int, len(o.orders))
	o.filter()
}

func (o *ordered) filter() {
	o.events, o.index = o.events[:0], o.index[:0]
	enabled := o.System.Enabled()
	for i, event := range enabled {
		if !o.heldUp(event) {
			o.events = append(o.events, event)
			o.index = append(o.index, i)
		}
	}
	o.blocked = len(enabled) > 0 && len(o.events) == 0
}

func (o *ordered) heldUp(event sim.Event) bool {
	for i, order := range o.orders {
		if order.Later.Is(event) && o.later[i]+1 == order.Later.Occurrence && o.earlier[i] < order.Earlier.Occurrence {
			return true
		}
	}
	return false
}

func (o *ordered) Enabled() []sim.Event { return o.events }

func (o *ordered) Take(i int) {
	for k, order := range o.orders {
		if order.Earlier.Is(o.events[i]) {
			o.earlier[k]++
		}
		if order.Later.Is(o.events[i]) {
			o.later[k]++
		}
	}
	o.System.Take(o.index[i])
	o.filter()
}

// Fingerprint tells states apart also by how far the orders are: whether an
// event is the one that an order speaks of depends on it.
func (o *ordered) Fingerprint() uint64 {
	hash := o.System.Fingerprint()
	for i := range o.orders {
		hash = hash*0x9e3779b97f4a7c15 + uint64(o.earlier[i]<<16|o.later[i])
	}
	return hash
}

// Touches says what the two steps do to their object: "the first writes
// om.poms[0].dirty, which the second reads".
func (o Order) Touches() string {
	if o.LaterAt == 0 {
		return "the first takes " + o.Object + ", which the second is left waiting for"
	}
	verb := map[bool]string{false: "reads", true: "writes"}
	if o.EarlierWrites && o.LaterWrites {
		return "both write " + o.Object
	}
	return "the first " + verb[o.EarlierWrites] + " " + o.Object + ", the second " + verb[o.LaterWrites] + " it"
}
