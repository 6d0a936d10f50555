package properties_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"racelab/model"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
	"racelab/sim/trace"
)

const ms = time.Millisecond

// throttleVerdict is what a search of all states says of a property; also of one
// that only a test has.
func throttleVerdict(t *testing.T, variant, settings, property string, own ...func() *sim.Property) *explore.Verdict {
	t.Helper()
	c := theCase(t, "throttle-stall", variant, strings.Fields(settings)...)
	return simtest.States(t, c.World, explore.Options{Limit: scenario.CheckStates}, own...).Verdict(property)
}

// strands claims that no step of a task leaves the sender waiting for a timer
// that is stopped.
func strands(by string) func() *sim.Property {
	return func() *sim.Property {
		return sim.NewProperty("strands", nil).Always(func(c *sim.Claim) {
			wait, _ := c.Waits().Of("sender")
			c.Assert(!wait.Stopped || c.Waits().After.Actor != by, "%v strands the sender", c.Waits().After)
		})
	}
}

// Goal: the search finds each of the four schedules of sarama issue 2823, without
// being told where to look. Method: S1 is a stop under a sender that waits, S5 a
// sender that comes to wait for what is stopped, S2 a reader that waits for a
// value which is gone, S3 a panic.
func TestSearchFindsTheFourSchedules(t *testing.T) {
	for _, timers := range []string{"go1.23", "go1.22"} {
		for _, variant := range []string{"unlocked", "atomic-pointer"} {
			for _, test := range []struct {
				schedule, property, by string
				last                   string // step of the shortest schedule
			}{
				{"S1", "strands", "reader", "reader stop"},
				{"S2", "response-reader-is-never-blocked", "", "reader drain"},
				{"S3", sim.NoPanic, "", "reader stop"},
				{"S5", "strands", "sender", "sender load channel"},
			} {
				v := throttleVerdict(t, variant, "timers="+timers, test.property, strands(test.by))
				if v.Outcome != explore.Broken {
					t.Errorf("%s, %s, %s: %s", test.schedule, variant, timers, v.Outcome)
				} else if last := v.Schedule[len(v.Schedule)-1]; !strings.HasPrefix(last.String(), test.last) {
					t.Errorf("%s, %s, %s: the last step of the schedule is %q, want %q", test.schedule, variant, timers, last, test.last)
				}
			}
		}
	}
}

// Goal: in the variants that share no timer, and under the mutex, nobody ever
// strands the sender.
func TestNobodyStrandsTheSender(t *testing.T) {
	for _, variant := range []string{"mutex", "deadline-notify", "atomic-deadline"} {
		for _, by := range []string{"reader", "sender"} {
			if v := throttleVerdict(t, variant, "", "strands", strands(by)); v.Outcome != explore.Exhausted {
				t.Errorf("%s strands the sender of %s: %s", by, variant, v.Outcome)
			}
		}
	}
}

// instants is when things happen in a run, from the instant on when the client is
// told of its first throttle.
type instants struct {
	lastSend, secondAnswer, secondCallback, closeTakes time.Duration
}

// readerFirst draws, but lets the reader go before others at an instant: a
// mutex of Go, other than that of package sim, hands itself to who has waited for
// a millisecond.
type readerFirst struct{ sim.Chooser }

func (c readerFirst) Choose(enabled []sim.Event) (int, error) {
	for i, e := range enabled {
		if e.Actor == "reader" {
			return i, nil
		}
	}
	return c.Chooser.Choose(enabled)
}

// measure plays runs of a timed world, with the other ties drawn, and keeps the
// latest of each moment.
func measure(t *testing.T, variant, settings string) (latest instants) {
	t.Helper()
	c := theCase(t, "throttle-stall", variant, strings.Fields("clock=timed muting=off "+settings)...)
	for seed := range uint64(100) {
		w := c.World()
		trace := trace.Record(w)
		if _, err := sim.Run(w, readerFirst{sim.NewWalk(seed)}); err != nil {
			t.Fatal(err)
		}
		w.Close()
		var run instants
		var first, called sim.Time
		answers, callbacks := 0, 0
		for _, step := range trace.Steps {
			for _, act := range step.Acts {
				switch act.Message.(type) {
				case *model.ProduceResponse:
					if act.Action != sim.Received {
						continue
					}
					if answers++; answers == 1 {
						first = act.At
					} else if answers == 2 {
						run.secondAnswer = act.At.Sub(first)
					}
				case *model.ProduceRequest:
					if act.Action == sim.Sent {
						run.lastSend = act.At.Sub(first)
					}
				case *model.Produced:
					if callbacks++; callbacks == 2 {
						run.secondCallback = act.At.Sub(first)
					}
				case *model.CloseConnection:
					if act.Action == sim.Called {
						called = act.At
					} else {
						run.closeTakes = act.At.Sub(called)
					}
				}
			}
		}
		latest.lastSend = max(latest.lastSend, run.lastSend)
		latest.secondAnswer = max(latest.secondAnswer, run.secondAnswer)
		latest.secondCallback = max(latest.secondCallback, run.secondCallback)
		latest.closeTakes = max(latest.closeTakes, run.closeTakes)
	}
	return latest
}

