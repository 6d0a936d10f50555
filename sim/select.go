package sim

import (
	"slices"
	"strings"
)

// Select waits until one of the cases is ready, and lets it happen. Its point is
// called "select" unless At names it. It returns the channel or timer of the case, and nil for the
// default, so that the switch that follows reads as the select does:
//
//	chosen := t.At(PointNext).Select(bp.input.Receiving(), bp.timer.Receiving(), sim.SelectDefault())
//	switch chosen {
//	case &bp.input:
//		msg, ok := bp.input.Received(t)
//	case &bp.timer:
//	default:
//	}
//
// Of several cases that are ready, Go picks one at random. Here that is a choice
// like any other: each is an event, with the case in its label ("next
// (bp.input)"), and so is each sender that a receive might take the value from
// ("receive (with G1)"). They are the ways of one step of one process: the task
// takes one, and the others are gone. That, and not an event of its own that
// would draw the case before the step, makes the choice and what comes of it
// one: nothing can come between, and a schedule has one line for both.
//
// A step that could have gone another way touches all that its other cases
// wait for, so a search knows that it depends on whatever makes them ready.
//
// To let the search choose, select between two cases that are both ready: Sending on
// one of two empty Chans with room, and then Receive what was sent.
//
// Source: runtime.selectgo.
// Differs: a select has no two cases of one channel.
func (t *Task) Select(cases ...SelectCase) any {
	return t.choose(t.nextOr("select", ""), true, cases...)
}

// SelectCase is a case of Task.Select: Chan.Receiving, Chan.Sending,
// Timer.Receiving, Context.Done or SelectDefault. Its zero value is a case of a nil
// channel, which is never ready.
type SelectCase struct {
	of      objectHolder // a Chan or a Timer; nil: never ready
	sends   bool
	orElse  bool
	carried // what it sends
}

// SelectDefault is the default of a select: it happens where no other case is ready. A
// case that would meet another task at an unbuffered channel is never ready for sure, as
// that task may not have called yet.
func SelectDefault() SelectCase { return SelectCase{orElse: true} }

// Receiving is the case of a select that waits for a value in C.
func (m *Timer) Receiving() SelectCase {
	if m == nil {
		return SelectCase{}
	}
	return SelectCase{of: m}
}

// chanRef is a Chan, whatever it carries.
type chanRef interface {
	objectHolder
	pipe() *channel
}

// choice is what a task waits for that is parked at a select, or at a channel.
type choice struct {
	object       // of no step: those of its cases count
	named   bool // it is a select: labels say which case
	orElse  bool // there is a default
	met     int  // from 1: the case that another task has let happen; 0: none
	carried      // received there
	cases   []SelectCase
	room    []way // to list the ways
}

// received is what a task came back with from its last point.
type received uint8

const (
	nothing received = iota
	aValue
	closing
)

// choose is Select, and Send and Receive as selects of one case.
func (t *Task) choose(p string, named bool, cases ...SelectCase) any {
	if t.program == nil {
		return t.chooseAgain(p, named, cases...)
	}
	t.chooses(named, cases...)
	t.wait(p, &t.choice)
	return t.goThrough()
}

// chooseAgain is choose for a function: that it comes to wait is one operation,
// and that it goes on is another.
func (t *Task) chooseAgain(p string, named bool, cases ...SelectCase) any {
	if !t.again(p) {
		t.coroutine.mustNotRerun()
		t.chooses(named, cases...)
		t.did(0)
	}
	if _, ok := t.blocks(p, &t.choice); !ok {
		t.carried, t.received = carried{t.given.word, reference{t.given.ref}}, received(t.given.more&3)
		if of := t.given.more >> 2; of > 0 {
			return t.world.objects[of-1]
		}
		return nil
	}
	chosen := t.goThrough()
	of := uint64(0)
	if chosen != nil {
		of = uint64(chosen.(objectHolder).bound().number)
	}
	if t.received == nothing {
		t.carried = carried{} // What an earlier receive left.
	}
	t.didAll(t.carried.word, of<<2|uint64(t.received), t.carried.ref.to)
	return chosen
}

// chooses notes what the task comes to wait for.
func (t *Task) chooses(named bool, cases ...SelectCase) {
	c := &t.choice
	c.named, c.orElse, c.met, c.cases = named, false, 0, c.cases[:0]
	for _, x := range cases {
		switch {
		case x.orElse:
			c.orElse = true
		case x.of == nil:
		case slices.ContainsFunc(c.cases, func(other SelectCase) bool { return other.of == x.of }):
			panic("sim: a select has two cases of one channel: no schedule could tell them apart")
		default:
			c.cases = append(c.cases, x)
		}
	}
	t.recordWaits()
}

