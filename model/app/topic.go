package app

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim"
)

// Message is what a service tells others, by its number. Its order has the same one.
type Message int

// Topic is a log of one partition: what is acknowledged is in it, at its offset, for
// good.
//
// Source: a Kafka partition with acks=all, a RabbitMQ stream, a Pulsar topic.
// Differs: the topic does not know a message again that comes twice. An idempotent
// producer's broker does, as long as the producer lives: one that restarts has
// another id, so for a relay that sends a row again it is all the same.
type Topic struct {
	Messages []Message
	Position int // that the group has committed
}

// Publish asks a topic to take a message.
type Publish struct{ Message Message }

// Published says at which offset it is.
type Published struct{ Offset int }

// Poll asks for the message at the group's committed offset.
type Poll struct{}

// Polled is a message; 0: there is none.
type Polled struct {
	Offset  int
	Message Message
}

// CommitOffset says that the group is done with what comes before an offset.
type CommitOffset struct{ Offset int }

// OffsetCommitted says that this is noted.
type OffsetCommitted struct{}

func (*Publish) Name() string           { return "publish" }
func (m *Publish) String() string       { return fmt.Sprint("message ", m.Message) }
func (*Published) Name() string         { return "published" }
func (m *Published) String() string     { return fmt.Sprint("at ", m.Offset) }
func (*Poll) Name() string              { return "poll" }
func (*Poll) String() string            { return "" }
func (*Polled) Name() string            { return "polled" }
func (*CommitOffset) Name() string      { return "commit offset" }
func (m *CommitOffset) String() string  { return fmt.Sprint("up to ", m.Offset) }
func (*OffsetCommitted) Name() string   { return "committed" }
func (*OffsetCommitted) String() string { return "" }

func (m *Polled) String() string {
	if m.Message == 0 {
		return "nothing"
	}
	return fmt.Sprintf("message %d at %d", m.Message, m.Offset)
}

// Handle routes a request.
func (p *Topic) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *Publish:
		p.Messages = append(p.Messages, request.Message)
		out.Reply(e, &Published{len(p.Messages) - 1})
	case *Poll:
		out.Reply(e, p.next())
	case *CommitOffset:
		p.Position = max(p.Position, request.Offset)
		out.Reply(e, &OffsetCommitted{})
	default:
		panic(fmt.Sprintf("app: a topic has no handler for %T", request))
	}
}

func (p *Topic) next() *Polled {
	if p.Position >= len(p.Messages) {
		return &Polled{Offset: p.Position}
	}
	return &Polled{p.Position, p.Messages[p.Position]}
}

// Count is how often a message is in the topic.
func (p *Topic) Count(m Message) int {
	n := 0
	for _, is := range p.Messages {
		if is == m {
			n++
		}
	}
	return n
}

// First is the offset at which a message is first; -1: it is not there.
func (p *Topic) First(m Message) int { return slices.Index(p.Messages, m) }

// Describe shows what is in it.
func (p *Topic) Describe(show func(name, value string)) {
	if len(p.Messages) > 0 {
		show("messages", strings.Trim(fmt.Sprint(p.Messages), "[]"))
	}
	if p.Position > 0 {
		show("committed", fmt.Sprint(p.Position))
	}
}

// Send publishes a message and waits until the topic has it. It says whether it is
// known to: where the connection broke, nobody knows.
func Send(t *sim.Task, topic *sim.Conn, m Message) bool {
	topic.Send(t.At(PointPublish), &Publish{m})
	_, ok := topic.Receive(t.At(PointAwaitTopic)).(*Published)
	return ok
}

// Reader is the client of a consumer that takes a topic's messages one by one.
type Reader struct {
	topic  *sim.Conn
	Polled Polled // what the consumer works on
}

// NewReader returns one with its connection to the topic.
func NewReader(topic *sim.Conn) Reader { return Reader{topic: topic} }

// Receive polls the topic, and says whether there is a message.
func (r *Reader) Receive(t *sim.Task) bool {
	r.Polled = Polled{}
	t.Step(PointPoll)
	r.topic.Send(t, &Poll{})
	r.Polled = *r.topic.Receive(t.At(PointAwaitMessage)).(*Polled)
	return r.Polled.Message != 0
}

// Done commits the offset after the message.
func (r *Reader) Done(t *sim.Task) {
	t.Step(PointCommitOffset)
	r.topic.Send(t, &CommitOffset{r.Polled.Offset + 1})
	r.topic.Receive(t.At(PointAwaitCommit))
}
