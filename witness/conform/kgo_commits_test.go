package conform

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/mod/semver"
	"pgregory.net/rapid"

	"racelab/model"
	offsets "racelab/model/group/kgo"
	"racelab/sim"
	"racelab/sim/explore"
)

// kgoCommits is a workload: an application polls a record at a time and commits, a ticker
// commits beside it, the coordinator refuses some commits or one partition of them, or loses a
// connection, and the contexts of some end.
type kgoCommits struct {
	commits  []offsets.Commit // of the application
	parts    int              // partitions
	waits    bool             // for each of its commits: CommitOffsetsSync, otherwise CommitOffsets
	ticks    int              // autocommits; 0: they are disabled
	interval time.Duration
	retries  int // RequestRetries
	backoff  time.Duration
	timeout  time.Duration // RetryTimeout; 0: none
	answer   time.Duration // from a commit to its answer
	refused  int           // the first commit, from 1, that is refused
	refusals int           // how many are
	refusal  model.Error
	partial  int           // only that partition's offset is refused, from 1; 0: all are
	moves    bool          // from that commit on, another broker is the coordinator, which look-ups tell one fewer than refusals later
	rejoins  bool          // because of the refusal, which the model leaves out: the story ends there
	cut      int           // the commit whose connection is lost before the answer; 0: none
	overhead time.Duration // RequestTimeoutOverhead
	silent   int           // the first commit, from 1, that is never answered; 0: none
	silences int           // how many are not
	unsaid   int           // the first look-up, from 1, that is never answered; 0: none
	unsaids  int
	think    sim.Delay // before each poll
	epoch    int32     // of the application's commits; that of the records is 0, and -1 is none
	seed     uint64
}

// drawKgoCommits draws a setting. A release that joins again when its generation is refused
// then waits for a lock until no commit is out, which would stop the bubble's clock; so there
// one commit at a time is. What comes of a look-up that is never answered is the model's from
// 1.21.0 on. One that kills connections may lose no other, because from
// 1.19.5 or before it does not try again where the first read of a connection is its end.
func drawKgoCommits(r *rapid.T, prior offsets.Prior, rejoins bool) kgoCommits {
	c := kgoCommits{
		parts:    rapid.SampledFrom([]int{1, 1, 2, 3}).Draw(r, "partitions"),
		waits:    rapid.Bool().Draw(r, "waits"),
		retries:  rapid.IntRange(0, 9).Draw(r, "retries"),
		backoff:  time.Duration(rapid.SampledFrom([]int{1, 5, 50, 200, 600, 3000}).Draw(r, "backoff"))*time.Millisecond + 3*time.Microsecond,
		answer:   time.Duration(rapid.IntRange(1, 1200).Draw(r, "answer"))*time.Millisecond + 7*time.Microsecond,
		refused:  rapid.IntRange(1, 12).Draw(r, "refused"),
		refusals: rapid.IntRange(0, 12).Draw(r, "refusals"),
		refusal: rapid.SampledFrom([]model.Error{
			model.ErrNotCoordinator, model.ErrCoordinatorLoadInProgress, model.ErrCoordinatorNotAvailable,
			model.ErrRebalanceInProgress, model.ErrIllegalGeneration, model.ErrOffsetMetadataTooLarge,
			model.ErrUnknownMemberID, model.ErrFencedInstanceID, model.ErrRequestTimedOut, model.ErrUnknownTopicOrPartition,
		}).Draw(r, "refusal"),
		seed: rapid.Uint64Range(0, 1_000_000).Draw(r, "seed"),
	}
	if rapid.IntRange(0, 3).Draw(r, "moves") == 0 {
		c.moves, c.refusal = true, model.ErrNotCoordinator
	}
	if c.refusal == model.ErrOffsetMetadataTooLarge { // The others are the coordinator's, of all.
		c.partial = rapid.IntRange(0, c.parts).Draw(r, "refused partition")
	}
	if c.rejoins = rejoins && (c.refusal == model.ErrIllegalGeneration || c.refusal == model.ErrUnknownMemberID); c.rejoins {
		c.waits = true
	} else if rapid.Bool().Draw(r, "auto") {
		c.ticks = rapid.IntRange(1, 9).Draw(r, "ticks")
		c.interval = time.Duration(rapid.IntRange(100, 3000).Draw(r, "interval")) * time.Millisecond // 100 ms is the least.
	}
	ends := rapid.Bool().Draw(r, "ends")
	for range rapid.IntRange(1, 10).Draw(r, "commits") {
		c.commits = append(c.commits, drawCommit(r, c.parts, ends))
	}
	one := c.waits && c.ticks == 0
	if kills := prior == offsets.CancelPrior && !one || prior < offsets.AwaitPriorAbandon && ends; !kills && rapid.Bool().Draw(r, "cuts") {
		c.cut = rapid.IntRange(1, 6).Draw(r, "cut")
	}
	c.overhead = time.Duration(rapid.IntRange(1300, 10_000).Draw(r, "overhead"))*time.Millisecond + 19*time.Microsecond
	if c.cut == 0 && rapid.Bool().Draw(r, "silent") {
		c.silent, c.silences = rapid.IntRange(1, 8).Draw(r, "silent commit"), rapid.IntRange(1, 4).Draw(r, "silences")
	}
	if !ends && c.cut == 0 && prior >= offsets.AwaitPrior && rapid.IntRange(0, 3).Draw(r, "unsaid") == 0 {
		c.unsaid, c.unsaids = rapid.IntRange(1, 4).Draw(r, "unsaid look-up"), rapid.IntRange(1, 4).Draw(r, "unsaids")
	}
	if rapid.Bool().Draw(r, "retry-timeout") {
		c.timeout = time.Duration(rapid.IntRange(1, 1500).Draw(r, "timeout"))*time.Millisecond + 11*time.Microsecond
	}
	if rapid.Bool().Draw(r, "no epoch") {
		c.epoch = -1
	}
	// No two of what is due are due at one instant.
	c.think = sim.Exponential(time.Duration(rapid.SampledFrom([]int{10, 100, 300}).Draw(r, "think")) * time.Millisecond)
	return c
}

