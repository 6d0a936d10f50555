package outbox

import (
	"context"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// FranzGo sends with franz-go. Leave the client's defaults, all acks and no end of
// retries: a message that failed for good would be sent after those behind it.
func FranzGo(client *kgo.Client) func(context.Context, []Message) error {
	return func(ctx context.Context, messages []Message) error {
		var records []*kgo.Record
		for _, m := range messages {
			records = append(records, &kgo.Record{Topic: m.Topic, Key: m.Key, Value: m.Value,
				Headers: []kgo.RecordHeader{{Key: ID, Value: strconv.AppendInt(nil, m.ID, 10)}}})
		}
		return client.ProduceSync(ctx, records...).FirstErr()
	}
}
