package rebalance

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"racelab/sim"
)

// measuredTable is what released clients did, a cell a line.
//
// Source: franz-go 1.22.1 to 1.22.3, Sarama 1.43.2, 1.48.0 and 1.61.1 and kafka-go
// 0.4.51 against kfake, in virtual time, 20 runs and more a cell.
//
//go:embed measured.csv
var measuredTable []byte

// Range is what a number was in all runs: from the least to the greatest.
type Range struct{ From, To int }

// Has says whether a number is in the range.
func (r Range) Has(n int) bool { return r.From <= n && n <= r.To }

func (r Range) String() string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// Cell is a cell that was measured.
type Cell struct {
	Trigger, Application, Client, Protocol           string
	Lost                                             Range
	Records                                          string // that were lost
	Repeated, Late, Back, Rewound, NotOwned, Refused Range
	Close                                            string // seconds: "1.4-1.5"; empty: not called
	Same                                             string
}

// Measured lists the cells, in the order of the table.
func Measured() []Cell { return cellsOf(measuredTable) }

// cellsOf reads a table of cells.
func cellsOf(table []byte) []Cell {
	rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil {
		panic("rebalance: " + err.Error())
	}
	number := func(text string) Range {
		from, to, spans := strings.Cut(text, "-")
		if !spans {
			to = from
		}
		a, errA := strconv.Atoi(from)
		b, errB := strconv.Atoi(to)
		if errA != nil || errB != nil {
			panic("rebalance: measured.csv has the number " + text)
		}
		return Range{a, b}
	}
	var cells []Cell
	for _, r := range rows[1:] {
		cells = append(cells, Cell{
			Trigger: r[0], Application: r[1], Client: r[2], Protocol: r[3], Lost: number(r[4]), Records: r[5],
			Repeated: number(r[6]), Late: number(r[7]), Back: number(r[8]), Rewound: number(r[9]), NotOwned: number(r[10]), Refused: number(r[11]),
			Close: r[12], Same: r[13],
		})
	}
	return cells
}

// Config is the cell's, and ok is false if the model does not have it.
func (c Cell) Config() (config Config, ok bool) {
	clients := Clients()
	i := slices.IndexFunc(clients, func(x Client) bool { return x.Release == c.Client })
	app := slices.IndexFunc(Applications, func(a Application) bool { return a.Name == c.Application })
	trigger := slices.IndexFunc(Triggers(), func(t Trigger) bool { return t.String() == c.Trigger })
	protocol := slices.IndexFunc([]Protocol{Eager, Cooperative, Consumer}, func(p Protocol) bool { return p.String() == c.Protocol })
	if i < 0 || app < 0 || trigger < 0 || protocol < 0 {
		return Config{}, false
	}
	return Config{Client: clients[i], Protocol: Protocol(protocol), App: Applications[app].Over(clients[i]), Trigger: Trigger(trigger), Timed: true, Records: 8}, true
}

// Clients lists the releases that were measured.
func Clients() []Client {
	return []Client{FranzGo1222, FranzGo1223, Sarama1432, Sarama1480, Sarama1611, KafkaGo0451}
}

// Triggers lists the triggers.
func Triggers() []Trigger {
	return []Trigger{Join, Slow, SlowJoin, CrashOfA, Zombie, CommitDelay, AckDelay, CloseOfA, CloseSlow, CloseJoin}
}

// Fits says whether the application can be written over a client.
func (a Application) Fits(c Client) bool {
	switch a.Name {
	case "P2c", "P3c", "P3d", "P3g", "P4b", "P8g", "P9", "P9o", "P9m":
		return c.Kind == FranzGo
	case "P5":
		return c.Kind != Sarama // A pool that commits flushes what others have marked.
	case "P5i":
		return c.Kind == KafkaGo
	case "P5m":
		return c.Kind != KafkaGo
	case "P6r":
		return c.Kind == Sarama
	case "P6", "P6q", "P7", "P8c":
		return c.Kind != KafkaGo
	}
	return true
}