// drawCommit draws a commit, whose context may end before the call or later.
func drawCommit(r *rapid.T, partitions int, ends bool) (c offsets.Commit) {
	for range rapid.IntRange(1, 2).Draw(r, "polls") {
		c.Polls = append(c.Polls, model.Partition(rapid.IntRange(0, partitions-1).Draw(r, "of")))
	}
	if c.Ends = ends && rapid.Bool().Draw(r, "this ends"); c.Ends && rapid.IntRange(0, 3).Draw(r, "later") > 0 {
		c.After = time.Duration(rapid.IntRange(0, 400).Draw(r, "after"))*time.Millisecond + 13*time.Microsecond
	}
	return c
}

// over is the time up to which a story is told: before the tick after the last.
func (c kgoCommits) over() time.Duration {
	if c.ticks == 0 {
		return time.Hour
	}
	return time.Duration(c.ticks)*c.interval + c.interval/2
}

// outcome is what a commit gets for a partition, if it comes to the broker that is the coordinator at
// the start, or to another one.
func (c kgoCommits) outcome(commit int, of model.Partition, other bool) model.Error {
	if c.moves {
		if moved, _ := c.moved(commit, 0); moved != other {
			return model.ErrNotCoordinator
		}
		return model.None
	}
	if commit >= c.refused && commit < c.refused+c.refusals && (c.partial == 0 || c.partial == int(of)+1) {
		return c.refusal
	}
	return model.None
}

// moved is whether the coordinator is another broker, and whether that is said, after so many
// commits, and so many look-ups since.
func (c kgoCommits) moved(commits, lookUps int) (moved, said bool) {
	moved = c.moves && c.refusals > 0 && commits >= c.refused
	return moved, moved && lookUps >= c.refusals
}

// isSilent says whether a commit is never answered.
func (c kgoCommits) isSilent(commit int) bool {
	return c.silent > 0 && commit >= c.silent && commit < c.silent+c.silences
}

