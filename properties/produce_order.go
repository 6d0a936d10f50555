package properties

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// writes are the records that a broker has written, as its answers tell.
type writes struct{ ends []logEnd }

// logEnd is where a partition ends.
type logEnd struct {
	partition model.Partition
	offset    model.Offset
}

// isWrite says whether an act may be one.
func isWrite(o sim.Observation) bool {
	_, produce := o.Message.(*model.ProduceResponse)
	return produce && o.Action == sim.Answered
}

// written lists the records of an act that are new in their partition's log. A
// batch that was there already has an offset before its end.
func (w *writes) written(o sim.Observation) []model.Record {
	var list []model.Record
	request, response := o.Request.(*model.ProduceRequest), o.Message.(*model.ProduceResponse)
	for i, p := range response.Partitions {
		batch := &request.Partitions[i].Batch
		if p.Error == model.None && w.moves(p.Partition, p.BaseOffset, p.BaseOffset+model.Offset(batch.Count())) {
			list = append(list, batch.Records...)
		}
	}
	return list
}

// moves notes that a partition goes up to an offset, and says whether what begins
// at the other is new.
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

func (w *writes) State(s *sim.State) {
	sim.Slice(s, &w.ends, func(s *sim.State, e *logEnd) {
		sim.Int(s, &e.partition)
		sim.Int(s, &e.offset)
	})
}

// submission is a record that was handed to a client.
type submission struct {
	record    model.Record
	partition model.Partition
	written   bool
}

func (x *submission) State(s *sim.State) {
	sim.Int(s, &x.record)
	sim.Int(s, &x.partition)
	sim.Bool(s, &x.written)
}

// of finds the submission of a record, or returns -1.
func of(list []submission, r model.Record) int {
	return slices.IndexFunc(list, func(x submission) bool { return x.record == r })
}

// FirstAppendsKeepTheOrder claims that the records of a key are written in the
// order in which they were handed over, each where it is written first.
type FirstAppendsKeepTheOrder struct {
	Keys      int `sim:"config"` // record r has key r modulo that
	writes    writes
	submitted []submission // the first times, from the first one on that is not written
}

func (p *FirstAppendsKeepTheOrder) Name() string { return "first-appends-keep-the-order" }

func (p *FirstAppendsKeepTheOrder) Watches(o sim.Observation) bool {
	submitted, ok := o.Message.(*model.Submitted)
	return ok && !submitted.Again || isWrite(o)
}

// Observe notes what is handed over, and judges what is written.
func (p *FirstAppendsKeepTheOrder) Observe(o sim.Observation) (tested bool, err error) {
	if submitted, ok := o.Message.(*model.Submitted); ok {
		p.submitted = append(p.submitted, submission{record: submitted.Record})
		return false, nil
	}
	for _, r := range p.writes.written(o) {
		i := of(p.submitted, r)
		if i < 0 || p.submitted[i].written {
			continue
		}
		tested = tested || len(p.submitted) > 1
		p.submitted[i].written = true
		for _, later := range p.submitted[i+1:] {
			if later.written && p.key(later.record) == p.key(r) && err == nil {
				err = &OvertakenError{r, later.record}
			}
		}
	}
	done := slices.IndexFunc(p.submitted, func(x submission) bool { return !x.written })
	if done < 0 {
		done = len(p.submitted)
	}
	p.submitted = slices.Delete(p.submitted, 0, done)
	return tested, err
}

func (p *FirstAppendsKeepTheOrder) key(r model.Record) int { return int(r) % p.Keys }

