package exercise

import (
	"racelab/model/producer/kgo"
	"racelab/properties"
	"racelab/scenarios/producereorder"
	"racelab/sim"
)

// orderAfterFailure is exercise 07: what has failed is produced again, in order.
func orderAfterFailure() *Exercise {
	words := []word{
		{name: "stop", does: "keeps the others from producing: takes the lock that they take for each record", waits: true},
		{name: "flush", does: "waits until every promise was called, and nothing is on its way", waits: true},
		{name: "recover", does: "lets the partition take records again: since the failure it has refused all", waits: true},
		{name: "again", does: "produces again what has failed, in its order, as far as promises have told of it", waits: true},
		{name: "resume", does: "lets the others produce again", waits: true},
	}
	p := &program{
		name: "07-order", title: "Order after a failure",
		worlds: []world{
			{name: "invalid-record"},
			{name: "in-flight", when: "it is the second batch that fails, and one is on its way behind it"},
			{name: "retries", when: "a batch fails because its retries run out"},
			{name: "timeout", when: "a record fails because it has waited too long"},
			{name: "cancelled", when: "a record fails because its context is cancelled"},
			{name: "metadata", when: "records fail because the metadata says that the partition cannot be written"},
		},
		goals: []goal{
			{name: "first-appends-keep-the-order", says: "records are first written in the order in which they were produced", property: func() *sim.Property { return properties.FirstAppendsKeepTheOrder(1) }},
			{name: "no-record-is-lost", says: "a promise without an error is kept, and every promise runs", property: properties.NoRecordIsLost},
		},
		build: buildOrder,
	}
	return &Exercise{
		ID: p.name, Title: "Order after a failure", Minutes: 30,
		Story: "1, 2 and 3 are three values of one key, produced in this order. 1 fails. The application produces it again, and the topic " +
			"ends with 3 1 2 or with 2 3 1: whoever compacts it keeps an old value (franz-go issue 852).",
		Task: "The application hears of a failure and runs your text. Another goroutine produces all the while. Put the five " +
			"calls into the one order that keeps the records in order and loses none.",
		Skeleton: "recover()\nagain()\nstop()\nflush()\nresume()\n",
		Hints: [3]string{
			"play to the failure, recover, and then let the other goroutine produce before again().",
			"what must not move while you work? Then: when do you know all that has failed?",
			"stop, flush, recover, again, resume.",
		},
		Stretch: "which two calls may change places, and why does no run notice? And: simrun run produce-reorder/sticky@too-large breaks " +
			"all the same. Why can no order of the calls help there?",
		Shipped:  "proposed in franz-go issue 852; until then a transaction that is aborted and repeated",
		Link:     "https://github.com/twmb/franz-go/issues/852",
		Released: "franz-go@v1.22.2 reorder-invalid-record",
		holes:    []*language{{hole: "func onFailure() {", words: words}},
		grade:    p.grade, scenario: p.race,
	}
}

// buildOrder is the race produce-reorder with the text in place of a remedy.
func buildOrder(w *sim.World, c []*code, world string) {
	p := producereorder.Scenario.Default()
	for _, setting := range producereorder.Scenario.Settings {
		if setting.Name == world {
			setting.Set(&p)
		}
	}
	if world != "invalid-record" && world != "in-flight" {
		p.Records = 2 // The later triggers are about the failure, and not about what is buffered behind it.
	}
	producereorder.Scenario.Build(w, producereorder.Own(func(steps kgo.Steps) sim.Program {
		return &inPlace{newMachine(c[0], []operation{
			doing(func(t *sim.Task, _ *machine) { steps.Stop(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.Flush(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.Recover(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.Again(t) }),
			doing(func(t *sim.Task, _ *machine) { steps.Resume(t) }),
		})}
	}), p)
}
