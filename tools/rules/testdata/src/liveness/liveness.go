// Package liveness has each way in which something outlives a point, and what
// is allowed beside it. Each type is a Program.
package liveness

import (
	"helpers"
	"slices"

	"racelab/sim"
)

type member struct {
	lock        sim.Mutex
	conn        *sim.Conn
	i, n        int
	generation  sim.Var[int]
	response    *response
	responses   []*response
	assignments []*assignment
	first       *assignment
	handler     handler
	hook        func()
	onRevoked   onRevoked
	lookUp      map[int]*response
}

type onRevoked func(t *sim.Task)

type handler interface{ consumeClaim(t *sim.Task) }

type response struct {
	n    int
	next *response
}

type assignment struct {
	lock  sim.Mutex
	dirty sim.Var[bool]
	n     int
}

func (a *assignment) revoke(t *sim.Task) { a.lock.Lock(t.At("revoke")); a.n++ }
func (m *member) join(t *sim.Task)       { t.Step("join") }
func (m *member) ask(t *sim.Task) int    { m.join(t); return m.n }
func (m *member) both(t *sim.Task) (int, bool) {
	m.join(t)
	return m.n, true
}
func (m *member) with(f onRevoked)               {}
func (m *member) keep(func())                    {}
func (m *member) keepAddress(*int)               {}
func (m *member) keepYield(func(string))         {}
func (m *member) noPoint(t *sim.Task, n int) int { defer m.lock.Unlock(t); return n }

// Parameters.

type parameter struct{ member }

func (m *parameter) Run(t *sim.Task) { m.outer(t, m.n); all(t, m.first) }

func (m *parameter) outer(t *sim.Task, n int) { m.commit(t, n, "a") }

func (m *parameter) commit(t *sim.Task, offset int, at string) { // want `offset outlives the point on line \d+`
	t.Step(at)
	m.n = offset
}

func all(t *sim.Task, as ...*assignment) { // want `as outlives the point`
	t.Step("all")
	as[0].n++
}

type copied struct{ n int }

func (m copied) Run(t *sim.Task) { // want `m outlives the point`
	t.Step("a")
	m.n++
	println(m.n)
}

type assigned struct {
	member
	next *assigned
}

func (m *assigned) Run(t *sim.Task) { // want `m outlives the point`
	for m != nil {
		t.Step("a")
		m = m.next
	}
}

// Loops.

type ranges struct{ member }

func (m *ranges) Run(t *sim.Task) {
	for range m.responses {
		m.join(t) // want `(how far a range loop is|what is computed here) outlives the point`
	}
}

type rangesInt struct{ member }

func (m *rangesInt) Run(t *sim.Task) {
	for m.i = range 3 {
		t.Step("a") // want `how far a range loop is outlives the point`
	}
}

type rangesFunc struct{ member }

func (m *rangesFunc) Run(t *sim.Task) {
	for range slices.Values(m.responses) { // want `a point in a function literal, or in a loop over a function`
		t.Step("a")
	}
}

type counter struct{ member }

func (m *counter) Run(t *sim.Task) {
	for i := 0; i < 3; i++ { // want `i outlives the point`
		m.responses[i] = nil
		m.join(t)
	}
}

type counterBefore struct{ member }

func (m *counterBefore) Run(t *sim.Task) {
	var i int // want `i outlives the point`
	for i = 0; i < 3; i++ {
		m.join(t)
	}
}

// Local variables.

type local struct{ member }

func (m *local) Run(t *sim.Task) {
	n := m.n // want `n outlives the point on line \d+; keep it in a field, or look it up again after the point`
	t.Step("a")
	m.n = n + 1
}

type part struct{ member }

func (m *part) Run(t *sim.Task) {
	var r response // want `r outlives the point`
	t.Step("a")
	r.n = 1
	m.n = r.n
}

type perhaps struct{ member }

func (m *perhaps) Run(t *sim.Task) {
	n := m.i // want `n outlives the point`
	t.Step("a")
	if m.n > 0 {
		n = 1
	}
	m.n = n
}

type ofIf struct{ member }

func (m *ofIf) Run(t *sim.Task) {
	if n := m.n; n > 0 { // want `n outlives the point`
		t.Step("a")
		m.n = n
	} else {
		m.n = -n
	}
}

type ofLiteral struct{ member }

func (m *ofLiteral) Run(t *sim.Task) {
	n := m.n // want `n outlives the point`
	t.Step("a")
	m.responses = slices.DeleteFunc(m.responses, func(r *response) bool { return r.n == n })
}

type result struct{ member }

func (m *result) Run(t *sim.Task) { m.n, _ = m.result(t) }

func (m *result) result(t *sim.Task) (n int, ok bool) {
	n = m.n // want `n outlives the point`
	t.Step("a")
	ok = true
	return
}

type earlier struct{ member }

func (m *earlier) Run(t *sim.Task) {
	response := m.conn.Receive(t.At("a")).(*response) // want `response outlives the point`
	t.Step("b")
	m.n = response.n
}

type aroundLoop struct{ member }

