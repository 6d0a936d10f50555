package properties

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// writes follows what a broker writes, as its answers tell. What is written in a
// transaction counts once that is committed.
type writes struct {
	ends []logEnd
	open []submission // in a transaction that is not decided
}

// logEnd is where a partition ends.
type logEnd struct {
	partition model.Partition
	offset    model.Offset
}

// onWrite lets judge see the records that an answer of a broker makes count.
func onWrite(p *sim.Property, w *writes, judge func(c *sim.Claim, written []submission)) {
	sim.OnReply(p, func(c *sim.Claim, _ sim.Act, request *model.WriteTxnMarkersRequest, _ *model.WriteTxnMarkersResponse) {
		committed := w.open
		w.open = nil
		if request.Markers[0].Result != model.Commit {
			committed = nil
		}
		judge(c, committed)
	})
	sim.OnReply(p, func(c *sim.Claim, _ sim.Act, request *model.ProduceRequest, response *model.ProduceResponse) {
		judge(c, w.written(request, response))
	})
}

// written lists the records that an answer makes count.
func (w *writes) written(request *model.ProduceRequest, response *model.ProduceResponse) (list []submission) {
	for i, p := range response.Partitions {
		batch := &request.Partitions[i].Batch
		if p.Error != model.None || !w.moves(p.Partition, p.BaseOffset, p.BaseOffset+model.Offset(batch.Count())) {
			continue
		}
		for _, r := range batch.Records {
			list = append(list, submission{record: r, partition: p.Partition, written: true})
		}
		if batch.Transactional {
			w.open, list = append(w.open, list...), nil
		}
	}
	return list
}

// moves notes that a partition goes up to an offset, and says whether what begins
// at the other is new: a batch that was there already has one before its end.
func (w *writes) moves(p model.Partition, from, to model.Offset) bool {
	i := slices.IndexFunc(w.ends, func(e logEnd) bool { return e.partition == p })
	if i < 0 {
		w.ends = append(w.ends, logEnd{p, to})
		return true
	}
	if from < w.ends[i].offset {
		return false
	}
	w.ends[i].offset = to
	return true
}

// submission is a record that was handed to a client.
type submission struct {
	record    model.Record
	partition model.Partition
	written   bool
}

// of finds the submission of a record, or returns -1.
func of(list []submission, r model.Record) int {
	return slices.IndexFunc(list, func(x submission) bool { return x.record == r })
}

// FirstAppendsKeepTheOrder claims that the records of a key are written in the
// order in which they were handed over, each where it is written first. What goes
// to another partition in the end takes no part. Record r has key r modulo keys.
func FirstAppendsKeepTheOrder(keys int) *sim.Property {
	var m struct {
		writes    writes
		submitted []submission // the first times, from the first one on that is not written
	}
	key := func(r model.Record) int { return int(r) % keys }
	p := sim.NewProperty("first-appends-keep-the-order", &m)
	sim.On(p, sim.Any, func(c *sim.Claim, _ sim.Act, submitted *model.Submitted) {
		if submitted.Again {
			c.Skip()
			return
		}
		m.submitted = append(m.submitted, submission{record: submitted.Record, partition: submitted.Partition})
	})
	onWrite(p, &m.writes, func(c *sim.Claim, written []submission) {
		for _, x := range written {
			i := of(m.submitted, x.record)
			if i < 0 || m.submitted[i].written || m.submitted[i].partition != x.partition {
				continue
			}
			if len(m.submitted) > 1 {
				c.Holds()
			}
			m.submitted[i].written = true
			for _, later := range m.submitted[i+1:] {
				if later.written && key(later.record) == key(x.record) {
					c.Fail(&OvertakenError{x.record, later.record})
				}
			}
		}
		done := slices.IndexFunc(m.submitted, func(x submission) bool { return !x.written })
		if done < 0 {
			done = len(m.submitted)
		}
		m.submitted = slices.Delete(m.submitted, 0, done)
	})
	return p
}

// OvertakenError is that a record was written after one that was handed over
// later.
type OvertakenError struct{ Record, By model.Record }

func (e *OvertakenError) Error() string {
	return fmt.Sprintf("record %d was written after %d, which was handed over later", e.Record, e.By)
}

// Meaning is the break as a consumer sees it.
func (e *OvertakenError) Meaning() string {
	return fmt.Sprintf("Both have the same key. Whoever reads the partition takes what record %d says for newer than record %d: "+
		"a value that was replaced comes back, and stays.", e.Record, e.By)
}

// PromisesRunInOrder claims that the promises of a partition's records run in the
// order in which the records were handed over. One that the client refuses before
// it is in any buffer need not wait for those that are.
func PromisesRunInOrder() *sim.Property {
	var outstanding []submission // each time, in their order
	p := sim.NewProperty("promises-run-in-order", &outstanding)
	sim.On(p, sim.Any, func(_ *sim.Claim, _ sim.Act, submitted *model.Submitted) {
		outstanding = append(outstanding, submission{record: submitted.Record, partition: submitted.Partition})
	})
	sim.On(p, sim.Any, func(c *sim.Claim, _ sim.Act, promised *model.Promised) {
		i := of(outstanding, promised.Record)
		if i < 0 {
			c.Fail(fmt.Errorf("the promise of record %d ran once more", promised.Record))
			return
		}
		first := slices.IndexFunc(outstanding, func(x submission) bool { return x.partition == outstanding[i].partition })
		if len(outstanding) > 1 {
			c.Assert(first == i || promised.Unbuffered, "the promise of record %d ran before that of %d, which was handed over earlier",
				promised.Record, outstanding[first].record)
		}
		outstanding = slices.Delete(outstanding, i, i+1)
	})
	return p
}

