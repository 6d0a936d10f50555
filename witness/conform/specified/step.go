package specified

import (
	"fmt"
	"slices"
	"strings"

	"racelab/model"
)

// Op is a kind of request.
type Op uint8

// The requests. Those of TV1 leave it to the client to add partitions; those of TV2 to
// the broker.
const (
	Init       Op = iota // InitProducerId without a producer id: a new process
	Reinit               // InitProducerId with the producer id: the same process, after an error
	Add                  // AddPartitionsToTxn, version 3
	AddOffsets           // AddOffsetsToTxn, version 3
	Produce              // one record; version 11 under TV1, 12 under TV2
	Offsets              // TxnOffsetCommit; version 4 under TV1, 5 under TV2
	Commit               // EndTxn; version 4 under TV1, 5 under TV2
	Abort
	Ops // how many there are of producers

	Join   // JoinGroup and SyncGroup: the group has one member, in its first generation
	Marker // WriteTxnMarkers of a commit, to the leader; version 1 under TV1, 2 under TV2
	Fetch  // of P0, from Step.Offset on
	Delete // DeleteRecords of P0, before Step.Offset
)

func (o Op) String() string {
	return [...]string{"InitProducerId", "InitProducerId after an error", "AddPartitionsToTxn", "AddOffsetsToTxn", "Produce", "TxnOffsetCommit", "EndTxn(commit)", "EndTxn(abort)", "", "JoinGroup", "WriteTxnMarkers", "Fetch", "DeleteRecords"}[o]
}

// Sender is what TxnOffsetCommit says of its sender.
type Sender uint8

// What it says.
const (
	Nothing      Sender = iota
	Member              // that it is the member which has joined, in its generation
	Nobody              // a member that the group does not have
	FormerMember        // the member, in another generation
)

func (s Sender) String() string {
	return [...]string{"", " of the member", " of nobody in the group", " of another generation"}[s]
}

// Step is one request. What it does not say is as a client would have it.
type Step struct {
	Op
	TV2       bool
	Producer  int // 0 or 1: by its transactional id
	Partition int // 0 or 1: of Add, Produce and Marker; 2: none that there is (Produce)
	// Epoch and Sequence are how far those of the request are from the producer's own.
	Epoch, Sequence int
	// Stranger has a producer id that nobody was given.
	Stranger bool
	// Half has no epoch, and NoTimeout a timeout of 0 (Init and Reinit); NoName has no
	// transactional id but an empty one.
	Half, NoName, NoTimeout bool
	Plain                   bool   // not transactional (Produce)
	Sender                  Sender // of Offsets
	Coordinator             int32  // the coordinator's epoch (Marker)
	Offset                  int64  // of Fetch and Delete; -1: the high watermark (Delete)
	// Replaces is that another process has the transactional id from here on, so that
	// the producer keeps what it had (Init).
	Replaces bool
}

// Ends says whether the request may end a transaction, so that markers are written.
func (s Step) Ends() bool { return s.Op <= Reinit || s.Op == Commit || s.Op == Abort }

func (s Step) String() string {
	text := fmt.Sprintf("%c %v", 'A'+s.Producer, s.Op)
	switch {
	case s.Op == Add:
		text += fmt.Sprintf(" P%d", s.Partition)
	case s.Op == Produce:
		text += fmt.Sprintf(" P%d", s.Partition)
		if s.Sequence != 0 {
			text += fmt.Sprintf(" sequence%+d", s.Sequence)
		}
	}
	text += s.Sender.String()
	if s.Op == Marker {
		text += fmt.Sprintf(" P%d coordinator epoch %d", s.Partition, s.Coordinator)
	}
	if s.Op == Fetch || s.Op == Delete {
		text += fmt.Sprintf(" offset %d", s.Offset)
	}
	if s.Plain {
		text += " not transactional"
	}
	if s.Half {
		text += " without an epoch"
	}
	if s.NoName {
		text += " with an empty id"
	}
	if s.NoTimeout {
		text += " with timeout 0"
	}
	if s.TV2 && (s.Op == Produce || s.Op == Offsets || s.Op == Commit || s.Op == Abort || s.Op == Marker) {
		text += " TV2"
	}
	if s.Epoch != 0 {
		text += fmt.Sprintf(" epoch%+d", s.Epoch)
	}
	if s.Stranger {
		text += " of a stranger"
	}
	if s.Replaces {
		text += " of another process"
	}
	return text
}

// Producer is what a client knows of itself.
type Producer struct {
	ID       int64
	Epoch    int16
	Sequence [3]int32 // by partition
}

// NewProducer is one that has not asked for a producer id yet.
func NewProducer() Producer { return Producer{ID: -1, Epoch: -1} }

// NextSequence is the sequence number of a record.
func (p *Producer) NextSequence(s Step) int32 {
	return max(0, p.Sequence[s.Partition]+int32(s.Sequence))
}

// Beyond is an offset that no partition has.
const Beyond = 1 << 40

// stranger is a producer id that no broker gives out soon.
const stranger = 1 << 40

// IDs are the producer id and epoch of a request.
func (p *Producer) IDs(s Step) (int64, int16) {
	id, epoch := p.ID, p.Epoch+int16(s.Epoch)
	if s.Stranger {
		id = stranger
	}
	switch {
	case s.Half:
		return id, -1
	case s.Op == Init:
		return -1, -1
	}
	return id, max(epoch, 0)
}

// Answer is what came back.
type Answer struct {
	Code int16 // of the protocol
	// Epoch is that of InitProducerId, or of EndTxn under TV2; -1: none.
	Epoch int16
	ID    int64 // the producer id, if there is an epoch
}

// Compared is the answer without what differs from broker to broker.
func (a Answer) Compared() Answer {
	a.ID = 0
	return a
}

// Takes has the client follow an answer.
func (p *Producer) Takes(s Step, a Answer) {
	switch {
	case a.Code != 0 || s.Replaces:
	case s.Op == Produce && s.Sequence == 0:
		p.Sequence[s.Partition]++
	case s.Op == Init || s.Op == Reinit || a.Epoch >= 0:
		p.ID, p.Epoch, p.Sequence = a.ID, a.Epoch, [3]int32{}
	}
}

func (a Answer) String() string {
	text := model.Error(a.Code).String()
	if a.Code == 0 && a.Epoch >= 0 {
		text += fmt.Sprintf(" epoch %d", a.Epoch)
	}
	return text
}

func (a Allowed) String() string {
	var answers []string
	for _, answer := range a.Answers {
		answers = append(answers, answer.String())
	}
	text := strings.Join(answers, " or ")
	if !slices.Contains(a.Answers, a.Later) {
		text += ", then " + a.Later.String()
	}
	return text
}
