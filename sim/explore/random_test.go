package explore

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"racelab/sim"
)

// The searches are trusted because, on thousands of small random programs, they
// see what full enumeration sees: the same final states, the same deadlocks,
// the same verdicts, and each happens-before class once.

var randomPrograms = flag.Int("random-programs", 10_000, "how many random programs TestRandomPrograms compares")

// op is one step of a random program.
type op struct {
	kind   opKind
	object int
}

type opKind uint8

const (
	read      opKind = iota // register = variable
	write                   // variable = register + 1
	lock                    // take a lock
	unlock                  // release it, if this task holds it
	send                    // a request with the register
	receive                 // the answer to one of the requests, if there was one
	tell                    // tell the property the register
	load                    // register = atomic
	store                   // atomic = register + 1
	rlock                   // share a lock
	runlock                 // give the share back, if this task has it
	wlock                   // take the lock that others share
	wunlock                 // release it, if this task holds it
	start                   // arm a timer, if this task has not
	stop                    // stop it, if this task has armed it
	tick                    // wait for it, if this task has armed it and not stopped it
	give                    // send the register to a channel
	get                     // register = received from a channel + 1
	end                     // close a channel
	choose                  // a select; see choices
	add                     // one more to be done
	done                    // one less, if this task has added one
	finish                  // wait until all is done
	await                   // wait for the condition, if this task has its lock
	signal                  // wake one that waits for it
	broadcast               // wake all
)

func (k opKind) String() string {
	return [...]string{"read", "write", "lock", "unlock", "send", "receive", "tell",
		"load", "store", "rlock", "runlock", "wlock", "wunlock", "start", "stop", "tick", "give", "get", "end", "choose",
		"add", "done", "finish", "await", "signal", "broadcast"}[k]
}

// choices are the cases of a select, as bits of its object.
const (
	gets  = 1 << iota // from the first channel
	gives             // to the last one
	ticks             // the task's timer
	other             // default
	takes             // from the last channel
	hands             // to the first one
)

// legal is a select without the cases that would be a second one of a channel.
func legal(cases, channels int) int {
	if channels == 1 {
		for _, first := range []int{gets, gives, takes} {
			if cases&first > 0 {
				return cases&(ticks|other) | first
			}
		}
	}
	if cases&gets > 0 {
		cases &^= hands
	}
	if cases&gives > 0 {
		cases &^= takes
	}
	return cases
}

// program is what a whole random world is made of.
type program struct {
	tasks       [][]op
	vars, locks int
	conns       int
	chans       []int // their capacities
	passing     bool  // see drawPassing; where a process may crash, all tasks are of it
	given       int   // values to channels, and not taken
	asked       int   // requests, and no answer read
	relayed     int   // of the conns: how many lead to the node over another one
	mortals     int   // the first of the tasks: a process that may crash, with the first of everything else

	memory *memory // of the world built last
}

func (p *program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n  channels of %v", p.chans)
	if p.relayed > 0 {
		fmt.Fprintf(&b, "\n  %d of %d connections relayed", p.relayed, p.conns)
	}
	if p.mortals > 0 {
		fmt.Fprintf(&b, "\n  the first %d may crash", p.mortals)
	}
	for i, ops := range p.tasks {
		fmt.Fprintf(&b, "\n  T%d:", i)
		for _, o := range ops {
			fmt.Fprintf(&b, " %v%d", o.kind, o.object)
		}
	}
	return b.String()
}

