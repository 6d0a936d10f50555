package simrun

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// Goal: the game as a player types it. The file has command lines, what is typed, and
// what is shown; rewrite it with `go test ./simrun -run TestPlay -rewrite`, and read
// the difference.
func TestPlay(t *testing.T) {
	datadriven.RunTest(t, "testdata/play", func(t *testing.T, d *datadriven.TestData) string {
		line, typed, _ := strings.Cut(d.Input, "\n")
		var out, err strings.Builder
		a := command(&out, &err)
		a.stdin = strings.NewReader(typed)
		if code := a.run(words("play " + line)); code != exitHolds || err.Len() > 0 {
			t.Errorf("play %s: exit code %d, and on stderr %s", line, code, err.String())
		}
		return out.String()
	})
}

// Goal: Ctrl-C ends a game that waits for the player, and says how to play on.
func TestPlayIsInterrupted(t *testing.T) {
	typed, types := io.Pipe()
	var out, err strings.Builder
	a := command(&out, &err)
	a.stdin = typed
	a.notify = func(c chan<- os.Signal) {
		go func() {
			types.Write([]byte("1\n"))
			types.Write([]byte("1\n")) // By now the first is taken.
			c <- os.Interrupt
		}()
	}
	if code := a.run([]string{"play", "lost-update"}); code != exitInterrupted || !strings.Contains(out.String(), "replay  simrun run lost-update --schedule 'T0 read") {
		t.Errorf("exit code %d, want %d and how to play on:\n%s", code, exitInterrupted, out.String())
	}
}

// Goal: what cannot be read ends a game in one line, and not as if the player had ended it.
func TestPlayReadsNoLongLine(t *testing.T) {
	var out, err strings.Builder
	a := command(&out, &err)
	a.stdin = strings.NewReader("1\n" + strings.Repeat("x", 70_000))
	if code := a.run([]string{"play", "lost-update"}); code != exitUsage || strings.Count(err.String(), "\n") != 1 || !strings.Contains(err.String(), "token too long") {
		t.Errorf("exit code %d, and on stderr %q; want %d and one line", code, err.String(), exitUsage)
	}
}
