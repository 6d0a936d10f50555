package config

import (
	"errors"
	"fmt"
	"time"
)

// Java is a ProducerConfig, as far as a model sets it.
//
// Source: ProducerConfig.postProcessAndValidateIdempotenceConfigs and
// KafkaProducer.configureDeliveryTimeout of trunk. Differs: 3.9 and earlier switch
// idempotence off, silently, where more than 5 requests are in flight and the user
// did not ask for idempotence; retries=0 and acks do so in all. In 3.9 linger.ms is 0 (KIP-1030).
type Java struct {
	TransactionalID   bool
	EnableIdempotence bool // asked for by the user: what does not fit is refused, and not switched off
	Acks              string
	Retries           int
	InFlight          int // max.in.flight.requests.per.connection
	RetryBackoff      time.Duration
	Linger            time.Duration
	RequestTimeout    time.Duration
	DeliveryTimeout   time.Duration
}

// NewJava returns the defaults.
func NewJava() Java {
	return Java{
		Acks: "all", Retries: 1<<31 - 1, InFlight: 5, RetryBackoff: 100 * time.Millisecond,
		Linger: 5 * time.Millisecond, RequestTimeout: 30 * time.Second, DeliveryTimeout: 2 * time.Minute,
	}
}

// javaRules are the checks of a ProducerConfig, in their order.
var javaRules = []rule[Java]{
	{
		func(c Java) bool { return c.EnableIdempotence && c.Retries == 0 },
		"Must set retries to non-zero when using the idempotent producer.",
	},
	{
		func(c Java) bool { return c.EnableIdempotence && c.Acks != "all" && c.Acks != "-1" },
		"Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.",
	},
	{
		func(c Java) bool {
			return c.TransactionalID && (c.Retries == 0 || c.Acks != "all" && c.Acks != "-1")
		},
		"Cannot set a transactional.id without also enabling idempotence.",
	},
	{
		func(c Java) bool { return c.DeliveryTimeout < c.Linger+c.RequestTimeout },
		"delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms",
	},
}

// Validate is what the constructor of a KafkaProducer throws.
func (c Java) Validate() error {
	says := check(javaRules, c)
	switch {
	case c.RetryBackoff < 0:
		says = fmt.Sprintf("Invalid value %d for configuration retry.backoff.ms: Value must be at least 0", c.RetryBackoff.Milliseconds())
	case c.InFlight < 1:
		says = fmt.Sprintf("Invalid value %d for configuration max.in.flight.requests.per.connection: Value must be at least 1", c.InFlight)
	case c.InFlight > 5:
		says = fmt.Sprintf("To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. Current value is %d.", c.InFlight)
	}
	if says != "" {
		return errors.New("org.apache.kafka.common.config.ConfigException: " + says)
	}
	return nil
}
