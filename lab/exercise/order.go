package exercise

import (
	"racelab/sim"
)

// orderAfterFailure is exercise 07: what has failed is produced again, in order.
func orderAfterFailure() *Exercise {
	words := []word{
		{name: "stop", does: "keeps the other goroutine from producing: takes the gate that it takes for each record", waits: true},
		{name: "flush", does: "waits until every promise was called, and nothing is on its way", waits: true},
		{name: "recover", does: "lets the partition take records again: since the failure it has refused all", waits: true},
		{name: "again", does: "produces again what has failed, in its order, as far as promises have told of it", waits: true},
		{name: "resume", does: "gives the gate back", waits: true},
	}
	p := &program{
		name: "07-order", title: "Order after a failure",
		worlds: []world{{name: "first"}, {name: "second", when: "it is the second record that fails"}},
		goals: []goal{
			{name: "records-keep-their-order", says: "records are first written in the order in which they were produced", property: appendsInOrder},
			{name: "every-record-is-written", says: "at the end every record is written", property: allWritten, cheat: "does not write all"},
		},
		build: func(w *sim.World, c []*code, world string) { buildOrder(w, c[0], world) },
	}
	return &Exercise{
		ID: p.name, Title: "Order after a failure", Minutes: 30,
		Story: "A, B and C are three values of one key, produced in this order. A fails. The application produces it again, and the topic " +
			"ends with C A B or with B C A: whoever compacts it keeps an old value (franz-go issue 852).",
		Task: "The application hears of the first failure and runs your text, once. Another goroutine produces all the while. Put the five " +
			"calls into the one order that keeps the records in order and loses none.",
		Skeleton: "recover()\nagain()\nstop()\nflush()\nresume()\n",
		Hints: [3]string{
			"play to the failure, recover, and then let the other goroutine produce before again().",
			"what must not move while you work? Then: when do you know all that has failed?",
			"stop, flush, recover, again, resume.",
		},
		Stretch: "which two calls may change places, and why does no run notice?",
		Shipped: "proposed in franz-go issue 852; until then a transaction that is aborted and repeated",
		Link:    "https://github.com/twmb/franz-go/issues/852",
		holes:   []*language{{hole: "func onFailure() {", words: words}},
		grade:   p.grade, scenario: p.race,
	}
}

// records is how many there are.
const records = 3

// kgoClient is a producer of one partition.
//
// Source: recBuf and the promises of franz-go 1.22.2, as in racelab/model/producer/kgo.
// Differs: one record a batch, one batch on its way, and the failed partition refuses
// records until it is recovered, as issue 852 proposes.
type kgoClient struct {
	gate        sim.Mutex
	failed      sim.Atomic[bool]
	buffered    sim.List[int]
	promises    sim.List[int]  // of records that have failed, to be called
	writes      sim.Chan[bool] // a token for each that was buffered
	calls       sim.Chan[bool] // a token for each promise
	outstanding sim.WaitGroup  // records that are neither written nor told of
	heard       sim.List[int]  // what promises have told of
	first       sim.WaitGroup  // until there is one
	told        sim.Atomic[bool]
	goroutines  sim.WaitGroup // that produce
	hasFailed   sim.Atomic[bool]
}

// Describe shows what has failed.
func (k *kgoClient) Describe(show func(name, value string)) {
	if k.failed.Peek() {
		show("partition", "failed")
	}
	if heard := k.heard.Peek(); len(heard) > 0 {
		show("to produce again", letters(heard))
	}
}

func letters(list []int) string {
	text := ""
	for _, r := range list {
		text += string(rune('A' + r - 1))
	}
	return text
}

// appended is a record in the log.
type appended struct{ record int }

func (*appended) Name() string     { return "append" }
func (a *appended) String() string { return letters([]int{a.record}) }

// produce hands a record over, at a point that the caller has passed. What it decides,
// recBuf.mu guards in the client, so it is one step.
func (k *kgoClient) produce(t *sim.Task, record int) {
	k.outstanding.Add(t, 1)
	if k.failed.Load(t) {
		k.promises.Append(t, record)
		k.calls.Send(t.At("call promises"), true)
	} else {
		k.buffered.Append(t, record)
		k.writes.Send(t.At("wake sink"), true)
	}
}

// sink writes what is buffered. One record fails, once, and takes with it all that
// is buffered.
type sink struct {
	*kgoClient
	fails int `sim:"config"`
	left  int // promises to be called
}

