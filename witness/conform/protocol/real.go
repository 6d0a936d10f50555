package protocol

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"racelab/witness/conform/specified"
)

// Broker is a cluster that is asked.
type Broker struct {
	tv1, tv2 *kgo.Client // by the versions that they send
	topic    string
	run      string // part of the names of this run
	runs     int
	member   string // of the group of this sequence; empty: nobody has joined
	joined   int32  // its generation
}

// partitions are those of the topic.
const partitions = 2

// Dial connects to a cluster, and makes a topic of two partitions there, which Close
// deletes.
//
// Errors: nobody answers at the address within 10 s; the topic cannot be made.
func Dial(ctx context.Context, address string) (*Broker, error) {
	b := &Broker{run: fmt.Sprintf("racelab-conform-%d", time.Now().UnixNano())}
	b.topic = b.run
	for _, c := range []struct {
		client **kgo.Client
		tv2    bool
	}{{&b.tv1, false}, {&b.tv2, true}} {
		versions := kversion.Stable()
		produce, offsets, end, markers := int16(11), int16(4), int16(4), int16(1)
		if c.tv2 {
			produce, offsets, end, markers = 12, 5, 5, 2
		}
		versions.SetMaxKeyVersion(int16(kmsg.WriteTxnMarkers), markers)
		versions.SetMaxKeyVersion(int16(kmsg.Fetch), 12) // the last that names topics
		versions.SetMaxKeyVersion(int16(kmsg.Produce), produce)
		versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), offsets)
		versions.SetMaxKeyVersion(int16(kmsg.EndTxn), end)
		versions.SetMaxKeyVersion(int16(kmsg.AddPartitionsToTxn), 3)
		versions.SetMaxKeyVersion(int16(kmsg.AddOffsetsToTxn), 3)
		versions.SetMaxKeyVersion(int16(kmsg.InitProducerID), 4)
		client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.MaxVersions(versions), kgo.RequestRetries(0), kgo.DialTimeout(5*time.Second))
		if err != nil {
			return nil, err
		}
		*c.client = client
	}
	dialing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := b.tv1.Ping(dialing); err != nil {
		b.tv1.Close()
		b.tv2.Close()
		return nil, fmt.Errorf("no broker answers at %s: %w", address, err)
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = b.topic, partitions, -1
	request.Topics, request.TimeoutMillis = append(request.Topics, t), 10_000
	response, err := request.RequestWith(ctx, b.tv1)
	if err == nil && len(response.Topics) > 0 {
		err = kerr.ErrorForCode(response.Topics[0].ErrorCode)
	}
	if err != nil {
		b.tv1.Close()
		b.tv2.Close()
		return nil, fmt.Errorf("no topic of two partitions can be made at %s: %w", address, err)
	}
	return b, nil
}

// Close deletes the topic, and the connections.
func (b *Broker) Close() {
	request := kmsg.NewPtrDeleteTopicsRequest()
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = kmsg.StringPtr(b.topic)
	request.Topics, request.TopicNames = append(request.Topics, t), []string{b.topic}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = request.RequestWith(ctx, b.tv1) // A topic that stays hurts nobody.
	b.tv1.Close()
	b.tv2.Close()
}

// SpeaksTV2 says whether the broker has EndTxn of version 5.
func (b *Broker) SpeaksTV2(ctx context.Context) (bool, error) {
	response, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, b.tv1)
	if err != nil {
		return false, err
	}
	for _, k := range response.ApiKeys {
		if k.ApiKey == int16(kmsg.EndTxn) {
			return k.MaxVersion >= 5, nil
		}
	}
	return false, nil
}

