package conform

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"runtime"
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

// kgoRejoin is a member of a group that rebalances, or gives it up, again and again, with an
// application that polls a record at a time and commits, and autocommits beside it. What the
// member has not, another one consumes and commits.
type kgoRejoin struct {
	session     offsets.SessionConfig
	generations []generation
	ahead       int // records that another member consumes of each partition in a generation
	plan        []offsets.Commit
	parts       int
	waits       bool          // CommitOffsetsSync
	interval    time.Duration // of autocommits; 0: they are disabled
	answer      time.Duration // from a request to its answer, beside what that waits for
	think       sim.Delay     // before each poll
	epoch       int32         // of the application's commits
	seed        uint64
}

// generation is one of the group, as the member sees it.
type generation struct {
	assigned []model.Partition
	others   time.Duration // from the member's JoinGroup to the last of the others'
	leader   time.Duration // from its SyncGroup to the leader's
	lasts    time.Duration // from then on, until the coordinator answers ends
	ends     model.Error
	refuses  bool // commits too, if that is REBALANCE_IN_PROGRESS
	unsynced bool // the SyncGroup is refused with ends
}

// drawKgoRejoin draws a setting. A cooperative generation adds partitions or takes some. Where
// a commit kills the connection of the one before it, one at a time is out.
func drawKgoRejoin(r *rapid.T, prior offsets.Prior, rejoins bool) kgoRejoin {
	millis := func(name string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(r, name)) * time.Millisecond
	}
	c := kgoRejoin{
		parts: rapid.IntRange(1, 3).Draw(r, "partitions"),
		waits: rapid.Bool().Draw(r, "waits") || prior == offsets.CancelPrior,
		ahead: rapid.IntRange(0, 3).Draw(r, "ahead"),
		seed:  rapid.Uint64Range(0, 1_000_000).Draw(r, "seed"),
	}
	c.answer = millis("answer", 1, 900) + 7*time.Microsecond
	c.session = offsets.SessionConfig{
		Cooperative: rapid.Bool().Draw(r, "cooperative"),
		Heartbeat:   millis("heartbeat", 200, 3000) + 17*time.Microsecond,
		Backoff:     millis("backoff", 1, 1000) + 3*time.Microsecond,
		Rejoins:     rejoins,
		Uncommitted: rapid.Bool().Draw(r, "uncommitted"),
	}
	auto := rapid.Bool().Draw(r, "auto") && prior != offsets.CancelPrior
	c.session.Revoking = rapid.SampledFrom([]offsets.Revoking{offsets.RevokesNothing, offsets.RevokesUncommitted, offsets.RevokesHead}).Draw(r, "revoking")
	if !auto && c.session.Revoking == offsets.RevokesHead {
		c.session.Revoking = offsets.RevokesUncommitted
	}
	n := rapid.IntRange(1, 4).Draw(r, "generations")
	had := 0
	for i := range n {
		has := rapid.IntRange(0, 1<<c.parts-1).Draw(r, "assigned")
		if c.session.Cooperative && has&^had != 0 && had&^has != 0 {
			has |= had
		}
		g := generation{
			others: millis("others", 0, 3000) + time.Duration(i+1)*101*time.Microsecond,
			leader: millis("leader", 0, 1000) + time.Duration(i+1)*103*time.Microsecond,
			lasts:  millis("lasts", 1, 4000) + 107*time.Microsecond,
			ends: rapid.SampledFrom([]model.Error{
				model.ErrRebalanceInProgress, model.ErrRebalanceInProgress, model.ErrUnknownMemberID, model.ErrIllegalGeneration,
			}).Draw(r, "ends"),
			refuses:  rapid.IntRange(0, 3).Draw(r, "refuses") == 0,
			unsynced: i < n-1 && rapid.IntRange(0, 5).Draw(r, "unsynced") == 0,
		}
		if !g.unsynced {
			had = has
		}
		for p := range c.parts {
			if has>>p&1 == 1 {
				g.assigned = append(g.assigned, model.Partition(p))
			}
		}
		c.generations = append(c.generations, g)
	}
	c.generations[n-1].lasts = time.Hour
	for range rapid.IntRange(1, 8).Draw(r, "commits") {
		c.plan = append(c.plan, drawCommit(r, c.parts, false))
	}
	if auto {
		c.interval = millis("interval", 300, 2500) + 29*time.Microsecond
	}
	if rapid.Bool().Draw(r, "no epoch") {
		c.epoch = -1
	}
	c.think = sim.Exponential(millis("think", 50, 800))
	return c
}

