// Package broker is a Kafka broker in memory, on a network in memory: kfake, with
// connections that a search controls.
package broker

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
)

// Topic is the topic that there is.
const Topic = "orders"

// Broker is one broker.
type Broker struct {
	*kfake.Cluster

	mu        sync.Mutex
	listeners map[string]*listener
}

// New starts a broker with one topic, until the end of the test.
func New(t testing.TB, partitions int32, options ...kfake.Opt) *Broker {
	b := &Broker{listeners: map[string]*listener{}}
	cluster, err := kfake.NewCluster(append(options, kfake.NumBrokers(1), kfake.SeedTopics(partitions, Topic), kfake.ListenFn(b.listen))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b.Cluster = cluster
	return b
}

// On calls answer for each request of a key that comes; nil lets the broker
// answer.
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
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, fmt.Errorf("dial %s: connection refused", to)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
