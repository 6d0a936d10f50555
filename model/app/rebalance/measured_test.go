package rebalance

import (
	"flag"
	"fmt"
	"testing"
)

var explain = flag.Bool("explain", false, "print each cell that the model misses")

func TestModelPredictsMeasuredCells(t *testing.T) {
	total, hit := map[string]int{}, map[string]int{}
	for _, c := range Measured() {
		config, ok := c.Config()
		key := c.Client + " " + c.Protocol
		total[c.Trigger]++
		total[key]++
		if !ok {
			continue
		}
		bad := 0
		var first string
		const seeds = 4
		for seed := range uint64(seeds) {
			got, err := Run(config, seed)
			if err != nil {
				bad++
				first = err.Error()
				continue
			}
			if m := c.Misses(got); len(m) > 0 {
				bad++
				if first == "" {
					first = fmt.Sprint("seed ", seed, m)
				}
			}
		}
		if bad == 0 {
			hit[c.Trigger]++
			hit[key]++
		} else if *explain {
			t.Logf("%s %s %s %s: %d/%d %s", c.Trigger, c.Application, c.Client, c.Protocol, bad, seeds, first)
		}
	}
	t.Log(total)
	t.Log(hit)
}