// Goal: the model's figures are those that were measured with the releases, on a
// broker that answers and does not mute: sarama 1.61.1 and pull request 3711.
// Method: throttles of 200 ms, the last answer 20 ms after the first; and Close,
// 20 ms into a throttle of 700 ms.
func TestThrottleIsAsMeasured(t *testing.T) {
	for _, test := range []struct {
		variant, settings, what string
		figure                  func(instants) time.Duration
		want                    time.Duration
	}{
		{"mutex", "messages=4", "the callback of an answer 18 ms into a throttle of 200 ms is late by", callbackLate, 182 * ms},
		{"mutex", "messages=4", "the last send, after two throttles", lastSend, 400 * ms},
		{"mutex", "messages=8 throttles=4 max-open=3 service=6667us", "the last send, after four throttles within 20 ms", lastSend, 400 * ms},
		{"mutex", closing, "Close takes", closeTakes, 680 * ms},
		{"deadline-notify", "messages=4", "the callback of an answer 20 ms into a throttle", secondCallback, 20 * ms},
		{"deadline-notify", "messages=4", "the last send, after two throttles", lastSend, 220 * ms},
		{"deadline-notify", "messages=8 throttles=4 max-open=3 service=6667us", "the last send, after four throttles within 20 ms", lastSend, 220 * ms},
		{"deadline-notify", closing, "Close takes", closeTakes, 0},
		// Not measured, but read from the code: who counts what, when throttles differ.
		{"deadline-notify", "last-throttle=50", "the last send, when a shorter throttle comes while it waits", lastSend, 70 * ms},
		{"atomic-deadline", "last-throttle=50", "the last send, when a shorter throttle comes while it waits", lastSend, 200 * ms},
		{"atomic-deadline", "last-throttle=50 max-open=2 pause=50", "the last send, when a shorter throttle came before it", lastSend, 200 * ms},
	} {
		got := test.figure(measure(t, test.variant, test.settings))
		if math.Abs(float64(got-test.want)) > 0.05*float64(test.want) {
			t.Errorf("%s, %s: %s %v, measured %v", test.variant, test.settings, test.what, got, test.want)
		}
	}
}

const closing = "throttles=1 last-throttle=700 close=beside close-after=42"

func lastSend(s instants) time.Duration       { return s.lastSend }
func secondCallback(s instants) time.Duration { return s.secondCallback }
func callbackLate(s instants) time.Duration   { return s.secondCallback - s.secondAnswer }
func closeTakes(s instants) time.Duration     { return s.closeTakes }

// atMostInFlight claims that no more requests are in flight.
func atMostInFlight(limit int) func() *sim.Property {
	return func() *sim.Property {
		var n int
		p := sim.NewProperty("more-in-flight", &n)
		sim.On(p, sim.Sent|sim.Received, func(c *sim.Claim, a sim.Act, _ sim.Message) {
			if a.Action == sim.Received {
				n--
				return
			}
			n++
			c.Assert(n <= limit, "%d requests are in flight", n)
		})
		return p
	}
}