// newProgram draws a program whose interleavings can be enumerated.
func newProgram(r *rand.Rand, dies bool) *program {
	for {
		p := &program{vars: 1 + r.IntN(2), locks: 1 + r.IntN(2), conns: 1 + r.IntN(2)}
		p.passing = r.IntN(2) == 0
		if dies {
			p.mortals = 1 + r.IntN(2)
			p.vars, p.locks, p.conns = 2, 2, 2
		}
		if !p.passing {
			p.relayed = max(0, r.IntN(4)-2)
		}
		for range 1 + r.IntN(2) {
			p.chans = append(p.chans, r.IntN(3))
		}
		draw := drawTask
		if p.passing {
			draw, p.conns = drawPassing, 2
			if r.IntN(3) == 0 {
				draw = drawChoosing
			}
		}
		for range 2 + r.IntN(3) {
			p.tasks = append(p.tasks, draw(r, p))
		}
		if dies && p.passing {
			p.mortals = len(p.tasks)
		}
		if n := p.interleavings(); n < 3000 || p.passing && n < 20_000 {
			return p
		}
	}
}

func drawTask(r *rand.Rand, p *program) []op {
	var ops []op
	held, asked := []int(nil), []int(nil)
	shares, owns, armed := false, false, false
	mortal := len(p.tasks) < p.mortals
	// draw is one of n things; the first belongs to the process, if there is one.
	draw := func(n int, whole bool) int {
		switch {
		case p.mortals == 0 || mortal && !whole:
			return r.IntN(n)
		case mortal:
			return 0
		}
		return 1 + r.IntN(n-1)
	}
	for range 1 + r.IntN(5) {
		kind := opKind(r.IntN(int(give)))
		switch {
		case p.mortals > 0 && !mortal && (kind == rlock || kind == wlock):
		case kind == rlock && !owns, kind == wlock && !owns && !shares:
			// To share twice is what writer preference turns into a deadlock.
			shares, owns = shares || kind == rlock, kind == wlock
			ops = append(ops, op{kind, 0})
		case kind == runlock && shares, kind == wunlock && owns:
			shares, owns = shares && kind != runlock, owns && kind != wunlock
			ops = append(ops, op{kind, 0})
		case kind == start && !armed:
			armed = true
			ops = append(ops, op{kind, 0})
		case kind == stop && armed, kind == tick && armed:
			armed = false
			ops = append(ops, op{kind, 0})
		case kind == load || kind == store:
			ops = append(ops, op{kind, 0})
		case kind == lock:
			o := draw(p.locks, true)
			if slices.Contains(held, o) {
				continue // A task would wait for itself; two locks give deadlocks enough.
			}
			held = append(held, o)
			ops = append(ops, op{lock, o})
		case kind == unlock && len(held) > 0:
			i := r.IntN(len(held))
			ops = append(ops, op{unlock, held[i]})
			held = slices.Delete(held, i, i+1)
		case kind == send:
			o := draw(p.conns, true)
			asked = append(asked, o)
			ops = append(ops, op{send, o})
		case kind == receive && len(asked) > 0:
			ops = append(ops, op{receive, asked[0]})
			asked = asked[1:]
		case kind == tell:
			ops = append(ops, op{tell, 0})
		default:
			kind := []opKind{read, write, tell}[r.IntN(3)]
			ops = append(ops, op{kind, draw(p.vars, false)})
		}
	}
	return ops
}

// passing are the ops of programs whose tasks pass on values and wait for each
// other.
var passing = []opKind{read, write, tell, tell, lock, start, send, receive, give, give, give, give, get, get, get, end,
	choose, choose, choose, choose, choose, choose, add, finish, await, signal, broadcast}

