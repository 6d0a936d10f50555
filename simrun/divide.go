package simrun

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Lab is what a command of another module has of this one; see MainWith.
type Lab struct{ app *app }

// Say writes a line to stderr, under the program's name.
func (l *Lab) Say(format string, args ...any) { l.app.say(format, args...) }

// Stderr is where everything goes that is no result.
func (l *Lab) Stderr() io.Writer { return l.app.stderr }

// Line is a command of this program as it can be typed.
func (l *Lab) Line(command ...string) string { return l.app.line(command) }

// Watch returns a context that ends at SIGINT and at SIGTERM. Its cause is the error
// with which a command then ends. A second signal ends the process.
func (l *Lab) Watch() (ctx context.Context, release func()) { return l.app.watch() }

// Division is a command that is done in parts, each on whatever machine has the same
// build of this program.
type Division struct {
	Build   string   // of this program
	Command []string // without what is each machine's own business
	Shards  int

	app *app
}

// Divide divides a command into n shards.
//
// Errors: it has none, or something of it is wrong.
func (l *Lab) Divide(command []string, n int) (*Division, error) {
	if n < 1 || n > maxShards {
		return nil, fmt.Errorf("%d shards are not possible; want 1 to %d", n, maxShards)
	}
	root := l.app.root(nil)
	c, rest, err := root.Find(command)
	switch {
	case err != nil || c == root:
		return nil, knownCommand(root, command)
	case c.Flags().Lookup("shard") == nil:
		return nil, fmt.Errorf("%s has no shards; explore, check and sweep have", c.Name())
	}
	if err := c.ParseFlags(rest); err != nil {
		return nil, badFlag(c, err)
	}
	args := c.Flags().Args()
	if err := c.ValidateArgs(args); err != nil {
		return nil, err
	}
	var own error
	c.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(ofMachine, f.Name) {
			own = fmt.Errorf("--%s is no part of work that is divided: it says how one machine does its part", f.Name)
		}
	})
	if own != nil {
		return nil, own
	}
	for _, flag := range []struct{ name, value string }{{"shard", "1/" + strconv.Itoa(n)}, {"out", "."}} {
		if err := c.Flags().Set(flag.name, flag.value); err != nil {
			return nil, err
		}
	}
	if err := c.PreRunE(c, args); err != nil {
		return nil, err
	}
	build, err := buildID()
	if err != nil {
		return nil, err
	}
	return &Division{build, wordsOf(c, args), n, l.app}, nil
}

// ID names the division: another build, another command or another number of shards
// has another.
func (d *Division) ID() string {
	text := fmt.Sprintf("%s\x00%d\x00%s", d.Build, d.Shards, strings.Join(d.Command, "\x00"))
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16]
}

// Shard does the i-th shard, from 1, with some workers; 0: one a processor. It returns
// the file in which merge looks for the result.
//
// Errors: the context's cause, if that ended first.
func (d *Division) Shard(ctx context.Context, i, workers int) (name string, content []byte, err error) {
	one := *d.app
	one.stdout, one.stderr = io.Discard, io.Discard
	one.notify = func(c chan<- os.Signal) { context.AfterFunc(ctx, func() { c <- os.Interrupt }) }
	one.take = func(n string, c []byte) error { name, content = n, c; return nil }
	args := append(slices.Clone(d.Command), "--shard", fmt.Sprintf("%d/%d", i, d.Shards), "--out", ".")
	if workers > 0 {
		args = append(args, "--parallel", strconv.Itoa(workers))
	}
	err = one.root(args).Execute()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return name, content, err
}

// Keep writes the result of a shard into a folder, whole or not at all, and says which
// shard it is.
//
// Errors: it is no result of this division.
func (d *Division) Keep(dir, name string, content []byte) (shard int, err error) {
	file, err := readShard(name, content)
	switch {
	case err != nil:
		return 0, err
	case file.Build != d.Build || !slices.Equal(file.Command, d.Command) || file.Of != d.Shards:
		return 0, fmt.Errorf("%s is a shard of other work: of %s, or by another build of this program", name, d.app.line(file.Command))
	}
	return file.Shard, writeWhole(filepath.Join(dir, nameOf(content)), content)
}

// Missing says which shards have no result in the folder.
//
// Errors: the folder has results of other work.
func (d *Division) Missing(dir string) (missing map[int]bool, err error) {
	first, parts, err := d.app.shardsIn(dir)
	if err != nil {
		return nil, err
	}
	if first != nil && (!slices.Equal(first.Command, d.Command) || first.Of != d.Shards) {
		return nil, fmt.Errorf("%.120s has shards of other work: %s, of %d; want another folder", dir, d.app.line(first.Command), first.Of)
	}
	missing = map[int]bool{}
	for i := 1; i <= d.Shards; i++ {
		if first == nil || parts[i-1] == nil {
			missing[i] = true
		}
	}
	return missing, nil
}

// Merge prints what one machine prints that does all the work, and has its exit code.
func (d *Division) Merge(dir string) error { return d.app.root([]string{"merge", dir}).Execute() }
