package rt

import (
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"unsafe"
)

// A channel stays a Go channel. What stands beside it in a run is who waits: an
// operation that finds a partner or the buffer takes place by itself, so the real
// channel never blocks. A hand-over without a buffer copies the value from one
// waiting goroutine to the other.

// channel is what a run knows of one channel.
type channel struct {
	*object
	closed bool
	recvq  queue
	sendq  queue

	order order
}

type queue []*waiter

// order is what the race detector is told of a channel. A send or a receive may take
// place while its goroutine stands. So the goroutine releases an address before, and
// acquires that of its partner when it goes on.
type order struct {
	sent   []unsafe.Pointer // of the values in the buffer
	free   []unsafe.Pointer // of who made the free places of the buffer so
	places int              // of the buffer that have been used
	closed unsafe.Pointer   // of who closed it
	memory byte             // sends read it, close writes it: they race
	sends  spot             // the last one
	closes spot
}

// clock is what a send or a receive has of an order.
type clock struct {
	own   unsafe.Pointer
	after unsafe.Pointer // the partner's
}

// begins is called before the operation, in its goroutine.
func (k *clock) begins(own unsafe.Pointer) {
	if Race {
		Release(own)
		k.own = own
	}
}

// ends is called when the operation has taken place, in its goroutine.
func (k *clock) ends() {
	if Race && k.after != nil {
		Acquire(k.after)
	}
}

func (k *clock) clocks() *clock { return k }

// meets is a hand-over without a buffer.
func (k *clock) meets(partner *clock) { k.after, partner.after = partner.own, k.own }

// puts is a send to a buffer of so many places.
func (k *clock) puts(o *order, places int) {
	if !Race {
		return
	}
	if o.places < places {
		o.places++
	} else if len(o.free) > 0 {
		k.after, o.free = o.free[0], o.free[1:]
	}
	o.sent = append(o.sent, k.own)
}

// takes is a receive from a buffer.
func (k *clock) takes(o *order) {
	if Race && len(o.sent) > 0 {
		k.after, o.sent = o.sent[0], o.sent[1:]
		o.free = append(o.free, k.own)
	}
}

// waiter is a goroutine in the queue of a channel.
type waiter struct {
	g    *goroutine
	way  int // the case of its select
	end  end
	gone *bool // it has been served, here or at another case of its select
}

// end is one side of a waiting operation.
type end interface {
	// fill receives the value that stands at an address.
	fill(value unsafe.Pointer)
	// push sends the value on the real channel, whose buffer has room.
	push()
	// value is where the value to send stands.
	value() unsafe.Pointer
	clocks() *clock
}

// first returns the first who still waits, and takes it out.
func (q *queue) first() *waiter {
	for len(*q) > 0 {
		w := (*q)[0]
		*q = (*q)[1:]
		if !*w.gone {
			return w
		}
	}
	return nil
}

// waits says whether anybody but g does.
func (q queue) waits() bool {
	for _, w := range q {
		if !*w.gone {
			return true
		}
	}
	return false
}

// served lets a waiter go on.
func (w *waiter) served() {
	*w.gone = true
	w.g.status = ready
	if s, ok := w.g.op.(*selection); ok {
		s.chosen = w.way
	}
}

//go:norace
func pointerOf[C any](c C) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&c)) }

// channelOf returns what the run knows of a channel; nil for the nil channel.
//
//go:norace
func channelOf[C any](c C, skip int) *channel { return channelAt(pointerOf(c), c, skip+1) }

func channelAt(p unsafe.Pointer, ref any, skip int) *channel {
	if p == nil {
		return nil
	}
	o := active.objectAt(p, "channel", ref, skip+1)
	if o.state == nil {
		o.state = &channel{object: o}
	}
	return o.state.(*channel)
}

// Sender is a channel that something is to be sent on.
type Sender[T any] struct{ c chan<- T }

