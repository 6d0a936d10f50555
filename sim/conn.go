package sim

import (
	"fmt"
	"unsafe"

	"racelab/sim/internal/hook"
)

// Conn is a TCP connection from a client, or from another node, to a node:
// first in, first out, each way; requests are answered in order. Reordering
// happens only between connections. World.Dial makes one.
type Conn struct {
	name    string // of the client that dialled
	number  int    // from 1
	node    *nodeState
	senders []string // the actor's name of a request, by its task's number - 1

	out       direction
	requests  []Envelope // oldest first
	serving   party      // whose request the node has not answered yet
	muted     bool       // the node does not read the next request
	in        direction
	responses []Envelope // oldest first
	asks      *asking    // of a connection that a node has dialled
	process   *process   // of a handle: whose tasks use it, if one is named

	// Where connections may break.
	handle    *Conn   // what the client holds
	lines     []*Conn // of a handle: the connections that it may come to stand for
	line      int     // of a handle: the place in lines of the one it stands for
	dial      int     // which of them this is, from 1
	dialPoint dialPoint
	broken    bool
	owed      []int // by a task's number - 1: requests whose answer it has not taken
}

// direction is one way of a connection. Its two ends are objects of their own:
// sends are ordered among themselves, and so are arrivals, but a send and the
// arrival of an earlier message do not touch the same thing.
type direction struct {
	tail object // where messages go in
	head head   // where they come out
}

type head struct {
	object
	conn *Conn
}

func (d *direction) name(label string, c *Conn) {
	d.tail.kind, d.head.kind = hook.Channel, hook.Channel
	d.tail.label, d.head.label = label, label+" (arrivals)"
	d.head.conn = c
}

// Send writes a request. It never waits and never fails. On a broken connection
// the request goes nowhere, and the Receive after it returns ErrBroken.
func (c *Conn) Send(t *Task, request Message) { c.send(t, request, true) }

// Post is Send of a request whose answer nobody waits for, as a client that closes tells
// its coordinator: the answer goes nowhere. The network does not duplicate it.
func (c *Conn) Post(t *Task, request Message) { c.send(t, request, false) }

func (c *Conn) send(t *Task, request Message, awaited bool) {
	if c.process != t.process || c.asks != nil {
		panic(fmt.Sprintf("sim: task %s sends on the connection of %s, which is a node's, or not of its process: name both in one World.Process", t.name, c.name))
	}
	if !t.plain() && !t.comesByWith("send "+NameOf(request)) {
		return
	}
	if c = c.current(); c.handle != nil {
		t.touches(&c.dialPoint.object, false) // Which connection it is depends on who dials.
	}
	t.touches(&c.out.tail, true)
	if c.owed != nil && awaited {
		c.owed[t.number-1]++
	}
	if !c.broken {
		c.requests = append(c.requests, Envelope{Message: request, conn: c, from: t, unawaited: !awaited, hash: t.world.hashSent(request), sendClock: t.world.release(t.number - 1)})
		t.world.pace.sent(c)
	}
	t.world.observe(Act{Action: Sent, Actor: t.name, Peer: c.node.name, Conn: c.name, Message: request})
	t.did(0)
}

// Receive waits for the answer to the task's oldest request, and takes it. It is
// ErrBroken if none will come.
//
// Answers are taken in the order of the requests. So where several tasks use the
// connection, Receive also waits until the others have taken theirs that come
// before.
func (c *Conn) Receive(t *Task) Message {
	return c.receive(t, t.nextOr("receive from ", c.node.name), &c.owing(t).in.head)
}

func (c *Conn) receive(t *Task, name string, from *head) Message {
	on, ok := t.blocks(name, from)
	if !ok {
		answer, _ := t.given.ref.(Message)
		return answer
	}
	answer := on.(*head).conn.take(t)
	if t.program == nil {
		t.didAll(hashOf(answer), 0, answer)
	}
	return answer
}

// ReceiveAny waits until there is a response, and takes the oldest, whoever sent the
// request. Responses come in the order in which the requests were written, so
// whoever keeps that order too, under a lock that is held over the write, knows
// whose this is. It reads the connection that stands when it is called. ErrBroken
// ends that: what was asked on it before has no answer.
//
// A client whose tasks ReceiveAny has none that Receive on the same connection.
func (c *Conn) ReceiveAny(t *Task) Message {
	name := t.nextOr("receive from ", c.node.name)
	c = c.current()
	if t.program != nil || !t.again(name) {
		if t.program == nil {
			t.coroutine.mustNotRerun()
		}
		if c.handle != nil && t.world.started {
			t.touches(&c.handle.dialPoint.object, false)
		}
		t.reads = true
		t.did(0)
	}
	return c.receive(t, name, &c.in.head)
}

func (c *Conn) take(t *Task) Message {
	t.touches(&c.in.head.object, true)
	t.world.looksAt(&c.dialPoint.object) // It may be broken.
	response := Message(ErrBroken)
	if !c.failed(t) {
		response = c.responses[0].Message
		t.world.acquire(t.number-1, c.responses[0].sendClock)
		c.answered(t, c.responses[0].from.(*Task))
		c.responses = append(c.responses[:0], c.responses[1:]...)
	} else if c.answered(t, t); t.reads {
		for _, other := range t.world.tasks {
			t.world.looksAt(&other.object)
			for c.owed[other.number-1] > 0 {
				c.answered(t, other)
			}
		}
	}
	t.reads = false
	t.world.observe(Act{Action: Received, Actor: t.name, Peer: c.node.name, Conn: c.name, Message: response})
	return response
}

