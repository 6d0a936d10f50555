//go:build epochs

package conform

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
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

// kgoEpochs is a member of a KIP-848 group that keeps its partitions, while the epoch of the
// group rises again and again.
type kgoEpochs struct {
	kgoRejoin               // its plan, partitions, waits, interval, answer, think, epoch and seed
	bumps     time.Duration // from one epoch of the group to the next
	lenient   bool          // a commit with an older epoch is taken: KIP-1251
	lasts     time.Duration // the story
	epochs    []offsets.Epoch
}

func drawKgoEpochs(r *rapid.T, dropsOld bool) kgoEpochs {
	millis := func(name string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(r, name)) * time.Millisecond
	}
	c := kgoEpochs{bumps: millis("bumps", 100, 3000) + 11*time.Microsecond, lenient: rapid.Bool().Draw(r, "lenient"), lasts: 20 * time.Second}
	c.parts, c.waits, c.seed = rapid.IntRange(1, 3).Draw(r, "partitions"), rapid.Bool().Draw(r, "waits"), rapid.Uint64Range(0, 1_000_000).Draw(r, "seed")
	c.answer = millis("answer", 1, 700) + 7*time.Microsecond
	c.session = offsets.SessionConfig{Heartbeat: millis("heartbeat", 100, 2000) + 17*time.Microsecond, DropsOld: dropsOld}
	for range rapid.IntRange(1, 8).Draw(r, "commits") {
		c.plan = append(c.plan, drawCommit(r, c.parts, false))
	}
	if rapid.Bool().Draw(r, "auto") {
		c.interval = millis("interval", 300, 2500) + 29*time.Microsecond
	}
	c.think = sim.Exponential(millis("think", 20, 800))
	return c
}

func (c kgoEpochs) ticks() int {
	if c.interval == 0 {
		return 0
	}
	return int(c.lasts / c.interval)
}

// epochNode is the coordinator as the commits meet it: the epoch that it has for the member is
// what that hears with the answer to its heartbeat.
type epochNode struct {
	c kgoEpochs `sim:"config"`
}

func (n *epochNode) Handle(e sim.Envelope, out *sim.Outbox) {
	request := e.Message.(*model.OffsetCommitRequest)
	response := &model.OffsetCommitResponse{}
	for _, p := range request.Partitions {
		response.Partitions = append(response.Partitions, model.PartitionError{Partition: p.Partition, Error: n.c.refusal(request.GenerationID, out.Now())})
	}
	out.Reply(e, response)
}

// refusal is what a commit gets under an epoch.
func (c kgoEpochs) refusal(under model.GenerationID, now sim.Time) model.Error {
	for i := len(c.epochs) - 1; i > 0; i-- {
		if now >= c.epochs[i].At.Add(-c.answer) && under < c.epochs[i].Is && !c.lenient {
			return model.ErrStaleMemberEpoch
		}
	}
	return model.None
}

func (c kgoEpochs) world(prior offsets.Prior, into *story) *sim.World {
	w := sim.NewWorld()
	w.AddNode("coordinator", &epochNode{c: c})
	tell := func(format string, args ...any) { (&until{into, c.lasts}).note(w.Now(), format, args...) }
	g := offsets.NewGroupConsumer(prior, w.Dial("kgo", "coordinator"), len(c.plan)+c.ticks(), c.committed()...)
	epochs := g.Learns(c.session, c.epochs...)
	w.Share("g", g)
	app, commits, _ := offsets.NewAsyncApplication(g, c.waits, c.plan...)
	w.GoProgram("app", app)
	w.GoProgram("epochs", epochs)
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
		Overrides: []sim.DelayOverride{{Of: "coordinator->kgo", Delay: sim.Constant(c.answer)}},
	})
	note := sim.NewProperty("story", nil)
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.OffsetCommitRequest) {
		tell("commit %s in epoch %d", model.FormatOffsets(m.Partitions), m.GenerationID)
	})
	sim.On(note, sim.Returned, func(_ *sim.Claim, _ sim.Act, m *offsets.CommitDone) {
		tell("%s", onDone(c.name(m.Number), m.Outcomes))
	})
	w.Watch(note)
	return w
}