// Chan begins a send: rt.Chan(c).Send(v) is c <- v.
func Chan[T any](c chan<- T) Sender[T] { return Sender[T]{c} }

// Send is c <- v.
func (s Sender[T]) Send(v T) {
	g := current()
	if g == nil {
		s.c <- v
		return
	}
	if active.killed {
		g.dying()
		return
	}
	op := &SendCase[T]{c: s.c, v: v, ch: channelOf(s.c, 2)}
	op.begins(unsafe.Pointer(op))
	g.at(op)
	op.ends()
	op.fails()
	g.sends(op.ch)
}

// sends tells the race detector that a close of the channel is to be ordered.
func (g *goroutine) sends(ch *channel) {
	if !Race || ch == nil || active.killed {
		return
	}
	if o := &ch.order; reads(unsafe.Pointer(&o.memory)) {
		active.misuse(g, "sends to a channel", "closes", o.closes)
	} else {
		o.sends = g.spot()
	}
}

// Case is the case c <- v of a select.
func (s Sender[T]) Case(v T) *SendCase[T] {
	op := &SendCase[T]{c: s.c, v: v}
	if current() != nil && !active.killed {
		op.ch = channelOf(s.c, 2)
	}
	return op
}

// SendCase is a send that waits to take place.
type SendCase[T any] struct {
	clock
	c      chan<- T
	v      T
	ch     *channel
	panics bool // the channel was closed meanwhile
}

func (s *SendCase[T]) fails() {
	if s.panics {
		closed := make(chan T)
		close(closed)
		closed <- s.v // panics, as Go words it
	}
}

//go:norace
func (s *SendCase[T]) fill(unsafe.Pointer) {}

//go:norace
func (s *SendCase[T]) push() { s.c <- s.v }

//go:norace
func (s *SendCase[T]) value() unsafe.Pointer { return unsafe.Pointer(&s.v) }

//go:norace
func (s *SendCase[T]) isReady() bool {
	return s.ch != nil && (s.ch.closed || s.ch.recvq.waits() || len(s.c) < cap(s.c))
}

//go:norace
func (s *SendCase[T]) complete() bool {
	switch {
	case s.ch.closed:
		s.panics = true
		return true
	case len(s.c) == 0: // with a full buffer nobody waits to receive
		if w := s.ch.recvq.first(); w != nil {
			w.end.fill(unsafe.Pointer(&s.v))
			s.meets(w.end.clocks())
			w.served()
			return true
		}
	}
	select {
	case s.c <- s.v:
		s.puts(&s.ch.order, cap(s.c))
		return true
	default:
		return false
	}
}

//go:norace
func (s *SendCase[T]) enqueue(w *waiter) {
	if s.ch != nil {
		w.end = s
		s.ch.sendq = append(s.ch.sendq, w)
	}
}

//go:norace
func (s *SendCase[T]) channel() *channel { return s.ch }

//go:norace
func (s *SendCase[T]) verb() string { return "send" }
func (s *SendCase[T]) native() reflect.SelectCase {
	return reflect.SelectCase{Dir: reflect.SelectSend, Chan: reflect.ValueOf(s.c), Send: reflect.ValueOf(&s.v).Elem()}
}
func (s *SendCase[T]) took(reflect.Value, bool) {}

//go:norace
func (s *SendCase[T]) ways() int {
	if s.ch == nil {
		return 0
	}
	return 1
}

//go:norace
func (s *SendCase[T]) label(int) string { return "send" }

//go:norace
func (s *SendCase[T]) object() *object {
	if s.ch == nil {
		return nil
	}
	return s.ch.object
}

//go:norace
func (s *SendCase[T]) do(g *goroutine, _ int) result { return one(s, g) }

// Recv is <-c.
func Recv[T any](c <-chan T) T {
	v, _ := recv(c)
	return v
}

// Recv2 is v, ok := <-c.
func Recv2[T any](c <-chan T) (T, bool) { return recv(c) }

