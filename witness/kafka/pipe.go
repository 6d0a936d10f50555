package kafka

import (
	"encoding/binary"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Handler answers a request, and says how long after its arrival the answer is
// written. Answers keep the order of their requests.
type Handler func(request kmsg.Request) (response kmsg.Response, after time.Duration)

// Pipe returns a client's end of a connection in memory whose requests are taken
// as soon as they are written. It belongs in a bubble of testing/synctest: what
// takes time takes virtual time.
func Pipe(handle Handler) net.Conn {
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
	return client
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
