package net

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"

	"racelab/witness/rt"
)

// listeners are those that a run made and has not closed.
type listeners struct {
	open  []*listener
	dials int // how often one was dialled
}

func ofRun() *listeners { return rt.PerRun(func() *listeners { return &listeners{} }) }

// listener is a real one, whose address nobody else has; but what the run's goroutines
// dial there comes to it in memory. Whoever is not rewritten dials for real, and waits
// for ever: the watchdog says so.
type listener struct {
	net.Listener
	waiting []socket // that were dialled, the oldest first
	closed  bool
	real    bool // a package that is not rewritten accepts
}

// Listen is net.Listen.
func Listen(network, address string) (net.Listener, error) {
	return OfListenConfig(&net.ListenConfig{}).Listen(context.Background(), network, address)
}

// ListenConfig is a net.ListenConfig.
type ListenConfig struct{ c *net.ListenConfig }

// OfListenConfig takes the place of its methods.
func OfListenConfig(c *net.ListenConfig) ListenConfig { return ListenConfig{c} }

// Listen is that of a net.ListenConfig.
func (c ListenConfig) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := c.c.Listen(ctx, network, address)
	if err != nil || !rt.InRun() {
		return l, err
	}
	in := &listener{Listener: l}
	of := ofRun()
	of.open = append(of.open, in)
	return in, nil
}

// Accept waits for somebody who dials.
func (l *listener) Accept() (net.Conn, error) {
	if !rt.InRun() || l.real || l.servesForReal() {
		l.real = true
		return l.Listener.Accept()
	}
	rt.Await(unsafe.Pointer(l), l, "listener", "accept", func() bool { return len(l.waiting) > 0 || l.closed })
	if l.closed || len(l.waiting) == 0 {
		return nil, &net.OpError{Op: "accept", Net: l.Addr().Network(), Addr: l.Addr(), Err: net.ErrClosed}
	}
	rt.Acquire(unsafe.Pointer(l))
	c := l.waiting[0]
	l.waiting = l.waiting[1:]
	return c, nil
}

// servesForReal says whether it is net/http or net/rpc that accepts: it serves each
// connection in a goroutine that no run controls.
func (l *listener) servesForReal() bool {
	var pcs [4]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "net/http.") || strings.HasPrefix(f.Function, "net/rpc.") {
			return true
		}
		if !more {
			return false
		}
	}
}

// Close is told to whoever accepts, and to whoever waits to be accepted.
func (l *listener) Close() error {
	err := l.Listener.Close()
	if !rt.Point(unsafe.Pointer(l), l, "listener", "close", true) || l.closed {
		return err
	}
	l.closed = true
	of := ofRun()
	of.open = slices.DeleteFunc(of.open, func(other *listener) bool { return other == l })
	for _, c := range l.waiting {
		c.shut()
	}
	rt.Release(unsafe.Pointer(l))
	return err
}

// is says whether somebody who dials an address comes to the listener.
func (l *listener) is(network, address string) bool {
	switch a := l.Addr().(type) {
	case *net.UnixAddr:
		return network == "unix" && address == a.Name
	case *net.TCPAddr:
		host, port, err := net.SplitHostPort(address)
		if err != nil || !strings.HasPrefix(network, "tcp") || port != fmt.Sprint(a.Port) {
			return false
		}
		ip := net.ParseIP(host)
		local := host == "" || host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
		return local && (a.IP.IsUnspecified() || a.IP.IsLoopback() && (ip == nil || ip.IsUnspecified() || ip.Equal(a.IP)))
	}
	return false
}

// dial connects to a listener of the run; nil: none is there.
func dial(network, address string) net.Conn {
	if !rt.InRun() {
		return nil
	}
	of := ofRun()
	at := slices.IndexFunc(of.open, func(l *listener) bool { return !l.real && l.is(network, address) })
	if at < 0 {
		return nil
	}
	l := of.open[at]
	rt.Point(unsafe.Pointer(l), l, "listener", "dial", true)
	if l.closed {
		return nil // It was closed before: the real one refuses.
	}
	of.dials++
	a, b := connect(true)
	client, server := socket{a}, socket{b}
	from := net.Addr(&net.UnixAddr{Net: "unix"})
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		from = &net.TCPAddr{IP: a.IP, Port: 1<<16 - of.dials%(1<<14) - 1}
	}
	client.local, client.remote = from, l.Addr()
	server.local, server.remote = l.Addr(), from
	client.socket, server.socket = true, true
	l.waiting = append(l.waiting, server)
	rt.Release(unsafe.Pointer(l))
	return client
}

// Dial is net.Dial.
func Dial(network, address string) (net.Conn, error) {
	return OfDialer(&net.Dialer{}).Dial(network, address)
}

// DialTimeout is net.DialTimeout.
func DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	return OfDialer(&net.Dialer{Timeout: timeout}).Dial(network, address)
}

// Dialer is a net.Dialer.
type Dialer struct{ d *net.Dialer }

// OfDialer takes the place of its methods.
func OfDialer(d *net.Dialer) Dialer { return Dialer{d} }

// Dial is that of a net.Dialer.
func (d Dialer) Dial(network, address string) (net.Conn, error) {
	if c := dial(network, address); c != nil {
		return c, nil
	}
	return d.d.Dial(network, address)
}

// DialContext is that of a net.Dialer.
func (d Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if ctx.Err() == nil {
		if c := dial(network, address); c != nil {
			return c, nil
		}
	}
	return d.d.DialContext(ctx, network, address)
}

// socket is an end of a connection that was dialled.
type socket struct{ *end }

// CloseWrite is that of a net.TCPConn.
func (s socket) CloseWrite() error {
	rt.Point(unsafe.Pointer(s.out), s.out, "connection", "close", true)
	if s.closed {
		return s.gone("close")
	}
	s.out.closed = true
	rt.Release(unsafe.Pointer(s.out))
	return nil
}
