package conform

import (
	"context"
	"fmt"
	"hash/crc32"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/mod/semver"
	"pgregory.net/rapid"

	"racelab/model"
	"racelab/model/coordinator"
	offsets "racelab/model/group/kgo"
	"racelab/sim"
	"racelab/sim/explore"
)

// kgoCommits is a workload: an application polls a record at a time and commits, a ticker
// commits beside it, and the coordinator refuses some commits, or loses a connection.
type kgoCommits struct {
	polls    []int // before each commit of the application
	waits    bool  // for each of its commits: CommitOffsetsSync, otherwise CommitOffsets
	ticks    int   // autocommits; 0: they are disabled
	interval time.Duration
	retries  int // RequestRetries
	backoff  time.Duration
	answer   time.Duration // from a commit to its answer
	refused  int           // the first commit, from 1, that is refused
	refusals int           // how many are
	refusal  model.Error
	rejoins  bool      // because of that, which the model leaves out: the story ends there
	cut      int       // the commit whose connection is lost before the answer; 0: none
	think    sim.Delay // before each poll
	epoch    int32     // of the application's commits; that of the records is 0, and -1 is none
	seed     uint64
}

// drawKgoCommits draws a setting. A release that joins again when its generation is refused
// then waits for a lock until no commit is out, which would stop the bubble's clock; so there
// one commit at a time is. One that kills connections may lose no other, because from
// 1.19.5 or before it does not try again where the first read of a connection is its end.
func drawKgoCommits(r *rapid.T, cancels, rejoins bool) kgoCommits {
	c := kgoCommits{
		polls:    rapid.SliceOfN(rapid.IntRange(1, 2), 1, 5).Draw(r, "polls"),
		waits:    rapid.Bool().Draw(r, "waits"),
		retries:  rapid.IntRange(1, 4).Draw(r, "retries"),
		backoff:  time.Duration(rapid.SampledFrom([]int{5, 50, 200, 600}).Draw(r, "backoff"))*time.Millisecond + 3*time.Microsecond,
		answer:   time.Duration(rapid.IntRange(1, 200).Draw(r, "answer"))*time.Millisecond + 7*time.Microsecond,
		refused:  rapid.IntRange(1, 6).Draw(r, "refused"),
		refusals: rapid.IntRange(0, 6).Draw(r, "refusals"),
		refusal: rapid.SampledFrom([]model.Error{
			model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress, model.ErrCoordinatorNotAvailable,
			model.ErrRebalanceInProgress, model.ErrIllegalGeneration,
		}).Draw(r, "refusal"),
		seed: rapid.Uint64Range(0, 1_000_000).Draw(r, "seed"),
	}
	if c.rejoins = rejoins && c.refusal == model.ErrIllegalGeneration; c.rejoins {
		c.waits = true
	} else if rapid.Bool().Draw(r, "auto") {
		c.ticks = rapid.IntRange(1, 6).Draw(r, "ticks")
		c.interval = time.Duration(rapid.IntRange(100, 400).Draw(r, "interval")) * time.Millisecond // 100 ms is the least.
	}
	if one := c.waits && c.ticks == 0; rapid.Bool().Draw(r, "cuts") && (one || !cancels) {
		c.cut = rapid.IntRange(1, 6).Draw(r, "cut")
	}
	if rapid.Bool().Draw(r, "no epoch") {
		c.epoch = -1
	}
	// No two of what is due are due at one instant.
	c.think = sim.Exponential(time.Duration(rapid.SampledFrom([]int{10, 100, 300}).Draw(r, "think")) * time.Millisecond)
	return c
}

// over is the time up to which a story is told: before the tick after the last.
func (c kgoCommits) over() time.Duration {
	if c.ticks == 0 {
		return time.Hour
	}
	return time.Duration(c.ticks)*c.interval + c.interval/2
}

func (c kgoCommits) refuses(commit int) bool {
	return commit >= c.refused && commit < c.refused+c.refusals
}

// until is a story that is told up to a moment.
type until struct {
	*story
	over time.Duration
}

func (u *until) note(at time.Duration, format string, args ...any) {
	if at <= u.over {
		u.story.note(at, format, args...)
	}
}

// refusingCoordinator is the model's coordinator of the group.
type refusingCoordinator struct {
	*coordinator.Group
	c    kgoCommits `sim:"config"`
	seen int
	cuts bool     // the connection is lost now
	over sim.Time // when the client hears that it has to join again; 0: it does not
}