// leavesUnsaid says whether a look-up is never answered.
func (c kgoCommits) leavesUnsaid(lookUp int) bool {
	return c.unsaid > 0 && lookUp >= c.unsaid && lookUp < c.unsaid+c.unsaids
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

// refusingCoordinator is the model's coordinator of the group, who takes commits and refuses
// some; or two brokers on one connection, whose answers all take as long.
type refusingCoordinator struct {
	c    kgoCommits `sim:"config"`
	seen int
	asks int  // look-ups
	told int  // of them, since it moved
	at   bool // the other broker, as the last look-up said
	cuts bool // the connection is lost now
}

func (n *refusingCoordinator) Handle(e sim.Envelope, out *sim.Outbox) {
	switch e.Message.(type) {
	case *model.FindCoordinatorRequest:
		if n.asks++; !n.c.leavesUnsaid(n.asks) {
			if moved, _ := n.c.moved(n.seen, 0); moved {
				n.told++
			}
			_, n.at = n.c.moved(n.seen, n.told)
			out.Reply(e, &model.FindCoordinatorResponse{})
		}
	case *model.OffsetCommitRequest:
		n.seen++
		if n.cuts = n.seen == n.c.cut; n.cuts || n.c.isSilent(n.seen) {
			return
		}
		response := &model.OffsetCommitResponse{}
		for _, of := range e.Message.(*model.OffsetCommitRequest).Partitions {
			code := n.c.outcome(n.seen, of.Partition, n.at)
			response.Partitions = append(response.Partitions, model.PartitionError{Partition: of.Partition, Error: code})
		}
		out.Reply(e, response)
	}
}

// world is the model's.
func (c kgoCommits) world(prior offsets.Prior, retries int, into *story) (*sim.World, *refusingCoordinator) {
	w := sim.NewWorld()
	node := &refusingCoordinator{c: c}
	over := &end{at: c.over()}
	tell := func(format string, args ...any) { (&until{into, over.at}).note(w.Now(), format, args...) }
	w.AddNode("coordinator", node)
	g := offsets.NewGroupConsumer(prior, w.Dial("kgo", "coordinator"), len(c.commits)+c.ticks, c.committed()...)
	g.NoEpoch(c.epoch < 0)
	readers := g.Retries(offsets.Retries{Max: retries, Backoff: c.backoff, Timeout: c.timeout, Overhead: c.overhead}, w.Dial("lookup", "coordinator"))
	w.Share("g", g)
	w.GoProgram("reader", readers[0])
	w.GoProgram("look-ups", readers[1])
	app, commits, ends := offsets.NewAsyncApplication(g, c.waits, c.commits...)
	w.GoProgram("app", app)
	for i, e := range ends {
		w.GoProgram(fmt.Sprint("ends", i+1), e)
	}
	if c.ticks > 0 {
		loop, autocommits := offsets.NewLoopCommit(g, c.interval, c.ticks, len(c.commits)+1)
		w.GoProgram("loop", loop)
		commits = append(commits, autocommits...)
	}
	for i, commit := range commits {
		w.GoProgram(fmt.Sprint("commit", i+1), commit)
	}
	if c.cut > 0 {
		w.Allow(sim.Faults{Cuts: 1, Closes: len(commits)})
	} else {
		w.Allow(sim.Faults{Closes: len(commits) + c.silences + c.unsaids})
	}
	w.Timed(sim.Timing{
		Seed: c.seed, ThinkTimes: []sim.DelayOverride{{Of: offsets.PointPoll, Delay: c.think}},
		Overrides: []sim.DelayOverride{{Of: "coordinator->kgo", Delay: sim.Constant(c.answer)}},
	})
	note := sim.NewProperty("story", over)
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.OffsetCommitRequest) {
		tell("commit %s", model.FormatOffsets(m.Partitions))
	})
	sim.On(note, sim.Arrived, func(*sim.Claim, sim.Act, *model.FindCoordinatorRequest) { tell("look up") })
	sim.On(note, sim.Returned, func(_ *sim.Claim, _ sim.Act, m *offsets.CommitDone) {
		name := fmt.Sprint(m.Number)
		if m.Number > len(c.commits) {
			name = "autocommit"
		}
		tell("%s", onDone(name, m.Outcomes))
		if c.rejoins && len(m.Outcomes) > 0 && m.Outcomes[0].Error == c.refusal {
			tell("rejoin")
			over.at = w.Now()
		}
	})
	w.Watch(note)
	return w, node
}

