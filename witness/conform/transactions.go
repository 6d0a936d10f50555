package conform

import (
	"errors"
	"fmt"
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

// modelled runs the model of a client.
func modelled(client concurrenttransactions.Client, p concurrenttransactions.Params) *conversation {
	w := sim.NewWorld()
	defer w.Close()
	concurrenttransactions.Scenario.Build(w, client, p)
	c := &conversation{refused: map[string]int{}}
	note := sim.NewProperty("conversation", nil)
	sim.On(note, sim.Returned, func(_ *sim.Claim, _ sim.Act, r *model.TxnReturned) { c.note(w.Now(), "%v %v", r.Call, r) })
	sim.On(note, sim.Received, func(_ *sim.Claim, a sim.Act, m sim.Message) {
		if client := a.Actor[0] == 'a' || a.Actor[0] == 's'; client && strings.Contains(sim.ContentsOf(m), "CONCURRENT_TRANSACTIONS") {
			c.refused[sim.NameOf(m)]++
		}
	})
	w.Watch(note)
	for system := explore.Of(w); len(system.Enabled()) > 0; {
		system.Take(0)
	}
	return c
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
func talks(connect func(*cluster, concurrenttransactions.Params) client, p concurrenttransactions.Params) *conversation {
	cluster := newCluster(2)
	cluster.lag = p.Lag.Draw(&sim.Random{})
	if p.TooLarge > 0 {
		cluster.tooLarge[fmt.Sprint(10*(p.TooLarge-1))] = true
	}
	a := &application{plan: p, start: time.Now(), conversation: conversation{refused: cluster.refused}}
	a.client = connect(cluster, p)
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
