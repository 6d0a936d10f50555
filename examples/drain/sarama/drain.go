// Package saramadrain consumes with some workers for each claim, and gives no partition
// away before they are done: ConsumeClaim returns after the work, and commits it.
//
// Its model is drain of the scenario rebalance-commit, with Sarama as the client:
// simrun explore rebalance-commit/drain@sarama-eager-join.
package saramadrain

import (
	"context"
	"hash/crc32"
	"sync"

	"github.com/IBM/sarama"
)

// Handler is the handler of a consumer group. A record that was worked on is committed
// before its partition goes to another member, and when the context of Run ends. After a
// crash what was not committed comes again.
//
// Leave Consumer.Offsets.AutoCommit on: it commits what is marked in between. All that
// was handed over has to end within Consumer.Group.Rebalance.Timeout. Of an eager group
// that is a record for each worker. Of a cooperative one it is what Messages has, too:
// ChannelBufferSize bounds that.
type Handler struct {
	// Work is called for the records of a key one after the other.
	Work func(context.Context, *sarama.ConsumerMessage)
	// Workers is how many each claim has. Default: 1, which keeps the order of the whole
	// partition. Records without a key have one worker.
	Workers int
}

// Run consumes until the context ends, and then commits what is done and closes the
// group.
func (h *Handler) Run(ctx context.Context, group sarama.ConsumerGroup, topics ...string) error {
	for ctx.Err() == nil {
		// A rebalance of an eager group ends Consume.
		if err := group.Consume(ctx, topics, h); err != nil && ctx.Err() == nil {
			_ = group.Close() // The first error is the one to tell.
			return err
		}
	}
	return group.Close()
}

// Setup has nothing to do: what a claim needs begins with it.
func (h *Handler) Setup(sarama.ConsumerGroupSession) error { return nil }

// Cleanup commits once more what the commit of a claim did not bring through. The
// generation is still that of this member.
func (h *Handler) Cleanup(session sarama.ConsumerGroupSession) error {
	session.Commit()
	return nil
}

// ConsumeClaim works until the claim is taken away. The partition stays with this member
// until it returns.
func (h *Handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	var workers sync.WaitGroup
	var open inWork
	queues := make([]chan *sarama.ConsumerMessage, max(h.Workers, 1))
	// The work goes on when the session ends: it is drained.
	ctx := context.WithoutCancel(session.Context())
	for i := range queues {
		queues[i] = make(chan *sarama.ConsumerMessage)
		workers.Go(func() {
			for m := range queues[i] {
				h.Work(ctx, m)
				if next, moved := open.done(m.Offset); moved {
					// On the session that the record came from, and never on one that a field
					// keeps: its commit carries the generation in which the claim was given. If
					// that is over, the coordinator refuses it.
					session.MarkOffset(m.Topic, m.Partition, next, "")
				}
			}
		})
	}
	handOut(session.Context(), claim, queues, &open)
	for _, q := range queues {
		close(q)
	}
	workers.Wait()
	// A cooperative session goes on without the claim, so its Cleanup would be too late. An
	// error goes to Errors of the group: the work is done again by who comes next.
	session.Commit()
	return nil
}

// handOut hands the records to the workers until the claim is taken away.
func handOut(ctx context.Context, claim sarama.ConsumerGroupClaim, queues []chan *sarama.ConsumerMessage, open *inWork) {
	for {
		select {
		case <-ctx.Done():
			return
		case m, more := <-claim.Messages():
			if !more {
				return
			}
			open.begin(m.Offset)
			select {
			case queues[crc32.ChecksumIEEE(m.Key)%uint32(len(queues))] <- m:
			case <-ctx.Done():
				return // Nobody has worked on it, so no offset goes beyond it.
			}
		}
	}
}

// inWork is what a claim's workers have begun: an offset says that all before it is done,
// and workers end in another order than they begin.
type inWork struct {
	mu    sync.Mutex
	begun []int64 // in their order, without those that are done, and all before them too
	ended map[int64]bool
}

func (w *inWork) begin(offset int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = append(w.begun, offset)
}

// done says up to where all is done, if that is further than before.
func (w *inWork) done(offset int64) (next int64, moved bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended == nil {
		w.ended = map[int64]bool{}
	}
	w.ended[offset] = true
	for len(w.begun) > 0 && w.ended[w.begun[0]] {
		next, moved = w.begun[0]+1, true
		delete(w.ended, w.begun[0])
		w.begun = w.begun[1:]
	}
	return next, moved
}
