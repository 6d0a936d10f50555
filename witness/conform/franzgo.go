package conform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"racelab/model"
	"racelab/scenarios/concurrenttransactions"
)

// kgoClient is a transactional client, with the status that it does not tell.
type kgoClient struct {
	*kgo.Client
	inTxn bool
	fatal bool // EndTransaction has failed the producer id
}

func newKgoTV2(cluster *cluster, p concurrenttransactions.Params) client {
	cluster.tv2 = true
	return newKgo(cluster, p)
}

func newKgo(cluster *cluster, p concurrenttransactions.Params) client {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(address(coordinatorID)), kgo.TransactionalID("id"), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		kgo.RequestTimeoutOverhead(p.ReadTimeout), kgo.RetryTimeout(0), kgo.RetryBackoffFn(func(int) time.Duration { return 0 }),
		kgo.Dialer(func(_ context.Context, network, host string) (net.Conn, error) { return cluster.Dial(network, host) }),
	)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	return &kgoClient{Client: cl}
}

func (c *kgoClient) begin() error {
	err := c.BeginTransaction()
	c.inTxn = c.inTxn || err == nil
	return err
}

func (c *kgoClient) send(record string, partition int32) error {
	return c.ProduceSync(context.Background(), &kgo.Record{Partition: partition, Value: []byte(record)}).FirstErr()
}

func (c *kgoClient) endInside(record string, p concurrenttransactions.Params) error {
	c.Produce(context.Background(), &kgo.Record{Value: []byte(record)}, nil)
	time.Sleep(p.Inside)
	try, empty := kgo.TryAbort, c.AbortBufferedRecords
	if p.Commit {
		try, empty = kgo.TryCommit, c.Flush
	}
	if p.Commit || p.Flush {
		if err := empty(context.Background()); err != nil {
			return err
		}
	}
	ctx := context.Background()
	if p.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Timeout)
		defer cancel()
	}
	return c.end(ctx, try)
}

func (c *kgoClient) commit() error { return c.end(context.Background(), kgo.TryCommit) }
func (c *kgoClient) abort() error  { return c.end(context.Background(), kgo.TryAbort) }

func (c *kgoClient) end(ctx context.Context, try kgo.TransactionEndTry) error {
	err := c.EndTransaction(ctx, try)
	c.inTxn = err != nil
	c.fatal = c.fatal || err != nil && !errors.Is(err, kerr.OperationNotAttempted)
	return err
}

func (c *kgoClient) status() model.TxnStatus {
	switch {
	case c.fatal:
		return model.TxnFatalError
	case c.inTxn:
		return model.TxnInTransaction
	}
	return model.TxnReady
}

func (c *kgoClient) close() { c.Close() }