func (n *refusingCoordinator) Handle(e sim.Envelope, out *sim.Outbox) {
	switch e.Message.(type) {
	case *model.FindCoordinatorRequest:
		out.Reply(e, &model.FindCoordinatorResponse{})
	case *model.OffsetCommitRequest:
		n.seen++
		if n.cuts = n.seen == n.c.cut; n.cuts {
			return
		}
		if n.c.refuses(n.seen) {
			if n.c.rejoins && n.over == 0 {
				n.over = out.Now() + sim.Time(n.c.answer)
			}
			out.Reply(e, &model.OffsetCommitResponse{Partitions: []model.PartitionError{{Error: n.c.refusal}}})
			return
		}
		n.Group.Handle(e, out)
	}
}

// world is the model's.
func (c kgoCommits) world(prior offsets.Prior, retries int, into *story) (*sim.World, *refusingCoordinator) {
	const committed model.Offset = 10
	w := sim.NewWorld()
	node := &refusingCoordinator{Group: coordinator.NewGroup(committed), c: c}
	tell := func(format string, args ...any) {
		s := &until{into, c.over()}
		if node.over > 0 {
			s.over = time.Duration(node.over)
		}
		s.note(w.Now(), format, args...)
	}
	w.AddNode("coordinator", node)
	g := offsets.NewGroupConsumer(prior, w.Dial("kgo", "coordinator"), committed, len(c.polls)+c.ticks)
	g.NoEpoch(c.epoch < 0)
	g.Retries(retries, c.backoff, w.Dial("lookup", "coordinator"))
	w.Share("g", g)
	app, commits := offsets.NewAsyncApplication(g, c.waits, c.polls...)
	w.GoProgram("app", app)
	if c.ticks > 0 {
		loop, autocommits := offsets.NewLoopCommit(g, c.interval, c.ticks, len(c.polls)+1)
		w.GoProgram("loop", loop)
		commits = append(commits, autocommits...)
	}
	for i, commit := range commits {
		w.GoProgram(fmt.Sprint("commit", i+1), commit)
	}
	if c.cut > 0 {
		w.Allow(sim.Faults{Cuts: 1, Closes: len(commits)})
	} else {
		w.Allow(sim.Faults{Closes: len(commits)})
	}
	w.Timed(sim.Timing{
		Seed: c.seed, ThinkTimes: []sim.DelayOverride{{Of: offsets.PointPoll, Delay: c.think}},
		Overrides: []sim.DelayOverride{{Of: "coordinator->kgo", Delay: sim.Constant(c.answer)}},
	})
	note := sim.NewProperty("story", nil)
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.OffsetCommitRequest) {
		tell("commit %s", model.FormatOffsets(m.Partitions))
	})
	sim.On(note, sim.Arrived, func(*sim.Claim, sim.Act, *model.FindCoordinatorRequest) { tell("look up") })
	sim.On(note, sim.Returned, func(_ *sim.Claim, _ sim.Act, m *offsets.CommitDone) {
		name := fmt.Sprint(m.Number)
		if m.Number > len(c.polls) {
			name = "autocommit"
		}
		tell("%s", onDone(name, m.Err && m.Code == model.None, int16(m.Code)))
		if c.rejoins && m.Code == model.ErrIllegalGeneration {
			tell("rejoin")
		}
	})
	w.Watch(note)
	return w, node
}

func onDone(commit string, noResponse bool, code int16) string {
	if noResponse {
		return commit + " done without a response"
	}
	return fmt.Sprint(commit, " done: ", model.Error(code))
}

