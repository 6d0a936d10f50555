package inbox

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Consumer applies what franz-go polls.
type Consumer struct {
	Inbox
	Client *kgo.Client // of a group, with kgo.DisableAutoCommit
	ID     func(*kgo.Record) string
	Effect func(context.Context, *sql.Tx, *kgo.Record) error
}

// Once polls, applies what is new, and commits the offsets. It says how many came.
func (c *Consumer) Once(ctx context.Context) (int, error) {
	c.at("poll")
	fetches := c.Client.PollRecords(ctx, 1)
	if err := fetches.Err(); err != nil {
		return 0, err
	}
	records := fetches.Records()
	for _, r := range records {
		id := c.ID(r)
		if err := c.Apply(ctx, id, func(ctx context.Context, tx *sql.Tx) error { return c.Effect(ctx, tx, r) }); err != nil {
			return 0, fmt.Errorf("message %s: %w", id, err)
		}
	}
	c.at("commit offset")
	return len(records), c.Client.CommitRecords(ctx, records...)
}
