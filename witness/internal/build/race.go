package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"racelab/witness/rewrite"
)

// raceFlags build with the race detector, which is not to see the memory of what
// rewritten code runs on: that is used by one goroutine after the other. Atomics do see
// it: they order, and race with plain accesses. Nothing of the runtime is inlined where
// it would be seen.
var raceFlags = []string{
	"-race",
	"-gcflags=racelab/witness=-race=false -l",
	"-gcflags=" + rewrite.Runtime + "/...=-race=false -l",
	"-gcflags=" + rewrite.Runtime + "/atomic=",
}

// canRace says in one line what -race needs, if that is not there.
func (b *builder) canRace(ctx context.Context) error {
	out, err := b.goRun(ctx, nil, "env", "CGO_ENABLED", "CC", "GOOS", "GOARCH")
	if err != nil {
		return err
	}
	lines := strings.Split(string(out), "\n")
	if len(lines) < 4 || lines[2] == "darwin" {
		return nil
	}
	compiler, _, _ := strings.Cut(lines[1], " ")
	switch _, err := exec.LookPath(compiler); {
	case lines[0] != "1":
		return fmt.Errorf("-race needs cgo; set CGO_ENABLED=1")
	case err != nil:
		return fmt.Errorf("-race needs a C compiler, and there is no %s; install gcc or clang, or set CC", compiler)
	}
	return nil
}

// forgetfulPool lets sync.Pool of packages that are not rewritten, such as fmt, keep
// nothing. What it keeps would order goroutines that have nothing to do with each other,
// and by chance: under -race it drops one of four.
func (b *builder) forgetfulPool(ctx context.Context) error {
	out, err := b.goRun(ctx, nil, "env", "GOROOT")
	if err != nil {
		return err
	}
	name := filepath.Join(strings.TrimSpace(string(out)), "src", "sync", "pool.go")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	const chance = "if runtime_randn(4) == 0 {"
	if bytes.Count(text, []byte(chance)) != 1 {
		b.say("this version of Go has another sync.Pool than is known: -race may miss a race between calls of fmt")
		return nil
	}
	b.overlay[name] = filepath.Join(b.tree.folder, "pool.go.txt")
	return os.WriteFile(b.overlay[name], bytes.Replace(text, []byte(chance), []byte("if runtime_randn(4) < 4 {"), 1), 0o666)
}
