// Package net is net.Pipe for code under control.
package net

import (
	"io"
	"net"
	"os"
	"time"

	"racelab/witness/rt"
)

// Pipe is net.Pipe.
func Pipe() (net.Conn, net.Conn) { return NewPipe(Address("pipe"), Address("pipe")) }

// Address is that of an end of a pipe.
type Address string

func (Address) Network() string  { return "pipe" }
func (a Address) String() string { return string(a) }

// NewPipe is a pipe between two addresses.
func NewPipe(a, b net.Addr) (net.Conn, net.Conn) {
	p := &pipe{}
	p.changed = rt.NewCond(&p.mu)
	x := &end{pipe: p, local: a, remote: b, in: &p.ways[0], out: &p.ways[1]}
	y := &end{pipe: p, local: b, remote: a, in: &p.ways[1], out: &p.ways[0]}
	return x, y
}

// pipe is two ways between two ends, without a buffer.
type pipe struct {
	mu      rt.Mutex
	changed *rt.Cond
	ways    [2]way
}

type way struct {
	busy   bool // somebody writes
	data   []byte
	closed bool // by either end
}

type end struct {
	*pipe
	local, remote net.Addr
	in, out       *way
	closed        bool
	read, write   deadline
}

type deadline struct {
	over  bool
	timer *rt.Timer
}

func (e *end) LocalAddr() net.Addr  { return e.local }
func (e *end) RemoteAddr() net.Addr { return e.remote }

func (e *end) wrong(op string, err error) error {
	return &net.OpError{Op: op, Net: "pipe", Source: e.local, Addr: e.remote, Err: err}
}

func (e *end) Read(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		switch {
		case e.closed:
			return 0, e.wrong("read", io.ErrClosedPipe)
		case e.read.over:
			return 0, e.wrong("read", os.ErrDeadlineExceeded)
		case len(e.in.data) > 0 || e.in.busy && len(p) == 0:
			n := copy(p, e.in.data)
			e.in.data = e.in.data[n:]
			e.changed.Broadcast()
			return n, nil
		case e.in.closed:
			return 0, io.EOF
		}
		e.changed.Wait()
	}
}

func (e *end) Write(p []byte) (n int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.out.busy && e.stopped() == nil {
		e.changed.Wait()
	}
	if err := e.stopped(); err != nil {
		return 0, err
	}
	e.out.busy, e.out.data = true, p
	e.changed.Broadcast()
	for len(e.out.data) > 0 && e.stopped() == nil {
		e.changed.Wait()
	}
	n = len(p) - len(e.out.data)
	if n < len(p) {
		err = e.stopped()
	}
	e.out.busy, e.out.data = false, nil
	e.changed.Broadcast()
	return n, err
}

// stopped is why a write cannot go on.
func (e *end) stopped() error {
	switch {
	case e.closed || e.out.closed:
		return e.wrong("write", io.ErrClosedPipe)
	case e.write.over:
		return e.wrong("write", os.ErrDeadlineExceeded)
	}
	return nil
}

func (e *end) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.in.closed, e.out.closed = true, true, true
	e.changed.Broadcast()
	return nil
}

func (e *end) SetDeadline(t time.Time) error {
	_ = e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *end) SetReadDeadline(t time.Time) error  { return e.set(&e.read, t) }
func (e *end) SetWriteDeadline(t time.Time) error { return e.set(&e.write, t) }

func (e *end) set(d *deadline, t time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return e.wrong("set", io.ErrClosedPipe)
	}
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	left := t.Sub(rt.Now())
	d.over = !t.IsZero() && left <= 0
	if !t.IsZero() && left > 0 {
		d.timer = rt.AfterFunc(left, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			d.over = true
			e.changed.Broadcast()
		})
	}
	if d.over {
		e.changed.Broadcast()
	}
	return nil
}