// over is the time up to which a story is told.
func (c kgoRejoin) over() (over time.Duration) {
	for _, g := range c.generations[:len(c.generations)-1] {
		over += g.others + g.leader + g.lasts + c.session.Heartbeat + 4*c.answer
	}
	return over + 4*time.Second
}

func (c kgoRejoin) ticks() int {
	if c.interval == 0 {
		return 0
	}
	return int(c.over() / c.interval)
}

// scriptedGroup is the coordinator of the group, and all its members but one.
//
// Source: GroupMetadataManager.classicGroupJoin, ClassicGroup.validateOffsetCommit.
type scriptedGroup struct {
	c         kgoRejoin `sim:"config"`
	at        int       // the generation
	stable    sim.Time  // when it is; sim.Never: not yet
	removed   bool      // the member, and it was told so when it joined
	committed []model.Offset
}

func newScriptedGroup(c kgoRejoin) *scriptedGroup {
	return &scriptedGroup{c: c, stable: sim.Never, committed: c.committed()}
}

func (c kgoRejoin) committed() []model.Offset { return []model.Offset{10, 20, 30}[:c.parts] }

// generation is that of now. The last one begins anew with each join.
func (g *scriptedGroup) generation() generation {
	return g.c.generations[min(g.at, len(g.c.generations))-1]
}

// says is what the coordinator says of a generation.
func (g *scriptedGroup) says(of model.GenerationID, now sim.Time) model.Error {
	switch {
	case int(of) != g.at:
		return model.ErrIllegalGeneration
	case g.stable == sim.Never || now < g.stable:
		return model.ErrRebalanceInProgress
	case now >= g.stable.Add(g.generation().lasts):
		return g.generation().ends
	}
	return model.None
}

// join answers a JoinGroup, after a while.
func (g *scriptedGroup) join(now sim.Time) (_ model.GenerationID, refusal model.Error, after time.Duration) {
	if g.at > 0 && g.says(model.GenerationID(g.at), now) == model.ErrUnknownMemberID && !g.removed {
		g.removed = true
		return 0, model.ErrUnknownMemberID, 0
	}
	g.at++
	g.removed, g.stable = false, sim.Never
	for p := range g.committed {
		if !slices.Contains(g.generation().assigned, model.Partition(p)) {
			g.committed[p] += model.Offset(g.c.ahead)
		}
	}
	return model.GenerationID(g.at), model.None, g.generation().others
}

// sync answers a SyncGroup, after a while.
func (g *scriptedGroup) sync(now sim.Time) (assigned []model.Partition, refusal model.Error, after time.Duration) {
	is := g.generation()
	g.stable = now.Add(is.leader)
	if is.unsynced {
		g.stable = now.Add(-is.lasts)
		return nil, is.ends, is.leader
	}
	return is.assigned, model.None, is.leader
}

// commit answers an OffsetCommit, and stores what it takes.
func (g *scriptedGroup) commit(of model.GenerationID, now sim.Time, partitions []model.PartitionOffset) model.Error {
	refusal := g.says(of, now)
	if refusal == model.ErrRebalanceInProgress && g.stable != sim.Never && !g.generation().refuses {
		refusal = model.None
	}
	if refusal == model.None {
		for _, p := range partitions {
			g.committed[p.Partition] = p.Offset
		}
	}
	return refusal
}

