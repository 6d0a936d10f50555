package exercise

import (
	"fmt"
	"slices"
	"time"

	"racelab/model"
	"racelab/model/group/sarama"
	"racelab/properties"
	"racelab/scenarios/offsetrewind"
	"racelab/sim"
	"racelab/sim/explore"
)

// offsetLock is exercise 02: Sarama's flushToBroker.
func offsetLock() *Exercise {
	p := &program{
		name: "02-offset-lock", title: "A committed offset goes back",
		worlds: []world{{name: "calm"}, {name: "moved", when: "the coordinator moves"}},
		goals: []goal{
			{name: "committed-offset-never-rewinds", says: "the offset that the coordinator holds never goes back", property: properties.CommittedOffsetNeverRewinds},
			{name: "all-is-committed", says: "at the end all that was processed is committed", property: allIsCommitted, cheat: "commits nothing, or not all", in: []string{"calm"}},
			{name: "acknowledged-is-not-sent-again", says: "a goroutine does not send again what was acknowledged to it", property: acknowledgedIsNotSentAgain, cheat: "never marks as clean", in: []string{"calm"}},
		},
		build: func(w *sim.World, c []*code, world string) {
			s := offsetrewind.Scenario.Default()
			if world == "moved" {
				s.NotCoordinator = 1
			}
			buildOffsetLock(w, c, s)
		},
		price: priceOfCommits,
	}
	return &Exercise{
		ID: p.name, Title: "The commit that comes late", Minutes: 20,
		Story: "A consumer commits each message it has processed, and no call fails. After a restart it processes messages again " +
			"that it had committed (sarama issue 2940).",
		Task:     "Two goroutines call commit(). Place the locks so that no committed offset ever goes back, and nothing hangs.",
		Skeleton: "find()\nif !build() {\n\treturn\n}\nbroker.lock.Lock()\nsend()\nawait()\nbroker.lock.Unlock()\nclean()\n",
		Hints: [3]string{
			"let G1 build and not send. Let G0 commit twice. Now let G1 send.",
			"the request is as old as its build(). What may not happen between a build() and its send()?",
			"broker.lock.Lock() goes before build(), and broker.lock.Unlock() after send(), on every way out.",
		},
		Stretch:  "there are two right answers, with one and with two requests on their way. Write the other one, and compare the price.",
		Shipped:  "sarama 1.43.3, pull request 2947",
		Link:     "https://github.com/IBM/sarama/pull/2947",
		Released: "sarama@v1.43.2 rewind",
		holes: []*language{{hole: "func commit() {", words: []word{
			{name: "find", does: "sees to it that the coordinator is known", waits: true},
			{name: "build", gives: condition, does: "collects the offsets that are dirty; false if there are none", waits: true},
			{name: "send", does: "writes the request to the connection", waits: true},
			{name: "await", does: "waits for the answer", waits: true},
			{name: "clean", does: "marks as clean what was acknowledged; forgets the coordinator if it has moved", waits: true},
			{name: "broker.lock.Lock", does: "takes the lock of the connection, which find() takes too if the coordinator is not known", waits: true},
			{name: "broker.lock.Unlock", does: "gives it back"},
			{name: "commitLock.Lock", does: "takes a lock that is yours alone", waits: true},
			{name: "commitLock.Unlock", does: "gives it back"},
		}}},
		grade:    p.grade,
		scenario: p.race,
	}
}

