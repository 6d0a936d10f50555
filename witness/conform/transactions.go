package conform

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"

	"racelab/model"
	"racelab/scenarios/concurrenttransactions"
	"racelab/sim"
	"racelab/sim/explore"
)

// outcome is a call of an application: what came of it, and when.
type outcome struct {
	at   time.Duration
	text string // "Send CONCURRENT_TRANSACTIONS, AbortableError"
}

// conversation is what an application was told, and how often its requests were
// refused for CONCURRENT_TRANSACTIONS.
type conversation struct {
	calls   []outcome
	refused map[string]int
}

func (c *conversation) note(at time.Duration, format string, args ...any) {
	c.calls = append(c.calls, outcome{at, fmt.Sprintf(format, args...)})
}

func (c *conversation) String() string {
	var b strings.Builder
	for _, call := range c.calls {
		fmt.Fprintf(&b, "%10v  %s\n", call.at, call.text)
	}
	fmt.Fprintf(&b, "refused %v\n", c.refused)
	return b.String()
}

// transacting is a setting of an application that writes in transactions.
type transacting struct {
	concurrenttransactions.Params
	silent silent
}

// losing has the network lose the requests to the coordinator that are to be left unanswered, or
// their answers.
type losing struct {
	silent
	asked int
}

// fromClient says whether a task is the application or a sink.
func fromClient(task string) bool { return task[0] == 'a' || task[0] == 's' }

func isRequest(line string) bool { return fromClient(line) && strings.HasSuffix(line, "->coordinator") }

func isAnswer(line string) bool {
	to, ok := strings.CutPrefix(line, "coordinator->")
	return ok && fromClient(to)
}

func ofCoordinator(m sim.Message) bool {
	switch m.(type) {
	case *model.InitProducerIDRequest, *model.AddPartitionsToTxnRequest, *model.EndTxnRequest:
		return true
	}
	return false
}

// next is the first event, but a fault only if it is to be.
func (l *losing) next(enabled []sim.Event) int {
	lost := string(sim.Lost) + " "
	for i, e := range enabled {
		line, loses := strings.CutPrefix(e.Label, lost)
		if loses && e.Fault && l.has(l.asked) && (l.hears && isAnswer(line) || !l.hears && isRequest(line)) {
			return i
		}
	}
	return slices.IndexFunc(enabled, func(e sim.Event) bool { return !e.Fault })
}

// modelled runs the model of a client.
func modelled(client concurrenttransactions.Client, p transacting) *conversation {
	w := sim.NewWorld()
	defer w.Close()
	concurrenttransactions.Scenario.Build(w, client, p.Params)
	loses := &losing{silent: p.silent}
	c := &conversation{refused: map[string]int{}}
	note := sim.NewProperty("conversation", nil)
	sim.On(note, sim.Returned, func(_ *sim.Claim, _ sim.Act, r *model.TxnReturned) { c.note(w.Now(), "%v %v", r.Call, r) })
	sim.On(note, sim.Received, func(_ *sim.Claim, a sim.Act, m sim.Message) {
		if fromClient(a.Actor) && strings.Contains(sim.ContentsOf(m), "CONCURRENT_TRANSACTIONS") {
			c.refused[sim.NameOf(m)]++
		}
	})
	sim.On(note, sim.Sent, func(_ *sim.Claim, a sim.Act, m sim.Message) {
		if ofCoordinator(m) && a.Peer == "coordinator" && fromClient(a.Actor) {
			loses.asked++
		}
	})
	w.Watch(note)
	for system := explore.Of(w); ; {
		next := loses.next(system.Enabled())
		if next < 0 {
			return c
		}
		system.Take(next)
	}
}

// client is a released client under the application. An error that a record met is
// that of Send.
type client interface {
	begin() error
	send(record string, partition int32) error
	// endInside hands a record over, and aborts or commits after a while without a wait
	// for it.
	endInside(record string, p concurrenttransactions.Params) error
	commit() error
	abort() error
	status() model.TxnStatus
	close()
}

// talks runs a release, in a bubble. The application is that of
// racelab/model/app.Transactional.
func talks(connect func(*cluster, concurrenttransactions.Params) client, p transacting) *conversation {
	cluster := newCluster(2)
	cluster.silent = p.silent
	cluster.lag = p.Lag.Draw(&sim.Random{})
	if p.TooLarge > 0 {
		cluster.tooLarge[fmt.Sprint(10*(p.TooLarge-1))] = true
	}
	a := &application{plan: p.Params, start: time.Now(), conversation: conversation{refused: cluster.refused}}
	a.client = connect(cluster, p.Params)
	a.run()
	a.client.close()
	return &a.conversation
}

// application is model/app.Transactional in Go.
type application struct {
	conversation
	plan   concurrenttransactions.Params
	client client
	start  time.Time
	failed bool
	// notAllowed says that the client's state did not allow the last call.
	notAllowed bool
	gaveUp     bool
	done       int
	lost       int
	txn        int
}

func (a *application) run() {
	a.called(model.InitTransactions, nil)
	for ; a.done+a.lost < a.plan.Transactions && !a.gaveUp; a.txn++ {
		a.transaction()
	}
	if a.gaveUp {
		a.called(model.AbortTxn, a.client.abort())
		a.called(model.BeginTxn, a.client.begin())
		if !a.failed {
			a.send(0)
		}
	}
}

func (a *application) transaction() {
	a.called(model.BeginTxn, a.client.begin())
	if a.failed {
		a.gaveUp = true
		return
	}
	if a.plan.Inside > 0 && a.txn == 1 {
		call := model.AbortTxn
		if a.plan.Commit {
			call = model.CommitTxn
		}
		a.called(call, a.client.endInside(fmt.Sprint(10*a.txn), a.plan))
		a.gaveUp = a.failed && a.client.status() == model.TxnFatalError
	} else {
		for i := 0; i < a.plan.Records && !a.failed; i++ {
			a.send(i)
		}
		if !a.failed {
			a.called(model.CommitTxn, a.client.commit())
		}
	}
	if !a.failed {
		a.done++
		return
	}
	for a.failed && !a.gaveUp {
		a.called(model.AbortTxn, a.client.abort())
		a.gaveUp = a.client.status() == model.TxnFatalError || a.notAllowed
	}
	if !a.gaveUp {
		a.lost++
	}
}

func (a *application) send(i int) {
	a.called(model.Send, a.client.send(fmt.Sprint(10*a.txn+i), int32(i%min(a.plan.Records, 2))))
}

// called notes a call in the words of the model.
func (a *application) called(call model.TxnCall, err error) {
	result := &model.TxnReturned{Call: call, Status: a.client.status()}
	var ofSarama sarama.KError
	var ofKgo *kerr.Error
	switch {
	case errors.As(err, &ofSarama):
		result.Error = model.Error(ofSarama)
	case errors.As(err, &ofKgo):
		result.Error = model.Error(ofKgo.Code)
	case errors.Is(err, os.ErrDeadlineExceeded):
		result.Error = model.ErrRequestTimedOut
	case err != nil:
		result.NotAllowed = true
	}
	a.failed, a.notAllowed = err != nil, result.NotAllowed
	// What the client still does without waiting, it does before the next call: a
	// goroutine that waits for a mutex while its holder sleeps would stop the bubble's
	// clock.
	synctest.Wait()
	a.note(time.Since(a.start), "%v %v", call, result)
}
