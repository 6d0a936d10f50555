package explore

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// Goal: the set of seen states is what it says, and takes at most 24 bytes a
// state, at the size of the largest search that is measured.
func TestSeenIsASetAndSmall(t *testing.T) {
	const n = 2_029_587
	s := newSeen()
	for i := range uint64(n) {
		if number, isNew := s.add(print{hash: scramble(i)}); !isNew || number != uint32(i) {
			t.Fatalf("fingerprint %d is in the set before it was added", i)
		}
	}
	for i := range uint64(n) {
		if number, isNew := s.add(print{hash: scramble(i)}); !s.has(print{hash: scramble(i)}) || isNew || number != uint32(i) {
			t.Fatalf("fingerprint %d is not in the set after it was added, or by another number", i)
		}
	}
	if s.has(print{hash: scramble(n)}) || s.n() != n {
		t.Errorf("%d fingerprints, and one that was not added: %v; want %d, false", s.n(), s.has(print{hash: scramble(n)}), n)
	}
	if bytes := float64(len(s.slots)) * float64(unsafe.Sizeof(slot{})) / n; bytes > 24 {
		t.Errorf("%.1f bytes a state, want at most 24", bytes)
	}
}

// dim is worlds whose fingerprints have four bits, and their rests 64.
type dim struct{ *Worlds }

func (d dim) Fingerprint() uint64 { return d.Worlds.Fingerprint() & 15 }
func (d dim) Orbit() uint64       { return d.Worlds.Orbit() & 15 }

func (d dim) Foresee(withRest, orbits bool) []Prospect {
	prospects := d.Worlds.Foresee(withRest, orbits)
	for i := range prospects {
		prospects[i].Fingerprint &= 15
	}
	return prospects
}

// Goal: where a search may go beyond manyStates, the rest of a fingerprint tells states
// apart, whether a step is taken or foreseen, and with symmetry too. Method: where nearly
// all fingerprints are the same, it finds what it finds by whole ones.
func TestRestsTellStatesApart(t *testing.T) {
	several := 0
	for seed := range uint64(*randomPrograms / 20) {
		p := newProgram(rand.New(rand.NewPCG(seed, *randomSeed)))
		if seed%2 > 0 {
			p.like, p.timing = 2, nil
			p.tasks = append(p.tasks[:1:1], p.tasks...)
		}
		find := func(dimmed bool, widens int) (string, int) {
			sys := p.system()
			defer sys.Close()
			var is System = sys
			if dimmed {
				is = dim{sys}
			}
			r, err := States(is, Options{Limit: 1000, Workers: 1, Symmetry: seed%2 > 0, widens: widens, trusting: true})
			if err != nil {
				return err.Error(), 0
			}
			if r.Wide != (widens > 0) {
				t.Fatalf("of 128 bits: %v", r.Wide)
			}
			return fmt.Sprint(r.Verdicts, r.Levels, r.Transitions), r.States
		}
		want, n := find(false, 0)
		if got, _ := find(true, 1); got != want {
			t.Errorf("program %d: by rests %s, by fingerprints %s%v", seed, got, want, p)
		}
		if n > 16 {
			several++
			func() {
				defer func() { _ = recover() }() // Its ways lead through states that are others.
				if _, few := find(true, 0); few > 16 {
					t.Errorf("program %d: of four bits, %d states", seed, few)
				}
			}()
		}
	}
	if several < *randomPrograms/100 {
		t.Errorf("%d programs have more than 16 states: too few to show anything", several)
	}
}

// Goal: a proof by 128 bits stands against its walks, with symmetry and without, and the
// chance that it left a state out is that of 128 bits.
func TestWideProofs(t *testing.T) {
	p := &program{like: 2, chans: [2]int{1, 0}, tasks: [][]op{parseOps("locked0 sum0"), parseOps("locked0 sum0")}}
	for _, symmetry := range []bool{false, true} {
		sys := p.system()
		r, err := States(sys, Options{Limit: manyStates, Symmetry: symmetry})
		sys.Close()
		if err != nil || !r.Complete || !r.Wide || r.Walks != 100 || r.Collision() > 1e-30 {
			t.Errorf("symmetry %v: %+v, %v", symmetry, r, err)
		}
	}
}