func recv[T any](c <-chan T) (T, bool) {
	g := current()
	if g == nil {
		v, ok := <-c
		return v, ok
	}
	if active.killed {
		g.dying()
		var none T
		return none, false
	}
	op := &RecvCase[T]{c: c, ch: channelOf(c, 3)}
	op.begins(unsafe.Pointer(op))
	g.at(op)
	op.ends()
	return op.V, op.OK
}

// RecvOf is the case <-c of a select.
func RecvOf[T any](c <-chan T) *RecvCase[T] {
	op := &RecvCase[T]{c: c}
	if current() != nil && !active.killed {
		op.ch = channelOf(c, 2)
	}
	return op
}

// RecvCase is a receive that waits to take place; then V and OK are what came.
type RecvCase[T any] struct {
	V  T
	OK bool

	clock
	c     <-chan T
	ch    *channel
	taken bool // code outside the run had filled the channel: V and OK hold what it sent
}

//go:norace
func (r *RecvCase[T]) fill(value unsafe.Pointer) { r.V, r.OK = *(*T)(value), true }

//go:norace
func (r *RecvCase[T]) push() {}

//go:norace
func (r *RecvCase[T]) value() unsafe.Pointer { return nil }

// look receives from a channel that code outside the run closed or filled: the run
// does not hear of it otherwise.
//
//go:norace
func (r *RecvCase[T]) look() {
	if r.taken || r.ch.closed || len(r.c) > 0 {
		return
	}
	raceOn() // That code is not under control: what it does orders.
	defer raceOff()
	select {
	case v, ok := <-r.c:
		at := unsafe.Pointer(new(byte))
		Release(at)
		if !ok {
			r.ch.closed, r.ch.order.closed = true, at
			return
		}
		r.V, r.OK, r.taken, r.after = v, ok, true, at
	default:
	}
}

//go:norace
func (r *RecvCase[T]) isReady() bool {
	if r.ch == nil {
		return false
	}
	r.look()
	return r.taken || r.ch.closed || len(r.c) > 0 || r.ch.sendq.waits()
}

//go:norace
func (r *RecvCase[T]) complete() bool {
	if r.look(); r.taken {
		return true
	}
	if len(r.c) == 0 && !r.ch.closed {
		w := r.ch.sendq.first()
		if w == nil {
			return false
		}
		r.fill(w.end.value())
		r.meets(w.end.clocks())
		w.served()
		return true
	}
	if r.after = r.ch.order.closed; len(r.c) > 0 {
		r.takes(&r.ch.order)
	}
	r.V, r.OK = <-r.c
	if r.ch.closed {
		return true
	}
	if w := r.ch.sendq.first(); w != nil { // the buffer has room again
		w.end.push()
		w.end.clocks().puts(&r.ch.order, cap(r.c))
		w.served()
	}
	return true
}

//go:norace
func (r *RecvCase[T]) enqueue(w *waiter) {
	if r.ch != nil {
		w.end = r
		r.ch.recvq = append(r.ch.recvq, w)
	}
}

//go:norace
func (r *RecvCase[T]) channel() *channel { return r.ch }

//go:norace
func (r *RecvCase[T]) verb() string { return "receive" }
func (r *RecvCase[T]) native() reflect.SelectCase {
	return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(r.c)}
}
func (r *RecvCase[T]) took(v reflect.Value, ok bool) {
	if r.OK = ok; ok {
		reflect.ValueOf(&r.V).Elem().Set(v)
	}
}

//go:norace
func (r *RecvCase[T]) ways() int {
	if r.ch == nil {
		return 0
	}
	return 1
}

//go:norace
func (r *RecvCase[T]) label(int) string { return "receive" }

//go:norace
func (r *RecvCase[T]) object() *object {
	if r.ch == nil {
		return nil
	}
	return r.ch.object
}

//go:norace
func (r *RecvCase[T]) do(g *goroutine, _ int) result { return one(r, g) }

