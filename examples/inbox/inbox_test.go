package inbox

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"racelab/examples/internal/killed"
)

func TestMain(m *testing.M) { killed.Main(m, consumer) }

// messages are those that the relay has sent; it sent message 1 twice.
var messages = []string{"1", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13"}

// add is an effect that shows when it comes twice.
func add(ctx context.Context, tx *sql.Tx, value []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO effects (id, n) VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1`, string(value))
	return err
}

// consumer applies all messages. A static member comes back at once; one that joins
// anew waits until the group gives the dead one up.
func consumer(ctx context.Context, p *killed.Process) error {
	if _, err := p.DB.ExecContext(ctx, Schema+`; CREATE TABLE IF NOT EXISTS effects (id TEXT PRIMARY KEY, n INTEGER)`); err != nil {
		return err
	}
	name, client, _ := strings.Cut(p.Name, " ")
	in := Inbox{DB: p.DB, At: p.At}
	if client == "sarama" {
		return withSarama(ctx, p, in)
	}
	return withFranzGo(ctx, p, in, name == "memory")
}

func withFranzGo(ctx context.Context, p *killed.Process, in Inbox, memory bool) error {
	client := p.Client(kgo.ConsumerGroup("group"), kgo.InstanceID("consumer-1"), kgo.ConsumeTopics(p.Topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	defer client.Close()
	c := &Consumer{Inbox: in, Client: client, ID: func(r *kgo.Record) string { return string(r.Value) },
		Effect: func(ctx context.Context, tx *sql.Tx, r *kgo.Record) error { return add(ctx, tx, r.Value) }}
	once := c.Once
	if memory {
		seen := map[string]bool{}
		once = func(ctx context.Context) (int, error) { return inMemory(ctx, c, seen) }
	}
	for offset := int64(0); offset < int64(len(messages)); {
		if _, err := once(ctx); err != nil {
			return err
		}
		if committed := client.CommittedOffsets()[p.Topic]; committed != nil {
			offset = committed[0].Offset
		}
	}
	return nil
}

// withSarama ends when the last message is applied, and commits then what is marked.
func withSarama(ctx context.Context, p *killed.Process, in Inbox) error {
	c := sarama.NewConfig()
	c.Consumer.Group.InstanceId = "consumer-1"
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.MaxWaitTime = 50 * time.Millisecond
	group, err := sarama.NewConsumerGroup([]string{p.Seed}, "group", c)
	if err != nil {
		return err
	}
	aMinute := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at, last := in.At, false
	in.At = func(point string) {
		at(point)
		if last && point == "poll" {
			cancel()
		}
	}
	h := &Handler{Inbox: in, ID: func(m *sarama.ConsumerMessage) string {
		last = m.Offset == int64(len(messages)-1)
		return string(m.Value)
	}, Effect: func(ctx context.Context, tx *sql.Tx, m *sarama.ConsumerMessage) error { return add(ctx, tx, m.Value) }}
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{p.Topic}, h); err != nil {
			return err
		}
	}
	if aMinute.Err() != nil {
		return aMinute.Err()
	}
	return group.Close()
}

// inMemory is the consumer that forgets: the model's memory.
func inMemory(ctx context.Context, c *Consumer, seen map[string]bool) (int, error) {
	fetches := c.Client.PollRecords(ctx, 1)
	if err := fetches.Err(); err != nil {
		return 0, err
	}
	records := fetches.Records()
	for _, r := range records {
		if seen[c.ID(r)] {
			continue
		}
		tx, err := c.DB.BeginTx(ctx, nil)
		if err != nil {
			return 0, err
		}
		if err := c.Effect(ctx, tx, r); err != nil {
			return 0, err
		}
		if err := tx.Commit(); err != nil {
			return 0, err
		}
		seen[c.ID(r)] = true
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
	for _, client := range []string{"franz-go", "sarama"} {
		for dies := 1; dies <= killed.Points(); dies++ {
			broker := killed.Broker(t, "orders")
			send(t, broker)
			point, db := killed.Run(t, broker, "same-transaction "+client, "orders", dies)
			if lost, repeated := count(t, db); lost != 0 || repeated != 0 || point == "" {
				t.Errorf("%s killed at point %d, before %q: %d lost, %d repeated, want none", client, dies, point, lost, repeated)
			}
		}
	}
}

// Goal: the test above can fail: what is remembered in memory is gone.
func TestMemoryRepeats(t *testing.T) {
	broker := killed.Broker(t, "orders")
	send(t, broker)
	point, db := killed.Run(t, broker, "memory franz-go", "orders", 1)
	if lost, repeated := count(t, db); lost != 0 || repeated != 1 || point != "commit offset" {
		t.Errorf("killed before %q: %d lost, %d repeated, want 0 and 1 before commit offset", point, lost, repeated)
	}
}
