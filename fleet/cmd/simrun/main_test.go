package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"racelab/fleet/embedded"
)

var whole = flag.Bool("whole", false, "64 shards over 4 workers, of which 10 are killed")

// TestMain makes the test's own program the command, where a test starts it so.
func TestMain(m *testing.M) {
	if os.Getenv("FLEET_COMMAND") != "" {
		main()
	}
	flag.Parse()
	os.Exit(m.Run())
}

// process is a command that runs.
type process struct {
	*exec.Cmd
	stdout bytes.Buffer
	stderr strings.Builder
	lines  chan string // of stderr
	ended  chan struct{}
}

// begin starts a command of a program; "": of this one.
func begin(t *testing.T, program string, args ...string) *process {
	t.Helper()
	if program == "" {
		program = os.Args[0]
	}
	p := &process{Cmd: exec.Command(program, args...), lines: make(chan string, 1000), ended: make(chan struct{})}
	p.Env = append(os.Environ(), "FLEET_COMMAND=1", "GOMAXPROCS=1")
	p.Stdout = &p.stdout
	stderr, err := p.StderrPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); <-p.ended })
	go func() {
		for s := bufio.NewScanner(stderr); s.Scan(); {
			p.stderr.WriteString(s.Text() + "\n")
			p.lines <- s.Text()
		}
		close(p.lines)
		_ = p.Wait()
		close(p.ended)
	}()
	return p
}

// says waits until the process says something; false: it ended first.
func (p *process) says(text string) bool {
	for line := range p.lines {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// end waits for the end.
func (p *process) end() (code int, stdout, stderr string) {
	<-p.ended
	return p.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

var work = strings.Fields("explore offset-rewind --strategy pct --limit 640 --seed 1")

// Goal: workers and the server are killed (-9) while they work, and what comes out is
// what one machine prints, and merge, byte for byte, with its exit code.
// Method: a worker is killed when it says that it has begun a shard, and another takes
// its place.
func TestWhatIsKilledChangesNothing(t *testing.T) {
	shards, workers, kills := 8, 2, 1
	if *whole {
		shards, workers, kills = 64, 4, 10
	}
	dir, address := t.TempDir(), free(t)
	want, wanted, _ := begin(t, "", work...).end()
	serve := func() *process {
		return begin(t, "", append([]string{"serve-work", "--dir", dir, "--listen", address, "--lease", "1s", "--shards", fmt.Sprint(shards)}, work...)...)
	}
	server := serve()
	if !server.says("shards to do at") {
		t.Fatal(server.end())
	}
	var mu sync.Mutex
	victims := kills
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				w := begin(t, "", "work", "--nats", "nats://"+address)
				killed := false
				for w.says("shard ") && !killed {
					mu.Lock()
					if killed = victims > 0; killed {
						victims--
						_ = w.Process.Kill()
					}
					mu.Unlock()
				}
				if code, _, stderr := w.end(); !killed {
					if strings.Contains(stderr, "want a NATS server that answers") {
						continue // It began while the server was not there.
					}
					if code != 0 || !strings.Contains(stderr, "no work is left") {
						t.Errorf("a worker ended with %d: %s", code, stderr)
					}
					return
				}
			}
		})
	}
	for done := 0; done < shards/4; time.Sleep(5 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(dir, "shards", "*.json"))
		done = len(files)
	}
	_ = server.Process.Kill()
	server.end()
	if files, _ := filepath.Glob(filepath.Join(dir, "shards", "*.json")); len(files) == shards {
		t.Error("the server was killed when all was done: this tests nothing")
	}
	server = serve()
	if code, got, stderr := server.end(); code != want || got != wanted {
		t.Errorf("many machines: exit code %d, %s\n%s\nwant %d\n%s", code, stderr, got, want, wanted)
	}
	all.Wait()
	if victims > 0 {
		t.Errorf("%d workers were to be killed, and were not", victims)
	}
	if code, got, stderr := begin(t, "", "merge", filepath.Join(dir, "shards")).end(); code != want || got != wanted {
		t.Errorf("merge: exit code %d, %s\n%s\nwant %d\n%s", code, stderr, got, want, wanted)
	}
}