// scriptedNode is the group as a node.
type scriptedNode struct {
	*scriptedGroup
	parked sim.Envelope // a JoinGroup or SyncGroup
	joined model.JoinGroupResponse
	synced model.SyncGroupResponse
}

func (n *scriptedNode) Timers() []string { return []string{"joined", "synced"} }

func (n *scriptedNode) Handle(e sim.Envelope, out *sim.Outbox) {
	now := out.Now()
	switch m := e.Message.(type) {
	case *model.JoinGroupRequest:
		n.parked = e
		var after time.Duration
		n.joined.GenerationID, n.joined.Error, after = n.join(now)
		out.After(0, after)
	case *model.SyncGroupRequest:
		n.parked = e
		var after time.Duration
		var assigned []model.Partition
		assigned, n.synced.Error, after = n.sync(now)
		n.synced.Assignment = slices.Clone(assigned) // What is state is the node's own.
		out.After(1, after)
	case *model.HeartbeatRequest:
		out.Reply(e, &model.HeartbeatResponse{Error: n.says(m.GenerationID, now)})
	case *model.OffsetCommitRequest:
		response := &model.OffsetCommitResponse{}
		refusal := n.commit(m.GenerationID, now, m.Partitions)
		for _, p := range m.Partitions {
			response.Partitions = append(response.Partitions, model.PartitionError{Partition: p.Partition, Error: refusal})
		}
		out.Reply(e, response)
	case *model.OffsetFetchRequest:
		response := &model.OffsetFetchResponse{}
		for _, p := range m.Partitions {
			response.Partitions = append(response.Partitions, model.PartitionOffset{Partition: p, Offset: n.committed[p]})
		}
		out.Reply(e, response)
	default:
		panic(fmt.Sprintf("conform: the group has no handler for %T", m))
	}
}

func (n *scriptedNode) Expire(timer int, out *sim.Outbox) {
	if timer == 0 {
		joined := n.joined
		out.Reply(n.parked, &joined)
	} else {
		synced := n.synced
		synced.Assignment = slices.Clone(synced.Assignment)
		out.Reply(n.parked, &synced)
	}
	n.parked, n.joined, n.synced = sim.Envelope{}, model.JoinGroupResponse{}, model.SyncGroupResponse{}
}

func (c kgoRejoin) world(prior offsets.Prior, into *story) *sim.World {
	w := sim.NewWorld()
	w.AddNode("coordinator", &scriptedNode{scriptedGroup: newScriptedGroup(c)})
	tell := func(format string, args ...any) { (&until{into, c.over()}).note(w.Now(), format, args...) }
	numbers := len(c.plan) + c.ticks()
	g := offsets.NewGroupConsumer(prior, w.Dial("kgo", "coordinator"), numbers+2*(len(c.generations)+4), c.committed()...)
	g.NoEpoch(c.epoch < 0)
	membership, revoker := g.Joins(c.session, 1, w.Dial("group", "coordinator"), numbers+1)
	w.Share("g", g)
	w.Share("membership", membership)
	app, commits, _ := offsets.NewAsyncApplication(g, c.waits, c.plan...)
	w.GoProgram("app", app)
	w.GoProgram("manage", membership.NewManage())
	w.GoProgram("revoker", revoker)
	if c.interval > 0 {
		loop, autocommits := offsets.NewLoopCommit(g, c.interval, c.ticks(), len(c.plan)+1)
		w.GoProgram("loop", loop)
		commits = append(commits, autocommits...)
	}
	for i, commit := range commits {
		w.GoProgram(fmt.Sprint("commit", i+1), commit)
	}
	w.Timed(sim.Timing{
		Seed: c.seed, ThinkTimes: []sim.DelayOverride{{Of: offsets.PointPoll, Delay: c.think}},
		Overrides: []sim.DelayOverride{{Of: "coordinator->kgo", Delay: sim.Constant(c.answer)}, {Of: "coordinator->group", Delay: sim.Constant(c.answer)}},
	})
	note := sim.NewProperty("story", nil)
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.OffsetCommitRequest) {
		tell("commit %s in generation %d", model.FormatOffsets(m.Partitions), m.GenerationID)
	})
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.HeartbeatRequest) {
		tell("heartbeat in generation %d", m.GenerationID)
	})
	sim.On(note, sim.Arrived, func(*sim.Claim, sim.Act, *model.JoinGroupRequest) { tell("join") })
	sim.On(note, sim.Arrived, func(*sim.Claim, sim.Act, *model.SyncGroupRequest) { tell("sync") })
	sim.On(note, sim.Received, func(_ *sim.Claim, _ sim.Act, m *model.OffsetFetchResponse) {
		tell("fetched %s", model.FormatOffsets(m.Partitions))
	})
	sim.On(note, sim.Returned, func(_ *sim.Claim, _ sim.Act, m *offsets.CommitDone) {
		tell("%s", onDone(c.name(m.Number), m.Outcomes))
	})
	w.Watch(note)
	return w
}

