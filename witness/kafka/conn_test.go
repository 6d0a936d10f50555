package kafka

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/sim/explore"
	"racelab/witness"
	"racelab/witness/internal/search"
	"racelab/witness/rt"
)

// serve answers requests as a broker does that has no error, and says which it took.
func serve(c net.Conn, took *string) {
	for {
		size := make([]byte, 4)
		if _, err := io.ReadFull(c, size); err != nil {
			return
		}
		text := make([]byte, binary.BigEndian.Uint32(size))
		if _, err := io.ReadFull(c, text); err != nil {
			return
		}
		key := int16(binary.BigEndian.Uint16(text))
		r, correlation := parse(text)
		if r == nil {
			r, correlation = kmsg.NewPtrApiVersionsRequest(), int32(binary.BigEndian.Uint32(text[4:]))
		}
		*took = kmsg.Key(key).Name()
		answer := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(correlation))
		response := Answer(r, nil)
		if response.IsFlexible() {
			answer = append(answer, 0)
		}
		answer = response.AppendTo(answer)
		binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// Goal: each of the faults does to a request what it is called, and to nothing else.
// Method: all runs of a client that commits an offset, with at most one fault.
func TestFaults(t *testing.T) {
	for _, version := range []int16{7, 8} { // without and with tags
		got := map[string]bool{}
		sys := search.New(func() {
			w := &witness.T{T: t}
			w.Faults(1)
			here, there := witness.Connect()
			took := "nothing"
			rt.Go("broker", func() { serve(&conn{Conn: there, w: w, after: map[int32]after{}}, &took) })
			r := commit(version)
			if _, err := here.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("me")).AppendRequest(nil, r, 17)); err != nil {
				t.Error(err)
			}
			began := time.Now()
			what := receive(here, r)
			if time.Since(began) >= Pause {
				what += ", late"
			}
			got["the broker took "+took+", the client "+what] = true
			here.Close()
		})
		if _, err := explore.Bounded(sys, 0, explore.Options{Limit: 1000}); err != nil {
			t.Fatal(err)
		}
		sys.Close()
		want := []string{
			"the broker took ApiVersions, the client got orders/3 NOT_COORDINATOR",
			"the broker took OffsetCommit, the client got orders/3 OK",
			"the broker took OffsetCommit, the client got orders/3 OK, late",
			"the broker took OffsetCommit, the client got orders/3 OK, throttled for 1000 ms",
			"the broker took OffsetCommit, the client lost its connection",
			"the broker took nothing, the client lost its connection",
		}
		if all := slices.Sorted(maps.Keys(got)); !slices.Equal(all, want) {
			t.Errorf("version %d:\n%q, want\n%q", version, all, want)
		}
	}
}

func commit(version int16) kmsg.Request {
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = 3, 12
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.Partitions = "orders", []kmsg.OffsetCommitRequestTopicPartition{p}
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.Topics = "group", []kmsg.OffsetCommitRequestTopic{topic}
	r.SetVersion(version)
	return r
}

// receive says what a client gets.
func receive(c net.Conn, r kmsg.Request) string {
	size := make([]byte, 4)
	if _, err := io.ReadFull(c, size); err != nil {
		return "lost its connection"
	}
	text := make([]byte, binary.BigEndian.Uint32(size))
	if _, err := io.ReadFull(c, text); err != nil {
		return "lost its connection"
	}
	response := r.ResponseKind().(*kmsg.OffsetCommitResponse)
	body := text[4:]
	if response.IsFlexible() {
		body = body[1:]
	}
	if err := response.ReadFrom(body); err != nil || binary.BigEndian.Uint32(text) != 17 {
		return fmt.Sprint("cannot read it: ", err)
	}
	p := response.Topics[0].Partitions[0]
	result := "OK"
	if e := kerr.TypedErrorForCode(p.ErrorCode); e != nil {
		result = e.Message
	}
	what := fmt.Sprintf("got %s/%d %s", response.Topics[0].Topic, p.Partition, result)
	if response.ThrottleMillis > 0 {
		what += fmt.Sprintf(", throttled for %d ms", response.ThrottleMillis)
	}
	return what
}

// Goal: each error that the search may choose has its place in the answer.
func TestErrorsAreAnswered(t *testing.T) {
	for key, all := range Errors {
		for _, version := range []int16{0, kmsg.RequestForKey(int16(key)).MaxVersion()} {
			r := kmsg.RequestForKey(int16(key))
			r.SetVersion(version)
			if key == kmsg.FindCoordinator && version >= 4 {
				r.(*kmsg.FindCoordinatorRequest).CoordinatorKeys = []string{"group"}
			}
			text := Answer(r, all[0]).AppendTo(nil)
			if without := Answer(r, nil).AppendTo(nil); slices.Equal(text, without) && len(text) > 4 && hasCode[key] {
				t.Errorf("%s v%d: the answer with %s is that without", key.Name(), version, all[0].Message)
			}
		}
	}
}

// hasCode are the requests whose answer has an error for all of it, in each version.
var hasCode = map[kmsg.Key]bool{
	kmsg.FindCoordinator: true, kmsg.JoinGroup: true, kmsg.SyncGroup: true, kmsg.Heartbeat: true,
	kmsg.LeaveGroup: true, kmsg.InitProducerID: true, kmsg.AddOffsetsToTxn: true, kmsg.EndTxn: true,
}
