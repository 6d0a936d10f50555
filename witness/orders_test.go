package witness

import (
	"strings"
	"testing"

	"racelab/witness/internal/search"
	"racelab/witness/rt"
)

// twoLocks takes two locks, each in a goroutine, and fails if the second goes first.
func twoLocks() {
	var a, b rt.Mutex
	var wg rt.WaitGroup
	first := ""
	for _, l := range []struct {
		name string
		lock *rt.Mutex
	}{{"a", &a}, {"b", &b}} {
		wg.Add(1)
		rt.Go("f", func() {
			defer wg.Done()
			l.lock.Lock()
			if first == "" {
				first = l.name
			}
			l.lock.Unlock()
		})
	}
	wg.Wait()
	if first == "b" {
		rt.Fail(errB)
	}
}

type failed string

func (f failed) Error() string { return string(f) }

const errB = failed("b was first")

// Goal: a run keeps orders as far as that can be, says which it kept, and names what is
// near to a step that there is not. What it does is repeated by its decisions.
func TestFollow(t *testing.T) {
	for _, test := range []struct {
		orders, broke string
		kept          int
		missing       string
	}{
		{"", "", 0, ""},
		{"f:2 twoLocks.func1 Lock before f twoLocks.func1 Lock", "b was first", 1, ""},
		{"f twoLocks.func1 Lock before f:2 twoLocks.func1 Lock", "", 1, ""},
		{"f:2 twoLocks.func1 Lock before f starts; f starts before f:2 starts", "", 1, ""}, // A circle: the first gives way.
		{"f:2 twoLocks.func1 Look before f starts", "b was first", 0, "f:2 twoLocks.func1 Look did not happen; near it: f:2 twoLocks.func1 Lock"},
	} {
		sys := search.New(twoLocks)
		orders, err := ParseOrders(test.orders)
		if err != nil {
			t.Fatal(err)
		}
		k := follow(sys, orders)
		kept, missing := 0, ""
		for _, o := range orders {
			if k.kept(o) {
				kept++
			}
			missing += k.missing(o)
		}
		broke := ""
		if k.broke != nil {
			broke = k.broke.Err.Error()
		}
		if broke != test.broke || kept != test.kept || !strings.HasPrefix(missing, test.missing) || test.missing == "" && missing != "" {
			t.Errorf("%q: broke %q, kept %d, missing %q; want %q, %d, %q", test.orders, broke, kept, missing, test.broke, test.kept, test.missing)
		}
		if again := play(sys, k.decisions); again.history != k.history {
			t.Errorf("%q: its decisions %q lead elsewhere", test.orders, k.decisions)
		}
		sys.Close()
	}
}