// answered notes that a request of a task has its answer, or will have none.
func (c *Conn) answered(by, t *Task) {
	if c.owed != nil && c.owed[t.number-1] > 0 {
		c.owed[t.number-1]--
		if by != t {
			by.touches(&t.object, true)
		}
	}
}

func (e *head) ready(t *Task) bool {
	return len(e.conn.responses) > 0 && (t.reads || e.conn.responses[0].from == t) || e.conn.failed(t)
}

func (e *head) waitingFor(w *World) string {
	if len(e.conn.responses) > 0 {
		return fmt.Sprintf("its answer from %s, behind the one of %s", e.conn.node.name, e.conn.responses[0].From())
	}
	return "an answer from " + e.conn.node.name
}

// nameSenders makes the actors of requests. Where several connections of tasks
// lead to the node, those of this one are told apart by its name.
func (c *Conn) nameSenders() {
	if c.asks != nil {
		return
	}
	w, via := c.node.world, ""
	for _, other := range w.conns {
		if other != c && other.node == c.node && other.asks == nil && (c.handle == nil || other.handle != c.handle) {
			via = "/" + c.name
		}
	}
	for _, t := range w.tasks {
		sender := t.name + via
		if c.name == t.name {
			sender = t.name // It needs no telling.
		}
		c.senders = append(c.senders, lineName(sender+"->"+c.node.name, c.dial))
	}
}

// sender is the actor of a request.
func (c *Conn) sender(request Envelope) string {
	if c.asks != nil {
		return c.out.tail.label
	}
	return c.senders[request.from.place()-1]
}

// arrival is the event that the oldest request arrives.
func (c *Conn) arrival() Event {
	request := c.requests[0]
	return Event{
		Actor: c.sender(request),
		Label: c.node.world.nameOf(request.Message),
		Place: c.node.place(), Thread: c.thread(),
		source: c,
	}
}

// thread is that of the requests of the connection.
func (c *Conn) thread() int { return len(c.node.world.tasks) + c.number }

func (c *Conn) lane() string { return c.node.name }

func (c *Conn) brings() Message { return c.requests[0].Message }

// deliverable says whether the node would take the next request now.
func (c *Conn) deliverable() bool { return c.serving == nil && !c.muted && len(c.requests) > 0 }

// happen hands the oldest request to the node, as one step.
func (c *Conn) happen(w *World) {
	e := c.requests[0]
	c.requests = append(c.requests[:0], c.requests[1:]...)
	c.serving = e.from
	w.acquire(c.node.clockIndex(), e.sendClock)
	w.touched(&c.out.head.object, true)
	w.observe(Act{Action: Arrived, Actor: c.node.name, Peer: e.From(), Conn: c.name, Message: e.Message})
	w.pace.served(c.node)
	c.node.reacts(func(out *Outbox) { c.node.node.Handle(e, out) })
}

// layout plans what is on its way.
func (c *Conn) layout(w *World) {
	own := func(o objectHolder) *group {
		w.bind(o)
		return w.plan.group(o.bound(), ofWorld)
	}
	own(c.node).special(c, false) // It alone takes requests and answers them.
	way := func(d *direction, queue *[]Envelope) {
		own(&d.tail)
		own(&d.head).special(&envelopes{c, queue}, w.pace.timed())
		d.head.pair = d.tail.number
	}
	way(&c.out, &c.requests)
	way(&c.in, &c.responses)
	if c.lines != nil || c.handle != nil {
		g := own(&c.dialPoint)
		g.add(word8, unsafe.Pointer(&c.broken))
		g.add(word64, unsafe.Pointer(&c.line))
		for i := range c.owed {
			own(c.node.world.tasks[i]).add(word64, unsafe.Pointer(&c.owed[i]))
		}
	}
	if c.asks != nil {
		own(c.asks.by).special(&envelopes{c, &c.asks.inFlight}, w.pace.timed())
	}
}

// walk walks whom the node is serving.
func (c *Conn) walk(s *walker) {
	if s.loading {
		word := s.next()
		c.serving, c.muted = nil, word&1 != 0
		if word > 1 {
			c.serving = s.world.party(word >> 1)
		}
		return
	}
	word := uint64(0)
	if c.serving != nil {
		word = uint64(c.serving.place()) << 1
	}
	if c.muted {
		word |= 1
	}
	s.words = append(s.words, word)
}

// envelopes is the messages on one way of a connection.
type envelopes struct {
	conn  *Conn
	queue *[]Envelope
}

// walk walks messages: whose each is, its hash, and itself.
func (q *envelopes) walk(s *walker) {
	if !s.loading {
		s.words = append(s.words, uint64(len(*q.queue)))
		for i := range *q.queue {
			e := &(*q.queue)[i]
			s.words = append(s.words, e.whose(), e.hashed())
			if s.world.pace.timed() {
				s.put(past, unsafe.Pointer(&e.at), nil)
			}
			s.refs = append(s.refs, e.Message)
		}
		return
	}
	n := s.next()
	*q.queue = (*q.queue)[:0]
	for range n {
		e := Envelope{Message: s.nextRef().(Message), conn: q.conn}
		e.belongs(s.world, s.next())
		e.hash = s.next()
		if s.world.pace.timed() {
			s.get(past, unsafe.Pointer(&e.at), nil)
		}
		*q.queue = append(*q.queue, e)
	}
}
