package exercise

import (
	"fmt"
	"slices"
	"time"

	"racelab/sim"
)

// throttle is exercise 04: atomic is not enough.
func throttle() *Exercise {
	timers := []word{
		{name: "pointer.Load", gives: number, does: "reads the shared pointer to a timer, atomically; 0 is nil", waits: true},
		{name: "pointer.Store", args: []kind{number}, does: "writes it: pointer.Store(timer)", waits: true},
		{name: "stop", args: []kind{number}, gives: condition, does: "stops a timer; false if it has fired", waits: true},
		{name: "drain", args: []kind{number}, does: "takes what a timer that has fired left in its channel", waits: true},
		{name: "receive", args: []kind{number}, does: "waits until the timer fires", waits: true},
		{name: "newTimer", gives: number, does: "makes a timer that fires when the throttle is over", waits: true},
	}
	deadlines := []word{
		{name: "deadline.Extend", does: "sets the shared deadline, atomically, to when this throttle is over, if that is later", waits: true},
		{name: "deadline.Over", gives: condition, does: "whether the shared deadline is over", waits: true},
		{name: "sleep", does: "waits, by a timer of your own, until the deadline as it is now", waits: true},
	}
	words := slices.Concat(timers, lockWord("mu"), deadlines)
	p := &program{
		name: "04-atomic", title: "Atomic is not enough",
		worlds: []world{{name: "once"}, {name: "twice", when: "a second throttle comes while the sender waits"}, {name: "clock", when: "someone looks at the clock"}},
		goals: []goal{
			{name: "nothing-is-sent-during-a-throttle", says: "nothing is sent before the throttle is over", cheat: "ignores the throttle", in: []string{"clock"}},
		},
		build: func(w *sim.World, c []*code, world string) { buildThrottle(w, c, world) },
		price: priceOfThrottle,
	}
	return &Exercise{
		ID: p.name, Title: "Atomic?", Minutes: 20,
		Story: "A broker over its quota tells the producer to send nothing for 10 ms. The response reader keeps that in a timer, and the sender waits " +
			"for it. The race detector found the shared pointer; it was made atomic, the detector is silent, and the producer still hangs (sarama pull request 2826).",
		Task:     "Write both functions. Choose: the pointer with a lock, or a deadline. No sender may wait for ever, and none may ignore the throttle.",
		Skeleton: "func setThrottle() {\n\tif old := pointer.Load(); old != 0 {\n\t\tif !stop(old) {\n\t\t\tdrain(old)\n\t\t}\n\t}\n\tpointer.Store(newTimer())\n}\n\nfunc waitIfThrottled() {\n\tif timer := pointer.Load(); timer != 0 {\n\t\treceive(timer)\n\t\tpointer.Store(0)\n\t}\n}\n",
		Hints: [3]string{
			"let the sender load the pointer and wait. Now let a second throttle stop that timer.",
			"each access is atomic, and the two of them are not: the sender waits for what the other has stopped.",
			"setThrottle: deadline.Extend(). waitIfThrottled: for !deadline.Over() { sleep() }.",
		},
		Stretch:  "write the other right answer, and compare how long the response reader is blocked.",
		Shipped:  "sarama 1.43.1 has the lock; the deadline is nobody's yet",
		Link:     "https://github.com/IBM/sarama/pull/2826",
		Released: "sarama@v1.43.0 throttle",
		holes:    []*language{{hole: "func setThrottle() {", words: words}, {hole: "func waitIfThrottled() {", words: words}},
		grade:    p.grade, scenario: p.race,
	}
}

// throttleTime is what the broker asks for.
const throttleTime = 10 * time.Millisecond

// throttled is what response reader and sender share.
//
// Source: Broker.throttleTimer in sarama 1.43.0, as in racelab/model/producer/sarama.
type throttled struct {
	timers   sim.Timers
	pointer  sim.Atomic[sim.Ref]
	mu       sim.Mutex
	deadline sim.Atomic[sim.Time]
}

// Describe shows which throttle there is.
func (b *throttled) Describe(show func(name, value string)) {
	if timer := b.pointer.Peek(); timer != 0 {
		show("pointer", fmt.Sprint("timer ", timer))
	}
	if b.deadline.Peek() != sim.Never {
		show("deadline", "set")
	}
}

// throttleUser is the response reader or the sender.
type throttleUser struct {
	broker *throttled
	text   *machine
	own    sim.Timer     // of sleep, and of the pause
	made   int           // timers
	times  int           `sim:"config"`
	pause  time.Duration `sim:"config"` // before each turn
	sender bool          `sim:"config"`
	turn   int
}

// Run handles answers, or sends.
func (u *throttleUser) Run(t *sim.Task) {
	for u.turn = 0; u.turn < u.times; u.turn++ {
		if u.pause > 0 {
			t.Step("begin")
			u.own.Sleep(t.At("pause"), u.pause)
		}
		if u.sender {
			u.text.run(t)
			t.Step("write")
			t.Call(&wrote{})
			continue
		}
		t.Step("answer")
		t.Call(&told{})
		u.text.run(t)
		t.Return(&told{})
	}
}

