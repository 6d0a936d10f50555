package closehangs

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/group/sarama"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// ErrorParams are the parameters of close-unread-errors.
type ErrorParams struct{ Refusals, Room int }

func (p *ErrorParams) flags(f *scenario.Flags) {
	f.Int(&p.Refusals, "refusals", 2, 0, 100, "how many commits the coordinator refuses")
	f.Int(&p.Room, "room", 1, 1, 256, "how many errors of a partition wait to be read: ChannelBufferSize, which is 256")
}

var (
	refused    = &scenario.Setting[ErrorParams]{Name: "refused"}
	refusedTwo = &scenario.Setting[ErrorParams]{Name: "room-for-all", Set: func(p *ErrorParams) { p.Room = 2 }}

	managerCloses = &scenario.Claim[ErrorParams]{Name: "close-ends", Says: "Close returns in the end",
		Property: func(ErrorParams) *sim.Property { return properties.CloseEnds[*model.Closed]() }}
	managerProgress = scenario.BuiltIn[ErrorParams](sim.NoProgress)
	managerEnds     = scenario.BuiltIn[ErrorParams]("ends-when-fair")
	nobodyReads     = []scenario.Expect[ErrorParams]{
		scenario.Breaks(managerCloses, managerProgress).Where(refused).Because("the second error finds the channel full, and holds the lock"),
		scenario.Breaks(managerEnds).Where(refused).Because("the ticker of the commits goes on"),
	}
)

// errorsOf is what becomes of the errors of a partition.
type errorsOf struct {
	release        sarama.Release
	returned, read bool
	proposal       sarama.Proposal
}

// Errors is Close of an offset manager whose errors nobody reads. A variant is what
// becomes of them.
var Errors = scenario.Scenario[ErrorParams, errorsOf]{
	Name:  "close-unread-errors",
	Title: "Errors are returned, nobody reads them, and Close waits with the lock that holds them up",
	Stake: "With Consumer.Return.Errors, Sarama's offset manager sends each error of a commit to the channel of its partition, " +
		"with a lock held. Once the channel is full and nobody reads it, commits stop for all partitions, without a word, " +
		"and Close waits for the commit for ever.",
	Do: "Read PartitionOffsetManager.Errors of each partition until it is closed, in a goroutine of its own; or leave Consumer.Return.Errors false. " +
		"A ConsumerGroup reads them for you, and drops what you do not read.",
	Group: scenario.ClientRace,
	Symptoms: []scenario.Symptom{{
		Seen: []scenario.Seen{
			{Text: "Sarama offset manager stops committing, and Close hangs, with Consumer.Return.Errors"},
			{Text: "goroutine in partitionOffsetManager.handleError waits in chan send"},
		},
		Cause:    "An error waits for somebody to read it, with the lock held that commits and Close need.",
		Variants: []string{"unread", "unread-1.43", "unread-1.37"},
		Also:     ", with Consumer.Return.Errors and nobody who reads",
		Do:       "Read Errors of each partition until it is closed, or set Consumer.Return.Errors to false.",
		Command:  scenario.Command("run", "close-unread-errors"),
	}},
	Sources: []string{
		"offsetManager.handleResponse, partitionOffsetManager.handleError and offsetManager.Close of sarama 1.37.2, 1.38.1, 1.43.2, 1.43.3 and 1.61.1; consumerGroup.handleError",
		"the comment of Consumer.Return.Errors: who sets it has to read",
	},
	Code:     []string{"model/group/sarama/offset_manager.go", "model/group/sarama/consumer_group.go", "model/group/sarama/proposals.go", "properties/close.go"},
	Flags:    (*ErrorParams).flags,
	Settings: []*scenario.Setting[ErrorParams]{refused, refusedTwo},
	Claims:   []*scenario.Claim[ErrorParams]{managerCloses},
	Variants: []scenario.Variant[ErrorParams, errorsOf]{
		{Name: "unread", Is: errorsOf{release: sarama.Release1_48_0, returned: true}, Release: "Sarama 1.43.3 to 1.61.1",
			Does:   "returns errors, and the application does not read them",
			Expect: nobodyReads},
		{Name: "unread-1.43", Is: errorsOf{release: sarama.Release1_43_2, returned: true}, Release: "Sarama 1.38.0 to 1.43.2",
			Does:   "likewise, and awaits each answer with the broker's lock held",
			Expect: nobodyReads},
		{Name: "unread-1.37", Is: errorsOf{release: sarama.Release1_37_2, returned: true}, Release: "Sarama 1.37.0 to 1.37.2",
			Does:   "likewise, and has no lock around a commit",
			Expect: nobodyReads},
		{Name: "read", Is: errorsOf{release: sarama.Release1_48_0, returned: true, read: true}, Release: "used well, in the same releases",
			Does: "returns errors, and a goroutine of the application reads them"},
		{Name: "logged", Is: errorsOf{release: sarama.Release1_48_0}, Release: "the default of the same releases",
			Does: "logs errors"},
		{Name: "dropped", Is: errorsOf{release: sarama.Release1_48_0, returned: true, proposal: sarama.DropErrors}, Release: "nobody's yet",
			Does: "returns errors, and drops those for which there is no room, as ConsumerGroup does"},
	},
	Schedule: `
		G0 mark; app await claims; app close; mainLoop main loop; mainLoop next (om.loop.closing)
		app await main loop; app async close; app async close pom; app coordinator; app lock broker
		app construct request; app snapshot; app write; app->coordinator OffsetCommit; app await response
		app handle response; app tell error; app release poms; app release pom; app coordinator#2
		app lock broker#2; app construct request#2; app snapshot#2; app write#2; app->coordinator OffsetCommit#2
		app await response#2; app handle response#2`,
	Statements: []scenario.Statement{{
		ID:       "Return.Errors",
		Says:     "Who sets Consumer.Return.Errors to true has to read the errors, or there is a deadlock.",
		Verdict:  scenario.True,
		Evidence: "The error that finds the channel full waits with pomsLock held, in the commit that Close waits for. By default there is room for 256 of a partition.",
		Command:  "simrun explore close-unread-errors",
	}},
	Build: buildErrors,
}