// drawPassing draws a task of such a program. Not more is taken than was given,
// most of the time, so that the tasks come some way before they get stuck.
func drawPassing(r *rand.Rand, p *program) []op {
	var ops []op
	held, armed, owes := false, false, 0
	for range 2 + r.IntN(4) {
		kind := passing[r.IntN(len(passing))]
		if kind == get && p.given <= 0 || kind == receive && p.asked == 0 {
			kind--
		}
		o := op{kind, 0}
		switch {
		case kind == give || kind == get:
			o.object = r.IntN(len(p.chans))
			p.given += map[opKind]int{give: 1, get: -1}[kind]
		case kind == end && r.IntN(2) == 0:
			o.object = r.IntN(len(p.chans))
		case kind == choose:
			o.object = legal([]int{gets, gives, gets | gives, gets | gives | ticks, gets | other, 1 + r.IntN(63)}[r.IntN(6)], len(p.chans))
		case kind == send || kind == receive:
			o.object = 1
			p.asked += map[opKind]int{send: 1, receive: -1}[kind]
		case kind == add, kind == done && owes > 0:
			owes += map[opKind]int{add: 1, done: -1}[kind]
		case kind == await || kind == lock && !held:
			if kind == await && !held {
				ops = append(ops, op{lock, 0})
			}
			held = true
		case kind == unlock && held:
			held = false
		case kind == start && !armed:
			armed = true
		case kind == finish, kind == signal, kind == broadcast, kind == tell:
		default:
			o = op{[]opKind{read, write}[r.IntN(2)], r.IntN(p.vars)}
		}
		ops = append(ops, o)
	}
	for ; owes > 0; owes-- {
		ops = append(ops, op{done, 0})
	}
	if held {
		ops = append(ops, op{unlock, 0})
	}
	return ops
}

// drawChoosing draws a task that does little but select, where others do too.
func drawChoosing(r *rand.Rand, p *program) []op {
	var ops []op
	for range 1 + r.IntN(3) {
		o := op{choose, legal(1+r.IntN(63)&^ticks, len(p.chans))}
		switch r.IntN(6) {
		case 0:
			o = op{[]opKind{read, write, tell}[r.IntN(3)], 0}
		case 1:
			o = op{end, r.IntN(len(p.chans))}
		case 2:
			o = op{give, r.IntN(len(p.chans))}
		case 3:
			o = op{get, r.IntN(len(p.chans))}
		}
		ops = append(ops, o)
	}
	return ops
}

// interleavings bounds how many there are: the arrival of a request, the firing
// of a timer and the second step of a writer count as steps of their task.
func (p *program) interleavings() float64 {
	n, ways := 0, 1.0
	for _, ops := range p.tasks {
		steps := len(ops)
		for _, o := range ops {
			if o.kind == send || o.kind == start || o.kind == wlock || o.kind == choose {
				steps++
			}
			if o.kind == await || o.kind == send && o.object < p.relayed {
				steps += 2
			}
		}
		for k := range steps {
			n++
			ways *= float64(n) / float64(k+1)
		}
	}
	return ways
}

// memory is what the tasks of a random program share.
type memory struct {
	vars   []*sim.Var[int]
	locks  []*sim.Mutex
	conns  []*sim.Conn
	shared sim.RWMutex
	atom   sim.Atomic[int]
	timers []*sim.Timer // one a task
	chans  []*sim.Chan[int]
	group  sim.WaitGroup
	cond   sim.Cond // of the first lock
}

// heap is what is of the process: the first of everything.
type heap struct {
	v      *sim.Var[int]
	lock   *sim.Mutex
	timers []*sim.Timer
	shared *sim.RWMutex
	chans  []*sim.Chan[int]
	group  *sim.WaitGroup
	cond   *sim.Cond
}

// rest is what is not of it.
type rest struct {
	vars   []*sim.Var[int]
	locks  []*sim.Mutex
	timers []*sim.Timer
	atom   *sim.Atomic[int]
}

// share shares the memory as what is of the process, and the rest.
func (m *memory) share(w *sim.World, mortals int) {
	h := &heap{timers: m.timers[:mortals], shared: &m.shared, chans: m.chans, group: &m.group, cond: &m.cond}
	r := &rest{vars: m.vars, locks: m.locks, timers: m.timers[mortals:], atom: &m.atom}
	if len(m.vars) > 0 {
		h.v, r.vars = m.vars[0], m.vars[1:]
	}
	if len(m.locks) > 0 {
		h.lock, r.locks = m.locks[0], m.locks[1:]
	}
	w.Share("heap", h)
	w.Share("m", r)
}

