package simrun

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"racelab/scenario"
)

// shard is the flag --shard: which part of a command's work this program does.
type shard struct {
	index, of int    // from 1; 0: all of it
	command   string // the whole that it is a part of
	out       string // the folder for its result
}

// maxShards bounds how many parts there can be.
const maxShards = 10_000

func (s *shard) String() string {
	if s.of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.index, s.of)
}

func (s *shard) Type() string { return "shard" }

func (s *shard) Set(text string) error {
	index, of, cut := strings.Cut(text, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if !cut || cmp.Or(err, err2) != nil || i < 1 || i > n || n > maxShards {
		return errors.New("no shard")
	}
	s.index, s.of = i, n
	return nil
}

// flag adds --shard. Its result goes to the folder of --out.
func (s *shard) flag(c *cobra.Command) {
	c.Flags().Var(s, "shard", "do the I-th of N parts of the work, as I/N, and write its result to the folder of --out, for merge")
}

// read notes whose part it is. What only this program's way of working depends on is
// no part of that.
func (s *shard) read(c *cobra.Command, args []string, out string) error {
	if s.of == 0 {
		return nil
	}
	for _, other := range []string{"time", "fail-fast", "save", "junit"} {
		if f := c.Flags().Lookup(other); f != nil && f.Changed {
			return fmt.Errorf("--shard and --%s exclude each other: %s is for who has the whole", other, "--"+other)
		}
	}
	if s.out = out; out == "" {
		return errors.New("--shard wants --out, the folder for its result")
	}
	s.command = strings.Join(wordsOf(c, args), "\x00")
	return nil
}

// ofMachine are the flags that only say how a machine does its part.
var ofMachine = []string{"shard", "out", "parallel", "memory", "color"}

// wordsOf is a command line without the flags of a machine.
func wordsOf(c *cobra.Command, args []string) []string {
	words := append([]string{c.Name()}, args...)
	c.Flags().Visit(func(f *pflag.Flag) { // By name.
		if slices.Contains(ofMachine, f.Name) {
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			for _, value := range list.GetSlice() {
				words = append(words, "--"+f.Name, value)
			}
			return
		}
		words = append(words, "--"+f.Name+"="+f.Value.String())
	})
	return words
}

// has says whether the i-th piece of work belongs to the shard.
func (s *shard) has(i int) bool { return s.of == 0 || i%s.of == s.index-1 }

// share is which of n runs in a row are those of the shard.
func (s *shard) share(n int) (from, to int) { return (s.index - 1) * n / s.of, s.index * n / s.of }

// shardFile is the result of a shard. It is named after its content.
type shardFile struct {
	header
	Build   string          `json:"build"` // of the program: another may find something else
	Command []string        `json:"command"`
	Shard   int             `json:"shard"` // from 1
	Of      int             `json:"of"`
	Part    json.RawMessage `json:"part"`
}

const shardEnding = ".shard.json"

// write writes the result to its file, whole or not at all.
func (s *shard) write(a *app, part any) error {
	build, err := buildID()
	if err != nil {
		return err
	}
	content, err := json.Marshal(part)
	if err != nil {
		return err
	}
	file := shardFile{a.header("shard"), build, strings.Split(s.command, "\x00"), s.index, s.of, content}
	if content, err = json.Marshal(file); err != nil {
		return err
	}
	content = append(content, '\n')
	if a.take != nil {
		return a.take(nameOf(content), content)
	}
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return fmt.Errorf("--out %.120s: %w; want a folder that can be written", s.out, reason(err))
	}
	path := filepath.Join(s.out, nameOf(content))
	if err := writeWhole(path, content); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "shard %d of %d: %s\n", s.index, s.of, path)
	return err
}

func nameOf(content []byte) string {
	return fmt.Sprintf("%x", sha256.Sum256(content))[:16] + shardEnding
}

