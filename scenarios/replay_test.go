package scenarios_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"racelab/scenario"
	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/trace"
)

var (
	replaySettings = flag.Int("replay-settings", 2, "how many settings at random TestReplay plays of each variant, beside the race's own")
	replayRuns     = flag.Int("replay-runs", 2, "how many runs of each TestReplay plays")
	replaySteps    = flag.Int("replay-steps", 500, "how many steps of a run TestReplay plays at most")
	replayMost     = flag.Int("replay-most", 100, "the largest number that TestReplay draws where a parameter's least is below: large worlds take long to build")
	replaySeed     = flag.Uint64("replay-seed", 0, "the seed of TestReplay's settings and runs")
)

// Goal: whatever run of whatever setting, its schedule as text is this run and no other.
//
// Method: of each variant, in the race's settings and in some that are drawn, a few runs
// at random. The schedule of each is written, read, and played in another world, where
// it comes to the same steps, breaks and state. On the way no two events that may come
// next have one name.
func TestReplay(t *testing.T) {
	for _, r := range scenarios.All() {
		t.Run(r.Name, func(t *testing.T) {
			for _, variant := range r.VariantNames() {
				for _, c := range settingsOf(t, r, variant) {
					for i := range *replayRuns {
						seed := *replaySeed + uint64(i)
						if err := replays(c, seed); err != nil {
							t.Errorf("%s --seed %d: %v", c.Command("run"), seed, err)
							break
						}
					}
				}
			}
		})
	}
}

// settingsOf are the settings of the race, and some that are drawn.
func settingsOf(t *testing.T, r *scenario.Race, variant string) []*scenario.Case {
	var cases []*scenario.Case
	for _, setting := range r.SettingNames() {
		c, err := r.Case(variant, setting)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	name := fnv.New64a()
	fmt.Fprint(name, r.Name, "/", variant)
	random := rand.New(rand.NewPCG(*replaySeed, name.Sum64()))
	for drawn, tries := 0, 0; drawn < *replaySettings && len(r.Parameters) > 0; tries++ {
		if tries == 1000 {
			t.Errorf("%s/%s: no settings among 1,000 drawn ones that are possible", r.Name, variant)
			break
		}
		if c, err := r.Case(variant, "", draw(random, r.Parameters, *replayMost)...); err == nil {
			cases = append(cases, c)
			drawn++
		}
	}
	return cases
}

// draw gives each third parameter a value, at the ends more often than between them; the
// end of a range is most, if the range goes on.
func draw(random *rand.Rand, parameters []scenario.Parameter, most int) (settings []string) {
	for _, p := range parameters {
		if random.IntN(3) > 0 {
			continue
		}
		var values []string
		switch takes := p.Takes.(type) {
		case scenario.Numbers:
			end := max(takes.Min, min(takes.Max, most))
			for _, n := range []int{takes.Min, end, takes.Min + random.IntN(end-takes.Min+1)} {
				values = append(values, fmt.Sprint(n))
			}
		case scenario.Words:
			values = takes
		case scenario.Durations:
			values = []string{"0s", "1ms", "1h"}
		case scenario.Delays:
			values = []string{"0s", "1ms", "uniform:1ms,20ms", "exp:5ms"}
		default:
			panic(fmt.Sprintf("draw a %T: it is new", takes))
		}
		settings = append(settings, p.Name+"="+values[random.IntN(len(values))])
	}
	return settings
}

// replays plays a run, and its schedule again. The error says what differs.
func replays(c *scenario.Case, seed uint64) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	run, schedule, err := playedAs(c, &shortened{sim.NewWalk(seed), *replaySteps})
	if err != nil {
		return err
	}
	read, err := sim.ParseSchedule(schedule.Lines())
	if err != nil {
		return err
	}
	again, _, err := playedAs(c, sim.NewReplay(read))
	if err != nil {
		return fmt.Errorf("its schedule: %w", err)
	}
	if again != run {
		return fmt.Errorf("its schedule is another run: %s, and was\n%s", again, run)
	}
	return nil
}

// playedAs is a run as text: its steps, what they change and break, and the last state.
func playedAs(c *scenario.Case, chooser sim.Chooser) (string, sim.Schedule, error) {
	w := c.World()
	defer w.Close()
	log := trace.Record(w)
	if _, err := sim.Run(w, chooser); err != nil {
		return "", nil, err
	}
	var b strings.Builder
	for _, step := range log.Steps {
		for i, e := range step.Enabled {
			if slices.ContainsFunc(step.Enabled[:i], func(other sim.Event) bool { return other.String() == e.String() }) {
				return "", nil, fmt.Errorf("two events are called %q", e)
			}
		}
		fmt.Fprintln(&b, step.Step, step.Changes, step.Broke)
	}
	fmt.Fprintf(&b, "%x", explore.Of(w).Fingerprint())
	return b.String(), log.Schedule, nil
}

// shortened ends a run after some steps.
type shortened struct {
	sim.Chooser
	left int
}

func (s *shortened) Choose(enabled []sim.Event) (int, error) {
	if s.left == 0 {
		return 0, sim.ErrScheduleEnds
	}
	s.left--
	return s.Chooser.Choose(enabled)
}