// buildErrors makes an offset manager that commits automatically and is closed.
func buildErrors(w *sim.World, is errorsOf, p ErrorParams) {
	w.AddNode("coordinator", &refusing{refusals: p.Refusals})
	conf := sarama.Config{
		Release: is.release, Proposal: is.proposal, AutoCommit: time.Second, RetryMax: 3, MaxOpenRequests: 5, Goroutines: 2,
	}
	if is.returned {
		conf.Errors = p.Room
	}
	om := sarama.NewOffsetManager(conf, w.Dial("sarama", "coordinator"), model.PartitionOffset{Offset: 10})
	consumer := sarama.NewConsumer(om)
	w.Share("om", consumer)
	w.GoProgram("G0", sarama.NewClaim(consumer, 0, 10, 1, 1, 0))
	w.GoProgram("mainLoop", sarama.NewMainLoop(om))
	w.GoProgram("app", sarama.NewSession(consumer))
	if is.read {
		w.GoProgram("errors", sarama.NewErrorReader(om, 0))
	}
}

// refusing is a coordinator that refuses the first commits.
//
// Source: OffsetMetadataManager.validateOffsetCommit; offset.metadata.max.bytes.
type refusing struct{ refusals int }

func (r *refusing) Handle(e sim.Envelope, out *sim.Outbox) {
	request := e.Message.(*model.OffsetCommitRequest)
	answer := model.PartitionError{Partition: request.Partitions[0].Partition}
	if r.refusals > 0 {
		r.refusals--
		answer.Error = model.ErrOffsetMetadataTooLarge
	}
	out.Reply(e, &model.OffsetCommitResponse{Partitions: []model.PartitionError{answer}})
}

// Describe shows how many commits it will refuse.
func (r *refusing) Describe(show func(name, value string)) { show("refuses", fmt.Sprint(r.refusals)) }
