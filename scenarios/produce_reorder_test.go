package scenarios_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"racelab/model"
	"racelab/scenario"
	"racelab/scenarios"
	"racelab/scenarios/producereorder"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// partitionLog is what a partition's log reads: "C A B".
type partitionLog []model.Record

// neverReads claims that the log never reads so, and keeps the log.
func (l *partitionLog) neverReads(never string) *sim.Property {
	p := sim.NewProperty("log-never-reads", l)
	sim.OnReply(p, func(c *sim.Claim, _ sim.Act, request *model.ProduceRequest, response *model.ProduceResponse) {
		if batch := request.Partitions[0]; response.Partitions[0].Error == model.None && batch.Partition == 0 {
			*l = append(*l, batch.Batch.Records...)
		}
		c.Assert(l.String() != never, "the log reads %s", never)
	})
	return p
}

func (l *partitionLog) String() string {
	var letters []string
	for _, r := range *l {
		letters = append(letters, letter(r))
	}
	return strings.Join(letters, " ")
}

func letter(r model.Record) string { return string(rune('A' + r - 1)) }

// promisesRan notes in which order promises ran, with - for an error.
type promisesRan []string

func (ran *promisesRan) note() *sim.Property {
	p := sim.NewProperty("promises-ran", nil)
	sim.On(p, sim.Returned, func(_ *sim.Claim, _ sim.Act, promised *model.Promised) {
		outcome := "+"
		if promised.Failed != "" {
			outcome = "-"
		}
		*ran = append(*ran, letter(promised.Record)+outcome)
	})
	return p
}

// produceReorder returns a variant with settings, "a=b c=d".
func produceReorder(t *testing.T, variant, settings string) *scenario.Case {
	t.Helper()
	return theCase(t, "produce-reorder", variant, strings.Fields(settings)...)
}

// produceVerdicts searches all states of a variant.
func produceVerdicts(t *testing.T, variant, settings string, own ...func() *sim.Property) *explore.Result {
	t.Helper()
	return simtest.States(t, produceReorder(t, variant, settings).World, explore.Options{Limit: scenario.CheckStates}, own...)
}

// Goal: the model does what was measured of franz-go 1.22.2, in each row: which
// log, and which order of promises, when the goroutine that calls them is late.
func TestProduceReorderAsMeasured(t *testing.T) {
	const (
		buffered = "p1 buffer#2 before sink create request\n"
		late     = "promises promise before app await failure\n"
	)
	unsent := buffered + late + `
		sink create request before p2 buffer
		sink->broker Produce before promises start promises
		app buffer#2 before sink create request#3
		`
	orders := map[string]string{ // by trigger
		"invalid-record": buffered + late + `
			responses handle response before p2 buffer
			sink->broker Produce#2 before promises start promises
			app buffer#2 before sink create request#3`,
		"retries": buffered + late + `
			responses handle response#2 before p2 buffer
			sink->broker Produce#3 before promises start promises
			app buffer#2 before sink create request#4`,
		"metadata": buffered + late + `
			p1 buffer#2 before metadata load metadata
			metadata load metadata before p2 buffer
			p2 buffer before sink create request
			sink->broker Produce before promises start promises
			app buffer#2 before sink create request#2`,
		"timeout":   unsent + "cl.deadline fires before sink create request",
		"cancelled": unsent + "context cancel context before sink create request",
		"too-large": `
			p1 buffer#2 before promises start promises
			p2 buffer before sink create request
			sink->broker Produce before promises start promises`,
	}
	type test struct{ variant, settings, orders, log, promises string }
	var tests []test
	for _, row := range producereorder.Measured {
		for _, idempotent := range []string{"on", "off"} {
			tests = append(tests, test{"none", fmt.Sprintf("trigger=%s idempotent=%s", row.Trigger, idempotent), orders[row.Trigger], row.Log, row.Promises})
		}
	}
	tests = append(tests, []test{
		{"sticky", "records=4", buffered + `
			responses handle response before p2 buffer
			p2 buffer#2 before promises start promises
			promises promise#3 before app await failure
			app buffer#4 before sink create request#2`, "A B C D", "A- B- C- D- A+ B+ C+ D+"},
		{"sticky-misused", "records=4", buffered + `
			responses handle response before p2 buffer
			p2 buffer before promises start promises
			app recover before p2 buffer#2
			sink->broker Produce#2 before app buffer
			promises promise#2 before app buffer
			app buffer#3 before sink create request#3`, "D A B C", "A- B- C- D+ A+ B+ C+"},
	}...)
	for _, test := range tests {
		orders, err := explore.ParseOrders(test.orders)
		if err != nil {
			t.Fatal(err)
		}
		w := produceReorder(t, test.variant, test.settings).World()
		log, promises := &partitionLog{}, &promisesRan{}
		w.Watch(log.neverReads("nothing"))
		w.Watch(promises.note())
		script := explore.NewScript(orders...)
		if _, err := sim.Run(w, script); err != nil {
			t.Fatal(err)
		}
		name := test.variant + " " + test.settings
		if len(script.GaveWay) > 0 || len(script.Unmet()) > 0 {
			t.Errorf("%s: the orders %v gave way, and %v did not come up", name, script.GaveWay, script.Unmet())
		}
		if got := log.String(); got != test.log {
			t.Errorf("%s: the log reads %s, want %s", name, got, test.log)
		}
		if got := strings.Join(*promises, " "); got != test.promises {
			t.Errorf("%s: promises ran as %s, want %s", name, got, test.promises)
		}
		w.Close()
	}
}

