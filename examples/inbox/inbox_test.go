package inbox

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"racelab/examples/internal/killed"
)

func TestMain(m *testing.M) { killed.Main(m, consumer) }

// messages are those that the relay has sent; it sent message 1 twice.
var messages = []string{"1", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13"}

func id(r *kgo.Record) string { return string(r.Value) }

// add is an effect that shows when it comes twice.
func add(ctx context.Context, tx *sql.Tx, r *kgo.Record) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO effects (id, n) VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1`, id(r))
	return err
}

// consumer applies all messages. A static member comes back at once; one that joins
// anew waits until the group gives the dead one up.
func consumer(ctx context.Context, p *killed.Process) error {
	if _, err := p.DB.ExecContext(ctx, Schema+`; CREATE TABLE IF NOT EXISTS effects (id TEXT PRIMARY KEY, n INTEGER)`); err != nil {
		return err
	}
	client := p.Client(kgo.ConsumerGroup("group"), kgo.InstanceID("consumer-1"), kgo.ConsumeTopics(p.Topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	defer client.Close()
	c := &Consumer{DB: p.DB, Client: client, ID: id, Apply: add, At: p.At}
	var seen []string // in memory
	for offset := int64(0); offset < int64(len(messages)); {
		once := c.Once
		if p.Name == "memory" {
			once = func(ctx context.Context) (int, error) { return inMemory(ctx, c, &seen) }
		}
		if _, err := once(ctx); err != nil {
			return err
		}
		if committed := client.CommittedOffsets()[p.Topic]; committed != nil {
			offset = committed[0].Offset
		}
	}
	return nil
}

// inMemory is the consumer that forgets: the model's memory.
func inMemory(ctx context.Context, c *Consumer, seen *[]string) (int, error) {
	fetches := c.Client.PollRecords(ctx, 1)
	if err := fetches.Err(); err != nil {
		return 0, err
	}
	records := fetches.Records()
	for _, r := range records {
		known := false
		for _, s := range *seen {
			known = known || s == id(r)
		}
		if known {
			continue
		}
		tx, err := c.DB.BeginTx(ctx, nil)
		if err != nil {
			return 0, err
		}
		if err := add(ctx, tx, r); err != nil {
			return 0, err
		}
		if err := tx.Commit(); err != nil {
			return 0, err
		}
		*seen = append(*seen, id(r))
	}
	c.at("commit offset")
	return len(records), c.Client.CommitRecords(ctx, records...)
}

// send fills the topic.
func send(t *testing.T, broker *kfake.Cluster) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()[0]), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, m := range messages {
		if err := client.ProduceSync(t.Context(), kgo.StringRecord(m)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// count says how many effects are lost, and how many come again.
func count(t *testing.T, db *sql.DB) (lost, repeated int) {
	t.Helper()
	for m := 1; m <= 13; m++ {
		n := 0
		if err := db.QueryRow(`SELECT coalesce(sum(n), 0) FROM effects WHERE id = ?`, fmt.Sprint(m)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		lost, repeated = lost+max(1-n, 0), repeated+max(n-1, 0)
	}
	return lost, repeated
}

// Goal: a kill -9 at any point loses no effect and repeats none, as the model says of
// same-transaction.
func TestKilledAtEachPoint(t *testing.T) {
	for dies := 1; dies <= killed.Points(); dies++ {
		broker := killed.Broker(t, "orders")
		send(t, broker)
		point, db := killed.Run(t, broker, "same-transaction", "orders", dies)
		if lost, repeated := count(t, db); lost != 0 || repeated != 0 || point == "" {
			t.Errorf("killed at point %d, before %q: %d lost, %d repeated, want none", dies, point, lost, repeated)
		}
	}
}

// Goal: the test above can fail: what is remembered in memory is gone.
func TestMemoryRepeats(t *testing.T) {
	broker := killed.Broker(t, "orders")
	send(t, broker)
	point, db := killed.Run(t, broker, "memory", "orders", 1)
	if lost, repeated := count(t, db); lost != 0 || repeated != 1 || point != "commit offset" {
		t.Errorf("killed before %q: %d lost, %d repeated, want 0 and 1 before commit offset", point, lost, repeated)
	}
}
