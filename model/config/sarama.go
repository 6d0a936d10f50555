package config

import (
	"errors"
	"time"
)

// Sarama is a sarama.Config, as far as a model or an advice sets it.
//
// Source: Config in config.go of sarama 1.43.0, 1.50.3 and 1.61.1.
type Sarama struct {
	Idempotent              bool
	TransactionID           string
	RequiredAcks            int16
	MaxOpenRequests         int // of Net
	ProducerRetryMax        int
	ProducerRetryBackoff    time.Duration
	FlushFrequency          time.Duration
	FlushMessages           int
	FlushMaxMessages        int
	ChannelBufferSize       int
	AutoCommitInterval      time.Duration
	OffsetsRetryMax         int
	SessionTimeout          time.Duration
	HeartbeatInterval       time.Duration
	RebalanceTimeout        time.Duration
	TransactionRetryMax     int // not checked
	TransactionRetryBackoff time.Duration
}

// WaitForAll is the RequiredAcks that idempotence asks for.
const WaitForAll int16 = -1

// NewSarama returns the defaults of NewConfig.
func NewSarama() Sarama {
	return Sarama{
		RequiredAcks: 1, MaxOpenRequests: 5, ProducerRetryMax: 3, ProducerRetryBackoff: 100 * time.Millisecond, ChannelBufferSize: 256,
		AutoCommitInterval: time.Second, OffsetsRetryMax: 3,
		SessionTimeout: 10 * time.Second, HeartbeatInterval: 3 * time.Second, RebalanceTimeout: time.Minute,
		TransactionRetryMax: 50, TransactionRetryBackoff: 100 * time.Millisecond,
	}
}

// TransactionalSarama returns the defaults, with what a transactional producer
// cannot do without.
func TransactionalSarama() Sarama {
	c := NewSarama()
	c.Idempotent, c.TransactionID, c.RequiredAcks, c.MaxOpenRequests = true, "id", WaitForAll, 1
	return c
}

// saramaRules are the cases of Config.Validate, in its order.
var saramaRules = []rule[Sarama]{
	{func(c Sarama) bool { return c.MaxOpenRequests <= 0 }, "Net.MaxOpenRequests must be > 0"},
	{func(c Sarama) bool { return c.RequiredAcks < -1 }, "Producer.RequiredAcks must be >= -1"},
	{func(c Sarama) bool { return c.FlushMessages < 0 }, "Producer.Flush.Messages must be >= 0"},
	{func(c Sarama) bool { return c.FlushFrequency < 0 }, "Producer.Flush.Frequency must be >= 0"},
	{func(c Sarama) bool { return c.FlushMaxMessages < 0 }, "Producer.Flush.MaxMessages must be >= 0"},
	{
		func(c Sarama) bool { return c.FlushMaxMessages > 0 && c.FlushMaxMessages < c.FlushMessages },
		"Producer.Flush.MaxMessages must be >= Producer.Flush.Messages when set",
	},
	{func(c Sarama) bool { return c.ProducerRetryMax < 0 }, "Producer.Retry.Max must be >= 0"},
	{func(c Sarama) bool { return c.ProducerRetryBackoff < 0 }, "Producer.Retry.Backoff must be >= 0"},
	{func(c Sarama) bool { return c.Idempotent && c.ProducerRetryMax == 0 }, "Idempotent producer requires Producer.Retry.Max >= 1"},
	{
		func(c Sarama) bool { return c.Idempotent && c.RequiredAcks != WaitForAll },
		"Idempotent producer requires Producer.RequiredAcks to be WaitForAll",
	},
	{func(c Sarama) bool { return c.Idempotent && c.MaxOpenRequests > 1 }, "Idempotent producer requires Net.MaxOpenRequests to be 1"},
	{func(c Sarama) bool { return c.TransactionID != "" && !c.Idempotent }, "Transactional producer requires Idempotent to be true"},
	{func(c Sarama) bool { return c.AutoCommitInterval <= 0 }, "Consumer.Offsets.AutoCommit.Interval must be > 0"},
	{func(c Sarama) bool { return c.OffsetsRetryMax < 0 }, "Consumer.Offsets.Retry.Max must be >= 0"},
	{func(c Sarama) bool { return c.SessionTimeout <= 2*time.Millisecond }, "Consumer.Group.Session.Timeout must be >= 2ms"},
	{func(c Sarama) bool { return c.HeartbeatInterval < time.Millisecond }, "Consumer.Group.Heartbeat.Interval must be >= 1ms"},
	{
		func(c Sarama) bool { return c.HeartbeatInterval >= c.SessionTimeout },
		"Consumer.Group.Heartbeat.Interval must be < Consumer.Group.Session.Timeout",
	},
	{func(c Sarama) bool { return c.RebalanceTimeout <= time.Millisecond }, "Consumer.Group.Rebalance.Timeout must be >= 1ms"},
	{func(c Sarama) bool { return c.ChannelBufferSize < 0 }, "ChannelBufferSize must be >= 0"},
}

// Validate is Config.Validate. The rules here are alike from 1.37 to 1.61.1, for
// Version 2.4 and later.
func (c Sarama) Validate() error {
	if says := check(saramaRules, c); says != "" {
		return errors.New("kafka: invalid configuration (" + says + ")")
	}
	return nil
}
