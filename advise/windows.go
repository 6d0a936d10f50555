package advise

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
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
	Unpaired int  // of a broker's log: transitions without the other end of their window
	Retries  bool // they are a client's retries: each is known to half a backoff

	delay   sim.Delay       // what a window is drawn from
	samples []time.Duration // ascending; draws of a distribution, with which its quantiles are told
}

// What is refused as no window, as too much, and as too little.
const (
	maxWindow     = time.Hour
	maxMeanWindow = 10 * time.Second
	maxWindows    = 1_000_000
	leastWindows  = 20
	maxLine       = 64 << 10
	windowDraws   = 100_000
)

// A column of milliseconds whose median lies outside is doubted: it may well be
// of seconds or of microseconds.
const (
	leastMedian = 100 * time.Microsecond
	mostMedian  = time.Second
)

// units are what a column may be in.
var units = map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "us": time.Microsecond, "ns": time.Nanosecond}

// WindowsOf are windows that are distributed as sim.ParseDelay reads it.
func WindowsOf(distribution string) (*Windows, error) {
	delay, err := sim.ParseDelay(distribution)
	if err != nil {
		return nil, err
	}
	w := &Windows{Source: distribution, delay: delay}
	draws := sim.NewRandom(0, "windows")
	for range windowDraws {
		w.samples = append(w.samples, delay.Draw(&draws))
	}
	return w, w.complete()
}

// isLog finds what numbers are not: the level of a line, or what brokers and
// clients say.
var isLog = regexp.MustCompile(`\b(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b|TransactionalId |retrying after `)

// isClientLog finds what only a producer says.
var isClientLog = regexp.MustCompile(`txnmgr/add-partition-to-txn retrying after `)

