package conform

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"

	"racelab/model"
	"racelab/scenarios/concurrenttransactions"
	"racelab/witness/conform/locks"
)

// saramaProducer is an AsyncProducer: a SyncProducer keeps channels from one bubble to
// the next.
type saramaProducer struct{ sarama.AsyncProducer }

func newSarama(cluster *cluster, p concurrenttransactions.Params) client {
	metrics.UseNilMetrics = true // Meters share a goroutine with other bubbles.
	locks.Wake = 0
	c := sarama.NewConfig()
	c.Version = sarama.V2_5_0_0
	c.ApiVersionsRequest = false
	c.Metadata.RefreshFrequency = 0
	c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, cluster
	c.Net.MaxOpenRequests = 1
	c.Net.ReadTimeout = p.ReadTimeout
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Retry.Max = p.ProducerMax
	c.Producer.Transaction.ID = "id"
	c.Producer.Transaction.Retry.Max, c.Producer.Transaction.Retry.Backoff = p.Max, p.Backoff
	producer, err := sarama.NewAsyncProducer([]string{address(coordinatorID)}, c)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	return saramaProducer{producer}
}

func (p saramaProducer) begin() error  { return p.BeginTxn() }
func (p saramaProducer) commit() error { return p.CommitTxn() }
func (p saramaProducer) abort() error  { return p.AbortTxn() }
func (p saramaProducer) close()        { _ = p.Close() }

func (p saramaProducer) send(record string, partition int32) error {
	p.Input() <- &sarama.ProducerMessage{Topic: topic, Partition: partition, Value: sarama.StringEncoder(record)}
	return p.outcome()
}

func (p saramaProducer) outcome() error {
	select {
	case <-p.Successes():
		return nil
	case failed := <-p.Errors():
		return failed.Err
	}
}

func (p saramaProducer) endInside(record string, plan concurrenttransactions.Params) error {
	p.Input() <- &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(record)}
	go p.outcome()
	time.Sleep(plan.Inside)
	if plan.Commit {
		return p.CommitTxn()
	}
	return p.AbortTxn()
}

// status is what the flags come to.
func (p saramaProducer) status() model.TxnStatus {
	s := p.TxnStatus()
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
