package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"racelab/sim"
)

// program is a random world: tasks that do a few steps each, with whatever the
// engine has.
type program struct {
	tasks  [][]op
	chans  [2]int     // capacities
	budget sim.Faults // of faults; Crashes, ProcessCrashes, Cuts and Closes
	timing *sim.Timing
	loops  bool // tasks may begin again, and all numbers are small
	like   int  // the first so many tasks are alike

	memory *memory // of the world that was built last
}

// op is one step of a task, or a few.
type op struct {
	kind int // in kinds
	arg  int // which one, or how
}

func (p *program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n  channels of %v, faults %+v, timed %v", p.chans, p.budget, p.timing != nil)
	for i, ops := range p.tasks {
		fmt.Fprintf(&b, "\n  T%d:", i)
		for _, o := range ops {
			fmt.Fprintf(&b, " %s%d", kinds[o.kind].name, o.arg)
		}
	}
	return b.String()
}

// group is ops that go together. A program has few, so that they meet.
type group int

const (
	plain group = iota
	locks
	atomics
	requests
	timers
	channels
	waiting
	groups
	circles // of looping programs alone
	given   // of no random program
)

// kind is what an op does. After a point it asks for its argument again: of what
// was before the point, only fields are left.
type kind struct {
	name  string
	group group
	args  int // how many there are
	do    func(p *thread, t *sim.Task)
}

