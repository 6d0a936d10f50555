package races

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand"
	"net"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Each kind of synchronization orders what is shared here.
func TestAllKindsFine(t *testing.T) {
	t.Run("locks", func(t *testing.T) {
		var mu sync.Mutex
		var rw sync.RWMutex
		var a, b int
		beside(
			func() { mu.Lock(); a++; mu.Unlock() }, func() { mu.Lock(); defer mu.Unlock(); a++ },
			func() {
				for !mu.TryLock() {
				}
				a++
				mu.Unlock()
			},
			func() { rw.Lock(); b++; rw.Unlock() }, func() { rw.RLock(); _ = b; rw.RUnlock() }, func() { rw.RLocker().Lock(); _ = b; rw.RLocker().Unlock() },
		)
		_, _ = a, b
	})
	t.Run("condition", func(t *testing.T) {
		var mu sync.Mutex
		c := sync.NewCond(&mu)
		ready, value := false, ""
		beside(func() {
			mu.Lock()
			for !ready {
				c.Wait()
			}
			_ = value
			mu.Unlock()
		}, func() {
			value = "x"
			mu.Lock()
			ready = true
			mu.Unlock()
			c.Broadcast()
		})
	})
	t.Run("once", func(t *testing.T) {
		var once sync.Once
		var value *int
		use := func() { once.Do(func() { value = new(int) }); _ = *value }
		beside(use, use)
		lazy := sync.OnceValue(func() []int { return []int{1} })
		beside(func() { _ = lazy()[0] }, func() { _ = lazy()[0] })
	})
	t.Run("maps", func(t *testing.T) {
		var m sync.Map
		var p sync.Pool
		put := func() { v := []int{1}; m.Store("a", v); w := map[string]int{"b": 1}; p.Put(w) }
		get := func() {
			if v, ok := m.Load("a"); ok {
				_ = v.([]int)[0]
			}
			if w, ok := p.Get().(map[string]int); ok {
				w["c"]++
			}
			m.Range(func(_, v any) bool { _ = v.([]int)[0]; return true })
		}
		beside(put, get, get)
		v, _ := m.LoadOrStore("z", []int{1})
		_ = v
	})
	t.Run("atomic", func(t *testing.T) {
		var there atomic.Bool
		var p atomic.Pointer[string]
		value := ""
		beside(func() { value = "x"; there.Store(true); p.Store(new(string)) }, func() {
			if there.Load() {
				_ = value
			}
			if s := p.Load(); s != nil {
				_ = *s
			}
		})
	})
	t.Run("channels", func(t *testing.T) {
		data := make([]int, 6)
		plain, room, over := make(chan int), make(chan int, 2), make(chan struct{})
		beside(func() {
			data[0] = 1
			plain <- 0
			data[1] = 1
			room <- 1
			data[2] = 1
			select {
			case room <- 2:
			case <-over:
			}
			data[3] = 1
			close(over)
			close(room)
		}, func() {
			data[<-plain]++
			for i := range room {
				data[i]++
			}
			<-over
			data[3]++
		})
		lock, n := make(chan struct{}, 1), 0 // a channel as a lock
		add := func() { lock <- struct{}{}; n++; <-lock }
		beside(add, add, add)
		back := make(chan struct{}) // the receiver goes first
		beside(func() { n++; <-back }, func() { back <- struct{}{}; n++ })
	})
	t.Run("results", func(t *testing.T) {
		results := make(chan []int)
		for range 3 {
			go func() { results <- []int{rand.Intn(3)} }()
		}
		sum := 0
		for range 3 {
			sum += (<-results)[0]
		}
	})
	t.Run("timers", func(t *testing.T) {
		n := 0
		n++
		done := make(chan struct{})
		time.AfterFunc(time.Millisecond, func() { n++; close(done) })
		<-done
		n++
		timer, ticker := time.NewTimer(time.Millisecond), time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		<-timer.C
		timer.Reset(time.Millisecond)
		<-timer.C
		<-ticker.C
		select {
		case <-ticker.C:
		case <-time.After(time.Second):
		}
		n++
	})
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		child, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		state := ""
		beside(func() { state = "over"; cancel() }, func() { <-child.Done(); _ = state }, func() {
			for ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			_ = state
		})
		late, stop := context.WithTimeout(context.Background(), time.Millisecond)
		defer stop()
		<-late.Done()
		_ = late.Err()
		defer context.AfterFunc(ctx, func() { _ = state })()
	})
	t.Run("pipe", func(t *testing.T) {
		a, b := net.Pipe()
		n := 0
		beside(func() { n++; _, _ = a.Write([]byte("x")); a.Close() }, func() {
			_, _ = b.Read(make([]byte, 1))
			n++
			b.Close()
		})
	})
	t.Run("reader and writer", func(t *testing.T) {
		r, w := io.Pipe()
		n, text := 0, []byte("xy")
		beside(func() { n++; _, _ = w.Write(text); text[0] = 'z'; w.Close() }, func() {
			_, _ = r.Read(make([]byte, 1))
			n++
			_, _ = io.ReadAll(r)
			r.Close()
		})
	})
	t.Run("reflection", func(t *testing.T) {
		plain, room, over := make(chan *int), make(chan []int, 1), make(chan int)
		on := func(c any) reflect.SelectCase {
			return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c)}
		}
		n := 0
		beside(func() {
			plain <- new(int)
			reflect.ValueOf(plain).Send(reflect.ValueOf(new(int)))
			reflect.ValueOf(room).Send(reflect.ValueOf([]int{1}))
			room <- []int{2}
			n++
			reflect.ValueOf(over).Close()
		}, func() {
			p, _ := reflect.ValueOf(plain).Recv()
			*p.Interface().(*int)++
			*(<-plain)++
			all := []reflect.SelectCase{on(room), on(over)}
			for {
				i, v, ok := reflect.Select(all)
				if i == 1 {
					n++
					return
				}
				if ok {
					v.Interface().([]int)[0]++
				}
			}
		})
	})
	t.Run("standard library", func(t *testing.T) {
		say := func() { _ = fmt.Sprintf("%v %s", map[string]int{"a": 1}, time.Now().Format(time.RFC3339)) }
		beside(say, say, func() { t.Log("said") }, func() { t.Log("said too") })
		m := map[string]int{"a": 1, "b": 2}
		walk := func() {
			for range m {
			}
			for range maps.Keys(m) {
			}
		}
		beside(walk, walk)
	})
}

// What a deferred function does after the end of a run races with nothing.
func TestCutOffFine(t *testing.T) {
	var mu sync.Mutex
	n := 0
	for range 3 {
		go func() {
			mu.Lock()
			defer mu.Unlock()
			defer func() { n++ }()
			n++
			time.Sleep(time.Hour)
		}()
	}
	time.Sleep(time.Millisecond)
	mu.TryLock()
}
