package explore

import (
	"fmt"

	"racelab/sim"
)

// Part is what a part of a sample comes to, in numbers that add up. A program on
// another machine can make it, with Options.From, and hand it on as JSON; whoever has
// all parts has the whole, with Options.Parts.
type Part struct {
	Runs       int            `json:"runs"`
	Steps      int            `json:"steps"`
	Properties []PropertyPart `json:"properties"`
}

// PropertyPart is what a part says of one property.
type PropertyPart struct {
	Property string `json:"property"`
	Tested   bool   `json:"tested"`
	Bad      int    `json:"bad"`
	Seed     uint64 `json:"seed,omitempty"` // of the first run that broke it
}

// Part returns what the result of a sampler adds to a whole.
func (r *Result) Part() Part {
	p := Part{Runs: r.Runs, Steps: r.Steps}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		p.Properties = append(p.Properties, PropertyPart{v.Property, v.tested, v.Bad, v.Seed})
	}
	return p
}

// join adds parts up. What a property's first run did is found by taking that run
// again. The parts come in any order.
func (r *Result) join(o *Options, at *cursor, chooser func(seed uint64) sim.Chooser) error {
	for _, p := range o.Parts {
		r.Runs += p.Runs
		r.Steps += p.Steps
		for _, x := range p.Properties {
			if !r.judges(x.Property) {
				return fmt.Errorf("a part of the sample judges %q, which this model does not", x.Property)
			}
			v := r.Verdict(x.Property)
			v.tested = v.tested || x.Tested
			if x.Bad > 0 && (v.Bad == 0 || x.Seed < v.Seed) {
				v.Seed = x.Seed
			}
			v.Bad += x.Bad
		}
	}
	run := sampled{longest: o.Longest}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Bad == 0 {
			continue
		}
		run.run(at, chooser(v.Seed), len(r.Verdicts), r.index)
		f := run.broke[i]
		if f.err == nil {
			return fmt.Errorf("a part of the sample says that the run of seed %d breaks %s, and here it does not", v.Seed, v.Property)
		}
		v.Err, v.Endless, v.Schedule = f.err, f.endless, asSchedule(run.steps[:f.step])
	}
	return nil
}

func (r *Result) judges(property string) bool {
	for i := range r.Verdicts {
		if r.Verdicts[i].Property == property {
			return true
		}
	}
	return false
}
