package sim

import (
	"fmt"

	"racelab/sim/internal/hook"
)

// Chan is a channel of a client: chan T. Its zero value is the nil channel, on
// which every wait is for ever.
//
// It carries numbers, texts, and structs, arrays, slices and pointers of these. What
// a pointer or a slice leads to is not copied, and nobody may change it once it is
// sent. The search does not notice who does; the analyzer racevet finds most.
//
// A task parked before Send, Receive or Select counts as waiting. The order of
// arrival is not modelled: of several that wait any may be served, so a channel
// has no queue of waiters. Nobody can tell whether it has called yet, so a select
// with a default that could meet it may also take the default.
//
// Of an unbuffered channel it is the receiver that moves: its step takes the
// value from a sender that waits, and the sender goes on in a later step. A
// sender that cannot wait, because its select has a default, hands the value to
// a receiver that waits.
//
// What comes before what is as in The Go Memory Model: a send before the receive
// of its value, the k-th receive before the send that comes k-th after a full
// buffer was possible, a close before the receives that find it closed.
//
// Source: runtime.chansend, runtime.chanrecv, runtime.closechan; "Channel
// communication" in The Go Memory Model.
// Differs: those who wait are served in any order, and not first come, first
// served; the order of their calls is as open. What the receiver of an
// unbuffered channel does in the step of the receive comes before whatever the
// sender does next; a Step after the receive takes that away.
type Chan[T any] struct{ channel }

// channel is what a Chan is, whatever it carries.
type channel struct {
	object
	made     bool // else it is the nil channel
	closed   bool
	capacity int
	values   []carried // oldest first

	// Not part of the state, as Envelope.sendClock is not: what comes before who takes
	// each of the values, and before who uses the room again that a receive made.
	sendClocks []int `sim:"-"`
	room       []int `sim:"-"`
}

// Init makes a channel before the first step.
func (c *Chan[T]) Init(capacity int) {
	if capacity < 0 {
		panic(fmt.Sprintf("sim: a channel has no capacity of %d: want 0 or more", capacity))
	}
	c.made, c.capacity = true, capacity
}

// Make makes a new channel here. What was here before is out of everyone's
// reach.
func (c *Chan[T]) Make(t *Task, capacity int) {
	if !t.comesWith("make", &c.object, visible) {
		return
	}
	if capacity < 0 {
		panic("makechan: size out of range")
	}
	t.touches(&c.object, true) // Before anything that depends on who waits.
	t.world.met.remade = true
	for _, other := range t.world.tasks {
		t.world.looksAt(&other.object)
		if other != t && other.waitsAt(c) {
			panic(fmt.Sprintf("sim: %s makes %s anew, and %s waits at the old one: give each its own Chan",
				t.name, t.world.objectName(c.number), other.name))
		}
	}
	c.made, c.closed, c.capacity, c.values = true, false, capacity, c.values[:0]
	if t.world.follows() {
		c.forget()
	}
	t.did(0)
}

// Send waits until the value is in the buffer, or with a receiver.
func (c *Chan[T]) Send(t *Task, value T) {
	t.choose(t.point("send", &c.object), false, c.Sending(value))
}

// Receive waits until there is a value, or the channel is closed, and takes the
// value. It is not ok if the channel is closed and empty.
func (c *Chan[T]) Receive(t *Task) (value T, ok bool) {
	t.choose(t.point("receive", &c.object), false, c.Receiving())
	return c.Received(t)
}

// Received is what the Select has received that the task just came back from.
func (c *Chan[T]) Received(t *Task) (value T, ok bool) {
	if t.received == nothing && !t.unwinds() {
		panic("sim: Received, and the last point received nothing: ask right after the Select, and only in the case of the channel")
	}
	return valueOf[T](t.carried), t.received == aValue
}

// Sending is the case of a select that sends the value. The value is that of the
// moment when the Select begins, as in Go. The case of a nil channel is never
// ready.
func (c *Chan[T]) Sending(value T) SelectCase {
	if c == nil {
		return SelectCase{}
	}
	return SelectCase{of: c, sends: true, carried: carry(value)}
}

// Receiving is the case of a select that receives.
func (c *Chan[T]) Receiving() SelectCase {
	if c == nil {
		return SelectCase{}
	}
	return SelectCase{of: c}
}

// Close closes the channel.
func (c *Chan[T]) Close(t *Task) {
	if !t.comes("close", &c.object, visible) {
		return
	}
	t.world.met.closed = true
	t.touches(&c.object, !c.closed)
	switch {
	case !c.made:
		panic("close of nil channel")
	case c.closed:
		panic("close of closed channel")
	}
	t.releases(&c.object)
	c.closed = true
	t.did(0)
}

// Len is the number of values in the buffer.
func (c *Chan[T]) Len(t *Task) int {
	if !t.comes("len of", &c.object, visible) {
		return int(t.given.word)
	}
	t.world.met.apart |= asked
	t.touches(&c.object, false)
	t.did(uint64(len(c.values)))
	return len(c.values)
}

// Peek reads what is in the buffer, the oldest first: for a claim or a picture, never
// in a task.
func (c *Chan[T]) Peek() []T {
	c.peeked()
	var values []T
	for _, x := range c.values {
		values = append(values, valueOf[T](x))
	}
	return values
}

func (c *channel) prepare(w *World) {
	c.kind = hook.Channel
	w.passages = append(w.passages, c)
}

// pipe is how a case comes to its channel.
func (c *channel) pipe() *channel { return c }

// handsOver says whether a value goes from hand to hand here.
func (c *channel) handsOver() bool { return c.made && c.capacity == 0 }

// forget forgets who came before whom.
func (c *channel) forget() { c.sendClocks, c.room = c.sendClocks[:0], c.room[:0] }

func (c *channel) sends() [2]*[]int { return [2]*[]int{&c.sendClocks, &c.room} }

// put sends into the buffer.
func (c *channel) put(t *Task, x carried) {
	if w := t.world; w.follows() {
		if len(c.values)+len(c.room) == c.capacity {
			w.acquire(t.number-1, c.room[0])
			c.room = append(c.room[:0], c.room[1:]...)
		}
		c.sendClocks = append(c.sendClocks, w.release(t.number-1))
	}
	c.values = append(c.values, x)
}

// get receives from the buffer.
func (c *channel) get(t *Task) carried {
	if w := t.world; w.follows() {
		w.acquire(t.number-1, c.sendClocks[0])
		c.sendClocks = append(c.sendClocks[:0], c.sendClocks[1:]...)
		c.room = append(c.room, w.release(t.number-1))
	}
	x := c.values[0]
	c.values = append(c.values[:0], c.values[1:]...)
	return x
}

func (c *channel) holds() string {
	switch {
	case !c.made:
		return "nil"
	case c.closed:
		return fmt.Sprintf("closed, %d of %d", len(c.values), c.capacity)
	}
	return fmt.Sprintf("%d of %d", len(c.values), c.capacity)
}

// lacks says what keeps a case of the channel from being ready.
func (c *channel) lacks(w *World, sends bool) string {
	name := w.objectName(c.number)
	switch {
	case !c.made:
		return name + ", which is nil"
	case !sends:
		return "a value from " + name
	case c.capacity == 0:
		return "a receiver of " + name
	}
	return fmt.Sprintf("room in %s, which holds %d", name, c.capacity)
}
