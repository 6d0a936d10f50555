package conform

import (
	"cmp"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"racelab/model"
	offsets "racelab/model/group/sarama"
	"racelab/scenarios/offsetrewind"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/conform/locks"
)

const group = "group"

// wake is how long a goroutine needs that waited for a mutex, where none is drawn.
const wake = time.Microsecond

// commitCost is a workload: a goroutine for each partition thinks, marks its next
// message and commits, again and again; or a ticker commits, and Close in the end.
type commitCost struct {
	offsetrewind.Params
	think  sim.Delay     // before each mark
	wake   time.Duration // of a goroutine that waited for a mutex
	answer time.Duration // from a commit to its answer
	other  bool          // the coordinator moves to another broker, which look-ups tell one fewer than Refusals later
	seed   uint64
}

// drawCommitCost draws a setting. A release that can deadlock when the coordinator moves is
// not asked for that: the witness's experiment deadlock is.
func drawCommitCost(r *rapid.T, release offsets.Release) commitCost {
	deadlocks := release == offsets.Release1_43_3
	c := commitCost{Params: offsetrewind.Scenario.Default()}
	c.Partitions = rapid.IntRange(1, 12).Draw(r, "partitions")
	c.Commits = rapid.IntRange(1, 12).Draw(r, "commits")
	c.Batch = rapid.SampledFrom([]int{1, 1, 2, 3}).Draw(r, "batch")
	c.MaxOpen = rapid.SampledFrom([]int{1, 1, 2, 3, 5, 20}).Draw(r, "max-open")
	mean := time.Duration(rapid.SampledFrom([]int{100, 1000, 5000, 20_000, 500_000}).Draw(r, "think")) * time.Microsecond
	c.think = sim.Exponential(mean)
	c.wake = time.Duration(rapid.SampledFrom([]int{1, 35, 400}).Draw(r, "wake")) * time.Microsecond
	c.answer = time.Duration(rapid.IntRange(1, 300).Draw(r, "answer")) * time.Millisecond
	if c.Auto = rapid.Bool().Draw(r, "auto"); c.Auto {
		// Longer than an answer: select may take either of a tick and the end. No answer comes with
		// a tick.
		c.Interval = c.answer + 17*time.Nanosecond + time.Duration(rapid.IntRange(1, 2000).Draw(r, "interval"))*time.Millisecond
	}
	if rapid.Bool().Draw(r, "refused") {
		c.Refusal = offsetrewind.Refusal(rapid.IntRange(int(offsetrewind.NotCoordinator), int(offsetrewind.Silence)).Draw(r, "refusal"))
		c.Refusals = rapid.IntRange(1, 4).Draw(r, "refusals")
		c.ReadTimeout = time.Duration(rapid.IntRange(1000, 30_000).Draw(r, "read-timeout"))*time.Millisecond + 23*time.Nanosecond
		if c.other = !deadlocks && rapid.IntRange(0, 2).Draw(r, "other broker") == 0; c.other {
			c.Refusal = offsetrewind.NotCoordinator
		}
		if !deadlocks || !c.releases() {
			c.NotCoordinator = rapid.IntRange(1, 30).Draw(r, "request")
		}
		switch {
		case !c.moves() || c.Auto:
		case c.other || release < offsets.Release1_48_0:
			c.Partitions = 1
		default:
			c.Partitions = min(c.Partitions, 4) // With more, the model has too many stories.
		}
		if c.moves() {
			c.wake = 0
		}
	}
	c.seed = rapid.Uint64Range(0, 1_000_000).Draw(r, "seed")
	return c
}

// moves says whether the coordinator is looked up anew. Several goroutines that commit
// go on at one instant then, in the order that a scheduler chooses. A wake-up takes no time: how many there are
// hangs on that order, and a connection is opened by a goroutine that the model leaves out.
//
// To another broker one goroutine commits: of several, some would hold the old one's lock. Before 1.48.0
// too: the lock is held until the answer is there, and the model has too many stories.
func (c commitCost) moves() bool {
	return c.NotCoordinator > 0 && c.releases()
}

// releases says whether for the refusal the coordinator is looked up anew.
func (c commitCost) releases() bool {
	switch c.Refusal {
	case offsetrewind.LoadInProgress, offsetrewind.MetadataTooLarge, offsetrewind.FencedInstance:
		return false
	}
	return true
}

func thinks(seed uint64, goroutine string) sim.Random {
	return sim.NewRandom(seed, "before "+offsets.PointMark+" "+goroutine)
}

// story is what happened, in the order of time.
type story struct {
	mu     sync.Mutex
	events []outcome
}

func (s *story) note(at time.Duration, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, outcome{at, fmt.Sprintf(format, args...)})
}

// String sorts what happened at the same instant.
func (s *story) String() string {
	slices.SortFunc(s.events, func(a, b outcome) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.text, b.text)) })
	var b strings.Builder
	for _, e := range s.events {
		fmt.Fprintf(&b, "%12v  %s\n", e.at, e.text)
	}
	return b.String()
}

