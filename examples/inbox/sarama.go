package inbox

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/IBM/sarama"
)

// Handler applies what Sarama hands over: it is the handler of a consumer group. Leave
// Consumer.Offsets.AutoCommit on. It commits once a second, and what comes again after a
// crash is in the inbox.
type Handler struct {
	Inbox
	ID     func(*sarama.ConsumerMessage) string
	Effect func(context.Context, *sql.Tx, *sarama.ConsumerMessage) error
}

// Setup has nothing to do.
func (h *Handler) Setup(sarama.ConsumerGroupSession) error { return nil }

// Cleanup has nothing to do.
func (h *Handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim applies what is new until the claim is taken away. A message that fails
// ends the session, and the next begins with it: nothing behind it is marked.
func (h *Handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	// What has begun is brought to its end when the session ends.
	ctx := context.WithoutCancel(session.Context())
	for {
		h.at("poll")
		select {
		case <-session.Context().Done():
			return nil
		case m, more := <-claim.Messages():
			if !more {
				return nil
			}
			id := h.ID(m)
			if err := h.Apply(ctx, id, func(ctx context.Context, tx *sql.Tx) error { return h.Effect(ctx, tx, m) }); err != nil {
				return fmt.Errorf("message %s: %w", id, err)
			}
			h.at("commit offset")
			session.MarkMessage(m, "")
		}
	}
}
