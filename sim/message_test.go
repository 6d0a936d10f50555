package sim_test

import (
	"testing"

	"racelab/sim"
)

// DepositRequest is a message that is a plain struct.
type DepositRequest struct {
	ID     int
	Amount int32
}

// Goal: a message is any struct, by value or by pointer: it has a name, it can be
// printed, and it is saved and told apart.
func TestAMessageIsAnyStruct(t *testing.T) {
	for _, test := range []struct {
		m              sim.Message
		name, contents string
	}{
		{DepositRequest{1, 10}, "Deposit", "{ID:1 Amount:10}"},
		{&DepositRequest{1, 10}, "Deposit", "{ID:1 Amount:10}"},
		{&message{"x"}, "Ping", "x"},
		{sim.ErrBroken, "cut", ""},
	} {
		if name, contents := sim.NameOf(test.m), sim.ContentsOf(test.m); name != test.name || contents != test.contents {
			t.Errorf("%T is %s %s, want %s %s", test.m, name, contents, test.name, test.contents)
		}
	}
	prints := map[uint64]bool{}
	for _, m := range []sim.Message{DepositRequest{1, 10}, DepositRequest{1, 11}, &DepositRequest{1, 10}, &DepositRequest{2, 10}} {
		w := sim.NewWorld()
		w.AddNode("bank", &echo{})
		c := w.Dial("client", "bank")
		w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
			task.Step("send")
			c.Send(task, m)
			task.Step("end")
		}})
		start := w.Save()
		w.Take(0)
		prints[w.Fingerprint()] = true
		w.Load(start)
		w.Take(0)
		prints[w.Fingerprint()] = true
		if got := w.Enabled()[1].String(); got != "A->bank Deposit" {
			t.Errorf("%v arrives as %q", m, got)
		}
		w.Close()
	}
	if len(prints) != 4 {
		t.Errorf("%d fingerprints of 4 states", len(prints))
	}
}

func TestMessagesAreHashedWhole(t *testing.T) {
	fingerprint := func(text string) uint64 {
		w := sim.NewWorld()
		w.AddNode("echo", &echo{})
		c := w.Dial("client", "echo")
		w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
			task.Step("send")
			c.Send(task, &message{text})
			task.Step("end")
		}})
		defer w.Close()
		w.Enabled()
		w.Take(0)
		return w.Fingerprint()
	}
	if fingerprint("a") == fingerprint("b") {
		t.Error("two messages on the wire that differ in one field have the same fingerprint")
	}
	if first, again := fingerprint("a"), fingerprint("a"); first != again {
		t.Error("the same state has two fingerprints")
	}
}
