package sim_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
)

// passage is an operation on channels: "1>" sends to channel 1, "<1" receives
// from it, "!1" closes it; "<0|1>|_" is a select of a receive, a send and a
// default.
type passage string

func (p passage) cases() []string { return strings.Split(string(p), "|") }

// channels is the channels that tasks share.
type channels struct{ chans [3]sim.Chan[int] }

// channelTask performs operations. Nothing stands before a call: that it may not
// have been made yet is a part of what Chan and Select are.
type channelTask struct {
	*channels
	me  int       `sim:"config"`
	ops []passage `sim:"config"`
	i   int
	got []int // what it received, -1 for closed, and 100 plus the case of each select
}

// sent is what the n-th operation of a task sends.
func sent(task, n int) int { return 10*task + n + 1 }

func (b *channelTask) Run(t *sim.Task) {
	for b.i = 0; b.i < len(b.ops); b.i++ {
		if b.ops[b.i][0] == '!' {
			t.Step("close")
		}
		b.perform(t)
	}
	b.got = append(b.got, 1000)
}

func (b *channelTask) channel(text string) *sim.Chan[int] {
	return &b.chans[int(strings.Trim(text, "<>!")[0]-'0')]
}

func (b *channelTask) perform(t *sim.Task) {
	switch op := string(b.ops[b.i]); {
	case strings.Contains(op, "|"):
		b.choose(t)
	case op[0] == '!':
		b.channel(op).Close(t)
	case op[0] == '<':
		n, ok := b.channel(op).Receive(t.At("receive"))
		b.receives(n, ok)
	default:
		b.channel(op).Send(t.At("send"), sent(b.me, b.i))
	}
}

func (b *channelTask) choose(t *sim.Task) {
	chosen := t.At("choose").Select(b.cases()...)
	for i, text := range b.ops[b.i].cases() {
		if text == "_" {
			if chosen == nil {
				b.got = append(b.got, 100+i)
			}
			continue
		}
		if chosen == b.channel(text) {
			b.got = append(b.got, 100+i)
			if text[0] == '<' {
				n, ok := b.channel(text).Received(t)
				b.receives(n, ok)
			}
		}
	}
}

func (b *channelTask) cases() (cases []sim.SelectCase) {
	for _, text := range b.ops[b.i].cases() {
		switch {
		case text == "_":
			cases = append(cases, sim.SelectDefault())
		case text[0] == '<':
			cases = append(cases, b.channel(text).Receiving())
		default:
			cases = append(cases, b.channel(text).Sending(sent(b.me, b.i)))
		}
	}
	return cases
}

func (b *channelTask) receives(n int, ok bool) {
	if !ok {
		n = -1
	}
	b.got = append(b.got, n)
}

// capacities are those of the channels: none is nil.
var capacities = [3]int{0, 1, 2}

func channelTasks(program [][]passage) (*sim.World, []*channelTask) {
	h := &channels{}
	for i, capacity := range capacities {
		h.chans[i].Init(capacity)
	}
	w := sim.NewWorld()
	w.Share("h", h)
	var tasks []*channelTask
	for i, ops := range program {
		tasks = append(tasks, &channelTask{channels: h, me: i, ops: ops})
		w.GoProgram(string(rune('A'+i)), tasks[i])
	}
	return w, tasks
}

// reached is what each task has got in all runs of a program that end.
func reached(program [][]passage) map[string]bool {
	w, tasks := channelTasks(program)
	defer w.Close()
	ends, seen := map[string]bool{}, map[uint64]bool{}
	var from func()
	from = func() {
		if f := w.Fingerprint(); seen[f] {
			return
		} else {
			seen[f] = true
		}
		here := w.Save()
		n := len(w.Enabled())
		if n == 0 {
			end := ""
			for _, b := range tasks {
				end += fmt.Sprint(b.got)
			}
			ends[end] = true
		}
		for i := range n {
			w.Load(here)
			w.Take(i)
			from()
		}
	}
	from()
	return ends
}

// gopher is a goroutine of the reference: what is left of it to do, what it
// got, and, if it waits, that it does.
type gopher struct {
	at    int
	got   []int
	waits bool
	dead  bool
}

// runtime is the reference: channels with queues of those who wait, first come,
// first served, as in runtime/chan.go and runtime/select.go. Each call is a
// step.
type goRuntime struct {
	program [][]passage
	g       []gopher
	buffer  [3][]int
	closed  [3]bool
	queue   [3][]waiting
}

// waiting is a goroutine in the queue of a channel, by the case of a select.
type waiting struct {
	who, index, value int
	sends             bool
}

func (r *goRuntime) clone() *goRuntime {
	c := *r
	c.g = slices.Clone(r.g)
	for i := range c.g {
		c.g[i].got = slices.Clone(r.g[i].got)
	}
	for i := range c.buffer {
		c.buffer[i], c.queue[i] = slices.Clone(r.buffer[i]), slices.Clone(r.queue[i])
	}
	return &c
}

// ends adds what all runs from here come to.
func (r *goRuntime) ends(seen, ends map[string]bool) {
	if key := fmt.Sprint(r.g, r.buffer, r.closed, r.queue); seen[key] {
		return
	} else {
		seen[key] = true
	}
	moved := false
	for who := range r.g {
		if g := &r.g[who]; g.waits || g.dead || g.at == len(r.program[who]) {
			continue
		}
		moved = true
		for _, next := range r.call(who) {
			next.ends(seen, ends)
		}
	}
	if !moved {
		end := ""
		for who, g := range r.g {
			if g.at == len(r.program[who]) && !g.dead {
				g.got = append(slices.Clone(g.got), 1000)
			}
			end += fmt.Sprint(g.got)
		}
		ends[end] = true
	}
}