// one lets a send or a receive outside a select take place, or queues it.
func one(c Case, g *goroutine) result {
	ch := c.channel()
	active.touch(ch.object, true)
	if c.complete() {
		return done
	}
	g.gone = new(bool)
	c.enqueue(&waiter{g: g, gone: g.gone})
	return wait
}

// Close is close(c).
func Close[T any](c chan<- T) {
	g := current()
	if g == nil {
		close(c)
		return
	}
	if active.killed {
		g.dying()
		return
	}
	if c != nil {
		op := &closing{ch: channelOf(c, 2), close: func() { close(c) }}
		if g.closes(op); op.close == nil {
			return
		}
	}
	close(c) // panics, as Go words it
}

// closing is a close; close is nil when it has taken place.
type closing struct {
	ch    *channel
	close func()
	own   unsafe.Pointer // see clock
}

func (g *goroutine) closes(op *closing) {
	op.own = active.moment(unsafe.Pointer(op))
	g.at(op)
	if !Race || active.killed {
		return
	}
	if o := &op.ch.order; writes(unsafe.Pointer(&o.memory)) {
		active.misuse(g, "closes a channel", "sends", o.sends)
	} else {
		o.closes = g.spot()
	}
}

func (c *closing) ways() int        { return 1 }
func (c *closing) label(int) string { return "close" }
func (c *closing) object() *object  { return c.ch.object }
func (c *closing) do(*goroutine, int) result {
	active.touch(c.ch.object, true)
	if c.ch.closed {
		return done
	}
	c.ch.closed, c.ch.order.closed = true, c.own
	c.close()
	c.close = nil
	for w := c.ch.recvq.first(); w != nil; w = c.ch.recvq.first() {
		w.end.clocks().after = c.own
		w.served()
	}
	for w := c.ch.sendq.first(); w != nil; w = c.ch.sendq.first() {
		w.served()
		w.end.(interface{ cut() }).cut()
	}
	return done
}

//go:norace
func (s *SendCase[T]) cut() { s.panics = true }

// CloseNow is close(c) in the step that is under way.
func CloseNow[T any](c chan T) {
	if g := current(); g != nil && !active.killed || active != nil && !active.killed && active.firing {
		op := &closing{ch: channelOf(c, 1), close: func() { close(c) }}
		op.own = active.moment(unsafe.Pointer(op))
		op.do(nil, 0)
		return
	}
	close(c)
}

// SendNow sends as a timer goes off: to who waits, or into the buffer, or what is sent is lost.
func SendNow[T any](c chan<- T, v T) {
	s := &SendCase[T]{c: c, v: v, ch: channelOf(c, 0)}
	s.own = active.by
	active.touch(s.ch.object, true)
	if s.complete(); s.panics { // It is no tick.
		active.fail(NoPanic, fmt.Errorf("%v is sent on a closed channel", v))
	}
}

// Len is len(c).
func Len[T any](c <-chan T) int {
	if g := current(); g != nil && c != nil && !active.killed {
		if g.at(&look{channelOf(c, 2).object, "len"}); active.ticks.get(uint64(uintptr(pointerOf(c)))) {
			return 0
		}
	}
	return len(c)
}

// Cap is cap(c).
func Cap[T any](c <-chan T) int {
	if current() != nil && active.ticks.get(uint64(uintptr(pointerOf(c)))) {
		return 0
	}
	return cap(c)
}

// look is a read of an object.
type look struct {
	o    *object
	what string
}

func (l *look) ways() int        { return 1 }
func (l *look) label(int) string { return l.what }
func (l *look) object() *object  { return l.o }
func (l *look) do(*goroutine, int) result {
	active.touch(l.o, false)
	return done
}

// Iter is a range over a channel.
type Iter[T any] struct{ c <-chan T }

// ChanIter begins a range over a channel: for it, v := rt.ChanIter(c); it.Next(&v); {.
func ChanIter[T any](c <-chan T) (Iter[T], T) {
	var v T
	return Iter[T]{c}, v
}

