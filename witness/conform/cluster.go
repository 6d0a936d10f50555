package conform

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const topic = "topic"

// The nodes: node 0 is the coordinator of transactions, partition
// p is led by node p+1, unless leads says otherwise. So what happens to the connection of a leader, which Sarama
// closes when it runs out of retries, touches nothing else.
const coordinatorID = 0

func host(id int32) string { return fmt.Sprintf("node%d", id) }

const port = 9092

func address(id int32) string { return fmt.Sprint(host(id), ":", port) }

// cluster answers as Kafka does, as far as the applications here ask it. A
// transaction is complete lag after EndTxn was answered; until then the coordinator
// refuses whatever would change it.
type cluster struct {
	tv2        bool // KIP-890 part 2; the leader does not try by itself to add a partition
	partitions int
	oneNode    bool // node 0 is the whole cluster
	// leads names the leader of a partition, and its epoch. nil: partition p is led by node p+1.
	leads    func(partition int32) (node, epoch int32)
	lag      time.Duration
	tooLarge map[string]bool // records that are refused, by their value
	silent   silent

	mu       sync.Mutex
	complete time.Time // when the last transaction is
	ended    bool      // one was, with that result
	commit   bool
	added    map[int32]bool // the partitions of the transaction that is ongoing, if one is
	epoch    int16
	next     map[int32]int32 // sequence number, by partition
	known    map[int32]bool  // by partition: its log has a batch or a marker of the producer
	written  map[int32]int64 // by partition
	refused  map[string]int  // CONCURRENT_TRANSACTIONS, by request
	asked    int             // requests to the coordinator of transactions
}

// silent says which requests to the coordinator of transactions are never answered.
type silent struct {
	from, n int // from 1; n of them
	hears   bool
}

func (s silent) has(request int) bool { return request >= s.from && request < s.from+s.n }

func newCluster(partitions int) *cluster {
	return &cluster{partitions: partitions, epoch: -1, tooLarge: map[string]bool{}, added: map[int32]bool{}, next: map[int32]int32{}, known: map[int32]bool{}, written: map[int32]int64{}, refused: map[string]int{}}
}

// Dial connects to any node. It has the signature of proxy.Dialer.
func (c *cluster) Dial(string, string) (net.Conn, error) { return pipe(c.handle), nil }

// concurrent says whether the coordinator refuses, and counts what the client hears of that.
func (c *cluster) concurrent(request kmsg.Request) bool {
	refuses := time.Now().Before(c.complete)
	if unheard := request.Key() != kmsg.Produce.Int16() && c.silent.has(c.asked); refuses && !unheard {
		c.refused[strings.Replace(kmsg.NameForKey(request.Key()), "ProducerID", "ProducerId", 1)]++
	}
	return refuses
}

func (c *cluster) handle(request kmsg.Request) (kmsg.Response, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r := request.(type) {
	case *kmsg.ApiVersionsRequest:
		return c.apiVersions(), 0
	case *kmsg.MetadataRequest:
		return c.metadata(), 0
	case *kmsg.FindCoordinatorRequest:
		response := kmsg.NewPtrFindCoordinatorResponse()
		response.NodeID, response.Host, response.Port = coordinatorID, host(coordinatorID), port
		return response, 0
	case *kmsg.InitProducerIDRequest, *kmsg.AddPartitionsToTxnRequest, *kmsg.EndTxnRequest:
		if c.asked++; !c.silent.has(c.asked) {
			return c.transaction(r), 0
		}
		if c.silent.hears {
			c.transaction(r)
		}
		return r.ResponseKind(), never
	case *kmsg.ProduceRequest:
		return c.produce(r), 0
	}
	panic("conform: no handler for " + kmsg.NameForKey(request.Key()))
}

func (c *cluster) transaction(request kmsg.Request) kmsg.Response {
	switch r := request.(type) {
	case *kmsg.InitProducerIDRequest:
		return c.initProducerID(r)
	case *kmsg.AddPartitionsToTxnRequest:
		return c.addPartitions(r)
	}
	return c.endTxn(request.(*kmsg.EndTxnRequest))
}

