package lab

import (
	"slices"
	"strings"

	"racelab/sim/explore"
)

// experiment is what the witness asks a released client, and of which race it is the
// same question.
type experiment struct {
	race, variant string
	goals         []string
	release, name string // as the command takes them
	// setting is that of the race in which the experiment's goroutines do what the
	// model's tasks do, so that it keeps the model's orders; empty: none.
	setting string
}

// experiments are those of witness/experiments, each with a release that has the race.
func experiments() []experiment {
	rewinds := []string{"committed-offset-never-rewinds"}
	stalls := []string{"every-message-is-delivered", "no-sender-waits-for-a-stopped-timer", "no-progress"}
	return []experiment{
		{race: "offset-rewind", variant: "unfixed", goals: rewinds, release: "sarama@v1.43.2", name: "rewind", setting: "2x2"},
		{race: "offset-rewind", variant: "broker-lock", goals: []string{"no-deadlock"}, release: "sarama@v1.43.3", name: "deadlock"},
		{race: "throttle-stall", variant: "unlocked", goals: stalls, release: "sarama@v1.43.0", name: "throttle"},
		{race: "concurrent-transactions", variant: "sarama-1.43", goals: []string{"abort-allows-begin"}, release: "sarama@v1.43.2", name: "transactions-few-retries"},
		{race: "concurrent-transactions", variant: "sarama-1.43", goals: []string{"delay-is-never-fatal"}, release: "sarama@v1.43.2", name: "transactions-failed-record"},
		{race: "concurrent-transactions", variant: "kgo", goals: []string{"delay-is-never-fatal"}, release: "franz-go@v1.22.2", name: "abort-inside"},
		{race: "retry-order", variant: "unnumbered", goals: []string{"first-appends-keep-the-order"}, release: "sarama@v1.46.2", name: "retry-order"},
		{race: "retry-order", variant: "resent", goals: []string{"no-progress"}, release: "sarama@v1.60.0", name: "retry-exhausted"},
		{race: "close-awaits-reader", variant: "closes-first", goals: []string{"close-ends", "no-progress"}, release: "sarama@v1.61.1", name: "close-awaits-reader"},
		{race: "close-unread-errors", variant: "unread", goals: []string{"close-ends", "no-progress"}, release: "sarama@v1.61.1", name: "close-unread-errors"},
		{race: "close-hangs", variant: "unfixed", goals: []string{"close-ends"}, release: "franz-go@v1.22.2", name: "close-hangs"},
		{race: "rewind-again", variant: "flag", goals: rewinds, release: "franz-go@v1.21.3", name: "rewind-again"},
		{race: "error-then-delivered", variant: "unfixed", goals: []string{"failed-record-stays-out"}, release: "kafka-go@v0.4.51", name: "written-after-all"},
		{race: "produce-reorder", variant: "none", goals: []string{"first-appends-keep-the-order"}, release: "franz-go@v1.22.2", name: "reorder-invalid-record"},
		{race: "delivered-unwritten", variant: "same-epoch", goals: []string{"no-record-is-lost"}, release: "franz-go@v1.22.1", name: "delivered-unwritten"},
	}
}

// Released is the command that plays the released client, for the orders that force
// the session's break; empty: there is no experiment. Handed says that the client is to
// keep these orders. Else it is searched for the same break, by itself.
func (s *Session) Released(culprit *explore.Culprit) (command string, handed bool) {
	i := slices.IndexFunc(experiments(), func(e experiment) bool {
		return e.race == s.c.Race.Name && e.variant == s.c.Variant.Name && slices.Contains(e.goals, s.goal)
	})
	if i < 0 || s.Reached() == nil {
		return "", false
	}
	e := experiments()[i]
	command = "go -C witness run ./cmd/witness release " + e.release + " " + e.name
	if culprit == nil || len(culprit.Orders) == 0 || e.setting == "" || s.c.Setting != e.setting {
		return command, false
	}
	var orders []string
	for _, o := range culprit.Orders {
		orders = append(orders, o.String())
	}
	return command + " --orders '" + strings.Join(orders, "; ") + "'", true
}
