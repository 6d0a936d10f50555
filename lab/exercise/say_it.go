package exercise

import (
	"errors"
	"fmt"
	"strconv"

	"racelab/model"
	"racelab/scenario"
	"racelab/scenarios/offsetrewind"
	"racelab/sim"
	"racelab/sim/explore"
)

// sayIt is exercise 06: the learner writes the property, and releases are its tests.
func sayIt() *Exercise {
	e := &Exercise{
		ID: "06-say-it", Title: "Say it", Minutes: 20,
		Story: "\"Committed offsets must be fine\", says the ticket. A search needs a claim that can be wrong. Five ways to commit are " +
			"known, three of them released: two are broken, and three are right.",
		Task: "judge() sees each OffsetCommit: when a client sends it (Sent), when the coordinator stores it (Stored) or refuses it " +
			"(Refused). Give false where something is wrong. Your property has to break what is broken, and nothing that is right.",
		Skeleton: "return true\n",
		Hints: [3]string{
			"in the run that your property lets through, look at what the coordinator stores for P0.",
			"remember(p, offset) what was stored, and compare the next one with last(p).",
			"event == Stored, and offset >= last(p): a right client may store 12 twice.",
		},
		Stretch: "write one that judges Sent instead, and breaks the same releases. Which of the two is the stronger?",
		Shipped: "properties.CommittedOffsetNeverRewinds, 20 lines of this repository",
		Link:    "https://github.com/IBM/sarama/issues/2940",
		holes: []*language{{
			hole: "func judge(event, p, offset int) bool {", gives: condition,
			args: []variable{
				{name: "event", kind: number, does: "Sent, Stored or Refused"},
				{name: "p", kind: number, does: "the partition, from 0"},
				{name: "offset", kind: number, does: "the offset"},
			},
			words: []word{
				{name: "last", args: []kind{number}, gives: number, does: "what was remembered for the partition; 0: nothing yet"},
				{name: "remember", args: []kind{number, number}, does: "keeps a number for the partition: remember(p, offset)"},
			},
			values: map[string]variable{
				"Sent":    {kind: number, value: sent, does: "a client writes the commit"},
				"Stored":  {kind: number, value: stored, does: "the coordinator takes it"},
				"Refused": {kind: number, value: refusedEvent, does: "the coordinator does not take it"},
			},
		}},
		grade: gradeProperty,
	}
	e.scenario = func(c []*code) scenario.Any { return judged(c[0]) }
	return e
}

const (
	sent = iota
	stored
	refusedEvent
)

// yours is the name of the learner's property.
const yours = "yours"

// subject is a way to commit on which a property is tried.
type subject struct {
	variant string // of offset-rewind
	name    string
	wrong   bool
	setting func(*offsetrewind.Params)
}

// subjects are the ways to commit, the wrong ones first.
var subjects = []subject{
	{"unfixed", "Sarama 1.43.2", true, nil},
	{"build-outside", "pull request 3193", true, nil},
	{"broker-lock-released", "Sarama 1.48.0", false, nil},
	{"commit-lock", "pull request 2941", false, nil},
	{"broker-lock-released", "Sarama 1.48.0, whose coordinator moves", false, func(p *offsetrewind.Params) { p.NotCoordinator = 1 }},
}

// judged is offset-rewind with no property but the learner's; a world a subject.
func judged(c *code) scenario.Any {
	s := &scenario.Scenario[place, struct{}]{
		Name: "06-say-it", Title: "Say it",
		Flags: func(at *place, f *scenario.Flags) {
			f.Int(&at.World, "world", 0, 0, len(subjects)-1, "the way to commit")
		},
		Variants: []scenario.Variant[place, struct{}]{{Name: "yours"}},
		Claims:   []*scenario.Claim[place]{{Name: yours, Says: "what you say", Property: func(place) *sim.Property { return learnersProperty(c) }}},
		Build: func(w *sim.World, _ struct{}, at place) {
			of := subjects[at.World]
			p := offsetrewind.Scenario.Default()
			if of.setting != nil {
				of.setting(&p)
			}
			for _, v := range offsetrewind.Scenario.Variants {
				if v.Name == of.variant {
					offsetrewind.Scenario.Build(w, v.Is, p)
				}
			}
		},
	}
	for i := range subjects {
		s.Settings = append(s.Settings, &scenario.Setting[place]{Name: strconv.Itoa(i), Set: func(at *place) { at.World = i }})
	}
	return s
}