// recordWaits records that the task waits at unbuffered and nil channels from now on. Two that
// come do not depend on each other, so it counts as a read; whoever might meet
// them writes.
func (t *Task) recordWaits() {
	if t.choice.orElse || !t.world.started {
		return
	}
	for i := range t.choice.cases {
		x, ok := t.choice.cases[i].of.(chanRef)
		switch {
		case !ok:
		case x.pipe().capacity == 0:
			t.world.touched(x.bound(), false)
		default:
			t.world.looksAt(x.bound()) // It may be made anew, without a buffer.
		}
	}
}

// waitsAt says whether the task is parked at a case of the channel, and nobody
// has served it yet.
func (t *Task) waitsAt(c objectHolder) bool {
	return t.choosing() && t.choice.met == 0 && slices.ContainsFunc(t.choice.cases, func(x SelectCase) bool { return x.of == c })
}

// offers returns the index of the case by which the task waits at a channel to
// send, or to receive, and -1 if it does not.
func (t *Task) offers(c objectHolder, sends bool) int {
	if !t.choosing() || t.choice.met > 0 || t.choice.orElse {
		return -1
	}
	for i := range t.choice.cases {
		if x := &t.choice.cases[i]; x.of == c && x.sends == sends {
			return i
		}
	}
	return -1
}

// choosing says whether the task is parked at a select or a channel.
func (t *Task) choosing() bool { return t.awaits == awaited(&t.choice) }

// ways lists how the task may go on from where it is parked, in the order of the
// cases and then of the tasks.
func (t *Task) ways(list []way) []way {
	c := &t.choice
	if c.met > 0 {
		return append(list, way{at: int16(c.met - 1)})
	}
	waits, ready := c.waits(), false
	for i := range c.cases {
		x := &c.cases[i]
		if x.ready() {
			ready = true
			list = append(list, way{at: int16(i)})
		} else if x.mayMeet(c) {
			for _, other := range t.world.tasks {
				if other != t && other.offers(x.of, !x.sends) >= 0 && (waits || other.choice.waits()) {
					list = append(list, way{int16(i), int16(other.number)})
				}
			}
		}
	}
	if c.orElse && !ready {
		list = append(list, way{at: -1}) // Whoever it could meet may not have called yet.
	}
	return list
}

// ready says whether the case can happen without another task.
func (x *SelectCase) ready() bool {
	if m, ok := x.of.(*Timer); ok {
		return m.full
	}
	c := x.of.(chanRef).pipe()
	return c.made && (c.closed || !x.sends && len(c.values) > 0 || x.sends && len(c.values) < c.capacity)
}

// mayMeet says whether a case of the choice can happen with another task that is
// parked, by a step of this one. A sender that waits is met by the receiver.
func (x *SelectCase) mayMeet(c *choice) bool {
	return x.meets() && (!x.sends || c.orElse)
}

// meets says whether two tasks may meet by such a case.
func (x *SelectCase) meets() bool {
	channel, ok := x.of.(chanRef)
	return ok && channel.pipe().handsOver() && !channel.pipe().closed
}

// waits says whether one that is parked here has nothing else to do: no case of
// it is ready. At a rendezvous at least one side was already blocked.
func (c *choice) waits() bool {
	if c.orElse {
		return false
	}
	for i := range c.cases {
		if c.cases[i].ready() {
			return false
		}
	}
	return true
}

// goThrough lets the case happen by which the task was chosen to go on.
func (t *Task) goThrough() any {
	c := &t.choice
	if c.met > 0 {
		t.touches(&t.object, true)
		for i := range c.cases {
			if i != c.met-1 {
				t.touches(c.cases[i].of.bound(), false) // Before it was met it might have gone by these.
			}
		}
		t.wakes()
		if x := &c.cases[c.met-1]; x.sends {
			return x.of
		}
		t.carried, t.received = c.carried, aValue
		return c.cases[c.met-1].of
	}
	at := int(t.way.at)
	t.leaves(c, at)
	if !c.waits() {
		t.passesBy()
	}
	if at < 0 {
		t.world.met.apart |= gaveUp
		return nil
	}
	x := &c.cases[at]
	if m, ok := x.of.(*Timer); ok {
		m.take(t)
		return m
	}
	switch c := x.of.(chanRef).pipe(); {
	case c.closed && x.sends:
		t.touches(&c.object, false)
		panic("send on closed channel")
	case c.closed && len(c.values) == 0:
		t.touches(&c.object, false)
		t.acquires(&c.object)
		t.carried, t.received = carried{}, closing
	case t.way.with > 0:
		t.touches(&c.object, true)
		t.meet(x, t.world.tasks[t.way.with-1])
	case x.sends:
		t.touches(&c.object, true)
		c.put(t, x.carried)
	default:
		t.touches(&c.object, true)
		t.carried, t.received = c.get(t), aValue
	}
	return x.of
}