// told is an answer that says how long to send nothing; wrote is a request.
type (
	told  struct{}
	wrote struct{}
)

func (*told) Name() string    { return "throttle" }
func (*told) String() string  { return "" }
func (*wrote) Name() string   { return "request" }
func (*wrote) String() string { return "" }

func (u *throttleUser) timer(m *machine) *sim.Timer {
	if m.arg(0) < 1 || m.arg(0) > u.made+mostTimers {
		panic("invalid memory address or nil pointer dereference")
	}
	return u.broker.timers.At(sim.Ref(m.arg(0)))
}

// mostTimers is how many each task can make.
const mostTimers = 2

func (u *throttleUser) operations() []operation {
	return slices.Concat([]operation{
		step("load pointer", func(t *sim.Task, _ *machine) int { return int(u.broker.pointer.Load(t)) }),
		step("store pointer", func(t *sim.Task, m *machine) int { u.broker.pointer.Store(t, sim.Ref(m.arg(0))); return 0 }),
		step("stop", func(t *sim.Task, m *machine) int { return truth(u.timer(m).Stop(t)) }),
		func(t *sim.Task, m *machine) int { u.timer(m).Receive(t.At("drain")); return 0 },
		func(t *sim.Task, m *machine) int { u.timer(m).Receive(t.At("receive")); return 0 },
		step("new timer", func(t *sim.Task, _ *machine) int {
			if u.made++; u.made > mostTimers {
				panic(fmt.Sprintf("newTimer() is called more than %d times", mostTimers))
			}
			ref := u.broker.timers.New(t)
			u.broker.timers.At(ref).Start(t, throttleTime)
			return int(ref)
		}),
	}, lockOperations("mu", &u.broker.mu), []operation{
		step("extend deadline", func(t *sim.Task, _ *machine) int {
			if due := t.Now().Add(throttleTime); due > u.broker.deadline.Load(t) {
				u.broker.deadline.Store(t, due)
			}
			return 0
		}),
		step("look at deadline", func(t *sim.Task, _ *machine) int {
			due := u.broker.deadline.Load(t)
			return truth(due == sim.Never || !t.Now().Before(due))
		}),
		doing(func(t *sim.Task, _ *machine) {
			t.Step("sleep")
			if due := u.broker.deadline.Load(t); due != sim.Never && t.Now().Before(due) {
				u.own.Start(t, due.Sub(t.Now()))
				u.own.Receive(t.At("wake"))
			}
		}),
	})
}

func buildThrottle(w *sim.World, c []*code, world string) {
	b := &throttled{}
	b.timers.Init(2 * mostTimers)
	b.deadline.Init(sim.Never)
	w.Share("broker", b)
	reader := &throttleUser{broker: b, times: 1}
	sender := &throttleUser{broker: b, times: 2, sender: true}
	switch world {
	case "twice":
		reader.times = 2
	case "clock":
		sender.times, sender.pause = 1, 2*time.Millisecond
		w.Timed(sim.Timing{Seed: 1})
	case "price":
		reader.times, reader.pause = 2, 5*time.Millisecond
		sender.times, sender.pause = 1, 6*time.Millisecond
		w.Timed(sim.Timing{Seed: 1})
	}
	reader.text, sender.text = newMachine(c[0], reader.operations()), newMachine(c[1], sender.operations())
	w.GoProgram("reader", reader)
	w.GoProgram("sender", sender)
	if world == "clock" {
		w.Watch(nothingIsSentDuringAThrottle())
	}
}

// nothingIsSentDuringAThrottle judges by the world's clock.
func nothingIsSentDuringAThrottle() *sim.Property {
	var until sim.Time
	p := sim.NewProperty("nothing-is-sent-during-a-throttle", &until)
	sim.On(p, sim.Returned, func(_ *sim.Claim, a sim.Act, _ *told) { until = max(until, a.At.Add(throttleTime)) })
	sim.On(p, sim.Called, func(c *sim.Claim, a sim.Act, _ *wrote) {
		c.Assert(!a.At.Before(until), "the sender wrote %v before the throttle was over", until.Sub(a.At))
	})
	return p
}

// priceOfThrottle runs two throttles in a timed world, 5 ms after each other, with a
// sender that waits.
func priceOfThrottle(c []*code) *Price {
	w := sim.NewWorld()
	defer w.Close()
	buildThrottle(w, c, "price")
	var began sim.Time
	var blocked time.Duration
	p := sim.NewProperty("price", nil)
	sim.On(p, sim.Called, func(_ *sim.Claim, a sim.Act, _ *told) { began = a.At })
	sim.On(p, sim.Returned, func(_ *sim.Claim, a sim.Act, _ *told) { blocked = max(blocked, a.At.Sub(began)) })
	w.Watch(p)
	if _, err := sim.Run(w, sim.NewWalk(1)); err != nil {
		panic("exercise: " + err.Error())
	}
	ms := float64(blocked.Microseconds()) / 1000
	return &Price{Milliseconds: ms, Says: fmt.Sprintf("a second throttle blocks the response reader for %.0f ms, and no answer is read meanwhile", ms)}
}
