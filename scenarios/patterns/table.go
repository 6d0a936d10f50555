package patterns

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/trace"
)

// kept is a line of the closing table: a pattern that keeps something.
type kept struct {
	of      scenario.Any // nil: the race that shows the table
	variant string
	costs   string // what no count shows
	needs   string
}

// patterns are those that lose nothing, or come close.
func patterns() []kept {
	return []kept{
		{&DualWrite, "caller-repeats", "no table, no relay", "callers that never give up, and consumers that tell repeats"},
		{&DualWrite, "outbox", "a table, a relay; a message is as late as the relay", "consumers that tell repeats (inbox)"},
		{nil, "send-first", "a table, a relay; no messages while it is down", "consumers that tell repeats; one relay at a time"},
		{nil, "lease", "a standby relay; a pause as long as the lease when one dies", "consumers that tell repeats"},
		{nil, "change-data-capture", "a connector, and the database's log kept until it has read it", "consumers that tell repeats"},
		{&Inbox, "same-transaction", "a row a message, for as long as one can come again", "effects in the same database"},
		{&Inbox, "idempotent-effect", "nothing", "effects that set, and whose order is kept"},
		{&HalfMessage, "not-found-forbids", "the broker asks back", "RocketMQ, or a broker like it"},
		{&HalfMessage, "kafka-transaction", "readers wait for the commit", "a database that Kafka's transaction covers: there is none"},
		{&TwoPhaseCommit, "log-first", "locks held until the second phase, and while the coordinator is down", "a coordinator that comes back with its log"},
		{&TwoPhaseCommit, "kip-939", "read_committed readers stand still while the application is down", "brokers and clients with KIP-939"},
		{&Saga, "tombstone", "others see the order before it is final; a row an order", "a compensation for each action"},
		{&ConsistencyAudit, "audit-newer-wins", "reads all there is, again and again", "a version of each change"},
	}
}

// table shows what each pattern keeps, what it costs, and what it still needs.
func table(outbox *scenario.Race) []string {
	lines := []string{
		"keeps: what holds in all settings, with a fault and without, and in how many it breaks (✗ 2/4).",
		"       The settings are in simrun show NAME, the schedules in simrun explore NAME/PATTERN.",
		"costs: local transactions and requests for the two orders or messages of a world, if nothing",
		"       fails and all go on in turn. simrun sweep commit-batch: what batches gain, and repeat.",
		"needs: what the pattern leaves to others.",
	}
	for _, k := range patterns() {
		r := outbox
		if k.of != nil {
			r = k.of.Race()
		}
		transactions, requests := count(r, k.variant)
		var verdicts []string
		for _, c := range r.Claims {
			verdicts = append(verdicts, c.Name+" "+strings.ReplaceAll(r.Tally(k.variant, c.Name).Cell(), " ", noBreak))
		}
		lines = append(lines, "", r.Name+"/"+k.variant)
		lines = append(lines, wrapped("  keeps  ", strings.Join(verdicts, ", "))...)
		lines = append(lines, wrapped("  costs  ", fmt.Sprintf("local transactions %d, requests %d; %s", transactions, requests, k.costs))...)
		lines = append(lines, wrapped("  needs  ", k.needs)...)
	}
	return lines
}

// noBreak is a blank at which wrapped breaks no line.
const noBreak = "~"

// wrapped is a text behind a head, in lines of at most 98 columns.
func wrapped(head, text string) []string {
	var lines []string
	line := head
	for _, word := range strings.Fields(text) {
		if utf8.RuneCountInString(line+word) > 97 {
			lines, line = append(lines, strings.TrimRight(line, " ")), strings.Repeat(" ", len(head))
		}
		line += strings.ReplaceAll(word, noBreak, " ") + " "
	}
	return append(lines, strings.TrimRight(line, " "))
}

// count runs a variant so that no fault comes, everybody in turn, and counts commits and
// requests.
func count(r *scenario.Race, variant string) (transactions, requests int) {
	c, err := r.Case(variant, "")
	if err != nil {
		panic("patterns: " + err.Error())
	}
	w := c.World()
	defer w.Close()
	trace := trace.Record(w)
	if _, err := sim.Run(w, &inTurn{}); err != nil {
		panic("patterns: " + err.Error())
	}
	for _, step := range trace.Steps {
		for _, touch := range step.Touched {
			if touch.Write && strings.HasSuffix(touch.Object, ".rows") {
				transactions++
			}
		}
		for _, act := range step.Acts {
			if act.Action == sim.Arrived {
				requests++
			}
		}
	}
	return transactions, requests
}

// inTurn lets everybody go on in turn, and no fault come.
type inTurn struct{ last int }

// Choose takes the next thread behind the last one.
func (c *inTurn) Choose(enabled []sim.Event) (int, error) {
	best := -1
	for i, e := range enabled {
		behind := func(e sim.Event) int { return (e.Thread - c.last - 1 + 1<<20) % (1 << 20) }
		if !e.Fault && (best < 0 || behind(e) < behind(enabled[best])) {
			best = i
		}
	}
	if best < 0 {
		return 0, sim.ErrScheduleEnds
	}
	c.last = enabled[best].Thread
	return best, nil
}
