package sim

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Delay is how long something takes: always the same, or drawn from a
// distribution. Its zero value takes no time.
type Delay struct {
	shape   shape
	from    time.Duration // constant: the value; uniform: the least; exp: the mean; lognormal: the median; bimodal: mostly
	to      time.Duration // uniform: the most; bimodal: else
	sigma   float64       // lognormal
	share   float64       // bimodal: of those that are else
	samples []time.Duration
}

type shape uint8

const (
	constant shape = iota
	uniform
	exponential
	lognormal
	bimodal
	empirical
)

// Constant is a delay that is always the same.
func Constant(d time.Duration) Delay {
	if d < 0 {
		panic(fmt.Sprintf("sim: Constant(%v) is no delay: want 0 or more", d))
	}
	return Delay{from: d}
}

// Uniform is a delay of any time between two, each as likely as any other.
func Uniform(from, to time.Duration) Delay {
	if from < 0 || to < from {
		panic(fmt.Sprintf("sim: Uniform(%v, %v) has no delays: want 0 or more, and the lesser first", from, to))
	}
	return Delay{shape: uniform, from: from, to: to}
}

// Exponential is a delay with a mean, whose rest is as long however long it has
// lasted already: the time between events that come at random.
func Exponential(mean time.Duration) Delay {
	if mean < 0 {
		panic(fmt.Sprintf("sim: Exponential(%v) is no delay: want 0 or more", mean))
	}
	return Delay{shape: exponential, from: mean}
}

// Empirical is a delay that is one of the samples, each as likely as any other.
// There is at least one, and they are ascending.
func Empirical(samples []time.Duration) Delay {
	if len(samples) == 0 || !slices.IsSorted(samples) || samples[0] < 0 {
		panic(fmt.Sprintf("sim: Empirical(%v) has no delays: want one sample or more, ascending from 0", samples))
	}
	return Delay{shape: empirical, samples: samples}
}

// DelayForms is what ParseDelay understands.
const DelayForms = "3ms, uniform:1ms,5ms, exp:3ms, lognormal:3ms,0.5 (median, sigma), bimodal:3ms,50ms,0.1 (mostly, else, share of those) or empirical:1ms,2ms,... (ascending)"

// ParseDelay reads a delay as String prints it: "3ms", "uniform:1ms,5ms",
// "exp:3ms" by its mean, "lognormal:3ms,0.5" by its median and the sigma of its
// logarithm, "bimodal:3ms,50ms,0.1" for 3 ms but in a tenth of the cases,
// "empirical:1ms,2ms,2ms", each sample as likely as any other.
func ParseDelay(text string) (Delay, error) {
	refuse := func(why string) (Delay, error) {
		return Delay{}, fmt.Errorf("delay %.60q %s; want %s", text, why, DelayForms)
	}
	name, rest, named := strings.Cut(text, ":")
	if !named {
		name, rest = "", text
	}
	arguments := strings.Split(rest, ",")
	numbers := map[string]struct {
		at   int // among the arguments, the last one
		what string
		most float64
	}{"lognormal": {1, "sigma", 10}, "bimodal": {2, "share", 1}}
	var number float64
	if n, ok := numbers[name]; ok && len(arguments) == n.at+1 {
		var err error
		number, err = strconv.ParseFloat(arguments[n.at], 64)
		if err != nil || !(number >= 0 && number <= n.most) {
			return refuse(fmt.Sprintf("has %s %.20q, want 0 to %v", n.what, arguments[n.at], n.most))
		}
		arguments = arguments[:n.at]
	} else if ok {
		return refuse("is none that there is")
	}
	var times []time.Duration
	for _, argument := range arguments {
		d, err := time.ParseDuration(argument)
		if err != nil {
			return refuse(fmt.Sprintf("has %.20q where a duration belongs", argument))
		}
		if d < 0 || d > maxDelay {
			return refuse(fmt.Sprintf("has %v, want 0s to %v", d, maxDelay))
		}
		times = append(times, d)
	}
	switch {
	case name == "" && len(times) == 1:
		return Constant(times[0]), nil
	case name == "uniform" && len(times) == 2 && times[0] <= times[1]:
		return Uniform(times[0], times[1]), nil
	case name == "exp" && len(times) == 1:
		return Delay{shape: exponential, from: times[0]}, nil
	case name == "lognormal":
		return Delay{shape: lognormal, from: times[0], sigma: number}, nil
	case name == "bimodal":
		return Delay{shape: bimodal, from: times[0], to: times[1], share: number}, nil
	case name == "empirical" && slices.IsSorted(times):
		return Empirical(times), nil
	}
	return refuse("is none that there is")
}