// Goal: MaxOpenRequests is off by one before sarama 1.61.1, and not since.
func TestMaxOpenRequests(t *testing.T) {
	for _, test := range []struct {
		settings string
		most     int
	}{
		{"max-open=1 one-more=on throttles=0 messages=4", 2},
		{"max-open=1 one-more=off throttles=0 messages=4", 1},
		{"max-open=5 one-more=on throttles=0 messages=8", 6},
		{"max-open=5 one-more=off throttles=0 messages=8", 5},
		{"max-open=2 one-more=off throttles=2 messages=4 producer=async", 2},
	} {
		for limit, want := range map[int]explore.Outcome{test.most: explore.Exhausted, test.most - 1: explore.Broken} {
			v := throttleVerdict(t, "mutex", test.settings, "more-in-flight", atMostInFlight(limit))
			if v.Outcome != want {
				t.Errorf("%s: that no more than %d are in flight %s, want %s", test.settings, limit, v.Outcome, want)
			}
		}
		if v := throttleVerdict(t, "mutex", test.settings, "every-message-is-delivered"); v.Outcome != explore.Exhausted {
			t.Errorf("%s: that every message is delivered %s", test.settings, v.Outcome)
		}
	}
}

// closesLate claims that Close returns after all is told.
func closesLate() *sim.Property {
	var told int
	p := sim.NewProperty("closes-early", &told)
	sim.On(p, sim.Returned, func(_ *sim.Claim, _ sim.Act, _ *model.Produced) { told++ })
	sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, _ *model.CloseConnection) {
		c.Assert(told == 3, "%d of 3 messages were told of", told)
	})
	return p
}

// Goal: Close returns once the callbacks of what is in flight have run.
func TestCloseAwaitsWhatIsInFlight(t *testing.T) {
	if v := throttleVerdict(t, "mutex", "", "closes-early", closesLate); v.Outcome != explore.Exhausted {
		t.Errorf("Close is early: %s, %v", v.Outcome, v.Err)
	}
}

// Goal: messages gather for as long as Flush.Frequency says, or at once where it
// says nothing, and no request has more than Flush.MaxMessages.
func TestFlush(t *testing.T) {
	for _, test := range []struct{ settings, want string }{
		{"flush=100 batch=4 pause=60", "100ms [1 2]; 180ms [3 4]"}, // Who closes waits for no timer.
		{"flush=100 batch=2 pause=20", "40ms [1 2]; 60ms [3 4]"},
		{"flush=0 batch=4 pause=60", "0s [1]; 60ms [2]; 120ms [3]; 180ms [4]"},
	} {
		w := theCase(t, "throttle-stall", "mutex", strings.Fields("clock=timed producer=async throttles=0 max-open=5 messages=4 "+test.settings)...).World()
		trace := trace.Record(w)
		if _, err := sim.Run(w, sim.NewWalk(1)); err != nil {
			t.Fatal(err)
		}
		w.Close()
		var sent []string
		for _, step := range trace.Steps {
			for _, act := range step.Acts {
				if request, ok := act.Message.(*model.ProduceRequest); ok && act.Action == sim.Sent {
					sent = append(sent, fmt.Sprintf("%v %v", act.At, request.Partitions[0].Batch.Records))
				}
			}
		}
		if got := strings.Join(sent, "; "); got != test.want {
			t.Errorf("%s: sent %s, want %s", test.settings, got, test.want)
		}
	}
}

// told is an act by which a client learns of a throttle.
func told(at, throttle time.Duration) sim.Act {
	return sim.Act{Action: sim.Received, Actor: "reader", Message: &model.ProduceResponse{ThrottleTime: throttle}, At: sim.Time(at)}
}

func throttled[T int | ~int64](action sim.Action, at T) sim.Act {
	return sim.Act{Action: action, Actor: "sender", Message: &model.ThrottleWait{}, At: sim.Time(at)}
}

func sends[T int | ~int64](at T) sim.Act {
	return sim.Act{Action: sim.Sent, Actor: "sender", Message: &model.ProduceRequest{}, At: sim.Time(at)}
}

func closes[T int | ~int64](action sim.Action, at T) sim.Act {
	return sim.Act{Action: action, Actor: "closer", Message: &model.CloseConnection{}, At: sim.Time(at)}
}

func delivered(record model.Record) sim.Act {
	return sim.Act{Action: sim.Returned, Actor: "reader", Message: &model.Produced{Record: record}}
}