// sameAs says whether another story has the same events, and when, but for a few
// wake-ups: which of two that wait for a mutex at one instant is first, the schedulers
// choose.
func (s *story) sameAs(other *story) bool {
	byText := func(a, b outcome) int { return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.at, b.at)) }
	return slices.EqualFunc(slices.SortedFunc(slices.Values(s.events), byText), slices.SortedFunc(slices.Values(other.events), byText), func(a, b outcome) bool { return a.text == b.text && (a.at-b.at).Abs() <= 4*wake })
}

func (s *story) commit(at time.Duration, partitions []model.PartitionOffset) {
	slices.SortFunc(partitions, func(a, b model.PartitionOffset) int { return cmp.Compare(a.Partition, b.Partition) })
	s.note(at, "commit %s", model.FormatOffsets(partitions))
}

// world is the model's, whose story goes into s.
func (c commitCost) world(release offsets.Release, s *story) *sim.World {
	w := sim.NewWorld()
	offsetrewind.Scenario.Build(w, offsetrewind.Sarama(release), c.Params)
	w.Timed(sim.Timing{
		Seed: c.seed, Wake: sim.Constant(c.wake), ThinkTimes: []sim.DelayOverride{{Of: offsets.PointMark, Delay: c.think}},
		Overrides: []sim.DelayOverride{{Of: "coordinator->sarama", Delay: sim.Constant(c.answer)}},
	})
	note := sim.NewProperty("story", nil)
	sim.On(note, sim.Called, func(_ *sim.Claim, a sim.Act, m *model.Processed) {
		s.note(w.Now(), "mark %v of %v", m.Offset+1, m.Partition)
	})
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.OffsetCommitRequest) {
		s.commit(w.Now(), slices.Clone(m.Partitions))
	})
	w.Watch(note)
	return w
}

// modelled runs the model.
func (c commitCost) modelled(release offsets.Release) *story {
	s := &story{}
	w := c.world(release, s)
	defer w.Close()
	for system := explore.Of(w); len(system.Enabled()) > 0; {
		system.Take(s.next(w.Now(), system.Enabled()))
	}
	s.note(w.Now(), "end")
	return s
}

// next is the event to take of those that are due at an instant: the broker's lock is
// taken last, as package locks hands it over. At first nobody waits for it.
func (s *story) next(now time.Duration, enabled []sim.Event) int {
	return max(0, slices.IndexFunc(enabled, func(e sim.Event) bool { return now == 0 || e.Label != offsets.PointBrokerLock }))
}

// released runs the release that this binary has. It belongs in a bubble.
func (c commitCost) released() *story {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // Package locks needs it.
	metrics.UseNilMetrics = true
	locks.Wake = 0 // until all is set up
	s := &story{}
	var start time.Time
	fake := &offsetLog{cluster: newCluster(c.Partitions), answer: c.answer, commit: func(p []model.PartitionOffset) { s.commit(time.Since(start), p) }}
	fake.cluster.oneNode, fake.other = !c.other, c.other
	fake.refused, fake.refusals, fake.refusal = c.NotCoordinator, c.Refusals, c.Refusal.Error()
	conf := sarama.NewConfig()
	conf.Version = sarama.V2_1_0_0
	conf.ApiVersionsRequest = false
	conf.Metadata.RefreshFrequency = 0
	conf.Net.Proxy.Enable, conf.Net.Proxy.Dialer = true, fake
	conf.Net.MaxOpenRequests = c.MaxOpen
	conf.Net.ReadTimeout = max(c.ReadTimeout, conf.Net.ReadTimeout)
	if c.Refusal == offsetrewind.Silence {
		conf.Net.ReadTimeout = c.ReadTimeout
	}
	conf.Consumer.Offsets.AutoCommit.Enable, conf.Consumer.Offsets.AutoCommit.Interval = c.Auto, c.Interval
	client, err := sarama.NewClient([]string{address(coordinatorID)}, conf)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	om, err := sarama.NewOffsetManagerFromClient(group, client)
	if err != nil {
		panic(fmt.Sprint("conform: ", err))
	}
	var poms []sarama.PartitionOffsetManager
	for p := range c.Partitions {
		pom, err := om.ManagePartition(topic, int32(p))
		if err != nil {
			panic(fmt.Sprint("conform: ", err))
		}
		poms = append(poms, pom)
	}
	var claims sync.WaitGroup
	for p, pom := range poms {
		synctest.Wait() // One after the other, at the same instant.
		if p == 0 {
			start, locks.Wake = time.Now(), c.wake
		}
		claims.Go(func() {
			think := thinks(c.seed, fmt.Sprint("G", p))
			next := int64(10*(p+1)) + 1
			for commit := range c.Commits {
				for i := range c.Batch {
					if commit+i > 0 {
						time.Sleep(c.think.Draw(&think))
					}
					s.note(time.Since(start), "mark %v of %v", next, model.Partition(p))
					pom.MarkOffset(next, "")
					next++
				}
				if !c.Auto {
					om.Commit()
				}
			}
		})
	}
	claims.Wait()
	if c.Auto {
		_ = om.Close()
	}
	s.note(time.Since(start), "end")
	if !c.Auto {
		_ = om.Close()
	}
	_ = client.Close()
	return s
}