// learnersProperty is the text as a property.
func learnersProperty(c *code) *sim.Property {
	var memory [2]int
	at := func(p int) *int {
		if p < 0 || p >= len(memory) {
			panic(fmt.Sprintf("there is no partition %d", p))
		}
		return &memory[p]
	}
	m := newMachine(c, []operation{
		func(_ *sim.Task, m *machine) int { return *at(m.arg(0)) },
		func(_ *sim.Task, m *machine) int { *at(m.arg(0)) = m.arg(1); return 0 },
	})
	judge := func(c *sim.Claim, event int, o model.PartitionOffset) {
		says := [...]string{"is sent", "is stored", "is refused"}[event]
		was := memory[o.Partition]
		defer func() {
			if r := recover(); r != nil {
				*m = *newMachine(m.code, m.words)
				c.Fail(&judgePanic{fmt.Sprint(r)})
			}
		}()
		m.run(nil, event, int(o.Partition), int(o.Offset))
		c.Assert(m.result == 1, "offset %d of %v %s, after your property remembered %d", o.Offset, o.Partition, says, was)
		m.result = 0
	}
	p := sim.NewProperty(yours, &memory)
	sim.On(p, sim.Sent, func(c *sim.Claim, _ sim.Act, request *model.OffsetCommitRequest) {
		for _, o := range request.Partitions {
			judge(c, sent, o)
		}
	})
	sim.OnReply(p, func(c *sim.Claim, _ sim.Act, request *model.OffsetCommitRequest, response *model.OffsetCommitResponse) {
		for i, o := range request.Partitions {
			event := stored
			if response.Partitions[i].Error != model.None {
				event = refusedEvent
			}
			judge(c, event, o)
		}
	})
	return p
}

// judgePanic is a property that panicked, or ran for ever.
type judgePanic struct{ reason string }

func (e *judgePanic) Error() string { return "judge panicked: " + e.reason }

// gradeProperty tries the property on all ways to commit.
func gradeProperty(c []*code) *Verdict {
	race := judged(c[0]).Race()
	v := &Verdict{Outcome: Holds}
	var through []subject // wrong, and not broken
	for i, of := range subjects {
		r, _ := search(race, strconv.Itoa(i), &Verdict{}, explore.Options{First: of.wrong, Again: i > 0})
		broke := r.Verdict(yours)
		if !of.wrong {
			v.States += r.States
			v.Worlds++
		}
		var panicked *judgePanic
		switch {
		case errors.As(broke.Err, &panicked):
			v.Outcome, v.Property, v.Says = Broken, sim.NoPanic, panicked.Error()
			return v
		case broke.Outcome != explore.Broken && of.wrong:
			through = append(through, of)
		case broke.Outcome == explore.Broken && !of.wrong:
			v.Outcome, v.World, v.Property, v.Says = Broken, of.name, yours, broke.Err.Error()
			v.Held = "breaks a client that is right, " + of.name
			v.Schedule, v.Steps = broke.Schedule.String(), len(broke.Schedule)
			return v
		}
	}
	if len(through) > 0 {
		of := through[0]
		v.Outcome, v.World, v.Property = Vacuous, of.name, yours
		v.Says = "your property lets " + of.name + " through: here is a run in which message 11 of P0 will be consumed twice"
		known, err := sim.ParseSchedule(offsetrewind.Scenario.Schedule)
		if err != nil {
			panic("exercise: " + err.Error())
		}
		if of.variant == offsetrewind.Scenario.Variants[0].Name {
			v.Schedule, v.Steps = known.String(), len(known)
		}
	}
	return v
}

// search searches a world of a race, adds what it took to the verdict, and says
// what it found. Again in the options: the text has stood a whole search in another
// world.
func search(race *scenario.Race, world string, v *Verdict, o explore.Options) (*explore.Result, *scenario.Case) {
	c, err := race.Case("", world)
	if err != nil {
		panic("exercise: " + err.Error())
	}
	sys, err := c.System()
	if err != nil {
		panic("exercise: " + err.Error())
	}
	defer sys.Close()
	o.Limit = mostStates
	r, err := explore.States(sys, o)
	if err != nil {
		panic("exercise: " + err.Error())
	}
	v.States += r.States
	v.Worlds++
	return r, c
}