// end is when a story ends.
type end struct{ at time.Duration }

// committed are the offsets that the partitions begin with.
func (c kgoCommits) committed() []model.Offset { return []model.Offset{10, 20, 30}[:c.parts] }

func onDone(commit string, outcomes []model.PartitionError) string {
	if len(outcomes) == 0 {
		return commit + " done without a response"
	}
	return commit + " done: " + model.FormatErrors(outcomes)
}

// released runs the release that this binary has. It belongs in a bubble.
func (c kgoCommits) released(into *story) {
	s := &until{into, c.over()}
	start := time.Now()
	fake := &kgoGroup{kgoCommits: c, until: s, cluster: newCluster(c.parts), start: start}
	fake.cluster.oneNode = !c.moves
	fake.cluster.leads = func(int32) (node, epoch int32) { return coordinatorID, 0 }
	var out sync.WaitGroup // commits of the application
	done := func(commit string) onCommitted { return tellsDone(s, start, commit) }
	options := []kgo.Opt{
		kgo.SeedBrokers(address(coordinatorID)), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(kgo.RangeBalancer()),
		kgo.HeartbeatInterval(5 * time.Minute), kgo.SessionTimeout(10 * time.Minute), kgo.RebalanceTimeout(10 * time.Minute), kgo.ConnIdleTimeout(15 * time.Minute),
		kgo.RequestTimeoutOverhead(c.overhead), kgo.RequestRetries(c.retries), kgo.RetryBackoffFn(func(int) time.Duration { return c.backoff }), kgo.RetryTimeout(c.timeout),
		kgo.Dialer(func(_ context.Context, _, at string) (net.Conn, error) {
			return pipe(func(r kmsg.Request) (kmsg.Response, time.Duration) {
				return fake.handle(r, at != address(coordinatorID))
			}), nil
		}),
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
	polled := map[int32]kgo.EpochOffset{}
application:
	for i, commit := range c.commits {
		for _, of := range commit.Polls {
			due := time.Since(start)
			if len(polled) > 0 {
				due += c.think.Draw(&think)
			}
			time.Sleep(due - time.Since(start))
			if fake.rejoined() {
				break application
			}
			record := cl.PollRecords(context.Background(), 1).Records()[0]
			if time.Since(start) != due || record.Partition != int32(of) {
				panic(fmt.Sprintf("conform: the poll of partition %d was due at %v and waited until %v for %+v: %+v", of, due, time.Since(start), record, c))
			}
			polled[record.Partition] = kgo.EpochOffset{Epoch: c.epoch, Offset: record.Offset + 1}
		}
		ctx := context.Background()
		if commit.Ends {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, commit.After)
			defer cancel()
		}
		call := cl.CommitOffsets
		if c.waits {
			call = cl.CommitOffsetsSync
		}
		out.Add(1)
		called := done(fmt.Sprint(i + 1))
		call(ctx, map[string]map[int32]kgo.EpochOffset{topic: maps.Clone(polled)}, func(cl *kgo.Client, q *kmsg.OffsetCommitRequest, p *kmsg.OffsetCommitResponse, err error) {
			defer out.Done()
			called(cl, q, p, err)
		})
	}
	out.Wait()
	if c.ticks > 0 {
		time.Sleep(time.Until(start.Add(c.over())))
	}
	time.Sleep(10 * time.Second)
	fake.mu.Lock()
	fake.closed = true
	fake.mu.Unlock()
	cl.Close()
	time.Sleep(time.Minute) // The last fetch is answered.
}

// onCommitted is an onDone of CommitOffsets.
type onCommitted = func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error)