var kinds = []kind{
	{"read", plain, 2, func(p *thread, t *sim.Task) { t.Step("read"); p.register = p.vars[p.arg()].Get(t) }},
	{"write", plain, 2, func(p *thread, t *sim.Task) { t.Step("write"); p.vars[p.arg()].Set(t, p.register+1) }},
	{"tell", plain, 1, func(p *thread, t *sim.Task) { t.Step("tell"); t.Return(&number{0, p.register}) }},
	{"panic", plain, 4, func(p *thread, t *sim.Task) {
		t.Step("panic")
		if p.register == p.arg() {
			panic("the register says so")
		}
	}},
	{"unless", plain, 3, func(p *thread, t *sim.Task) {
		if p.register == p.arg() {
			p.at++ // The next one is left out.
		}
	}},
	{"lock", locks, 2, func(p *thread, t *sim.Task) { p.locks[p.arg()].Lock(t.At("lock")) }},
	{"unlock", locks, 2, func(p *thread, t *sim.Task) { t.Step("unlock"); p.locks[p.arg()].Unlock(t) }},
	{"locked", locks, 2, func(p *thread, t *sim.Task) {
		p.locks[p.arg()].Lock(t.At("lock"))
		p.register = p.vars[p.arg()].Get(t)
		t.Step("unlock")
		p.vars[p.arg()].Set(t, p.register+1)
		p.locks[p.arg()].Unlock(t)
	}},
	{"trylock", locks, 2, func(p *thread, t *sim.Task) {
		t.Step("trylock")
		if p.register = 0; p.locks[p.arg()].TryLock(t) {
			p.register = 1
		}
	}},
	{"rlock", locks, 1, func(p *thread, t *sim.Task) { p.shared.RLock(t.At("rlock")) }},
	{"runlock", locks, 1, func(p *thread, t *sim.Task) { t.Step("runlock"); p.shared.RUnlock(t) }},
	{"wlock", locks, 1, func(p *thread, t *sim.Task) { p.shared.Lock(t.At("wlock")) }},
	{"wunlock", locks, 1, func(p *thread, t *sim.Task) { t.Step("wunlock"); p.shared.Unlock(t) }},
	{"load", atomics, 1, func(p *thread, t *sim.Task) { t.Step("load"); p.register = p.atom.Load(t) }},
	{"store", atomics, 1, func(p *thread, t *sim.Task) { t.Step("store"); p.atom.Store(t, p.register+1) }},
	{"swap", atomics, 1, func(p *thread, t *sim.Task) { t.Step("swap"); p.register = p.atom.Swap(t, p.register+1) }},
	{"cas", atomics, 1, func(p *thread, t *sim.Task) {
		t.Step("cas")
		if !p.atom.CompareAndSwap(t, p.register, p.register+2) {
			p.register = 9
		}
	}},
	{"sum", atomics, 1, func(p *thread, t *sim.Task) { t.Step("sum"); p.register = p.atom.Add(t, 1) }},
	{"send", requests, 8, func(p *thread, t *sim.Task) {
		t.Step("send")
		p.conns[p.arg()%2].Send(t, &number{p.arg() / 2, p.register})
	}},
	{"receive", requests, 1, func(p *thread, t *sim.Task) { p.take(p.conns[0].Receive(t.At("receive")), t, 0) }},
	{"readany", requests, 1, func(p *thread, t *sim.Task) { p.take(p.conns[1].ReceiveAny(t.At("readany")), t, 1) }},
	{"shut", requests, 1, func(p *thread, t *sim.Task) { t.Step("shut"); p.shut(t) }},
	{"start", timers, 2, func(p *thread, t *sim.Task) { t.Step("start"); p.timers[p.me].Start(t, time.Duration(1+p.arg())) }},
	{"ticker", timers, 1, func(p *thread, t *sim.Task) { t.Step("ticker"); p.timers[p.me].StartTicker(t, 2) }},
	{"stop", timers, 1, func(p *thread, t *sim.Task) {
		t.Step("stop")
		if p.timers[p.me].Stop(t) {
			p.register++
		}
	}},
	{"reset", timers, 2, func(p *thread, t *sim.Task) {
		t.Step("reset")
		if p.timers[p.me].Reset(t, time.Duration(2+p.arg())) {
			p.register++
		}
	}},
	{"try", timers, 1, func(p *thread, t *sim.Task) {
		t.Step("try")
		if p.timers[p.me].TryReceive(t) {
			p.register++
		}
	}},
	{"tick", timers, 1, func(p *thread, t *sim.Task) { p.timers[p.me].Receive(t.At("tick")) }},
	{"new", timers, 2, func(p *thread, t *sim.Task) {
		t.Step("new")
		if p.mine == 0 {
			p.mine = p.pool.New(t)
			p.pool.At(p.mine).Start(t, time.Duration(1+p.arg()))
		}
	}},
	{"drop", timers, 1, func(p *thread, t *sim.Task) {
		t.Step("drop")
		if p.mine > 0 {
			p.pool.Drop(t, p.mine)
			p.mine = 0
		}
	}},
	{"give", channels, 2, func(p *thread, t *sim.Task) { p.chans[p.arg()].Send(t.At("give"), p.register) }},
	{"get", channels, 2, func(p *thread, t *sim.Task) { p.got(p.chans[p.arg()].Receive(t.At("get"))) }},
	{"close", channels, 2, func(p *thread, t *sim.Task) { t.Step("close"); p.chans[p.arg()].Close(t) }},
	{"len", channels, 2, func(p *thread, t *sim.Task) { t.Step("len"); p.register = p.chans[p.arg()].Len(t) }},
	{"make", channels, 4, func(p *thread, t *sim.Task) { t.Step("make"); p.chans[p.arg()%2].Make(t, p.arg()/2) }},
	{"choose", channels, 27 * 4, func(p *thread, t *sim.Task) {
		chosen := t.At("choose").Select(p.cases()...)
		for i := range p.chans {
			if chosen == &p.chans[i] && p.way(i) == 1 {
				p.got(p.chans[i].Received(t))
			}
		}
	}},
	{"add", waiting, 1, func(p *thread, t *sim.Task) { t.Step("add"); p.group.Add(t, 1) }},
	{"done", waiting, 1, func(p *thread, t *sim.Task) { t.Step("done"); p.group.Done(t) }},
	{"finish", waiting, 1, func(p *thread, t *sim.Task) { p.group.Wait(t.At("finish")) }},
	{"await", waiting, 1, func(p *thread, t *sim.Task) {
		p.locks[0].Lock(t.At("lock"))
		p.cond.Wait(t.At("await"))
		p.register = p.vars[0].Get(t)
		p.locks[0].Unlock(t)
	}},
	{"signal", waiting, 1, func(p *thread, t *sim.Task) { t.Step("signal"); p.cond.Signal(t) }},
	{"broadcast", waiting, 1, func(p *thread, t *sim.Task) { t.Step("broadcast"); p.cond.Broadcast(t) }},
	{"until", circles, 3, func(p *thread, t *sim.Task) {
		t.Step("until")
		if p.register != p.arg() {
			p.at = -1
		}
	}},
	{"join", given, 1, func(p *thread, t *sim.Task) {
		if n, ok := p.conns[0].Receive(t.At("join")).(*number); ok {
			p.register = 10*p.register + n.n
		}
	}},
}

// memory is what the tasks share.
type memory struct {
	vars   [2]sim.Var[int]
	locks  [2]sim.Mutex
	shared sim.RWMutex
	atom   sim.Atomic[int]
	timers [3]sim.Timer // one a task
	pool   sim.Timers
	chans  [2]sim.Chan[int]
	group  sim.WaitGroup
	cond   sim.Cond

	conns [2]*sim.Conn
}

// thread runs the ops of one task.
type thread struct {
	*memory
	me       int  `sim:"config"`
	ops      []op `sim:"config"`
	closes   bool `sim:"config"` // it may close a connection
	loops    bool `sim:"config"`
	at       int
	register int
	mine     sim.Ref
}

