// Package kafkagodrain consumes with a worker for each partition, and joins no new
// generation before they are done and what they did is committed.
//
// A kafka.Reader of a group cannot do that: it has no callback for a rebalance, goes on
// handing out what it has queued, and commits that in the next generation, in which
// another member may have the partition. So this is a kafka.ConsumerGroup, with a Reader
// of each partition. Its model is drain of the scenario rebalance-commit:
// simrun explore rebalance-commit/drain.
package kafkagodrain

import (
	"context"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// Consumer works on records. A record that was worked on is committed before its
// partition goes to another member, and when the context of Run ends. After a crash what
// was not committed comes again.
type Consumer struct {
	// Group names the group, its brokers and topics. While a rebalance waits for the work,
	// no heartbeat is sent: one record of each partition has to end within SessionTimeout
	// (default: 30 s) and RebalanceTimeout, or the member is given up.
	Group kafka.ConsumerGroupConfig
	// Reader has what the readers of partitions share. Run sets Brokers, Topic and
	// Partition.
	Reader kafka.ReaderConfig
	// Work is called for the records of a partition one after the other.
	Work func(context.Context, kafka.Message)
	// CommitInterval is how often what is done is committed. Default: 1 s.
	CommitInterval time.Duration
}

// Run works until the context ends, and then commits what is done and leaves the group.
func (c *Consumer) Run(ctx context.Context) error {
	group, err := kafka.NewConsumerGroup(c.Group)
	if err != nil {
		return err
	}
	for {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			// Close ends the generation, waits for what it has started, and leaves.
			return group.Close()
		}
		if err != nil {
			continue // The group tries again, after JoinGroupBackoff (default: 5 s).
		}
		// The next generation begins when this function has returned, and not before.
		generation.Start(func(ctx context.Context) { c.consume(ctx, generation) })
	}
}

// consume works on a generation's partitions until it ends.
func (c *Consumer) consume(ctx context.Context, g *kafka.Generation) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := &progress{offsets: map[string]map[int]int64{}}
	var workers sync.WaitGroup
	for topic, partitions := range g.Assignments {
		for _, p := range partitions {
			workers.Go(func() {
				defer cancel() // A reader that fails ends the generation.
				c.work(ctx, topic, p, done)
			})
		}
	}
	interval := c.CommitInterval
	if interval == 0 {
		interval = time.Second
	}
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for ctx.Err() == nil {
		select {
		case <-ticks.C:
			done.commit(g)
		case <-ctx.Done():
		}
	}
	workers.Wait()
	done.commit(g)
}

// work works on a partition until the generation ends. What the reader has queued then is
// thrown away: nobody has worked on it, so no offset goes beyond it.
func (c *Consumer) work(ctx context.Context, topic string, p kafka.PartitionAssignment, done *progress) {
	config := c.Reader
	config.Brokers, config.Topic, config.Partition = c.Group.Brokers, topic, p.ID
	reader := kafka.NewReader(config)
	defer reader.Close()
	if err := reader.SetOffset(p.Offset); err != nil {
		return
	}
	for ctx.Err() == nil { // ReadMessage may give a message after the end, if one is queued.
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			return
		}
		c.Work(context.WithoutCancel(ctx), m) // It goes on when the generation ends: it is drained.
		done.add(m)
	}
}

// progress is what is done and not yet committed: the next offset by topic and partition.
type progress struct {
	mu      sync.Mutex
	offsets map[string]map[int]int64
}

func (d *progress) add(m kafka.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.offsets[m.Topic] == nil {
		d.offsets[m.Topic] = map[int]int64{}
	}
	d.offsets[m.Topic][m.Partition] = m.Offset + 1
}

// commit commits in the generation that the records came in, and never in the one of the
// moment: if it is over, the coordinator refuses. An error means that the work is done
// again by who comes next, or that the next commit covers it.
func (d *progress) commit(g *kafka.Generation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.CommitOffsets(d.offsets) == nil {
		clear(d.offsets)
	}
}