// name is that of a commit by its number.
func (c kgoRejoin) name(number int) string {
	if number > len(c.plan) {
		return "autocommit"
	}
	return fmt.Sprint(number)
}

// options are the events of which any may be next, until the story is over.
func (c kgoRejoin) options(w *sim.World) func([]sim.Event) []int {
	return func(enabled []sim.Event) []int {
		if w.Now() > c.over() {
			return nil
		}
		return anyEvent(enabled)
	}
}

// released runs the release that this binary has. It belongs in a bubble.
func (c kgoRejoin) released(into *story) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // Package locks needs it.
	start := time.Now()
	s := &until{into, c.over()}
	fake := &rejoinedGroup{scriptedGroup: newScriptedGroup(c), until: s, cluster: newCluster(c.parts), start: start, wake: make(chan struct{})}
	fake.cluster.oneNode = true
	options := []kgo.Opt{
		kgo.SeedBrokers(address(coordinatorID)), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.HeartbeatInterval(c.session.Heartbeat), kgo.SessionTimeout(10 * time.Minute), kgo.RebalanceTimeout(10 * time.Minute), kgo.ConnIdleTimeout(15 * time.Minute),
		kgo.RetryBackoffFn(func(int) time.Duration { return c.session.Backoff }),
		kgo.Dialer(func(context.Context, string, string) (net.Conn, error) { return pipe(fake.handle), nil }),
	}
	if c.session.Cooperative {
		options = append(options, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	} else {
		options = append(options, kgo.Balancers(kgo.RangeBalancer()))
	}
	if c.interval > 0 {
		options = append(options, kgo.AutoCommitInterval(c.interval), kgo.AutoCommitCallback(tellsDone(s, start, "autocommit")))
	} else {
		options = append(options, kgo.DisableAutoCommit())
	}
	if c.session.Revoking != offsets.RevokesHead {
		options = append(options, kgo.OnPartitionsRevoked(func(_ context.Context, cl *kgo.Client, _ map[string][]int32) {
			if c.session.Revoking == offsets.RevokesUncommitted {
				cl.CommitOffsetsSync(context.Background(), cl.UncommittedOffsets(), tellsDone(s, start, "autocommit"))
			}
		}))
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	c.application(cl, fake, start)
	time.Sleep(time.Until(start.Add(c.over() + time.Second)))
	fake.end()
	cl.CloseAllowingRebalance()
	time.Sleep(time.Hour)
}

// application polls and commits, until the story is over, and says how often there was nothing
// to poll.
func (c kgoRejoin) application(cl *kgo.Client, fake *rejoinedGroup, start time.Time) (empty int) {
	think := sim.NewRandom(c.seed, "before "+offsets.PointPoll+" app")
	polled, first := map[int32]kgo.EpochOffset{}, true
	for i, commit := range c.plan {
		for range commit.Polls {
			if !first {
				time.Sleep(c.think.Draw(&think))
			}
			first = false
			if time.Since(start) > fake.until.over {
				return empty
			}
			synctest.Wait()
			buffered := cl.BufferedFetchRecords() > 0
			fake.polled() // Before the client fetches more.
			if buffered {
				record := cl.PollRecords(context.Background(), 1).Records()[0]
				polled[record.Partition] = kgo.EpochOffset{Epoch: c.epoch, Offset: record.Offset + 1}
			} else {
				empty++
			}
		}
		call, commits := cl.CommitOffsets, maps.Clone(polled)
		if c.waits {
			call = cl.CommitOffsetsSync
		}
		all := map[string]map[int32]kgo.EpochOffset{topic: commits}
		if c.session.Uncommitted {
			all = cl.UncommittedOffsets()
		}
		if len(all[topic]) > 0 {
			call(context.Background(), all, tellsDone(fake.until, start, fmt.Sprint(i+1)))
		}
	}
	return empty
}

// rejoinedGroup is a cluster of one broker with the group, and partitions with records.
type rejoinedGroup struct {
	*scriptedGroup
	*until
	cluster *cluster
	start   time.Time

	mu    sync.Mutex
	polls int           // of the application, so far
	wake  chan struct{} // closed when a fetch may have another answer
	ended bool
}

func (g *rejoinedGroup) now() sim.Time { return sim.Time(time.Since(g.start)) }

// polled is that the application has made its next poll.
func (g *rejoinedGroup) polled() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.polls++
	g.wakes()
}

