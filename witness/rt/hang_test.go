package rt

import "testing"

// Goal: a step that hangs is said to be one, with its line and with what it called.
func TestHang(t *testing.T) {
	stack := func(state, called string) string {
		return "goroutine 10 [running]:\nruntime/pprof.WriteTo(0x1)\n\t/usr/x.go:1 +0x1\n\n" +
			"goroutine 7 [coroutine]:\nexample.com/m.other(0x1)\n\t/home/m/m_test.go:7 +0x1\nracelab/witness/rt.(*run).start.func1(0x1)\n\t/lab/witness/rt/run.go:9 +0x1\n\n" +
			"goroutine 8 [" + state + "]:\n" + called + "racelab/witness/rt.(*run).start.func1(0x1)\n\t/lab/witness/rt/run.go:9 +0x1\n" +
			"example.com/m.below(0x1)\n\t/home/m/m_test.go:3 +0x1\n"
	}
	const (
		out     = "; leave the test out by -skip"
		blocks  = " blocks out of control" + out + ", or let it use channels, io.Pipe or witness.Connect"
		waiting = " waits for another goroutine, and" + blocks
		test    = "example.com/m.TestM(0x1)\n\t/home/m/m_test.go:19 +0x1\n"
	)
	inside := standard() + "net/net.go:194 +0x1\n"
	read := "internal/poll.(*FD).Read(0x1, {0x2})\n\t" + inside + "net.(*conn).Read({0x1?, 0x2})\n\t" + inside
	for _, c := range []struct{ state, called, want string }{
		{"running", test, ", at m_test.go:19: a loop without a point" + out + ", or let the loop call runtime.Gosched"},
		{"IO wait", read + test, ", at m_test.go:19: net.(*conn).Read" + blocks},
		{"syscall, 2 minutes", read + test, ", at m_test.go:19: net.(*conn).Read" + blocks},
		{"select, 2 minutes", "database/sql.(*DB).QueryRow(0x1)\n\t" + inside + test, ", at m_test.go:19: database/sql.(*DB).QueryRow" + waiting},
		{"IO wait", read, ": it blocks in code that was not rewritten" + out},
	} {
		want := `main comes to no point after "starts"` + c.want
		if got := hang(Event{Actor: "main", Label: "starts"}, stack(c.state, c.called)); got != want {
			t.Errorf("%s: got %s\nwant %s", c.state, got, want)
		}
	}
}
