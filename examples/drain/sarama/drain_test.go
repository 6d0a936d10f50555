package saramadrain

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"racelab/examples/internal/killed"
	"racelab/examples/internal/members"
)

func TestMain(m *testing.M) { killed.Main(m, member) }

// config is what both members have. Nothing is committed but by the handler.
func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.MaxWaitTime = 50 * time.Millisecond
	c.Consumer.Group.Heartbeat.Interval = 50 * time.Millisecond
	return c
}

// consumer is a member.
func consumer(c *sarama.Config, workers int) members.Consume {
	return func(ctx context.Context, seed string, work members.Work) error {
		group, err := sarama.NewConsumerGroup([]string{seed}, members.Group, c)
		if err != nil {
			return err
		}
		h := &Handler{Workers: workers, Work: func(_ context.Context, m *sarama.ConsumerMessage) { work(m.Key, m.Value) }}
		return h.Run(ctx, group, members.Topic)
	}
}

// Goal: a rebalance loses nothing, repeats nothing and keeps the order of a key, as the
// model says of drain while B joins. Method: B joins while A has most of its work before
// it, with one worker a claim and with three.
func TestBJoinsWhileAWorks(t *testing.T) {
	for name, strategy := range map[string]sarama.BalanceStrategy{
		"eager":       sarama.NewBalanceStrategyRange(),
		"cooperative": sarama.NewBalanceStrategyCooperativeSticky(),
	} {
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprint(name, workers), func(t *testing.T) {
				c := config()
				c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
				c.ChannelBufferSize = 1 // What a cooperative revoke has to drain.
				members.Join(t, consumer(c, workers), func(int) { time.Sleep(time.Duration(workers) * 30 * time.Millisecond) })
			})
		}
	}
}

// Goal: the acknowledgement of a member that was given up takes nothing back.
func TestALateAcknowledgementIsRefused(t *testing.T) {
	c := config()
	c.Consumer.Group.Rebalance.Timeout = 100 * time.Millisecond
	members.Late(t, consumer(c, 1))
}

// markEach is what people build in good faith: workers that share Messages, and each
// marks what it has done.
type markEach struct{ *Handler }

func (h markEach) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for m := range claim.Messages() {
				h.Work(context.Background(), m)
				session.MarkMessage(m, "")
				session.Commit()
			}
		})
	}
	workers.Wait()
	return nil
}

// member works until it has the last record.
func member(ctx context.Context, p *killed.Process) error {
	aMinute := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	effect, err := members.Effects(aMinute, p, cancel)
	if err != nil {
		return err
	}
	c := config()
	c.Consumer.Group.InstanceId = "member-1"
	c.Consumer.Offsets.AutoCommit.Enable = p.Name == "first-record-hangs"
	c.Consumer.Offsets.AutoCommit.Interval = time.Millisecond
	group, err := sarama.NewConsumerGroup([]string{p.Seed}, members.Group, c)
	if err != nil {
		return err
	}
	var mu sync.Mutex // The points have one order, whichever worker comes to them.
	h := &Handler{Workers: 8, Work: func(_ context.Context, m *sarama.ConsumerMessage) {
		firstHangs := p.Name != "drain" && p.Dies > 0
		if firstHangs && members.Number(m.Value) == 0 {
			<-aMinute.Done() // The process dies before.
		}
		mu.Lock()
		defer mu.Unlock()
		if firstHangs {
			time.Sleep(100 * time.Millisecond) // For the autocommit of what was marked before.
		}
		effect(m.Key, m.Value)
	}}
	if p.Name != "mark-each" {
		return h.Run(ctx, group, p.Topic)
	}
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{p.Topic}, markEach{h}); err != nil {
			return err
		}
	}
	return group.Close()
}

// Goal: a kill -9 loses nothing, and what was not committed comes again: at least once,
// as the model says of drain in a crash. Method: nothing is committed before the end, so
// what comes again is exactly what was worked on before the kill.
func TestKilledAtEachPoint(t *testing.T) {
	for dies := 1; dies <= killed.Points(); dies++ {
		members.Kill(t, "drain", dies, 0, dies/2)
	}
}

// Goal: no offset goes beyond a record that is in work, though workers have done later
// ones. Where each worker marks its own, that record is lost. Method: the first record
// hangs until the kill, and two later ones are done.
func TestKilledWhileTheFirstRecordHangs(t *testing.T) {
	members.Kill(t, "first-record-hangs", 4, 0, 2)
	// One of the two was marked.
	members.Kill(t, "mark-each", 4, 1, 1)
}
