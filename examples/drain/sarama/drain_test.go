package saramadrain

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"racelab/examples/internal/killed"
)

func TestMain(m *testing.M) { killed.Main(m, member) }

const (
	records = 30
	keys    = 5
)

// config is what both members have. Nothing is committed but by the handler.
func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.MaxWaitTime = 50 * time.Millisecond
	c.Consumer.Group.Heartbeat.Interval = 50 * time.Millisecond
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	return c
}

// send sends the records in turn to the partitions. The keys of one partition are no
// other's.
func send(t *testing.T, broker *kfake.Cluster, partitions int) {
	t.Helper()
	p, err := sarama.NewSyncProducer(broker.ListenAddrs(), config())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var messages []*sarama.ProducerMessage
	for i := range records {
		messages = append(messages, &sarama.ProducerMessage{Topic: "orders", Partition: int32(i % partitions),
			Key: sarama.StringEncoder(fmt.Sprint(i%partitions, i/partitions%keys)), Value: sarama.StringEncoder(fmt.Sprint(i))})
	}
	if err := p.SendMessages(messages); err != nil {
		t.Fatal(err)
	}
}

// group is two members, and what they have worked on.
type group struct {
	t      *testing.T
	broker *kfake.Cluster
	mu     sync.Mutex
	by     [records][]string // who worked on a record
	worked int               // records
	order  map[string][]int  // the records of a key
}

func newGroup(t *testing.T) *group {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	send(t, broker, 2)
	return &group{t: t, broker: broker, order: map[string][]int{}}
}

// start starts a member.
func (g *group) start(ctx context.Context, name string, c *sarama.Config, workers int, work func(record int)) (end func()) {
	members, err := sarama.NewConsumerGroup(g.broker.ListenAddrs(), "group", c)
	if err != nil {
		g.t.Fatal(err)
	}
	h := &Handler{Workers: workers, Work: func(_ context.Context, m *sarama.ConsumerMessage) {
		i := number(m)
		work(i)
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.by[i] == nil {
			g.worked++
		}
		g.by[i] = append(g.by[i], name)
		g.order[string(m.Key)] = append(g.order[string(m.Key)], i)
	}}
	ended := make(chan error)
	go func() { ended <- h.Run(ctx, members, "orders") }()
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

// Goal: a rebalance loses nothing, repeats nothing and keeps the order of a key, as the
// model says of drain while B joins. Method: B joins while A has most of its work before
// it, with one worker a claim and with three.
func TestBJoinsWhileAWorks(t *testing.T) {
	for name, strategy := range map[string]sarama.BalanceStrategy{
		"eager":       sarama.NewBalanceStrategyRange(),
		"cooperative": sarama.NewBalanceStrategyCooperativeSticky(),
	} {
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprint(name, workers), func(t *testing.T) {
				g := newGroup(t)
				c := config()
				c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
				c.ChannelBufferSize = 1 // What a cooperative revoke has to drain.
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				slowly := func(int) { time.Sleep(time.Duration(workers) * 30 * time.Millisecond) }
				endA := g.start(ctx, "A", c, workers, slowly)
				g.wait(1)
				endB := g.start(ctx, "B", c, workers, slowly)
				g.wait(records)
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
			})
		}
	}
}

// Goal: the acknowledgement of a member that was given up takes nothing back. Method: A
// holds a record for longer than the rebalance timeout, until B has worked on all.
func TestALateAcknowledgementIsRefused(t *testing.T) {
	g := newGroup(t)
	c := config()
	c.Consumer.Group.Rebalance.Timeout = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var once sync.Once
	held, release := make(chan bool), make(chan bool)
	hold := func(record int) {
		if record == 0 {
			once.Do(func() { close(held); <-release })
		}
	}
	endA := g.start(ctx, "A", c, 1, hold)
	<-held
	endB := g.start(ctx, "B", c, 1, func(int) {})
	g.wait(records)
	close(release)
	cancel()
	endA()
	endB()
	// Whoever comes next: it goes on behind what B has committed.
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	g.start(ctx, "C", c, 1, func(int) {})()
	for i, who := range g.by {
		want := []string{"B"}
		switch {
		case i == 0:
			want = []string{"B", "A"} // It was in work.
		case i%2 == 1 && len(who) > 0:
			want = who // A's other claim. A may be given up before it is told to commit that.
		}
		if !slices.Equal(who, want) {
			t.Errorf("record %d was worked on by %v, want %v", i, who, want)
		}
	}
}