// thread runs the ops of one task.
type thread struct {
	*memory
	me       int  `sim:"config"`
	ops      []op `sim:"config"`
	at       int
	register int
}

func (p *thread) Run(t *sim.Task) {
	for p.at < len(p.ops) {
		switch p.ops[p.at].kind {
		case lock:
			p.locks[p.ops[p.at].object].Lock(t, "lock")
		case rlock:
			p.shared.RLock(t, "rlock")
		case wlock:
			p.shared.Lock(t, "wlock")
		case tick:
			p.timers[p.me].Receive(t, "tick")
		case receive:
			// The second connection is read by whoever comes.
			if p.ops[p.at].object == 0 {
				response := p.conns[0].Receive(t, "receive")
				p.register = response.(*number).n
			} else {
				response := p.conns[1].Read(t, "read")
				p.register = response.(*number).n
			}
		case give:
			p.chans[p.ops[p.at].object].Send(t, "give", p.register)
		case get:
			n, ok := p.chans[p.ops[p.at].object].Receive(t, "get")
			p.got(n, ok)
		case choose:
			chosen := t.Select("choose", p.cases()...)
			for i, c := range []*sim.Chan[int]{p.chans[0], p.last()} {
				if chosen == c && p.ops[p.at].object&[2]int{gets, takes}[i] > 0 {
					n, ok := c.Received(t)
					p.got(n, ok)
				}
			}
		case finish:
			p.group.Wait(t, "finish")
		case await:
			t.Yield("step")
			p.cond.Wait(t, "await")
		default:
			t.Yield("step")
			p.step(t)
		}
		p.at++
	}
}

func (p *thread) got(n int, ok bool) {
	p.register = -1
	if ok {
		p.register = n + 1
	}
}

func (p *thread) cases() []sim.Case {
	var cases []sim.Case
	first, last := p.chans[0], p.last()
	for i, x := range []sim.Case{first.Receiving(), last.Sending(p.register), p.timers[p.me].Receiving(), sim.Default(), last.Receiving(), first.Sending(p.register)} {
		if p.ops[p.at].object>>i&1 == 1 {
			cases = append(cases, x)
		}
	}
	return cases
}

func (p *thread) last() *sim.Chan[int] { return p.chans[len(p.chans)-1] }

func (p *thread) step(t *sim.Task) {
	o := p.ops[p.at]
	switch o.kind {
	case read:
		p.register = p.vars[o.object].Get(t)
	case write:
		p.vars[o.object].Set(t, p.register+1)
	case unlock:
		p.locks[o.object].Unlock(t)
	case send:
		p.conns[o.object].Send(t, &number{p.register})
	case tell:
		t.Returned(&number{p.register})
	case load:
		p.register = p.atom.Load(t)
	case store:
		p.atom.Store(t, p.register+1)
	case runlock:
		p.shared.RUnlock(t)
	case wunlock:
		p.shared.Unlock(t)
	case start:
		p.timers[p.me].Start(t, time.Duration(1+p.me))
	case stop:
		p.timers[p.me].Stop(t)
	case add:
		p.group.Add(t, 1)
	case done:
		p.group.Done(t)
	case signal:
		p.cond.Signal(t)
	case broadcast:
		p.cond.Broadcast(t)
	case end:
		p.chans[o.object].Close(t)
	}
}

type number struct{ n int }

func (n *number) Name() string   { return "Number" }
func (n *number) String() string { return fmt.Sprint(n.n) }

// adder answers with the sum of what it got.
type adder struct{ sum int }

func (a *adder) Step(e sim.Envelope, out *sim.Outbox) {
	a.sum = 2*a.sum + e.Message.(*number).n + 1
	out.Reply(e, &number{a.sum})
}

// relay asks another node, and hands the answer on.
type relay struct {
	conn   *sim.Conn
	parked []sim.Envelope
}

