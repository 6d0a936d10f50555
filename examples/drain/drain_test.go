package drain

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"racelab/examples/internal/killed"
)

func TestMain(m *testing.M) { killed.Main(m, member) }

const records = 30

func send(t *testing.T, broker *kfake.Cluster, partitions int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()[0]), kgo.DefaultProduceTopic("orders"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range records {
		r := &kgo.Record{Partition: int32(i % partitions), Value: fmt.Append(nil, i)}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// Goal: a rebalance loses nothing and repeats nothing, as the model says of drain while
// B joins. Method: B joins while A has most of its work before it.
func TestBJoinsWhileAWorks(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	send(t, broker, 2)
	var mu sync.Mutex
	by := map[string][]string{} // who worked on a record
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	start := func(name string) (end func()) {
		c, err := New(func(_ context.Context, r *kgo.Record) {
			// P1, which B gets, is the slow one: A's poll waits for its worker again and again,
			// so a rebalance finds that worker in the middle of a batch.
			time.Sleep([]time.Duration{5, 30}[r.Partition] * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			by[string(r.Value)] = append(by[string(r.Value)], name)
		}, kgo.SeedBrokers(broker.ListenAddrs()[0]), kgo.ConsumerGroup("group"), kgo.ConsumeTopics("orders"),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond), kgo.HeartbeatInterval(50*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		c.MaxPollRecords = 4
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		return func() {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	worked := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(by)
	}
	wait := func(n int) {
		for worked() < n && t.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
	endA := start("A")
	wait(1)
	endB := start("B")
	wait(records)
	cancel()
	endA()
	endB()
	shares := map[string]int{}
	for i := range records {
		who := by[fmt.Sprint(i)]
		if len(who) != 1 {
			t.Errorf("record %d was worked on by %v", i, who)
		}
		shares[who[0]]++
	}
	if shares["A"] == 0 || shares["B"] == 0 {
		t.Errorf("shares %v: no partition moved while there was work", shares)
	}
}

// member works until its database has all records.
func member(ctx context.Context, p *killed.Process) error {
	if _, err := p.DB.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS effects (id TEXT PRIMARY KEY, n INTEGER)`); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := New(func(ctx context.Context, r *kgo.Record) {
		p.At("work")
		if _, err := p.DB.ExecContext(ctx, `INSERT INTO effects (id, n) VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1`, string(r.Value)); err != nil {
			panic(err)
		}
		p.At("mark")
		if string(r.Value) == fmt.Sprint(records-1) {
			cancel()
		}
	}, kgo.SeedBrokers(p.Seed), kgo.ConsumerGroup("group"), kgo.InstanceID("member-1"), kgo.ConsumeTopics(p.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond), kgo.AutoCommitInterval(time.Minute))
	if err != nil {
		return err
	}
	return c.Run(ctx)
}

// Goal: a kill -9 loses nothing, and what was not committed comes again: at least once,
// as the model says of drain in a crash. Method: nothing is committed before the end, so
// what comes again is exactly what was worked on before the kill.
func TestKilledAtEachPoint(t *testing.T) {
	for dies := 1; dies <= killed.Points(); dies++ {
		broker := killed.Broker(t, "orders")
		send(t, broker, 1)
		point, db := killed.Run(t, broker, "drain", "orders", dies)
		lost, repeated := 0, 0
		for i := range records {
			n := 0
			if err := db.QueryRow(`SELECT coalesce(sum(n), 0) FROM effects WHERE id = ?`, fmt.Sprint(i)).Scan(&n); err != nil {
				t.Fatal(err)
			}
			lost, repeated = lost+max(1-n, 0), repeated+max(n-1, 0)
		}
		if lost != 0 || repeated != dies/2 || point == "" {
			t.Errorf("killed at point %d, before %q: %d lost, %d repeated, want 0 and %d", dies, point, lost, repeated, dies/2)
		}
	}
}
