package properties_test

import (
	"testing"

	"racelab/model"
	"racelab/properties"
	"racelab/sim"
)

func submitted(r model.Record) sim.Act {
	return sim.Act{Action: sim.Called, Message: &model.Submitted{Record: r}}
}

func submittedAgain(r model.Record) sim.Act {
	return sim.Act{Action: sim.Called, Message: &model.Submitted{Record: r, Again: true}}
}

func promised(r model.Record, failed string) sim.Act {
	return sim.Act{Action: sim.Returned, Message: &model.Promised{Record: r, Failed: failed}}
}

// wrote is the broker's answer to a batch at an offset, or with an error.
func wrote(at model.Offset, code model.Error, records ...model.Record) sim.Act {
	return answered(model.RecordBatch{Records: records}, 0, at, code)
}

func answered(batch model.RecordBatch, p model.Partition, at model.Offset, code model.Error) sim.Act {
	return sim.Act{
		Action:  sim.Answered,
		Request: &model.ProduceRequest{Partitions: []model.PartitionBatch{{Partition: p, Batch: batch}}},
		Message: &model.ProduceResponse{Partitions: []model.ProducePartitionResponse{{Partition: p, Error: code, BaseOffset: at}}},
	}
}

func inTransaction(at model.Offset, records ...model.Record) sim.Act {
	return answered(model.RecordBatch{Transactional: true, Records: records}, 0, at, model.None)
}

func marked(result model.TransactionResult) sim.Act {
	return sim.Act{
		Action: sim.Answered, Request: &model.WriteTxnMarkersRequest{Markers: []model.TxnMarker{{Result: result}}},
		Message: &model.WriteTxnMarkersResponse{},
	}
}

// Goal: the oracles of a producer's order see what they claim, and nothing else.
func TestProduceOrderOracles(t *testing.T) {
	order := properties.FirstAppendsKeepTheOrder
	tooLarge := sim.Act{Action: sim.Returned, Message: &model.Promised{Record: 2, Failed: "MESSAGE_TOO_LARGE", Unbuffered: true}}
	elsewhere := sim.Act{Action: sim.Called, Message: &model.Submitted{Record: 1, Partition: 1, Again: true}}
	deadLetter := answered(model.RecordBatch{Records: []model.Record{1}}, 1, 0, model.None)
	closed := sim.Act{Action: sim.Called, Message: &model.CloseClient{}}
	for _, test := range []struct {
		name     string
		property *sim.Property
		history  []sim.Act
		want     string // the first error
	}{
		{"in order", order(1), []sim.Act{submitted(1), submitted(2), wrote(0, model.None, 1, 2)}, ""},
		{"overtaken", order(1), []sim.Act{submitted(1), submitted(2), wrote(0, model.None, 2), wrote(1, model.None, 1)}, "record 1 was written after 2, which was handed over later"},
		{"overtaken within a batch", order(1), []sim.Act{submitted(1), submitted(2), wrote(0, model.None, 2, 1)}, "record 1 was written after 2, which was handed over later"},
		{"of another key", order(2), []sim.Act{submitted(1), submitted(2), wrote(0, model.None, 2), wrote(1, model.None, 1)}, ""},
		{"refused", order(1), []sim.Act{submitted(1), submitted(2), wrote(0, model.ErrInvalidRecord, 2), wrote(0, model.None, 1)}, ""},
		{"again, after the next", order(1), []sim.Act{submitted(1), submitted(2), wrote(0, model.None, 1, 2), submittedAgain(1), wrote(2, model.None, 1)}, ""},
		{"overtaken as it is handed over again", order(1), []sim.Act{submitted(1), submitted(2), submittedAgain(1), wrote(0, model.None, 2), wrote(1, model.None, 1)}, "record 1 was written after 2, which was handed over later"},
		{"to another topic", order(1), []sim.Act{submitted(1), submitted(2), wrote(0, model.None, 2), elsewhere, deadLetter}, ""},
		{"overtaken and aborted", order(1), []sim.Act{submitted(1), submitted(2), inTransaction(0, 2), marked(model.Abort), inTransaction(2, 1, 2), marked(model.Commit)}, ""},
		{"overtaken and committed", order(1), []sim.Act{submitted(1), submitted(2), inTransaction(0, 2), inTransaction(1, 1), marked(model.Commit)}, "record 1 was written after 2, which was handed over later"},

		{"promises in order", properties.PromisesRunInOrder(), []sim.Act{submitted(1), submitted(2), promised(1, "x"), promised(2, "")}, ""},
		{"a promise too early", properties.PromisesRunInOrder(), []sim.Act{submitted(1), submitted(2), promised(2, "")}, "the promise of record 2 ran before that of 1, which was handed over earlier"},
		{"a promise that need not wait", properties.PromisesRunInOrder(), []sim.Act{submitted(1), submitted(2), tooLarge, promised(1, "")}, ""},
		{"a promise of another partition", properties.PromisesRunInOrder(), []sim.Act{submitted(2), elsewhere, promised(1, "")}, ""},
		{"a promise twice", properties.PromisesRunInOrder(), []sim.Act{submitted(1), promised(1, ""), promised(1, "")}, "the promise of record 1 ran once more"},

		{"kept", properties.NoRecordIsLost(), []sim.Act{submitted(1), wrote(0, model.None, 1), promised(1, ""), closed}, ""},
		{"lost with an error", properties.NoRecordIsLost(), []sim.Act{submitted(1), promised(1, "x"), closed}, ""},
		{"lost", properties.NoRecordIsLost(), []sim.Act{submitted(1), wrote(0, model.ErrInvalidRecord, 1), promised(1, "")}, "the promise of record 1 ran without an error, and it is not written"},
		{"forgotten", properties.NoRecordIsLost(), []sim.Act{submitted(1), wrote(0, model.None, 1), closed}, "the client is closed, and the promise of record 1 has not run"},
		{"kept in a transaction that is open", properties.NoRecordIsLost(), []sim.Act{submitted(1), inTransaction(0, 1), promised(1, ""), closed}, ""},
		{"aborted, and not written again", properties.NoRecordIsLost(), []sim.Act{submitted(1), inTransaction(0, 1), promised(1, ""), marked(model.Abort), closed}, "the promise of record 1 ran without an error, and it is not written"},

		{"once", properties.NoRecordIsWrittenTwice(), []sim.Act{wrote(0, model.None, 1), wrote(1, model.None, 2)}, ""},
		{"twice", properties.NoRecordIsWrittenTwice(), []sim.Act{wrote(0, model.None, 1), wrote(1, model.None, 1)}, "record 1 was written again"},
		{"a duplicate that the broker knows", properties.NoRecordIsWrittenTwice(), []sim.Act{wrote(0, model.None, 1), wrote(0, model.None, 1)}, ""},
		{"again after an abort", properties.NoRecordIsWrittenTwice(), []sim.Act{inTransaction(0, 1), marked(model.Abort), inTransaction(2, 1), marked(model.Commit)}, ""},
		{"twice in a transaction", properties.NoRecordIsWrittenTwice(), []sim.Act{inTransaction(0, 1), inTransaction(1, 1), marked(model.Commit)}, "record 1 was written again"},
	} {
		got, tested := "", false
		for _, o := range test.history {
			_, was, err := test.property.Judge(o)
			tested = tested || was
			if err != nil && got == "" {
				got = err.Error()
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if !tested {
			t.Errorf("%s: nothing was put to the test", test.name)
		}
	}
}
