package outbox

import (
	"context"
	"strconv"

	"github.com/IBM/sarama"
)

// SaramaConfig is Sarama's configuration with what a relay needs.
func SaramaConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Producer.RequiredAcks = sarama.WaitForAll // The default is the leader alone.
	c.Producer.Idempotent = true                // A retry writes nothing twice.
	c.Net.MaxOpenRequests = 1                   // Idempotent asks for it.
	c.Producer.Return.Successes = true          // A SyncProducer asks for it.
	return c
}

// Sarama sends with Sarama, a message at a time: Sarama goes on behind a message that has
// failed for good, and the next call of Once would send it after those. Each message
// takes a round trip.
func Sarama(producer sarama.SyncProducer) func(context.Context, []Message) error {
	return func(ctx context.Context, messages []Message) error {
		for _, m := range messages {
			// SendMessage takes no context: it ends when Producer.Retry.Max is used up.
			if err := ctx.Err(); err != nil {
				return err
			}
			message := &sarama.ProducerMessage{Topic: m.Topic, Value: sarama.ByteEncoder(m.Value),
				Headers: []sarama.RecordHeader{{Key: []byte(ID), Value: strconv.AppendInt(nil, m.ID, 10)}}}
			if m.Key != nil { // An encoder of no bytes is a key: all such messages go to one partition.
				message.Key = sarama.ByteEncoder(m.Key)
			}
			if _, _, err := producer.SendMessage(message); err != nil {
				return err
			}
		}
		return nil
	}
}
