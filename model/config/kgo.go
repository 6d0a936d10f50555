package config

import (
	"fmt"
	"time"
)

// Kgo is what the options of kgo.NewClient come to, as far as a model sets them.
//
// Source: cfg and defaultCfg in config.go of franz-go 1.20.7 to 1.22.3.
type Kgo struct {
	Transactional          bool // TransactionalID
	DisableIdempotentWrite bool
	AcksAll                bool // RequiredAcks
	InFlight               int  // MaxProduceRequestsInflightPerBroker
	Linger                 time.Duration
	ProduceRequestTimeout  time.Duration
	RecordDeliveryTimeout  time.Duration // 0: none
	MetadataMinAge         time.Duration
	SessionTimeout         time.Duration
	RebalanceTimeout       time.Duration
	AutoCommitInterval     time.Duration
}

// NewKgo returns the defaults.
func NewKgo() Kgo {
	return Kgo{
		AcksAll: true, InFlight: 1, Linger: 10 * time.Millisecond, ProduceRequestTimeout: 10 * time.Second, MetadataMinAge: 5 * time.Second,
		SessionTimeout: 45 * time.Second, RebalanceTimeout: time.Minute, AutoCommitInterval: 5 * time.Second,
	}
}

// Validate is cfg.validate.
func (c Kgo) Validate() error {
	switch {
	case c.DisableIdempotentWrite && c.Transactional:
		return fmt.Errorf("cannot both disable idempotent writes and use transactional IDs")
	case c.DisableIdempotentWrite && c.InFlight <= 0:
		return fmt.Errorf("invalid max produce inflight %d with idempotency disabled", c.InFlight)
	case !c.DisableIdempotentWrite && !c.AcksAll:
		return fmt.Errorf("idempotency requires acks=all")
	case !c.DisableIdempotentWrite && c.InFlight != 1:
		return fmt.Errorf("invalid usage of MaxProduceRequestsInflightPerBroker with idempotency enabled")
	}
	for _, limit := range []struct {
		name  string
		value time.Duration
		least time.Duration
		most  time.Duration // 0: there is none
	}{
		{"metadata min age", c.MetadataMinAge, 10 * time.Millisecond, 0},
		{"linger", c.Linger, -1 << 62, time.Minute},
		{"produce timeout", c.ProduceRequestTimeout, 100 * time.Millisecond, 0},
		{"record timeout", c.RecordDeliveryTimeout, time.Second, 0},
		{"session timeout", c.SessionTimeout, 100 * time.Millisecond, 0},
		{"rebalance timeout", c.RebalanceTimeout, 100 * time.Millisecond, 0},
		{"autocommit interval", c.AutoCommitInterval, 100 * time.Millisecond, 0},
	} {
		switch {
		case limit.name == "record timeout" && limit.value == 0:
		case limit.value < limit.least:
			return fmt.Errorf("%s %v is less than allowed %v", limit.name, limit.value, limit.least)
		case limit.most > 0 && limit.value > limit.most:
			return fmt.Errorf("%s %v is larger than allowed %v", limit.name, limit.value, limit.most)
		}
	}
	return nil
}
