package coordinator_test

import (
	"testing"

	"racelab/model"
	"racelab/sim"
	"racelab/sim/explore"
)

// client is a connection to the coordinator, on which a test sends what it likes.
type client struct {
	conn    *sim.Conn
	request sim.Message
	answer  sim.Message // nil: there is none yet
}

func (c *client) Run(t *sim.Task) {
	for {
		t.Step("send")
		c.answer = nil
		c.conn.Send(t, c.request)
		answer := c.conn.Receive(t.At("answer"))
		c.answer = answer
	}
}

// failing is what testing.T and rapid.T have in common.
type failing interface {
	Helper()
	Fatalf(format string, args ...any)
}

// bench is a coordinator with clients.
type bench struct {
	t       failing
	world   *sim.World
	clients map[string]*client
}

func newBench(t failing, node sim.Node, names ...string) *bench {
	b := &bench{t: t, world: sim.NewWorld(), clients: map[string]*client{}}
	b.world.AddNode("coordinator", node)
	for _, name := range names {
		b.clients[name] = &client{conn: b.world.Dial(name, "coordinator")}
		b.world.GoProgram(name, b.clients[name])
	}
	return b
}

// take lets an event happen, if it can, and says whether it could.
func (b *bench) take(event string) bool {
	b.t.Helper()
	for i, e := range explore.Of(b.world).Enabled() {
		if e.String() != event {
			continue
		}
		explore.Of(b.world).Take(i)
		for _, v := range b.world.Violations() {
			b.t.Fatalf("%s broke %s: %v", event, v.Property, v.Err)
		}
		return true
	}
	return false
}

// ask sends a request and returns its answer; nil if it is parked.
func (b *bench) ask(name string, request sim.Message) sim.Message {
	b.t.Helper()
	b.clients[name].request = request
	if !b.take(name+" send") || !b.take(name+"->coordinator "+sim.NameOf(request)) {
		b.t.Fatalf("%s cannot send %s: is its last request parked?", name, sim.NameOf(request))
	}
	return b.answer(name)
}

// answer takes the answer of a request; nil if it is parked.
func (b *bench) answer(name string) sim.Message {
	b.t.Helper()
	if !b.take(name + " answer") {
		return nil
	}
	return b.clients[name].answer
}

// expire lets a timer of the coordinator fire.
func (b *bench) expire(timer string) {
	b.t.Helper()
	if !b.take("coordinator." + timer + " fires") {
		b.t.Fatalf("%s cannot fire", timer)
	}
}

// commit commits one offset and returns the error.
func (b *bench) commit(name string, as model.ConsumerGroupMetadata, partition model.Partition, offset model.Offset) model.Error {
	b.t.Helper()
	answer := b.ask(name, &model.OffsetCommitRequest{ConsumerGroupMetadata: as, Partitions: []model.PartitionOffset{{Partition: partition, Offset: offset}}})
	return answer.(*model.OffsetCommitResponse).Partitions[0].Error
}

// fetch returns a committed offset.
func (b *bench) fetch(name string, partition model.Partition) model.Offset {
	b.t.Helper()
	answer := b.ask(name, &model.OffsetFetchRequest{Partitions: []model.Partition{partition}})
	return answer.(*model.OffsetFetchResponse).Partitions[0].Offset
}

func as(member model.MemberID, instance model.GroupInstanceID, generation model.GenerationID) model.ConsumerGroupMetadata {
	return model.ConsumerGroupMetadata{MemberID: member, GroupInstanceID: instance, GenerationID: generation}
}

// closing frees a bench when its test is done.
func closing(t *testing.T, b *bench) *bench {
	t.Cleanup(b.world.Close)
	return b
}
