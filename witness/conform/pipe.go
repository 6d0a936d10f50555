package conform

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// handler answers a request, and says how long after its arrival the answer is
// written; never, then nothing that comes later on the connection is looked at, as a broker takes
// the next request when it has answered the one before. Answers keep the order of their requests.
// Without a response the connection is lost.
//
// Source: SocketServer.Processor, which mutes a channel while a request of it is in process.
type handler func(request kmsg.Request) (response kmsg.Response, after time.Duration)

// never is after all times.
const never = time.Duration(math.MaxInt64)

// pipe returns a client's end of a connection in memory whose requests are taken
// as soon as they are written. It belongs in a bubble of testing/synctest: what
// takes time takes virtual time.
func pipe(handle handler) net.Conn {
	client, server := net.Pipe()
	answers := make(chan answer, 1<<10)
	go func() {
		defer close(answers)
		for {
			r, err := read(server)
			if err != nil {
				return // The client has closed it.
			}
			response, after := handle(r.body)
			if response == nil {
				server.Close()
				return
			}
			if after == never {
				_, _ = io.Copy(io.Discard, server)
				return
			}
			answers <- answer{r.answer(response), time.Now().Add(after)}
		}
	}()
	go func() {
		for a := range answers {
			time.Sleep(time.Until(a.due))
			_, _ = server.Write(a.frame) // Who has closed the connection misses nothing.
		}
		server.Close()
	}()
	return &clientEnd{Conn: client}
}

// clientEnd is a client's end of a connection. As on TCP, what is written after the other end has
// closed it seems to be written, until the client has closed its own.
type clientEnd struct {
	net.Conn
	closed atomic.Bool
}

func (e *clientEnd) Write(b []byte) (int, error) {
	n, err := e.Conn.Write(b)
	switch {
	case !errors.Is(err, io.ErrClosedPipe):
		return n, err
	case e.closed.Load():
		return n, net.ErrClosed
	}
	return len(b), nil
}

func (e *clientEnd) Close() error {
	e.closed.Store(true)
	return e.Conn.Close()
}

// answer is a response on its way.
type answer struct {
	frame []byte
	due   time.Time
}

// read reads a request.
func read(from io.Reader) (request, error) {
	frame := make([]byte, 4)
	if _, err := io.ReadFull(from, frame); err != nil {
		return request{}, err
	}
	frame = append(frame, make([]byte, binary.BigEndian.Uint32(frame))...)
	if _, err := io.ReadFull(from, frame[4:]); err != nil {
		return request{}, err
	}
	r, err := parse(frame)
	if err != nil {
		panic(err) // A client that was released does not write what is no request.
	}
	return r, nil
}

// request is a request with its header.
type request struct {
	correlationID int32
	body          kmsg.Request
}

func (r request) name() string { return kmsg.NameForKey(r.body.Key()) }

// parse reads a frame: its size, a request header of version 1 or 2, the body.
//
// Source: RequestHeader.json.
func parse(frame []byte) (request, error) {
	if len(frame) < 14 || int(binary.BigEndian.Uint32(frame)) != len(frame)-4 {
		return request{}, fmt.Errorf("conform: %d bytes are not one request", len(frame))
	}
	key, version := int16(binary.BigEndian.Uint16(frame[4:])), int16(binary.BigEndian.Uint16(frame[6:]))
	r := request{correlationID: int32(binary.BigEndian.Uint32(frame[8:])), body: kmsg.RequestForKey(key)}
	if r.body == nil {
		return request{}, fmt.Errorf("conform: no request has the key %d", key)
	}
	r.body.SetVersion(version)
	rest := frame[14:]
	if clientID := int16(binary.BigEndian.Uint16(frame[12:])); clientID > 0 {
		if len(rest) < int(clientID) {
			return request{}, fmt.Errorf("conform: the header of %s ends early", r.name())
		}
		rest = rest[clientID:]
	}
	if r.body.IsFlexible() && len(rest) > 0 {
		rest = rest[1:] // The header's tagged fields: none.
	}
	if err := r.body.ReadFrom(rest); err != nil {
		return request{}, fmt.Errorf("conform: %s version %d: %w", r.name(), version, err)
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
