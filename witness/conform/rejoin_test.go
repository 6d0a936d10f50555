//go:build cooperative

package conform

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"racelab/model"
	offsets "racelab/model/group/sarama"
	"racelab/scenarios/commitawaitsrejoin"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/conform/locks"
)

// rejoining is a cooperative rebalance: a member of two partitions keeps one, while its
// handlers work and mark, and they or the client commit.
type rejoining struct {
	commitawaitsrejoin.Params
	marks  bool
	answer time.Duration // from any request to the coordinator to its answer
	seed   uint64
}

func drawRejoining(r *rapid.T) rejoining {
	c := rejoining{Params: commitawaitsrejoin.Scenario.Default()}
	millis := func(name string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(r, name)) * time.Millisecond
	}
	c.Timed = false // by this test
	c.Kept, c.Revoked = rapid.IntRange(0, 20).Draw(r, "kept"), rapid.IntRange(0, 20).Draw(r, "revoked")
	// While the session begins, its first heartbeat is answered, and nobody commits.
	c.Work = sim.Uniform(21*time.Millisecond, millis("work", 22, 1500))
	// No two of what is due on the beat are due at one instant.
	c.Comes = millis("comes", 0, 800) + 300*time.Microsecond
	c.Others = millis("others", 0, 5000) + 70*time.Microsecond
	c.Leader = millis("leader", 0, 1000) + 7*time.Microsecond
	c.Interval = millis("interval", 30, 700) + 1100*time.Nanosecond
	c.answer = millis("answer", 1, 20) + 13*time.Microsecond
	// The next heartbeat is due after the join: before it, it would wait, and be written at
	// the instant at which commits are that have waited, before one of them or after.
	c.Heartbeat = c.Others + c.Leader + 3*c.answer + millis("heartbeat", 30, 500)
	c.marks = rapid.Bool().Draw(r, "marks")
	c.seed = rapid.Uint64Range(0, 1_000_000).Draw(r, "seed")
	return c
}

// until leaves out what came after the second SyncGroup.
func (s *story) until() *story {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.events, func(a, b outcome) int { return cmp.Compare(a.at, b.at) })
	syncs := 0
	for i, e := range s.events {
		if e.text == "sync" {
			syncs++
		}
		if syncs == 2 {
			s.events = slices.DeleteFunc(s.events[:i], func(before outcome) bool { return before.at >= e.at })
			break
		}
	}
	return s
}

func (c rejoining) modelled() *story {
	w := sim.NewWorld()
	defer w.Close()
	consumer := commitawaitsrejoin.Commits
	if c.marks {
		consumer = commitawaitsrejoin.Marks
	}
	commitawaitsrejoin.Scenario.Build(w, consumer, c.Params)
	w.Timed(sim.Timing{
		Seed: c.seed, Wake: sim.Constant(wake), ThinkTimes: []sim.DelayOverride{{Of: offsets.PointMark, Delay: c.Work}},
		Overrides: []sim.DelayOverride{{Of: "coordinator->sarama", Delay: sim.Constant(c.answer)}},
	})
	s := &story{}
	note := sim.NewProperty("story", nil)
	sim.On(note, sim.Called, func(_ *sim.Claim, a sim.Act, m *model.Processed) {
		s.note(w.Now(), "mark %v of %v", m.Offset+1, m.Partition)
	})
	sim.On(note, sim.Returned, func(_ *sim.Claim, a sim.Act, _ *model.Committed) { s.note(w.Now(), "%s has committed", a.Actor) })
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.OffsetCommitRequest) {
		s.note(w.Now(), "commit %s in generation %d", model.FormatOffsets(m.Partitions), m.GenerationID)
	})
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.HeartbeatRequest) {
		s.note(w.Now(), "heartbeat in generation %d", m.GenerationID)
	})
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.JoinGroupRequest) {
		if m.MemberID > 0 {
			s.note(w.Now(), "join")
		}
	})
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.SyncGroupRequest) { s.note(w.Now(), "sync") })
	w.Watch(note)
	for system := explore.Of(w); len(system.Enabled()) > 0; {
		system.Take(s.next(w.Now(), system.Enabled()))
	}
	return s.until()
}

// released runs the release that this binary has, and sets the one time that is its
// own: when Messages of the partition that is revoked is closed.
func (c *rejoining) released() *story {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	metrics.UseNilMetrics = true
	locks.Wake = 0
	run := &rejoiningRun{rejoining: c, story: &story{}, cluster: newCluster(2)}
	conf := sarama.NewConfig()
	conf.Version = sarama.V2_4_0_0
	conf.ApiVersionsRequest = false
	conf.Metadata.RefreshFrequency = 0
	conf.Net.Proxy.Enable, conf.Net.Proxy.Dialer = true, run
	conf.Consumer.Group.Session.Timeout, conf.Consumer.Group.Rebalance.Timeout = time.Hour, time.Hour // No heartbeat is late.
	conf.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	conf.Consumer.Group.Heartbeat.Interval = c.Heartbeat
	conf.Consumer.Offsets.AutoCommit.Enable, conf.Consumer.Offsets.AutoCommit.Interval = c.marks, c.Interval
	client, err := sarama.NewConsumerGroup([]string{address(coordinatorID)}, group, conf)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	ctx, cancel := context.WithCancel(context.Background())
	run.over = func() { time.AfterFunc(c.Leader+2*c.answer, cancel) }
	if err := client.Consume(ctx, []string{topic}, run); err != nil {
		panic(fmt.Sprint("conform: ", err))
	}
	_ = client.Close()
	time.Sleep(time.Second) // What is still on its way arrives.
	c.Drain = run.closed - run.assigned
	return run.story.until()
}