// released runs the release that this binary has, and keeps when it learnt which epoch. It
// belongs in a bubble. It is vacuous if a record was not there when it was to be polled: a
// client may be loading metadata.
func (c *kgoEpochs) released(into *story) (vacuous bool) {
	s := &until{into, c.lasts}
	fake := &epochGroup{kgoEpochs: c, rejoinedGroup: &rejoinedGroup{scriptedGroup: newScriptedGroup(c.kgoRejoin), until: s, cluster: newCluster(c.parts), wake: make(chan struct{})}, began: time.Now()}
	fake.cluster.oneNode = true
	ready := c.answer*3 + 2*time.Second
	if c.interval > 0 { // The ticker began when the first heartbeat was answered.
		ready = c.answer + (ready/c.interval+1)*c.interval
	}
	fake.rejoinedGroup.start = fake.began.Add(ready)
	options := []kgo.Opt{
		//lint:ignore SA1029 The client looks for a key of that type.
		kgo.WithContext(context.WithValue(context.Background(), "opt_in_kafka_next_gen_balancer_beta", true)),
		kgo.SeedBrokers(address(coordinatorID)), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(kgo.RangeBalancer()),
		kgo.HeartbeatInterval(c.session.Heartbeat), kgo.ConnIdleTimeout(15 * time.Minute),
		kgo.OnPartitionsRevoked(func(context.Context, *kgo.Client, map[string][]int32) {}),
		kgo.Dialer(func(context.Context, string, string) (net.Conn, error) { return pipe(fake.handle), nil }),
	}
	if c.interval > 0 {
		options = append(options, kgo.AutoCommitInterval(c.interval), kgo.AutoCommitCallback(tellsDone(s, fake.rejoinedGroup.start, "autocommit")))
	} else {
		options = append(options, kgo.DisableAutoCommit())
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	time.Sleep(time.Until(fake.rejoinedGroup.start))
	empty := c.application(cl, fake.rejoinedGroup, fake.rejoinedGroup.start)
	time.Sleep(time.Until(fake.rejoinedGroup.start.Add(c.lasts + time.Second)))
	fake.end()
	cl.Close()
	time.Sleep(time.Hour)
	c.epochs = fake.learnt()
	into.events = slices.DeleteFunc(into.events, func(e outcome) bool { return e.at < 0 }) // what made it ready
	return empty > 0
}

// epochGroup is a cluster of one broker with the group.
type epochGroup struct {
	*kgoEpochs
	*rejoinedGroup
	began time.Time
	heard []offsets.Epoch // by the member
}

func (g *epochGroup) handle(request kmsg.Request) (kmsg.Response, time.Duration) {
	switch r := request.(type) {
	case *kmsg.ApiVersionsRequest:
		response := groupVersions().(*kmsg.ApiVersionsResponse)
		for key, version := range map[kmsg.Key]int16{kmsg.ConsumerGroupHeartbeat: 1, kmsg.OffsetCommit: 9} {
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = key.Int16(), version
			response.ApiKeys = append(slices.DeleteFunc(response.ApiKeys, func(old kmsg.ApiVersionsResponseApiKey) bool { return old.ApiKey == k.ApiKey }), k)
		}
		return response, 0
	case *kmsg.ConsumerGroupHeartbeatRequest:
		return g.groupHeartbeat(r), g.kgoEpochs.answer
	case *kmsg.OffsetCommitRequest:
		return g.offsetCommit(r), g.kgoEpochs.answer
	}
	return g.rejoinedGroup.handle(request)
}

func (g *epochGroup) groupHeartbeat(r *kmsg.ConsumerGroupHeartbeatRequest) kmsg.Response {
	g.mu.Lock()
	defer g.mu.Unlock()
	response := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	response.MemberID = &r.MemberID
	response.MemberEpoch = 1 + int32(time.Since(g.began)/g.bumps)
	if r.MemberEpoch == 0 {
		assignment, t := kmsg.NewConsumerGroupHeartbeatResponseAssignment(), kmsg.NewConsumerGroupHeartbeatResponseAssignmentTopic()
		t.TopicID = [16]byte{1}
		for p := range int32(g.kgoEpochs.parts) {
			t.Partitions = append(t.Partitions, p)
		}
		assignment.Topics = append(assignment.Topics, t)
		response.Assignment = &assignment
	}
	if r.MemberEpoch >= 0 && (len(g.heard) == 0 || g.heard[len(g.heard)-1].Is != model.GenerationID(response.MemberEpoch)) {
		g.heard = append(g.heard, offsets.Epoch{At: g.now().Add(g.kgoEpochs.answer), Is: model.GenerationID(response.MemberEpoch)})
	}
	return response
}

// learnt is what the member heard: the first is what it had when the story began.
func (g *epochGroup) learnt() (epochs []offsets.Epoch) {
	for _, e := range g.heard {
		if e.At <= 0 {
			epochs = epochs[:0]
		}
		epochs = append(epochs, e)
	}
	return epochs
}

func (g *epochGroup) offsetCommit(r *kmsg.OffsetCommitRequest) kmsg.Response {
	g.mu.Lock()
	defer g.mu.Unlock()
	response, t := kmsg.NewPtrOffsetCommitResponse(), kmsg.NewOffsetCommitResponseTopic()
	t.Topic = topic
	refusal := model.None
	if last := g.heard[len(g.heard)-1].Is; model.GenerationID(r.Generation) < last && !g.lenient {
		refusal = model.ErrStaleMemberEpoch
	}
	var committed []model.PartitionOffset
	for _, of := range r.Topics[0].Partitions {
		committed = append(committed, model.PartitionOffset{Partition: model.Partition(of.Partition), Offset: model.Offset(of.Offset)})
		p := kmsg.NewOffsetCommitResponseTopicPartition()
		p.Partition, p.ErrorCode = of.Partition, int16(refusal)
		t.Partitions = append(t.Partitions, p)
	}
	slices.SortFunc(committed, byPartition)
	g.note(time.Duration(g.now()), "commit %s in epoch %d", model.FormatOffsets(committed), r.Generation)
	response.Topics = append(response.Topics, t)
	return response
}

// Goal: while the epoch of a KIP-848 group rises, a release of franz-go sends the commits that
// the model sends, in the same epochs, and tells the same of each, at the same times. When it
// learns which epoch, the run says. Method: that of TestKgoCommits.
func TestKgoEpochs(t *testing.T) {
	of := version(t, "franz-go")
	rapid.Check(t, func(r *rapid.T) {
		c := drawKgoEpochs(r, semver.Compare(of, "v1.22.1") < 0)
		var got *story
		for vacuous := true; vacuous; {
			got = &story{}
			synctest.Test(t, func(*testing.T) { vacuous = c.released(got) })
		}
		now := &story{}
		w := c.world(kgoPrior(of), now)
		defer w.Close()
		options := func(w *sim.World) func([]sim.Event) []int {
			return func(enabled []sim.Event) []int {
				if w.Now() > c.lasts {
					return nil
				}
				return anyEvent(enabled)
			}
		}
		if !got.tells(w, now, options(w)) {
			first := &story{}
			w := c.world(kgoPrior(of), first)
			defer w.Close()
			system, options := explore.Of(w), options(w)
			for next := options(system.Enabled()); len(next) > 0; next = options(system.Enabled()) {
				system.Take(next[0])
			}
			r.Fatalf("franz-go %s with %+v\nreleased:\n%v\nnot in the model, which has:\n%v", of, c, got, first)
		}
	})
}

// Goal: an autocommit does not take back what the application has committed, if the member
// epoch rose before that was answered. In 1.21.0 to 1.22.0 it does, where the coordinator takes
// commits of older epochs.
func TestKgoEpochRewinds(t *testing.T) {
	of := version(t, "franz-go")
	c := epochRewinds
	got := &story{}
	synctest.Test(t, func(*testing.T) { c.released(got) })
	var last, offset int
	rewinds := false
	for line := range strings.Lines(got.String()) {
		if _, commit, ok := strings.Cut(line, "commit {P0: "); ok {
			fmt.Sscan(strings.Replace(commit, "}", " ", 1), &offset)
			rewinds = rewinds || offset < last
			last = offset
		}
	}
	if want := semver.Compare(of, "v1.22.1") < 0; rewinds != want {
		t.Errorf("franz-go %s commits an offset below the last: %v, want %v\n%v", of, rewinds, want, got)
	}
}

// epochRewinds is a setting in which the answer to a heartbeat, with the next epoch, is there
// before that to a commit which was sent later under the epoch of before.
var epochRewinds = kgoEpochs{
	kgoRejoin: kgoRejoin{
		session: offsets.SessionConfig{Heartbeat: 505*time.Millisecond + 17*time.Microsecond},
		plan:    []offsets.Commit{{Polls: []model.Partition{0}}, {Polls: []model.Partition{0, 0}}},
		parts:   1, waits: true, interval: 300*time.Millisecond + 29*time.Microsecond, answer: 412*time.Millisecond + 7*time.Microsecond,
		think: sim.Exponential(621 * time.Millisecond), seed: 140,
	},
	bumps: 103*time.Millisecond + 11*time.Microsecond, lenient: true, lasts: 20 * time.Second,
}
