package figures

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

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

// logarithmic marks an axis at 1, 2 and 5 times the powers of ten. Where the labels of
// all would meet, it labels the powers only, or every second, third, ... power.
type logarithmic struct {
	length vg.Length                    // of the axis
	size   func(label string) vg.Length // along the axis
	zero   bool                         // stands at the foot
}

func (l logarithmic) Ticks(least, most float64) []plot.Tick {
	from, to := int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most)))
	for every := 0; ; every++ {
		var ticks []plot.Tick
		if l.zero {
			ticks = append(ticks, plot.Tick{Value: least, Label: "0"})
		}
		for power := from; power <= to; power++ {
			for _, factor := range []float64{1, 2, 5} {
				value := factor * math.Pow10(power)
				if value < least*(1-1e-9) || value > most*(1+1e-9) || l.zero && value < least*1.9 {
					continue
				}
				mark := plot.Tick{Value: value}
				if every == 0 || factor == 1 && power%every == 0 {
					mark.Label = sweeps.Number(value)
				}
				ticks = append(ticks, mark)
			}
		}
		if every > to-from || !l.meet(ticks, least, most) {
			return ticks
		}
	}
}

// meet says whether two labels do.
func (l logarithmic) meet(ticks []plot.Tick, least, most float64) bool {
	end := vg.Length(math.Inf(-1))
	for _, mark := range ticks {
		if mark.Label == "" {
			continue
		}
		at, half := l.length*vg.Length(math.Log(mark.Value/least)/math.Log(most/least)), l.size(mark.Label)/2
		if at-half < end {
			return true
		}
		end = at + half
	}
	return false
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