func (g *rejoinedGroup) wakes() {
	close(g.wake)
	g.wake = make(chan struct{})
}

func (g *rejoinedGroup) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.wakes()
}

func (g *rejoinedGroup) handle(request kmsg.Request) (kmsg.Response, time.Duration) {
	if r, ok := request.(*kmsg.FetchRequest); ok {
		return g.fetch(r)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	answer := g.c.answer
	switch r := request.(type) {
	case *kmsg.ApiVersionsRequest:
		return groupVersions(), 0
	case *kmsg.JoinGroupRequest:
		g.wakes()
		g.note(time.Duration(g.now()), "join")
		response := kmsg.NewPtrJoinGroupResponse()
		generation, refusal, after := g.join(g.now())
		response.ErrorCode, response.Generation, response.LeaderID, response.MemberID = int16(refusal), int32(generation), "leader", "member"
		response.Protocol = kmsg.StringPtr(r.Protocols[0].Name)
		return response, after + answer
	case *kmsg.SyncGroupRequest:
		g.note(time.Duration(g.now()), "sync")
		response, assignment := kmsg.NewPtrSyncGroupResponse(), kmsg.NewConsumerMemberAssignment()
		assigned, refusal, after := g.sync(g.now())
		if len(assigned) > 0 {
			t := kmsg.NewConsumerMemberAssignmentTopic()
			t.Topic = topic
			for _, p := range assigned {
				t.Partitions = append(t.Partitions, int32(p))
			}
			assignment.Topics = append(assignment.Topics, t)
		}
		response.ErrorCode, response.MemberAssignment = int16(refusal), assignment.AppendTo(nil)
		return response, after + answer
	case *kmsg.HeartbeatRequest:
		g.note(time.Duration(g.now()), "heartbeat in generation %d", r.Generation)
		response := kmsg.NewPtrHeartbeatResponse()
		response.ErrorCode = int16(g.says(model.GenerationID(r.Generation), g.now()))
		return response, answer
	case *kmsg.LeaveGroupRequest:
		return kmsg.NewPtrLeaveGroupResponse(), 0
	case *kmsg.OffsetFetchRequest:
		return g.fetchOffsets(r), answer
	case *kmsg.OffsetCommitRequest:
		return g.offsetCommit(r), answer
	}
	return g.cluster.handle(request)
}

func (g *rejoinedGroup) fetchOffsets(r *kmsg.OffsetFetchRequest) kmsg.Response {
	response, t := kmsg.NewPtrOffsetFetchResponse(), kmsg.NewOffsetFetchResponseTopic()
	t.Topic = topic
	var fetched []model.PartitionOffset
	for _, id := range r.Topics[0].Partitions {
		p := kmsg.NewOffsetFetchResponseTopicPartition()
		p.Partition, p.Offset = id, int64(g.committed[id])
		t.Partitions = append(t.Partitions, p)
		fetched = append(fetched, model.PartitionOffset{Partition: model.Partition(id), Offset: g.committed[id]})
	}
	slices.SortFunc(fetched, byPartition)
	g.note(time.Duration(g.now())+g.c.answer, "fetched %s", model.FormatOffsets(fetched))
	time.AfterFunc(g.c.answer+time.Nanosecond, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.wakes() // What is fetched now may not have these partitions.
	})
	response.Topics = append(response.Topics, t)
	return response
}