func (p *FirstAppendsKeepTheOrder) State(s *sim.State) {
	p.writes.State(s)
	sim.Slice(s, &p.submitted, func(s *sim.State, x *submission) { x.State(s) })
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
type PromisesRunInOrder struct {
	outstanding []submission // each time, in their order
}

func (p *PromisesRunInOrder) Name() string { return "promises-run-in-order" }

func (p *PromisesRunInOrder) Watches(o sim.Observation) bool {
	switch o.Message.(type) {
	case *model.Submitted, *model.Promised:
		return true
	}
	return false
}

// Observe notes what is handed over, and judges promises.
func (p *PromisesRunInOrder) Observe(o sim.Observation) (tested bool, err error) {
	if submitted, ok := o.Message.(*model.Submitted); ok {
		p.outstanding = append(p.outstanding, submission{record: submitted.Record, partition: submitted.Partition})
		return false, nil
	}
	promised := o.Message.(*model.Promised)
	i := of(p.outstanding, promised.Record)
	if i < 0 {
		return true, fmt.Errorf("the promise of record %d ran once more", promised.Record)
	}
	first := slices.IndexFunc(p.outstanding, func(x submission) bool { return x.partition == p.outstanding[i].partition })
	if first < i && !promised.Unbuffered {
		err = fmt.Errorf("the promise of record %d ran before that of %d, which was handed over earlier", promised.Record, p.outstanding[first].record)
	}
	tested = len(p.outstanding) > 1
	p.outstanding = slices.Delete(p.outstanding, i, i+1)
	return tested, err
}

func (p *PromisesRunInOrder) State(s *sim.State) {
	sim.Slice(s, &p.outstanding, func(s *sim.State, x *submission) { x.State(s) })
}

// NoRecordIsLost claims that a promise without an error is kept, and that each
// record is written in the end, or its last promise ran with an error.
type NoRecordIsLost struct {
	writes  writes
	written []model.Record // ascending
	open    []model.Record // that were handed over, and await their promise
}

func (p *NoRecordIsLost) Name() string { return "no-record-is-lost" }

func (p *NoRecordIsLost) Watches(o sim.Observation) bool {
	switch o.Message.(type) {
	case *model.Submitted, *model.Promised, *model.CloseClient:
		return true
	}
	return isWrite(o)
}

// Observe judges promises, and the end.
func (p *NoRecordIsLost) Observe(o sim.Observation) (tested bool, err error) {
	switch message := o.Message.(type) {
	case *model.Submitted:
		p.open = add(p.open, message.Record)
	case *model.Promised:
		p.open = remove(p.open, message.Record)
		if _, written := slices.BinarySearch(p.written, message.Record); message.Failed == "" && !written {
			return true, fmt.Errorf("the promise of record %d ran without an error, and it is not written", message.Record)
		}
		return true, nil
	case *model.CloseClient:
		if len(p.open) > 0 {
			return true, fmt.Errorf("the client is closed, and the promise of record %d has not run", p.open[0])
		}
		return true, nil
	default:
		for _, r := range p.writes.written(o) {
			p.written = add(p.written, r)
		}
	}
	return false, nil
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

func (p *NoRecordIsLost) State(s *sim.State) {
	p.writes.State(s)
	sim.Slice(s, &p.written, sim.Int[model.Record])
	sim.Slice(s, &p.open, sim.Int[model.Record])
}

// NoRecordIsWrittenTwice claims that no record is written more than once.
type NoRecordIsWrittenTwice struct {
	writes  writes
	written []model.Record // ascending
}

func (p *NoRecordIsWrittenTwice) Name() string { return "no-record-is-written-twice" }

func (p *NoRecordIsWrittenTwice) Watches(o sim.Observation) bool { return isWrite(o) }

// Observe judges what is written.
func (p *NoRecordIsWrittenTwice) Observe(o sim.Observation) (tested bool, err error) {
	for _, r := range p.writes.written(o) {
		if _, written := slices.BinarySearch(p.written, r); written && err == nil {
			err = fmt.Errorf("record %d was written again", r)
		}
		p.written = add(p.written, r)
		tested = true
	}
	return tested, err
}

func (p *NoRecordIsWrittenTwice) State(s *sim.State) {
	p.writes.State(s)
	sim.Slice(s, &p.written, sim.Int[model.Record])
}