// maxDelay bounds every delay, so that a run's time never overflows.
const maxDelay = 1000 * time.Hour

// Map returns the delay with each of its times replaced by f of it. f must keep
// their order. The sigma of a lognormal delay and the share of a bimodal one stay.
func (d Delay) Map(f func(time.Duration) time.Duration) Delay {
	d.from, d.to = f(d.from), f(d.to)
	samples := slices.Clone(d.samples)
	for i := range samples {
		samples[i] = f(samples[i])
	}
	d.samples = samples
	return d
}

func (d Delay) String() string {
	switch d.shape {
	case uniform:
		return fmt.Sprintf("uniform:%v,%v", d.from, d.to)
	case exponential:
		return fmt.Sprintf("exp:%v", d.from)
	case lognormal:
		return fmt.Sprintf("lognormal:%v,%v", d.from, d.sigma)
	case bimodal:
		return fmt.Sprintf("bimodal:%v,%v,%v", d.from, d.to, d.share)
	case empirical:
		var list []string
		for _, sample := range d.samples {
			list = append(list, sample.String())
		}
		return "empirical:" + strings.Join(list, ",")
	}
	return d.from.String()
}

// Draw draws a delay. One that is always the same draws nothing.
func (d *Delay) Draw(r *Random) time.Duration {
	switch d.shape {
	case uniform:
		return d.from + time.Duration(r.below(uint64(d.to-d.from)+1))
	case exponential:
		return nanoseconds(-float64(d.from) * math.Log(r.float()))
	case lognormal:
		// Not math.Exp: on amd64 its last bit depends on whether the machine
		// has fused multiply-add, and a run must be the same on all of them.
		return nanoseconds(float64(d.from) * math.Exp2(d.sigma*math.Log2E*r.normal()))
	case bimodal:
		if r.float() < d.share {
			return d.to
		}
	case empirical:
		return d.samples[r.below(uint64(len(d.samples)))]
	}
	return d.from
}

func nanoseconds(x float64) time.Duration {
	return time.Duration(min(x+0.5, float64(maxDelay)))
}

// Random is a sequence of random numbers, for a node or a program that draws
// delays: a function of a seed, a source and how many were drawn before. Each source
// has a sequence of its own, so that what one draws does not shift what the others
// get, and two variants under one seed meet the same delays. A process that begins
// anew goes on drawing where it was: chance has no memory that a crash could take.
//
// Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators
// (OOPSLA 2014), SplitMix64.
type Random struct {
	key   uint64 `sim:"config"`
	count uint64
}

// NewRandom returns the random numbers of a source, any text, under a seed.
func NewRandom(seed uint64, source string) Random {
	return Random{key: scramble(mixString(mix(0, seed), source))}
}

func (r *Random) next() uint64 {
	r.count++
	return scramble(r.key + r.count*0x9e3779b97f4a7c15)
}

// float is above 0 and below 1.
func (r *Random) float() float64 { return (float64(r.next()>>12) + 0.5) / (1 << 52) }

// below is a number from 0 to n-1. For the small n of a delay, that some are
// more likely than others by n/2^64 shows nowhere.
func (r *Random) below(n uint64) uint64 { return r.next() % n }

// normal has mean 0 and standard deviation 1.
func (r *Random) normal() float64 { return math.Sqrt2 * math.Erfinv(2*r.float()-1) }