// Goal: the oracles refuse what they should, and nothing else.
func TestThrottleOracles(t *testing.T) {
	const tested, untested = true, false
	stopped := sim.Wait{Task: "sender", Point: "receive", Timer: true, Stopped: true}
	waits := sim.Wait{Task: "sender", Point: "receive", Timer: true}
	behind := sim.Wait{Task: "reader", Point: "throttle lock", Holder: "sender"}
	drains := sim.Wait{Task: "reader", Point: "drained", Timer: true, Stopped: true}
	over := &sim.WaitGraph{Over: true}
	never, during := properties.WaiterWakesByTheDeadline, properties.NothingIsSentDuringAThrottle
	addUp, kept := properties.ThrottlesDoNotAddUp, properties.LongerThrottleIsKept
	closed := func() *sim.Property { return properties.CloseEndsWithinARoundTrip(42 * ms) }
	stalls := func() *sim.Property { return properties.NoSenderWaitsForAStoppedTimer("reader") }
	blocked := func() *sim.Property { return properties.ResponseReaderIsNeverBlocked("reader") }
	lost := func() *sim.Property { return properties.EveryMessageIsDelivered(2) }
	for _, test := range []struct {
		name   string
		oracle func() *sim.Property
		acts   []sim.Act
		dump   *sim.WaitGraph // looked at after the acts, if any
		tested bool           // by the last of them
		want   string
	}{
		{"wakes in time", never, []sim.Act{told(20*ms, 200*ms), throttled(sim.Called, 30*ms), throttled(sim.Returned, 220*ms)}, nil, tested, "<nil>"},
		{"wakes by the longest", never, []sim.Act{told(20*ms, 200*ms), told(30*ms, 50*ms), throttled(sim.Called, 30*ms), throttled(sim.Returned, 220*ms)}, nil, tested, "<nil>"},
		{"wakes late", never, []sim.Act{told(20*ms, 200*ms), throttled(sim.Called, 30*ms), throttled(sim.Returned, 221*ms)}, nil, tested,
			"sender wakes at 221ms, and the last throttle was over at 220ms"},
		{"never wakes", never, []sim.Act{told(20*ms, 200*ms), throttled(sim.Called, 30*ms)}, over, tested,
			"a send waits for ever, and the last throttle was over at 220ms"},
		{"has woken", never, []sim.Act{told(20*ms, 200*ms), throttled(sim.Called, 30*ms), throttled(sim.Returned, 220*ms)}, over, untested, "<nil>"},
		{"without a clock", never, []sim.Act{throttled(sim.Called, sim.Never), throttled(sim.Returned, sim.Never)}, nil, untested, "<nil>"},

		{"sends before", during, []sim.Act{sends(10 * ms)}, nil, untested, "<nil>"},
		{"sends at the instant", during, []sim.Act{told(20*ms, 200*ms), sends(20 * ms)}, nil, untested, "<nil>"},
		{"sends after", during, []sim.Act{told(20*ms, 200*ms), sends(220 * ms)}, nil, tested, "<nil>"},
		{"sends during", during, []sim.Act{told(20*ms, 200*ms), sends(219 * ms)}, nil, tested,
			"sender sends at 219ms, and was told at 20ms to send nothing until 220ms"},
		{"sends during a longer one", during, []sim.Act{told(20*ms, 200*ms), told(30*ms, 10*ms), sends(100 * ms)}, nil, tested,
			"sender sends at 100ms, and was told at 20ms to send nothing until 220ms"},

		{"the last is over", addUp, []sim.Act{told(0, 200*ms), throttled(sim.Called, 0), told(20*ms, 200*ms), throttled(sim.Returned, 220*ms), sends(220 * ms)}, nil, tested, "<nil>"},
		{"the sum", addUp, []sim.Act{told(0, 200*ms), throttled(sim.Called, 0), told(20*ms, 200*ms), throttled(sim.Returned, 400*ms), sends(400 * ms)}, nil, tested,
			"sender sends at 400ms, and the last throttle was over at 220ms"},
		{"did not wait", addUp, []sim.Act{told(0, 200*ms), sends(400 * ms)}, nil, untested, "<nil>"},

		{"kept", kept, []sim.Act{told(0, 200*ms), told(20*ms, 50*ms), throttled(sim.Called, 30*ms), throttled(sim.Returned, 200*ms), sends(200 * ms)}, nil, tested, "<nil>"},
		{"cut short", kept, []sim.Act{told(0, 200*ms), told(20*ms, 50*ms), throttled(sim.Called, 30*ms), throttled(sim.Returned, 70*ms), sends(70 * ms)}, nil, tested,
			"sender sends at 70ms, when a throttle of 50ms is over, and not at 200ms, when one of 200ms is"},
		{"a longer one later", kept, []sim.Act{told(0, 50*ms), told(20*ms, 200*ms), throttled(sim.Called, 30*ms), throttled(sim.Returned, 60*ms), sends(60 * ms)}, nil, untested, "<nil>"},

		{"closes in time", closed, []sim.Act{closes(sim.Called, 42*ms), closes(sim.Returned, 84*ms)}, nil, tested, "<nil>"},
		{"closes late", closed, []sim.Act{closes(sim.Called, 42*ms), closes(sim.Returned, 722*ms)}, nil, tested, "to close takes 680ms, and a round trip 42ms"},
		{"does not close", closed, []sim.Act{closes(sim.Called, 42*ms)}, over, tested, "the connection is never closed"},

		{"waits for a timer", stalls, []sim.Act{throttled(sim.Called, sim.Never)}, &sim.WaitGraph{Waits: []sim.Wait{waits}}, untested, "<nil>"},
		{"waits for a stopped timer", stalls, []sim.Act{throttled(sim.Called, sim.Never)}, &sim.WaitGraph{Waits: []sim.Wait{stopped}}, tested, "sender waits for something"},
		{"no throttle", stalls, []sim.Act{throttled(sim.Called, sim.Never), throttled(sim.Returned, sim.Never)}, &sim.WaitGraph{Waits: []sim.Wait{stopped}}, untested, "<nil>"},
		{"the reader is no sender", stalls, []sim.Act{throttled(sim.Called, sim.Never)}, &sim.WaitGraph{Waits: []sim.Wait{drains}}, untested, "<nil>"},

		{"the reader is behind the sender", blocked, []sim.Act{throttled(sim.Called, sim.Never)}, &sim.WaitGraph{Waits: []sim.Wait{waits, behind}}, tested,
			`reader, before "throttle lock", waits for something, who waits for something`},
		{"who goes on", blocked, []sim.Act{throttled(sim.Called, sim.Never)}, &sim.WaitGraph{Waits: []sim.Wait{behind}}, untested, "<nil>"},
		{"the reader waits for a timer", blocked, nil, &sim.WaitGraph{Waits: []sim.Wait{drains}}, tested, `reader, before "drained", waits for something`},

		{"all are told", lost, []sim.Act{delivered(1), delivered(2)}, over, tested, "<nil>"},
		{"one is not", lost, []sim.Act{delivered(1)}, over, tested, "1 of 2 messages are neither delivered nor refused"},
		{"not yet", lost, []sim.Act{delivered(1)}, &sim.WaitGraph{}, untested, "<nil>"},
	} {
		oracle := test.oracle()
		var got bool
		var err error
		for i, act := range test.acts {
			var seen bool
			if seen, got, err = oracle.Judge(act); !seen {
				t.Errorf("%s: does not see act %d", test.name, i)
			} else if err != nil && i < len(test.acts)-1 {
				t.Errorf("%s: act %d breaks it: %v", test.name, i, err)
			}
		}
		if test.dump != nil {
			got, err = oracle.JudgeState(test.dump)
		}
		if got != test.tested || fmt.Sprint(err) != test.want {
			t.Errorf("%s: tested %v, %v; want %v, %s", test.name, got, err, test.tested, test.want)
		}
	}
}

