package sim

import (
	"fmt"
	"unsafe"
)

// Node is a participant that reacts to messages: a broker, a coordinator. Handle
// takes one message, as one step, and touches nothing but the node's own fields.
// These are plain: numbers, bools, texts, and structs, arrays and slices of them. A
// map is refused, as its order is random: use a slice of structs with the key in it.
type Node interface {
	Handle(e Envelope, out *Outbox)
}

// Checker is a Node with invariants of its own. Check runs after each of its
// steps; an error breaks the property NodeInvariants.
type Checker interface {
	Check() error
}

// Envelope is a message on its way: a request, with what the answer needs to
// find back, or the answer to a request of the node itself.
type Envelope struct {
	Message   Message
	Request   Message // of an answer: what it answers, also if it is ErrBroken; else nil
	conn      *Conn
	from      party  // who asked
	hash      uint64 // of the message; 0: see hashed
	unawaited bool   // it was posted, or the network made it of another one: its answer goes nowhere
	at        Time   // timed mode: when it arrives
	sendClock int    // see World.release; no part of the state
}

// From is the name of the task, or of the node, that sent the message.
func (e Envelope) From() string { return e.from.Name() }

// Outbox takes what a node sends during a step.
type Outbox struct {
	world *World
	node  *nodeState // whose step it is
}

// Reply answers a request. A connection is answered in order: the next request
// is not handed out before this one has its answer.
func (o *Outbox) Reply(e Envelope, answer Message) {
	c := e.conn
	o.world.looksAt(&c.dialPoint.object) // It may be broken.
	if e.Request != nil {
		panic(fmt.Sprintf("sim: %s answers an answer, to its %s", o.node.name, NameOf(e.Request)))
	}
	if c.serving != e.from && !c.broken {
		panic(fmt.Sprintf("sim: %s answers %s of %s twice, or out of order", c.node.name, NameOf(e.Message), e.From()))
	}
	if c.serving == e.from {
		c.serving = nil
	}
	if !c.broken && !e.unawaited {
		c.responses = append(c.responses, Envelope{Message: answer, conn: c, from: e.from, hash: o.world.hashSent(answer), sendClock: o.world.release(c.node.clockIndex())})
		o.world.pace.answered(c)
	}
	o.world.touched(&c.in.tail, true)
	o.world.observe(Act{
		Action: Answered, Actor: c.node.name, Peer: e.From(), Conn: c.name,
		Request: e.Message, Message: answer,
	})
}

// party is who has an end of a connection: a task or a node.
type party interface {
	Name() string
	// place is its number: tasks from 1, and nodes behind them.
	place() int
}

func (t *Task) place() int      { return t.number }
func (m *nodeState) place() int { return len(m.world.tasks) + m.number }

func (w *World) party(place uint64) party {
	if n := uint64(len(w.tasks)); place > n {
		return w.nodes[place-n-1]
	}
	return w.tasks[place-1]
}

// Mute keeps the node from reading what comes next on the connection of a
// request, until Unmute: meanwhile that stays in the socket. So a broker
// answers a client that is over its quota at once, with how long it will not
// listen, and then does not listen; a timer of its own tells it when to.
//
// Source: KIP-219; SocketServer.Processor, ChannelMuteState.
func (o *Outbox) Mute(e Envelope) { o.connOf(e).mute(true) }

// Unmute undoes Mute, by the same request or a later one of the connection. A
// connection that has broken meanwhile is not affected.
func (o *Outbox) Unmute(e Envelope) { o.connOf(e).mute(false) }

// connOf is the connection on which the node got a request.
func (o *Outbox) connOf(e Envelope) *Conn {
	if e.conn == nil || e.conn.node != o.node || e.Request != nil {
		panic(fmt.Sprintf("sim: %s mutes or unmutes a connection on which it got no request", o.node.name))
	}
	return e.conn
}

func (c *Conn) mute(muted bool) {
	c.muted = muted
	c.node.world.pace.changed(c.thread())
}