// tellsDone notes what a commit is told.
func tellsDone(s *until, start time.Time, commit string) onCommitted {
	return func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
		var outcomes []model.PartitionError
		if err == nil {
			if len(response.Topics) == 0 {
				return // Nothing was to be committed.
			}
			for _, p := range response.Topics[0].Partitions {
				outcomes = append(outcomes, model.PartitionError{Partition: model.Partition(p.Partition), Error: model.Error(p.ErrorCode)})
			}
			slices.SortFunc(outcomes, func(a, b model.PartitionError) int { return cmp.Compare(a.Partition, b.Partition) })
		}
		s.note(time.Since(start), "%s", onDone(commit, outcomes))
	}
}

// groupVersions are those of Kafka 2.3 for a group and who consumes, but that topics have ids: a
// client that misses them asks for metadata on the connection of the commits.
func groupVersions() kmsg.Response {
	response := kmsg.NewPtrApiVersionsResponse()
	for key, version := range map[kmsg.Key]int16{
		kmsg.ApiVersions: 3, kmsg.Metadata: 12, kmsg.FindCoordinator: 3, kmsg.JoinGroup: 5, kmsg.SyncGroup: 3, kmsg.Heartbeat: 3,
		kmsg.LeaveGroup: 2, kmsg.OffsetFetch: 5, kmsg.OffsetCommit: 7, kmsg.Fetch: 11, kmsg.ListOffsets: 5,
	} {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MaxVersion = key.Int16(), version
		response.ApiKeys = append(response.ApiKeys, k)
	}
	return response
}

// kgoGroup is a cluster of one broker, or of more if the coordinator moves, with a group of one member, and partitions with records
// from what is committed on.
type kgoGroup struct {
	kgoCommits
	*until
	cluster *cluster
	start   time.Time
	mu      sync.Mutex
	seen    int
	fetched int  // records
	looked  bool // the group's coordinator was looked up
	asks    int  // look-ups after the first
	told    int  // of them, since the coordinator moved
	joins   int
	closed  bool // what the client does to close is no part of the story
}