func (p *thread) Run(t *sim.Task) {
	for p.at < len(p.ops) {
		kinds[p.ops[p.at].kind].do(p, t)
		if p.loops {
			p.register = (p.register%small + small) % small
		}
		p.at++
	}
}

// small is how many numbers there are in a looping program.
const small = 3

func (p *thread) arg() int { return p.ops[p.at].arg }

func (p *thread) got(n int, ok bool) {
	p.register = -1
	if ok {
		p.register = n + 1
	}
}

// take takes an answer, and dials anew if there will be none.
func (p *thread) take(m sim.Message, t *sim.Task, conn int) {
	if n, ok := m.(*number); ok {
		p.register = n.n
		return
	}
	p.register = -2
	if conn == 0 {
		p.conns[0].Redial(t.At("redial"))
	} else {
		p.conns[1].Redial(t.At("redial"))
	}
}

func (p *thread) shut(t *sim.Task) {
	if p.closes {
		p.conns[0].Close(t)
	}
}

// way is what a select does at a channel: 0 nothing, 1 receive, 2 send.
func (p *thread) way(channel int) int { return []int{p.arg() % 3, p.arg() / 3 % 3}[channel] }

func (p *thread) cases() []sim.SelectCase {
	var cases []sim.SelectCase
	for i := range p.chans {
		switch p.way(i) {
		case 1:
			cases = append(cases, p.chans[i].Receiving())
		case 2:
			cases = append(cases, p.chans[i].Sending(p.register))
		}
	}
	if p.arg()/9%3 == 1 {
		cases = append(cases, p.timers[p.me].Receiving())
	}
	if p.arg()/27%2 == 1 {
		cases = append(cases, sim.SelectDefault())
	}
	return cases
}

// number is a request, with what the node is to do beside its sum, or an answer.
type number struct{ does, n int }

func (n *number) Name() string   { return "Number" }
func (n *number) String() string { return fmt.Sprint(n.does, " ", n.n) }

// server answers with the sum of what it got; told so, it parks the request,
// mutes the connection of the last other one, or arms its alarm, which unmutes.
type server struct {
	sum, flushed int
	parked, last []sim.Envelope
	muted        []sim.Envelope
	loops        bool `sim:"config"`
}

func (s *server) Handle(e sim.Envelope, out *sim.Outbox) {
	request := e.Message.(*number)
	if s.sum = 2*s.sum + request.n + 1; s.loops {
		s.sum %= small
	}
	answered := s.parked
	s.parked = nil
	for _, earlier := range answered {
		out.Reply(earlier, &number{0, s.sum})
	}
	switch request.does {
	case 1:
		s.parked = append(s.parked, e)
		return
	case 2:
		for _, other := range s.last {
			out.Mute(other)
			s.muted = append(s.muted[:0], other)
		}
	case 3:
		out.After(0, 2)
	}
	s.flushed = s.sum
	s.last = append(s.last[:0], e)
	out.Reply(e, &number{0, s.sum})
}
func (s *server) Timers() []string { return []string{"alarm"} }
func (s *server) Expire(_ int, out *sim.Outbox) {
	if s.sum += 100; s.loops {
		s.sum %= small
	}
	for _, e := range s.muted {
		out.Unmute(e)
	}
	s.muted = s.muted[:0]
}
func (s *server) Crash() {
	s.sum, s.parked, s.last, s.muted = s.flushed, nil, nil, nil
}
func (s *server) Restart(*sim.Outbox) { s.sum++ }

// relay asks the server, and hands the answer on.
type relay struct {
	conn   *sim.Conn
	parked []sim.Envelope
}

func (r *relay) Handle(e sim.Envelope, out *sim.Outbox) {
	if e.Request == nil {
		out.Send(r.conn, e.Message)
		r.parked = append(r.parked, e)
		return
	}
	n := -3
	if answer, ok := e.Message.(*number); ok {
		n = answer.n
	}
	if len(r.parked) > 0 {
		out.Reply(r.parked[0], &number{0, n})
		r.parked = append(r.parked[:0], r.parked[1:]...)
	}
}
func (r *relay) Crash() { r.parked = nil }

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
	w.AddNode("server", &server{loops: p.loops})
	r := &relay{}
	w.AddNode("relay", r)
	m := &memory{}
	p.memory = m
	r.conn = w.Dial("relay", "server")
	m.conns = [2]*sim.Conn{w.Dial("one", "server"), w.Dial("two", "relay")}
	if p.direct() {
		m.conns[1] = w.Dial("three", "server")
	}
	m.cond.L = &m.locks[0]
	m.pool.Init(len(p.tasks))
	for i, capacity := range p.chans {
		m.chans[i].Init(capacity)
	}
	w.Share("m", m)
	parts := []string{"m", "one", "two"}
	if p.direct() {
		parts = append(parts, "three")
	}
	for i, ops := range p.tasks {
		name := fmt.Sprintf("T%d", i)
		parts = append(parts, name)
		w.GoProgram(name, &thread{memory: m, me: max(i, p.like-1), ops: ops, closes: p.budget.Closes > 0, loops: p.loops})
	}
	w.Watch(rising())
	if p.budget.Cuts+p.budget.NodeCrashes+p.budget.Closes+p.budget.ProcessCrashes > 0 {
		if p.budget.ProcessCrashes > 0 {
			w.Process("process", parts...)
		}
		w.Allow(p.budget)
	}
	if p.timing != nil {
		w.Timed(*p.timing)
	}
	return w
}

