// Package pay writes payments to a topic: an example of a test with a broker in memory.
package pay

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Pay writes one payment, and returns once the broker has it.
func Pay(ctx context.Context, client *kgo.Client, id string) error {
	return client.ProduceSync(ctx, kgo.StringRecord(id)).FirstErr()
}
