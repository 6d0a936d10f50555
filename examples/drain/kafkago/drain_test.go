package kafkagodrain

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"racelab/examples/internal/killed"
	"racelab/examples/internal/members"
)

func TestMain(m *testing.M) { killed.Main(m, member) }

// consume is a member that commits nothing but at the end of a generation. It is given up
// half a second after a rebalance has begun: kafka-go has no static members, so the one
// that comes after a dead one waits for that.
func consume(ctx context.Context, seed string, work members.Work) error {
	c := &Consumer{
		Group: kafka.ConsumerGroupConfig{ID: members.Group, Brokers: []string{seed}, Topics: []string{members.Topic},
			HeartbeatInterval: 50 * time.Millisecond, RebalanceTimeout: 500 * time.Millisecond, JoinGroupBackoff: 50 * time.Millisecond},
		Reader:         kafka.ReaderConfig{MaxWait: 50 * time.Millisecond},
		CommitInterval: time.Minute,
		Work:           func(_ context.Context, m kafka.Message) { work(m.Key, m.Value) },
	}
	return c.Run(ctx)
}

// Goal: a rebalance loses nothing, repeats nothing and keeps the order, as the model says
// of drain while B joins.
func TestBJoinsWhileAWorks(t *testing.T) {
	members.Join(t, consume, func(int) { time.Sleep(60 * time.Millisecond) })
}

// Goal: the acknowledgement of a member that was given up takes nothing back.
func TestALateAcknowledgementIsRefused(t *testing.T) {
	members.Late(t, consume)
}

// member works until its database has all records.
func member(ctx context.Context, p *killed.Process) error {
	aMinute := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, err := members.Effects(aMinute, p, cancel)
	if err != nil {
		return err
	}
	return consume(ctx, p.Seed, work)
}

// Goal: a kill -9 loses nothing, and what was not committed comes again: at least once,
// as the model says of drain in a crash. Method: nothing is committed before the end, so
// what comes again is exactly what was worked on before the kill.
func TestKilledAtEachPoint(t *testing.T) {
	for dies := 1; dies <= killed.Points(); dies++ {
		members.Kill(t, "drain", dies, 0, dies/2)
	}
}
