package outbox

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"racelab/examples/internal/killed"
)

func TestMain(m *testing.M) { killed.Main(m, service) }

const orders = 13

// sender makes what sends, and what ends it.
func sender(p *killed.Process, client string) (send func(context.Context, []Message) error, end func(), err error) {
	if client == "franz-go" {
		client := p.Client()
		return FranzGo(client), client.Close, nil
	}
	producer, err := sarama.NewSyncProducer([]string{p.Seed}, SaramaConfig())
	if err != nil {
		return nil, nil, err
	}
	return Sarama(producer), func() { _ = producer.Close() }, nil // All is acknowledged.
}

// service places orders, and relays. When it comes back it goes on where its database
// says it was.
func service(ctx context.Context, p *killed.Process) error {
	if _, err := p.DB.ExecContext(ctx, Schema+`; CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)`); err != nil {
		return err
	}
	name, client, _ := strings.Cut(p.Name, " ")
	send, end, err := sender(p, client)
	if err != nil {
		return err
	}
	defer end()
	relay := &Relay{DB: p.DB, Send: send, Batch: 1, At: p.At}
	once := relay.Once
	if name == "mark-first" {
		once = func(ctx context.Context) (int, error) { return markFirst(ctx, relay) }
	}
	for order := 1; order <= orders; order++ {
		if err := place(ctx, p, order); err != nil {
			return err
		}
		for {
			n, err := once(ctx)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	return nil
}

// place is a request that its caller repeats until it is answered.
func place(ctx context.Context, p *killed.Process, order int) error {
	tx, err := p.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	result, err := tx.ExecContext(ctx, `INSERT INTO orders (id) VALUES (?) ON CONFLICT DO NOTHING`, order)
	if err != nil {
		return err
	}
	if placed, err := result.RowsAffected(); err != nil || placed == 0 {
		return err
	}
	if err := Put(ctx, tx, p.Topic, nil, fmt.Append(nil, order)); err != nil {
		return err
	}
	p.At("commit")
	return tx.Commit()
}

// markFirst is the relay that loses: the model's mark-first.
func markFirst(ctx context.Context, r *Relay) (int, error) {
	messages, err := r.unsent(ctx)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	if err := r.mark(ctx, messages); err != nil {
		return 0, err
	}
	r.at("send")
	return len(messages), r.Send(ctx, messages)
}

// clients are those that send.
var clients = []string{"franz-go", "sarama"}

// Goal: a kill -9 at any point loses no message, and repeats one only between the
// acknowledgement and the mark, as the model says of send-first. Method: a real process
// and a real file; it is killed at each of its first points in turn.
func TestKilledAtEachPoint(t *testing.T) {
	for _, client := range clients {
		for dies := 1; dies <= killed.Points(); dies++ {
			topic := fmt.Sprint("orders-", dies)
			broker := killed.Broker(t, topic)
			point, db := killed.Run(t, broker, "send-first "+client, topic, dies)
			lost, repeated := count(t, killed.Read(t, broker, topic, orders))
			if want := map[bool]int{true: 1}[point == "mark"]; lost != 0 || repeated != want || point == "" {
				t.Errorf("%s killed at point %d, before %q: %d lost, %d repeated, want 0 and %d", client, dies, point, lost, repeated, want)
			}
			var unsent int
			if err := db.QueryRow(`SELECT count(*) FROM outbox WHERE sent = 0`).Scan(&unsent); err != nil || unsent != 0 {
				t.Errorf("%s killed at point %d: %d rows are not marked (%v)", client, dies, unsent, err)
			}
		}
	}
}

// Goal: the test above can fail: a relay that marks first loses what it was about to send.
func TestMarkFirstLoses(t *testing.T) {
	for _, client := range clients {
		broker := killed.Broker(t, "orders")
		point, _ := killed.Run(t, broker, "mark-first "+client, "orders", 2)
		if lost, repeated := count(t, killed.Read(t, broker, "orders", orders-1)); point != "send" || lost != 1 || repeated != 0 {
			t.Errorf("%s killed before %q: %d lost, %d repeated, want 1 and 0 before send", client, point, lost, repeated)
		}
	}
}

func count(t *testing.T, records []*kgo.Record) (lost, repeated int) {
	t.Helper()
	seen := map[string]int{}
	ids := map[string]string{}
	for _, r := range records {
		seen[string(r.Value)]++
		if id := string(r.Headers[0].Value); ids[string(r.Value)] != "" && ids[string(r.Value)] != id {
			t.Errorf("order %s was sent with the ids %s and %s", r.Value, ids[string(r.Value)], id)
		} else {
			ids[string(r.Value)] = id
		}
	}
	for order := 1; order <= orders; order++ {
		n := seen[fmt.Sprint(order)]
		lost, repeated = lost+max(1-n, 0), repeated+max(n-1, 0)
	}
	return lost, repeated
}