// Play sends the steps of a sequence, with transactional ids of their own, and tells
// what each is answered, first and last: what is CONCURRENT_TRANSACTIONS goes again, for
// ten seconds. It ends when told says so.
func (b *Broker) Play(ctx context.Context, steps []specified.Step, told func(s specified.Step, first, last specified.Answer) bool) error {
	b.runs++
	b.member, b.joined = "", -1
	producers := [2]specified.Producer{specified.NewProducer(), specified.NewProducer()}
	for _, s := range steps {
		who := &producers[s.Producer]
		first, err := b.ask(ctx, s, who)
		if err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
		a := first
		for until := time.Now().Add(10 * time.Second); a.Code == kerr.ConcurrentTransactions.Code && time.Now().Before(until); {
			time.Sleep(20 * time.Millisecond)
			if a, err = b.ask(ctx, s, who); err != nil {
				return fmt.Errorf("%v: %w", s, err)
			}
		}
		if !told(s, first, a) {
			return nil
		}
		who.Takes(s, a)
	}
	return nil
}

// ask sends one step.
func (b *Broker) ask(ctx context.Context, s specified.Step, who *specified.Producer) (specified.Answer, error) {
	client := b.tv1
	if s.TV2 {
		client = b.tv2
	}
	id, epoch := who.IDs(s)
	txn := fmt.Sprintf("%s-%d-%c", b.run, b.runs, 'A'+s.Producer)
	if s.NoName {
		txn = ""
	}
	group := fmt.Sprintf("%s-%d", b.run, b.runs)
	a := specified.Answer{Epoch: -1}
	switch s.Op {
	case specified.Init, specified.Reinit:
		r := kmsg.NewPtrInitProducerIDRequest()
		r.TransactionalID, r.TransactionTimeoutMillis, r.ProducerID, r.ProducerEpoch = &txn, 60_000, id, epoch
		if s.NoTimeout {
			r.TransactionTimeoutMillis = 0
		}
		response, err := r.RequestWith(ctx, client)
		if err != nil {
			return a, err
		}
		if a.Code = response.ErrorCode; a.Code == 0 {
			a.Epoch, a.ID = response.ProducerEpoch, response.ProducerID
		}
	case specified.Add:
		r := kmsg.NewPtrAddPartitionsToTxnRequest()
		r.TransactionalID, r.ProducerID, r.ProducerEpoch = txn, id, epoch
		t := kmsg.NewAddPartitionsToTxnRequestTopic()
		t.Topic, t.Partitions = b.topic, []int32{int32(s.Partition)}
		r.Topics = append(r.Topics, t)
		response, err := r.RequestWith(ctx, client)
		if err != nil || len(response.Topics) == 0 || len(response.Topics[0].Partitions) == 0 {
			return a, missing(err)
		}
		a.Code = response.Topics[0].Partitions[0].ErrorCode
	case specified.AddOffsets:
		r := kmsg.NewPtrAddOffsetsToTxnRequest()
		r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Group = txn, id, epoch, group
		response, err := r.RequestWith(ctx, client)
		if err != nil {
			return a, err
		}
		a.Code = response.ErrorCode
	case specified.Produce:
		return b.produce(ctx, client, s, who, txn)
	case specified.Offsets:
		r := kmsg.NewPtrTxnOffsetCommitRequest()
		r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Group, r.Generation = txn, id, epoch, group, -1
		t := kmsg.NewTxnOffsetCommitRequestTopic()
		t.Topic = b.topic
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Offset = 1
		switch s.Sender {
		case specified.Member:
			r.MemberID, r.Generation = b.member, b.joined
		case specified.Nobody:
			r.MemberID, r.Generation = "nobody", b.joined
		case specified.FormerMember:
			r.MemberID, r.Generation = b.member, b.joined+1
		}
		t.Partitions = append(t.Partitions, p)
		r.Topics = append(r.Topics, t)
		response, err := r.RequestWith(ctx, client)
		if err != nil || len(response.Topics) == 0 || len(response.Topics[0].Partitions) == 0 {
			return a, missing(err)
		}
		a.Code = response.Topics[0].Partitions[0].ErrorCode
	case specified.Join:
		return a, b.join(ctx, client, group)
	case specified.Fetch:
		return b.fetch(ctx, client, s)
	case specified.Delete:
		return b.delete(ctx, client, s)
	case specified.Marker:
		return b.marker(ctx, client, s, who)
	case specified.Commit, specified.Abort:
		r := kmsg.NewPtrEndTxnRequest()
		r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = txn, id, epoch, s.Op == specified.Commit
		response, err := r.RequestWith(ctx, client)
		if err != nil {
			return a, err
		}
		if a.Code = response.ErrorCode; a.Code == 0 && s.TV2 {
			a.Epoch, a.ID = response.ProducerEpoch, response.ProducerID
		}
	}
	return a, nil
}

