package kafka

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/model"
	"racelab/sim"
	"racelab/witness/bubble"
)

// Topic is the one topic that there is.
const Topic = "topic"

// broker is the name of the one broker, which is the group's coordinator too.
const broker = "broker"

const (
	nodeID = 1
	host   = "broker"
	port   = 9092
)

// Address is where the broker listens, as far as a client knows.
var Address = fmt.Sprintf("%s:%d", host, port)

// addr is a net.Addr of the network that is none.
type addr string

func (addr) Network() string  { return "memory" }
func (a addr) String() string { return string(a) }

var address = addr(Address)

// notCoordinator is NOT_COORDINATOR.
//
// Source: org.apache.kafka.common.protocol.Errors.
const notCoordinator model.Error = 16

// Cluster is the broker: it has one topic and keeps the offsets of one group.
type Cluster struct {
	run            *bubble.Run
	committed      []model.Offset // by partition
	notCoordinator int
	commits        int
}

// NewCluster returns a broker whose group has committed the given offsets, one
// a partition. It answers the n-th, the 2n-th, ... OffsetCommit with
// NOT_COORDINATOR, if n is not 0, and is the coordinator all the same.
func NewCluster(run *bubble.Run, committed []model.Offset, n int) *Cluster {
	return &Cluster{run: run, committed: slices.Clone(committed), notCoordinator: n}
}

// handle answers a request.
func (c *Cluster) handle(r request) kmsg.Response {
	switch body := r.body.(type) {
	case *kmsg.MetadataRequest:
		return c.metadata()
	case *kmsg.FindCoordinatorRequest:
		return findCoordinator()
	case *kmsg.OffsetFetchRequest:
		return c.offsetFetch(body)
	case *kmsg.OffsetCommitRequest:
		return c.offsetCommit(r.sender, body)
	default:
		panic(fmt.Sprintf("kafka: no handler for %s", r.name()))
	}
}

func (c *Cluster) metadata() kmsg.Response {
	response := kmsg.NewPtrMetadataResponse()
	b := kmsg.NewMetadataResponseBroker()
	b.NodeID, b.Host, b.Port = nodeID, host, port
	response.Brokers = append(response.Brokers, b)
	response.ControllerID = nodeID
	topic := kmsg.NewMetadataResponseTopic()
	topic.Topic = kmsg.StringPtr(Topic)
	for p := range c.committed {
		partition := kmsg.NewMetadataResponseTopicPartition()
		partition.Partition, partition.Leader = int32(p), nodeID
		partition.Replicas, partition.ISR = []int32{nodeID}, []int32{nodeID}
		topic.Partitions = append(topic.Partitions, partition)
	}
	response.Topics = append(response.Topics, topic)
	return response
}

func findCoordinator() kmsg.Response {
	response := kmsg.NewPtrFindCoordinatorResponse()
	response.NodeID, response.Host, response.Port = nodeID, host, port
	return response
}

func (c *Cluster) offsetFetch(request *kmsg.OffsetFetchRequest) kmsg.Response {
	response := kmsg.NewPtrOffsetFetchResponse()
	for _, asked := range request.Topics {
		topic := kmsg.NewOffsetFetchResponseTopic()
		topic.Topic = asked.Topic
		for _, p := range asked.Partitions {
			partition := kmsg.NewOffsetFetchResponseTopicPartition()
			partition.Partition, partition.Offset = p, int64(c.committed[p])
			topic.Partitions = append(topic.Partitions, partition)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response
}

// offsetCommit stores what is asked, whatever was there: the last write wins.
func (c *Cluster) offsetCommit(sender string, request *kmsg.OffsetCommitRequest) kmsg.Response {
	code := model.None
	if c.commits++; c.notCoordinator > 0 && c.commits%c.notCoordinator == 0 {
		code = notCoordinator
	}
	asked := offsetsOf(request)
	answer := &model.OffsetCommitResponse{}
	for _, p := range asked.Partitions {
		if code == model.None {
			c.committed[p.Partition] = p.Offset
		}
		answer.Partitions = append(answer.Partitions, model.PartitionError{Partition: p.Partition, Error: code})
	}
	c.run.Observe(sim.Act{Action: sim.Answered, Actor: broker, Peer: sender, Request: asked, Message: answer})

	response := kmsg.NewPtrOffsetCommitResponse()
	for _, t := range request.Topics {
		topic := kmsg.NewOffsetCommitResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewOffsetCommitResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, int16(code)
			topic.Partitions = append(topic.Partitions, partition)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response
}

// sent tells the properties that a client has written a request.
func (c *Cluster) sent(r request) {
	if commit, ok := r.body.(*kmsg.OffsetCommitRequest); ok {
		c.run.Observe(sim.Act{Action: sim.Sent, Actor: r.sender, Peer: broker, Message: offsetsOf(commit)})
	}
}

// offsetsOf is a request in the words of the models.
func offsetsOf(request *kmsg.OffsetCommitRequest) *model.OffsetCommitRequest {
	asked := &model.OffsetCommitRequest{}
	for _, topic := range request.Topics {
		for _, p := range topic.Partitions {
			asked.Partitions = append(asked.Partitions, model.PartitionOffset{Partition: model.Partition(p.Partition), Offset: model.Offset(p.Offset)})
		}
	}
	slices.SortFunc(asked.Partitions, func(a, b model.PartitionOffset) int { return cmp.Compare(a.Partition, b.Partition) })
	return asked
}
