package kernels

import (
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fanIn takes one value of each channel, as many as there are.
func fanIn(cs []chan int, forget bool) (sum int) {
	var cases []reflect.SelectCase
	for _, c := range cs {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c)})
	}
	for len(cases) > 0 {
		i, v, ok := reflect.Select(cases)
		if ok {
			sum += int(v.Int())
		}
		if ok && !forget {
			continue
		}
		cases = append(cases[:i], cases[i+1:]...)
	}
	return sum
}

func fansIn(t *testing.T, forget bool) {
	cs := []chan int{make(chan int, 2), make(chan int)}
	for i, c := range cs {
		go func() {
			defer reflect.ValueOf(c).Close()
			for n := range i + 1 {
				select {
				case c <- n + 1:
				default:
					reflect.ValueOf(c).Send(reflect.ValueOf(n + 1))
				}
			}
		}()
	}
	if sum := fanIn(cs, forget); sum != 4 {
		t.Fatalf("the sum is %d", sum)
	}
}

// TestFanIn: a channel is left out after its first value.
func TestFanIn(t *testing.T) { fansIn(t, true) }

// TestFanInFine: a channel is left out when it is closed.
func TestFanInFine(t *testing.T) { fansIn(t, false) }

// pipes copies a text through a pipe, and reads no more than so much of it.
func pipes(most int64, closes bool) (string, error) {
	r, w := io.Pipe()
	go func() {
		for _, part := range strings.Fields("one two three") {
			if _, err := io.WriteString(w, part); err != nil {
				w.CloseWithError(err)
				return
			}
		}
		w.Close()
	}()
	if closes {
		defer r.Close()
	}
	got, err := io.ReadAll(io.LimitReader(r, most))
	return string(got), err
}

// TestPipeLeft: the reader has enough, and the writer waits for it.
func TestPipeLeft(t *testing.T) {
	if got, err := pipes(5, false); got != "onetw" || err != nil {
		t.Fatal(got, err)
	}
}

// TestPipeClosedFine: a reader that has enough closes the pipe.
func TestPipeClosedFine(t *testing.T) {
	if got, err := pipes(5, true); got != "onetw" || err != nil {
		t.Fatal(got, err)
	}
}

// TestPipeCut: who stops the writer closes the pipe, and what was read is taken for all.
func TestPipeCut(t *testing.T) {
	r, w := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 3 {
			if _, err := io.WriteString(w, "x"); err != nil {
				return
			}
		}
		w.Close()
	})
	stop := make(chan bool, 1)
	wg.Go(func() {
		if <-stop {
			w.CloseWithError(errors.New("stopped"))
		}
	})
	var p *io.PipeReader = r
	one := make([]byte, 1)
	n := 0
	for ; ; n++ {
		if n == 1 {
			reflect.ValueOf(stop).TrySend(reflect.ValueOf(true))
		}
		if _, err := p.Read(one); err != nil {
			break
		}
	}
	p.Close()
	wg.Wait()
	if n != 3 {
		t.Fatalf("the text has %d letters", n)
	}
}

// lag is what a test of a bubble awaits: exactly a second, or a little less.
func lag(t *testing.T, d time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		done := false
		time.AfterFunc(time.Second, func() { done = true })
		time.Sleep(d)
		synctest.Wait()
		if done != (d == time.Second) {
			t.Errorf("after %v: %v", d, done)
		}
	})
}

// TestSynctestFine: in a bubble no timer is early or late.
func TestSynctestFine(t *testing.T) {
	lag(t, time.Second)
	lag(t, time.Second-1)
}

// TestStacksFine: what looks for goroutines that are left sees none of the search.
func TestStacksFine(t *testing.T) {
	done := make(chan bool)
	go func() { done <- true }()
	<-done
	buf := make([]byte, 1<<16)
	if all := string(buf[:runtime.Stack(buf, true)]); strings.Contains(all, "\n\ngoroutine ") {
		t.Error(all)
	}
}