// Goal: a shard that is delivered twice is done twice, and one result comes out. Two
// serve-works of one command at one server print the same.
// Method: a worker stands still for longer than its lease.
func TestDeliveredTwice(t *testing.T) {
	server, err := embedded.Start(t.TempDir(), free(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	url := server.ClientURL()
	want, wanted, _ := begin(t, "", work...).end()
	serve := func() *process {
		return begin(t, "", append([]string{"serve-work", "--dir", t.TempDir(), "--nats", url, "--lease", "1s", "--shards", "3"}, work...)...)
	}
	first, second := serve(), serve()
	if !first.says("3 of 3 shards to do at "+url) || !second.says("3 of 3 shards to do at "+url) {
		t.Fatal(first.end())
	}
	slow := begin(t, "", "work", "--nats", url)
	slow.says("shard 1 of 3")
	_ = slow.Process.Signal(syscall.SIGSTOP)
	fast := begin(t, "", "work", "--nats", url)
	if !fast.says("shard 1 of 3") {
		t.Fatal("shard 1 was not delivered again")
	}
	if code, _, stderr := fast.end(); code != 0 || !strings.Contains(stderr, "3 shards were done here") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	_ = slow.Process.Signal(syscall.SIGCONT)
	if code, _, stderr := slow.end(); code != 0 || !strings.Contains(stderr, "1 shards were done here") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	for _, s := range []*process{first, second, serve()} {
		if code, got, stderr := s.end(); code != want || got != wanted {
			t.Errorf("exit code %d, %s\n%s\nwant %d\n%s", code, stderr, got, want, wanted)
		}
	}
}

// Goal: workers of another build, and those who are not let in, get one line.
func TestRefused(t *testing.T) {
	dir, address := t.TempDir(), free(t)
	config := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf("listen: %q\nauthorization { users: [{user: ann, password: secret}] }\n", address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := begin(t, "", append([]string{"serve-work", "--dir", dir, "--config", config, "--shards", "2"}, work...)...)
	if !server.says("shards to do at") {
		t.Fatal(server.end())
	}
	other := filepath.Join(dir, "other")
	program, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	copied, err := os.OpenFile(other, os.O_CREATE|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(copied, io.MultiReader(program, strings.NewReader("another build")))
		_ = copied.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	ann := "nats://ann:secret@" + address
	silent, err := net.Listen("tcp", "127.0.0.1:0") // It takes connections, and says nothing.
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, test := range map[string]struct {
		program string
		args    []string
		want    string
	}{
		"no password":    {"", []string{"work", "--nats", "nats://" + address}, "Authorization Violation"},
		"wrong password": {"", []string{"work", "--nats", "nats://ann:wrong@" + address}, "nats://ann:xxxxx@" + address + ": nats: Authorization Violation"},
		"other build":    {other, []string{"work", "--nats", ann}, "build simrun once, and copy it"},
		"no answer":      {"", []string{"work", "--nats", "nats://" + silent.Addr().String()}, "want a NATS server that answers"},
		"no server":      {"", []string{"work", "--nats", "nats://" + free(t)}, "want a NATS server that answers"},
		"folder taken":   {"", append([]string{"serve-work", "--dir", dir}, work...), "another serve-work has it"},
		"port taken":     {"", append([]string{"serve-work", "--dir", t.TempDir(), "--listen", address}, work...), "address already in use"},
		"no certificate": {"", []string{"work", "--nats", ann, "--tls-cert", config}, "--tls-cert and --tls-key go together"},
		"no credentials": {"", []string{"work", "--nats", ann, "--creds", filepath.Join(dir, "none")}, "none: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := begin(t, test.program, test.args...).end()
			if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, %q, %q, want one line with %q", code, stdout, stderr, test.want)
			}
		})
	}
	if code, _, stderr := begin(t, "", "work", "--nats", ann).end(); code != 0 || !strings.Contains(stderr, "2 shards were done here") {
		t.Errorf("who may: exit code %d: %s", code, stderr)
	}
	server.end()
}
