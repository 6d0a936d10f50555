package broker

import (
	"fmt"
	"slices"
	"testing"

	"racelab/model"
	"racelab/sim"
	"racelab/sim/explore"
)

// offsetsOf is a TxnOffsetCommit of producer 1.
func offsetsOf(epoch model.ProducerEpoch, offset model.Offset, who model.ConsumerGroupMetadata) *model.TxnOffsetCommitRequest {
	return &model.TxnOffsetCommitRequest{
		Version: 5, ProducerID: 1, ProducerEpoch: epoch, ConsumerGroupMetadata: who,
		Partitions: []model.PartitionOffset{{Partition: 0, Offset: offset}}, TooLarge: -1,
	}
}

func plain(offset model.Offset, who model.ConsumerGroupMetadata) *model.OffsetCommitRequest {
	return &model.OffsetCommitRequest{ConsumerGroupMetadata: who, Partitions: []model.PartitionOffset{{Partition: 0, Offset: offset}}}
}

func ends(epoch model.ProducerEpoch, result model.TransactionResult) *model.WriteTxnMarkersRequest {
	m := marker(epoch, result, model.TV2)
	m.Partitions = []model.Partition{model.ConsumerOffsets}
	return &model.WriteTxnMarkersRequest{Markers: []model.TxnMarker{*m}}
}

// Goal: the rows of TxnOffsetCommit, OffsetCommit, OffsetFetch and markers.
func TestOffsets(t *testing.T) {
	nobody, a, b := model.ConsumerGroupMetadata{}, model.ConsumerGroupMetadata{MemberID: 1, GenerationID: 1}, model.ConsumerGroupMetadata{MemberID: 2, GenerationID: 2}
	fetch := func(stable bool) *model.OffsetFetchRequest {
		return &model.OffsetFetchRequest{Partitions: []model.Partition{0}, RequireStable: stable}
	}
	tooLarge := offsetsOf(0, 5, nobody)
	tooLarge.TooLarge = 0
	now := &model.GroupRebalanced{ConsumerGroupMetadata: b}
	for _, test := range []struct {
		name     string
		rules    model.Rules
		requests []sim.Message
		want     []string
	}{
		{"pending until the marker", model.Rules{}, []sim.Message{offsetsOf(0, 5, nobody), fetch(false), fetch(true), ends(1, model.Commit), fetch(true)},
			[]string{"NONE", "{P0: -1}", "UNSTABLE_OFFSET_COMMIT", "NONE", "{P0: 5}"}},
		{"dropped by an abort", model.Rules{}, []sim.Message{offsetsOf(0, 5, nobody), ends(1, model.Abort), fetch(true)}, []string{"NONE", "NONE", "{P0: -1}"}},
		{"unstable is not told before KIP-447", model.Rules{Release: model.Kafka2_4}, []sim.Message{offsetsOf(0, 5, nobody), fetch(true)}, []string{"NONE", "{P0: -1}"}},
		{"the last of a transaction counts", model.Rules{}, []sim.Message{offsetsOf(0, 5, nobody), offsetsOf(0, 3, nobody), ends(1, model.Commit), fetch(true)},
			[]string{"NONE", "NONE", "NONE", "{P0: 3}"}},
		{"the later record counts", model.Rules{}, []sim.Message{offsetsOf(0, 5, nobody), plain(7, nobody), ends(1, model.Commit), fetch(true)},
			[]string{"NONE", "NONE", "NONE", "{P0: 7}"}},
		{"by staging the marker counts", model.Rules{Without: model.OffsetsInLogOrder}, []sim.Message{offsetsOf(0, 5, nobody), plain(7, nobody), ends(1, model.Commit), fetch(true)},
			[]string{"NONE", "NONE", "NONE", "{P0: 5}"}},
		{"another member", model.Rules{}, []sim.Message{now, offsetsOf(0, 5, a)}, []string{"m2@2", "UNKNOWN_MEMBER_ID"}},
		{"another generation", model.Rules{}, []sim.Message{now, offsetsOf(0, 5, model.ConsumerGroupMetadata{MemberID: 2, GenerationID: 1})}, []string{"m2@2", "ILLEGAL_GENERATION"}},
		{"no group metadata", model.Rules{}, []sim.Message{now, offsetsOf(0, 5, nobody)}, []string{"m2@2", "NONE"}},
		{"another member before KIP-447", model.Rules{Release: model.Kafka2_4}, []sim.Message{now, offsetsOf(0, 5, a)}, []string{"m2@2", "NONE"}},
		{"a plain commit of another member", model.Rules{}, []sim.Message{now, plain(5, a)}, []string{"m2@2", "UNKNOWN_MEMBER_ID"}},
		{"a plain commit of another generation", model.Rules{}, []sim.Message{now, plain(5, model.ConsumerGroupMetadata{MemberID: 2, GenerationID: 1})}, []string{"m2@2", "ILLEGAL_GENERATION"}},
		{"metadata too large", model.Rules{}, []sim.Message{tooLarge, ends(1, model.Commit), fetch(true)}, []string{"OFFSET_METADATA_TOO_LARGE", "NONE", "{P0: -1}"}},
		{"metadata too large, before KAFKA-16371", model.Rules{Without: model.RefusedOffsetsLeaveNothing}, []sim.Message{tooLarge, ends(1, model.Commit), fetch(true)},
			[]string{"OFFSET_METADATA_TOO_LARGE", "NONE", "UNSTABLE_OFFSET_COMMIT"}},
		{"an older epoch", model.Rules{}, []sim.Message{ends(1, model.Abort), offsetsOf(0, 5, nobody)}, []string{"NONE", "INVALID_PRODUCER_EPOCH"}},
		{"a duplicate is written again", model.Rules{}, []sim.Message{offsetsOf(0, 5, nobody), offsetsOf(0, 9, nobody), offsetsOf(0, 5, nobody), ends(1, model.Commit), fetch(true)},
			[]string{"NONE", "NONE", "NONE", "NONE", "{P0: 5}"}},
	} {
		if answers := askOffsets(t, test.rules, model.None, test.requests...); !slices.Equal(answers, test.want) {
			t.Errorf("%s: %v, want %v", test.name, answers, test.want)
		}
	}
	for err, want := range map[model.Error]string{
		model.ErrProducerFenced: "INVALID_PRODUCER_EPOCH", model.ErrTransactionAbortable: "TRANSACTION_ABORTABLE", model.ErrNotCoordinator: "NOT_COORDINATOR",
		model.ErrConcurrentTransactions: "CONCURRENT_TRANSACTIONS", model.ErrUnknownTopicOrPartition: "COORDINATOR_NOT_AVAILABLE", model.ErrKafkaStorageError: "NOT_COORDINATOR",
	} {
		if got := askOffsets(t, model.Rules{}, err, offsetsOf(0, 5, nobody))[0]; got != want {
			t.Errorf("TxnOffsetCommit while the coordinator says %v: %s, want %s", err, got, want)
		}
	}
}

