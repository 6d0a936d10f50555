package sweeps

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Estimate is a number with the ends of its 95 % interval.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// String writes a number and the ends of its interval.
func (e Estimate) String() string {
	return fmt.Sprintf("%s [%s, %s]", Number(e.Value), Number(e.Low), Number(e.High))
}

// Times is a multiple of the estimate.
func (e Estimate) Times(factor float64) Estimate {
	return Estimate{e.Value * factor, e.Low * factor, e.High * factor}
}

// MedianOf is the median of the samples, and the interval that holds 95 % of
// them: from the 2.5 % to the 97.5 % quantile. It says how runs differ, not how
// well the median is known.
func MedianOf(samples []float64) Estimate {
	sorted := slices.Sorted(slices.Values(samples))
	quantile := func(p float64) float64 { return stat.Quantile(p, stat.LinInterp, sorted, nil) }
	middle := sorted[(len(sorted)-1)/2]/2 + sorted[len(sorted)/2]/2
	return Estimate{middle, quantile(0.025), quantile(0.975)}
}

// ShareOf is the share of the trials that were hits, each run with its own
// hits and trials, and the 95 % interval of that share.
//
// Runs are independent, trials within a run are not: a rewind makes the next
// one more or less likely. So the trials count for fewer than there are, by the
// factor by which the shares of the runs vary more than independent trials
// would; the interval is Wilson's for that many trials.
//
// Source: Wilson: Probable Inference (1927); Kish: Survey Sampling (1965),
// design effect.
func ShareOf(hits, trials []float64) Estimate {
	n, x := sum(trials), sum(hits)
	if n == 0 {
		return Estimate{0, 0, 1}
	}
	p := x / n
	effect := 1.0
	if k := float64(len(hits)); k > 1 && x > 0 && x < n {
		squares := 0.0
		for i := range hits {
			d := hits[i] - p*trials[i]
			squares += d * d
		}
		effect = max(1, k/(k-1)*squares/(n*p*(1-p)))
	}
	low, high := wilson(p, n/effect)
	return Estimate{p, low, high}
}

// wilson is the 95 % score interval of a share in n trials.
func wilson(p, n float64) (low, high float64) {
	const z = 1.959963984540054 // 97.5 % of the normal distribution lie below
	middle := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	low, high = (middle-half)/scale, (middle+half)/scale
	if p == 0 {
		low = 0 // It is, but for rounding.
	}
	if p == 1 {
		high = 1
	}
	return low, high
}

func sum(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total
}
