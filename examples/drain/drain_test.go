package drain

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"racelab/examples/internal/killed"
	"racelab/examples/internal/members"
)

func TestMain(m *testing.M) { killed.Main(m, member) }

// consume is a member that commits nothing but in revoke and at its end.
func consume(ctx context.Context, seed string, work members.Work, o ...kgo.Opt) error {
	c, err := New(func(_ context.Context, r *kgo.Record) { work(r.Key, r.Value) }, append(o,
		kgo.SeedBrokers(seed), kgo.ConsumerGroup(members.Group), kgo.ConsumeTopics(members.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.HeartbeatInterval(50*time.Millisecond), kgo.AutoCommitInterval(time.Minute))...)
	if err != nil {
		return err
	}
	c.MaxPollRecords = 4
	return c.Run(ctx)
}

// Goal: a rebalance loses nothing and repeats nothing, as the model says of drain while
// B joins.
func TestBJoinsWhileAWorks(t *testing.T) {
	members.Join(t, func(ctx context.Context, seed string, work members.Work) error { return consume(ctx, seed, work) }, func(record int) {
		// P1, which B gets, is the slow one: A's poll waits for its worker again and again,
		// so a rebalance finds that worker in the middle of a batch.
		time.Sleep([]time.Duration{5, 30}[record%2] * time.Millisecond)
	})
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
	return consume(ctx, p.Seed, work, kgo.InstanceID("member-1"))
}

// Goal: a kill -9 loses nothing, and what was not committed comes again: at least once,
// as the model says of drain in a crash. Method: nothing is committed before the end, so
// what comes again is exactly what was worked on before the kill.
func TestKilledAtEachPoint(t *testing.T) {
	for dies := 1; dies <= killed.Points(); dies++ {
		members.Kill(t, "drain", dies, 0, dies/2)
	}
}
