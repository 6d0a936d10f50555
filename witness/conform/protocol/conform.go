package protocol

import (
	"context"
	"fmt"
	"io"
	"slices"

	"racelab/witness/conform/specified"
)

// Sequence is some requests, and what they are about.
type Sequence struct {
	Name  string
	About string
	Steps []specified.Step
}

// Sequences are those that Conform asks.
var Sequences = []Sequence{
	{"begin", "a transaction of each version", []specified.Step{
		{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Commit}, {Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Commit, TV2: true}, {Op: specified.Produce, TV2: true}, {Op: specified.Abort, TV2: true},
	}},
	{"end-again-tv1", "an EndTxn whose answer was lost, TV1", []specified.Step{
		{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Commit}, {Op: specified.Commit}, {Op: specified.Abort}, {Op: specified.Add}, {Op: specified.Abort}, {Op: specified.Abort}, {Op: specified.Commit},
	}},
	{"end-again-tv2", "an EndTxn whose answer was lost, TV2", []specified.Step{
		{Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Commit, TV2: true}, {Op: specified.Commit, TV2: true, Epoch: -1}, {Op: specified.Abort, TV2: true, Epoch: -1},
	}},
	{"end-nothing-tv1", "an EndTxn without a transaction, TV1", []specified.Step{{Op: specified.Init}, {Op: specified.Abort}, {Op: specified.Commit}}},
	{"end-nothing-tv2", "an EndTxn without a transaction, TV2", []specified.Step{
		{Op: specified.Init}, {Op: specified.Commit, TV2: true}, {Op: specified.Abort, TV2: true}, {Op: specified.Abort, TV2: true, Epoch: -1}, {Op: specified.Commit, TV2: true, Epoch: -1},
	}},
	{"commit-after-commit-tv2", "a commit of the next transaction, which has no records, TV2", []specified.Step{
		{Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Commit, TV2: true}, {Op: specified.Commit, TV2: true},
	}},
	{"epochs-tv1", "requests of an older and of a newer epoch, TV1", []specified.Step{
		{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Add, Epoch: 1}, {Op: specified.Commit, Epoch: 1}, {Op: specified.Init, Replaces: true}, {Op: specified.Add}, {Op: specified.AddOffsets}, {Op: specified.Commit}, {Op: specified.Produce}, {Op: specified.Reinit},
	}},
	{"epochs-tv2", "requests of an older and of a newer epoch, TV2", []specified.Step{
		{Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Commit, TV2: true, Epoch: 1}, {Op: specified.Produce, TV2: true, Partition: 1, Epoch: 1}, {Op: specified.Init, Replaces: true}, {Op: specified.Produce, TV2: true}, {Op: specified.Commit, TV2: true}, {Op: specified.Reinit},
	}},
	{"replaced-while-open", "InitProducerId over an open transaction", []specified.Step{{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Init}, {Op: specified.Add}, {Op: specified.Commit}}},
	{"after-an-error", "InitProducerId with the producer id, twice: the answer was lost", []specified.Step{{Op: specified.Init}, {Op: specified.Reinit, Replaces: true}, {Op: specified.Reinit}, {Op: specified.Add}, {Op: specified.Commit}}},
	{"stranger", "a producer id that nobody has", []specified.Step{
		{Op: specified.Init}, {Op: specified.Reinit, Stranger: true}, {Op: specified.Add, Stranger: true}, {Op: specified.Commit, Stranger: true}, {Op: specified.Commit, TV2: true, Stranger: true}, {Op: specified.Produce, Stranger: true},
	}},
	{"nobody", "requests of a transactional id that nobody has asked a producer id for, and of an empty one", []specified.Step{
		{Op: specified.Add}, {Op: specified.AddOffsets}, {Op: specified.Commit}, {Op: specified.Abort, TV2: true}, {Op: specified.Commit, NoName: true},
	}},
	{"not-added", "a record of a partition that was not added, TV1", []specified.Step{{Op: specified.Init}, {Op: specified.Produce}, {Op: specified.Add}, {Op: specified.Produce, Partition: 1}, {Op: specified.Produce}, {Op: specified.Abort}, {Op: specified.Produce, Sequence: 1}}},
	{"late-tv2", "a record of a transaction that is over, TV2", []specified.Step{{Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Abort, TV2: true}, {Op: specified.Produce, TV2: true, Epoch: -1}, {Op: specified.Commit, TV2: true}}},
	{"sequences", "sequence numbers: a duplicate, a gap, a first one that is not 0", []specified.Step{
		{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Produce, Sequence: -1}, {Op: specified.Produce, Sequence: 1}, {Op: specified.Commit}, {Op: specified.Reinit}, {Op: specified.Add}, {Op: specified.Produce, Sequence: 1}, {Op: specified.Produce},
	}},
	{"first-sequence-tv2", "a first sequence number that is not 0, TV2", []specified.Step{{Op: specified.Init}, {Op: specified.Produce, TV2: true, Sequence: 1}, {Op: specified.Produce, TV2: true}}},
	{"offsets-tv1", "offsets as a part of a transaction, TV1", []specified.Step{{Op: specified.Init}, {Op: specified.Offsets}, {Op: specified.AddOffsets}, {Op: specified.Offsets}, {Op: specified.Offsets, Epoch: 1}, {Op: specified.Commit}, {Op: specified.Offsets}}},
	{"offsets-tv2", "offsets as a part of a transaction, TV2", []specified.Step{{Op: specified.Init}, {Op: specified.Offsets, TV2: true}, {Op: specified.Commit, TV2: true}, {Op: specified.Offsets, TV2: true, Epoch: -1}, {Op: specified.Offsets, TV2: true}, {Op: specified.Abort, TV2: true}}},
	{"two", "two producers, each with a transactional id of its own", []specified.Step{
		{Op: specified.Init}, {Op: specified.Init, Producer: 1}, {Op: specified.Add}, {Op: specified.Add, Producer: 1}, {Op: specified.Produce}, {Op: specified.Produce, Producer: 1}, {Op: specified.Abort, Producer: 1}, {Op: specified.Commit}, {Op: specified.Commit, Producer: 1},
	}},
	{"malformed", "InitProducerId that no state makes right", []specified.Step{
		{Op: specified.Init, NoName: true}, {Op: specified.Init, NoTimeout: true}, {Op: specified.Init}, {Op: specified.Reinit, Half: true}, {Op: specified.Reinit},
	}},
	{"init-while-ending", "InitProducerId while the last transaction is completed, TV1 and TV2", []specified.Step{
		{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Commit}, {Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Abort, TV2: true}, {Op: specified.Init},
	}},
	{"add-while-ending", "the next transaction while the last one is completed, TV1", []specified.Step{
		{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Commit}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Abort}, {Op: specified.AddOffsets}, {Op: specified.Commit},
	}},
	{"abort-while-ending", "an abort while the last transaction is completed, TV2", []specified.Step{
		{Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Commit, TV2: true}, {Op: specified.Abort, TV2: true},
	}},
	{"other-result-tv1", "the other result while the transaction is completed, TV1", []specified.Step{{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Commit}, {Op: specified.Abort}}},
	{"other-result-tv2", "the other result while the transaction is completed, TV2", []specified.Step{{Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Abort, TV2: true}, {Op: specified.Commit, TV2: true, Epoch: -1}}},
	{"late-tv1", "a record of a transaction that is over, TV1", []specified.Step{
		{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Commit}, {Op: specified.Produce}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Abort},
	}},
	{"older-epoch-open", "a record of an older epoch, of a partition where the newer one is open, TV1", []specified.Step{
		{Op: specified.Init}, {Op: specified.Reinit}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Produce, Epoch: -1}, {Op: specified.Produce, Epoch: -1, Partition: 1}, {Op: specified.Commit},
	}},
	{"older-epoch-plain", "a record of an older epoch, without a transaction", []specified.Step{
		{Op: specified.Init}, {Op: specified.Produce, Plain: true}, {Op: specified.Reinit}, {Op: specified.Produce, Plain: true}, {Op: specified.Produce, Plain: true, Epoch: -1},
	}},
	{"added-while-ending", "a first record of a partition of the transaction that is completed, TV1", []specified.Step{
		{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Add, Partition: 1}, {Op: specified.Produce}, {Op: specified.Commit}, {Op: specified.Produce, Partition: 1},
	}},
	{"older-epoch-tv2", "a record, and offsets, of an older epoch while the newer one is open, TV2", []specified.Step{
		{Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Commit, TV2: true}, {Op: specified.Produce, TV2: true}, {Op: specified.Produce, TV2: true, Epoch: -1},
		{Op: specified.Offsets, TV2: true}, {Op: specified.Offsets, TV2: true, Epoch: -1}, {Op: specified.Commit, TV2: true},
	}},
	{"not-transactional", "a record without a transaction, of a producer that has one open there", []specified.Step{
		{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Produce}, {Op: specified.Produce, Plain: true}, {Op: specified.Commit}, {Op: specified.Produce, Plain: true},
	}},
	{"no-partition", "a record of a partition that there is not", []specified.Step{{Op: specified.Init}, {Op: specified.Produce, Partition: 2, Plain: true}}},
	{"senders", "offsets, and who says that he commits them", []specified.Step{
		{Op: specified.Join}, {Op: specified.Init}, {Op: specified.Offsets, TV2: true}, {Op: specified.Offsets, TV2: true, Sender: specified.Member}, {Op: specified.Offsets, TV2: true, Sender: specified.Nobody}, {Op: specified.Offsets, TV2: true, Sender: specified.FormerMember}, {Op: specified.Commit, TV2: true},
	}},
	{"markers", "markers: of an older epoch, of an older coordinator, a second time", []specified.Step{
		{Op: specified.Init}, {Op: specified.Marker, Epoch: 1, Coordinator: 5}, {Op: specified.Marker, Coordinator: 5}, {Op: specified.Marker, Epoch: 1, Coordinator: 4},
		{Op: specified.Marker, TV2: true, Epoch: 1, Coordinator: 5}, {Op: specified.Marker, TV2: true, Epoch: 2, Coordinator: 5},
	}},
	{"log-start", "records are deleted, and their producer goes on", []specified.Step{
		{Op: specified.Init}, {Op: specified.Produce, Plain: true}, {Op: specified.Produce, Plain: true}, {Op: specified.Delete, Offset: specified.Beyond}, {Op: specified.Fetch, Offset: specified.Beyond},
		{Op: specified.Delete, Offset: -1}, {Op: specified.Fetch}, {Op: specified.Produce, Plain: true, Sequence: 1}, {Op: specified.Produce, Plain: true},
	}},
	{"marker-while-open", "a marker of the epoch that is open, TV2", []specified.Step{
		{Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Marker, TV2: true}, {Op: specified.Abort, TV2: true},
	}},
}

