package explore

import (
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"racelab/sim"
)

// Goal: a search that keeps its states on disk finds the same, with any number of
// workers.
func TestSpillingChangesNothing(t *testing.T) {
	build := func(seed uint64) func() *sim.World {
		return newProgram(rand.New(rand.NewPCG(seed, *randomSeed))).build
	}
	search := func(build func() *sim.World, o Options) (*Result, error) {
		sys, err := NewWorlds(build)
		if err != nil {
			return nil, err
		}
		defer sys.Close()
		o.Limit, o.trusting = 20_000, true
		r, err := States(sys, o)
		if r != nil {
			r.Memory = 0
		}
		return r, err
	}
	states := 0
	for seed := range uint64(*randomPrograms / 166) {
		want, whyNot := search(build(seed), Options{Workers: 1})
		got, err := search(build(seed), Options{Workers: 1 + int(seed)%3, Spill: scratch(t), spilling: 3})
		if !reflect.DeepEqual(got, want) || (err == nil) != (whyNot == nil) {
			t.Errorf("program %d: on disk %v %v; in memory %v %v", seed, got, err, want, whyNot)
		}
		if want != nil {
			states += want.States
		}
	}
	t.Logf("%d states", states)
}

// scratch is two empty files.
func scratch(t *testing.T) (files [2]Scratch) {
	t.Helper()
	for i := range files {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		files[i] = file
	}
	return files
}

// Goal: a file that can be written no more ends a search with what was reached, and it
// says so.
func TestSpillingToABrokenFile(t *testing.T) {
	sys, err := NewWorlds(newProgram(rand.New(rand.NewPCG(2, *randomSeed))).build)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	r := newResult("states", sys)
	o := Options{Limit: 20_000, spilling: 3, trusting: true, Spill: scratch(t)}
	s := newSearch(newWorkerPool(sys, 1), r)
	if err := s.frontiers(&o); err != nil {
		t.Fatal(err)
	}
	if err := o.Spill[1].(*os.File).Close(); err != nil {
		t.Fatal(err)
	}
	memory := o.bindMemory()
	defer memory.release()
	if s.run(o, memory) || !strings.Contains(r.Left, "states cannot be kept on disk") || r.States < 3 {
		t.Errorf("complete, or of %d states %q", r.States, r.Left)
	}
}

// Goal: states come out of a frontier in the order in which they went in, wherever it
// begins to spill, and however many are taken at once.
func TestAFrontierKeepsItsOrder(t *testing.T) {
	file := scratch(t)[0]
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		if err := file.Truncate(0); err != nil {
			t.Fatal(err)
		}
		f := &frontier{packer: numbers{}, file: file, chunk: 1 + random.IntN(4)}
		in, out := 0, 0
		for range 100 {
			switch what := random.IntN(20); {
			case what == 0:
				if err := f.spill(); err != nil {
					t.Fatal(err)
				}
			case what < 12:
				f.push(checkpoint{in})
				in++
			default:
				taken, err := f.take(1 + random.IntN(7))
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range taken {
					if c.at != out {
						t.Fatalf("seed %d: %v comes, want %d", seed, c.at, out)
					}
					out++
				}
			}
			if f.n != in-out {
				t.Fatalf("seed %d: %d are left, want %d", seed, f.n, in-out)
			}
		}
	}
}

// numbers is a packer of states that are numbers.
type numbers struct{}

func (numbers) Pack(to []byte, _, state any) []byte { return append(to, byte(state.(int))) }

func (numbers) Unpack(from []byte, _ any) (state any, rest []byte) { return int(from[0]), from[1:] }
