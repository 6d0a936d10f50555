package kafka

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/model"
	"racelab/witness/bubble"
)

// frame writes a request as a client does.
func frame(r kmsg.Request, version int16, correlationID int32) []byte {
	r.SetVersion(version)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("client")).AppendRequest(nil, r, correlationID)
}

// receive reads one response into r.
func receive(from io.Reader, r kmsg.Response, version int16) (correlationID int32) {
	size := make([]byte, 4)
	_, err := io.ReadFull(from, size)
	body := make([]byte, binary.BigEndian.Uint32(size))
	if err == nil {
		_, err = io.ReadFull(from, body)
	}
	if err != nil {
		panic(err)
	}
	r.SetVersion(version)
	rest := body[4:]
	if r.IsFlexible() {
		rest = rest[1:]
	}
	if err := r.ReadFrom(rest); err != nil {
		panic(err)
	}
	return int32(binary.BigEndian.Uint32(body))
}

func commit(offset int64) *kmsg.OffsetCommitRequest {
	r := kmsg.NewPtrOffsetCommitRequest()
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = Topic
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = offset
	topic.Partitions = append(topic.Partitions, p)
	r.Topics = append(r.Topics, topic)
	return r
}

// Goal: requests arrive one by one, each as an event of whoever sent it; they
// are answered in order; every second commit is refused, and the last one that
// was not is what the group has.
func TestOffsetCommit(t *testing.T) {
	for _, version := range []int16{7, 8} { // The first that is flexible is 8.
		var got []string
		sys := bubble.New(t, func(r *bubble.Run) func() {
			cluster := NewCluster(r, []model.Offset{10}, 2)
			r.Go("A", func() {
				conn, _ := cluster.Dial("tcp", Address)
				for i, offset := range []int64{12, 13, 11} {
					if _, err := conn.Write(frame(commit(offset), version, int32(i))); err != nil {
						panic(err)
					}
				}
				for range 3 {
					var response kmsg.OffsetCommitResponse
					id := receive(conn, &response, version)
					got = append(got, fmt.Sprintf("%d: %d", id, response.Topics[0].Partitions[0].ErrorCode))
				}
				got = append(got, fmt.Sprint("committed ", cluster.committed))
				conn.Close()
			})
			return func() {}
		})
		var events []string
		for len(sys.Enabled()) > 0 {
			events = append(events, fmt.Sprint(sys.Enabled()))
			sys.Take(0)
			events = append(events, sys.Notes()...)
		}
		sys.Close()
		if got, want := strings.Join(got, ", "), "0: 0, 1: 16, 2: 0, committed [11]"; got != want {
			t.Errorf("version %d: answered %s; want %s", version, got, want)
		}
		if got := strings.Count(strings.Join(events, "; "), "A->broker OffsetCommit"); got != 3 {
			t.Errorf("version %d: %d arrivals in %v, want 3", version, got, events)
		}
	}
}

// Goal: what is no request is refused, and named.
func TestParse(t *testing.T) {
	good := frame(commit(11), 7, 1)
	unknown := append([]byte(nil), good...)
	binary.BigEndian.PutUint16(unknown[4:], 9999)
	short := append([]byte(nil), good[:24]...)
	binary.BigEndian.PutUint32(short, 20)
	for _, test := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"a request", good, ""},
		{"half a request", good[:20], "kafka: 20 bytes are not one request"},
		{"a request of no kind", unknown, "kafka: no request has the key 9999"},
		{"a request without its end", short, "kafka: OffsetCommit version 7: "},
	} {
		r, err := parse(test.frame)
		switch {
		case test.want == "" && (err != nil || r.name() != "OffsetCommit" || r.correlationID != 1):
			t.Errorf("%s: %+v, %v", test.name, r, err)
		case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}
