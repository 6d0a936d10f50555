package witness

import (
	"fmt"
	"strconv"
	"strings"

	"racelab/sim"
	"racelab/witness/internal/search"
	"racelab/witness/rt"
)

// Decisions are a schedule by what it does otherwise than the default, in which
// the goroutine that runs goes on as long as it can, and then the oldest one that
// can. As text, one a line or parted by semicolons:
//
//	main@3: worker starts
//
// When main would take its third step, worker does what is called "starts".
type Decisions []Decision

// Decision is one of them.
type Decision struct {
	Actor string // who would move by default
	Step  int    // which of its own steps that would be, from 1
	Pick  string // the event that happens in its place
}

func (d Decision) String() string { return fmt.Sprintf("%s@%d: %s", d.Actor, d.Step, d.Pick) }

// String is the schedule on one line. "default" is the one without a decision.
func (d Decisions) String() string {
	if len(d) == 0 {
		return "default"
	}
	return strings.ReplaceAll(strings.TrimSuffix(d.Lines(), "\n"), "\n", "; ")
}

// Lines is the schedule with one decision a line.
func (d Decisions) Lines() string {
	var b strings.Builder
	for _, one := range d {
		b.WriteString(one.String() + "\n")
	}
	return b.String()
}

// ParseDecisions reads a schedule. The error says which part is none.
func ParseDecisions(text string) (Decisions, error) {
	var all Decisions
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "\n", ";"), ";") {
		part = strings.TrimSpace(part)
		if part == "" || part == "default" || strings.HasPrefix(part, "#") {
			continue
		}
		who, pick, ok := strings.Cut(part, ": ")
		at := strings.LastIndex(who, "@")
		if !ok || at < 0 {
			return nil, fmt.Errorf("%.80q is not a decision; want such as %q", part, "main@3: worker starts")
		}
		step, err := strconv.Atoi(who[at+1:])
		if err != nil || step < 1 {
			return nil, fmt.Errorf("%.80q names no step after @; want a number from 1", part)
		}
		all = append(all, Decision{who[:at], step, pick})
	}
	return all, nil
}

// outcome is one run by decisions.
type outcome struct {
	decisions Decisions // those that were used
	unused    int
	steps     []rt.Step
	chosen    []int // which of steps are not the default
	broke     *sim.Violation
	history   uint64
}

func (o *outcome) property() string {
	if o.broke == nil {
		return ""
	}
	return o.broke.Property
}

// mostSteps bounds a run by decisions. A search counts choices, of which each may have
// many steps behind it.
func mostSteps(sys *search.System) int { return 10 * max(sim.MaxSteps, sys.Longest) }

// play runs by decisions up to the first break or the end.
func play(sys *search.System, decisions Decisions) (out outcome) {
	sys.Reset()
	taken := map[string]int{}
	left := append(Decisions(nil), decisions...)
	for most := mostSteps(sys); len(out.steps) < most; {
		enabled := sys.Enabled()
		if len(enabled) == 0 {
			break
		}
		pick := 0
		here := enabled[0]
		for i, d := range left {
			if d.Actor != here.Actor || d.Step != taken[here.Actor]+1 {
				continue
			}
			found := -1
			for j, e := range enabled {
				if e.String() == d.Pick {
					found = j
					break
				}
			}
			left = append(left[:i:i], left[i+1:]...)
			if found > 0 {
				pick = found
				out.decisions = append(out.decisions, d)
			}
			break
		}
		out.take(sys, pick, taken)
		if out.broke != nil {
			break
		}
	}
	out.unused = len(decisions) - len(out.decisions)
	out.history = sys.Fingerprint()
	return out
}

func (o *outcome) take(sys *search.System, pick int, taken map[string]int) {
	sys.Take(pick)
	for _, s := range sys.Trace() {
		taken[s.Event.Actor]++
	}
	if pick > 0 {
		o.chosen = append(o.chosen, len(o.steps))
	}
	o.steps = append(o.steps, sys.Trace()...)
	if v := sys.Violations(); len(v) > 0 {
		broke := v[0]
		o.broke = &broke
	}
}

// decisionsOf turns a run into decisions.
func decisionsOf(sys *search.System, schedule sim.Schedule) Decisions {
	sys.Reset()
	taken := map[string]int{}
	replay := sim.NewReplay(schedule)
	var all Decisions
	for {
		enabled := sys.Enabled()
		if len(enabled) == 0 {
			return all
		}
		i, err := replay.Choose(enabled)
		if err != nil {
			return all
		}
		if i != 0 {
			all = append(all, Decision{enabled[0].Actor, taken[enabled[0].Actor] + 1, enabled[i].String()})
		}
		sys.Take(i)
		for _, s := range sys.Trace() {
			taken[s.Event.Actor]++
		}
	}
}

// shrink finds few decisions that break the property: it leaves out more and more
// of the given ones, as long as what is left breaks it.
func shrink(sys *search.System, decisions Decisions, property string) outcome {
	best := play(sys, decisions)
	if best.property() != property {
		return best
	}
	for size := max(1, len(best.decisions)/2); ; size = max(1, size/2) {
		shrunk := false
		for from := 0; from < len(best.decisions); {
			rest := append(append(Decisions(nil), best.decisions[:from]...), best.decisions[min(from+size, len(best.decisions)):]...)
			if out := play(sys, rest); out.property() == property && len(out.decisions) < len(best.decisions) {
				best, shrunk = out, true
			} else {
				from += size
			}
		}
		if size == 1 && !shrunk {
			break
		}
	}
	if len(best.decisions) > 1 {
		for _, d := range alternatives(sys) {
			if out := play(sys, Decisions{d}); out.property() == property {
				return out
			}
		}
	}
	return play(sys, best.decisions)
}

// mostAlternatives is how many single decisions a shrink tries.
const mostAlternatives = 300

// alternatives are all decisions in the default run, one of which may be enough; none
// if there are too many to try.
func alternatives(sys *search.System) (all Decisions) {
	sys.Reset()
	taken := map[string]int{}
	for steps := 0; steps < mostSteps(sys) && len(sys.Enabled()) > 0; {
		enabled := sys.Enabled()
		for _, e := range enabled[1:] {
			all = append(all, Decision{enabled[0].Actor, taken[enabled[0].Actor] + 1, e.String()})
		}
		if len(all) > mostAlternatives {
			return nil
		}
		sys.Take(0)
		for _, s := range sys.Trace() {
			taken[s.Event.Actor]++
		}
		steps += len(sys.Trace())
		if len(sys.Violations()) > 0 {
			break
		}
	}
	return all
}
