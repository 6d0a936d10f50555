package sim

import "fmt"

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
}

// From is the name of the task that sent the request.
func (e Envelope) From() string { return e.from.name }

// Outbox takes what a node sends during a step.
type Outbox struct{ world *World }

// Reply answers a request. A connection is answered in order: the next request
// is not handed out before this one has its answer.
func (o *Outbox) Reply(e Envelope, answer Message) {
	c := e.conn
	if c.serving != e.from {
		panic(fmt.Sprintf("sim: %s answers %s of %s twice, or out of order", c.node.name, e.Message.Name(), e.from.name))
	}
	c.serving = nil
	c.responses = append(c.responses, Envelope{Message: answer, conn: c, from: e.from, hash: hashOf(answer)})
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
}

// State walks the node.
func (m *member) State(s *State) {
	s.begin(m)
	m.node.State(s)
}
