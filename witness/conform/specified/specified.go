package specified

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/sim"
	"racelab/sim/explore"
)

// Releases are those whose answers the specification knows, ascending, and how they are
// called.
var Releases = []struct {
	Release model.Release
	Name    string
}{
	{model.Kafka2_6, "2.6"}, {model.Kafka3_6, "3.6"}, {model.Kafka4_0, "4.0.0"}, {model.Kafka4_0_1, "4.0.1"}, {model.Kafka4_1, "4.1.0"},
	{model.Kafka4_1_1, "4.1.1"}, {model.Kafka4_2, "4.2"}, {model.Kafka4_3, "4.3"},
}

// Allowed is what the specification allows a broker to answer to the last of some
// requests, when the others were answered as it says.
type Allowed struct {
	Answers []Answer // at once: the first one when all markers are written in time
	Later   Answer   // when what is CONCURRENT_TRANSACTIONS has gone again
	Since   string   // the first release, of those that still say so
}

// Specify says what Kafka answers to the last of the steps, newest release first, each
// set of answers once. A step under TV2 has no answer before 4.0.
func Specify(steps []Step) ([]Allowed, error) {
	var list []Allowed
	for i := len(Releases) - 1; i >= 0; i-- {
		if Releases[i].Release < model.Kafka4_0 && slices.ContainsFunc(steps, func(s Step) bool { return s.TV2 }) {
			break
		}
		a, err := Of(Releases[i].Release, steps)
		if err != nil {
			return nil, err
		}
		if n := len(list); n > 0 && slices.Equal(list[n-1].Answers, a.Answers) && list[n-1].Later == a.Later {
			list[n-1].Since = Releases[i].Name
			continue
		}
		a.Since = Releases[i].Name
		list = append(list, a)
	}
	return list, nil
}

// Of is what one release may answer to the last step: with all markers written, and
// with those of the step before under way.
func Of(release model.Release, steps []Step) (Allowed, error) {
	var a Allowed
	for _, held := range []bool{false, true} {
		got, err := Play(model.Rules{Release: release}, steps, held)
		if err != nil {
			return a, err
		}
		last := got[len(got)-1]
		if !slices.Contains(a.Answers, last.First.Compared()) {
			a.Answers = append(a.Answers, last.First.Compared())
		}
		if !held {
			a.Later = last.Last.Compared()
		}
	}
	return a, nil
}

// Answered is what a step was answered, at once and in the end.
type Answered struct{ First, Last Answer }

// Play has the models, with some rules, answer the steps. The markers of the step before
// the last are held, or all are written in time.
func Play(rules model.Rules, steps []Step, held bool) (answered []Answered, err error) {
	defer sim.RecoverModelError(&err)
	w := sim.NewWorld()
	defer w.Close()
	version := model.TV1
	if rules.Release == model.Newest || rules.Release >= model.Kafka4_0 {
		version = model.TV2
	}
	partitions := []model.Partition{model.ConsumerOffsets, 0, 1}
	c := coordinator.NewTransactions(coordinator.TransactionsConfig{
		TransactionalIDs: 2, TransactionVersion: version, ScanInterval: -1, Rules: rules,
		Brokers: []coordinator.Broker{{Name: "B", Partitions: partitions}},
	})
	b := broker.New(broker.Config{Partitions: partitions, Rules: rules, RetryBackoffMax: -1})
	w.AddNode("C", c)
	w.AddNode("B", b)
	c.Connect(w.Dial("C", "B"))
	b.Connect(w.Dial("B", "C"))
	client := &player{coordinator: w.Dial("client", "C"), leader: w.Dial("client", "B"), steps: steps, producers: [2]Producer{NewProducer(), NewProducer()}}
	w.GoProgram("client", client)
	for range 10_000 {
		enabled := explore.Of(w).Enabled()
		// Markers come before the client goes on, but for those that are held.
		i := slices.IndexFunc(enabled, func(e sim.Event) bool {
			marker := strings.HasPrefix(e.String(), "C->B WriteTxnMarkers")
			return !e.Fault && e.Label != "fires" && e.Actor != "client" && !(held && marker && client.next >= len(steps)-2 && !client.refused)
		})
		if i < 0 {
			i = slices.IndexFunc(enabled, func(e sim.Event) bool { return e.Actor == "client" })
		}
		if i < 0 && len(client.answered) == len(steps) {
			return client.answered, nil
		}
		if i < 0 {
			return nil, fmt.Errorf("specified: the model does not answer step %d: %v", client.next+1, steps[client.next])
		}
		explore.Of(w).Take(i)
		for _, v := range w.Violations() {
			if rules.Omits != (model.Omission{}) {
				break // It is no Kafka, and its answer is asked for.
			}
			return nil, fmt.Errorf("specified: step %d, %v: %s: %w", client.next+1, steps[min(client.next, len(steps)-1)], v.Property, v.Err)
		}
	}
	return nil, fmt.Errorf("specified: the model refuses step %d for ever: %v", client.next+1, steps[client.next])
}

// player sends the steps, one after the other, and tries again what is
// CONCURRENT_TRANSACTIONS.
type player struct {
	coordinator *sim.Conn
	leader      *sim.Conn
	steps       []Step `sim:"config"`
	next        int
	producers   [2]Producer
	answered    []Answered
	first       Answer // to the step under way
	refused     bool   // the step under way was: it waits for all markers
}