// askOffsets plays requests to a broker that leads __consumer_offsets.
func askOffsets(t *testing.T, rules model.Rules, err model.Error, requests ...sim.Message) []string {
	t.Helper()
	w := sim.NewWorld()
	defer w.Close()
	b, client := New(Config{Rules: rules, Partitions: []model.Partition{model.ConsumerOffsets}}), &asker{requests: requests}
	w.AddNode("broker", b)
	w.AddNode("coordinator", &scripted{errors: []model.Error{err}})
	b.Connect(w.Dial("broker", "coordinator"))
	client.broker = w.Dial("client", "broker")
	w.GoProgram("client", client)
	for len(explore.Of(w).Enabled()) > 0 {
		explore.Of(w).Take(0)
		for _, broken := range w.Violations() {
			t.Errorf("%s: %v", broken.Property, broken.Err)
		}
	}
	return client.answers
}

// Goal: a replay of the log gives what was there before, and Check notices if not.
func TestOffsetsAfterReplay(t *testing.T) {
	b := New(Config{Partitions: []model.Partition{model.ConsumerOffsets}})
	log := b.log(model.ConsumerOffsets)
	write := func(batch model.RecordBatch) {
		log.write(batch)
		b.offsets.replay(&log.batches[len(log.batches)-1])
	}
	write(offsetsBatch(offsetsOf(0, 5, model.ConsumerGroupMetadata{})))
	write(model.RecordBatch{ProducerID: model.NoProducerID, Offsets: []model.PartitionOffset{{Partition: 0, Offset: 7}}})
	write(offsetsBatch(offsetsOf(0, 6, model.ConsumerGroupMetadata{})))
	before := fmt.Sprint(b.offsets)
	b.Crash()
	if got := fmt.Sprint(b.offsets); got != before {
		t.Errorf("after a replay %s, want %s", got, before)
	}
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	b.offsets.committed[0].Offset = 8
	if b.Check() == nil {
		t.Error("Check lets pass an offset that a replay does not give")
	}
}
