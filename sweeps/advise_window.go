package sweeps

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"racelab/sim"
)

// Windows are how long transactions of a cluster take from Prepare to Complete:
// measured there, or drawn from a distribution.
type Windows struct {
	Source   string // "windows.csv", "lognormal:3ms,0.5"
	Measured bool
	Unpaired int // of a broker's log: transitions without the other end of their window

	// samples are ascending; draws of a distribution, with which its quantiles
	// are told.
	samples []time.Duration
}

// What is refused as no window, and as too much.
const (
	maxWindow     = time.Hour
	maxMeanWindow = 10 * time.Second
	maxWindows    = 1_000_000
	maxLine       = 64 << 10
	windowDraws   = 100_000
)

// WindowsOf are windows that are distributed as sim.ParseDelay reads it.
func WindowsOf(distribution string) (*Windows, error) {
	delay, err := sim.ParseDelay(distribution)
	if err != nil {
		return nil, err
	}
	w := &Windows{Source: distribution}
	draws := sim.NewDraws(0, "windows")
	for range windowDraws {
		w.samples = append(w.samples, delay.Draw(&draws))
	}
	return w, w.complete()
}

// ReadWindows reads one column of milliseconds: a number a line, of which the
// first may be a header.
//
// Errors: what is no window is told with its line, as "name, line 3: ...".
func ReadWindows(r io.Reader, name string) (*Windows, error) {
	w := &Windows{Source: name, Measured: true}
	err := eachLine(r, name, func(number int, line string, whole bool) error {
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		text := strings.Trim(line, "\" \t\v\f")
		switch {
		case !whole:
			return fmt.Errorf("is longer than %d KiB; want a number of milliseconds", maxLine>>10)
		case text == "":
			return nil
		case number == 1 && isHeader(text):
			return refuseHeader(text)
		}
		ms, err := parseMilliseconds(text)
		if err != nil {
			return err
		}
		return w.add(ms)
	})
	if err != nil {
		return nil, err
	}
	if len(w.samples) == 0 {
		return nil, fmt.Errorf("%s has no window; want one column of milliseconds", name)
	}
	return w, w.complete()
}

// isHeader says whether the first line names its column. A line that begins as
// a number does is meant as one.
func isHeader(text string) bool { return !strings.ContainsRune("0123456789+-.,", rune(text[0])) }

// refuseHeader refuses a header of more than a column, or of another unit.
func refuseHeader(text string) error {
	if strings.ContainsAny(text, ",;\t") {
		return fmt.Errorf("has several columns in %.60q; want one, of milliseconds", text)
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" _-()[]/.", r) }) {
		switch word {
		case "s", "sec", "secs", "second", "seconds", "us", "µs", "μs", "micros", "microseconds", "ns", "nanos", "nanoseconds", "min", "minutes":
			return fmt.Errorf("has a header, %.60q, that says %s; want milliseconds", text, word)
		case "nan", "inf", "infinity":
			return fmt.Errorf("has %.60q where a number of milliseconds belongs", text)
		}
	}
	return nil
}

// parseMilliseconds reads a plain decimal number. Go's own syntax has more (hex,
// underscores, infinities) that no measurement means.
func parseMilliseconds(text string) (float64, error) {
	if number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµμ "); number != text && number != "" {
		if _, err := parseMilliseconds(number); err == nil {
			return 0, fmt.Errorf("has a unit in %.60q; want a plain number of milliseconds in every line", text)
		}
	}
	if strings.ContainsAny(text, ",;\t") {
		return 0, fmt.Errorf("has several columns in %.60q; want one, of milliseconds", text)
	}
	ms, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, fmt.Errorf("has %.60q where a number of milliseconds belongs", text)
	}
	return ms, nil
}

// add takes a window in milliseconds.
func (w *Windows) add(ms float64) error {
	switch most := maxWindow.Seconds() * 1000; {
	case ms < 0:
		return fmt.Errorf("has a window of %.6g ms; want none below 0", ms)
	case ms > most:
		return fmt.Errorf("has a window of %.6g ms; want at most %.0f, which is %v", ms, most, maxWindow)
	case len(w.samples) == maxWindows:
		return fmt.Errorf("is window %d; want at most %d", maxWindows+1, maxWindows)
	}
	w.samples = append(w.samples, time.Duration(math.Round(ms*float64(time.Millisecond))))
	return nil
}

