package sim

import (
	"fmt"
	"time"
	"unsafe"
)

// Message is what travels on a connection. A message never changes once it is
// sent, and is made of plain data: numbers, texts, booleans, and structs,
// slices and pointers of these. Its receiver copies what it keeps.
type Message interface {
	// Name is the message's kind, without the words Request or Response:
	// "OffsetCommit".
	Name() string
	// String is its contents: "{P0: 11, P1: 21}".
	String() string
}

// Node is a participant that reacts to messages: a broker, a coordinator. It
// is a step function, and touches nothing but its own fields.
type Node interface {
	Stateful
	Step(e Envelope, out *Outbox)
}

// Checker is a node with invariants of its own. Check runs after each of its
// steps.
type Checker interface {
	Check() error
}

// Envelope is a request on its way, with what the answer needs to find back.
type Envelope struct {
	Message Message
	conn    *Conn
	from    *Task
	hash    uint64
	at      time.Duration // timed mode: when it arrives
	mail    int           // see World.post; no part of the state
}

// From is the name of the task that sent the request.
func (e Envelope) From() string { return e.from.name }

// Outbox takes what a node sends during a step.
type Outbox struct {
	world *World
	node  *member // whose step it is
}

// Reply answers a request. A connection is answered in order: the next request
// is not handed out before this one has its answer.
func (o *Outbox) Reply(e Envelope, answer Message) {
	c := e.conn
	if c.serving != e.from && !c.broken {
		panic(fmt.Sprintf("sim: %s answers %s of %s twice, or out of order", c.node.name, e.Message.Name(), e.from.name))
	}
	if c.serving == e.from {
		c.serving = nil
	}
	if !c.broken {
		c.responses = append(c.responses, Envelope{Message: answer, conn: c, from: e.from, hash: hashOf(answer), mail: o.world.post(c.node.thread())})
		if o.world.timed != nil {
			o.world.timed.answered(c)
		}
	}
	o.world.touched(&c.in.tail, true)
	o.world.observe(Observation{
		Action: Answered, Actor: c.node.name, Peer: e.from.name, Conn: c.name,
		Request: e.Message, Message: answer,
	})
}

// member is a node in its world.
type member struct {
	object
	world  *World
	name   string
	number int // from 1
	node   Node
	alarms []*alarm // by place in its Timers

	down    bool
	up      time.Duration // timed mode, if it is down: when it restarts
	restart Event
}

// State walks the node.
func (m *member) State(s *State) {
	s.begin(m)
	for _, a := range m.alarms {
		s.moment(&a.deadline)
	}
	m.walkFaults(s)
	m.node.State(s)
}

// State is the walk of a request that a node has parked.
func (e *Envelope) State(s *State) {
	switch s.errand {
	case saving:
		if e.conn == nil {
			s.words = append(s.words, 0)
			return
		}
		s.words = append(s.words, uint64(e.conn.number), uint64(e.from.number), e.hash)
		s.refs = append(s.refs, e.Message)
	case loading:
		conn := s.words[s.at]
		s.at++
		if *e = (Envelope{}); conn == 0 {
			return
		}
		*e = Envelope{Message: s.refs[s.ref], conn: s.world.conns[conn-1], from: s.world.tasks[s.words[s.at]-1], hash: s.words[s.at+1]}
		s.at += 2
		s.ref++
	case auditing:
		s.met(unsafe.Pointer(e))
	}
}

// String is the request and who sent it.
func (e Envelope) String() string {
	if e.conn == nil {
		return "none"
	}
	return e.Message.Name() + " of " + e.from.name + " " + e.Message.String()
}