func (m *aroundLoop) Run(t *sim.Task) {
	n := 0
	for m.i < 3 {
		n++ // want `n outlives the point`
		t.Step("a")
	}
	m.n = n
}

type condition struct{ member }

func (m *condition) Run(t *sim.Task) {
	last := m.n // want `last outlives the point`
	for m.i < last {
		m.join(t)
		m.i++
	}
}

type post struct{ member }

func (m *post) Run(t *sim.Task) {
	n := m.n // want `n outlives the point`
	t.Step("a")
	for ; m.i < 3; n = m.n {
		m.n = n
	}
}

type through struct{ member }

func (m *through) Run(t *sim.Task) {
	n := m.n // want `n outlives the point`
	switch {
	case m.i > 0:
		t.Step("a")
		fallthrough
	default:
		m.n = n
	}
}

type picked struct{ member }

func (m *picked) Run(t *sim.Task) {
	a := m.assignments[m.i] // want `a outlives the point`
	a.lock.Lock(t.At("a"))
	a.n++
	a.lock.Unlock(t)
}

type pickedReceiver struct{ member }

func (m *pickedReceiver) Run(t *sim.Task) {
	m.assignments[m.i].revoke(t) // want `what is called here was found before a point`
	a := m.assignments[m.i]
	a.revoke(t) // want `what is called here was found before a point`
	m.assignments[1].revoke(t)
}

// Statements that keep something.

type deferring struct{ member }

func (m *deferring) Run(t *sim.Task) {
	m.lock.Lock(t.At("a"))
	defer m.lock.Unlock(t) // want `defer in Run, which contains a point`
	m.leave(t)
}

func (m *deferring) leave(t *sim.Task) { defer m.join(t) } // want `defer in leave, which contains a point`

type literal struct{ member }

func (m *literal) Run(t *sim.Task) {
	m.hook = func() { t.Step("a") }         // want `a point in a function literal`
	m.with(func(t *sim.Task) { m.join(t) }) // want `a point in a function literal`
	m.onRevoked(t)
}

var hook onRevoked = func(t *sim.Task) { t.Step("a") } // want `a point in a function literal`

type handedOn struct{ member }

func (m *handedOn) Run(t *sim.Task) {
	m.keepYield(t.Step) // want `Step without a call`
	t.Step("a")
}

type bound struct{ member }

func (m *bound) Run(t *sim.Task) {
	f := m.assignments[m.i].revoke // want `revoke is kept with a receiver that may be another`
	g := m.join                    // want `g outlives the point`
	f(t)
	m.onRevoked = m.first.revoke
	g(t)
}

type keptLiteral struct{ member }

func (m *keptLiteral) Run(t *sim.Task) {
	n := m.n                    // want `n outlives the point`
	m.hook = func() { m.n = n } // want `a function literal that is kept captures n`
	m.keep(func() { m.n = n })  // want `a function literal that is kept captures n`
	later := func() { m.n = n }
	t.Step("a") // want `later outlives the point`
	later()
	m.i = n
}

type keptAddress struct{ member }

func (m *keptAddress) Run(t *sim.Task) {
	var r response // want `the address of r is kept`
	m.response = &r
	n := 0 // want `the address of n is kept`
	m.keepAddress(&n)
	t.Step("a")
}

// Points in the middle of a statement.

type middle struct{ member }

func (m *middle) Run(t *sim.Task) {
	m.n = m.n*1000 + m.ask(t)                                                // want `computed here`
	m.responses[m.ask(t)] = nil                                              // want `computed here`
	m.response = &response{n: m.ask(t)}                                      // want `computed here`
	m.n, m.i = m.i, m.ask(t)                                                 // want `computed here`
	m.responses = append(m.responses, m.conn.Receive(t.At("a")).(*response)) // want `computed here`
	m.responses[m.i] = m.conn.Receive(t.At("a")).(*response)                 // want `computed here`
	m.lookUp[0], m.n = m.conn.Receive(t.At("a")).(*response), 1              // want `computed here`
	m.responses[m.i].n, _ = m.both(t)                                        // want `computed here`
	switch m.ask(t) {                                                        // want `computed here`
	case m.ask(t):
	}
	var n, i = m.n, m.ask(t) // want `n outlives the point`
	m.n, m.i = n, i
}

// In the middle, and nothing outlives it: what a statement computes after the
// point is no older.
type atTheEnd struct{ member }

func (m *atTheEnd) Run(t *sim.Task) {
	if m.ask(t) > 0 {
		m.n = -m.ask(t)
	}
	for m.join(t); m.i < 3; m.join(t) {
		m.n += m.ask(t)
		m.n = max(3, m.ask(t))
		m.response = m.conn.Receive(t.At("a")).(*response).next
	}
	p := "a"
	t.Step(p)
	m.n = m.ret(t)
}

func (m *atTheEnd) ret(t *sim.Task) int { return m.ask(t) }

// Calls that nobody can follow.

type unknown struct{ member }

func (m *unknown) Run(t *sim.Task) { m.consume(t, m.n); m.revoke(t, m.n); m.handler.consumeClaim(t) }