func (n *relay) Step(e sim.Envelope, out *sim.Outbox) {
	if e.Request == nil {
		out.Send(n.conn, e.Message)
		n.parked = append(n.parked, e)
		return
	}
	out.Reply(n.parked[0], &number{e.Message.(*number).n + e.Request.(*number).n})
	n.parked = append(n.parked[:0], n.parked[1:]...)
}

// rising claims that what tasks tell never falls.
func rising() *sim.Property {
	var last int
	p := sim.NewProperty("rising", &last)
	sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, told *number) {
		c.Assert(told.n >= last, "told %d after %d", told.n, last)
		last = told.n
	})
	return p
}

func (p *program) build() *sim.World {
	w := sim.NewWorld()
	w.AddNode("node", &adder{})
	if p.relayed > 0 {
		n := &relay{}
		w.AddNode("relay", n)
		n.conn = w.Dial("relay", "node")
	}
	m := &memory{}
	p.memory = m
	for range p.vars {
		m.vars = append(m.vars, &sim.Var[int]{})
	}
	for range p.locks {
		m.locks = append(m.locks, &sim.Mutex{})
	}
	m.cond.L = m.locks[0]
	for i := range p.conns {
		to := "node"
		if i < p.relayed {
			to = "relay"
		}
		m.conns = append(m.conns, w.Dial(fmt.Sprintf("client%d", i), to))
	}
	for range p.tasks {
		m.timers = append(m.timers, &sim.Timer{})
	}
	for _, capacity := range p.chans {
		c := &sim.Chan[int]{}
		c.Init(capacity)
		m.chans = append(m.chans, c)
	}
	m.share(w, p.mortals)
	for i, ops := range p.tasks {
		w.Go(fmt.Sprintf("T%d", i), &thread{memory: m, me: i, ops: ops})
	}
	w.Watch(rising())
	if p.mortals > 0 {
		parts := []string{"heap", "client0"}
		if p.passing {
			parts = append(parts, "client1")
		}
		for i := range p.mortals {
			parts = append(parts, fmt.Sprintf("T%d", i))
		}
		w.Process("process", parts...)
		w.Faults(sim.Budget{ProcessCrashes: 1})
	}
	return w
}

// outcome is what a search says of a program.
type outcome struct {
	ends    map[uint64]bool // fingerprints of the final states
	stuck   map[uint64]bool // of those in which tasks are left
	verdict map[string]bool // property: broken
	classes int
}

func newOutcome() *outcome {
	return &outcome{map[uint64]bool{}, map[uint64]bool{}, map[string]bool{}, 0}
}

func (o *outcome) end(sys System) {
	o.ends[sys.Fingerprint()] = true
	if slices.ContainsFunc(sys.Blocked(), func(b sim.Blocked) bool { return b.Event.Label != "fires" && !b.Event.Fault }) {
		o.stuck[sys.Fingerprint()] = true
	}
}

func (o *outcome) verdicts(r *Result) *outcome {
	for i := range r.Verdicts {
		if r.Verdicts[i].Bad > 0 {
			o.verdict[r.Verdicts[i].Property] = true
		}
	}
	return o
}

// differs names the first difference from what enumeration saw, or is empty.
func (o *outcome) differs(want *outcome) string {
	for _, set := range []struct {
		name string
		a, b map[uint64]bool
	}{{"final states", o.ends, want.ends}, {"deadlocks", o.stuck, want.stuck}} {
		for f := range set.b {
			if !set.a[f] {
				return fmt.Sprintf("%d %s, want %d", len(set.a), set.name, len(set.b))
			}
		}
		if len(set.a) != len(set.b) {
			return fmt.Sprintf("%d %s, want %d", len(set.a), set.name, len(set.b))
		}
	}
	for _, p := range []string{"rising", sim.NoDeadlock, sim.NoProgress, sim.NoDataRace, sim.NoPanic} {
		if o.verdict[p] != want.verdict[p] {
			return fmt.Sprintf("%s broken: %v, want %v", p, o.verdict[p], want.verdict[p])
		}
	}
	if o.classes >= 0 && o.classes != want.classes {
		return fmt.Sprintf("%d classes, want %d", o.classes, want.classes)
	}
	return ""
}

