// Package inbox applies each message once, however often it comes: its id and its
// effect are written in one local transaction.
//
// Its model is same-transaction of the scenario inbox:
// simrun explore inbox/same-transaction.
package inbox

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Schema is the table. Keep ids for longer than a message can come again: for as long as
// the topic keeps messages, and as long as a relay may send one anew.
const Schema = `CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY)`

// Consumer applies messages.
type Consumer struct {
	DB     *sql.DB
	Client *kgo.Client // of a group, with kgo.DisableAutoCommit
	// ID is the id that the producer gave the message. The offset is none.
	ID func(*kgo.Record) string
	// Apply is the effect. All that it writes, it writes in the transaction.
	Apply func(context.Context, *sql.Tx, *kgo.Record) error
	// At is told what comes next: "poll", "apply", "commit", "commit offset". May be nil.
	At func(point string)
}

// Once polls, applies what is new, and commits the offsets. It says how many came.
func (c *Consumer) Once(ctx context.Context) (int, error) {
	c.at("poll")
	fetches := c.Client.PollRecords(ctx, 1)
	if err := fetches.Err(); err != nil {
		return 0, err
	}
	records := fetches.Records()
	for _, record := range records {
		c.at("apply")
		if err := c.apply(ctx, record); err != nil {
			return 0, fmt.Errorf("message %s: %w", c.ID(record), err)
		}
	}
	c.at("commit offset")
	return len(records), c.Client.CommitRecords(ctx, records...)
}

func (c *Consumer) apply(ctx context.Context, record *kgo.Record) error {
	tx, err := c.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// The unique index decides, also between two consumers: asking first would not.
	result, err := tx.ExecContext(ctx, `INSERT INTO inbox (id) VALUES (?) ON CONFLICT DO NOTHING`, c.ID(record))
	if err != nil {
		return err
	}
	if isNew, err := result.RowsAffected(); err != nil || isNew == 0 {
		return err
	}
	if err := c.Apply(ctx, tx, record); err != nil {
		return err
	}
	c.at("commit")
	return tx.Commit()
}

func (c *Consumer) at(point string) {
	if c.At != nil {
		c.At(point)
	}
}
