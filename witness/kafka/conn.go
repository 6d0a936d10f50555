package kafka

import (
	"encoding/binary"
	"io"
	"net"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
)

// What may go wrong with a request, if [witness.T.Faults] allows: a schedule has it as
// "OffsetCommit@2: OffsetCommit is done, and the answer is lost", the second
// OffsetCommit that came. Besides it may be answered with an error of Errors.
const (
	Cut       = "is lost with its connection, before the broker has read it"
	Lost      = "is done, and the answer is lost with the connection"
	Late      = "is done, and the answer comes late"
	Throttled = "is done, and the answer throttles the client"
)

// Pause is how late Late is, and for how long Throttled throttles.
const Pause = time.Second

// Errors are what a broker answers to a request that it does not take for the moment:
// its role has moved, or something else is going on.
var Errors = map[kmsg.Key][]*kerr.Error{
	kmsg.Produce:            {kerr.NotLeaderForPartition},
	kmsg.Fetch:              {kerr.NotLeaderForPartition},
	kmsg.ListOffsets:        {kerr.NotLeaderForPartition},
	kmsg.OffsetCommit:       {kerr.NotCoordinator},
	kmsg.OffsetFetch:        {kerr.NotCoordinator},
	kmsg.FindCoordinator:    {kerr.CoordinatorNotAvailable},
	kmsg.JoinGroup:          {kerr.NotCoordinator},
	kmsg.SyncGroup:          {kerr.NotCoordinator, kerr.RebalanceInProgress},
	kmsg.Heartbeat:          {kerr.NotCoordinator, kerr.RebalanceInProgress},
	kmsg.LeaveGroup:         {kerr.NotCoordinator},
	kmsg.InitProducerID:     {kerr.NotCoordinator, kerr.ConcurrentTransactions},
	kmsg.AddPartitionsToTxn: {kerr.NotCoordinator, kerr.ConcurrentTransactions},
	kmsg.AddOffsetsToTxn:    {kerr.NotCoordinator, kerr.ConcurrentTransactions},
	kmsg.TxnOffsetCommit:    {kerr.NotCoordinator},
	kmsg.EndTxn:             {kerr.NotCoordinator, kerr.ConcurrentTransactions},
}

// conn is the broker's end of a connection. It asks the search of each request that
// comes whether something goes wrong with it.
type conn struct {
	net.Conn
	w  *witness.T
	in []byte // of the request that came last: what the broker has not read yet

	mu    sync.Mutex
	after map[int32]after // by the correlation id of the request
}

// after is what becomes of an answer.
type after struct {
	how     string
	request kmsg.Request
	answer  kmsg.Response // in place of the broker's
}

// Read reads of one request at a time.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		size := make([]byte, 4)
		if _, err := io.ReadFull(c.Conn, size); err != nil {
			return 0, err
		}
		request := make([]byte, binary.BigEndian.Uint32(size))
		if _, err := io.ReadFull(c.Conn, request); err != nil {
			return 0, err
		}
		request = c.comes(request)
		if request == nil {
			c.Close()
			return 0, io.EOF
		}
		c.in = append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// comes lets the search decide about a request, and returns what the broker reads; nil:
// nothing, as the connection is cut.
func (c *conn) comes(text []byte) []byte {
	request, correlation := parse(text)
	if request == nil {
		return text
	}
	ways := []string{Cut}
	key := kmsg.Key(request.Key())
	if produce, ok := request.(*kmsg.ProduceRequest); !ok || produce.Acks != 0 { // else there is no answer
		ways = append(ways, Lost, Late)
		if of, ok := request.ResponseKind().(kmsg.ThrottleResponse); ok {
			if _, after := of.Throttle(); after {
				ways = append(ways, Throttled)
			}
		}
		for _, e := range Errors[key] {
			ways = append(ways, "is answered "+e.Message)
		}
	}
	how := c.w.Fault(key.Name(), ways...)
	switch how {
	case "":
		return text
	case Cut:
		return nil
	}
	a := after{how: how, request: request}
	if i := slices.IndexFunc(Errors[key], func(e *kerr.Error) bool { return how == "is answered "+e.Message }); i >= 0 {
		a.answer = Answer(request, Errors[key][i])
		// The broker answers another request in its place, so that answers keep their order.
		text = kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrApiVersionsRequest(), correlation)[4:]
	}
	c.mu.Lock()
	c.after[correlation] = a
	c.mu.Unlock()
	return text
}

