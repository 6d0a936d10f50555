// Package members is what the tests of a group's member have in common: who of two works
// on what, and what comes again after one was killed.
package members

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"racelab/examples/internal/killed"
)

const (
	// Topic is that of the records.
	Topic = "orders"
	// Group is that of the members.
	Group = "group"
	// Records is how many there are, by their number in turn in the partitions.
	Records = 30

	keys = 5 // of a partition, which no other has
)

// Work works on a record.
type Work func(key, value []byte)

// Consume is a member: it works until its context ends.
type Consume func(ctx context.Context, seed string, work Work) error

// Number is that of the record with the value.
func Number(value []byte) int {
	i, err := strconv.Atoi(string(value))
	if err != nil {
		panic(err)
	}
	return i
}

// send sends the records.
func send(t *testing.T, broker *kfake.Cluster, partitions int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()[0]), kgo.DefaultProduceTopic(Topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for i := range Records {
		records = append(records, &kgo.Record{Partition: int32(i % partitions),
			Key: fmt.Append(nil, i%partitions, i/partitions%keys), Value: fmt.Append(nil, i)})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// group is two members, and what they have worked on.
type group struct {
	t      *testing.T
	broker *kfake.Cluster
	mu     sync.Mutex
	by     [Records][]string // who worked on a record
	worked int               // records
	order  map[string][]int  // the records of a key
}

func newGroup(t *testing.T) *group {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, Topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	send(t, broker, 2)
	return &group{t: t, broker: broker, order: map[string][]int{}}
}

// start starts a member. Work is what a record takes.
func (g *group) start(ctx context.Context, name string, consume Consume, work func(record int)) (end func()) {
	ended := make(chan error)
	go func() {
		ended <- consume(ctx, g.broker.ListenAddrs()[0], func(key, value []byte) {
			i := Number(value)
			work(i)
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.by[i] == nil {
				g.worked++
			}
			g.by[i] = append(g.by[i], name)
			g.order[string(key)] = append(g.order[string(key)], i)
		})
	}()
	return func() {
		if err := <-ended; err != nil {
			g.t.Error(err)
		}
	}
}

// wait waits until n records were worked on, and fails the test after a minute.
func (g *group) wait(n int) {
	g.t.Helper()
	for left := time.Minute; ; left -= 5 * time.Millisecond {
		g.mu.Lock()
		worked := g.worked
		g.mu.Unlock()
		switch {
		case worked >= n:
			return
		case left < 0:
			g.t.Fatalf("%d of %d records were worked on", worked, n)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Join lets B join while A has most of its work before it. Nothing is lost, nothing comes
// again, and each key keeps its order.
func Join(t *testing.T, consume Consume, work func(record int)) {
	t.Helper()
	g := newGroup(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	endA := g.start(ctx, "A", consume, work)
	g.wait(1)
	endB := g.start(ctx, "B", consume, work)
	g.wait(Records)
	cancel()
	endA()
	endB()
	shares := map[string]int{}
	for i, who := range g.by {
		if len(who) != 1 {
			t.Errorf("record %d was worked on by %v", i, who)
		}
		shares[who[0]]++
	}
	if shares["A"] == 0 || shares["B"] == 0 {
		t.Errorf("shares %v: no partition moved while there was work", shares)
	}
	for key, order := range g.order {
		if !slices.IsSorted(order) {
			t.Errorf("key %s was worked on in the order %v", key, order)
		}
	}
}

// Late lets A hold record 0 until it was given up and B has worked on all: A's
// acknowledgement takes nothing back. The members have a short rebalance timeout.
func Late(t *testing.T, consume Consume) {
	t.Helper()
	g := newGroup(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var once sync.Once
	held, release := make(chan bool), make(chan bool)
	endA := g.start(ctx, "A", consume, func(record int) {
		if record == 0 {
			once.Do(func() { close(held); <-release })
		}
	})
	<-held
	endB := g.start(ctx, "B", consume, func(int) {})
	g.wait(Records)
	close(release)
	cancel()
	endA()
	endB()
	// Whoever comes next: it goes on behind what B has committed.
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	g.start(ctx, "C", consume, func(int) {})()
	for i, who := range g.by {
		want := []string{"B"}
		switch {
		case i == 0:
			want = []string{"B", "A"} // It was in work.
		case i%2 == 1 && len(who) > 0:
			want = who // A's other partition. A may be given up before it is told to commit that.
		}
		if !slices.Equal(who, want) {
			t.Errorf("record %d was worked on by %v, want %v", i, who, want)
		}
	}
}

// Effects is the work of a process that is to be killed: its database counts how often
// each record was worked on. Done is called after the last one.
func Effects(ctx context.Context, p *killed.Process, done func()) (Work, error) {
	if _, err := p.DB.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS effects (id TEXT PRIMARY KEY, n INTEGER)`); err != nil {
		return nil, err
	}
	return func(_, value []byte) {
		p.At("work")
		if _, err := p.DB.ExecContext(ctx, `INSERT INTO effects (id, n) VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1`, string(value)); err != nil {
			panic(err)
		}
		p.At("mark")
		if Number(value) == Records-1 {
			done()
		}
	}, nil
}

// Kill kills a member at a point, and counts after the next has ended.
func Kill(t *testing.T, name string, dies, wantLost, wantRepeated int) {
	t.Helper()
	broker := killed.Broker(t, Topic)
	send(t, broker, 1)
	point, db := killed.Run(t, broker, name, Topic, dies)
	lost, repeated := 0, 0
	for i := range Records {
		n := 0
		if err := db.QueryRow(`SELECT coalesce(sum(n), 0) FROM effects WHERE id = ?`, fmt.Sprint(i)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		lost, repeated = lost+max(1-n, 0), repeated+max(n-1, 0)
	}
	if lost != wantLost || repeated != wantRepeated || point == "" {
		t.Errorf("%s killed at point %d, before %q: %d lost, %d repeated, want %d and %d", name, dies, point, lost, repeated, wantLost, wantRepeated)
	}
}
