package rt

import (
	"strings"
	"testing"
)

// Goal: a step that hangs is said to be one, with its line and with what it called.
func TestHang(t *testing.T) {
	stack := func(called string) string {
		return "goroutine 10 [running]:\nruntime/pprof.WriteTo(0x1)\n\t/usr/x.go:1 +0x1\n\n" +
			"goroutine 7 [coroutine]:\nracelab/witness/rt.(*run).start.func1(0x1)\n\t/lab/witness/rt/run.go:9 +0x1\n\n" +
			"goroutine 8 [IO wait]:\n" + called + "example.com/m.TestM(0x1)\n\t/home/m/m_test.go:19 +0x1\n" +
			"racelab/witness/rt.(*run).start.func1(0x1)\n\t/lab/witness/rt/run.go:9 +0x1\n"
	}
	inside := standard() + "net/net.go:194 +0x1\n"
	for called, want := range map[string]string{
		"": `main comes to no point after "starts", at m_test.go:19: a loop without a point; leave the test out by -skip, or let the loop call runtime.Gosched`,
		"internal/poll.(*FD).Read(0x1, {0x2})\n\t" + inside + "net.(*conn).Read({0x1?, 0x2})\n\t" + inside: `main comes to no point after "starts", at m_test.go:19: net.(*conn).Read blocks out of control; leave the test out by -skip, or let it use channels, io.Pipe or witness.Connect`,
	} {
		if got := hang(Event{Actor: "main", Label: "starts"}, stack(called)); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	pool := strings.ReplaceAll(stack("database/sql.(*DB).QueryRow(0x1)\n\t"+inside), "IO wait", "select, 2 minutes")
	const want = "database/sql.(*DB).QueryRow waits for another goroutine, and blocks out of control"
	if got := hang(Event{Actor: "main", Label: "starts"}, pool); !strings.Contains(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
