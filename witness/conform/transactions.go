package conform

import (
	"errors"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"

	"racelab/model"
	saramaclient "racelab/model/producer/sarama"
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

// modelled runs the model.
func modelled(release saramaclient.Release, p concurrenttransactions.Params) *conversation {
	w := sim.NewWorld()
	defer w.Close()
	concurrenttransactions.Scenario.Build(w, concurrenttransactions.Sarama(release), p)
	c := &conversation{refused: map[string]int{}}
	note := sim.NewProperty("conversation", nil)
	sim.On(note, sim.Returned, func(_ *sim.Claim, _ sim.Act, r *model.TxnReturned) { c.note(w.Now(), "%v %v", r.Call, r) })
	sim.On(note, sim.Received, func(_ *sim.Claim, _ sim.Act, m sim.Message) {
		if strings.Contains(sim.ContentsOf(m), "CONCURRENT_TRANSACTIONS") {
			c.refused[sim.NameOf(m)]++
		}
	})
	w.Watch(note)
	for system := explore.Of(w); len(system.Enabled()) > 0; {
		system.Take(0)
	}
	return c
}

// released runs the release that this binary has, in a bubble. The application
// is that of racelab/model/app.Transactional.
func released(p concurrenttransactions.Params) *conversation {
	metrics.UseNilMetrics = true // Meters share a goroutine with other bubbles.
	cluster := newCluster(2)
	cluster.lag = p.Lag.Draw(&sim.Draws{})
	if p.TooLarge > 0 {
		cluster.tooLarge[fmt.Sprint(10*(p.TooLarge-1))] = true
	}
	a := &application{plan: p, start: time.Now(), conversation: conversation{refused: cluster.refused}}
	a.run(saramaConfig(cluster, p))
	return &a.conversation
}

func saramaConfig(cluster *cluster, p concurrenttransactions.Params) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V2_5_0_0
	c.ApiVersionsRequest = false
	c.Metadata.RefreshFrequency = 0
	c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, cluster
	c.Net.MaxOpenRequests = 1
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Retry.Max = p.ProducerMax
	c.Producer.Transaction.ID = "id"
	c.Producer.Transaction.Retry.Max, c.Producer.Transaction.Retry.Backoff = p.Max, p.Backoff
	return c
}

// application is model/app.Transactional in Go.
type application struct {
	conversation
	plan      concurrenttransactions.Params
	producer  sarama.AsyncProducer // a SyncProducer keeps channels from one bubble to the next
	start     time.Time
	failed    bool
	gaveUp    bool
	committed int
	lost      int
	txn       int
}

func (a *application) run(c *sarama.Config) {
	p, err := sarama.NewAsyncProducer([]string{fmt.Sprintf("%s:%d", host(coordinatorID), port)}, c)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	a.producer = p
	a.called(model.InitTransactions, nil)
	for ; a.committed+a.lost < a.plan.Transactions && !a.gaveUp; a.txn++ {
		a.transaction()
	}
	if a.gaveUp {
		a.called(model.AbortTxn, p.AbortTxn())
		a.called(model.BeginTxn, p.BeginTxn())
		if !a.failed {
			a.send(0)
		}
	}
	_ = p.Close()
}

func (a *application) transaction() {
	a.called(model.BeginTxn, a.producer.BeginTxn())
	if a.failed {
		a.gaveUp = true
		return
	}
	for i := 0; i < a.plan.Records && !a.failed; i++ {
		a.send(i)
	}
	if !a.failed {
		a.called(model.CommitTxn, a.producer.CommitTxn())
	}
	if !a.failed {
		a.committed++
		return
	}
	for a.failed && !a.gaveUp {
		a.called(model.AbortTxn, a.producer.AbortTxn())
		a.gaveUp = a.producer.TxnStatus()&sarama.ProducerTxnFlagFatalError != 0
	}
	if !a.gaveUp {
		a.lost++
	}
}

func (a *application) send(i int) {
	a.producer.Input() <- &sarama.ProducerMessage{
		Topic: topic, Partition: int32(i % min(a.plan.Records, 2)), Value: sarama.StringEncoder(fmt.Sprint(10*a.txn + i)),
	}
	select {
	case <-a.producer.Successes():
		a.called(model.Send, nil)
	case failed := <-a.producer.Errors():
		a.called(model.Send, failed.Err)
	}
}

// called notes a call in the words of the model.
func (a *application) called(call model.TxnCall, err error) {
	result := &model.TxnReturned{Call: call, Status: status(a.producer.TxnStatus())}
	var code sarama.KError
	switch {
	case errors.As(err, &code):
		result.Error = model.Error(code)
	case err != nil:
		result.NotAllowed = true
	}
	a.failed = err != nil
	// What the client still does without waiting, it does before the next call: a
	// goroutine that waits for a mutex while its holder sleeps would stop the bubble's
	// clock.
	synctest.Wait()
	a.note(time.Since(a.start), "%v %v", call, result)
}

// status is what the flags come to.
func status(s sarama.ProducerTxnStatusFlag) model.TxnStatus {
	for _, of := range []struct {
		flag   sarama.ProducerTxnStatusFlag
		status model.TxnStatus
	}{
		{sarama.ProducerTxnFlagFatalError, model.TxnFatalError},
		{sarama.ProducerTxnFlagAbortableError, model.TxnAbortableError},
		{sarama.ProducerTxnFlagEndTransaction, model.TxnEnding},
		{sarama.ProducerTxnFlagInTransaction, model.TxnInTransaction},
		{sarama.ProducerTxnFlagReady, model.TxnReady},
		{sarama.ProducerTxnFlagInitializing, model.TxnInitializing},
	} {
		if s&of.flag != 0 {
			return of.status
		}
	}
	return model.TxnUninitialized
}