// rejoiningRun is the group, and the application.
type rejoiningRun struct {
	*rejoining
	*story
	cluster *cluster

	mu         sync.Mutex
	start      time.Time
	generation int32
	syncs      int
	running    int           // handlers
	assigned   time.Duration // when the first SyncGroup of the rebalance is answered
	closed     time.Duration // and Messages closed
	over       func()        // the rebalance is
}

func (g *rejoiningRun) now() time.Duration { return time.Since(g.start) }

func (g *rejoiningRun) Dial(string, string) (net.Conn, error) { return pipe(g.handle), nil }

func (g *rejoiningRun) handle(request kmsg.Request) (kmsg.Response, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch r := request.(type) {
	case *kmsg.JoinGroupRequest:
		response := kmsg.NewPtrJoinGroupResponse()
		g.generation++
		response.Generation, response.MemberID, response.LeaderID = g.generation, "m", "leader"
		response.Protocol = kmsg.StringPtr(r.Protocols[0].Name)
		if g.generation == 1 {
			return response, 0
		}
		g.note(g.now(), "join")
		return response, g.Others + g.answer
	case *kmsg.SyncGroupRequest:
		response := kmsg.NewPtrSyncGroupResponse()
		assignment := kmsg.NewConsumerMemberAssignment()
		mine := kmsg.NewConsumerMemberAssignmentTopic()
		mine.Topic, mine.Partitions = topic, []int32{0}
		g.syncs++
		if g.syncs == 1 {
			mine.Partitions = []int32{0, 1}
		}
		assignment.Topics = append(assignment.Topics, mine)
		response.MemberAssignment = assignment.AppendTo(nil)
		switch g.syncs {
		case 1:
			return response, 0
		case 2:
			g.assigned = g.now() + g.Leader + g.answer
		case 3:
			g.over()
		}
		g.note(g.now(), "sync")
		return response, g.Leader + g.answer
	case *kmsg.HeartbeatRequest:
		response := kmsg.NewPtrHeartbeatResponse()
		if g.start.IsZero() {
			g.start = time.Now()
			g.note(0, "heartbeat in generation 1")
			return response, 0
		}
		g.note(g.now(), "heartbeat in generation %d", r.Generation)
		if r.Generation == 1 && g.now() >= g.Comes {
			response.ErrorCode = kerr.RebalanceInProgress.Code
		}
		return response, g.answer
	case *kmsg.LeaveGroupRequest:
		return kmsg.NewPtrLeaveGroupResponse(), 0
	case *kmsg.OffsetCommitRequest:
		log := offsetLog{answer: g.answer, commit: func(p []model.PartitionOffset) {
			slices.SortFunc(p, func(a, b model.PartitionOffset) int { return int(a.Partition - b.Partition) })
			g.note(g.now(), "commit %s in generation %d", model.FormatOffsets(p), r.Generation)
		}}
		return log.handle(request, false)
	case *kmsg.OffsetFetchRequest:
		log := offsetLog{}
		return log.handle(request, false)
	case *kmsg.ListOffsetsRequest:
		response := kmsg.NewPtrListOffsetsResponse()
		for _, asked := range r.Topics {
			t := kmsg.NewListOffsetsResponseTopic()
			t.Topic = asked.Topic
			for _, of := range asked.Partitions {
				p := kmsg.NewListOffsetsResponseTopicPartition()
				p.Partition, p.Offset = of.Partition, 1000
				if of.Timestamp == -2 {
					p.Offset = 0
				}
				t.Partitions = append(t.Partitions, p)
			}
			response.Topics = append(response.Topics, t)
		}
		return response, 0
	case *kmsg.FetchRequest:
		return kmsg.NewPtrFetchResponse(), 5 * time.Millisecond
	}
	return g.cluster.handle(request)
}

func (g *rejoiningRun) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (g *rejoiningRun) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim works, marks, and commits if it is to.
func (g *rejoiningRun) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	p, messages := claim.Partition(), []int{g.Kept, g.Revoked}[claim.Partition()]
	if g.running++; g.running == 2 { // Until then all is at the instant of the start.
		locks.Wake = wake
	}
	closed := make(chan struct{})
	go func() {
		for range claim.Messages() {
		}
		if p == 1 {
			g.closed = g.now()
		}
		close(closed)
	}()
	name := fmt.Sprint("G", p)
	think := thinks(g.seed, name)
	for next := 10*int64(p+1) + 1; next <= 10*int64(p+1)+int64(messages); next++ {
		select {
		case <-closed:
			return nil
		default:
		}
		time.Sleep(g.Work.Draw(&think))
		g.note(g.now(), "mark %v of %v", next, model.Partition(p))
		session.MarkOffset(topic, p, next, "")
		if !g.marks {
			session.Commit()
			g.note(g.now(), "%s has committed", name)
		}
	}
	<-closed
	return nil
}

// Goal: in a cooperative rebalance a release of Sarama sends the commits, heartbeats and
// joins that the model sends, at the same times but for a few microseconds.
func TestSaramaRejoin(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := drawRejoining(r)
		var got, want *story
		if !agrees(func() bool {
			synctest.Test(t, func(*testing.T) { got = c.released() })
			want = c.modelled() // The run says when messages were closed.
			return got.sameAs(want)
		}) {
			r.Fatalf("sarama %s with %+v\nreleased:\n%v\nmodel:\n%v", version(t, "sarama"), c, got, want)
		}
	})
}
