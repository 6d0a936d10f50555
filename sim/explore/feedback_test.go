package explore

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// Goal: feedback tells happens-before classes apart, no more and no fewer than there are,
// and comes to all of them where they are few. Method: brute force counts them by every
// pair of steps that depend on each other.
func TestFeedbackComesToEachClass(t *testing.T) {
	seen, all := 0, 0
	for seed := range uint64(*randomPrograms / 50) {
		p := newProgram(rand.New(rand.NewPCG(seed, *randomSeed)))
		b, ok := enumerate(p.build, 100, 60)
		if !ok || b.refused != "" || len(b.classes) > 20 {
			continue
		}
		sys := p.system()
		f := newFeedback(sys, seed)
		if _, err := f.sample(sys, seed, Options{Limit: 300, Workers: 1, trusting: true}); err != nil {
			t.Fatal(err)
		}
		sys.Close()
		if f.seen.n() > len(b.classes) {
			t.Errorf("program %d of seed %d: %d classes, and there are %d: %s", seed, *randomSeed, f.seen.n(), len(b.classes), p)
		}
		if f.size.longest > 0 && len(f.kept) != f.seen.n() {
			t.Errorf("program %d of seed %d: %d runs are kept, of %d classes", seed, *randomSeed, len(f.kept), f.seen.n())
		}
		seen, all = seen+f.seen.n(), all+len(b.classes)
	}
	t.Logf("%d of %d classes", seen, all)
	if seen < all*99/100 {
		t.Errorf("%d of %d classes", seen, all)
	}
}

// Goal: the runs that are kept grow, and are few enough: the oldest are dropped.
func TestFeedbackDropsTheOldest(t *testing.T) {
	f := &feedback{seen: newSeen()}
	long := make([]taken, keptSteps/3)
	for i := range 5 {
		long[0].thread = i
		f.keep(append([]taken(nil), long...))
	}
	var kept []int
	for _, run := range f.kept {
		kept = append(kept, run[0].thread)
	}
	if want := []int{2, 3, 4}; !reflect.DeepEqual(kept, want) || f.steps != 3*len(long) {
		t.Errorf("kept are runs %v of %d steps, want %v of %d", kept, f.steps, want, 3*len(long))
	}
}
