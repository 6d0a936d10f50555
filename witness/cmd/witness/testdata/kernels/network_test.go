package kernels

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server answers each line with what handle makes of it.
type server struct {
	net.Listener
	handlers sync.WaitGroup
	handle   func(line string) string
}

func serve(t *testing.T, handle func(line string) string) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l, handle: handle}
	s.handlers.Go(s.accept)
	return s
}

func (s *server) accept() {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		s.handlers.Go(func() {
			defer c.Close()
			for lines := bufio.NewScanner(c); lines.Scan(); {
				io.WriteString(c, s.handle(lines.Text())+"\n")
			}
		})
	}
}

func (s *server) stop() {
	s.Close()
	s.handlers.Wait()
}

// askOver sends a line, and returns the answer.
func askOver(t *testing.T, c net.Conn, line string) string {
	io.WriteString(c, line+"\n")
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Error(err)
	}
	return answer
}

// deposits lets two clients each ask a server once to add one.
func deposits(t *testing.T, locked bool) {
	var over, mu sync.Mutex
	n := 0
	s := serve(t, func(string) string {
		if locked {
			over.Lock()
			defer over.Unlock()
		}
		mu.Lock()
		was := n
		mu.Unlock()
		mu.Lock()
		n = was + 1
		mu.Unlock()
		return "done"
	})
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			c, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			askOver(t, c, "add")
		})
	}
	clients.Wait()
	s.stop()
	if n != 2 {
		t.Errorf("%d of 2", n)
	}
}

// TestHandlers: two handlers of one server read a number, and then write it.
func TestHandlers(t *testing.T) { deposits(t, false) }

// TestHandlersFine: they hold a lock over both.
func TestHandlersFine(t *testing.T) { deposits(t, true) }

// TestIdleClient: a server that stops waits for its handlers, and one for a client that says nothing.
func TestIdleClient(t *testing.T) {
	s := serve(t, func(line string) string { return line })
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	askOver(t, c, "hello")
	s.stop()
}

// TestSlowClient: who reads with a deadline may come too early.
func TestSlowClient(t *testing.T) {
	s := serve(t, func(line string) string { time.Sleep(10 * time.Millisecond); return line })
	defer s.stop()
	c, err := net.DialTimeout("tcp", s.Addr().String(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	askOver(t, c, "hello")
}

// caller embeds what dials.
type caller struct{ net.Dialer }

// TestSocketsFine: what sockets do.
func TestSocketsFine(t *testing.T) {
	var config net.ListenConfig
	path := filepath.Join(t.TempDir(), "socket")
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan bool)
	go func() {
		defer close(refused)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		text, _ := io.ReadAll(c) // until the other end closes its half
		c.Write(bytes.ToUpper(text))
		c.Close()
		if _, err := c.Write(text); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}()
	c, err := new(caller).Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "hello")
	c.(interface{ CloseWrite() error }).CloseWrite()
	if text, err := io.ReadAll(c); string(text) != "HELLO" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := c.Write([]byte("late")); !errors.Is(err, syscall.EPIPE) {
		t.Error(err)
	}
	l.Close()
	<-refused

	// Nobody accepts: the connection is there, and ends when its listener does.
	tcp, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(tcp.Addr().String())
	local := net.JoinHostPort("localhost", port)
	if c, err = net.Dial("tcp", local); err != nil {
		t.Fatal(err)
	}
	tcp.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("it was never accepted")
	}
	if _, err := net.Dial("tcp", local); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
}