func byPartition(a, b model.PartitionOffset) int { return cmp.Compare(a.Partition, b.Partition) }

func (g *rejoinedGroup) offsetCommit(r *kmsg.OffsetCommitRequest) kmsg.Response {
	response, t := kmsg.NewPtrOffsetCommitResponse(), kmsg.NewOffsetCommitResponseTopic()
	t.Topic = topic
	var committed []model.PartitionOffset
	for _, of := range r.Topics[0].Partitions {
		committed = append(committed, model.PartitionOffset{Partition: model.Partition(of.Partition), Offset: model.Offset(of.Offset)})
	}
	slices.SortFunc(committed, byPartition)
	refusal := g.commit(model.GenerationID(r.Generation), g.now(), committed)
	for _, of := range committed {
		p := kmsg.NewOffsetCommitResponseTopicPartition()
		p.Partition, p.ErrorCode = int32(of.Partition), int16(refusal)
		t.Partitions = append(t.Partitions, p)
	}
	g.note(time.Duration(g.now()), "commit %s in generation %d", model.FormatOffsets(committed), r.Generation)
	response.Topics = append(response.Topics, t)
	return response
}

// fetch answers with a record of the partition that the application polls next, once it is
// asked for that. So nothing is fetched ahead.
func (g *rejoinedGroup) fetch(r *kmsg.FetchRequest) (kmsg.Response, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for waited := false; ; waited = true {
		response := kmsg.NewPtrFetchResponse()
		if g.ended {
			return response, time.Minute
		}
		next := g.next()
		for _, asked := range r.Topics {
			for _, of := range asked.Partitions {
				if model.Partition(of.Partition) == next {
					response.Topics = append(response.Topics, nextRecord(asked.Topic, of))
					return response, 0
				}
			}
		}
		if waited {
			return response, 0
		}
		wake := g.wake
		g.mu.Unlock()
		<-wake
		g.mu.Lock()
	}
}

// next is the partition that the application polls next; -1: none.
func (g *rejoinedGroup) next() model.Partition {
	polls := g.polls
	for _, c := range g.c.plan {
		if polls < len(c.Polls) {
			return c.Polls[polls]
		}
		polls -= len(c.Polls)
	}
	return -1
}

