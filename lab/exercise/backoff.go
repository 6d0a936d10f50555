package exercise

import (
	"fmt"
	"time"

	"racelab/sim"
)

// backoff is exercise 09: two numbers, for forty measured windows.
func backoff() *Exercise {
	return &Exercise{
		ID: "09-backoff", Title: "Two numbers", Minutes: 20,
		Story: "After each commit the coordinator refuses the next transaction until its markers are written. Of your cluster forty such " +
			"windows were measured; most last 2 to 5 ms. While a broker restarts, one lasts a second. The default waits 20 ms and more.",
		Task: "Set Backoff, in microseconds, and Max, the number of retries. Commit at least 85 % of what is possible, ask the coordinator " +
			"at most 700 times in a second, and lose no transaction: not in the window of a second either.",
		Skeleton: "Backoff = 100_000\nMax = 50\n",
		Hints: [3]string{
			"a wait ends at the first retry after the window. So the window is rounded up to a multiple of Backoff and a round trip.",
			"with a Backoff of 1 ms a window of a second takes 500 retries, as each takes a round trip of 1 ms too.",
			"Backoff = 600, Max = 2000.",
		},
		Stretch: "simrun advise --window lognormal:3ms,0.5 gives an interval where you had a number. Where does it come from?",
		Shipped: "Producer.Transaction.Retry in Sarama; simrun advise finds it for your windows",
		Link:    "https://github.com/IBM/sarama",
		holes: []*language{{hole: "func configure() {", args: []variable{
			{name: "Backoff", kind: number, does: "how long to wait before the next try, in microseconds"},
			{name: "Max", kind: number, does: "how often to try again, before the transaction fails"},
		}}},
		grade: gradeBackoff,
	}
}

// windows are forty that were measured, in milliseconds: notebooks/windows.csv.
var windows = []int{2, 2, 2, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 5, 4, 3, 2, 3, 3, 2, 2, 3, 3, 3, 4, 3, 3, 2, 3, 3, 2, 5}

const (
	restartWindow = time.Second
	roundTrip     = time.Millisecond                  // to the coordinator and back
	ofTransaction = 3*roundTrip + 10*time.Microsecond // without a window: the add, the batch, EndTxn
	firstAdd      = 20 * time.Millisecond             // the longest wait of Sarama before it adds a transaction's first partition
	leastShare    = 85                                // %
	mostAsked     = 700                               // requests in the window of a second
	mostPatience  = 2 * time.Minute
)

// refusalsOf is how often the first add of a transaction is refused in a window.
func refusalsOf(window, backoff time.Duration) int {
	again := backoff + roundTrip
	if left := window - roundTrip; left > 0 {
		return int((left + again - 1) / again)
	}
	return 0
}

// gradeBackoff computes what the closed form of the sweep backoff says.
func gradeBackoff(c []*code) *Verdict {
	m := newMachine(c[0], nil)
	if err := m.settle(); err != nil {
		return &Verdict{Outcome: Broken, Property: sim.NoPanic, Says: err.Error()}
	}
	wait, most := time.Duration(m.locals[0])*time.Microsecond, m.locals[1]
	if wait < 0 || most < 0 {
		return &Verdict{Outcome: Broken, Says: fmt.Sprintf("Backoff is %d and Max is %d: neither can be less than 0", m.locals[0], most)}
	}
	patience := time.Duration(most) * (wait + roundTrip)
	wait = min(wait, firstAdd)
	var took, best time.Duration
	asked, failed := 0, 0
	for _, ms := range windows {
		window := time.Duration(ms) * time.Millisecond
		refusals := refusalsOf(window, wait)
		asked += 1 + refusals
		if refusals > most {
			failed++
		}
		took += ofTransaction + time.Duration(refusals)*(wait+roundTrip)
		best += ofTransaction + max(0, window-roundTrip)
	}
	share := 100 * best.Seconds() / took.Seconds()
	each := float64(asked) / float64(len(windows))
	restart := refusalsOf(restartWindow, wait)
	v := &Verdict{Outcome: Broken}
	switch {
	case failed > 0:
		v.Says = fmt.Sprintf("%d of %d transactions fail: their windows outlast %d retries", failed, len(windows), most)
	case restart > most:
		v.Held = "holds until a broker restarts"
		v.Says = fmt.Sprintf("the window of a second takes %d retries, and Max is %d: the transaction fails", restart, most)
	case patience > mostPatience:
		v.Outcome, v.Held = Cheat, "never gives up"
		v.Says = fmt.Sprintf("with a Max of %d a producer tries for %v where no coordinator is left; %v is what anyone waits", most, patience.Round(time.Second), mostPatience)
	case restart > mostAsked:
		v.Says = fmt.Sprintf("while a broker restarts it asks the coordinator %d times a second, and at most %d are allowed", restart, mostAsked)
	case share < leastShare:
		v.Says = fmt.Sprintf("it commits %.0f %% of what is possible, and %d %% are wanted: each window is rounded up to a multiple of %v", share, leastShare, wait+roundTrip)
	default:
		v.Outcome = Holds
		v.Price = &Price{RoundTrips: asked, Milliseconds: float64(took.Microseconds()) / 1000,
			Says: fmt.Sprintf("%.0f %% of what is possible, %.1f requests to the coordinator a transaction; it tries for %v before it gives up", share, each, patience.Round(time.Millisecond))}
	}
	return v
}

// settle runs a text that only sets variables, and keeps them.
func (m *machine) settle() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	m.begin(nil)
	for !m.over {
		m.step(nil)
	}
	return nil
}