// leaves records that a choice fell on one case: whatever makes another one
// ready could have changed that. At an unbuffered channel it takes another task
// that comes, and only reads; so the task writes.
func (t *Task) leaves(c *choice, by int) {
	for i := range c.cases {
		if i == by {
			continue
		}
		x := &c.cases[i]
		t.touches(x.of.bound(), x.meets())
	}
}

// passesBy records what kept tasks from waiting that the task could have met,
// had they waited.
func (t *Task) passesBy() {
	for i := range t.choice.cases {
		x := &t.choice.cases[i]
		if !x.mayMeet(&t.choice) {
			continue
		}
		for _, other := range t.world.tasks {
			t.world.looksAt(&other.object)
			if theirs := other.offers(x.of, !x.sends); theirs >= 0 && other != t {
				t.leaves(&other.choice, theirs)
			}
		}
	}
}

// meet passes a value from hand to hand. The other task goes on later.
func (t *Task) meet(x *SelectCase, other *Task) {
	w, theirs := t.world, other.offers(x.of, !x.sends)
	if w.mayKill() {
		other.mustBeWith(x.of.bound())
	}
	t.touches(&other.object, true)
	t.leaves(&other.choice, theirs)
	if x.sends {
		other.choice.carried = x.carried
	} else {
		t.carried, t.received = other.choice.cases[theirs].carried, aValue
		other.choice.carried = carried{} // What an earlier receive left.
	}
	other.choice.met = theirs + 1
	if w.follows() {
		w.acquire(t.number-1, w.release(other.number-1))
		other.sendClock = w.release(t.number - 1)
	}
}

// findWays lists the events of a task that is parked at a select or a channel.
func (w *World) findWays(t *Task) {
	t.choice.room = t.ways(t.choice.room[:0])
	for _, way := range t.choice.room {
		w.enabled = append(w.enabled, t.event(way))
	}
}

// event is the task's next event, if it goes on by the way. What other ways
// there are does not show in its label.
func (t *Task) event(by way) Event {
	of, with := 0, int(by.with)
	if t.choice.named && by.at >= 0 {
		of = t.choice.cases[by.at].of.bound().number
	}
	e := t.site.event
	if t.choice.named || with > 0 {
		e = t.site.variant(t, of, with)
	}
	e.way = by
	return e
}

func (s *site) variant(t *Task, of, with int) Event {
	for i := range s.variants {
		if v := &s.variants[i]; v.of == of && v.with == with {
			return v.event
		}
	}
	var parts []string
	switch {
	case of > 0:
		parts = append(parts, t.world.objectName(of))
	case t.choice.named:
		parts = append(parts, "default")
	}
	if with > 0 {
		parts = append(parts, "with", t.world.tasks[with-1].name)
	}
	e := s.event
	e.Label += " (" + strings.Join(parts, " ") + ")"
	s.variants = append(s.variants, variant{of, with, e})
	return e
}

// save saves what a parked task waits for.
func (c *choice) save(s *walker) {
	word := uint64(len(c.cases))<<32 | uint64(c.met)<<2
	if c.named {
		word |= 1
	}
	if c.orElse {
		word |= 2
	}
	s.words = append(s.words, word)
	if c.met > 0 {
		s.words, s.refs = append(s.words, c.word), append(s.refs, c.ref.to)
	}
	for i := range c.cases {
		x := &c.cases[i]
		if x.sends {
			s.words, s.refs = append(s.words, uint64(x.of.bound().number)<<1|1, x.word), append(s.refs, x.ref.to)
		} else {
			s.words = append(s.words, uint64(x.of.bound().number)<<1)
		}
	}
}

func (c *choice) load(s *walker) {
	word := s.next()
	c.named, c.orElse, c.met = word&1 != 0, word&2 != 0, int(word>>2&(1<<30-1))
	if c.met > 0 {
		c.carried = carried{s.next(), reference{s.nextRef()}}
	}
	c.cases = c.cases[:0]
	for range word >> 32 {
		of := s.next()
		x := SelectCase{of: s.world.objects[of>>1-1], sends: of&1 != 0}
		if x.sends {
			x.carried = carried{s.next(), reference{s.nextRef()}}
		}
		c.cases = append(c.cases, x)
	}
}

func (c *choice) ready(t *Task) bool {
	t.choice.room = t.ways(t.choice.room[:0])
	return len(t.choice.room) > 0
}

func (c *choice) waitingFor(w *World) string {
	if len(c.cases) == 0 {
		return "nothing that ever comes"
	}
	var parts []string
	for i := range c.cases {
		x := &c.cases[i]
		if m, ok := x.of.(*Timer); ok {
			parts = append(parts, m.waitingFor(w))
		} else {
			parts = append(parts, x.of.(chanRef).pipe().lacks(w, x.sends))
		}
	}
	return strings.Join(parts, " or ")
}
