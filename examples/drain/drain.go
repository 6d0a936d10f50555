// Package drain consumes with a worker for each partition, and gives none away before
// its worker is done: revoke waits for the work, and commits it.
//
// Its model is drain of the scenario rebalance-commit:
// simrun explore rebalance-commit/drain.
package drain

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Consumer works on records. A record that was worked on is committed before its
// partition goes to another member, and on Close. After a crash what was not committed
// comes again.
type Consumer struct {
	// MaxPollRecords bounds what one poll hands over, and so how long a revoke waits.
	// Default: 100.
	MaxPollRecords int

	client  *kgo.Client
	work    func(context.Context, *kgo.Record)
	mu      sync.Mutex
	workers map[partition]*worker
}

type partition struct {
	topic  string
	number int32
}

// worker works on the records of a partition, in their order.
type worker struct {
	records chan []*kgo.Record
	done    chan struct{}
}

// New makes a consumer of a group. Work is called for the records of a partition one
// after the other. For all that one poll gives it has to end within the group's rebalance
// timeout.
func New(work func(context.Context, *kgo.Record), o ...kgo.Opt) (*Consumer, error) {
	c := &Consumer{MaxPollRecords: 100, work: work, workers: map[partition]*worker{}}
	client, err := kgo.NewClient(append(o,
		// No rebalance between a poll and the hand-over of what it gave.
		kgo.BlockRebalanceOnPoll(),
		// What is marked is what is committed, and not what was polled.
		kgo.AutoCommitMarks(),
		kgo.OnPartitionsRevoked(c.revoked),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
			c.drain(lost) // Another member has them: there is nothing to commit any more.
		}))...)
	c.client = client
	return c, err
}

// Run works until the context ends, and then commits what is done.
func (c *Consumer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		fetches := c.client.PollRecords(ctx, c.MaxPollRecords)
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) > 0 {
				// A worker that is behind holds up the poll, and so the rebalance: that is
				// what keeps a partition until its work is done.
				c.worker(ctx, partition{p.Topic, p.Partition}).records <- p.Records
			}
		})
		c.client.AllowRebalance()
	}
	return c.close()
}

// close gives everything away, as a revoke would.
func (c *Consumer) close() error {
	all := map[string][]int32{}
	c.mu.Lock()
	for p := range c.workers {
		all[p.topic] = append(all[p.topic], p.number)
	}
	c.mu.Unlock()
	c.drain(all)
	err := c.client.CommitMarkedOffsets(context.Background())
	c.client.CloseAllowingRebalance()
	return err
}

// worker is that of a partition. The first records of one make it.
func (c *Consumer) worker(ctx context.Context, p partition) *worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.workers[p]; w != nil {
		return w
	}
	w := &worker{make(chan []*kgo.Record), make(chan struct{})}
	c.workers[p] = w
	// The work goes on when Run is asked to end: it is drained.
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer close(w.done)
		for records := range w.records {
			for _, r := range records {
				c.work(ctx, r)
				c.client.MarkCommitRecords(r) // After the work, and never before.
			}
		}
	}()
	return w
}

// revoked waits for the work, and commits it while the partitions are still this
// member's.
func (c *Consumer) revoked(ctx context.Context, client *kgo.Client, revoked map[string][]int32) {
	c.drain(revoked)
	// An error means that the commit is lost, and the work is done again by who comes
	// next: at least once.
	_ = client.CommitMarkedOffsets(ctx)
}

// drain waits until the workers of some partitions are done.
func (c *Consumer) drain(partitions map[string][]int32) {
	var ending []*worker
	c.mu.Lock()
	for topic, numbers := range partitions {
		for _, number := range numbers {
			p := partition{topic, number}
			if w := c.workers[p]; w != nil {
				close(w.records)
				delete(c.workers, p)
				ending = append(ending, w)
			}
		}
	}
	c.mu.Unlock()
	for _, w := range ending {
		<-w.done
	}
}