// enumerate runs every interleaving.
func enumerate(sys System) *outcome {
	o := newOutcome()
	at := newCursor(sys)
	classes := map[uint64]bool{}
	var events []sim.Event
	var accesses [][]sim.Access
	var from func()
	from = func() {
		here := at.mark()
		n := len(at.Enabled())
		if n == 0 {
			o.end(at)
			classes[class(events, accesses)] = true
			return
		}
		var e expansion
		for i := range n {
			at.back(here)
			event := at.Enabled()[i]
			at.Take(i)
			for _, v := range at.Violations() {
				o.verdict[v.Property] = true
			}
			if other, _ := e.race(at, event); other != nil {
				o.verdict[sim.NoDataRace] = true
			}
			events = append(events, event)
			accesses = append(accesses, slices.Clone(at.Accesses()))
			from()
			events, accesses = events[:len(events)-1], accesses[:len(accesses)-1]
		}
	}
	for _, v := range at.Violations() {
		o.verdict[v.Property] = true
	}
	from()
	o.classes = len(classes)
	return o
}

// class hashes the happens-before class of a schedule: its events, and for each
// two that depend on each other, which came first.
func class(events []sim.Event, accesses [][]sim.Access) uint64 {
	id := make([]uint64, len(events))
	count := map[int]uint64{}
	hash := uint64(0)
	for i, e := range events {
		count[e.Process]++
		id[i] = uint64(e.Process)<<32 | count[e.Process]
		for _, c := range e.Label { // Which way it was.
			id[i] = scramble(id[i] ^ uint64(c))
		}
		hash += scramble(id[i])
		for k := range i {
			if dependent(accesses[k], accesses[i]) {
				hash += scramble(scramble(id[k]) ^ id[i])
			}
		}
	}
	return hash
}

func scramble(x uint64) uint64 {
	x = (x ^ x>>31) * 0x9e3779b97f4a7c15
	x = (x ^ x>>29) * 0xbf58476d1ce4e5b9
	return x ^ x>>32
}

func exhaustively(sys System, plant func(*dpor)) *outcome {
	o := newOutcome()
	r := newResult("exhaustive", sys)
	d := newDPOR(sys, r, Options{Limit: 1 << 30, trusting: true, atEnd: o.end})
	if plant != nil {
		plant(d)
	}
	d.run()
	o.classes = r.Runs
	return o.verdicts(r)
}

// byStates lets the ends be looked at through another view of the system.
func byStates(sys, ends System) *outcome {
	o := newOutcome()
	r := must(States(sys, Options{Limit: 1 << 30, Workers: 1, trusting: true, atEnd: func(System) { o.end(ends) }}))
	o.classes = -1
	return o.verdicts(r)
}

func (p *program) system() *Worlds {
	w := &Worlds{World: p.build(), build: p.build}
	w.start = w.Save()
	return w
}

// compare says how a search of a program differs from enumeration, and what
// enumeration saw.
func (p *program) compare() (difference string, want *outcome) {
	sys := p.system()
	defer sys.Close()
	want = enumerate(sys)
	if d := exhaustively(sys, nil).differs(want); d != "" {
		return fmt.Sprintf("exhaustive: %s%v", d, p), want
	}
	if d := byStates(sys, sys).differs(want); d != "" {
		return fmt.Sprintf("states: %s%v", d, p), want
	}
	return "", want
}