// offsetLog is a coordinator of offsets: committed is 10 for partition 0, 20 for the
// next, and so on.
type offsetLog struct {
	cluster  *cluster
	answer   time.Duration
	commit   func([]model.PartitionOffset)
	refused  int         // the first commit, from 1, that is refused; 0: none
	refusals int         // how many are
	refusal  model.Error // for that; None: they are never answered
	other    bool        // another broker is the coordinator from then on, as the look-up says that is the last but refusals
	commits  int
	lookUps  int // since the first commit that was refused
}

func (l *offsetLog) Dial(_, at string) (net.Conn, error) {
	return pipe(func(r kmsg.Request) (kmsg.Response, time.Duration) { return l.handle(r, at != address(coordinatorID)) }), nil
}

// refuses says whether a commit is refused that came to the first broker or to another one.
func (l *offsetLog) refuses(at bool) bool {
	if l.other {
		return at != (l.commits >= l.refused)
	}
	return l.refused > 0 && l.commits >= l.refused && l.commits < l.refused+l.refusals
}

func (l *offsetLog) handle(request kmsg.Request, other bool) (kmsg.Response, time.Duration) {
	switch r := request.(type) {
	case *kmsg.OffsetFetchRequest:
		response := kmsg.NewPtrOffsetFetchResponse()
		for _, asked := range r.Topics {
			t := kmsg.NewOffsetFetchResponseTopic()
			t.Topic = asked.Topic
			for _, id := range asked.Partitions {
				p := kmsg.NewOffsetFetchResponseTopicPartition()
				p.Partition, p.Offset = id, 10*(int64(id)+1)
				t.Partitions = append(t.Partitions, p)
			}
			response.Topics = append(response.Topics, t)
		}
		return response, 0
	case *kmsg.FindCoordinatorRequest:
		response, _ := l.cluster.handle(r)
		if l.commits == 0 {
			return response, 0 // The manager is being made.
		}
		if l.other && l.commits >= l.refused {
			if l.lookUps++; l.lookUps >= l.refusals {
				found := response.(*kmsg.FindCoordinatorResponse)
				found.NodeID, found.Host = 1, host(1)
			}
		}
		return response, l.answer
	case *kmsg.OffsetCommitRequest:
		l.commits++
		response := kmsg.NewPtrOffsetCommitResponse()
		refuses := l.refuses(other)
		var committed []model.PartitionOffset
		for _, asked := range r.Topics {
			t := kmsg.NewOffsetCommitResponseTopic()
			t.Topic = asked.Topic
			for _, of := range asked.Partitions {
				committed = append(committed, model.PartitionOffset{Partition: model.Partition(of.Partition), Offset: model.Offset(of.Offset)})
				p := kmsg.NewOffsetCommitResponseTopicPartition()
				p.Partition = of.Partition
				if refuses {
					p.ErrorCode = int16(l.refusal)
				}
				t.Partitions = append(t.Partitions, p)
			}
			response.Topics = append(response.Topics, t)
		}
		l.commit(committed)
		if refuses && l.refusal == model.None {
			return response, never
		}
		return response, l.answer
	}
	return l.cluster.handle(request)
}

// agrees runs a release, several times, until it does what the model does. Go fires timers of
// a bubble that are due at one instant in an order that it draws, and two goroutines that wait
// for mutexes may be woken at one; the model has one order.
func agrees(run func() bool) bool {
	for range 10 {
		if run() {
			return true
		}
	}
	return false
}

// hasTold says whether the model has a story, that of its end apart.
func (c commitCost) hasTold(release offsets.Release, s *story) bool {
	now := &story{}
	w := c.world(release, now)
	defer w.Close()
	marksAndCommits := &story{events: slices.DeleteFunc(slices.Clone(s.events), func(e outcome) bool { return e.text == "end" })}
	return marksAndCommits.tells(w, now, anyEvent)
}

// Goal: in any setting a release of Sarama sends the commits that the model sends, at
// the same times. Where several goroutines look the coordinator up, the model is asked whether it has the
// release's story among its own.
func TestSaramaCommits(t *testing.T) {
	if *built == "" {
		return // It has locks that stop the bubble's clock.
	}
	release := releaseOf(version(t, "sarama"),
		from[offsets.Release]{"v1.37.0", offsets.Release1_43_2}, from[offsets.Release]{"v1.43.3", offsets.Release1_43_3},
		from[offsets.Release]{"v1.48.0", offsets.Release1_48_0}, from[offsets.Release]{"v1.61.1", offsets.Release1_61_1})
	rapid.Check(t, func(r *rapid.T) {
		c := drawCommitCost(r, release)
		want, got := c.modelled(release), &story{}
		if !agrees(func() bool {
			synctest.Test(t, func(*testing.T) { got = c.released() })
			return got.String() == want.String()
		}) && !(c.moves() && c.Partitions > 1 && c.hasTold(release, got)) {
			r.Fatalf("sarama %s with %+v\nreleased:\n%v\nmodel:\n%v", version(t, "sarama"), c, got, want)
		}
	})
}