func (l *kgoGroup) handle(request kmsg.Request, other bool) (kmsg.Response, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Since(l.start)
	switch r := request.(type) {
	case *kmsg.ApiVersionsRequest:
		return groupVersions(), 0
	case *kmsg.FindCoordinatorRequest:
		if l.looked && !l.closed {
			l.note(now, "look up")
			if l.asks++; l.leavesUnsaid(l.asks) {
				return kmsg.NewPtrFindCoordinatorResponse(), never
			}
		}
		l.looked = true
		if moved, _ := l.moved(l.seen, 0); moved {
			l.told++
		}
		response := kmsg.NewPtrFindCoordinatorResponse()
		response.NodeID = coordinatorID
		if _, said := l.moved(l.seen, l.told); said {
			response.NodeID++
		}
		response.Host, response.Port = host(response.NodeID), port
		return response, 0
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
		return (&offsetLog{}).handle(r, false)
	case *kmsg.OffsetCommitRequest:
		return l.offsetCommit(now, r, other)
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

func (l *kgoGroup) offsetCommit(now time.Duration, r *kmsg.OffsetCommitRequest, other bool) (kmsg.Response, time.Duration) {
	l.seen++
	response := kmsg.NewPtrOffsetCommitResponse()
	t := kmsg.NewOffsetCommitResponseTopic()
	t.Topic = topic
	var committed []model.PartitionOffset
	for _, of := range r.Topics[0].Partitions {
		committed = append(committed, model.PartitionOffset{Partition: model.Partition(of.Partition), Offset: model.Offset(of.Offset)})
		p := kmsg.NewOffsetCommitResponseTopicPartition()
		p.Partition, p.ErrorCode = of.Partition, int16(l.outcome(l.seen, model.Partition(of.Partition), other))
		t.Partitions = append(t.Partitions, p)
	}
	if !l.closed {
		slices.SortFunc(committed, func(a, b model.PartitionOffset) int { return cmp.Compare(a.Partition, b.Partition) })
		l.note(now, "commit %s", model.FormatOffsets(committed))
	}
	if l.seen == l.cut {
		return nil, 0
	}
	response.Topics = append(response.Topics, t)
	if l.isSilent(l.seen) {
		return response, never
	}
	return response, l.answer
}

// fetch answers with a record of the partition that the application polls next, and at the end
// not for a long time.
func (l *kgoGroup) fetch(r *kmsg.FetchRequest) (kmsg.Response, time.Duration) {
	response := kmsg.NewPtrFetchResponse()
	var polls []model.Partition
	for _, c := range l.kgoCommits.commits {
		polls = append(polls, c.Polls...)
	}
	for _, asked := range r.Topics {
		for _, of := range asked.Partitions {
			if l.fetched == len(polls) || model.Partition(of.Partition) != polls[l.fetched] {
				continue
			}
			l.fetched++
			response.Topics = append(response.Topics, nextRecord(asked.Topic, of))
			return response, 0
		}
	}
	if l.fetched < len(polls) {
		return response, 0 // The client does not know yet where that partition begins.
	}
	return response, time.Minute
}

// nextRecord is the record at the offset that is asked for.
func nextRecord(topic string, of kmsg.FetchRequestTopicPartition) kmsg.FetchResponseTopic {
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.HighWatermark, p.LastStableOffset, p.RecordBatches = of.Partition, of.FetchOffset+1, of.FetchOffset+1, batchAt(of.FetchOffset)
	t := kmsg.NewFetchResponseTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	return t
}

// batchAt is a batch of an empty record.
func batchAt(offset int64) []byte {
	b := kmsg.NewRecordBatch()
	b.FirstOffset, b.NumRecords, b.Magic = offset, 1, 2
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = -1, -1, -1
	record := kmsg.Record{}
	record.Length = int32(len(record.AppendTo(nil)) - 1)
	b.Records = record.AppendTo(nil)
	b.Length = int32(len(b.AppendTo(nil)) - 12)
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b.AppendTo(nil)
}

func kgoPrior(version string) offsets.Prior {
	return releaseOf(version,
		from[offsets.Prior]{"v1.21.0", offsets.AwaitPrior}, from[offsets.Prior]{"v1.21.4", offsets.AwaitPriorCount},
		from[offsets.Prior]{"v1.22.2", offsets.AwaitPriorAbandon})
}

// retriesOf is the model's number of retries: up to 1.18.1, RequestRetries counts the first
// try.
func retriesOf(version string, requestRetries int) int {
	if semver.Compare(version, "v1.19.0") < 0 {
		return requestRetries - 1
	}
	return requestRetries
}

// Goal: when the coordinator refuses commits or some of their partitions, or loses a
// connection, when contexts end and RetryTimeout is over, a release of franz-go
// sends the commits and look-ups that the model sends, and tells the same of each, at the same
// times. Method: the model is asked whether it has that story.
func TestKgoCommits(t *testing.T) {
	of := version(t, "franz-go")
	prior := kgoPrior(of)
	rejoins := semver.Compare(of, "v1.21.3") >= 0 // commitHasFatalMemberError; not in 1.21.2
	rapid.Check(t, func(r *rapid.T) {
		c := drawKgoCommits(r, prior, rejoins)
		var got *story
		if agrees(func() bool {
			got = &story{}
			synctest.Test(t, func(*testing.T) { c.released(got) })
			now := &story{}
			w, node := c.world(prior, retriesOf(of, c.retries), now)
			defer w.Close()
			return got.tells(w, now, node.options)
		}) {
			return
		}
		first := &story{}
		w, node := c.world(prior, retriesOf(of, c.retries), first)
		defer w.Close()
		system := explore.Of(w)
		for next := node.options(system.Enabled()); len(next) > 0; next = node.options(system.Enabled()) {
			system.Take(next[0])
		}
		r.Fatalf("franz-go %s with %+v\nreleased:\n%v\nnot in the model, which has:\n%v", of, c, got, first)
	})
}

// options are the events of which any may be next: of the faults, the connection is lost
// instead of an answer.
func (n *refusingCoordinator) options(enabled []sim.Event) []int {
	return withFault(enabled, n.cuts, "coordinator->kgo", 1)
}
