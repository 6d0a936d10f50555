package figures

import (
	"math"

	"gonum.org/v1/plot"

	"racelab/sweeps"
)

// linear marks an axis in steps of 1, 2 or 5 times a power of ten, about as
// often as it says.
type linear int

func (n linear) Ticks(least, most float64) []plot.Tick {
	rough := (most - least) / float64(n)
	power := math.Pow10(int(math.Floor(math.Log10(rough))))
	step := 10 * power
	for _, factor := range []float64{5, 2, 1} {
		if factor*power >= rough*0.8 {
			step = factor * power
		}
	}
	var ticks []plot.Tick
	for k := math.Ceil(least/step - 1e-9); k*step <= most*(1+1e-9); k++ {
		ticks = append(ticks, plot.Tick{Value: k * step, Label: sweeps.Number(k * step)})
	}
	return ticks
}

// logarithmic marks an axis at 1, 2 and 5 times the powers of ten; where there
// is room for fewer labels, at the powers only.
type logarithmic struct{ room float64 }

func (l logarithmic) Ticks(least, most float64) []plot.Tick {
	var ticks []plot.Tick
	from, to := int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most)))
	for power := from; power <= to; power++ {
		for _, factor := range []float64{1, 2, 5} {
			value := factor * math.Pow10(power)
			if value >= least*(1-1e-9) && value <= most*(1+1e-9) {
				ticks = append(ticks, plot.Tick{Value: value, Label: sweeps.Number(value)})
			}
		}
	}
	if float64(len(ticks)) <= l.room {
		return ticks
	}
	for i := range ticks {
		if power := math.Log10(ticks[i].Value); math.Abs(power-math.Round(power)) > 1e-9 {
			ticks[i].Label = ""
		}
	}
	return ticks
}

// words marks an axis by their names.
type words []string

func (w words) Ticks(_, _ float64) []plot.Tick {
	var ticks []plot.Tick
	for i, word := range w {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: word})
	}
	return ticks
}