// Goal: the search finds the measured log by itself, and as short as it gets; and
// a long random run that has it shrinks to as many steps.
func TestTheSearchFindsTheMeasuredLog(t *testing.T) {
	long(t)
	const property, steps = "log-never-reads", 21
	r := produceVerdicts(t, "none", "", func() *sim.Property { return (&partitionLog{}).neverReads("C A B") })
	v := r.Verdict(property)
	if v.Outcome != explore.Broken || len(v.Schedule) != steps {
		t.Errorf("C A B: %v in %d steps, want it in %d: %v", v.Outcome, len(v.Schedule), steps, v.Schedule)
	}
	c := produceReorder(t, "none", "")
	sys, err := explore.NewWorlds(func() *sim.World {
		w := c.World()
		w.Watch((&partitionLog{}).neverReads("C A B"))
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	found := simtest.Must(explore.PCT(sys, 1, 4, explore.Options{Limit: 20_000, First: true})).Verdict(property)
	if found.Outcome != explore.Broken {
		t.Fatalf("pct: C A B is %v in 20,000 runs", found.Outcome)
	}
	if got := explore.Shrink(sys, found.Schedule, property, 1<<20); len(got.Schedule) != steps {
		t.Errorf("a schedule of %d steps shrinks to %d, want %d: %v", len(found.Schedule), len(got.Schedule), steps, got.Schedule)
	}
}

// Goal: the three things that the order of the sticky error rests on. Each of the
// tests has a mutant of the model that breaks it.
//
// Mutant: promiseBatch pushes behind the first of the ring, and not behind the last.
func TestProduceReorderRingOrder(t *testing.T) {
	long(t)
	for _, variant := range []string{"none", "sticky"} {
		if v := produceVerdicts(t, variant, "batch=1").Verdict("promises-run-in-order"); v.Outcome != explore.Exhausted {
			t.Errorf("%s: promises-run-in-order is %v: %v", variant, v.Outcome, v.Err)
		}
	}
}

// Mutant: failAllRecords empties the buffer, lets go of recBuf.mu, and then pushes.
func TestProduceReorderPurgeAndPushAreOneSection(t *testing.T) {
	r := produceVerdicts(t, "sticky", "")
	for _, property := range []string{"promises-run-in-order", "first-appends-keep-the-order"} {
		if v := r.Verdict(property); v.Outcome != explore.Exhausted {
			t.Errorf("%s is %v: %v", property, v.Outcome, v.Err)
		}
	}
}

// Mutant: Produce looks at the sticky error before it takes recBuf.mu.
func TestProduceReorderStickyErrorIsLookedAtUnderTheLock(t *testing.T) {
	r := produceVerdicts(t, "sticky", "")
	for _, property := range []string{"first-appends-keep-the-order", sim.NoDataRace} {
		if v := r.Verdict(property); v.Outcome != explore.Exhausted {
			t.Errorf("%s is %v: %v", property, v.Outcome, v.Err)
		}
	}
}

// Goal: of the six steps that the proposal asks of its application, each that the
// model has is needed.
func TestProduceReorderSixSteps(t *testing.T) {
	long(t)
	for misuse, want := range map[string]explore.Outcome{
		"nothing": explore.Exhausted, "stop": explore.Broken, "promises": explore.Broken, "resume": explore.Broken,
	} {
		if v := produceVerdicts(t, "sticky", "misuse="+misuse).Verdict("first-appends-keep-the-order"); v.Outcome != want {
			t.Errorf("misuse=%s: %v, want %v", misuse, v.Outcome, want)
		}
	}
}

// Goal: the table of needs follows from the verdicts.
func TestNeedsAreAnswered(t *testing.T) {
	for _, r := range scenarios.All() {
		for _, need := range r.Needs() {
			if len(need.Gives)+len(need.Breaks) == 0 {
				t.Errorf("%s: nothing is known of %q", r.Name, need.Name)
			}
		}
	}
	needs := produceReorder(t, "", "").Race.Needs()
	if got, want := fmt.Sprint(needs[2]), "{the same, if a record is too large [abort-transaction dead-letter] "+
		"[none sticky sticky-misused sync-callback sync-callback-reentrant pause-partition pause-key]  }"; got != want {
		t.Errorf("order of a record that is too large: %s, want %s", got, want)
	}
	if twice := needs[1]; slices.Contains(twice.Gives, "sync-callback-reentrant") {
		t.Errorf("a variant in which nothing is put to the test gives what is needed: %v", twice)
	}
}
