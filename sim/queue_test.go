package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The heap against a list: whatever is set and removed, both agree on what is
// due first.
func TestQueueListsWhatIsDueFirst(t *testing.T) {
	const processes = 40
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		q := queue{at: make([]int32, processes)}
		due := make([]int64, processes) // 0: not there
		for step := range 2000 {
			process := int32(random.IntN(processes))
			if random.IntN(3) == 0 {
				q.remove(process)
				due[process] = 0
			} else {
				due[process] = 1 + random.Int64N(20)
				q.set(process, due[process])
			}
			var want []int32
			least := int64(0)
			for p, at := range due {
				if at > 0 && (least == 0 || at < least) {
					least, want = at, nil
				}
				if at > 0 && at == least {
					want = append(want, int32(p))
				}
			}
			if got := q.first(nil); !slices.Equal(got, want) {
				t.Fatalf("seed %d, step %d: due first are %v, want %v", seed, step, got, want)
			}
		}
	}
}
