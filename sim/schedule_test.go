package sim_test

import (
	"strings"
	"testing"

	"racelab/sim"
)

func TestParseSchedule(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"lines", "A x\nB->n Ping\nA x#2\n", "A x; B->n Ping; A x#2"},
		{"one line", "A x; B y z;;", "A x; B y z"},
		{"comments and blanks", "# story\n\n  A x  \r\n", "A x"},
		{"a goroutine of a name that another has", "worker#2 read n; worker#2->n Ping#3", "worker#2 read n; worker#2->n Ping#3"},
		{"the start", "", ""},
		{"only a comment", "# nothing", ""},
	} {
		schedule, err := sim.ParseSchedule(test.text)
		if err != nil || schedule.String() != test.want {
			t.Errorf("%s: ParseSchedule(%q) = %v, %v; want %s", test.name, test.text, schedule, err, test.want)
			continue
		}
		again, err := sim.ParseSchedule(schedule.Lines())
		if err != nil || again.String() != test.want {
			t.Errorf("%s: its own text parses to %v, %v; want %s", test.name, again, err, test.want)
		}
	}
}

func TestParseScheduleRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no label", "A x\nB", "line 2"},
		{"bad occurrence", "A x#0", "line 1"},
		{"a comment after an event", "A x; #1 y", "line 1"},
		{"binary", "A x\nA \x00\x01", "line 2 is not text (byte 0x00 at column 3)"},
		{"not UTF-8", "\xff\xfe", "line 1 is not text"},
	} {
		_, err := sim.ParseSchedule(test.text)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: ParseSchedule(%q): %v; want one line with %q", test.name, test.text, err, test.want)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	f.Add("A x\nB->n Ping; A x#2")
	f.Add("# c\n\x00")
	f.Add("0 #1")
	f.Fuzz(func(t *testing.T, text string) {
		schedule, err := sim.ParseSchedule(text)
		if err != nil {
			return
		}
		again, err := sim.ParseSchedule(schedule.Lines())
		if err != nil || again.String() != schedule.String() {
			t.Errorf("%q parses to %q, and that to %q, %v", text, schedule, again, err)
		}
	})
}

// A schedule that does not fit is refused with the place and what is possible.
func TestReplayRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"A here; B here", `schedule line 1: event 2, "B here", does not fit: it cannot happen here; possible: A here#2`},
		{"# again\nA here\nA here#3", `schedule line 3: event 2, "A here#3", does not fit: this is number 2 of its kind; possible: A here#2`},
	} {
		w := sim.NewWorld()
		w.GoProgram("A", &twoCalls{})
		schedule, err := sim.ParseSchedule(test.text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sim.Run(w, sim.NewReplay(schedule))
		if err == nil || err.Error() != test.want {
			t.Errorf("replay of %q: %v; want %s", test.text, err, test.want)
		}
		w.Close()
	}
	twice := []sim.Event{{Actor: "A", Label: "here"}, {Actor: "B", Label: "here"}, {Actor: "A", Label: "here"}}
	_, err := sim.NewReplay(sim.Schedule{{Actor: "A", Label: "here", Occurrence: 1}}).Choose(twice)
	if want := `sim: two events that may come next are called "A here"`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("replay of a step that may be either of two: %v; want %s", err, want)
	}
	made := sim.NewReplay(sim.Schedule{{Actor: "B", Label: "here", Occurrence: 1}})
	_, err = made.Choose([]sim.Event{{Actor: "A", Label: "here"}})
	if want := `event 1, "B here", does not fit: it cannot happen here; possible: A here`; err == nil || err.Error() != want {
		t.Errorf("replay of a schedule that was not read: %v; want %s", err, want)
	}
}
