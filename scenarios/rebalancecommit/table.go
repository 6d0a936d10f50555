package rebalancecommit

import (
	"fmt"
	"slices"
	"strings"

	"racelab/model/rebalance"
	"racelab/scenario"
)

// mends is the smallest change that mends an application, by variant.
var mends = map[string]string{
	"commit-each":    "commit under the generation of the poll: Sarama's session does; in franz-go and kafka-go do as drain does",
	"commit-first":   "commit after the work",
	"mark":           "in revoke wait for the record in work: franz-go with BlockRebalanceOnPoll and a callback, kafka-go as drain; Sarama's ConsumeClaim does",
	"batch":          "BlockRebalanceOnPoll, AllowRebalance after the commit (batch-blocking)",
	"batch-blocking": "nothing, as long as a batch ends within the rebalance timeout",
	"drain":          "nothing; keep the queue short enough for the rebalance timeout. in kafka-go a ConsumerGroup with Generation.Start in place of the Reader (examples/drain/kafkago)",
	"drain-a-second": "cancel the record in work when the time is over, and do not mark it",
	"no-wait":        "wait in revoke until the queue is done (drain)",
	"late-ack":       "drop an acknowledgement whose generation is over, and wait in revoke (drain)",
	"hand-over":      "mark when the work is done, and not when it is handed over",
	"drop-queue":     "drop only the queues that are taken, and wait for the record in work (P6q of model/rebalance/measured.csv)",
	"mark-and-drop":  "mark a record after its work; never one that was dropped",
}

// patterns are the names of the measured table.
var patterns = map[string]string{
	"commit-each": "P2", "commit-first": "P1", "mark": "P3", "batch": "P4", "batch-blocking": "P4b", "drain": "P6",
	"drain-a-second": "P7", "no-wait": "P8", "late-ack": "P8c", "hand-over": "P8d", "drop-queue": "P9", "mark-and-drop": "P9m",
}

// short are the claims in few letters.
var short = map[string]string{
	rebalance.NoRecordLost: "lost", rebalance.NoRecordTwice: "twice", rebalance.OrderKept: "order", rebalance.NeverRewinds: "rewinds",
	rebalance.OwnersCommit: "stranger", rebalance.PartitionsProgress: "dropped", rebalance.CloseEnds: "close",
}

// table shows what breaks where, beside what released clients did, and what mends
// it.
func table(r *scenario.Race) []string {
	lines := []string{
		"The model: what some schedule breaks while B joins, and in brackets what breaks only if A crashes",
		"or calls Close (searched for the eager clients and kafka-go). simrun shows the schedule of a cell:",
		"simrun explore rebalance-commit/APPLICATION@CLIENT-EVENT",
		"",
		"  lost      committed, and never processed     stranger  commits for a partition that another has",
		"  twice     processed again, nobody given up   rewinds   the committed offset goes back",
		"  dropped   neither processed nor committed    order     processed first after a later record",
		"",
		"Measured: what released clients did while B joined, in one schedule; empty if not measured. (P2)",
		"is the application's name in model/rebalance/measured.csv. \"not owned\" are commits of a member",
		"that has given the partition up, whoever has it by then: inside its revoke they are right.",
		"",
		fmt.Sprintf("  %-14s  %-38s  %s", "client", "some schedule breaks", "measured while B joined"),
	}
	for _, v := range variants {
		lines = append(lines, "", fmt.Sprintf("%s (%s): %s", v.Name, patterns[v.Name], v.Is.Does))
		for _, client := range clientWords {
			joins, others := broken(r, v.Name, client)
			lines = append(lines, strings.TrimRight(fmt.Sprintf("  %-14s  %-38s  %s", client, verdict(joins, others), measured(v.Name, client)), " "))
		}
		lines = append(lines, wrapped("  mend: "+mends[v.Name])...)
	}
	return lines
}

func wrapped(text string) []string {
	const width = 98
	var lines []string
	for len(text) > width {
		at := strings.LastIndex(text[:width], " ")
		lines, text = append(lines, text[:at]), "    "+text[at+1:]
	}
	return append(lines, text)
}

// broken lists what is expected to break: while B joins, and besides with other
// events.
func broken(r *scenario.Race, variant, client string) (joins, others []string) {
	for _, c := range r.Claims {
		is := func(event string) bool {
			return slices.Contains(r.SettingNames(), client+"-"+event) && r.Expected(variant, c.Name, client+"-"+event).Breaks()
		}
		switch {
		case is("join"):
			joins = append(joins, short[c.Name])
		case slices.ContainsFunc(eventWords, is):
			others = append(others, short[c.Name])
		}
	}
	return joins, others
}

func verdict(joins, others []string) string {
	text := "holds"
	if len(joins) > 0 {
		text = "✗ " + strings.Join(joins, ", ")
	}
	if len(others) > 0 {
		text += " (" + strings.Join(others, ", ") + ")"
	}
	return text
}

func kindOf(i int) client { return client(i) }

// measured is what was counted in "join", if that cell was measured.
func measured(variant, client string) string {
	var library rebalance.Client
	var protocol rebalance.Protocol
	for i, word := range clientWords {
		if word == client {
			library, protocol = kindOf(i).of()
		}
	}
	for _, c := range rebalance.Measured() {
		if c.Trigger != rebalance.Join.String() || c.Application != patterns[variant] || c.Client != library.Release || c.Protocol != protocol.String() {
			continue
		}
		var parts []string
		for _, n := range []struct {
			is   rebalance.Range
			name string
		}{{c.Lost, "lost"}, {c.Repeated, "repeated"}, {c.Late, "late"}, {c.Rewound, "rewound"}, {c.NotOwned, "not owned"}} {
			if n.is.To > 0 {
				parts = append(parts, fmt.Sprintf("%v %s", n.is, n.name))
			}
		}
		if parts == nil {
			return "nothing"
		}
		return strings.Join(parts, ", ")
	}
	return ""
}
