// Package rawgo has each way in for what a seed does not decide.
package rawgo

import (
	"context"
	_ "crypto/rand" // want `imports crypto/rand; ask the Chooser`
	"errors"
	"fmt"
	_ "hash/maphash" // want `imports hash/maphash; its seed differs`
	"io"
	_ "io/ioutil" // want `imports io/ioutil; let the command`
	"maps"
	_ "math/rand"         // want `imports math/rand; ask the Chooser`
	randv2 "math/rand/v2" // want `imports math/rand/v2; ask the Chooser`
	_ "net"               // want `imports net; let the command`
	_ "net/url"           // want `imports net/url; let the command`
	_ "os"                // want `imports os; let the command`
	_ "os/signal"         // want `imports os/signal; let the command`
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"          // want `imports sync; a task is a coroutine`
	_ "sync/atomic" // want `imports sync/atomic; a task`
	_ "syscall"     // want `imports syscall; let the command`
	"time"
	clock "time"

	"racelab/sim"
)

type node struct {
	m sync.Mutex
	c chan int // want `a channel; a task is a coroutine of the world`
}

func (n *node) Handle(e sim.Envelope, out *sim.Outbox) {
	go n.wait(nil) // want `a go statement; a task`
	select {       // want `a select; a task`
	case <-n.c: // want `a receive from a channel`
	default:
		n.c <- 1 // want `a send on a channel`
	}
}

func (n *node) wait(c context.Context) {
	<-c.Done() // want `a receive from a channel`
}

const second = time.Second

var uses = []any{
	clock.Now, time.Since, // want `uses time.Now; the world` `uses time.Since; the world`
	time.Until, time.Sleep, // want `uses time.Until` `uses time.Sleep`
	time.After, time.AfterFunc, // want `uses time.After;` `uses time.AfterFunc`
	time.Tick, time.NewTimer, time.NewTicker, // want `uses time.Tick` `uses time.NewTimer` `uses time.NewTicker`
	context.WithTimeout, context.WithTimeoutCause, // want `uses context.WithTimeout;` `uses context.WithTimeoutCause`
	context.WithDeadline, context.WithDeadlineCause, // want `uses context.WithDeadline;` `uses context.WithDeadlineCause`
	maps.All[map[int]int], maps.Keys[map[int]int], // want `uses maps.All` `uses maps.Keys`
	maps.Values[map[int]int], maps.DeleteFunc[map[int]int], // want `uses maps.Values` `uses maps.DeleteFunc`
	reflect.Value.MapKeys, reflect.Value.MapRange, // want `uses \(reflect.Value\).MapKeys` `uses \(reflect.Value\).MapRange`
	reflect.Value.Seq, reflect.Value.Seq2, // want `uses \(reflect.Value\).Seq;` `uses \(reflect.Value\).Seq2`
	reflect.Select, // want `uses reflect.Select; a task`
	randv2.IntN,    // want `uses math/rand/v2.IntN, which has no seed of ours`
	randv2.NewPCG,
}

// Maps.

type table map[int]int

func ranges[M ~map[K]V, S ~[]E, K comparable, V, E any](t table, m M, s S, n int, seq func(func(int) bool)) []K {
	for range t { // want `range over a map; its order differs`
	}
	for range m { // want `range over a map; its order differs`
	}
	for range s {
	}
	for range n {
	}
	for range seq {
	}
	for range "text" {
	}
	_ = slices.Sorted(maps.Keys(t))
	return slices.Collect(maps.Keys(m)) // want `uses maps.Keys; its order differs`
}

// Package variables.

var (
	n     int
	deep  [2]struct{ a []int }
	p     = new(int)
	m     = map[int]int{}
	s     = []int{1}
	b     strings.Builder
	e     = errors.New("x")
	cases = []struct{ n int }{{1}}
	r     = regexp.MustCompile("x")
	one   = node{}
	ones  = []*node{&one}
)

func change() {
	n = 1             // want `assigns to the package variable n; state belongs to a world`
	n++               // want `assigns to the package variable n;`
	deep[1].a[0] += 1 // want `assigns to the package variable deep`
	*p = 1            // want `assigns to the package variable p`
	for n = range 3 { // want `assigns to the package variable n`
	}
	io.EOF = nil       // want `assigns to the package variable EOF`
	delete(m, 1)       // want `calls delete on the package variable m`
	clear(s[:1])       // want `calls clear on the package variable s`
	copy(s, s[1:])     // want `calls copy on the package variable s`
	fmt.Sscan("1", &n) // want `hands over the address of the package variable n`
	b.WriteString("x") // want `calls WriteString on the address of the package variable b`
	n, err := cases[0].n, e
	n++
	_, _, _ = n, err, r.MatchString("x")
}

func init() {} // want `func init; let whoever needs it call a function`

type number int

func (number) init() {}

// A task is unwound by a panic.

func recovers() {
	defer func() { recover() }() // want `recovers and does not panic again`
	defer func() {
		if reason := recover(); reason != nil {
			panic(reason)
		}
	}()
}