// released runs the release that this binary has. It belongs in a bubble.
func (c kgoCommits) released(into *story) {
	s := &until{into, c.over()}
	start := time.Now()
	fake := &kgoGroup{kgoCommits: c, until: s, cluster: newCluster(1), start: start}
	fake.cluster.oneNode = true
	var out sync.WaitGroup // commits of the application
	done := func(commit string) func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error) {
		return func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
			code := int16(0)
			if err == nil {
				if len(response.Topics) == 0 {
					return // Up to 1.15.4, a tick that has nothing to commit says so.
				}
				code = response.Topics[0].Partitions[0].ErrorCode
			}
			s.note(time.Since(start), "%s", onDone(commit, err != nil, code))
		}
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(address(coordinatorID)), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(kgo.RangeBalancer()),
		kgo.HeartbeatInterval(5 * time.Minute), kgo.SessionTimeout(10 * time.Minute), kgo.RebalanceTimeout(10 * time.Minute), kgo.ConnIdleTimeout(15 * time.Minute),
		kgo.RequestRetries(c.retries), kgo.RetryBackoffFn(func(int) time.Duration { return c.backoff }), kgo.RetryTimeout(0),
		kgo.Dialer(func(context.Context, string, string) (net.Conn, error) { return pipe(fake.handle), nil }),
	}
	if c.ticks > 0 {
		options = append(options, kgo.AutoCommitInterval(c.interval), kgo.AutoCommitCallback(done("autocommit")))
	} else {
		options = append(options, kgo.DisableAutoCommit())
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	synctest.Wait()
	think := sim.NewRandom(c.seed, "before "+offsets.PointPoll+" app")
	offset := int64(10)
application:
	for i, polls := range c.polls {
		for range polls {
			due := time.Since(start)
			if offset > 10 {
				due += c.think.Draw(&think)
			}
			time.Sleep(due - time.Since(start))
			if fake.rejoined() {
				break application
			}
			cl.PollRecords(context.Background(), 1)
			if time.Since(start) != due {
				panic(fmt.Sprintf("conform: the poll of offset %d was due at %v and waited until %v: %+v", offset, due, time.Since(start), c))
			}
			offset++
		}
		of := map[string]map[int32]kgo.EpochOffset{topic: {0: {Epoch: c.epoch, Offset: offset}}}
		call := cl.CommitOffsets
		if c.waits {
			call = cl.CommitOffsetsSync
		}
		out.Add(1)
		called := done(fmt.Sprint(i + 1))
		call(context.Background(), of, func(cl *kgo.Client, q *kmsg.OffsetCommitRequest, p *kmsg.OffsetCommitResponse, err error) {
			defer out.Done()
			called(cl, q, p, err)
		})
	}
	out.Wait()
	time.Sleep(10 * time.Second)
	fake.mu.Lock()
	fake.closed = true
	fake.mu.Unlock()
	cl.Close()
}

// kgoGroup is a cluster of one broker with a group of one member, and a partition with
// records from 10 on.
type kgoGroup struct {
	kgoCommits
	*until
	cluster *cluster
	start   time.Time
	mu      sync.Mutex
	seen    int
	looked  bool // the group's coordinator was looked up
	joins   int
	closed  bool // what the client does to close is no part of the story
}

func (l *kgoGroup) handle(request kmsg.Request) (kmsg.Response, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Since(l.start)
	switch r := request.(type) {
	case *kmsg.ApiVersionsRequest:
		response := kmsg.NewPtrApiVersionsResponse()
		for key, version := range map[kmsg.Key]int16{
			kmsg.ApiVersions: 3, kmsg.Metadata: 9, kmsg.FindCoordinator: 3, kmsg.JoinGroup: 5, kmsg.SyncGroup: 3, kmsg.Heartbeat: 3,
			kmsg.LeaveGroup: 2, kmsg.OffsetFetch: 5, kmsg.OffsetCommit: 7, kmsg.Fetch: 11, kmsg.ListOffsets: 5,
		} {
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = key.Int16(), version
			response.ApiKeys = append(response.ApiKeys, k)
		}
		return response, 0
	case *kmsg.FindCoordinatorRequest:
		if l.looked && !l.closed {
			l.note(now, "look up")
		}
		l.looked = true
		return l.cluster.handle(r)
	case *kmsg.JoinGroupRequest:
		if l.joins++; l.joins == 2 && !l.closed {
			l.note(now, "rejoin")
			l.until.over = now
		}
		response := kmsg.NewPtrJoinGroupResponse()
		response.Generation, response.LeaderID, response.MemberID = 1, "member", "member"
		response.Protocol = kmsg.StringPtr(r.Protocols[0].Name)
		m := kmsg.NewJoinGroupResponseMember()
		m.MemberID, m.ProtocolMetadata = "member", r.Protocols[0].Metadata
		response.Members = append(response.Members, m)
		return response, 0
	case *kmsg.SyncGroupRequest:
		response := kmsg.NewPtrSyncGroupResponse()
		response.MemberAssignment = r.GroupAssignment[0].MemberAssignment
		return response, 0
	case *kmsg.HeartbeatRequest:
		return kmsg.NewPtrHeartbeatResponse(), 0
	case *kmsg.LeaveGroupRequest:
		return kmsg.NewPtrLeaveGroupResponse(), 0
	case *kmsg.OffsetFetchRequest:
		return (&offsetLog{}).handle(r)
	case *kmsg.OffsetCommitRequest:
		return l.offsetCommit(now, r)
	case *kmsg.FetchRequest:
		return l.fetch(r)
	}
	return l.cluster.handle(request)
}