// apiVersions are those of Kafka 3.5, or of 4.0 but that topics have no ids.
func (c *cluster) apiVersions() kmsg.Response {
	response := kmsg.NewPtrApiVersionsResponse()
	versions := map[kmsg.Key]int16{
		kmsg.ApiVersions: 3, kmsg.Metadata: 9, kmsg.FindCoordinator: 3, kmsg.InitProducerID: 4,
		kmsg.AddPartitionsToTxn: 3, kmsg.EndTxn: 3, kmsg.Produce: 9,
	}
	if c.tv2 {
		versions[kmsg.EndTxn], versions[kmsg.Produce] = 5, 12
		f := kmsg.NewApiVersionsResponseFinalizedFeature()
		f.Name, f.MaxVersionLevel, f.MinVersionLevel = "transaction.version", 2, 2
		response.FinalizedFeatures, response.FinalizedFeaturesEpoch = append(response.FinalizedFeatures, f), 0
	}
	for key, version := range versions {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MaxVersion = key.Int16(), version
		response.ApiKeys = append(response.ApiKeys, k)
	}
	return response
}

func (c *cluster) metadata() kmsg.Response {
	response := kmsg.NewPtrMetadataResponse()
	nodes := int32(c.partitions + 1)
	if c.oneNode {
		nodes = 1
	}
	for id := range nodes {
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = id, host(id), port
		response.Brokers = append(response.Brokers, b)
	}
	response.ControllerID = coordinatorID
	t := kmsg.NewMetadataResponseTopic()
	t.Topic, t.TopicID = kmsg.StringPtr(topic), [16]byte{1}
	for id := range int32(c.partitions) {
		p := kmsg.NewMetadataResponseTopicPartition()
		leader := id + 1
		switch {
		case c.leads != nil:
			leader, p.LeaderEpoch = c.leads(id)
		case c.oneNode:
			leader = 0
		}
		p.Partition, p.Leader, p.Replicas, p.ISR = id, leader, []int32{leader}, []int32{leader}
		t.Partitions = append(t.Partitions, p)
	}
	response.Topics = append(response.Topics, t)
	return response
}

// initProducerID begins an epoch. Of a transaction that is ongoing the client does not know: it is
// aborted, and the client is to come again.
//
// Source: TransactionCoordinator.prepareInitProducerIdTransit; the epoch is bumped as on a cluster
// of TV2.
func (c *cluster) initProducerID(r *kmsg.InitProducerIDRequest) kmsg.Response {
	response := kmsg.NewPtrInitProducerIDResponse()
	if len(c.added) > 0 {
		c.end(false)
	}
	if c.concurrent(r) {
		response.ErrorCode = kerr.ConcurrentTransactions.Code
		return response
	}
	if again := r.ProducerID == 1 && r.ProducerEpoch == c.epoch-1; !again {
		c.epoch++
	}
	c.ended = false
	clear(c.next)
	response.ProducerID, response.ProducerEpoch = 1, c.epoch
	return response
}

// knows is the error for a request of another producer id, or of another epoch. Old versions of
// requests have no PRODUCER_FENCED.
func (c *cluster) knows(id int64, epoch int16, old bool) int16 {
	switch {
	case id != 1:
		return kerr.InvalidProducerIDMapping.Code
	case epoch != c.epoch && old:
		return kerr.InvalidProducerEpoch.Code
	case epoch != c.epoch:
		return kerr.ProducerFenced.Code
	}
	return 0
}