// Goal: the reduced searches see what full enumeration sees.
func TestRandomPrograms(t *testing.T) {
	n := *randomPrograms
	if testing.Short() {
		n = min(n, 200)
	}
	const workers = 4
	var stuck, races, falls, classes [workers]int
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for seed := w; seed < n; seed += workers {
				difference, saw := newProgram(rand.New(rand.NewPCG(uint64(seed), 1)), false).compare()
				if difference != "" {
					t.Errorf("program %d: %s", seed, difference)
					return
				}
				classes[w] += saw.classes
				for count, property := range map[*int]string{&stuck[w]: sim.NoProgress, &races[w]: sim.NoDataRace, &falls[w]: "rising"} {
					if saw.verdict[property] {
						*count++
					}
				}
			}
		})
	}
	wait.Wait()
	sum := func(counts [workers]int) (total int) {
		for _, c := range counts {
			total += c
		}
		return total
	}
	t.Logf("%d programs, %d classes; %d programs can get stuck, %d race, %d break the property",
		n, sum(classes), sum(stuck), sum(races), sum(falls))
	if sum(stuck) < n/50 || sum(races) < n/20 || sum(falls) < n/100 {
		t.Error("too few of the programs have anything to find")
	}
}

// Goal: what a task at a select has to record beside the case that happens. Each
// program tells whether one rule is kept; of random ones few do.
func TestProgramsThatNeedARule(t *testing.T) {
	for _, test := range []struct {
		rule string
		p    program
	}{
		{"who meets a task keeps it from its other cases", program{chans: []int{1, 0}, tasks: [][]op{
			{{load, 0}, {write, 0}, {tell, 0}, {start, 0}, {choose, gives | ticks}},
			{{get, 1}, {load, 0}, {tell, 0}},
		}}},
		{"who passes by a task does so because that one had no need to wait", program{chans: []int{1, 0}, tasks: [][]op{
			{{give, 0}},
			{{choose, gets | gives}, {end, 1}},
			{{read, 0}, {get, 1}, {choose, gives | other}},
		}}},
		{"who is met might have gone by another case", program{chans: []int{0, 1}, tasks: [][]op{
			{{give, 1}, {choose, gives | other | hands}, {choose, gets | other}},
			{{read, 0}},
			{{choose, gets | other}, {choose, gets | gives}},
		}}},
		{"nobody is passed by at a closed channel", program{chans: []int{0, 2}, tasks: [][]op{
			{{choose, gets}, {read, 0}},
			{{read, 0}, {give, 1}, {read, 0}},
			{{end, 0}, {get, 1}, {choose, gives | hands}},
		}}},
	} {
		test.p.vars, test.p.locks, test.p.conns = 1, 1, 2
		if difference, _ := test.p.compare(); difference != "" {
			t.Errorf("%s: %s", test.rule, difference)
		}
	}
}

// Goal: the reduced searches see what full enumeration sees where a process may
// crash, too.
func TestRandomProgramsWithACrash(t *testing.T) {
	n := uint64(300)
	if testing.Short() {
		n = 60 // None of which gets stuck.
	}
	found, stuck := 0, 0
	for seed, done := uint64(0), uint64(0); done < n; seed++ {
		p := newProgram(rand.New(rand.NewPCG(seed, 3)), true)
		sys := p.system()
		if schedules, _, ok := CountSchedules(sys, "rising", 1<<12); !ok || schedules > 10_000 {
			sys.Close()
			continue
		}
		done++
		want := enumerate(sys)
		found += len(want.ends)
		stuck += len(want.stuck)
		if d := byStates(sys, sys).differs(want); d != "" {
			t.Errorf("program %d: states: %s%v", seed, d, p)
		}
		if d := exhaustively(sys, nil).differs(want); d != "" {
			t.Errorf("program %d: exhaustive: %s%v", seed, d, p)
		}
		sys.Close()
	}
	t.Logf("%d programs, %d final states, %d of them stuck", n, found, stuck)
	if found < 2*int(n) || n == 300 && stuck < 20 {
		t.Error("too few of the programs have anything to find")
	}
}

func must(r *Result, err error) *Result {
	if err != nil {
		panic(err)
	}
	return r
}
