package sim

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"racelab/sim/internal/hook"
)

// Faults is how many faults a run may meet. Each is an event, and so a choice:
// it may come at any moment, or not at all.
type Faults struct {
	NodeCrashes    int
	ProcessCrashes int // of client processes
	Cuts           int // of connections, in one direction: also a client's timeout, see Call
	Losses         int // of single messages: a request, or an answer
	Duplicates     int // of requests: the node gets one twice
	Delays         int // of messages, in timed mode
	// Closes is how often a client may call Conn.Close on one connection. That is
	// no choice, but the network can then lose what was on its way.
	Closes int

	Down Delay // timed mode: from a crash to the restart, of a node or a process
	Late Delay // timed mode: how much later a delayed message comes
}

// Allow allows faults, and so many of each kind. Default: none.
//
// A process that crashes loses everything; see World.Process.
//
// A node that crashes loses what its Crash drops, its timers, and every request
// on its way to it; its connections break. It restarts in a later event.
//
// A message that is lost leaves its connection standing: whoever waits for the answer
// gets ErrBroken, as from a call that has timed out. A request that is duplicated comes
// to the node twice, one after the other, and the second answer goes nowhere.
//
// A connection that is cut loses what is on its way in one direction. What is on
// its way in the other may still arrive, or get lost too, which costs nothing
// more. Once a connection is broken, by a cut, a crash or its client, it takes
// nothing new, and whoever waits for an answer that will not come gets ErrBroken. The
// client may then Redial; requests on the new connection and old ones on the
// broken one arrive in any order. A connection that a node has dialled is cut only where
// that loses something: the node dials anew by itself.
//
// No fault comes any more once every task has ended or, in a world without tasks, once
// nothing else can happen.
func (w *World) Allow(b Faults) {
	w.mustNotRun("Allow")
	for i, v := 0, reflect.ValueOf(b); i < v.NumField(); i++ {
		if v.Field(i).Kind() == reflect.Int && v.Field(i).Int() < 0 {
			panic(fmt.Sprintf("sim: Allow has %d %s; want 0 or more", v.Field(i).Int(), v.Type().Field(i).Name))
		}
	}
	if b.Delays > 0 && !w.pace.timed() {
		panic("sim: Faults of Delays in a world without Timed: there, any message may be late as it is")
	}
	w.faults = &faults{left: b, kills: b.ProcessCrashes > 0}
	w.faults.kind, w.faults.label = hook.Chance, "faults"
}

// stopFaults ends the faults, so that what must happen in the end can be asked
// of a fair schedule. It stands between two steps.
func (w *World) stopFaults() {
	if f := w.faults; f != nil {
		f.left = Faults{Closes: f.left.Closes, Down: f.left.Down, Late: f.left.Late}
		f.stopped = true
		w.base = nil
		w.mark(&f.object)
		if w.jumps {
			w.save() // A choice is not what led here.
		}
		w.findEnabled()
	}
}

// Crasher is a Node that loses something in a crash. Its Crash sets the fields to
// what is left: what stood only in memory is gone, and what was flushed to a log
// stays. All fields of a node that is no Crasher survive.
type Crasher interface {
	Crash()
}

// Restarter is a Node that does something when it comes back from a crash, such as
// reading its log or arming its timers. The run does not end before it is back. Before
// the first step it is not called: see Starter.
type Restarter interface {
	Restart(out *Outbox)
}

// restarts says whether the node has something to do when it comes back.
func (m *nodeState) restarts() bool {
	_, ok := m.node.(Restarter)
	return ok
}

// faults is what may still go wrong in a world.
type faults struct {
	object
	left    Faults
	kills   bool // processes may crash
	stopped bool
	down    Random
	late    Random
	list    []*fault
}

// layout plans what is left.
func (f *faults) layout(w *World) {
	w.bind(f)
	g := w.plan.group(&f.object, ofWorld)
	for _, n := range [...]*int{&f.left.NodeCrashes, &f.left.ProcessCrashes, &f.left.Cuts, &f.left.Losses, &f.left.Duplicates, &f.left.Delays} {
		g.add(word64, unsafe.Pointer(n))
	}
	g.add(word8, unsafe.Pointer(&f.stopped))
	g.draws(&f.left.Down, &f.down)
	g.draws(&f.left.Late, &f.late)
}

