package conform

import (
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"racelab/model/config"
)

// Goal: the table of what Sarama refuses is that of Config.Validate, word for word.
func TestSaramaConfig(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		number := func(name string, standard int) int {
			return rapid.SampledFrom([]int{standard, standard, standard, standard, -2, -1, 0, 1, 2, 7}).Draw(r, name)
		}
		duration := func(name string, standard time.Duration) time.Duration {
			return rapid.SampledFrom([]time.Duration{standard, standard, standard, standard, -1, 0, time.Millisecond, 2 * time.Millisecond, time.Hour}).Draw(r, name)
		}
		c := config.NewSarama()
		if rapid.Bool().Draw(r, "transactional") {
			c = config.TransactionalSarama()
		}
		c.Idempotent = rapid.SampledFrom([]bool{c.Idempotent, c.Idempotent, true, false}).Draw(r, "idempotent")
		c.RequiredAcks = int16(number("acks", int(c.RequiredAcks)))
		c.MaxOpenRequests = number("max-open", c.MaxOpenRequests)
		c.ProducerRetryMax = number("retry-max", c.ProducerRetryMax)
		c.ProducerRetryBackoff = duration("retry-backoff", c.ProducerRetryBackoff)
		c.FlushFrequency = duration("frequency", 0)
		c.FlushMessages, c.FlushMaxMessages = number("messages", 0), number("max-messages", 0)
		c.ChannelBufferSize = number("buffer", c.ChannelBufferSize)
		c.AutoCommitInterval = duration("autocommit", c.AutoCommitInterval)
		c.OffsetsRetryMax = number("offsets-retry", c.OffsetsRetryMax)
		c.SessionTimeout = duration("session", c.SessionTimeout)
		c.HeartbeatInterval = duration("heartbeat", c.HeartbeatInterval)
		c.RebalanceTimeout = duration("rebalance", c.RebalanceTimeout)

		real := sarama.NewConfig()
		real.Version = sarama.V2_5_0_0
		real.Net.MaxOpenRequests = c.MaxOpenRequests
		real.Producer.Idempotent, real.Producer.Transaction.ID = c.Idempotent, c.TransactionID
		real.Producer.RequiredAcks = sarama.RequiredAcks(c.RequiredAcks)
		real.Producer.Retry.Max, real.Producer.Retry.Backoff = c.ProducerRetryMax, c.ProducerRetryBackoff
		real.Producer.Flush.Frequency, real.Producer.Flush.Messages, real.Producer.Flush.MaxMessages = c.FlushFrequency, c.FlushMessages, c.FlushMaxMessages
		real.ChannelBufferSize = c.ChannelBufferSize
		real.Consumer.Offsets.AutoCommit.Interval, real.Consumer.Offsets.Retry.Max = c.AutoCommitInterval, c.OffsetsRetryMax
		group := &real.Consumer.Group
		group.Session.Timeout, group.Heartbeat.Interval, group.Rebalance.Timeout = c.SessionTimeout, c.HeartbeatInterval, c.RebalanceTimeout
		if got, want := fmt.Sprint(c.Validate()), fmt.Sprint(real.Validate()); got != want {
			r.Fatalf("%+v: the table says %s, %s says %s", c, got, "Sarama "+version(t, "sarama"), want)
		}
	})
}

// Goal: likewise what franz-go refuses.
func TestKgoConfig(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		duration := func(name string, standard time.Duration) time.Duration {
			return rapid.SampledFrom([]time.Duration{standard, standard, standard, standard, time.Millisecond, 50 * time.Millisecond, 2 * time.Second, time.Hour}).Draw(r, name)
		}
		c := config.NewKgo()
		c.Transactional = rapid.Bool().Draw(r, "transactional")
		c.DisableIdempotentWrite = rapid.Bool().Draw(r, "disable")
		c.AcksAll = rapid.SampledFrom([]bool{true, true, false}).Draw(r, "acks")
		c.InFlight = rapid.SampledFrom([]int{1, 1, 1, 0, 3}).Draw(r, "in flight")
		c.Linger = duration("linger", c.Linger)
		c.ProduceRequestTimeout = duration("timeout", c.ProduceRequestTimeout)
		c.RecordDeliveryTimeout = duration("delivery", 0)
		c.MetadataMinAge = duration("min age", c.MetadataMinAge)
		c.SessionTimeout = duration("session", c.SessionTimeout)
		c.RebalanceTimeout = duration("rebalance", c.RebalanceTimeout)
		c.AutoCommitInterval = duration("autocommit", c.AutoCommitInterval)

		options := []kgo.Opt{
			kgo.ConsumerGroup("group"), kgo.ConsumeTopics(topic), kgo.MetadataMaxAge(time.Hour), kgo.HeartbeatInterval(time.Millisecond),
			kgo.MaxProduceRequestsInflightPerBroker(c.InFlight), kgo.ProducerLinger(c.Linger), kgo.ProduceRequestTimeout(c.ProduceRequestTimeout),
			kgo.RecordDeliveryTimeout(c.RecordDeliveryTimeout), kgo.MetadataMinAge(c.MetadataMinAge), kgo.SessionTimeout(c.SessionTimeout),
			kgo.RebalanceTimeout(c.RebalanceTimeout), kgo.AutoCommitInterval(c.AutoCommitInterval),
		}
		if c.Transactional {
			options = append(options, kgo.TransactionalID("id"))
		}
		if c.DisableIdempotentWrite {
			options = append(options, kgo.DisableIdempotentWrite())
		}
		if !c.AcksAll {
			options = append(options, kgo.RequiredAcks(kgo.LeaderAck()))
		}
		if got, want := fmt.Sprint(c.Validate()), fmt.Sprint(kgo.ValidateOpts(options...)); got != want {
			r.Fatalf("%+v: the table says %s, franz-go says %s", c, got, want)
		}
	})
}
