package explore

import (
	"cmp"
	"fmt"
	"slices"

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

	orders  bool // the object only orders steps, and holds nothing that they need
	follows bool // from other orders
}

func (o Order) rank() int {
	if o.orders {
		return 0
	}
	return 1
}

// culpritSteps bounds the steps of a schedule whose culprit is looked for, and
// culpritBudget the steps taken in looking for it. Of more than culpritOrders
// orders only those are looked at that do not follow from others.
const (
	culpritSteps  = 200
	culpritBudget = 150_000
	culpritOrders = 150
)

// FindCulprit finds the orders that force a break, by taking from all orders of
// dependent steps in the schedule whichever are not needed. It returns nil
// where that is too large to show.
//
// A data race has none: it is that no order leads from one access to the other. Nor has
// a run that never ends.
func FindCulprit(sys System, schedule sim.Schedule, property string) *Culprit {
	if property == sim.NoDataRace || len(schedule) == 0 || len(schedule) > culpritSteps {
		return nil
	}
	f := forcing{at: newCursor(sys), property: property, left: culpritBudget}
	orders := dependentOrders(sys, schedule, Hangs(property))
	if brokenBy(sys, property) == nil {
		return nil // It breaks by what repeats for ever.
	}
	if len(orders) > culpritOrders {
		orders = slices.DeleteFunc(orders, func(o Order) bool { return o.follows })
	}
	// What is tried first is left out first: an order of accesses to data says
	// more than one of accesses to the lock that guards them.
	slices.SortStableFunc(orders, func(a, b Order) int { return cmp.Compare(a.rank(), b.rank()) })
	if !f.forces(orders) {
		return nil
	}
	for i := 0; i < len(orders); {
		fewer := slices.Delete(slices.Clone(orders), i, i+1)
		if f.forces(fewer) {
			orders = fewer
		} else {
			i++
		}
	}
	slices.SortStableFunc(orders, func(a, b Order) int { return cmp.Compare(a.LaterAt, b.LaterAt) })
	if !f.forces(orders) || f.left <= 0 {
		return nil
	}
	return &Culprit{property, orders, len(f.seen)}
}

// Surviving finds a run to its end that keeps the orders and does not break the
// property. ok is false if there is none, or if it takes too long to find.
//
// Of the orders of a culprit, any but one have such a run.
func Surviving(sys System, orders []Before, property string) (schedule sim.Schedule, ok bool) {
	f := forcing{at: newCursor(sys), property: property, left: culpritBudget, seen: map[uint64]bool{}}
	f.orders = &ordered{cursor: f.at, list: orders}
	f.orders.reset()
	if f.always() || f.left < 0 {
		return nil, false
	}
	slices.Reverse(f.survivor)
	return asSchedule(f.survivor), true
}