// Write writes one answer.
func (c *conn) Write(p []byte) (int, error) {
	const head = 8 // size and correlation id
	correlation := int32(binary.BigEndian.Uint32(p[4:]))
	c.mu.Lock()
	a, ok := c.after[correlation]
	delete(c.after, correlation)
	c.mu.Unlock()
	if !ok {
		return c.Conn.Write(p)
	}
	switch {
	case a.how == Lost:
		c.Close()
		return 0, net.ErrClosed
	case a.how == Late:
		time.Sleep(Pause)
		return c.Conn.Write(p)
	case a.how == Throttled:
		a.answer = a.request.ResponseKind()
		body := p[head:]
		if a.answer.IsFlexible() {
			body = body[1:] // no tags
		}
		if err := a.answer.ReadFrom(body); err != nil {
			return 0, err
		}
		a.answer.(kmsg.SetThrottleResponse).SetThrottle(int32(Pause.Milliseconds()))
	}
	text := slices.Clone(p[:head])
	if a.answer.IsFlexible() {
		text = append(text, 0)
	}
	text = a.answer.AppendTo(text)
	binary.BigEndian.PutUint32(text, uint32(len(text)-4))
	if _, err := c.Conn.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// parse reads a request, without its size; nil is what nothing goes wrong with.
func parse(text []byte) (r kmsg.Request, correlation int32) {
	if len(text) < 10 {
		return nil, 0
	}
	key, version := int16(binary.BigEndian.Uint16(text)), int16(binary.BigEndian.Uint16(text[2:]))
	correlation = int32(binary.BigEndian.Uint32(text[4:]))
	if r = kmsg.RequestForKey(key); r == nil || kmsg.Key(key) == kmsg.ApiVersions {
		return nil, 0
	}
	r.SetVersion(version)
	body := text[10:]
	if client := int16(binary.BigEndian.Uint16(text[8:])); client > 0 {
		body = body[min(int(client), len(body)):]
	}
	if r.IsFlexible() && len(body) > 0 {
		body = body[1:] // no tags
	}
	if r.ReadFrom(body) != nil {
		return nil, 0
	}
	return r, correlation
}

// Answer answers a request with an error: for each partition that it names, or as a
// whole. Nil is no error, and leaves offsets and the like at their defaults.
func Answer(r kmsg.Request, e *kerr.Error) kmsg.Response {
	var code int16
	if e != nil {
		code = e.Code
	}
	response := r.ResponseKind()
	mirror(reflect.ValueOf(response).Elem(), reflect.ValueOf(r).Elem(), code)
	if find, ok := r.(*kmsg.FindCoordinatorRequest); ok {
		response := response.(*kmsg.FindCoordinatorResponse)
		for _, key := range find.CoordinatorKeys {
			c := kmsg.NewFindCoordinatorResponseCoordinator()
			c.Key, c.ErrorCode = key, code
			response.Coordinators = append(response.Coordinators, c)
		}
	}
	return response
}

// mirror writes what a request names into its answer, and the code where the answer has
// room for it: at the partitions, or above them if there are none.
func mirror(to, from reflect.Value, code int16) (coded bool) {
	for i := range from.NumField() {
		field, its := to.FieldByName(from.Type().Field(i).Name), from.Field(i)
		switch {
		case !field.IsValid():
		case field.Type() == its.Type():
			field.Set(its)
		case field.Kind() == reflect.Slice && its.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			for j := range its.Len() {
				one := reflect.New(field.Type().Elem())
				if d, ok := one.Interface().(interface{ Default() }); ok {
					d.Default()
				}
				if of := its.Index(j); of.Kind() == reflect.Struct {
					coded = mirror(one.Elem(), of, code) || coded
				} else if partition := one.Elem().FieldByName("Partition"); partition.IsValid() && partition.Type() == of.Type() {
					partition.Set(of)
					one.Elem().FieldByName("ErrorCode").SetInt(int64(code))
					coded = true
				}
				field.Set(reflect.Append(field, one.Elem()))
			}
		}
	}
	if at := to.FieldByName("ErrorCode"); at.IsValid() && !coded {
		at.SetInt(int64(code))
		coded = true
	}
	return coded
}

// Records lists the records of a produce request, of all its partitions. They must not
// be compressed.
func Records(r *kmsg.ProduceRequest) (all []kmsg.Record, err error) {
	for _, topic := range r.Topics {
		for _, p := range topic.Partitions {
			var batch kmsg.RecordBatch
			if err := batch.ReadFrom(p.Records); err != nil {
				return nil, err
			}
			for left := batch.Records; len(left) > 0; {
				length, n := binary.Varint(left)
				var record kmsg.Record
				if err := record.ReadFrom(left[:n+int(length)]); err != nil {
					return nil, err
				}
				all, left = append(all, record), left[n+int(length):]
			}
		}
	}
	return all, nil
}