// number is that of a record.
func number(m *sarama.ConsumerMessage) int {
	i, err := strconv.Atoi(string(m.Value))
	if err != nil {
		panic(err)
	}
	return i
}

// markEach is what people build in good faith: workers that share Messages, and each
// marks what it has done.
type markEach struct{ *Handler }

func (h markEach) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for m := range claim.Messages() {
				h.Work(context.Background(), m)
				session.MarkMessage(m, "")
				session.Commit()
			}
		})
	}
	workers.Wait()
	return nil
}

// member works until it has the last record.
func member(ctx context.Context, p *killed.Process) error {
	if _, err := p.DB.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS effects (id TEXT PRIMARY KEY, n INTEGER)`); err != nil {
		return err
	}
	aMinute := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := config()
	c.Consumer.Group.InstanceId = "member-1"
	c.Consumer.Offsets.AutoCommit.Enable = p.Name == "first-record-hangs"
	c.Consumer.Offsets.AutoCommit.Interval = time.Millisecond
	group, err := sarama.NewConsumerGroup([]string{p.Seed}, "group", c)
	if err != nil {
		return err
	}
	var mu sync.Mutex // The points have one order, whichever worker comes to them.
	h := &Handler{Workers: 8, Work: func(ctx context.Context, m *sarama.ConsumerMessage) {
		firstHangs := p.Name != "drain" && p.Dies > 0
		if firstHangs && number(m) == 0 {
			<-aMinute.Done() // The process dies before.
		}
		mu.Lock()
		defer mu.Unlock()
		if firstHangs {
			time.Sleep(100 * time.Millisecond) // For the autocommit of what was marked before.
		}
		p.At("work")
		if _, err := p.DB.ExecContext(ctx, `INSERT INTO effects (id, n) VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1`, string(m.Value)); err != nil {
			panic(err)
		}
		p.At("mark")
		if number(m) == records-1 {
			cancel()
		}
	}}
	if p.Name != "mark-each" {
		return h.Run(ctx, group, p.Topic)
	}
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{p.Topic}, markEach{h}); err != nil {
			return err
		}
	}
	return group.Close()
}

// kill kills a member at a point, and counts after the next has ended.
func kill(t *testing.T, name string, dies, wantLost, wantRepeated int) {
	t.Helper()
	broker := killed.Broker(t, "orders")
	send(t, broker, 1)
	point, db := killed.Run(t, broker, name, "orders", dies)
	lost, repeated := 0, 0
	for i := range records {
		n := 0
		if err := db.QueryRow(`SELECT coalesce(sum(n), 0) FROM effects WHERE id = ?`, fmt.Sprint(i)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		lost, repeated = lost+max(1-n, 0), repeated+max(n-1, 0)
	}
	if lost != wantLost || repeated != wantRepeated || point == "" {
		t.Errorf("killed at point %d, before %q: %d lost, %d repeated, want %d and %d", dies, point, lost, repeated, wantLost, wantRepeated)
	}
}

// Goal: a kill -9 loses nothing, and what was not committed comes again: at least once,
// as the model says of drain in a crash. Method: nothing is committed before the end, so
// what comes again is exactly what was worked on before the kill.
func TestKilledAtEachPoint(t *testing.T) {
	for dies := 1; dies <= killed.Points(); dies++ {
		kill(t, "drain", dies, 0, dies/2)
	}
}

// Goal: no offset goes beyond a record that is in work, though workers have done later
// ones. Where each worker marks its own, that record is lost. Method: the first record
// hangs until the kill, and two later ones are done.
func TestKilledWhileTheFirstRecordHangs(t *testing.T) {
	kill(t, "first-record-hangs", 4, 0, 2)
	// One of the two was marked.
	kill(t, "mark-each", 4, 1, 1)
}
