package released

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/bubble"
	"racelab/witness/experiment"
)

var (
	asked  = flag.String("question", "", "an experiment.Question, as JSON")
	answer = flag.String("answer", "", "the file for the experiment.Answer")
)

// TestDriver is no test: it answers the command. One processor, so that what
// several goroutines do within a step happens in the same order in most runs.
func TestDriver(t *testing.T) {
	if *asked == "" {
		t.Skip("nothing is asked; the command asks: go -C witness run ./cmd/locks sarama@v1.43.2 rewind")
	}
	runtime.GOMAXPROCS(1)
	var q experiment.Question
	must(json.Unmarshal([]byte(*asked), &q))
	content, err := json.Marshal(reply(t, q))
	must(err)
	must(os.WriteFile(*answer, content, 0o666))
}

func reply(t *testing.T, q experiment.Question) *experiment.Answer {
	e, err := experiment.Find(q.Experiment)
	if err != nil {
		return &experiment.Answer{Fault: err.Error()}
	}
	sys := bubble.New(t, OffsetCommit(e))
	defer sys.Close()
	if q.Schedule == "" {
		return search(sys, q)
	}
	schedule, err := sim.ParseSchedule(q.Schedule)
	if err != nil {
		return &experiment.Answer{Fault: err.Error()}
	}
	return &experiment.Answer{Replay: repeat(sys, schedule)}
}

func search(sys *bubble.System, q experiment.Question) *experiment.Answer {
	o := explore.Options{Limit: q.Runs, First: q.First}
	var r *explore.Result
	var err error
	switch q.Strategy {
	case "pct":
		r, err = explore.PCT(sys, q.Seed, q.Depth, o)
	case "uniform":
		r, err = explore.Uniform(sys, q.Seed, o)
	default:
		r, err = explore.Walks(sys, q.Seed, o)
	}
	if err != nil {
		return &experiment.Answer{Fault: err.Error()}
	}
	a := &experiment.Answer{Explored: r.Explored()}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		is := experiment.Verdict{Property: v.Property, Outcome: string(v.Outcome), Sentence: v.Sentence(r)}
		if v.Outcome == explore.Broken {
			found(sys, r, v, &is)
		}
		a.Verdicts = append(a.Verdicts, is)
	}
	return a
}

// found makes the schedule of a break short and sees whether it repeats. One
// that never does is no result.
func found(sys *bubble.System, r *explore.Result, v *explore.Verdict, is *experiment.Verdict) {
	is.Found = fmt.Sprintf("%d of %d runs break it, seed %d first", v.Bad, r.Runs, v.Seed)
	if v.Property == explore.EndsWhenFair {
		return // It has no schedule; the seed is what finds it again.
	}
	short := explore.Shrink(sys, v.Schedule, v.Property, 0)
	if short.Err != nil {
		is.Sentence = short.Err.Error()
		is.Found += fmt.Sprintf("; its %d steps shrunk to %d", len(v.Schedule), len(short.Schedule))
	}
	is.Schedule = short.Schedule.String()
	var explained sim.Explained
	if errors.As(cmp.Or(short.Err, v.Err), &explained) {
		is.Meaning = explained.Meaning()
	}
	again := repeat(sys, short.Schedule)
	is.Again = again.Again
	if !slices.Contains(again.Broke(), experiment.Broken{Property: v.Property, Sentence: is.Sentence}) {
		is.Outcome = experiment.Differs
	}
}

// tries is how often a schedule is run again to see whether it does the same.
const tries = 100

// repeat runs a schedule again and again. What counts is the first run that
// breaks something; else the first that takes all the steps.
func repeat(sys *bubble.System, schedule sim.Schedule) *experiment.Replay {
	var runs []*experiment.Replay
	var counts *experiment.Replay
	for range tries {
		r := replay(sys, schedule)
		runs = append(runs, r)
		if counts == nil || r.Differs == "" && (counts.Differs != "" || counts.Broke() == nil && r.Broke() != nil) {
			counts = r
		}
	}
	for _, r := range runs {
		switch {
		case r.Differs != "":
			counts.Again.Count(r.Differs)
		case !slices.Equal(r.Broke(), counts.Broke()):
			counts.Again.Count(fmt.Sprintf("the same steps broke %v", r.Broke()))
		default:
			counts.Again.Count("")
		}
	}
	return counts
}

// replay takes the events of a schedule one by one, as long as they fit.
func replay(sys *bubble.System, schedule sim.Schedule) *experiment.Replay {
	r := &experiment.Replay{}
	chooser := sim.NewReplay(schedule)
	sys.Reset()
	for _, event := range schedule {
		i, err := chooser.Choose(sys.Enabled())
		if err != nil {
			r.Differs = err.Error()
			return r
		}
		sys.Take(i)
		step := experiment.Step{Event: event.String(), Notes: sys.Notes()}
		for _, v := range sys.Violations() {
			step.Broke = append(step.Broke, experiment.Broken{Property: v.Property, Sentence: v.Err.Error()})
		}
		r.Steps = append(r.Steps, step)
	}
	return r
}