// nodeState is a node in its world.
type nodeState struct {
	object
	world  *World
	name   string
	number int // from 1
	node   Node
	alarms []*alarm // by place in its Timers

	down    bool
	up      Time // timed mode: when it restarts; Never: it is not down
	restart Event
}

func (m *nodeState) Name() string { return m.name }

// layout adds what the world keeps of the node.
func (m *nodeState) layout(g *group) {
	for _, a := range m.alarms {
		g.add(moment, unsafe.Pointer(&a.deadline))
	}
	if m.world.faults == nil {
		return
	}
	g.add(word8, unsafe.Pointer(&m.down))
	if m.up = Never; m.world.pace.timed() {
		g.add(moment, unsafe.Pointer(&m.up))
	}
}

// walk walks a request that a node has parked. An answer is taken at once.
func (e *Envelope) walk(s *walker) {
	if e.Request != nil {
		panic("sim: a node parks an answer: park what it says")
	}
	if !s.loading {
		if e.conn == nil {
			s.words = append(s.words, 0)
			return
		}
		s.words = append(s.words, uint64(e.conn.number), e.whose(), e.hashed())
		s.refs = append(s.refs, e.Message)
		return
	}
	conn := s.next()
	if *e = (Envelope{}); conn == 0 {
		return
	}
	c := s.world.conns[conn-1]
	*e = Envelope{Message: s.nextRef().(Message), conn: c}
	e.belongs(s.world, s.next())
	e.hash = s.next()
}

// hashSent is the hash of a message that is sent, by which a change is noticed later.
func (w *World) hashSent(m Message) uint64 {
	w.nameOf(m)
	if !w.pace.checks() {
		return 0
	}
	return hashOf(m)
}

// nameOf is NameOf. It refuses a name that no schedule could be read back with. What
// a type is called is found once.
func (w *World) nameOf(m Message) string {
	t := *(*unsafe.Pointer)(unsafe.Pointer(&m)) // An interface begins with its type.
	if name, ok := w.messages[t]; ok {
		return name
	}
	name := NameOf(m)
	mustBeLabel("message", name)
	if _, own := m.(interface{ Name() string }); !own { // Else two of a type may differ.
		if w.messages == nil {
			w.messages = map[unsafe.Pointer]string{}
		}
		w.messages[t] = name
	}
	return name
}

// hashed is the hash of the message, for a state with it.
func (e *Envelope) hashed() uint64 {
	if e.hash == 0 {
		e.hash = hashOf(e.Message)
	}
	return e.hash
}

// whose is the word of who sent it, and belongs sets that.
func (e *Envelope) whose() uint64 {
	word := uint64(e.from.place()) << 1
	if e.unawaited {
		word |= 1
	}
	return word
}

func (e *Envelope) belongs(w *World, word uint64) {
	e.from, e.unawaited = w.party(word>>1), word&1 != 0
}

// String is the request and who sent it.
func (e Envelope) String() string {
	if e.conn == nil {
		return "none"
	}
	return NameOf(e.Message) + " of " + e.From() + " " + ContentsOf(e.Message)
}

// reacts is a step of the node, whatever led to it.
func (m *nodeState) reacts(step func(out *Outbox)) {
	w := m.world
	w.touched(&m.object, true)
	if len(w.tasks) == 0 && w.runEnd.number > 0 {
		w.touched(&w.runEnd, false)
	}
	w.outbox.node = m
	step(&w.outbox)
	if checker, ok := m.node.(Checker); ok && w.pace.checks() {
		if err := checker.Check(); err != nil {
			w.broke(NodeInvariants, fmt.Errorf("%s: %w", m.name, err))
		}
	}
}

// clockIndex is the place of the node's clock: behind those of the tasks.
func (m *nodeState) clockIndex() int { return m.place() - 1 }

// Now is the world's time, for a node that asks for it.
func (o *Outbox) Now() Time {
	o.world.touched(&o.world.clock.object, false)
	return o.world.clock.now
}