// NoRecordIsLost claims that a promise without an error is kept, and that in the
// end the promise of each record has run, and whatever ran without an error is
// written, or part of a transaction that may yet be committed.
func NoRecordIsLost() *sim.Property {
	var m struct {
		writes  writes
		written []model.Record // ascending
		owed    []model.Record // that were handed over, and await their promise
		kept    []model.Record // whose promise ran without an error
	}
	// isWritten asserts that a record is written, or will be.
	isWritten := func(c *sim.Claim, r model.Record) {
		c.Assert(slices.Contains(m.written, r) || of(m.writes.open, r) >= 0, "the promise of record %d ran without an error, and it is not written", r)
	}
	p := sim.NewProperty("no-record-is-lost", &m)
	sim.On(p, sim.Any, func(_ *sim.Claim, _ sim.Act, submitted *model.Submitted) {
		m.owed = add(m.owed, submitted.Record)
		m.kept = remove(m.kept, submitted.Record)
	})
	sim.On(p, sim.Any, func(c *sim.Claim, _ sim.Act, promised *model.Promised) {
		c.Holds()
		m.owed = remove(m.owed, promised.Record)
		if promised.Failed == "" {
			m.kept = add(m.kept, promised.Record)
			isWritten(c, promised.Record)
		}
	})
	sim.On(p, sim.Any, func(c *sim.Claim, _ sim.Act, _ *model.CloseClient) {
		c.Holds()
		if len(m.owed) > 0 {
			c.Fail(fmt.Errorf("the client is closed, and the promise of record %d has not run", m.owed[0]))
		}
		for _, r := range m.kept {
			isWritten(c, r)
		}
	})
	onWrite(p, &m.writes, func(_ *sim.Claim, written []submission) {
		for _, x := range written {
			m.written = add(m.written, x.record)
		}
	})
	return p
}

// add puts a record into an ascending list, if it is not there.
func add(list []model.Record, r model.Record) []model.Record {
	if i, found := slices.BinarySearch(list, r); !found {
		return slices.Insert(list, i, r)
	}
	return list
}

// remove takes a record out of an ascending list, if it is there.
func remove(list []model.Record, r model.Record) []model.Record {
	if i, found := slices.BinarySearch(list, r); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// NoRecordIsWrittenTwice claims that no record is written more than once.
func NoRecordIsWrittenTwice() *sim.Property {
	var m struct {
		writes  writes
		written []model.Record // ascending
	}
	p := sim.NewProperty("no-record-is-written-twice", &m)
	onWrite(p, &m.writes, func(c *sim.Claim, written []submission) {
		for _, x := range written {
			c.Assert(!slices.Contains(m.written, x.record), "record %d was written again", x.record)
			m.written = add(m.written, x.record)
		}
	})
	return p
}

// FailedRecordStaysOut claims that a record whose promise ran with an error is not
// written, neither before that nor after it, until it is handed over again.
func FailedRecordStaysOut() *sim.Property {
	var m struct {
		writes  writes
		written []model.Record // ascending
		failed  []model.Record // ascending: not handed over again
	}
	p := sim.NewProperty("failed-record-stays-out", &m)
	sim.On(p, sim.Any, func(_ *sim.Claim, _ sim.Act, submitted *model.Submitted) {
		m.failed = remove(m.failed, submitted.Record)
	})
	sim.On(p, sim.Any, func(c *sim.Claim, _ sim.Act, promised *model.Promised) {
		if promised.Failed == "" {
			return
		}
		c.Holds()
		m.failed = add(m.failed, promised.Record)
		if slices.Contains(m.written, promised.Record) {
			c.Fail(&DeliveredError{promised.Record})
		}
	})
	onWrite(p, &m.writes, func(c *sim.Claim, written []submission) {
		for _, x := range written {
			m.written = add(m.written, x.record)
			if slices.Contains(m.failed, x.record) {
				c.Fail(&DeliveredError{x.record})
			}
		}
	})
	return p
}

// DeliveredError is that a record is written of which the client says that it failed.
type DeliveredError struct{ Record model.Record }

func (e *DeliveredError) Error() string {
	return fmt.Sprintf("record %d is written, and the client said that it failed", e.Record)
}

// Meaning is the break as the application sees it.
func (e *DeliveredError) Meaning() string {
	return "Who takes the error for an answer writes the record again, and has it twice; or gives it up, and finds it in the topic."
}

// NothingFails claims that no promise runs with an error: whatever the broker refused, it
// takes in the end.
func NothingFails() *sim.Property {
	p := sim.NewProperty("a-passing-fault-fails-nothing", nil)
	sim.On(p, sim.Any, func(c *sim.Claim, _ sim.Act, promised *model.Promised) {
		c.Assert(promised.Failed == "", "record %d failed: %s", promised.Record, promised.Failed)
	})
	return p
}
