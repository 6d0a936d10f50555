package conform

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness/kafka"
)

const topic = "topic"

// The nodes: node 0 is the coordinator of transactions, partition
// p is led by node p+1. So what happens to the connection of a leader, which Sarama
// closes when it runs out of retries, touches nothing else.
const coordinatorID = 0

func host(id int32) string { return fmt.Sprintf("node%d", id) }

const port = 9092

// cluster answers as Kafka does, as far as the applications here ask it. A
// transaction is complete lag after EndTxn was answered; until then the coordinator
// refuses whatever would change it.
type cluster struct {
	partitions int
	lag        time.Duration
	tooLarge   map[string]bool // records that are refused, by their value

	mu       sync.Mutex
	complete time.Time // when the last transaction is
	ongoing  bool
	epoch    int16
	next     map[int32]int32 // sequence number, by partition
	written  map[int32]int64 // by partition
	refused  map[string]int  // CONCURRENT_TRANSACTIONS, by request
}

func newCluster(partitions int) *cluster {
	return &cluster{partitions: partitions, epoch: -1, tooLarge: map[string]bool{}, next: map[int32]int32{}, written: map[int32]int64{}, refused: map[string]int{}}
}

// Dial connects to any node. It has the signature of proxy.Dialer.
func (c *cluster) Dial(string, string) (net.Conn, error) { return kafka.Pipe(c.handle), nil }

// concurrent says whether the coordinator refuses, and counts it.
func (c *cluster) concurrent(request kmsg.Request) bool {
	if time.Now().Before(c.complete) {
		c.refused[strings.Replace(kmsg.NameForKey(request.Key()), "ProducerID", "ProducerId", 1)]++
		return true
	}
	return false
}

func (c *cluster) handle(request kmsg.Request) (kmsg.Response, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r := request.(type) {
	case *kmsg.MetadataRequest:
		return c.metadata(), 0
	case *kmsg.FindCoordinatorRequest:
		response := kmsg.NewPtrFindCoordinatorResponse()
		response.NodeID, response.Host, response.Port = coordinatorID, host(coordinatorID), port
		return response, 0
	case *kmsg.InitProducerIDRequest:
		return c.initProducerID(r), 0
	case *kmsg.AddPartitionsToTxnRequest:
		return c.addPartitions(r), 0
	case *kmsg.EndTxnRequest:
		return c.endTxn(r), 0
	case *kmsg.ProduceRequest:
		return c.produce(r), 0
	}
	panic("conform: no handler for " + kmsg.NameForKey(request.Key()))
}

func (c *cluster) metadata() kmsg.Response {
	response := kmsg.NewPtrMetadataResponse()
	for id := range int32(c.partitions + 1) {
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = id, host(id), port
		response.Brokers = append(response.Brokers, b)
	}
	response.ControllerID = coordinatorID
	t := kmsg.NewMetadataResponseTopic()
	t.Topic = kmsg.StringPtr(topic)
	for id := range int32(c.partitions) {
		p := kmsg.NewMetadataResponseTopicPartition()
		p.Partition, p.Leader, p.Replicas, p.ISR = id, id+1, []int32{id + 1}, []int32{id + 1}
		t.Partitions = append(t.Partitions, p)
	}
	response.Topics = append(response.Topics, t)
	return response
}

func (c *cluster) initProducerID(r *kmsg.InitProducerIDRequest) kmsg.Response {
	response := kmsg.NewPtrInitProducerIDResponse()
	if c.concurrent(r) {
		response.ErrorCode = kerr.ConcurrentTransactions.Code
		return response
	}
	c.epoch++
	clear(c.next)
	response.ProducerID, response.ProducerEpoch = 1, c.epoch
	return response
}

func (c *cluster) addPartitions(r *kmsg.AddPartitionsToTxnRequest) kmsg.Response {
	code := int16(0)
	if c.concurrent(r) {
		code = kerr.ConcurrentTransactions.Code
	} else {
		c.ongoing = true
	}
	response := kmsg.NewPtrAddPartitionsToTxnResponse()
	for _, asked := range r.Topics {
		t := kmsg.NewAddPartitionsToTxnResponseTopic()
		t.Topic = asked.Topic
		for _, id := range asked.Partitions {
			p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
			p.Partition, p.ErrorCode = id, code
			t.Partitions = append(t.Partitions, p)
		}
		response.Topics = append(response.Topics, t)
	}
	return response
}

func (c *cluster) endTxn(r *kmsg.EndTxnRequest) kmsg.Response {
	response := kmsg.NewPtrEndTxnResponse()
	switch {
	case c.concurrent(r):
		response.ErrorCode = kerr.ConcurrentTransactions.Code
	case !c.ongoing:
		response.ErrorCode = kerr.InvalidTxnState.Code
	default:
		c.ongoing, c.complete = false, time.Now().Add(c.lag)
	}
	return response
}

func (c *cluster) produce(r *kmsg.ProduceRequest) kmsg.Response {
	response := kmsg.NewPtrProduceResponse()
	for _, asked := range r.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = asked.Topic
		for _, of := range asked.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode, p.BaseOffset = of.Partition, c.append(of.Partition, of.Records), c.written[of.Partition]
			t.Partitions = append(t.Partitions, p)
		}
		response.Topics = append(response.Topics, t)
	}
	return response
}

// append checks a batch as a log does: the epoch, then the sequence number.
func (c *cluster) append(partition int32, records []byte) int16 {
	var b kmsg.RecordBatch
	if err := b.ReadFrom(records); err != nil {
		panic(fmt.Sprint("conform: a batch that cannot be read: ", err))
	}
	var record kmsg.Record
	if err := record.ReadFrom(b.Records); err != nil {
		panic(fmt.Sprint("conform: a record that cannot be read: ", err))
	}
	switch {
	case c.tooLarge[string(record.Value)]:
		return kerr.MessageTooLarge.Code
	case b.ProducerEpoch != c.epoch:
		return kerr.InvalidProducerEpoch.Code
	case b.FirstSequence != c.next[partition]:
		return kerr.OutOfOrderSequenceNumber.Code
	}
	c.next[partition] += b.NumRecords
	c.written[partition] += int64(b.NumRecords)
	return 0
}
