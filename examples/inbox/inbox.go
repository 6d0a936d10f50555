// Package inbox applies each message once, however often it comes: its id and its
// effect are written in one local transaction.
//
// Its model is same-transaction of the scenario inbox:
// simrun explore inbox/same-transaction.
package inbox

import (
	"context"
	"database/sql"
)

// Schema is the table. Keep ids for longer than a message can come again: for as long as
// the topic keeps messages, and as long as a relay may send one anew.
const Schema = `CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY)`

// Inbox applies messages. Consumer and Handler feed it.
type Inbox struct {
	DB *sql.DB
	// At is told what comes next: "poll", "apply", "commit", "commit offset". May be nil.
	At func(point string)
}

// Apply calls effect if no message with the id was applied. All that effect writes, it
// writes in the transaction. The id is what the producer gave the message: an offset is
// none.
func (in *Inbox) Apply(ctx context.Context, id string, effect func(context.Context, *sql.Tx) error) error {
	in.at("apply")
	tx, err := in.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// The unique index decides, also between two consumers: asking first would not.
	result, err := tx.ExecContext(ctx, `INSERT INTO inbox (id) VALUES (?) ON CONFLICT DO NOTHING`, id)
	if err != nil {
		return err
	}
	if isNew, err := result.RowsAffected(); err != nil || isNew == 0 {
		return err
	}
	if err := effect(ctx, tx); err != nil {
		return err
	}
	in.at("commit")
	return tx.Commit()
}

func (in *Inbox) at(point string) {
	if in.At != nil {
		in.At(point)
	}
}