// join makes a member of the group, its only one.
func (b *Broker) join(ctx context.Context, client *kgo.Client, group string) error {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Group, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis, r.ProtocolType = group, 30_000, 30_000, "consumer"
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "range"
	r.Protocols = append(r.Protocols, protocol)
	response, err := r.RequestWith(ctx, client)
	if err == nil && response.ErrorCode == kerr.MemberIDRequired.Code {
		r.MemberID = response.MemberID
		response, err = r.RequestWith(ctx, client)
	}
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return err
	}
	b.member, b.joined = response.MemberID, response.Generation
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation, sync.ProtocolType, sync.Protocol = group, b.member, b.joined, kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	assignment := kmsg.NewSyncGroupRequestGroupAssignment()
	assignment.MemberID = b.member
	sync.GroupAssignment = append(sync.GroupAssignment, assignment)
	synced, err := sync.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(synced.ErrorCode)
}

// askLeader sends a request to the leader of a partition.
func (b *Broker) askLeader(ctx context.Context, client *kgo.Client, partition int, r kmsg.Request) (kmsg.Response, error) {
	leader, err := b.leader(ctx, partition)
	if err != nil {
		return nil, err
	}
	return client.Broker(leader).Request(ctx, r)
}

// fetch reads the first partition.
func (b *Broker) fetch(ctx context.Context, client *kgo.Client, s specified.Step) (specified.Answer, error) {
	a := specified.Answer{Epoch: -1}
	r := kmsg.NewPtrFetchRequest()
	r.MaxBytes = 1 << 20
	t := kmsg.NewFetchRequestTopic()
	t.Topic = b.topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = s.Offset, 1<<20
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	response, err := b.askLeader(ctx, client, 0, r)
	if err != nil {
		return a, err
	}
	topics := response.(*kmsg.FetchResponse).Topics
	if len(topics) == 0 || len(topics[0].Partitions) == 0 {
		return a, missing(nil)
	}
	a.Code = topics[0].Partitions[0].ErrorCode
	return a, nil
}

// delete moves the start of the first partition.
func (b *Broker) delete(ctx context.Context, client *kgo.Client, s specified.Step) (specified.Answer, error) {
	a := specified.Answer{Epoch: -1}
	r := kmsg.NewPtrDeleteRecordsRequest()
	r.TimeoutMillis = 10_000
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = b.topic
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Offset = s.Offset
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	response, err := b.askLeader(ctx, client, 0, r)
	if err != nil {
		return a, err
	}
	topics := response.(*kmsg.DeleteRecordsResponse).Topics
	if len(topics) == 0 || len(topics[0].Partitions) == 0 {
		return a, missing(nil)
	}
	a.Code = topics[0].Partitions[0].ErrorCode
	return a, nil
}

// marker writes a marker, as the coordinator and kafka-transactions.sh do.
func (b *Broker) marker(ctx context.Context, client *kgo.Client, s specified.Step, who *specified.Producer) (specified.Answer, error) {
	a := specified.Answer{Epoch: -1}
	id, epoch := who.IDs(s)
	r := kmsg.NewPtrWriteTxnMarkersRequest()
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	m.ProducerID, m.ProducerEpoch, m.CoordinatorEpoch, m.Committed = id, epoch, s.Coordinator, true
	if s.TV2 {
		m.TransactionVersion = 2
	}
	t := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
	t.Topic, t.Partitions = b.topic, []int32{int32(s.Partition)}
	m.Topics = append(m.Topics, t)
	r.Markers = append(r.Markers, m)
	response, err := b.askLeader(ctx, client, s.Partition, r)
	if err != nil {
		return a, err
	}
	markers := response.(*kmsg.WriteTxnMarkersResponse).Markers
	if len(markers) == 0 || len(markers[0].Topics) == 0 || len(markers[0].Topics[0].Partitions) == 0 {
		return a, missing(nil)
	}
	a.Code = markers[0].Topics[0].Partitions[0].ErrorCode
	return a, nil
}

