// Package outbox publishes the messages that transactions have put into a table: each
// at least once, in the order of their ids.
//
// Its model is send-first of the scenario outbox: simrun explore outbox/send-first.
package outbox

import (
	"context"
	"database/sql"
)

// Schema is the table. AUTOINCREMENT keeps an id from being given twice.
const Schema = `CREATE TABLE IF NOT EXISTS outbox (
	id    INTEGER PRIMARY KEY AUTOINCREMENT,
	topic TEXT NOT NULL,
	key   BLOB,
	value BLOB NOT NULL,
	sent  INTEGER NOT NULL DEFAULT 0
)`

// ID is the header with the id of a message: what a consumer tells it by when it comes
// again. An offset will not do, as a message that is sent twice has two.
const ID = "outbox-id"

// Put writes a message in the transaction of what it is about. Both are there, or
// neither is.
func Put(ctx context.Context, tx *sql.Tx, topic string, key, value []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO outbox (topic, key, value) VALUES (?, ?, ?)`, topic, key, value)
	return err
}

// Message is a row of the table.
type Message struct {
	ID         int64 // sent as the header ID
	Topic      string
	Key, Value []byte
}

// Relay publishes. Run one at a time: a second one sends what the first is about to
// mark, and where rows are claimed, out of order.
type Relay struct {
	DB *sql.DB
	// Send sends messages in their order, and returns when all are acknowledged. FranzGo
	// and Sarama make one.
	Send  func(context.Context, []Message) error
	Batch int // how many messages are sent before they are marked; a crash repeats so many
	// At is told what comes next: "read", "send", "mark". May be nil.
	At func(point string)
}

// Once publishes the oldest messages, at most a batch, and says how many.
func (r *Relay) Once(ctx context.Context) (int, error) {
	r.at("read")
	messages, err := r.unsent(ctx)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	r.at("send")
	// Wait for the acknowledgement: a message that is marked is never read again.
	if err := r.Send(ctx, messages); err != nil {
		return 0, err
	}
	r.at("mark")
	return len(messages), r.mark(ctx, messages)
}

// unsent reads by the mark, and not from the highest id on: in a database with several
// writers a lower id may be committed later.
func (r *Relay) unsent(ctx context.Context) (messages []Message, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT id, topic, key, value FROM outbox WHERE sent = 0 ORDER BY id LIMIT ?`, r.Batch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m Message
		if err := rows.Scan(&m.ID, &m.Topic, &m.Key, &m.Value); err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, rows.Err()
}

func (r *Relay) mark(ctx context.Context, messages []Message) error {
	tx, err := r.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, m := range messages {
		if _, err := tx.ExecContext(ctx, `UPDATE outbox SET sent = 1 WHERE id = ?`, m.ID); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (r *Relay) at(point string) {
	if r.At != nil {
		r.At(point)
	}
}
