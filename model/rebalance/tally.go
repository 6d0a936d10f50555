package rebalance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"racelab/model"
)

// Tally counts what a run of the timed world did, as the measured runs were
// counted.
type Tally struct {
	Lost     []string // records below the committed offset in the end that nobody has worked on: "1/3"
	Repeated int      // times a record was worked on beyond the first
	Late     int      // records first done after a later one of their partition
	Back     int      // times the sequence of ended work of a partition goes down
	Rewound  int      // accepted commits below one that was accepted before
	NotOwned int      // partitions in accepted commits of a member that does not have them
	Refused  int      // partitions in refused commits
	Close    time.Duration
	Undone   int // records that nobody has worked on and nobody has committed over

	done [partitions][]int
	last [partitions]int // ended
	most [partitions]int // accepted
}

func (t *Tally) init() {
	t.Close = -1
	t.last = [partitions]int{-1, -1}
}

func (t *Tally) ended(r record) {
	p, done := r.partition, &t.done[r.partition]
	for len(*done) <= r.offset {
		*done = append(*done, 0)
	}
	if (*done)[r.offset] > 0 {
		t.Repeated++
	} else if slices.ContainsFunc((*done)[r.offset+1:], func(n int) bool { return n > 0 }) {
		t.Late++
	}
	(*done)[r.offset]++
	if r.offset < t.last[p] {
		t.Back++
	}
	t.last[p] = r.offset
}

func (t *Tally) commit(p, offset int, owned bool) {
	if offset < t.most[p] {
		t.Rewound++
	}
	t.most[p] = max(t.most[p], offset)
	if !owned {
		t.NotOwned++
	}
}

func (t *Tally) refuse(parts mask, refusal model.Error) {
	if refusal != model.None {
		t.Refused += parts.size()
	}
}

func (t *Tally) closed(took time.Duration) { t.Close = took }

// Tally is what the run has done so far.
func (s *System) Tally() Tally {
	t := s.tally
	t.Lost = nil
	for p := range partitions {
		for offset := range s.log {
			worked := offset < len(t.done[p]) && t.done[p][offset] > 0
			if !worked && offset < s.group.committed[p] {
				t.Lost = append(t.Lost, fmt.Sprintf("%d/%d", p, offset))
			} else if !worked {
				t.Undone++
			}
		}
	}
	return t
}

func (t Tally) String() string {
	return fmt.Sprintf("lost %d %s, repeated %d, late %d, back %d, rewound %d, not owned %d, refused %d, close %v, undone %d",
		len(t.Lost), strings.Join(t.Lost, " "), t.Repeated, t.Late, t.Back, t.Rewound, t.NotOwned, t.Refused, t.Close, t.Undone)
}