// missing is an answer that says nothing of what was asked.
func missing(err error) error {
	if err == nil {
		err = fmt.Errorf("the answer has no partition")
	}
	return err
}

// produce writes one record, to the leader.
func (b *Broker) produce(ctx context.Context, client *kgo.Client, s specified.Step, who *specified.Producer, txn string) (specified.Answer, error) {
	a := specified.Answer{Epoch: -1}
	id, epoch := who.IDs(s)
	r := kmsg.NewPtrProduceRequest()
	r.TransactionID, r.Acks, r.TimeoutMillis = &txn, -1, 10_000
	if s.Plain {
		r.TransactionID = nil
	}
	t := kmsg.NewProduceRequestTopic()
	t.Topic = b.topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition = int32(s.Partition)
	p.Records = record(id, epoch, who.NextSequence(s), !s.Plain)
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	response, err := b.askLeader(ctx, client, s.Partition, r)
	if err != nil {
		return a, err
	}
	topics := response.(*kmsg.ProduceResponse).Topics
	if len(topics) == 0 || len(topics[0].Partitions) == 0 {
		return a, missing(nil)
	}
	a.Code = topics[0].Partitions[0].ErrorCode
	return a, nil
}

// leader is the node that leads a partition, as soon as there is one. Of one that is not
// there it is that of the first.
func (b *Broker) leader(ctx context.Context, partition int) (int, error) {
	if partition >= partitions {
		partition = 0
	}
	for range 50 {
		r := kmsg.NewPtrMetadataRequest()
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(b.topic)
		r.Topics = append(r.Topics, t)
		response, err := r.RequestWith(ctx, b.tv1)
		if err != nil {
			return 0, err
		}
		for _, topic := range response.Topics {
			for _, p := range topic.Partitions {
				if p.Partition == int32(partition) && p.Leader >= 0 {
					return int(p.Leader), nil
				}
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return 0, fmt.Errorf("partition %d of %s has no leader", partition, b.topic)
}

// record is a batch of one record.
//
// Source: DefaultRecordBatch, DefaultRecord.
func record(id int64, epoch int16, sequence int32, transactional bool) []byte {
	body := []byte{12, 0, 0, 0, 1, 0, 0} // length 6: attributes, deltas, no key, an empty value, no headers
	now := time.Now().UnixMilli()
	var tail []byte // from the attributes on, which the checksum covers
	attributes := uint16(0)
	if transactional {
		attributes = 0x10
	}
	tail = binary.BigEndian.AppendUint16(tail, attributes)
	tail = binary.BigEndian.AppendUint32(tail, 0)
	tail = binary.BigEndian.AppendUint64(tail, uint64(now))
	tail = binary.BigEndian.AppendUint64(tail, uint64(now))
	tail = binary.BigEndian.AppendUint64(tail, uint64(id))
	tail = binary.BigEndian.AppendUint16(tail, uint16(epoch))
	tail = binary.BigEndian.AppendUint32(tail, uint32(sequence))
	tail = binary.BigEndian.AppendUint32(tail, 1)
	tail = append(tail, body...)
	var batch []byte
	batch = binary.BigEndian.AppendUint64(batch, 0)
	batch = binary.BigEndian.AppendUint32(batch, uint32(4+1+4+len(tail)))
	batch = binary.BigEndian.AppendUint32(batch, 0xffffffff)
	batch = append(batch, 2)
	batch = binary.BigEndian.AppendUint32(batch, crc32.Checksum(tail, crc32.MakeTable(crc32.Castagnoli)))
	return append(batch, tail...)
}
