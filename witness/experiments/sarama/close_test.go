package sarama

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
	"racelab/witness/kafka"
)

// Goal: Broker.Close returns, although the callback of a message sends the next one.
//
// Race: close-awaits-reader close-ends sends-again
func TestCloseAwaitsReader(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		var conn *sarama.Broker
		witness.Calm(func() {
			b := kafka.New(w, topic, 1)
			b.On(kmsg.Produce, func(r kmsg.Request) kmsg.Response { return kafka.Answer(r, nil) })
			conn = sarama.NewBroker(b.ListenAddrs()[0])
			if err := conn.Open(config(b)); err != nil {
				w.Fatal(err)
			}
			if connected, err := conn.Connected(); !connected {
				w.Fatal(err)
			}
		})
		request := func() *sarama.ProduceRequest {
			r := &sarama.ProduceRequest{RequiredAcks: sarama.WaitForLocal, Timeout: 1000}
			r.AddMessage(topic, 0, &sarama.Message{Value: []byte("x")})
			return r
		}
		told := func(*sarama.ProduceResponse, error) {}
		err := conn.AsyncProduce(request(), func(*sarama.ProduceResponse, error) {
			if err := conn.AsyncProduce(request(), told); err != nil {
				w.Log("the connection is closed:", err)
			}
		})
		if err != nil {
			w.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			w.Fatal(err)
		}
	})
}

// Goal: OffsetManager.Close returns, although two commits fail, errors are returned, and
// nobody reads them.
//
// Race: close-unread-errors close-ends refused
func TestCloseUnreadErrors(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		var om sarama.OffsetManager
		var pom sarama.PartitionOffsetManager
		witness.Calm(func() {
			b := kafka.New(w, topic, 1)
			b.On(kmsg.OffsetFetch, func(r kmsg.Request) kmsg.Response { return kafka.Answer(r, nil) })
			refusals := 2
			b.On(kmsg.OffsetCommit, func(r kmsg.Request) kmsg.Response {
				if refusals--; refusals >= 0 {
					return kafka.Answer(r, kerr.OffsetMetadataTooLarge)
				}
				return kafka.Answer(r, nil)
			})
			c := config(b)
			c.ChannelBufferSize = 1
			c.Consumer.Return.Errors = true
			c.Consumer.Offsets.AutoCommit.Enable = true
			c.Consumer.Offsets.AutoCommit.Interval = 100 * time.Millisecond
			client, err := sarama.NewClient(b.ListenAddrs(), c)
			if err != nil {
				w.Fatal(err)
			}
			if om, err = sarama.NewOffsetManagerFromClient("group", client); err != nil {
				w.Fatal(err)
			}
			if pom, err = om.ManagePartition(topic, 0); err != nil {
				w.Fatal(err)
			}
		})
		pom.MarkOffset(11, "")
		time.Sleep(250 * time.Millisecond)
		if err := om.Close(); err != nil {
			w.Fatal(err)
		}
	})
}