// fault is one thing that may go wrong.
type fault struct {
	what    Fault
	node    *nodeState // that crashes
	process *process   // that crashes
	conn    *Conn      // that is cut, or holds the message up
	back    bool       // in the direction of the responses
	event   Event
}

// prepareLines makes the connections that clients may come to dial, before
// anything has its number: what can break can break only so often.
func (w *World) prepareLines() {
	if w.faults == nil {
		return
	}
	dials := w.faults.left.NodeCrashes + w.faults.left.Cuts + w.faults.left.Closes
	for _, c := range w.conns {
		c.addLine(c)
		breaks := dials
		if c.process != nil {
			breaks += w.faults.left.ProcessCrashes
		}
		for range breaks {
			c.addLine(w.addConn(c.name, c.client(), c.node, len(c.lines)+1))
		}
	}
}

// prepareFaults names and numbers what may go wrong.
func (w *World) prepareFaults() {
	f := w.faults
	if f == nil {
		return
	}
	places := len(w.tasks) + len(w.nodes) + len(w.timers.single)
	if f.left.NodeCrashes > 0 {
		for _, m := range w.nodes {
			place := m.place()
			process := w.newThread()
			m.restart = Event{Actor: m.name, Label: string(Restart), Place: place, Thread: process, source: &restart{m}}
			crash := &fault{what: Crash, node: m}
			crash.event = Event{Actor: m.name, Label: string(Crash), Place: place, Thread: process, Fault: true, source: crash}
			f.list = append(f.list, crash)
		}
	}
	for _, p := range w.processes {
		if f.kills {
			place, actor := p.tasks[0].number, w.newThread()
			p.begins = Event{Actor: p.name, Label: string(Restart), Place: place, Thread: actor, source: p}
			crash := &fault{what: Crash, process: p}
			crash.event = Event{Actor: p.name, Label: string(Crash), Place: place, Thread: actor, Fault: true, source: crash}
			f.list = append(f.list, crash)
		}
	}
	add := func(what Fault, c *Conn, back bool) {
		d := &c.out
		if back {
			d = &c.in
		}
		x := &fault{what: what, conn: c, back: back}
		// A task may have several connections to a node, and events are told apart by names.
		line := string(what) + " " + d.tail.label
		label := line
		for n := 2; slices.ContainsFunc(f.list, func(other *fault) bool { return other.event.Label == label }); n++ {
			label = fmt.Sprintf("%s (%d)", line, n)
		}
		x.event = Event{Actor: "network", Label: label, Place: places + 1, Thread: w.newThread(), Fault: true, source: x}
		f.list = append(f.list, x)
	}
	for _, c := range w.conns {
		if f.left.Cuts+f.left.NodeCrashes+f.left.Closes > 0 || f.kills && c.handle.process != nil {
			add(ErrBroken, c, false)
			add(ErrBroken, c, true)
		}
		if f.left.Losses > 0 {
			add(Lost, c, false)
			add(Lost, c, true)
		}
		if f.left.Duplicates > 0 {
			add(Twice, c, false)
		}
		if f.left.Delays > 0 {
			add(Late, c, false)
			add(Late, c, true)
		}
	}
	f.down, f.late = w.pace.draws("down"), w.pace.draws("late")
}

// findFaults lists the faults that may come now.
func (w *World) findFaults() {
	f := w.faults
	if f == nil || f.stopped || !w.goesOn() {
		return
	}
	for _, x := range f.list {
		if x.possible(f) && (x.process == nil || x.process.runs()) {
			w.enabled = append(w.enabled, x.event)
		}
	}
}

func (x *fault) possible(f *faults) bool {
	switch c := x.conn; x.what {
	case Crash:
		if x.process != nil {
			return f.left.ProcessCrashes > 0
		}
		return f.left.NodeCrashes > 0 && !x.node.down
	case ErrBroken:
		if c.broken {
			return len(x.way()) > 0 // What is still on its way gets lost too.
		}
		if c.asks != nil && !x.back && c.serving == nil && len(c.requests) == 0 {
			return false // It loses nothing. What the node asks next, a later cut may lose.
		}
		// With nothing on its way, a cut is the same in both directions.
		return f.left.Cuts > 0 && c.dialled() && (!x.back || c.serving != nil || len(c.requests)+len(c.responses) > 0)
	case Lost:
		// While an earlier request is served, its answer has to come first.
		return f.left.Losses > 0 && !c.broken && len(x.way()) > 0 && (x.back && x.way()[0].Message != ErrBroken || !x.back && c.serving == nil)
	case Twice:
		return f.left.Duplicates > 0 && !c.broken && len(x.way()) > 0 && !x.way()[0].unawaited
	default:
		return f.left.Delays > 0 && len(x.way()) > 0
	}
}

