package rebalance

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"racelab/sim"
)

type walkLog struct {
	w *sim.Walk
	s *System
	n int
}

func (c *walkLog) Choose(enabled []sim.Event) (int, error) {
	i, err := c.w.Choose(enabled)
	var b []string
	for who := range c.s.members {
		m := &c.s.members[who]
		b = append(b, fmt.Sprintf("%s st%d own%v told%v gen%d cb%d off%v wire%d", "AB"[who:who+1], m.state, m.owned, m.told, m.gen, m.callback, m.offsets, len(m.wire)))
	}
	fmt.Printf("     %v %v @%d/%d %v | %s\n%v\n", c.s.now, c.s.group.committed, c.s.group.gen, c.s.group.phase, c.s.group.places, strings.Join(b, " | "), enabled[i])
	return i, err
}

func TestDebug(t *testing.T) {
	cell := os.Getenv("CELL")
	if cell == "" {
		return
	}
	for _, c := range Measured() {
		if cell == fmt.Sprintf("%s %s %s %s", c.Trigger, c.Application, c.Client, c.Protocol) {
			config, _ := c.Config()
			seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
			config.Seed = seed
			s := NewSystem(config)
			w := sim.NewWorld()
			s.Build(w)
			w.Timed(sim.Timing{Seed: seed, Unchecked: true})
			_, err := sim.Run(w, &walkLog{w: sim.NewWalk(seed), s: s})
			fmt.Println(err, s.Tally(), c)
			w.Close()
		}
	}
}