// Run ends when the client is closed.
func (k *sink) Run(t *sim.Task) {
	for {
		_, ok := k.writes.Receive(t.At("write"))
		if !ok {
			k.calls.Close(t)
			return
		}
		if k.buffered.Len(t) == 0 {
			continue // It failed with another one.
		}
		record := k.buffered.Get(t)[0]
		if record != k.fails || k.hasFailed.Load(t) {
			k.buffered.Drop(t, 1)
			t.Return(&appended{record})
			k.outstanding.Done(t)
			continue
		}
		k.hasFailed.Store(t, true)
		k.failed.Store(t, true)
		k.promises.Append(t, k.buffered.Get(t)...)
		k.left = k.buffered.Len(t)
		k.buffered.Drop(t, k.left)
		for ; k.left > 0; k.left-- {
			k.calls.Send(t.At("fail"), true)
		}
	}
}

// teller calls the promises of what has failed.
type teller struct{ *kgoClient }

// Run ends when the client is closed.
func (k *teller) Run(t *sim.Task) {
	for {
		_, ok := k.calls.Receive(t.At("promise"))
		if !ok {
			return
		}
		k.heard.Append(t, k.promises.Get(t)[0])
		k.promises.Drop(t, 1)
		if !k.told.Load(t) {
			k.told.Store(t, true)
			k.first.Done(t)
		}
		k.outstanding.Done(t)
	}
}

// submitter produces the records.
type submitter struct {
	*kgoClient
	next int
}

// Run produces each under the gate.
func (s *submitter) Run(t *sim.Task) {
	for s.next = 1; s.next <= records; s.next++ {
		s.gate.Lock(t.At("produce"))
		s.produce(t, s.next)
		s.gate.Unlock(t)
	}
	s.goroutines.Done(t)
}

// recoverer is the application.
type recoverer struct {
	*kgoClient
	text *machine
	left int
}

// Run runs the text when a promise tells of a failure, and closes the client when
// all is produced.
func (a *recoverer) Run(t *sim.Task) {
	a.first.Wait(t.At("hear of a failure"))
	a.text.run(t)
	a.goroutines.Wait(t.At("await producers"))
	a.outstanding.Wait(t.At("close"))
	a.writes.Close(t)
}

func buildOrder(w *sim.World, c *code, world string) {
	k := &kgoClient{}
	k.writes.Init(2 * records)
	k.calls.Init(2 * records)
	k.buffered.Locked, k.promises.Locked, k.heard.Locked = true, true, true
	k.first.Init(1)
	k.goroutines.Init(1)
	w.Share("client", k)
	a := &recoverer{kgoClient: k}
	a.text = newMachine(c, []operation{
		func(t *sim.Task, _ *machine) int { k.gate.Lock(t.At("stop")); return 0 },
		func(t *sim.Task, _ *machine) int { k.outstanding.Wait(t.At("flush")); return 0 },
		step("recover", func(t *sim.Task, _ *machine) int { k.failed.Store(t, false); return 0 }),
		doing(func(t *sim.Task, _ *machine) {
			t.Step("again")
			for a.left = k.heard.Len(t); a.left > 0; a.left-- {
				record := k.heard.Get(t)[0]
				k.heard.Drop(t, 1)
				k.produce(t, record)
			}
		}),
		step("resume", func(t *sim.Task, _ *machine) int { k.gate.Unlock(t); return 0 }),
	})
	fails := 1
	if world == "second" {
		fails = 2
	}
	w.GoProgram("producer", &submitter{kgoClient: k})
	w.GoProgram("sink", &sink{kgoClient: k, fails: fails})
	w.GoProgram("promises", &teller{kgoClient: k})
	w.GoProgram("app", a)
}

// appendsInOrder judges the log.
func appendsInOrder() *sim.Property {
	var last int
	p := sim.NewProperty("records-keep-their-order", &last)
	sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, a *appended) {
		c.Assert(a.record > last, "%s is written after %s", letters([]int{a.record}), letters([]int{last}))
		last = a.record
	})
	return p
}

// allWritten judges the log at the end.
func allWritten() *sim.Property {
	var written [records]bool
	p := sim.NewProperty("every-record-is-written", &written)
	sim.On(p, sim.Returned, func(_ *sim.Claim, _ sim.Act, a *appended) { written[a.record-1] = true })
	return p.Finally(func(c *sim.Claim) {
		for i, is := range written {
			c.Assert(is, "%s was produced, has failed, and is in no log", letters([]int{i + 1}))
		}
	})
}