// Goal: when its group rebalances, eagerly or cooperatively, or gives the member up, a release
// of franz-go sends the joins, heartbeats, commits and look-ups of offsets that the model
// sends, each in its generation, and tells the same of each commit, at the same times. Method:
// that of TestKgoCommits.
func TestKgoRejoin(t *testing.T) {
	if *built == "" {
		return // Commits and joins wait for locks, which stop the bubble's clock.
	}
	of := version(t, "franz-go")
	if semver.Compare(of, "v1.19.0") < 0 {
		return // A rejoin waits for metadata.
	}
	rapid.Check(t, func(r *rapid.T) {
		c := drawKgoRejoin(r, kgoPrior(of), semver.Compare(of, "v1.21.3") >= 0)
		got := &story{}
		synctest.Test(t, func(*testing.T) { c.released(got) })
		now := &story{}
		w := c.world(kgoPrior(of), now)
		defer w.Close()
		if !got.tells(w, now, c.options(w)) {
			first := &story{}
			w := c.world(kgoPrior(of), first)
			defer w.Close()
			system, options := explore.Of(w), c.options(w)
			for next := options(system.Enabled()); len(next) > 0; next = options(system.Enabled()) {
				system.Take(next[0])
			}
			r.Fatalf("franz-go %s with %+v\nreleased:\n%v\nnot in the model, which has:\n%v", of, c, got, first)
		}
	})
}

// Goal: a commit whose context ends while the group joins returns then, and the next one goes
// once the group has joined. In 1.13.2 to 1.16.0 a CommitOffsetsSync never returns then, and
// after a CommitOffsets the next CommitOffsetsSync does not.
func TestKgoCommitEndsInJoin(t *testing.T) {
	if *built == "" {
		return // Commits and joins wait for locks, which stop the bubble's clock.
	}
	of := version(t, "franz-go")
	hangs := semver.Compare(of, "v1.13.2") >= 0 && semver.Compare(of, "v1.16.1") < 0
	rapid.Check(t, func(r *rapid.T) {
		joins := time.Duration(rapid.IntRange(100, 5000).Draw(r, "joins")) * time.Millisecond
		ends := time.Duration(rapid.IntRange(1, int(joins/time.Millisecond)-1).Draw(r, "ends")) * time.Millisecond
		waits := rapid.Bool().Draw(r, "waits")
		var first, second bool // They have returned.
		inBubble(t, func() {
			cl := joining(joins)
			commit := func(waits bool, after time.Duration) (returned bool) {
				ctx, cancel := context.WithTimeout(context.Background(), after)
				defer cancel()
				call, done := cl.CommitOffsets, make(chan bool)
				if waits {
					call = cl.CommitOffsetsSync
				}
				go func() {
					call(ctx, map[string]map[int32]kgo.EpochOffset{topic: {0: {Epoch: -1, Offset: 11}}}, nil)
					close(done)
				}()
				select {
				case <-done:
					return true
				case <-time.After(time.Hour):
					return false
				}
			}
			first = commit(waits, ends)
			second = commit(true, time.Minute)
		})
		if want := !hangs || !waits; first != want {
			r.Fatalf("franz-go %s: a commit whose context ends after %v of a join has returned: %v, want %v", of, ends, first, want)
		}
		if second == hangs {
			r.Fatalf("franz-go %s: the commit after one whose context ended after %v of a join has returned: %v, want %v", of, ends, second, !hangs)
		}
	})
}

// joining returns a client whose group has begun to join anew, for a while.
func joining(after time.Duration) *kgo.Client {
	c := kgoRejoin{parts: 1, answer: time.Millisecond, generations: []generation{
		{assigned: []model.Partition{0}, lasts: time.Millisecond, ends: model.ErrRebalanceInProgress},
		{assigned: []model.Partition{0}, others: after, lasts: time.Hour},
	}}
	fake := &rejoinedGroup{scriptedGroup: newScriptedGroup(c), until: &until{&story{}, 0}, cluster: newCluster(1), start: time.Now(), wake: make(chan struct{})}
	fake.cluster.oneNode = true
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(address(coordinatorID)), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.HeartbeatInterval(time.Second), kgo.SessionTimeout(10*time.Minute),
		kgo.Dialer(func(context.Context, string, string) (net.Conn, error) { return pipe(fake.handle), nil }),
	)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	for joins := 0; joins < 2; time.Sleep(time.Millisecond) {
		fake.mu.Lock()
		joins = fake.at
		fake.mu.Unlock()
	}
	return cl
}