// way is what is on its way in the direction.
func (x *fault) way() []Envelope {
	if x.back {
		return x.conn.responses
	}
	return x.conn.requests
}

func (x *fault) happen(w *World) {
	w.touched(&w.faults.object, true)
	w.touched(&w.runEnd, true)
	switch x.what {
	case Crash:
		if x.process != nil {
			x.process.crash()
		} else {
			x.node.crash()
		}
	case ErrBroken:
		if !x.conn.broken {
			w.faults.left.Cuts--
		}
		if x.back {
			x.conn.responses = x.conn.responses[:0]
		} else {
			x.conn.requests = x.conn.requests[:0]
		}
		x.conn.breaks()
		w.observe(Act{Action: Failed, Actor: "network", Peer: x.conn.node.name, Conn: x.conn.name, Message: ErrBroken})
	case Lost:
		w.faults.left.Losses--
		x.lose(w)
		w.observe(Act{Action: Failed, Actor: "network", Peer: x.conn.node.name, Conn: x.conn.name, Message: Lost})
	case Twice:
		w.faults.left.Duplicates--
		x.conn.touchAll(w)
		twice := x.conn.requests[0]
		twice.unawaited = true
		x.conn.requests = slices.Insert(x.conn.requests, 1, twice)
		w.observe(Act{Action: Failed, Actor: "network", Peer: x.conn.node.name, Conn: x.conn.name, Message: Twice})
	default:
		w.faults.left.Delays--
		x.delay(w)
		w.observe(Act{Action: Failed, Actor: "network", Peer: x.conn.node.name, Conn: x.conn.name, Message: Late})
	}
}

// lose loses the oldest message: ErrBroken stands where its answer would.
func (x *fault) lose(w *World) {
	c := x.conn
	c.touchAll(w)
	if x.back {
		c.responses[0].Message, c.responses[0].hash = ErrBroken, 0
		return
	}
	lost := c.requests[0]
	c.requests = append(c.requests[:0], c.requests[1:]...)
	if !lost.unawaited {
		lost.Message, lost.hash = ErrBroken, 0
		c.responses = append(c.responses, lost)
	}
}

// delay holds up the oldest message, and so all behind it.
func (x *fault) delay(w *World) {
	x.conn.touchAll(w)
	queue := x.way()
	at := max(queue[0].at, w.clock.now).Add(w.faults.left.Late.Draw(&w.faults.late))
	for i := range queue {
		queue[i].at = max(queue[i].at, at)
	}
}

func (x *fault) looksWide() {}

func (x *fault) lane() string {
	switch {
	case x.node != nil:
		return x.node.name
	case x.process != nil:
		return x.process.lane()
	}
	return "network"
}

// crash takes the node down.
func (m *nodeState) crash() {
	w := m.world
	w.faults.left.NodeCrashes--
	m.down, m.up = true, w.pace.later(&w.faults.left.Down, &w.faults.down)
	for _, a := range m.alarms {
		a.deadline = Never
		w.pace.changed(a.event.Thread)
	}
	for _, c := range w.conns {
		if c.node == m && c.dialled() {
			c.requests, c.serving, c.muted = c.requests[:0], nil, false
			c.breaks()
		}
		if c.client() == m && c.dialled() {
			c.asks.crash()
		}
	}
	w.observe(Act{Action: Failed, Actor: m.name, Message: Crash})
	m.reacts(func(*Outbox) {
		if node, ok := m.node.(Crasher); ok {
			node.Crash()
		}
	})
}

// restart is the event that brings a node back.
type restart struct{ node *nodeState }

func (r *restart) happen(w *World) {
	m := r.node
	m.down, m.up = false, Never
	w.touched(&w.runEnd, true)
	for _, c := range w.conns {
		if c.node == m && c.dialled() {
			w.touched(&c.dialPoint.object, true)
		}
	}
	w.observe(Act{Action: Failed, Actor: m.name, Message: Restart})
	m.reacts(func(out *Outbox) {
		if m.restarts() {
			m.node.(Restarter).Restart(out)
		}
	})
}

func (r *restart) looksWide() {}

func (r *restart) lane() string { return r.node.name }