func (c *cluster) addPartitions(r *kmsg.AddPartitionsToTxnRequest) kmsg.Response {
	code := c.knows(r.ProducerID, r.ProducerEpoch, r.Version < 2)
	if c.concurrent(r) {
		code = kerr.ConcurrentTransactions.Code
	}
	response := kmsg.NewPtrAddPartitionsToTxnResponse()
	for _, asked := range r.Topics {
		t := kmsg.NewAddPartitionsToTxnResponseTopic()
		t.Topic = asked.Topic
		for _, id := range asked.Partitions {
			p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
			p.Partition, p.ErrorCode = id, code
			if code == 0 {
				c.added[id] = true
			}
			t.Partitions = append(t.Partitions, p)
		}
		response.Topics = append(response.Topics, t)
	}
	return response
}

func (c *cluster) endTxn(r *kmsg.EndTxnRequest) kmsg.Response {
	response := kmsg.NewPtrEndTxnResponse()
	if !c.tv2 {
		response.ErrorCode = c.knows(r.ProducerID, r.ProducerEpoch, r.Version < 2)
	}
	switch {
	case response.ErrorCode != 0:
	case c.concurrent(r):
		response.ErrorCode = kerr.ConcurrentTransactions.Code
	case c.tv2:
		response.ErrorCode = c.endTxnTV2(r)
		response.ProducerID, response.ProducerEpoch = 1, c.epoch
	case len(c.added) > 0:
		c.mark()
		c.ended, c.commit, c.complete = true, r.Commit, time.Now().Add(c.lag)
	case !c.ended || c.commit != r.Commit:
		response.ErrorCode = kerr.InvalidTxnState.Code
	}
	return response
}

// mark ends the transaction in its partitions.
func (c *cluster) mark() {
	for id := range c.added {
		c.known[id] = true
	}
	clear(c.added)
}

// endTxnTV2 ends the transaction and begins an epoch. A request of the epoch before is a second
// try. An abort without a transaction is granted, and begins an epoch too.
//
// Source: TransactionCoordinator.endTransaction.
func (c *cluster) endTxnTV2(r *kmsg.EndTxnRequest) int16 {
	ongoing := len(c.added) > 0
	switch again := c.ended && !ongoing && r.ProducerEpoch == c.epoch-1; {
	case again && c.commit == r.Commit:
		return 0
	case again:
		return kerr.InvalidTxnState.Code
	case r.ProducerEpoch != c.epoch:
		return kerr.ProducerFenced.Code
	case !ongoing && r.Commit:
		return kerr.InvalidTxnState.Code
	}
	c.end(r.Commit)
	return 0
}

// end ends the transaction, if there is one, and begins an epoch.
func (c *cluster) end(commit bool) {
	if len(c.added) > 0 {
		c.complete = time.Now().Add(c.lag)
	}
	c.mark()
	clear(c.next)
	c.ended, c.commit = true, commit
	c.epoch++
}

func (c *cluster) produce(r *kmsg.ProduceRequest) kmsg.Response {
	response := kmsg.NewPtrProduceResponse()
	for _, asked := range r.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = asked.Topic
		for _, of := range asked.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.BaseOffset = of.Partition, c.written[of.Partition]
			if c.tv2 && !c.added[of.Partition] && c.concurrent(r) {
				p.ErrorCode = kerr.ConcurrentTransactions.Code
			} else {
				if c.tv2 {
					c.added[of.Partition] = true // even if the batch is then refused
				}
				p.ErrorCode = c.append(of.Partition, of.Records)
			}
			t.Partitions = append(t.Partitions, p)
		}
		response.Topics = append(response.Topics, t)
	}
	return response
}

// append checks a batch as a log does: the epoch, then the sequence number. Of a producer that it
// does not know it takes any.
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
	case !c.added[partition]:
		return kerr.InvalidTxnState.Code
	case b.ProducerEpoch != c.epoch:
		return kerr.InvalidProducerEpoch.Code
	case c.known[partition] && b.FirstSequence != c.next[partition]:
		return kerr.OutOfOrderSequenceNumber.Code
	}
	c.known[partition], c.next[partition] = true, b.FirstSequence+b.NumRecords
	c.written[partition] += int64(b.NumRecords)
	return 0
}
