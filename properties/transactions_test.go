package properties_test

import (
	"fmt"
	"testing"

	"racelab/model"
	"racelab/properties"
	"racelab/sim"
)

// produced is a batch of T0 that is sent and acknowledged. Record n is of
// transaction n / 10.
func produced(p model.Partition, offset model.Offset, records ...model.Record) []sim.Act {
	request := &model.ProduceRequest{Partitions: []model.PartitionBatch{{Partition: p, Batch: model.RecordBatch{Transactional: true, Records: records}}}}
	response := &model.ProduceResponse{Partitions: []model.ProducePartitionResponse{{Partition: p, BaseOffset: offset}}}
	return []sim.Act{
		{Action: sim.Sent, Message: request},
		{Action: sim.Answered, Request: request, Message: response},
	}
}

func ended(result model.TransactionResult, code model.Error) []sim.Act {
	request := &model.EndTxnRequest{Result: result}
	return []sim.Act{
		{Action: sim.Sent, Message: request},
		{Action: sim.Answered, Request: request, Message: &model.EndTxnResponse{Error: code}},
	}
}

// fetched is a read_committed fetch of all of a partition: it gets the records,
// from offset 0 on, and passes by those of producer 9.
func fetched(p model.Partition, batches ...model.RecordBatch) []sim.Act {
	response := &model.FetchResponse{Partition: p, AbortedTransactions: []model.AbortedTransaction{{ProducerID: 9}}}
	for _, b := range batches {
		b.BaseOffset, b.Transactional = response.LastStableOffset, true
		response.LastStableOffset = b.LastOffset() + 1
		response.Batches = append(response.Batches, b)
	}
	return []sim.Act{{Action: sim.Answered, Request: &model.FetchRequest{Partition: p, IsolationLevel: model.ReadCommitted}, Message: response}}
}

func seen(records ...model.Record) model.RecordBatch { return model.RecordBatch{Records: records} }

func leftOut(records ...model.Record) model.RecordBatch {
	return model.RecordBatch{ProducerID: 9, Records: records}
}

// unstable makes the last stable offset of a fetch 0.
func unstable(fetch []sim.Act) []sim.Act {
	fetch[0].Message.(*model.FetchResponse).LastStableOffset = 0
	return fetch
}

// Goal: the oracles refuse what they should, and nothing else. Method: histories
// of one producer, of which the last act is judged.
func TestTransactionOracles(t *testing.T) {
	of := func(r model.Record) int { return int(r) / 10 }
	commit, abort := ended(model.Commit, model.None), ended(model.Abort, model.None)
	for _, test := range []struct {
		name         string
		acts         [][]sim.Act
		tested       bool
		atomic, told string
	}{
		{"nothing to see", [][]sim.Act{produced(0, 0, 1), fetched(0)}, false, "<nil>", "<nil>"},
		{"committed and seen", [][]sim.Act{produced(0, 0, 1, 2), commit, fetched(0, seen(1, 2))}, true, "<nil>", "<nil>"},
		{"aborted and left out", [][]sim.Act{produced(0, 0, 1, 2), abort, fetched(0, leftOut(1, 2))}, true, "<nil>", "<nil>"},
		{"one committed, one aborted", [][]sim.Act{produced(0, 0, 1), commit, produced(0, 1, 11), abort, fetched(0, seen(1), leftOut(11))}, true, "<nil>", "<nil>"},
		{"acknowledged twice", [][]sim.Act{produced(0, 0, 1), produced(0, 0, 1), commit, fetched(0, seen(1))}, true, "<nil>", "<nil>"},
		{"the answer to commit is late", [][]sim.Act{produced(0, 0, 1), commit[:1], fetched(0, seen(1))}, true, "<nil>", "<nil>"},
		{"a commit refused, then an abort", [][]sim.Act{produced(0, 0, 1), ended(model.Commit, model.ErrConcurrentTransactions), abort, fetched(0, leftOut(1))}, true, "<nil>", "<nil>"},

		{"half of one partition", [][]sim.Act{produced(0, 0, 1, 2), commit[:1], fetched(0, seen(1), leftOut(2))}, true,
			"of transaction 0 a read_committed consumer saw record 1 and not record 2", "<nil>"},
		{"one of two partitions", [][]sim.Act{produced(0, 0, 1), produced(1, 0, 2), commit[:1], fetched(0, leftOut(1)), fetched(1, seen(2))}, true,
			"of transaction 0 a read_committed consumer saw record 2 and not record 1", "<nil>"},
		{"seen before the commit", [][]sim.Act{produced(0, 0, 1), fetched(0, seen(1))}, true,
			"<nil>", "of transaction 0 a read_committed consumer saw record 1 before anybody asked to commit it"},
		{"seen behind the last stable offset", [][]sim.Act{produced(0, 0, 1), unstable(fetched(0, seen(1)))}, true,
			"<nil>", "of transaction 0 a read_committed consumer saw record 1 before anybody asked to commit it"},
		{"not seen behind the last stable offset", [][]sim.Act{produced(0, 0, 1), commit, unstable(fetched(0))}, false, "<nil>", "<nil>"},
		{"aborted and seen", [][]sim.Act{produced(0, 0, 1), ended(model.Commit, model.ErrProducerFenced), abort, fetched(0, seen(1))}, true,
			"<nil>", "of transaction 0, which is aborted, a read_committed consumer saw record 1"},
		{"committed and lost", [][]sim.Act{produced(0, 0, 1), commit, fetched(0, leftOut(1))}, true,
			"<nil>", "of transaction 0, which is committed, a read_committed consumer did not see record 1"},
		{"lost, as it turns out", [][]sim.Act{produced(0, 0, 1), commit[:1], fetched(0, leftOut(1)), commit[1:]}, false,
			"<nil>", "of transaction 0, which is committed, a read_committed consumer did not see record 1"},
	} {
		for _, oracle := range []struct {
			*sim.Property
			want string
		}{{properties.TransactionsAreAtomic(of), test.atomic}, {properties.ReadCommittedSeesTheOutcome(of), test.told}} {
			var tested bool
			var err error
			for _, acts := range test.acts {
				for _, act := range acts {
					if seen, now, broke := oracle.Judge(act); seen {
						tested, err = now, broke
					}
				}
			}
			if tested != (test.tested || oracle.want != "<nil>") || fmt.Sprint(err) != oracle.want {
				t.Errorf("%s: %s: tested %v, %v; want %v, %s", test.name, oracle.Name(), tested, err, test.tested, oracle.want)
			}
		}
	}
}
