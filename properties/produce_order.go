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

// isWrite says whether an act may be one.
func isWrite(o sim.Observation) bool {
	switch o.Message.(type) {
	case *model.ProduceResponse, *model.WriteTxnMarkersResponse:
		return o.Action == sim.Answered
	}
	return false
}

// written lists the records that an act makes count.
func (w *writes) written(o sim.Observation) (list []submission) {
	if markers, ok := o.Request.(*model.WriteTxnMarkersRequest); ok {
		if markers.Markers[0].Result == model.Commit {
			list = w.open
		}
		w.open = nil
		return list
	}
	request, response := o.Request.(*model.ProduceRequest), o.Message.(*model.ProduceResponse)
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
// to another partition in the end takes no part.
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
		p.submitted = append(p.submitted, submission{record: submitted.Record, partition: submitted.Partition})
		return false, nil
	}
	for _, x := range p.writes.written(o) {
		i := of(p.submitted, x.record)
		if i < 0 || p.submitted[i].written || p.submitted[i].partition != x.partition {
			continue
		}
		tested = tested || len(p.submitted) > 1
		p.submitted[i].written = true
		for _, later := range p.submitted[i+1:] {
			if later.written && p.key(later.record) == p.key(x.record) && err == nil {
				err = &OvertakenError{x.record, later.record}
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

// NoRecordIsLost claims that a promise without an error is kept, and that in the
// end the promise of each record has run, and whatever ran without an error is
// written, or part of a transaction that may yet be committed.
type NoRecordIsLost struct {
	writes  writes
	written []model.Record // ascending
	owed    []model.Record // that were handed over, and await their promise
	kept    []model.Record // whose promise ran without an error
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
		p.owed = add(p.owed, message.Record)
		p.kept = remove(p.kept, message.Record)
	case *model.Promised:
		p.owed = remove(p.owed, message.Record)
		if message.Failed == "" {
			p.kept = add(p.kept, message.Record)
			err = p.missing(message.Record)
		}
		return true, err
	case *model.CloseClient:
		if len(p.owed) > 0 {
			return true, fmt.Errorf("the client is closed, and the promise of record %d has not run", p.owed[0])
		}
		for _, r := range p.kept {
			if err == nil {
				err = p.missing(r)
			}
		}
		return true, err
	default:
		for _, x := range p.writes.written(o) {
			p.written = add(p.written, x.record)
		}
	}
	return false, nil
}

// missing is the error that a record is not written, and will not be.
func (p *NoRecordIsLost) missing(r model.Record) error {
	if slices.Contains(p.written, r) || of(p.writes.open, r) >= 0 {
		return nil
	}
	return fmt.Errorf("the promise of record %d ran without an error, and it is not written", r)
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
type NoRecordIsWrittenTwice struct {
	writes  writes
	written []model.Record // ascending
}

func (p *NoRecordIsWrittenTwice) Name() string { return "no-record-is-written-twice" }

func (p *NoRecordIsWrittenTwice) Watches(o sim.Observation) bool { return isWrite(o) }

// Observe judges what is written.
func (p *NoRecordIsWrittenTwice) Observe(o sim.Observation) (tested bool, err error) {
	for _, x := range p.writes.written(o) {
		if slices.Contains(p.written, x.record) && err == nil {
			err = fmt.Errorf("record %d was written again", x.record)
		}
		p.written = add(p.written, x.record)
		tested = true
	}
	return tested, err
}
