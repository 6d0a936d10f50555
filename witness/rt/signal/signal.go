// Package signal is os/signal for code under control: a signal that a run sends to its own
// process goes to what the run was notified by, when the search lets it.
package signal

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"

	"racelab/witness/rt"
	rtcontext "racelab/witness/rt/context"
)

// signals are what a run has of them. A set has a bit for each.
type signals struct {
	handlers []*handler
	ignored  uint64
	pending  uint64 // sent, and not delivered; another one of the kind is lost
}

// handler is a channel, and what it was notified of.
type handler struct {
	c     chan<- os.Signal
	wants uint64
}

// natively says that somebody was notified outside runs.
var natively atomic.Bool

// set is the set of some signals; without any, of all.
func set(all []os.Signal) (bits uint64) {
	if len(all) == 0 {
		return ^uint64(0)
	}
	for _, sig := range all {
		if n, ok := sig.(syscall.Signal); ok && n > 0 && n < 64 {
			bits |= 1 << n
		}
	}
	return bits
}

// ofRun are the signals of the run; nil: there is none.
func ofRun() *signals {
	if !rt.InRun() {
		return nil
	}
	return rt.PerRun(func() *signals { return &signals{} })
}

// begin is the point before what is done with the signals of the run.
func begin(what string) *signals {
	s := ofRun()
	if s != nil {
		rt.PointBelow(1, unsafe.Pointer(s), s, "signals", what, true)
	}
	return s
}

// Notify is signal.Notify.
func Notify(c chan<- os.Signal, sig ...os.Signal) {
	s := begin("Notify")
	if s == nil || c == nil { // Notify panics.
		natively.Store(true)
		signal.Notify(c, sig...)
		return
	}
	s.notify(c, set(sig))
}

func (s *signals) notify(c chan<- os.Signal, wants uint64) {
	s.ignored &^= wants
	for _, h := range s.handlers {
		if h.c == c {
			h.wants |= wants
			return
		}
	}
	s.handlers = append(s.handlers, &handler{c, wants})
}

// Stop is signal.Stop: what was sent before is delivered before it returns.
func Stop(c chan<- os.Signal) {
	s := ofRun()
	if s == nil {
		signal.Stop(c)
		return
	}
	rt.Await(unsafe.Pointer(s), s, "signals", "Stop", func() bool { return s.pending == 0 })
	for _, h := range s.handlers {
		if h.c == c {
			h.wants = 0
		}
	}
}

// Reset is signal.Reset. What is ignored stays so, as in Go.
func Reset(sig ...os.Signal) {
	if s := begin("Reset"); s != nil {
		s.cancel(set(sig))
		return
	}
	signal.Reset(sig...)
}

// Ignore is signal.Ignore.
func Ignore(sig ...os.Signal) {
	if s := begin("Ignore"); s != nil {
		s.cancel(set(sig))
		s.ignored |= set(sig)
		return
	}
	signal.Ignore(sig...)
}

func (s *signals) cancel(all uint64) {
	for _, h := range s.handlers {
		h.wants &^= all
	}
}

// Ignored is signal.Ignored.
func Ignored(sig os.Signal) bool {
	if s := begin("Ignored"); s != nil {
		return s.ignored&set([]os.Signal{sig}) != 0
	}
	return signal.Ignored(sig)
}

// notified is a context that a signal ends.
type notified struct {
	context.Context
	signals []os.Signal
}

func (n notified) String() string {
	return fmt.Sprintf("signal.NotifyContext(%v, %v)", n.Context, n.signals)
}

// received is why such a context ended.
type received string

func (r received) Error() string        { return string(r) }
func (r received) Is(target error) bool { return target == context.Canceled }

// NotifyContext is signal.NotifyContext.
func NotifyContext(parent context.Context, sig ...os.Signal) (context.Context, context.CancelFunc) {
	if !rt.InRun() {
		natively.Store(true)
		return signal.NotifyContext(parent, sig...)
	}
	ctx, cancel := rtcontext.WithCancelCause(parent)
	c := make(chan os.Signal, 1)
	Notify(c, sig...)
	rt.Go("NotifyContext", func() {
		came := rt.RecvOf(c)
		if rt.Select(false, came, rt.RecvOf(ctx.Done())) == 0 {
			cancel(received(came.V.String() + " signal received"))
		}
	})
	return notified{ctx, sig}, func() {
		cancel(nil)
		Stop(c)
	}
}

// Process is an os.Process.
type Process struct{ p *os.Process }

// OfProcess takes the place of its methods.
func OfProcess(p *os.Process) Process { return Process{p} }

// Signal is that of an os.Process.
func (p Process) Signal(sig os.Signal) error {
	if raises(p.p.Pid, sig) {
		return nil
	}
	return p.p.Signal(sig)
}

// raises sends a signal to a process, if that is this one and the signal is of the run. A signal
// that nobody wants may end the process.
func raises(pid int, sig os.Signal) bool {
	bit := set([]os.Signal{sig})
	if pid != os.Getpid() || bit == 0 {
		return false
	}
	s := begin("signal")
	switch {
	case s == nil:
		return false
	case slices.ContainsFunc(s.handlers, func(h *handler) bool { return h.wants&bit != 0 }):
		if s.pending&bit == 0 {
			s.pending |= bit
			rt.FireFunc(0, strings.ReplaceAll(sig.String(), " ", "-"), func() { s.deliver(sig, bit) })
		}
	case s.ignored&bit != 0:
	case natively.Load() || !ends(sig):
		return false
	default:
		rt.End(fmt.Errorf("signal %q ends the process: nobody is notified of it", sig))
	}
	return true
}

// ends says whether a signal that nobody wants ends a process of Go.
func ends(sig os.Signal) bool {
	switch sig {
	case syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGALRM, syscall.SIGTERM:
		return true
	}
	return strings.HasPrefix(sig.String(), "user defined")
}

// deliver sends a signal to all who want it, and waits for none.
func (s *signals) deliver(sig os.Signal, bit uint64) {
	s.pending &^= bit
	for _, h := range s.handlers {
		if h.wants&bit != 0 {
			rt.SendNow(h.c, sig)
		}
	}
}