func (a *app) mergeCommand() *cobra.Command {
	var asJSON bool
	var out string
	c := &cobra.Command{
		Use:   "merge DIR",
		Short: "Put the results of all shards of a command together: the same bytes as from one machine",
		Long: "Put the results of all shards of a command together. explore with pct, pos, uniform or walk,\n" +
			"check, and sweep write them with --shard I/N --out DIR, each on whatever machine, with the\n" +
			"same build of this program. Merge prints what the command prints that does all the work,\n" +
			"byte for byte, and has its exit code.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("merge takes one folder, not %d", len(args))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, as the command does")
	c.Flags().StringVar(&out, "out", "", "the folder of a sweep's CSV, PNG and SVG")
	c.RunE = func(_ *cobra.Command, args []string) error {
		command, parts, err := a.readShards(args[0])
		if err != nil {
			return err
		}
		if asJSON && !slices.Contains(command, "--json=true") {
			command = append(command, "--json")
		}
		if out != "" {
			if command[0] != "sweep" {
				return fmt.Errorf("--out goes with the shards of a sweep; those in %.120s are of %s", args[0], command[0])
			}
			command = append(command, "--out", out)
		}
		whole := *a
		whole.parts = parts
		return whole.root(command).Execute()
	}
	return c
}

// readShards reads the results in a folder, which must be all of one command.
func (a *app) readShards(dir string) (command []string, parts []json.RawMessage, err error) {
	first, parts, err := a.shardsIn(dir)
	if err != nil {
		return nil, nil, err
	}
	if first == nil {
		return nil, nil, fmt.Errorf("%.120s has no result of a shard; explore, check and sweep write them with --shard I/N --out DIR", dir)
	}
	var missing []string
	for i, part := range parts {
		if part == nil {
			missing = append(missing, strconv.Itoa(i+1))
		}
	}
	if missing != nil {
		return nil, nil, fmt.Errorf("%d of %d shards are missing: %s; each with: %s --shard I/%d --out %s",
			len(missing), first.Of, strings.Join(missing, ", "), a.line(first.Command), first.Of, dir)
	}
	return first.Command, parts, nil
}

// shardsIn reads those results that are there; nil: there is none.
func (a *app) shardsIn(dir string) (first *shardFile, parts []json.RawMessage, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, reason(err)
	}
	build, err := buildID()
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries { // By name.
		if !strings.HasSuffix(e.Name(), shardEnding) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, reason(err)
		}
		file, err := readShard(path, content)
		switch {
		case err != nil:
			return nil, nil, err
		case file.Build != build:
			return nil, nil, fmt.Errorf("%s was made by another build of this program; merge it with that, or make all shards anew with this", path)
		case first == nil:
			first, parts = file, make([]json.RawMessage, file.Of)
		case !slices.Equal(file.Command, first.Command) || file.Of != first.Of:
			return nil, nil, fmt.Errorf("%.120s has shards of two commands: %s, of %d, and %s, of %d; want a folder for each",
				dir, a.line(first.Command), first.Of, a.line(file.Command), file.Of)
		}
		if parts[file.Shard-1] != nil {
			return nil, nil, fmt.Errorf("%.120s has two results of shard %d, which differ; remove one", dir, file.Shard)
		}
		parts[file.Shard-1] = file.Part
	}
	return first, parts, nil
}

// line is a command as it can be typed.
func (a *app) line(command []string) string {
	return a.printed(scenario.Command(command...))
}

func readShard(path string, content []byte) (*shardFile, error) {
	if nameOf(content) != filepath.Base(path) {
		return nil, fmt.Errorf("%s is damaged: its name does not follow from its content; make that shard anew", path)
	}
	file := &shardFile{}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(file); err != nil || file.Of < 1 || file.Of > maxShards || file.Shard < 1 || file.Shard > file.Of || len(file.Command) == 0 || file.Part == nil {
		return nil, fmt.Errorf("%s is no result of a shard", path)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s is no result of a shard", path)
	}
	return file, nil
}

// partsOf decodes what the shards found; nil: this program does the work.
func partsOf[T any](a *app) ([]T, error) {
	var all []T
	for i, content := range a.parts {
		var part T
		if err := json.Unmarshal(content, &part); err != nil {
			return nil, fmt.Errorf("shard %d is of another kind of work", i+1)
		}
		all = append(all, part)
	}
	return all, nil
}
