package kern

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type done chan struct{}

type counter struct {
	sync.Mutex
	n    map[*int]int
	seen sync.Map
	hits atomic.Int32
}

func (c *counter) add(by ...int) {
	c.Lock()
	defer c.Unlock()
	for _, n := range by {
		c.n[nil] += n
	}
	c.hits.Add(1)
}

func send[T any](c chan<- T, v T) { c <- v }

type pair[K comparable, V any] struct {
	k K
	v V
}

func two() (int, string) { return 7, "seven" }

func first(a, b <-chan int) (v int) {
	select {
	case v = <-a:
		return v
	case w, ok := <-b:
		if !ok {
			return -1
		}
		return w
	}
}

// TestConstructs uses each construct that is rewritten; all of it is right.
func TestConstructs(t *testing.T) {
	c := &counter{n: map[*int]int{}}
	var wg sync.WaitGroup
	wg.Add(1)
	go func(i int, s ...string) {
		defer wg.Done()
		c.add(i, len(s))
	}(1, "a",
		"b",
	)
	wg.Wait()
	add := c.add
	joined := make(done)
	go func() { add(1); close(joined) }()
	<-joined

	ints := make(chan int)
	go send(ints, 5)
	go send[int](ints, 6)
	sum := <-ints + <-ints
	go func(n int, s string) { ints <- n + len(s) }(two())
	sum += <-ints
	if sum != 23 {
		t.Fatalf("the sum is %d", sum)
	}

	chans := make(chan chan int, 1)
	chans <- make(chan int, 1)
	inner := <-chans
	inner <- 3
	if v, ok := <-inner; !ok || v != 3 {
		t.Fatal(v, ok)
	}
	var it interface{} = <-func() chan int { close(inner); return inner }()
	if it != 0 {
		t.Fatal(it)
	}

	stream := make(chan pair[string, int], 2)
	go func() {
		defer close(stream)
		for _, p := range []pair[string, int]{{"x", 1}, {"y", 2}} {
			stream <- p
		}
	}()
	var words []string
	var last pair[string, int]
loop:
	for last = range stream {
		for range map[int]bool{1: true} {
			if last.v == 0 {
				continue loop
			}
		}
		words = append(words, last.k)
	}
	if strings.Join(words, "") != "xy" || len(stream) != 0 {
		t.Fatal(words)
	}

	table := map[string]int{"b": 2, "a": 1, "c": 3}
	var keys []string
	var k string
	var v int
	for k, v = range table {
		keys = append(keys, fmt.Sprint(k, v))
	}
	for key := range table {
		delete(table, key)
	}
	sort.Strings(keys)
	if strings.Join(keys, "") != "a1b2c3" || len(table) != 0 {
		t.Fatal(keys, table)
	}
	for key, v := range map[any]int{"k": 4} {
		if key != "k" || v != 4 {
			t.Fatal(key, v)
		}
	}
	var fs []func() int
	for _, v := range map[int]int{1: 10} {
		fs = append(fs, func() int { return v })
	}
	if fs[0]() != 10 {
		t.Fatal("a loop variable")
	}

	a, b := make(chan int, 1), make(chan int)
	close(b)
	if got := first(nil, b); got != -1 {
		t.Fatal(got)
	}
	a <- 4
	if got := first(a, nil); got != 4 {
		t.Fatal(got)
	}
	out := make(chan int, 1)
	for i := 0; i < 3; i++ {
		select {
		case out <- i:
			if i > 0 {
				t.Fatal("the buffer was full")
			}
		case <-time.After(
			time.Hour):
			t.Fatal("an hour")
		default:
			if i == 0 {
				t.Fatal("the buffer was empty")
			}
			break
		}
	}

	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), "k", "v"))
	fired := make(chan string)
	time.AfterFunc(10*time.Millisecond, func() { fired <- "timer"; cancel() })
	began := time.Now()
	if <-fired != "timer" || time.Since(began) < 10*time.Millisecond {
		t.Fatal("too early")
	}
	<-ctx.Done()
	if ctx.Err() != context.Canceled || ctx.Value("k") != "v" {
		t.Fatal(ctx.Err())
	}

	var once sync.Once
	once.Do(func() { c.seen.Store("once", 1) })
	once.Do(func() { c.seen.Store("twice", 1) })
	n := 0
	c.seen.Range(func(_, _ any) bool { n++; return true })
	var l sync.Locker = c
	l.Lock()
	defer l.Unlock()
	if x := new(int); n != 1 || c.n[nil] != 4 || c.n[x] != 0 || c.hits.Load() != 2 {
		t.Fatal(n, c.n)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("it failed")
		}
	})
	defer func() {
		if r := recover(); fmt.Sprint(r) != "close of closed channel" {
			t.Error(r)
		}
	}()
	close(b)
}
