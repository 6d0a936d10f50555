// Package io is io.Pipe for code under control.
package io

import (
	"io"
	"unsafe"

	"racelab/witness/rt"
)

// PipeReader is io.PipeReader.
type PipeReader struct {
	real *io.PipeReader // of a pipe that was made outside runs
	p    *pipe
}

// PipeWriter is io.PipeWriter.
type PipeWriter struct {
	real *io.PipeWriter
	p    *pipe
}

// Pipe is io.Pipe.
func Pipe() (*PipeReader, *PipeWriter) {
	if !rt.InRun() {
		r, w := io.Pipe()
		return &PipeReader{real: r}, &PipeWriter{real: w}
	}
	p := &pipe{}
	return &PipeReader{p: p}, &PipeWriter{p: p}
}

// pipe has no buffer: a write waits until readers have taken all of it.
type pipe struct {
	busy   bool   // somebody writes
	offers bool   // left is to be read, though it may be empty
	left   []byte // of what is written
	closed bool   // by either end

	// why it was closed; nil: that end has not closed it
	byReader, byWriter error
}

// await parks the caller until ready holds, or the pipe is closed. It reports false if
// the pipe is closed or the run is over.
func (p *pipe) await(what string, ready func() bool) bool {
	goesOn := rt.Await(unsafe.Pointer(p), p, "pipe", what, func() bool { return p.closed || ready() })
	rt.Acquire(unsafe.Pointer(p))
	return goesOn && !p.closed
}

func (p *pipe) close(of *error, reason, other error) {
	if reason == nil {
		reason = other
	}
	rt.Point(unsafe.Pointer(p), p, "pipe", "close", true)
	if *of == nil {
		*of = reason
	}
	p.closed = true
	rt.Release(unsafe.Pointer(p))
}

// Read is that of io.PipeReader.
func (r *PipeReader) Read(b []byte) (int, error) {
	if r.real != nil {
		return r.real.Read(b)
	}
	p := r.p
	if !p.await("read", func() bool { return p.offers }) {
		if p.byReader == nil && p.byWriter != nil {
			return 0, p.byWriter
		}
		return 0, io.ErrClosedPipe
	}
	n := copy(b, p.left)
	p.left = p.left[n:]
	p.offers = len(p.left) > 0
	rt.Release(unsafe.Pointer(p))
	return n, nil
}

// Close is that of io.PipeReader.
func (r *PipeReader) Close() error { return r.CloseWithError(nil) }

// CloseWithError is that of io.PipeReader.
func (r *PipeReader) CloseWithError(err error) error {
	if r.real != nil {
		return r.real.CloseWithError(err)
	}
	r.p.close(&r.p.byReader, err, io.ErrClosedPipe)
	return nil
}

// Write is that of io.PipeWriter.
func (w *PipeWriter) Write(b []byte) (int, error) {
	if w.real != nil {
		return w.real.Write(b)
	}
	p := w.p
	if !p.await("write", func() bool { return !p.busy }) {
		return 0, p.refuses()
	}
	p.busy, p.offers, p.left = true, true, b
	rt.Release(unsafe.Pointer(p))
	p.await("write, to be read", func() bool { return !p.offers })
	n := len(b) - len(p.left)
	cut := p.offers
	p.busy, p.offers, p.left = false, false, nil
	if cut {
		return n, p.refuses()
	}
	return n, nil
}

// refuses is why a write cannot go on.
func (p *pipe) refuses() error {
	if p.byWriter == nil && p.byReader != nil {
		return p.byReader
	}
	return io.ErrClosedPipe
}

// Close is that of io.PipeWriter.
func (w *PipeWriter) Close() error { return w.CloseWithError(nil) }

// CloseWithError is that of io.PipeWriter.
func (w *PipeWriter) CloseWithError(err error) error {
	if w.real != nil {
		return w.real.CloseWithError(err)
	}
	w.p.close(&w.p.byWriter, err, io.EOF)
	return nil
}
