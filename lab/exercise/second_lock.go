package exercise

import (
	"fmt"
	"slices"

	"racelab/sim"
)

// secondLock is exercise 03: the deadlock of Sarama 1.43.3 to 1.47.
func secondLock() *Exercise {
	words := slices.Concat(readLockWord("pomsLock"), []word{
		{name: "refused", args: []kind{number}, gives: condition, does: "whether the answer refuses the partition, as the coordinator has moved"},
		{name: "updateCommitted", args: []kind{number}, does: "marks the partition as clean; looks into om.poms", waits: true},
		{name: "releaseCoordinator", does: "takes brokerLock, forgets who the coordinator is, and gives brokerLock back", waits: true},
	})
	p := &program{
		name: "03-second-lock", title: "The fix hangs",
		worlds: []world{{name: "three"}, {name: "four", when: "a fourth goroutine looks for the coordinator"}},
		goals: []goal{
			{name: "only-acknowledged-is-clean", says: "at the end what was acknowledged is clean, and what was refused is dirty", cheat: "marks other partitions as clean than those that were acknowledged"},
			{name: "refused-is-forgotten", says: "a coordinator that refuses is forgotten", cheat: "keeps a coordinator that is none"},
		},
		build: func(w *sim.World, c []*code, world string) { buildSecondLock(w, c[0], words, world == "four") },
	}
	return &Exercise{
		ID: p.name, Title: "The second lock", Minutes: 25,
		Story: "The offsets no longer go back (exercise 02, released as 1.43.3). Months later a consumer hangs on Close, for ever, " +
			"after its coordinator has moved (sarama issue 3191). Each of its four locks is held, and each holder waits.",
		Task:     "This is handleResponse() of 1.43.3. Change it so that nobody hangs. All four goroutines hold on to their locks as before.",
		Skeleton: "pomsLock.RLock()\nfor p := range partitions {\n\tif refused(p) {\n\t\treleaseCoordinator()\n\t} else {\n\t\tupdateCommitted(p)\n\t}\n}\npomsLock.RUnlock()\n",
		Hints: [3]string{
			"let G0 refuse one partition, then let C1 look for the coordinator, then C0 and G1 begin.",
			"G0 holds pomsLock and wants brokerLock. Who holds brokerLock, and for whom does he wait?",
			"remember in a variable that a partition was refused, and call releaseCoordinator() once pomsLock is given back.",
		},
		Stretch:  "which of the other three orders of locks could one turn round as well? What would it cost?",
		Shipped:  "sarama 1.48.0, pull request 3477",
		Link:     "https://github.com/IBM/sarama/pull/3477",
		Released: "sarama@v1.43.3 deadlock",
		holes:    []*language{{hole: "func handleResponse() {", words: words, values: map[string]variable{"partitions": {kind: number, value: 3, does: "how many there are: 3"}}}},
		grade:    p.grade, scenario: p.race,
	}
}

// manager is what the four goroutines of Sarama's offset manager share.
//
// Source: offsetManager in sarama 1.43.3, as in racelab/model/group/sarama.
// Differs: each goroutine does one thing, once. pom.lock is left out, as whoever
// takes it takes nothing else: dirty is atomic.
type manager struct {
	pomsLock    sim.RWMutex
	brokerLock  sim.RWMutex
	connection  sim.Mutex    // broker.lock
	poms        sim.Var[int] // the map
	coordinated sim.Var[bool]
	dirty       [3]sim.Atomic[bool]
	forgotten   sim.Atomic[bool] // once
}

// Describe shows what is dirty.
func (m *manager) Describe(show func(name, value string)) {
	for i := range m.dirty {
		value := "clean"
		if m.dirty[i].Peek() {
			value = "dirty"
		}
		show(fmt.Sprint("P", i), value)
	}
}

func buildSecondLock(w *sim.World, c *code, words []word, four bool) {
	om := &manager{}
	om.coordinated.Init(true)
	for i := range om.dirty {
		om.dirty[i].Init(true)
	}
	w.Share("om", om)
	refused := func(p int) bool {
		if p < 0 || p >= len(om.dirty) {
			panic(fmt.Sprintf("there is no partition %d", p))
		}
		return p < 2
	}
	operations := slices.Concat(readLockOperations("pomsLock", &om.pomsLock), []operation{
		func(_ *sim.Task, m *machine) int { return truth(refused(m.arg(0))) },
		step("update committed", func(t *sim.Task, m *machine) int {
			refused(m.arg(0))
			om.poms.Get(t)
			om.dirty[m.arg(0)].Store(t, false)
			return 0
		}),
		doing(func(t *sim.Task, _ *machine) {
			om.brokerLock.Lock(t.At("release coordinator"))
			om.coordinated.Set(t, false)
			om.forgotten.Store(t, true)
			om.brokerLock.Unlock(t)
		}),
	}, readLockOperations("brokerLock", &om.brokerLock), lockOperations("broker.lock", &om.connection), []operation{
		step("snapshot", func(t *sim.Task, _ *machine) int { return om.poms.Get(t) }),
		step("release poms", func(t *sim.Task, _ *machine) int { om.poms.Set(t, om.poms.Get(t)); return 0 }),
		step("known", func(t *sim.Task, _ *machine) int { return truth(om.coordinated.Get(t)) }),
		step("found", func(t *sim.Task, _ *machine) int { om.coordinated.Set(t, true); return 0 }),
	})
	all := slices.Concat(words, readLockWord("brokerLock"), lockWord("broker.lock"), []word{
		{name: "snapshot", waits: true}, {name: "release", waits: true}, {name: "known", gives: condition, waits: true}, {name: "found", waits: true},
	})
	play(w, "G0", c, operations)
	play(w, "G1", script("broker.lock.Lock()\npomsLock.RLock()\nsnapshot()\npomsLock.RUnlock()\nbroker.lock.Unlock()", all), operations)
	play(w, "C0", script("pomsLock.Lock()\nrelease()\npomsLock.Unlock()", all), operations)
	if four {
		play(w, "C1", script("brokerLock.Lock()\nif !known() {\n\tbroker.lock.Lock()\n\tbroker.lock.Unlock()\n\tfound()\n}\nbrokerLock.Unlock()", all), operations)
	}
	w.Finally("only-acknowledged-is-clean", func(c *sim.Claim) {
		for i := range om.dirty {
			if got, want := om.dirty[i].Peek(), refused(i); got != want {
				c.Assert(false, "partition P%d is dirty: %t; it was refused: %t", i, got, want)
			}
		}
		c.Holds()
	})
	w.Finally("refused-is-forgotten", func(c *sim.Claim) {
		c.Assert(om.forgotten.Peek(), "two partitions were refused, and the client still believes that it knows the coordinator")
	})
}
