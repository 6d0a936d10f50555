package sim

import (
	"runtime"
	"slices"
	"testing"
)

// places is a program that asks for its callers at several depths.
type places struct {
	got, want [][]uintptr `sim:"-"`
}

func (p *places) Run(t *Task) {
	t.Step("begin")
	p.ask()
	p.deeper(3)
	p.elsewhere()
}

//go:noinline
func (p *places) elsewhere() { p.deeper(1) }

//go:noinline
func (p *places) deeper(n int) {
	if n > 0 {
		p.deeper(n - 1)
		p.ask()
	}
}

//go:noinline
func (p *places) ask() { p.compare() }

// compare asks for the callers of ask, as callers and as the runtime has them.
//
//go:noinline
func (p *places) compare() {
	var stack, all [64]uintptr
	var base uintptr
	n := callers(&stack, &base)
	p.got = append(p.got, slices.Clone(stack[:n]))
	listed := all[:runtime.Callers(2, all[:])]
	end := slices.IndexFunc(listed, isRun)
	p.want = append(p.want, slices.Clone(listed[:end]))
}

// Goal: whatever way this platform has to list the calls, it lists those that the
// runtime does.
func TestCallersAreThoseOfTheRuntime(t *testing.T) {
	p := &places{}
	w := NewWorld()
	w.GoProgram("A", p)
	w.Enabled()
	w.Take(0)
	w.Close()
	if len(p.got) != 5 || len(p.got[0]) != 2 {
		t.Errorf("%d places, the first with %d calls, want 5 with 2", len(p.got), len(p.got[0]))
	}
	for i := range p.got {
		if !slices.Equal(p.got[i], p.want[i]) {
			t.Errorf("place %d: %x, the runtime says %x", i, p.got[i], p.want[i])
		}
	}
}
