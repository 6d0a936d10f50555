package simrun

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// interrupts is a long command's watch for SIGINT and SIGTERM.
type interrupts struct {
	context.Context
	signals chan os.Signal
}

// watch begins to watch. A second signal ends the process, as without a watch.
func (a *app) watch() (w *interrupts, release func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	w = &interrupts{ctx, make(chan os.Signal, 1)}
	a.notify(w.signals)
	go func() {
		select {
		case s := <-w.signals:
			code := exit(exitInterrupted)
			if s == syscall.SIGTERM {
				code = exitTerminated
			}
			signal.Stop(w.signals)
			cancel(code)
		case <-ctx.Done():
		}
	}()
	return w, func() { signal.Stop(w.signals); cancel(nil) }
}

// interrupted says whether a signal came.
func (w *interrupts) interrupted() bool { return w.Err() != nil }

// code is the exit code of the signal that came; nil: none did.
func (w *interrupts) code() error {
	var code exit
	if errors.As(context.Cause(w), &code) {
		return code
	}
	return nil
}