// dependentOrders lists the pairs of steps in a schedule that come from
// different tasks and touch the same object, one of them writing; for a
// deadlock also those with the steps that are held up at the end.
func dependentOrders(sys System, schedule sim.Schedule, deadlock bool) []Order {
	var accesses [][]Access
	var orders []Order
	sys.Reset()
	replay := sim.NewReplay(schedule)
	before := make([]stepSet, len(schedule)) // by step: those that come before it
	for j, later := range schedule {
		i, err := replay.Choose(sys.Enabled())
		if err != nil {
			panic("explore: the schedule is not of this system: " + err.Error())
		}
		sys.Take(i)
		accesses = append(accesses, slices.Clone(sys.Accesses()))
		for i := j - 1; i >= 0; i-- {
			earlier := schedule[i]
			a, b, ok := conflict(accesses[i], accesses[j])
			if !ok && earlier.Actor != later.Actor {
				continue
			}
			follows := before[j].has(i)
			before[j].add(i)
			before[j].addAll(before[i])
			if ok && earlier.Task() != later.Task() {
				orders = append(orders, Order{
					Before:    Before{earlier, later},
					EarlierAt: i + 1, LaterAt: j + 1,
					Object: sys.ObjectName(a.Object), EarlierWrites: a.Write, LaterWrites: b.Write,
					orders: !holdsData(a), follows: follows,
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
			if earlier.Task() == held.Task() {
				continue
			}
			if a, _, ok := conflict(accesses[i], []Access{{Object: b.Object, Write: true, Kind: Lock}}); ok {
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

// stepSet is a set of the numbers of steps.
type stepSet [culpritSteps/64 + 1]uint64

func (s *stepSet) has(i int) bool { return s[i/64]>>(i%64)&1 == 1 }

func (s *stepSet) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s *stepSet) addAll(other stepSet) {
	for i := range s {
		s[i] |= other[i]
	}
}

// holdsData says whether the object is more than a lock, a connection or the
// memory of a property.
func holdsData(a Access) bool { return a.Kind == Data || a.Kind == Private }

// conflict returns the accesses of two steps to an object that one of them
// writes; to data, if there is a choice. Accesses
// by state properties are ignored: they touch every state, so they cannot be
// causes.
func conflict(earlier, later []Access) (a, b Access, ok bool) {
	for _, x := range earlier {
		for _, y := range later {
			if x.Object == y.Object && x.Kind != Whole && (x.Write || y.Write) && (!ok || !holdsData(a)) {
				a, b, ok = x, y, true
			}
		}
	}
	return a, b, ok
}

// forcing looks whether orders force a break.
type forcing struct {
	at       *cursor
	property string
	left     int // steps that may still be taken
	orders   *ordered
	seen     map[uint64]bool
	broke    bool
	survivor []sim.Event // the run that does not break, from its end
}

// forces says whether every run that keeps the orders breaks the property, and
// at least one run keeps them. It says no when the budget ends.
func (f *forcing) forces(orders []Order) bool {
	f.orders = &ordered{cursor: f.at}
	for _, order := range orders {
		f.orders.list = append(f.orders.list, order.Before)
	}
	f.seen, f.broke, f.survivor = map[uint64]bool{}, false, nil
	f.orders.reset()
	return f.always() && f.broke
}

// always explores what follows the state where the system is, and says whether
// all of it breaks.
func (f *forcing) always() bool {
	o := f.orders
	fingerprint := o.fingerprint()
	if f.seen[fingerprint] {
		return true
	}
	f.seen[fingerprint] = true
	if len(o.events) == 0 {
		return o.blocked // No run goes on here that keeps the orders.
	}
	here, progress := o.cursor.save(), slices.Clone(o.progress)
	for i := range len(o.events) {
		if i > 0 {
			o.cursor.restore(here)
			copy(o.progress, progress)
			o.filter()
		}
		if f.left--; f.left < 0 {
			return false
		}
		event := o.events[i]
		o.take(i)
		if brokenBy(o.cursor, f.property) != nil {
			f.broke = true
			continue
		}
		if !f.always() {
			f.survivor = append(f.survivor, event)
			return false
		}
	}
	return true
}

// ordered holds a system to some orders. A run that cannot keep them ends where
// it cannot.
type ordered struct {
	cursor   *cursor
	list     []Before
	progress []happened // by order
	events   []sim.Event
	index    []int // of events among those of the system
	blocked  bool  // the system could go on, but not in order
}

// happened is how often the two events of an order have happened.
type happened struct{ earlier, later int }

func (o *ordered) reset() {
	o.cursor.Reset()
	o.progress = make([]happened, len(o.list))
	o.filter()
}

// filter lists the events that may be next.
func (o *ordered) filter() {
	o.events, o.index = o.events[:0], o.index[:0]
	enabled := o.cursor.Enabled()
	for i, event := range enabled {
		if !o.heldUp(event) {
			o.events = append(o.events, event)
			o.index = append(o.index, i)
		}
	}
	o.blocked = len(enabled) > 0 && len(o.events) == 0
}

func (o *ordered) heldUp(event sim.Event) bool {
	for i, order := range o.list {
		if o.progress[i].earlier < order.Earlier.Occurrence && o.progress[i].later+1 == order.Later.Occurrence && order.Later.Is(event) {
			return true
		}
	}
	return false
}

func (o *ordered) take(i int) {
	for k, order := range o.list {
		if order.Earlier.Is(o.events[i]) {
			o.progress[k].earlier++
		}
		if order.Later.Is(o.events[i]) {
			o.progress[k].later++
		}
	}
	o.cursor.Take(o.index[i])
	o.filter()
}

// fingerprint tells states apart also by how far the orders are: whether an
// event is the one that an order speaks of depends on it.
func (o *ordered) fingerprint() uint64 {
	hash := o.cursor.Fingerprint()
	for _, h := range o.progress {
		hash = hash*0x9e3779b97f4a7c15 + uint64(h.earlier<<16|h.later)
	}
	return hash
}

// Sentences say why the break comes: what forces it, and each order.
func (c *Culprit) Sentences() []string {
	var says []string
	states, keep := "all "+Thousands(c.States)+" states", "keep"
	if c.States == 1 {
		states, keep = "the one state", "keeps"
	}
	switch n := len(c.Orders); n {
	case 0:
		says = append(says, fmt.Sprintf("every run breaks it: it needs no order of steps (checked in %s)", states))
	case 1:
		says = append(says, fmt.Sprintf("any run with this order breaks it (checked in %s that %s it):", states, keep))
	default:
		says = append(says, fmt.Sprintf("any run with these %d orders breaks it (checked in %s that %s them):", n, states, keep))
	}
	for _, o := range c.Orders {
		says = append(says, o.sentence())
	}
	return says
}

// sentence is the order with what both steps touch.
func (o Order) sentence() string {
	earlier := fmt.Sprintf("step %d, %s,", o.EarlierAt, o.Earlier)
	if o.LaterAt == 0 {
		return fmt.Sprintf("%s takes %s, which %s waits for and never gets", earlier, o.Object, o.Later)
	}
	does := map[bool]string{false: "reads", true: "writes"}
	return fmt.Sprintf("%s %s %s before step %d, %s, %s it", earlier, does[o.EarlierWrites], o.Object, o.LaterAt, o.Later, does[o.LaterWrites])
}
