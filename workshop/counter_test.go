package workshop

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// counter is the counter of lesson 0: what each thread has read, and how far it is.
type counter struct {
	n    int
	read [4]int
	done [4]int // steps: none, read, written
}

// step takes the next step of a thread.
func (c counter) step(thread int) counter {
	if c.done[thread]++; c.done[thread] == 1 {
		c.read[thread] = c.n
	} else {
		c.n = c.read[thread] + 1
	}
	return c
}

// count walks all orders of some threads' steps. Of one class are those with the same
// writes in the same order, each after the same reads.
func count(threads int) (orders, losing int, classes map[string]bool, states map[counter]bool) {
	classes, states = map[string]bool{}, map[counter]bool{}
	var walk func(c counter, class string)
	walk = func(c counter, class string) {
		states[c] = true
		ended := true
		for thread := range threads {
			if c.done[thread] == 2 {
				continue
			}
			ended = false
			next := c.step(thread)
			if next.done[thread] == 1 {
				walk(next, class)
			} else {
				reads := ""
				for other := range threads {
					reads += fmt.Sprint(min(c.done[other], 1))
				}
				walk(next, class+fmt.Sprint(thread, "after", reads, ";"))
			}
		}
		if ended {
			orders++
			classes[class] = true
			if c.n != threads {
				losing++
			}
		}
	}
	walk(counter{}, "")
	return orders, losing, classes, states
}

// Goal: what the texts say of the counter is so. Method: all orders, counted here, by
// nothing of the lab.
func TestNumbersOfTheCounter(t *testing.T) {
	orders, losing, classes, states := count(2)
	many, _, _, more := count(4)
	thousands := fmt.Sprintf("%d,%03d", many/1000, many%1000)
	for file, texts := range map[string][]string{
		"lessons/0-who-moves-next.md": {
			fmt.Sprintf("There are %d orders, and %d lose an update", orders, losing), fmt.Sprintf("%d classes of runs, and %d states", len(classes), len(states)),
			fmt.Sprintf("With 4 threads there are %s orders and %d states", thousands, len(more)),
		},
		"lessons/0-who-moves-next.zh.md": {
			fmt.Sprintf("共有 %d 种次序，其中 %d 种丢失更新", orders, losing), fmt.Sprintf("运行有 %d 类，状态有 %d 个", len(classes), len(states)),
			fmt.Sprintf("4 个线程就有 %s 种次序，%d 个状态", thousands, len(more)),
		},
		"../docs/concepts.md": {
			fmt.Sprintf("The counter has %d schedules and %d classes", orders, len(classes)), fmt.Sprintf("The counter has %d states", len(states)),
			fmt.Sprintf("loses an update in %d of its %d\n", losing, orders),
		},
		"../README.md": {fmt.Sprintf("searches all %d states", len(states))},
	} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			if !strings.Contains(string(content), text) {
				t.Errorf("%s does not say %q", file, text)
			}
		}
	}
}