// Over is the application as it is written over a client.
func (a Application) Over(c Client) Application {
	switch {
	case c.Kind == KafkaGo && a.Workers == aPartition && a.Commits == marks:
		a.Commits, a.Revoke = eachAfter, noCallback // CommitMessages is all there is, and nobody is told.
	case c.Kind == KafkaGo && a.Commits == marksBefore:
		a.Interval = true
	case c.Kind == KafkaGo && a.Name == "P1":
		a.Interval = false
	}
	return a
}

// Run runs a cell under a seed, which decides what is by chance.
func Run(config Config, seed uint64) (Tally, error) {
	config.Seed = seed
	s := NewSystem(config)
	w := sim.NewWorld()
	defer w.Close()
	s.Build(w)
	w.Timed(sim.Timing{Seed: seed, Unchecked: true})
	_, err := sim.Run(w, sim.NewWalk(seed))
	return s.Tally(), err
}

// Misses lists what a run has that the cell does not allow.
func (c Cell) Misses(t Tally) []string {
	var misses []string
	check := func(name string, n int, r Range) {
		if !r.Has(n) {
			misses = append(misses, fmt.Sprintf("%s %d, measured %v", name, n, r))
		}
	}
	check("lost", len(t.Lost), c.Lost)
	if c.Records != "" && strings.Join(t.Lost, " ") != c.Records {
		misses = append(misses, fmt.Sprintf("lost %v, measured %s", t.Lost, c.Records))
	}
	check("repeated", t.Repeated, c.Repeated)
	check("late", t.Late, c.Late)
	check("back", t.Back, c.Back)
	check("rewound", t.Rewound, c.Rewound)
	check("not owned", t.NotOwned, c.NotOwned)
	check("refused", t.Refused, c.Refused)
	if c.Close != "" {
		from, to, spans := strings.Cut(c.Close, "-")
		if !spans {
			to = from
		}
		// Printed to a tenth of a second.
		a, _ := time.ParseDuration(from + "s")
		b, err := time.ParseDuration(strings.TrimPrefix(to, ">") + "s")
		if err == nil && !strings.HasPrefix(to, ">") && (t.Close < a-51*time.Millisecond || t.Close > b+51*time.Millisecond) {
			misses = append(misses, fmt.Sprintf("Close %v, measured %s s", t.Close, c.Close))
		}
	}
	return misses
}

func (c Cell) String() string {
	return fmt.Sprintf("%s %s %s %s", c.Trigger, c.Application, c.Client, c.Protocol)
}

// Unpredicted is why the model does not give a cell; empty: it does.
func Unpredicted(c Cell) string {
	for _, u := range unpredicted {
		if matches(u.trigger, c.Trigger) && matches(u.application, c.Application) && matches(u.client, c.Client) && matches(u.protocol, c.Protocol) {
			return u.reason
		}
	}
	return ""
}

func matches(want, is string) bool {
	return want == "" || slices.Contains(strings.Fields(want), is) || want == is
}

// unpredicted are the cells that the model does not give, and why. An empty field
// is any.
var unpredicted = []struct{ trigger, application, client, protocol, reason string }{
	{"fetching", "", "", "", "a step of the model fetches offsets and assigns; nothing can come between"},
	{"slowjoin commit-delay", "P8c", "Sarama 1.61.1", "coop", "commits that have waited for a join race with the end of the claim at one instant; the model has one order"},
	{"commit-delay ack-delay", "P2", "Sarama 1.61.1", "coop", "how many commits pass before the next fetch, after an answer that was late, is guessed"},
	{"ack-delay", "P8c", "Sarama 1.61.1", "eager", "the same"},
	{"closeslow", "P5m", "Sarama 1.61.1", "eager coop", "a pool's order in the model is less mixed than in the runs"},
	{"zombie", "P5", "franz-go 1.22.3", "848", "of the commits that wait for one another the model refuses one more"},
	{"zombie", "P5", "kafka-go 0.4.51", "eager", "a message that waits to be handed to the pool is not modelled"},
}