// Conform asks a broker the sequences, and prints what it answers and what the
// specification allows. It says how many answers are none of Kafka's newest release. A
// sequence ends with its first answer that no release gives.
func Conform(ctx context.Context, b *Broker, sequences []Sequence, out io.Writer) (differ int, err error) {
	tv2, err := b.SpeaksTV2(ctx)
	if err != nil {
		return 0, err
	}
	for _, q := range sequences {
		if !tv2 && slices.ContainsFunc(q.Steps, func(s specified.Step) bool { return s.TV2 }) {
			fmt.Fprintf(out, "%s: not asked: the broker has no EndTxn of version 5, so it does not speak TV2\n", q.Name)
			continue
		}
		fmt.Fprintf(out, "%s: %s\n", q.Name, q.About)
		asked := 0
		var failed error
		err := b.Play(ctx, q.Steps, func(s specified.Step, first, last specified.Answer) bool {
			asked++
			allowed, err := specified.Specify(q.Steps[:asked])
			if failed = err; err != nil {
				return false
			}
			word, goesOn := judge(allowed, first, last)
			if word != "ok" {
				differ++
			}
			got := first.String()
			if last != first {
				got += ", then " + last.String()
			}
			fmt.Fprintf(out, "  %-8s %-52s %-32s allowed: %v since %s", word, s, got, allowed[0], allowed[0].Since)
			for i, a := range allowed[1:] {
				fmt.Fprintf(out, "; before %s: %v", allowed[i].Since, a)
			}
			fmt.Fprintln(out)
			return goesOn
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return differ, fmt.Errorf("%s: %w", q.Name, err)
		}
		if asked < len(q.Steps) {
			fmt.Fprintf(out, "  the %d requests after it are not sent: the specification knows no broker in that state\n", len(q.Steps)-asked)
		}
	}
	return differ, nil
}

// judge says how an answer stands to the specification, and whether the next request
// makes sense: whether the broker is in a state that the model has too.
func judge(allowed []specified.Allowed, first, last specified.Answer) (word string, goesOn bool) {
	first, last = first.Compared(), last.Compared()
	for i, a := range allowed {
		switch {
		case !slices.Contains(a.Answers, first) || last != a.Later:
		case i == 0:
			return "ok", true
		default:
			return "older", last.Code != 0 && allowed[0].Later.Code != 0
		}
	}
	return "DIFFERS", last == allowed[0].Later || last.Code != 0 && allowed[0].Later.Code != 0
}
