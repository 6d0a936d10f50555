package scenarios_test

import (
	"math"
	"slices"
	"testing"

	"racelab/scenario"
	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// system is a scenario's unfixed variant in a setting, or the defaults, with changes to that.
func system(b *testing.B, scenario, setting string, changes ...string) *explore.Worlds {
	b.Helper()
	r, err := scenarios.Find(scenario)
	if err != nil {
		b.Fatal(err)
	}
	c, err := r.Case("", setting, changes...)
	if err != nil {
		b.Fatal(err)
	}
	sys, err := c.System()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(sys.Close)
	return sys
}

// BenchmarkSchedules runs whole schedules of stale-snapshot 2x2 (six steps), one
// by one: as a sampler does, and with a fingerprint of each state.
func BenchmarkSchedules(b *testing.B) {
	for _, fingerprints := range []bool{false, true} {
		b.Run(map[bool]string{false: "bare", true: "fingerprints"}[fingerprints], func(b *testing.B) {
			sys := system(b, "stale-snapshot", "")
			walk := sim.NewWalk(1)
			b.ReportAllocs()
			for b.Loop() {
				sys.Reset()
				for len(sys.Enabled()) > 0 {
					i, _ := walk.Choose(sys.Enabled())
					sys.Take(i)
					if fingerprints {
						sys.Fingerprint()
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "schedules/s")
		})
	}
}

// BenchmarkExhaustive is stale-snapshot with four committers and two marks:
// 1,944 happens-before classes.
func BenchmarkExhaustive(b *testing.B) {
	sys := system(b, "stale-snapshot", "", "committers=4", "marks=2")
	for b.Loop() {
		if r := simtest.Must(explore.Exhaustive(sys, explore.Options{Limit: 1 << 30})); r.Runs != 1944 || r.Redundant != 0 {
			b.Fatalf("%d classes, %d redundant runs", r.Runs, r.Redundant)
		}
	}
	b.ReportMetric(1944*float64(b.N)/b.Elapsed().Seconds(), "classes/s")
}

// BenchmarkStates visits the 2,029,587 states of stale-snapshot with three
// committers of four commits each and six marks.
func BenchmarkStates(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(map[int]string{1: "one worker", 2: "two workers"}[workers], func(b *testing.B) {
			sys := system(b, "stale-snapshot", "", "committers=3", "marks=6", "commits=4")
			for b.Loop() {
				r := simtest.Must(explore.States(sys, explore.Options{Limit: 1 << 24, Workers: workers}))
				if r.States != 2_029_587 || r.Transitions != 6_485_835 {
					b.Fatalf("%d states, %d transitions", r.States, r.Transitions)
				}
			}
			b.ReportMetric(2_029_587*float64(b.N)/b.Elapsed().Seconds(), "states/s")
		})
	}
}

// BenchmarkUniform samples stale-snapshot 2x2 and reports the share of runs
// that find the fall; 10 of its 90 interleavings do.
func BenchmarkUniform(b *testing.B) {
	sys := system(b, "stale-snapshot", "")
	share := 0.0
	for b.Loop() {
		r := simtest.Must(explore.Uniform(sys, 1, explore.Options{Limit: 10_000, Workers: 1}))
		share = float64(r.Verdicts[0].Bad) / float64(r.Runs)
	}
	b.ReportMetric(100*share, "%found")
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}

// BenchmarkScenario plays each scenario's default run, without looking at it.
func BenchmarkScenario(b *testing.B) {
	for _, s := range scenarios.All() {
		b.Run(s.Name, func(b *testing.B) {
			sys := system(b, s.Name, "")
			walk := sim.NewWalk(1)
			steps := 0
			b.ReportAllocs()
			for b.Loop() {
				sys.Reset()
				for ; len(sys.Enabled()) > 0; steps++ {
					i, _ := walk.Choose(sys.Enabled())
					sys.Take(i)
				}
			}
			b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// BenchmarkFirstBreak is how many runs a sampler takes until one breaks the first claim
// of a race that its first variant breaks, in the median: of the share of runs that do,
// and no time. Runs of feedback depend on each other: there it is the median of seven
// searches.
func BenchmarkFirstBreak(b *testing.B) {
	const least, most = 1 << 10, 1 << 13
	samplers := []struct {
		name   string
		sample func(sys explore.System, o explore.Options) (*explore.Result, error)
	}{
		{"pct", func(sys explore.System, o explore.Options) (*explore.Result, error) {
			return explore.PCT(sys, 1, 3, o)
		}},
		{"pos", func(sys explore.System, o explore.Options) (*explore.Result, error) { return explore.POS(sys, 1, o) }},
		{"uniform", func(sys explore.System, o explore.Options) (*explore.Result, error) {
			return explore.Uniform(sys, 1, o)
		}},
		{"walk", func(sys explore.System, o explore.Options) (*explore.Result, error) {
			return explore.Walks(sys, 1, o)
		}},
	}
	for _, r := range scenarios.All() {
		breaks := func(c scenario.RaceClaim) bool {
			return r.Expected(r.Variants[0].Name, c.Name, r.Settings[0].Name).Breaks()
		}
		claim := r.Claims[max(0, slices.IndexFunc(r.Claims, breaks))].Name
		for _, s := range samplers {
			b.Run(r.Name+"/"+s.name, func(b *testing.B) {
				sys := system(b, r.Name, r.Settings[0].Name)
				share := 0.0
				for runs := least; share == 0 && runs <= most; runs *= 8 {
					result := simtest.Must(s.sample(sys, explore.Options{Limit: runs, Again: true}))
					share = float64(result.Verdict(claim).Bad) / float64(runs)
				}
				b.ReportMetric(0, "ns/op")
				if share > 0 {
					b.ReportMetric(max(1, math.Ceil(math.Log(0.5)/math.Log1p(-share))), "runs")
				}
			})
		}
		b.Run(r.Name+"/feedback", func(b *testing.B) {
			sys := system(b, r.Name, r.Settings[0].Name)
			var runs []uint64
			for i := range uint64(7) {
				seed, broken := 1+i<<32, false
				result := simtest.Must(explore.Feedback(sys, seed, explore.Options{Limit: most, Again: true,
					Progress: func(so *explore.Result) { broken = so.Verdict(claim).Bad > 0 },
					Stop:     func() bool { return broken }}))
				if v := result.Verdict(claim); v.Bad > 0 {
					runs = append(runs, v.Seed-seed+1)
				}
			}
			slices.Sort(runs)
			b.ReportMetric(0, "ns/op")
			if len(runs) > 3 {
				b.ReportMetric(float64(runs[3]), "runs")
			}
		})
	}
}