// direct says whether the second connection leads to the server itself: half of the
// programs that send mute one by the other.
func (p *program) direct() bool { return p.chans[0]%2 == 0 }

// newProgram draws a program.
func newProgram(r *rand.Rand) *program {
	p := &program{chans: [2]int{r.IntN(3), r.IntN(2)}}
	some := []group{plain, group(1 + r.IntN(int(groups)-1))}
	if r.IntN(2) == 0 {
		some = append(some, group(1+r.IntN(int(groups)-1)))
	}
	if slices.Contains(some, requests) {
		switch r.IntN(8) {
		case 0:
			p.budget.Cuts = 1
		case 1:
			p.budget.NodeCrashes = 1
		case 2:
			p.budget.Closes = 1
		}
	}
	if r.IntN(10) == 0 {
		p.budget = sim.Faults{ProcessCrashes: 1}
	}
	if r.IntN(6) == 0 {
		delay := func() sim.Delay { return sim.Constant(time.Duration(r.IntN(3))) }
		p.timing = &sim.Timing{Seed: r.Uint64(), Step: delay(), Latency: delay(), Service: delay(), Wake: delay(), Overrides: []sim.DelayOverride{{Of: "T0", Delay: delay()}}}
		p.budget = sim.Faults{}
	}
	var may []int
	for i, k := range kinds {
		if slices.Contains(some, k.group) {
			may = append(may, i)
		}
		if k.name == "tell" {
			may = append(may, i, i, i) // What it tells has to fall for anything to break.
		}
	}
	for range 2 + r.IntN(2) {
		p.tasks = append(p.tasks, p.drawTask(r, may))
	}
	return p
}

// newLoop draws a program whose tasks begin again until their register has a certain
// value. No alarm of the node is armed beside timers of tasks, as nothing prints when
// it is due.
func newLoop(r *rand.Rand) *program {
	p := newProgram(r)
	p.loops, p.timing = true, nil
	timing := slices.ContainsFunc(p.tasks, func(ops []op) bool {
		return slices.ContainsFunc(ops, func(o op) bool { return kinds[o.kind].group == timers })
	})
	for i := range p.tasks {
		for k := range p.tasks[i] {
			if o := &p.tasks[i][k]; timing && kinds[o.kind].name == "send" {
				o.arg %= 6
			}
		}
		if r.IntN(3) > 0 {
			p.tasks[i] = append(p.tasks[i], op{kindOf("until"), r.IntN(small)})
		}
	}
	return p
}

// drawTask draws a task that most of the time undoes what it did, so that some
// of its runs come to the end.
func (p *program) drawTask(r *rand.Rand, may []int) []op {
	var ops []op
	undo := map[string]string{"lock": "unlock", "rlock": "runlock", "wlock": "wunlock", "add": "done", "new": "drop"}
	asked := false
	var owed []op
	for range 1 + r.IntN(3) {
		o := op{kind: may[r.IntN(len(may))]}
		o.arg = r.IntN(kinds[o.kind].args)
		name := kinds[o.kind].name
		switch {
		case (name == "receive" || name == "readany") && !asked, name == "tick" && r.IntN(2) == 0:
			continue
		case slices.Contains([]string{"unlock", "runlock", "wunlock", "done"}, name) && r.IntN(4) > 0:
			continue
		case name == "send":
			asked = true
			if r.IntN(2) == 0 {
				owed = append(owed, op{kindOf([]string{"receive", "readany"}[o.arg%2]), 0})
			}
		}
		ops = append(ops, o)
		if by := undo[name]; by != "" && r.IntN(4) > 0 {
			owed = append(owed, op{kindOf(by), o.arg})
		}
	}
	if ops = append(ops, owed...); len(ops) == 0 {
		ops = append(ops, op{0, r.IntN(2)})
	}
	return ops
}

func kindOf(name string) int {
	return slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
}

func (p *program) system() *Worlds {
	w, err := NewWorlds(p.build)
	if err != nil {
		panic(err)
	}
	return w
}
