package net

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"

	"racelab/witness/rt"
)

type address struct{}

func (address) Network() string { return "pipe" }
func (address) String() string  { return "pipe" }

// way is one direction of a connection.
type way struct {
	buffered bool
	busy     bool // somebody writes
	data     []byte
	closed   bool // by either end
}

type end struct {
	in, out       *way
	local, remote net.Addr
	socket        bool // its errors are those of a socket
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
	return &net.OpError{Op: op, Net: e.local.Network(), Source: e.local, Addr: e.remote, Err: err}
}

// gone is the error of an end that is closed itself.
func (e *end) gone(op string) error {
	if e.socket {
		return e.wrong(op, net.ErrClosed)
	}
	return e.wrong(op, io.ErrClosedPipe)
}

func (e *end) Read(p []byte) (int, error) {
	await(e.in, "read", func() bool {
		return len(e.in.data) > 0 || e.in.closed || e.closed || e.read.over || len(p) == 0
	})
	switch {
	case e.closed:
		return 0, e.gone("read")
	case e.read.over:
		return 0, e.wrong("read", os.ErrDeadlineExceeded)
	case len(e.in.data) > 0:
		rt.Acquire(unsafe.Pointer(e.in))
		n := copy(p, e.in.data)
		e.in.data = e.in.data[n:]
		return n, nil
	case e.in.closed:
		rt.Acquire(unsafe.Pointer(e.in))
		return 0, io.EOF
	}
	return 0, nil
}

func (e *end) Write(p []byte) (int, error) {
	await(e.out, "write", func() bool { return !e.out.busy || e.stopped() != nil })
	if err := e.stopped(); err != nil {
		return 0, err
	}
	e.out.data = append(e.out.data, p...)
	rt.Release(unsafe.Pointer(e.out))
	if e.out.buffered {
		return len(p), nil
	}
	e.out.busy = true
	await(e.out, "write, to be read", func() bool { return len(e.out.data) == 0 || e.stopped() != nil })
	n := len(p) - len(e.out.data)
	e.out.busy, e.out.data = false, nil
	if n < len(p) {
		return n, e.stopped()
	}
	return n, nil
}

// stopped is why a write cannot go on.
func (e *end) stopped() error {
	switch {
	case e.closed:
		return e.gone("write")
	case e.out.closed && e.socket:
		return e.wrong("write", syscall.EPIPE)
	case e.out.closed:
		return e.wrong("write", io.ErrClosedPipe)
	case e.write.over:
		return e.wrong("write", os.ErrDeadlineExceeded)
	}
	return nil
}

func await(w *way, what string, ready func() bool) {
	rt.Await(unsafe.Pointer(w), w, "connection", what, ready)
}

// Close is told to the other end.
func (e *end) Close() error {
	rt.Point(unsafe.Pointer(e.out), e.out, "connection", "close", true)
	if e.socket && e.closed {
		return e.gone("close")
	}
	e.shut()
	return nil
}

func (e *end) shut() {
	e.closed, e.in.closed, e.out.closed = true, true, true
	rt.Release(unsafe.Pointer(e.out))
}

func (e *end) SetDeadline(t time.Time) error {
	e.read.set(t)
	e.write.set(t)
	return nil
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.read.set(t)
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.write.set(t)
	return nil
}

func (d *deadline) set(t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	left := t.Sub(rt.Now())
	d.over = !t.IsZero() && left <= 0
	if !t.IsZero() && left > 0 {
		d.timer = rt.FireFunc(left, "deadline", func() { d.over = true })
	}
}