// complete sorts the windows. It refuses those that are so long that no client
// tries again at such a pace, nor a run ends.
func (w *Windows) complete() error {
	slices.Sort(w.samples)
	if mean := w.Mean(); mean > maxMeanWindow {
		return fmt.Errorf("%.60s: the windows are %v on average; beyond %v no backoff helps, the transactions hang", w.Source, rounded(mean), maxMeanWindow)
	}
	return nil
}

// eachLine hands over the lines of a file with their numbers, from 1. Of a line
// that is too long it hands over the beginning. An error of what takes them is
// told with the line.
func eachLine(r io.Reader, name string, take func(number int, line string, whole bool) error) error {
	b := bufio.NewReaderSize(r, maxLine)
	for number := 1; ; number++ {
		line, err := b.ReadSlice('\n')
		text, whole := string(line), !errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = b.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return plain(err)
		}
		if err != nil && text == "" {
			return nil
		}
		if bad := take(number, strings.TrimRight(text, "\r\n"), whole); bad != nil {
			return fmt.Errorf("%s, line %d: %w", name, number, bad)
		}
		if err != nil {
			return nil
		}
	}
}

// Count is how many were measured.
func (w *Windows) Count() int { return len(w.samples) }

// Quantile is what a share of the windows does not exceed.
func (w *Windows) Quantile(p float64) time.Duration {
	return w.samples[min(len(w.samples)-1, int(p*float64(len(w.samples))))]
}

// Longer is the share of the windows that are longer than that.
func (w *Windows) Longer(d time.Duration) float64 {
	at, _ := slices.BinarySearch(w.samples, d+1)
	return float64(len(w.samples)-at) / float64(len(w.samples))
}

// Mean is the mean of the windows.
func (w *Windows) Mean() time.Duration {
	total := 0.0 // The sum may be more than a Duration holds.
	for _, d := range w.samples {
		total += float64(d)
	}
	return time.Duration(total / float64(len(w.samples)))
}

// String is what a picture calls them.
func (w *Windows) String() string {
	if !w.Measured {
		return w.Source
	}
	return fmt.Sprintf("%s of %s", Number(float64(len(w.samples))), w.Source)
}

// resampled is how many windows a cluster has that is like the measured one.
const resampled = 1000

// another is the windows of a cluster like this one, or of this one on another
// day: as many drawn from those measured, and all stretched or shrunk, by up to a
// quarter. The seeds spread the factors evenly, however many there are. Windows
// between two times that were cut off to milliseconds, as those of a log, are
// known to a millisecond either way, and are drawn from there.
//
// What a setting gains by fitting the very windows that were measured, as a
// backoff of 2 ms fits windows of exactly 3, it does not gain there.
func (w *Windows) another(seed uint64) string {
	stretch := func(d time.Duration) time.Duration {
		return (d * time.Duration(768+(seed*0x9e3779b97f4a7c15)>>55) / 1024).Round(time.Microsecond)
	}
	if w.Measured {
		measured, draws := sim.Empirical(w.samples), sim.NewDraws(seed, "windows of another cluster")
		cut := sim.Constant(0)
		if !slices.ContainsFunc(w.samples, func(d time.Duration) bool { return d%time.Millisecond != 0 }) {
			cut = sim.Uniform(0, time.Millisecond)
		}
		var windows []time.Duration
		for range min(len(w.samples), resampled) {
			d := measured.Draw(&draws) + cut.Draw(&draws) - cut.Draw(&draws)
			windows = append(windows, stretch(max(d, 0)))
		}
		slices.Sort(windows)
		return sim.Empirical(windows).String()
	}
	name, rest, named := strings.Cut(w.Source, ":")
	if !named {
		name, rest = "", w.Source
	}
	arguments := strings.Split(rest, ",")
	for i, argument := range arguments {
		// A number without a unit, as sigma or a share, is no duration, but 0 is.
		if d, err := time.ParseDuration(argument); err == nil && d > 0 {
			arguments[i] = stretch(d).String()
		}
	}
	return strings.TrimPrefix(name+":"+strings.Join(arguments, ","), ":")
}

// rounded keeps three digits of a duration.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