// call is all that may come of a goroutine's next operation.
func (r *goRuntime) call(who int) (next []*goRuntime) {
	cases := r.program[who][r.g[who].at].cases()
	orElse := -1
	for i, text := range cases {
		if text == "_" {
			orElse = i
			continue
		}
		n := r.clone()
		if n.act(who, i, len(cases) > 1, text) {
			next = append(next, n)
		}
	}
	if next != nil {
		return next
	}
	n := r.clone()
	if orElse >= 0 {
		n.g[who].got = append(n.g[who].got, 100+orElse)
		n.g[who].at++
		return []*goRuntime{n}
	}
	n.g[who].waits = true
	for i, text := range cases {
		c := strings.Trim(text, "<>")[0] - '0'
		n.queue[c] = append(n.queue[c], waiting{who, i, sent(who, n.g[who].at), text[0] != '<'})
	}
	return []*goRuntime{n}
}

// act tries one case and says whether it was ready.
func (r *goRuntime) act(who, index int, isSelect bool, text string) bool {
	g, c := &r.g[who], strings.Trim(text, "<>!")[0]-'0'
	done := func() {
		if isSelect {
			g.got = append(g.got, 100+index)
		}
	}
	if text[0] == '!' {
		if g.at++; r.closed[c] {
			g.dead = true
			return true
		}
		r.closed[c] = true
		for len(r.queue[c]) > 0 {
			if w := r.dequeue(int(c), r.queue[c][0].sends); w.sends {
				r.g[w.who].dead = true
			} else {
				r.wake(w, -1)
			}
		}
		return true
	}
	if text[0] == '<' {
		switch sender := r.waiter(int(c), true); {
		case len(r.buffer[c]) > 0:
			done()
			g.got = append(g.got, r.buffer[c][0])
			r.buffer[c] = r.buffer[c][1:]
			if sender {
				w := r.dequeue(int(c), true)
				r.buffer[c] = append(r.buffer[c], w.value)
				r.wake(w, 0)
			}
		case sender:
			done()
			w := r.dequeue(int(c), true)
			g.got = append(g.got, w.value)
			r.wake(w, 0)
		case r.closed[c]:
			done()
			g.got = append(g.got, -1)
		default:
			return false
		}
		g.at++
		return true
	}
	switch {
	case r.closed[c]:
		g.dead = true
	case r.waiter(int(c), false):
		done()
		r.wake(r.dequeue(int(c), false), sent(who, g.at))
	case len(r.buffer[c]) < capacities[c]:
		done()
		r.buffer[c] = append(r.buffer[c], sent(who, g.at))
	default:
		return false
	}
	g.at++
	return true
}

func (r *goRuntime) waiter(c int, sends bool) bool {
	return slices.ContainsFunc(r.queue[c], func(w waiting) bool { return w.sends == sends })
}

// dequeue takes the first that waits, out of all queues that it is in.
func (r *goRuntime) dequeue(c int, sends bool) waiting {
	w := r.queue[c][slices.IndexFunc(r.queue[c], func(w waiting) bool { return w.sends == sends })]
	for i := range r.queue {
		r.queue[i] = slices.DeleteFunc(r.queue[i], func(other waiting) bool { return other.who == w.who })
	}
	return w
}

func (r *goRuntime) wake(w waiting, value int) {
	g := &r.g[w.who]
	if len(r.program[w.who][g.at].cases()) > 1 {
		g.got = append(g.got, 100+w.index)
	}
	if !w.sends {
		g.got = append(g.got, value)
	}
	g.waits = false
	g.at++
}

func randomPassing(r *rand.Rand) [][]passage {
	program := make([][]passage, 2+r.IntN(2))
	for i := range program {
		for range 1 + r.IntN(3) {
			c := r.Perm(3)
			op := fmt.Sprintf([]string{"%d>", "<%d"}[r.IntN(2)], c[0])
			switch r.IntN(8) {
			case 0:
				op = fmt.Sprintf("!%d", c[0])
			case 1, 2, 3:
				op += fmt.Sprintf([]string{"|%d>", "|<%d"}[r.IntN(2)], c[1])
				fallthrough
			case 4:
				if strings.Contains(op, "|") == (r.IntN(3) == 0) {
					op += "|_"
				}
			}
			program[i] = append(program[i], passage(op))
		}
	}
	return program
}

// Goal: what can come of channels and selects is just what can come of Go's.
// Method: random programs; every run here, and every run of a model of Go's
// runtime, whose queues serve first come, first served.
func TestChannelsAreThoseOfGo(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 0))
	many := 0
	for range 3000 {
		program := randomPassing(r)
		got, want := reached(program), map[string]bool{}
		(&goRuntime{program: program, g: make([]gopher, len(program))}).ends(map[string]bool{}, want)
		for end := range got {
			if !want[end] {
				t.Fatalf("%q comes to %s, and not in Go: %v", program, end, want)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%q comes to %v, in Go to %v", program, got, want)
		}
		if len(got) > 2 {
			many++
		}
	}
	if many < 1000 {
		t.Errorf("%d of 3000 programs have more than two ends: the test shows little", many)
	}
}
