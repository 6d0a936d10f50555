// Package kafka is a Kafka broker in memory for tests under control: kfake, on
// connections that a search may cut and delay, and that it may let answer an error.
//
//	func TestConsumer(t *testing.T) {
//		witness.Explore(t, func(w *witness.T) {
//			b := kafka.New(w, "orders", 1)
//			w.Faults(1) // One request goes wrong, any of them.
//			client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.Dialer(b.DialContext))
//
// With Sarama, a [Broker] is the dialer of a proxy: Net.Proxy.Enable = true and
// Net.Proxy.Dialer = b. With kafka-go it is Transport.Dial or Dialer.DialFunc =
// b.DialContext.
package kafka

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
)

// Broker is one broker.
type Broker struct {
	*kfake.Cluster

	w         *witness.T
	mu        sync.Mutex
	listeners map[string]*listener
}

// New starts a broker with one topic, until the end of the test. More topics are an
// option: kfake.SeedTopics.
func New(w *witness.T, topic string, partitions int32, options ...kfake.Opt) *Broker {
	b := &Broker{w: w, listeners: map[string]*listener{}}
	cluster, err := kfake.NewCluster(append(options, kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic), kfake.ListenFn(b.listen))...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(cluster.Close)
	b.Cluster = cluster
	return b
}

// On lets answer look at each request of a key that comes; nil lets the broker answer.
// It must not block, but for [Broker.Delay]. Of several, the first that answers does.
func (b *Broker) On(key kmsg.Key, answer func(kmsg.Request) kmsg.Response) {
	b.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		response := answer(r)
		return response, nil, response != nil
	})
}

// Delay lets an answer of On come later: not before what comes after it on the same
// connection, as the protocol has it.
func (b *Broker) Delay(d time.Duration) { b.SleepControl(func() { time.Sleep(d) }) }

// Markers lets each transaction take so long until it is complete, after its EndTxn was
// answered: meanwhile the coordinator answers CONCURRENT_TRANSACTIONS, as Kafka's does
// while it writes markers. kfake's own writes them at once.
func (b *Broker) Markers(lag time.Duration) {
	until := map[string]time.Time{}
	busy := func(id string, r kmsg.Request) kmsg.Response {
		if time.Now().Before(until[id]) {
			return Answer(r, kerr.ConcurrentTransactions)
		}
		return nil
	}
	b.On(kmsg.AddPartitionsToTxn, func(r kmsg.Request) kmsg.Response {
		return busy(r.(*kmsg.AddPartitionsToTxnRequest).TransactionalID, r)
	})
	b.On(kmsg.AddOffsetsToTxn, func(r kmsg.Request) kmsg.Response {
		return busy(r.(*kmsg.AddOffsetsToTxnRequest).TransactionalID, r)
	})
	b.On(kmsg.InitProducerID, func(r kmsg.Request) kmsg.Response {
		if id := r.(*kmsg.InitProducerIDRequest).TransactionalID; id != nil {
			return busy(*id, r)
		}
		return nil
	})
	b.On(kmsg.EndTxn, func(r kmsg.Request) kmsg.Response {
		id := r.(*kmsg.EndTxnRequest).TransactionalID
		refused := busy(id, r)
		if refused == nil {
			until[id] = time.Now().Add(lag)
		}
		return refused
	})
}

type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

type listener struct {
	address address
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (b *Broker) listen(_, _ string) (net.Listener, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := address(fmt.Sprintf("127.0.0.1:%d", 9092+len(b.listeners)))
	l := &listener{address: a, conns: make(chan net.Conn), closed: make(chan struct{})}
	b.listeners[string(a)] = l
	return l, nil
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return l.address }

// Dial connects to the broker, as golang.org/x/net/proxy.Dialer has it.
func (b *Broker) Dial(network, to string) (net.Conn, error) {
	return b.DialContext(context.Background(), network, to)
}

// DialContext connects to the broker, as kgo.Dialer has it.
func (b *Broker) DialContext(ctx context.Context, _, to string) (net.Conn, error) {
	b.mu.Lock()
	l := b.listeners[to]
	b.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: connection refused", to)
	}
	here, there := witness.Connect()
	select {
	case l.conns <- &conn{Conn: there, w: b.w, after: map[int32]after{}}:
		return here, nil
	case <-l.closed:
		return nil, fmt.Errorf("dial %s: connection refused", to)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