// Read reads the windows from a file: a column of numbers, the log of a transaction
// coordinator, or that of a producer of Sarama. Which it is, its first 64 KiB say.
//
// A column has a number a line; the first line may be a header. The unit is "ms",
// "s", "us" or "ns"; if it is empty, that of the header ("window_us"), or else
// milliseconds. Of a log it reads the DEBUG lines of the logger
// kafka.coordinator.transaction.TransactionMetadata, as text or JSON, with
// times in milliseconds or finer.
//
// Errors: what is no window is told with its line, as "name, line 3: ..."; fewer
// than 20 windows; windows that nobody says are milliseconds, and no cluster has;
// a log without windows, or with a clock that goes back.
func Read(r io.Reader, name, unit string) (*Windows, error) {
	b := bufio.NewReaderSize(r, maxLine)
	begin, err := b.Peek(maxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	w := &Windows{Source: name, Measured: true}
	switch {
	case !isLog.Match(begin):
		err = w.readColumn(b, unit)
	case unit != "":
		err = fmt.Errorf("%s is a log, whose times have their unit; want no --unit", name)
	case isClientLog.Match(begin):
		err = w.readClientLog(b)
	default:
		err = w.readBrokerLog(b)
	}
	if err != nil {
		return nil, err
	}
	return w, w.complete()
}

// readColumn reads a column of numbers.
func (w *Windows) readColumn(r io.Reader, unit string) error {
	if unit != "" && units[unit] == 0 {
		return fmt.Errorf("there is no unit %.60q; there is ms, s, us, ns", unit)
	}
	said := unit
	err := eachLine(r, w.Source, func(number int, line string, whole bool) (err error) {
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		text := strings.Trim(line, "\" \t\v\f")
		switch {
		case !whole:
			return fmt.Errorf("is longer than %d KiB; want a number", maxLine>>10)
		case text == "":
			return nil
		case number == 1 && isHeader(text):
			said, err = unitOf(text, unit)
			return err
		}
		x, err := parseNumber(text)
		if err != nil {
			return err
		}
		return w.add(x * inMilliseconds(units[cmp.Or(said, "ms")]))
	})
	if err != nil || said != "" || len(w.samples) == 0 {
		return err
	}
	slices.Sort(w.samples)
	if m := w.Quantile(0.5); m < leastMedian || m > mostMedian {
		return fmt.Errorf("%s: in milliseconds half of the windows last %v or less, as in no cluster; are these milliseconds? say --unit ms if they are, or --unit s, us or ns", w.Source, rounded(m))
	}
	return nil
}

// isHeader says whether the first line names its column. A line that begins as
// a number does is meant as one.
func isHeader(text string) bool { return !strings.ContainsRune("0123456789+-.,", rune(text[0])) }

// headerUnits are the words by which a header tells its unit.
var headerUnits = map[string]string{
	"ms": "ms", "msec": "ms", "millis": "ms", "milliseconds": "ms",
	"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
	"us": "us", "µs": "us", "μs": "us", "micros": "us", "microseconds": "us",
	"ns": "ns", "nanos": "ns", "nanoseconds": "ns",
}

// unitOf is the unit of a column with this header: the one that was asked for, or
// else the one that the header tells; empty: neither. It refuses a header of more
// than a column, or of another unit.
func unitOf(header, asked string) (string, error) {
	if strings.ContainsAny(header, ",;\t") {
		return "", fmt.Errorf("has several columns in %.60q; want one", header)
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(header), func(r rune) bool { return strings.ContainsRune(" _-()[]/.", r) }) {
		told := headerUnits[word]
		switch {
		case word == "nan" || word == "inf" || word == "infinity":
			return "", fmt.Errorf("has %.60q where a number belongs", header)
		case word == "min" || word == "minutes" || word == "h" || word == "hours":
			return "", fmt.Errorf("has a header, %.60q, that says %s; want ms, s, us or ns", header, word)
		case told != "" && asked != "" && told != asked:
			return "", fmt.Errorf("has a header, %.60q, that says %s, not %s", header, word, asked)
		case told != "":
			return told, nil
		}
	}
	return asked, nil
}

// parseNumber reads a plain decimal number. Go's own syntax has more (hex,
// underscores, infinities) that no measurement means.
func parseNumber(text string) (float64, error) {
	if number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµμ "); number != text && number != "" {
		if _, err := parseNumber(number); err == nil {
			return 0, fmt.Errorf("has a unit in %.60q; want plain numbers, and their unit by --unit", text)
		}
	}
	if strings.ContainsAny(text, ",;\t") {
		return 0, fmt.Errorf("has several columns in %.60q; want one", text)
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, fmt.Errorf("has %.60q where a number belongs", text)
	}
	return x, nil
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

// complete sorts the windows. It refuses too few, and those that are so long that
// no client tries again at such a pace, nor a run ends.
func (w *Windows) complete() error {
	slices.Sort(w.samples)
	if n := len(w.samples); n == 0 {
		return fmt.Errorf("%s has no window; want one column of numbers, or a broker's log", w.Source)
	} else if n < leastWindows {
		return fmt.Errorf("%s has %d of the at least %d windows without which advice is a guess", w.Source, n, leastWindows)
	}
	if w.Measured {
		w.delay = sim.Empirical(w.samples)
	}
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
			return err
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
	return fmt.Sprintf("%s of %s", number(float64(len(w.samples))), w.Source)
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
func (w *Windows) another(seed uint64) sim.Delay {
	delay := w.delay
	if w.Measured {
		draws, cut := sim.NewRandom(seed, "windows of another cluster"), sim.Constant(0)
		if !slices.ContainsFunc(w.samples, func(d time.Duration) bool { return d%time.Millisecond != 0 }) {
			cut = sim.Uniform(0, time.Millisecond)
		}
		var windows []time.Duration
		for range min(len(w.samples), resampled) {
			windows = append(windows, max(0, delay.Draw(&draws)+cut.Draw(&draws)-cut.Draw(&draws)))
		}
		slices.Sort(windows)
		delay = sim.Empirical(windows)
	}
	return delay.Map(func(d time.Duration) time.Duration {
		return (d * time.Duration(768+(seed*0x9e3779b97f4a7c15)>>55) / 1024).Round(time.Microsecond)
	})
}

// MarshalJSON writes where they are from, how many were measured (0: they are of
// a distribution), and their quantiles in milliseconds.
func (w *Windows) MarshalJSON() ([]byte, error) {
	out := struct {
		Source   string  `json:"source"`
		Measured int     `json:"measured"`
		Unpaired int     `json:"unpaired"`
		Median   float64 `json:"median_ms"`
		P99      float64 `json:"p99_ms"`
		P999     float64 `json:"p99.9_ms"`
	}{w.Source, 0, w.Unpaired, inMilliseconds(w.Quantile(0.5)), inMilliseconds(w.Quantile(0.99)), inMilliseconds(w.Quantile(0.999))}
	if w.Measured {
		out.Measured = w.Count()
	}
	return json.Marshal(out)
}

// rounded keeps three digits of a duration.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