// Next receives the next value; false: the channel is closed and empty.
func (it Iter[T]) Next(v *T) bool {
	next, ok := recv(it.c)
	if ok {
		*v = next
	}
	return ok
}

// Case is one case of a select.
type Case interface {
	isReady() bool
	complete() bool
	enqueue(*waiter)
	channel() *channel
	verb() string
	native() reflect.SelectCase
	took(reflect.Value, bool)
	wake() bool
	clocks() *clock
}

// nativeSelect is a select outside a run.
func nativeSelect(hasDefault bool, cases []Case) int {
	var all []reflect.SelectCase
	for _, c := range cases {
		all = append(all, c.native())
	}
	if hasDefault {
		all = append(all, reflect.SelectCase{Dir: reflect.SelectDefault})
	}
	chosen, v, ok := reflect.Select(all)
	if chosen == len(cases) {
		return -1
	}
	cases[chosen].took(v, ok)
	return chosen
}

// selection is a select.
type selection struct {
	cases  []Case
	other  bool // it has a default
	chosen int  // the case that took place; -1: the default
	ready  []int
}

// Select is a select: the number of the case that took place, -1 for the default.
func Select(hasDefault bool, cases ...Case) int {
	g := current()
	if g == nil {
		return nativeSelect(hasDefault, cases)
	}
	s := &selection{cases: cases, other: hasDefault, chosen: -1}
	if Race {
		Release(unsafe.Pointer(s))
		for _, c := range cases {
			c.clocks().own = unsafe.Pointer(s)
		}
	}
	if !g.at(s) {
		if hasDefault {
			return -1
		}
		runtime.Goexit()
	}
	if s.chosen >= 0 {
		cases[s.chosen].clocks().ends()
		if c, ok := cases[s.chosen].(interface{ fails() }); ok {
			c.fails()
		}
	}
	return s.chosen
}

// ways are the cases that can take place; without any, the default, or to queue at
// all of them.
func (s *selection) ways() int {
	s.ready = s.ready[:0]
	for i, c := range s.cases {
		if c.isReady() {
			s.ready = append(s.ready, i)
		}
	}
	if len(s.ready) == 0 && !s.other && !s.canWait() {
		return 0
	}
	return max(1, len(s.ready))
}

// canWait says whether any case has a channel.
func (s *selection) canWait() bool {
	for _, c := range s.cases {
		if c.channel() != nil {
			return true
		}
	}
	return false
}

func (s *selection) label(way int) string {
	switch {
	case len(s.ready) > 0:
		i := s.ready[way]
		return "select case " + strconv.Itoa(i+1) + ", " + s.cases[i].verb()
	case s.other:
		return "select default"
	default:
		return "select"
	}
}

func (s *selection) object() *object {
	for _, c := range s.cases {
		if ch := c.channel(); ch != nil {
			return ch.object
		}
	}
	return nil
}

func (s *selection) do(g *goroutine, way int) result {
	for _, c := range s.cases {
		if ch := c.channel(); ch != nil {
			active.touch(ch.object, true)
		}
	}
	if len(s.ready) > 0 {
		s.chosen = s.ready[way]
		s.cases[s.chosen].complete()
		return done
	}
	if s.other {
		active.progress = false
		return done
	}
	g.gone = new(bool)
	for i, c := range s.cases {
		c.enqueue(&waiter{g: g, way: i, gone: g.gone})
	}
	return wait
}

// wake lets a waiting operation see what code outside the run did to its channels.
func (s *selection) wake() bool {
	for i, c := range s.cases {
		if c.wake() {
			s.chosen = i
			return true
		}
	}
	return false
}

//go:norace
func (r *RecvCase[T]) wake() bool { return r.isReady() && r.complete() }

//go:norace
func (s *SendCase[T]) wake() bool { return s.ch != nil && s.complete() }
