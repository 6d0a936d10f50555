package kafka

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness/bubble"
)

// inFlight is how many requests a connection has room for, as the buffers of a
// socket have. A client that sends more blocks until one has arrived.
const inFlight = 64

// conn is a client's end of a connection in memory: first in, first out, each
// way. That a request arrives is an event, to be chosen; the response is there
// at once.
//
// Differs: no deadline is kept. A response comes as soon as the request has
// arrived, and when that is, is what a schedule says.
type conn struct {
	cluster   *Cluster
	requests  chan request // on their way
	responses chan []byte
	unread    []byte // of the response that the client is reading
	closing   sync.Once
	closed    chan struct{}
}

// request is a request with its header.
type request struct {
	sender        string // the goroutine that wrote it
	correlationID int32
	body          kmsg.Request
}

// Dial connects a client. It has the signature that proxy.Dialer asks for.
func (c *Cluster) Dial(string, string) (net.Conn, error) {
	conn := &conn{cluster: c, requests: make(chan request, inFlight), responses: make(chan []byte, inFlight), closed: make(chan struct{})}
	go conn.serve()
	return conn, nil
}

// serve takes the requests one by one, each when it is chosen to arrive.
func (c *conn) serve() {
	for {
		select {
		case r := <-c.requests:
			bubble.ParkAs(r.sender+"->"+broker, r.name(), nil)
			c.responses <- r.answer(c.cluster.handle(r))
		case <-c.closed:
			return
		}
	}
}

// Write takes one request, as a client writes it.
func (c *conn) Write(frame []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
	}
	r, err := parse(frame)
	if err != nil {
		return 0, err
	}
	r.sender = bubble.Current().Self()
	c.cluster.sent(r)
	c.requests <- r
	return len(frame), nil
}

func (c *conn) Read(into []byte) (int, error) {
	if len(c.unread) == 0 {
		select {
		case c.unread = <-c.responses:
		case <-c.closed:
			return 0, io.EOF
		}
	}
	n := copy(into, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

func (c *conn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return nil
}

func (c *conn) LocalAddr() net.Addr              { return address }
func (c *conn) RemoteAddr() net.Addr             { return address }
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

func (r request) name() string { return kmsg.NameForKey(r.body.Key()) }

// parse reads a frame: its size, a request header of version 1 or 2, the body.
//
// Source: RequestHeader.json.
func parse(frame []byte) (request, error) {
	if len(frame) < 14 || int(binary.BigEndian.Uint32(frame)) != len(frame)-4 {
		return request{}, fmt.Errorf("kafka: %d bytes are not one request", len(frame))
	}
	key, version := int16(binary.BigEndian.Uint16(frame[4:])), int16(binary.BigEndian.Uint16(frame[6:]))
	r := request{correlationID: int32(binary.BigEndian.Uint32(frame[8:])), body: kmsg.RequestForKey(key)}
	if r.body == nil {
		return request{}, fmt.Errorf("kafka: no request has the key %d", key)
	}
	r.body.SetVersion(version)
	rest := frame[14:]
	if clientID := int16(binary.BigEndian.Uint16(frame[12:])); clientID > 0 {
		if len(rest) < int(clientID) {
			return request{}, fmt.Errorf("kafka: the header of %s ends early", r.name())
		}
		rest = rest[clientID:]
	}
	if r.body.IsFlexible() && len(rest) > 0 {
		rest = rest[1:] // The header's tagged fields: none.
	}
	if err := r.body.ReadFrom(rest); err != nil {
		return request{}, fmt.Errorf("kafka: %s version %d: %w", r.name(), version, err)
	}
	return r, nil
}

// answer writes a response as a frame.
//
// Source: ResponseHeader.json.
func (r request) answer(response kmsg.Response) []byte {
	response.SetVersion(r.body.GetVersion())
	frame := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(r.correlationID))
	if response.IsFlexible() && response.Key() != kmsg.ApiVersions.Int16() { // whose header is of version 0 always
		frame = append(frame, 0)
	}
	frame = response.AppendTo(frame)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}