func (l *kgoGroup) rejoined() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.joins > 1
}

func (l *kgoGroup) offsetCommit(now time.Duration, r *kmsg.OffsetCommitRequest) (kmsg.Response, time.Duration) {
	of := r.Topics[0].Partitions[0]
	if l.seen++; !l.closed {
		l.note(now, "commit %s", model.FormatOffsets([]model.PartitionOffset{{Offset: model.Offset(of.Offset)}}))
	}
	if l.seen == l.cut {
		return nil, 0
	}
	response := kmsg.NewPtrOffsetCommitResponse()
	t := kmsg.NewOffsetCommitResponseTopic()
	t.Topic = topic
	p := kmsg.NewOffsetCommitResponseTopicPartition()
	if l.refuses(l.seen) {
		p.ErrorCode = int16(l.refusal)
	}
	t.Partitions = append(t.Partitions, p)
	response.Topics = append(response.Topics, t)
	return response, l.answer
}

// records are more than any application polls.
const records = 20

// fetch answers with a batch of a record each, and at the end not for a long time.
func (l *kgoGroup) fetch(r *kmsg.FetchRequest) (kmsg.Response, time.Duration) {
	response := kmsg.NewPtrFetchResponse()
	after := time.Minute
	for _, asked := range r.Topics {
		t := kmsg.NewFetchResponseTopic()
		t.Topic = asked.Topic
		for _, of := range asked.Partitions {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.HighWatermark, p.LastStableOffset, p.LogStartOffset = of.Partition, 10+records, 10+records, 0
			if of.FetchOffset < 10+records {
				p.RecordBatches = batchFrom(of.FetchOffset, int32(10+records-of.FetchOffset))
				after = 0
			}
			t.Partitions = append(t.Partitions, p)
		}
		response.Topics = append(response.Topics, t)
	}
	return response, after
}

// batchFrom is a batch of empty records.
func batchFrom(offset int64, n int32) []byte {
	b := kmsg.NewRecordBatch()
	b.FirstOffset, b.LastOffsetDelta, b.NumRecords, b.Magic = offset, n-1, n, 2
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = -1, -1, -1
	for i := range n {
		record := kmsg.Record{OffsetDelta: i}
		record.Length = int32(len(record.AppendTo(nil)) - 1)
		b.Records = record.AppendTo(b.Records)
	}
	b.Length = int32(len(b.AppendTo(nil)) - 12)
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b.AppendTo(nil)
}

// retriesOf is the model's number of retries: up to 1.18.1, RequestRetries counts the first
// try.
func retriesOf(version string, requestRetries int) int {
	if semver.Compare(version, "v1.19.0") < 0 {
		return requestRetries - 1
	}
	return requestRetries
}

// Goal: when the coordinator refuses commits, or loses a connection, a release of franz-go
// sends the commits and look-ups that the model sends, and tells the same of each, at the same
// times. Method: the model is asked whether it has that story.
func TestKgoCommits(t *testing.T) {
	of := version(t, "franz-go")
	prior := releaseOf(of,
		from[offsets.Prior]{"v1.21.0", offsets.AwaitPrior}, from[offsets.Prior]{"v1.21.4", offsets.AwaitPriorCount},
		from[offsets.Prior]{"v1.22.2", offsets.AwaitPriorAbandon})
	rejoins := semver.Compare(of, "v1.21.1") >= 0 // commitHasFatalMemberError; in 1.21.3, not in 1.21.0
	rapid.Check(t, func(r *rapid.T) {
		c := drawKgoCommits(r, prior == offsets.CancelPrior, rejoins)
		got := &story{}
		synctest.Test(t, func(*testing.T) { c.released(got) })
		now := &story{}
		w, node := c.world(prior, retriesOf(of, c.retries), now)
		defer w.Close()
		if !got.tells(w, now, node.options) {
			first := &story{}
			w, node := c.world(prior, retriesOf(of, c.retries), first)
			defer w.Close()
			system := explore.Of(w)
			for next := node.options(system.Enabled()); len(next) > 0; next = node.options(system.Enabled()) {
				system.Take(next[0])
			}
			r.Fatalf("franz-go %s with %+v\nreleased:\n%v\nnot in the model, which has:\n%v", of, c, got, first)
		}
	})
}

// options are the events of which any may be next: of the faults, the connection is lost
// instead of an answer.
func (n *refusingCoordinator) options(enabled []sim.Event) []int {
	return withFault(enabled, n.cuts, "coordinator->kgo")
}