// Goal: back-pressure is what keeps the application from running ahead. Method: in
// a stall, with room for one message it gets as far as the pipeline is long; with
// room for all it hands over all of them.
func TestBackPressure(t *testing.T) {
	for _, test := range []struct {
		input string
		most  int32
	}{
		{"input=0", 5}, // one in an answer, one at the broker, one behind it, one in the buffer, one that waits for space
		{"input=1", 6},
		{"input=12", 12},
	} {
		for limit, want := range map[int32]explore.Outcome{test.most: explore.Exhausted, test.most - 1: explore.Broken} {
			v := throttleVerdict(t, "no-throttle", "producer=async clock=timed throttle=1000 last-throttle=1000 messages=12 "+test.input, "ahead",
				ahead(limit))
			if v.Outcome != want {
				t.Errorf("%s: that the application is no more than %d messages ahead %s, want %s", test.input, limit, v.Outcome, want)
			}
		}
	}
}

// ahead claims that an application is no farther ahead of what it was told is
// delivered.
func ahead(limit int32) func() *sim.Property {
	return func() *sim.Property {
		var n int32
		p := sim.NewProperty("ahead", &n)
		sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, _ *model.Produced) {
			n--
			c.Holds()
		})
		sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, _ *model.Accepted) {
			n++
			c.Assert(n <= limit, "the application is %d messages ahead", n)
		})
		return p
	}
}
