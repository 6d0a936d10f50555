package rt

import (
	"testing"

	"racelab/sim/explore"
)

func search(t *testing.T, runs int, body func()) map[string]int {
	t.Helper()
	s := NewSystem(body)
	defer s.Close()
	r, err := explore.Walks(s, 1, explore.Options{Limit: runs})
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]int{}
	for _, v := range r.Verdicts {
		if v.Bad > 0 {
			bad[v.Property] = int(v.Bad)
			t.Log(v.Property, v.Bad, v.Err)
		}
	}
	return bad
}

func TestChannels(t *testing.T) {
	bad := search(t, 200, func() {
		c := make(chan int)
		d := make(chan int, 2)
		Go("a", func() {
			for i := range 3 {
				Chan(c).Send(i)
			}
			Close(c)
		})
		Go("b", func() {
			for it, v := ChanIter(c); it.Next(&v); {
				Chan(d).Send(v)
			}
			Close(d)
		})
		n := 0
		for {
			r := RecvOf(d)
			if Select(false, r) == 0 && !r.OK {
				break
			}
			n++
		}
		if n != 3 {
			panic(n)
		}
	})
	if len(bad) != 0 {
		t.Error(bad)
	}
}

func TestDeadlock(t *testing.T) {
	bad := search(t, 200, func() {
		var a, b Mutex
		var wg WaitGroup
		wg.Add(2)
		Go("x", func() { defer wg.Done(); a.Lock(); b.Lock(); b.Unlock(); a.Unlock() })
		Go("y", func() { defer wg.Done(); b.Lock(); a.Lock(); a.Unlock(); b.Unlock() })
		wg.Wait()
	})
	if bad[NoDeadlock] == 0 {
		t.Error(bad)
	}
}

func TestLeakAndTimer(t *testing.T) {
	bad := search(t, 200, func() {
		c := make(chan int)
		Go("x", func() { Chan(c).Send(1) })
		r := RecvOf(After(1000_000))
		Select(false, r, RecvOf(c))
	})
	if bad[NoLeak] == 0 {
		t.Error(bad)
	}
}