func buildOffsetLock(w *sim.World, c []*code, p offsetrewind.Params) {
	offsetrewind.Scenario.Build(w, offsetrewind.Own(func(steps sarama.Steps) sim.Program {
		return &inPlace{newMachine(c[0], []operation{
			doing(func(t *sim.Task, _ *machine) { steps.Coordinator(t) }),
			func(t *sim.Task, _ *machine) int { return truth(steps.ConstructRequest(t)) },
			doing(func(t *sim.Task, _ *machine) { steps.Send(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.AwaitResponse(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.HandleResponse(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.LockBroker(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.UnlockBroker(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.LockCommit(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.UnlockCommit(t) }),
		})}
	}), p)
}

// byPartition is one offset a partition.
type byPartition []model.Offset

func (o *byPartition) set(p model.Partition, to model.Offset) {
	for int(p) >= len(*o) {
		*o = append(*o, 0)
	}
	(*o)[p] = to
}

// allIsCommitted claims that at the end of a run the coordinator has the offset
// behind each partition's last processed message.
func allIsCommitted() *sim.Property {
	var m struct{ processed, committed byPartition }
	p := sim.NewProperty("all-is-committed", &m)
	sim.On(p, sim.Called, func(_ *sim.Claim, _ sim.Act, message *model.Processed) {
		m.processed.set(message.Partition, message.Offset+1)
		if int(message.Partition) >= len(m.committed) {
			m.committed.set(message.Partition, 0)
		}
	})
	sim.OnReply(p, func(_ *sim.Claim, _ sim.Act, request *model.OffsetCommitRequest, response *model.OffsetCommitResponse) {
		for i, asked := range request.Partitions {
			if response.Partitions[i].Error == model.None {
				m.committed.set(asked.Partition, asked.Offset)
			}
		}
	})
	return p.Finally(func(c *sim.Claim) {
		for i, offset := range m.processed {
			c.Assert(m.committed[i] >= offset, "message %d of %v was processed, and at the end it is not committed", offset-1, model.Partition(i))
		}
	})
}

// acknowledgedIsNotSentAgain claims that a task sends no offset of which it has
// heard that it is stored.
func acknowledgedIsNotSentAgain() *sim.Property {
	type ofTask struct{ sent, heard []model.PartitionOffset }
	var m [2]ofTask
	p := sim.NewProperty("acknowledged-is-not-sent-again", &m)
	of := func(a sim.Act) *ofTask { return &m[slices.Index([]string{"G0", "G1"}, a.Actor)] }
	sim.On(p, sim.Sent, func(c *sim.Claim, a sim.Act, request *model.OffsetCommitRequest) {
		task := of(a)
		for _, o := range request.Partitions {
			c.Assert(!slices.Contains(task.heard, o), "%s sends offset %d of %v, of which it has heard that it is committed", a.Actor, o.Offset, o.Partition)
		}
		task.sent = slices.Clone(request.Partitions)
	})
	sim.On(p, sim.Received, func(_ *sim.Claim, a sim.Act, response *model.OffsetCommitResponse) {
		task := of(a)
		for i, o := range task.sent {
			if i < len(response.Partitions) && response.Partitions[i].Error == model.None && !slices.Contains(task.heard, o) {
				task.heard = append(task.heard, o)
			}
		}
		task.sent = task.sent[:0]
	})
	return p
}

// answerTakes is how long the coordinator of the priced workload takes.
const answerTakes = 5 * time.Millisecond

// priceOfCommits runs a workload in a timed world: four goroutines commit ten times
// each.
func priceOfCommits(c []*code) *Price {
	s := offsetrewind.Scenario.Default()
	s.Partitions, s.Commits = 4, 10
	w := sim.NewWorld()
	defer w.Close()
	buildOffsetLock(w, c, s)
	price := &Price{}
	flying := 0
	p := sim.NewProperty("price", nil)
	sim.On(p, sim.Sent, func(_ *sim.Claim, _ sim.Act, _ *model.OffsetCommitRequest) {
		price.RoundTrips++
		flying++
		price.InFlight = max(price.InFlight, flying)
	})
	sim.On(p, sim.Received, func(*sim.Claim, sim.Act, *model.OffsetCommitResponse) { flying-- })
	w.Watch(p)
	w.Timed(sim.Timing{Seed: 1, Step: sim.Constant(time.Microsecond), Latency: sim.Constant(100 * time.Microsecond), Overrides: []sim.DelayOverride{
		{Of: "coordinator->sarama", Delay: sim.Constant(answerTakes)},
	}})
	if _, err := sim.Run(w, sim.NewWalk(1)); err != nil {
		panic("exercise: " + err.Error())
	}
	price.Milliseconds = float64(w.Now().Microseconds()) / 1000
	price.Says = fmt.Sprintf("%s on the way at once; 4 goroutines need %d round trips and %.1f ms for 10 commits each, if an answer takes %v",
		explore.Count(price.InFlight, "request"), price.RoundTrips, price.Milliseconds, answerTakes)
	return price
}

func truth(is bool) int {
	if is {
		return 1
	}
	return 0
}