func (p *player) Run(t *sim.Task) {
	for p.next = 0; p.next < len(p.steps); p.next++ {
		for {
			t.Step("send")
			a := p.ask(t)
			if !p.refused {
				p.first = a
			}
			if a.Code != int16(model.ErrConcurrentTransactions) {
				p.producers[p.steps[p.next].Producer].Takes(p.steps[p.next], a)
				p.answered = append(p.answered, Answered{p.first, a})
				break
			}
			p.refused = true
		}
		p.refused = false
	}
}

// ask sends the next step, and takes the answer.
func (p *player) ask(t *sim.Task) Answer {
	s := p.steps[p.next]
	conn := p.coordinator
	if s.Op == Produce || s.Op == Offsets || s.Op >= Join {
		conn = p.leader
	}
	conn.Send(t, p.request())
	return answerOf(conn.Receive(t.At("await")))
}

func (p *player) request() sim.Message {
	s, who := p.steps[p.next], &p.producers[p.steps[p.next].Producer]
	id, epoch := who.IDs(s)
	producerID, producerEpoch, txn := model.ProducerID(id), model.ProducerEpoch(epoch), model.TransactionalID(s.Producer)
	if s.NoName {
		txn = model.EmptyTransactionalID
	}
	one := func(tv1, tv2 model.APIVersion) model.APIVersion {
		if s.TV2 {
			return tv2
		}
		return tv1
	}
	switch s.Op {
	case Init, Reinit:
		timeout := time.Minute
		if s.NoTimeout {
			timeout = 0
		}
		return &model.InitProducerIDRequest{Version: 4, TransactionalID: txn, TransactionTimeout: timeout, ProducerID: producerID, ProducerEpoch: producerEpoch}
	case Add:
		return &model.AddPartitionsToTxnRequest{Version: 3, TransactionalID: txn, ProducerID: producerID, ProducerEpoch: producerEpoch, Partitions: []model.Partition{model.Partition(s.Partition)}}
	case AddOffsets:
		return &model.AddOffsetsToTxnRequest{Version: 3, TransactionalID: txn, ProducerID: producerID, ProducerEpoch: producerEpoch}
	case Produce:
		return &model.ProduceRequest{Version: one(11, 12), TransactionalID: txn, Partitions: []model.PartitionBatch{{
			Partition: model.Partition(s.Partition),
			Batch: model.RecordBatch{
				ProducerID: producerID, ProducerEpoch: producerEpoch, Transactional: !s.Plain, Records: []model.Record{0},
				BaseSequence: model.Sequence(who.NextSequence(s)),
			},
		}}}
	case Offsets:
		return &model.TxnOffsetCommitRequest{
			Version: one(4, 5), TransactionalID: txn, ProducerID: producerID, ProducerEpoch: producerEpoch,
			Partitions: []model.PartitionOffset{{Partition: 0, Offset: 1}}, TooLarge: -1, ConsumerGroupMetadata: senders[s.Sender],
		}
	case Join:
		return &model.GroupRebalanced{ConsumerGroupMetadata: senders[Member]}
	case Fetch:
		return &model.FetchRequest{FetchOffset: model.Offset(s.Offset)}
	case Delete:
		return &model.DeleteRecordsRequest{Offset: model.Offset(s.Offset)}
	case Marker:
		version := model.TV1
		if s.TV2 {
			version = model.TV2
		}
		return &model.WriteTxnMarkersRequest{Markers: []model.TxnMarker{{
			ProducerID: producerID, ProducerEpoch: producerEpoch, CoordinatorEpoch: model.CoordinatorEpoch(s.Coordinator), Result: model.Commit,
			TransactionVersion: version, Partitions: []model.Partition{model.Partition(s.Partition)},
		}}}
	default:
		result := model.Abort
		if s.Op == Commit {
			result = model.Commit
		}
		return &model.EndTxnRequest{Version: one(4, 5), TransactionalID: txn, ProducerID: producerID, ProducerEpoch: producerEpoch, Result: result}
	}
}

// senders are those of TxnOffsetCommit.
var senders = [...]model.ConsumerGroupMetadata{
	Member: {MemberID: 1, GenerationID: 1}, Nobody: {MemberID: 2, GenerationID: 1}, FormerMember: {MemberID: 1, GenerationID: 2},
}

func answerOf(m sim.Message) Answer {
	a := Answer{Epoch: -1}
	switch response := m.(type) {
	case *model.InitProducerIDResponse:
		a = Answer{int16(response.Error), int16(response.ProducerEpoch), int64(response.ProducerID)}
	case *model.AddPartitionsToTxnResponse:
		a.Code = int16(response.Partitions[0].Error)
	case *model.AddOffsetsToTxnResponse:
		a.Code = int16(response.Error)
	case *model.ProduceResponse:
		a.Code = int16(response.Partitions[0].Error)
	case *model.TxnOffsetCommitResponse:
		a.Code = int16(response.Partitions[0].Error)
	case *model.FetchResponse:
		a.Code = int16(response.Error)
	case *model.DeleteRecordsResponse:
		a.Code = int16(response.Error)
	case *model.WriteTxnMarkersResponse:
		a.Code = int16(response.Markers[0].Partitions[0].Error)
	case *model.EndTxnResponse:
		a = Answer{int16(response.Error), int16(response.ProducerEpoch), int64(response.ProducerID)}
	}
	return a
}
