package rebalance

import (
	"fmt"

	"racelab/sim"
)

// facts are what the claims judge.
type facts struct {
	done    [partitions][maxRecords]int8 // how often a record was worked on: 0, 1 or more
	late    record                       // that was first done after a later one; offset -1: none
	rewound [members]fall                // by whom
	strange [members]fall
}

// fall is a commit that broke something.
type fall struct {
	there    bool
	record   // partition and offset that were committed
	was, who int
}

const maxRecords = 4

func (f *facts) init() { f.late.offset = -1 }

func (f *facts) ended(r record) {
	if r.offset >= maxRecords {
		return
	}
	done := &f.done[r.partition]
	if done[r.offset] == 0 {
		for _, n := range done[r.offset+1:] {
			if n > 0 && f.late.offset < 0 {
				f.late = r
			}
		}
	}
	done[r.offset] = min(done[r.offset]+1, 2)
}

func (f *facts) doneOf(p, records int) string {
	text := ""
	for offset, n := range f.done[p][:min(records, maxRecords)] {
		if n > 0 {
			text += fmt.Sprintf(" %d", offset)
		}
		if n > 1 {
			text += " (again)"
		}
	}
	if text == "" {
		return "nothing"
	}
	return text[1:]
}

// observe notes what an accepted commit does: take back what was committed, or
// commit for a partition that another member has.
func (s *System) observe(who, p, offset int) {
	if was := s.group.committed[p]; offset < was && !s.facts.rewound[who].there {
		s.facts.rewound[who] = fall{true, record{p, offset}, was, who}
	}
	if s.group.places[1-who].assigned.has(p) && !s.group.places[who].assigned.has(p) && !s.facts.strange[who].there {
		s.facts.strange[who] = fall{true, record{p, offset}, 0, who}
	}
}

func name(who int) string { return "AB"[who : who+1] }

// Names of the claims.
const (
	NoRecordLost       = "no-record-is-lost"
	NoRecordTwice      = "no-record-is-processed-twice"
	OrderKept          = "order-of-a-partition-is-kept"
	NeverRewinds       = "committed-offset-never-rewinds"
	OwnersCommit       = "only-the-owner-commits"
	PartitionsProgress = "every-partition-progresses"
	CloseEnds          = "close-ends"
)

// Watch adds the claims to the world of the group.
func (s *System) Watch(w *sim.World) {
	f := &s.facts
	w.Finally(NoRecordLost, func(c *sim.Claim) {
		for p := range partitions {
			for offset := range s.log {
				c.Assert(f.done[p][offset] > 0 || offset >= s.group.committed[p],
					"P%d is committed up to %d, and nobody has processed record %d", p, s.group.committed[p], offset)
			}
		}
	})
	w.Finally(PartitionsProgress, func(c *sim.Claim) {
		for p := range partitions {
			for offset := range s.log {
				c.Assert(f.done[p][offset] > 0 || offset < s.group.committed[p], "nobody processes record %d of P%d", offset, p)
			}
		}
	})
	if e := s.config.Trigger; s.config.Lapses == 0 && e != CrashOfA {
		w.Always(NoRecordTwice, s.recordsOnce)
	}
	w.Always(OrderKept, func(c *sim.Claim) {
		c.Assert(f.late.offset < 0, "record %d of P%d is processed after a later one", f.late.offset, f.late.partition)
	})
	w.Always(NeverRewinds, func(c *sim.Claim) {
		for _, r := range f.rewound {
			c.Assert(!r.there, "%s takes the committed offset of P%d back from %d to %d", name(r.who), r.partition, r.was, r.offset)
		}
	})
	w.Always(OwnersCommit, func(c *sim.Claim) {
		for _, r := range f.strange {
			c.Assert(!r.there, "%s commits %d for P%d, which %s has", name(r.who), r.offset, r.partition, name(1-r.who))
		}
	})
	if s.config.Trigger == CloseOfA {
		w.Finally(CloseEnds, func(c *sim.Claim) { c.Assert(s.members[0].closed, "A has called Close, and that does not return") })
	}
}

// recordsOnce is what a group can give in which nobody is given up.
func (s *System) recordsOnce(c *sim.Claim) {
	for p := range partitions {
		for offset := range s.log {
			c.Assert(s.facts.done[p][offset] < 2, "record %d of P%d is processed again", offset, p)
		}
	}
}