func (m *unknown) consume(t *sim.Task, n int) { // want `n outlives the point`
	m.handler.consumeClaim(t)
	m.n = n
}

func (m *unknown) revoke(t *sim.Task, n int) { // want `n outlives the point`
	m.onRevoked(t)
	m.n = n
}

// It is called by the interface only.
type implements struct{ member }

func (m *implements) consumeClaim(t *sim.Task) {
	n := m.n // want `n outlives the point`
	t.Step("a")
	m.n = n
}

// It is called by a Program of another package only.
type elsewhere struct{ member }

func (m *elsewhere) Consume(t *sim.Task) {
	n := m.n // want `n outlives the point`
	t.Step("a")
	m.n = n
}

var _ helpers.Handler = &elsewhere{}

type calls struct{ member }

func (m *calls) Run(t *sim.Task) {
	helpers.Clean(t)
	m.n = helpers.Keeping(t) // want `Keeping is called by a Program, and in it n outlives the point on line 10`
	helpers.Through(t)       // want `Through is called by a Program, and in it n outlives`
}

// Good shapes.

type good struct{ member }

func (m *good) Run(t *sim.Task) {
	for m.i = 0; m.i < len(m.assignments); m.i++ {
		m.assignments[m.i].lock.Lock(t.At("a"))
		a := m.assignments[m.i]
		if a.dirty.Get(t) {
			a.n++
		}
		a.lock.Unlock(t)
	}
	m.i = 0
	for m.n < 3 {
		m.step(t, "step")
		if m.n == 2 {
			break
		}
	}
	response := m.conn.Receive(t.At("b")).(*response)
	m.responses = append(m.responses, response)
	for i, r := range m.responses {
		m.n += i + r.n
	}
	m.onRevoked(t)
	m.handler.consumeClaim(t)
	m.ways(t)
	m.kinds(t)
	m.n = m.noPoint(t, m.noPoint(t, 1)) + 1
	m.join(t)
again:
	if m.n > 0 {
		m.join(t)
		goto again
	}
}

func (m *good) step(t *sim.Task, p string) {
	t.Step(p)
	m.n = m.ask(t)
	m.n, _ = m.both(t)
	m.first.n = m.ask(t)
	m.first.revoke(t)
	m.assignments[0].revoke(t)
	if n := m.ask(t); n > 0 {
		m.n = n
	}
	var n = m.ask(t)
	m.n = n
}

func (m *good) ways(t *sim.Task) (n int, err error) {
	n = m.n
	switch {
	case n > 3:
		t.Step("a")
		n = m.n
	case n > 2:
		return n, nil
	default:
		m.n = n
	}
	if n, err = 3, nil; m.i > 0 {
		t.Step("b")
	} else {
		m.n = n
	}
	n, err = 4, nil
	return
}

func (m *good) kinds(t *sim.Task) {
	n := m.n
	t.Go("inner", func(t *sim.Task) { println(n) })
	switch r := m.conn.Receive(t.At("a")).(type) {
	case *response:
		m.n = r.n
	}
	var r *response
	for m.i < 3 {
		r = m.conn.Receive(t.At("b")).(*response)
		m.responses = slices.DeleteFunc(m.responses, func(other *response) bool { return other.n == r.n })
		m.i++
	}
}

// Functions may keep what they like, and so may what only they call; but over
// a Loop.
func build(w *sim.World, m *member) {
	w.Go("G0", func(t *sim.Task) {
		n := m.free(t)
		t.Step("a")
		m.n = n
		last, sum := 0, 0            // want `sum outlives a turn of the loop on line 5..`
		pair := struct{ a, b int }{} // want `pair outlives`
		var shared sim.Var[int]
		for range t.Loop("poll") {
			shared.Set(t, pair.a)
			sum += n
			pair.b++
			if m.n > 3 {
				last = m.n
				break
			}
			inner := 0
			for range t.Loop("inner") {
				inner = m.n
				break
			}
			m.n += inner
		}
		m.n = last + sum
	})
	w.Go("G1", m.task)
	w.Go("G2", func(t *sim.Task) { m.tries(t, 3) })
}

// tries has its parameters, and what was before the loop, in each turn.
func (m *member) tries(t *sim.Task, most int) {
	first := m.free(t)
	last := 0 // want `last outlives a turn`
	for range t.Loop("try") {
		if m.n == most+first {
			return
		}
		m.n, last = last, m.n
	}
}

func (m *member) task(t *sim.Task) { m.free(t) }

func (m *member) free(t *sim.Task) int {
	m.lock.Lock(t.At("a"))
	defer m.lock.Unlock(t)
	return m.n
}

// sometimes uses what is a point only where it has a name.
type sometimes struct {
	v sim.Var[int]
	n int
}

func (s *sometimes) Run(t *sim.Task) {
	n := s.n
	s.v.Set(t, n)
	s.n = n
	m := s.n // want `m outlives the point`
	s.v.Set(t.At("a"), 1)
	s.n = m
}
