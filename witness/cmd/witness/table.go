package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"racelab/witness"
	"racelab/witness/internal/build"
	"racelab/witness/internal/names"
	"racelab/witness/rt"
)

// row is what one experiment found on one release: a line of the file of --save.
type row struct {
	Client     string `json:"client"`
	Release    string `json:"release"` // "1.43.2"
	Experiment string `json:"experiment"`
	Race       string `json:"race,omitempty"`     // see build.Experiment
	Property   string `json:"property,omitempty"` // that broke; empty: nothing did
	Bad        int    `json:"bad,omitempty"`      // runs
	Runs       int    `json:"runs,omitempty"`     // 0: it could not be run
	Again      int    `json:"again,omitempty"`    // of 100 repetitions
	Trouble    string `json:"trouble,omitempty"`  // why it could not be run
}

// table explores all experiments of a client on several of its releases, and writes
// what broke as a table: in how many of how many runs, and which property. With
// --save, what the file has is not run again.
func (q *question) table(ctx context.Context, out, errs io.Writer) (int, error) {
	if len(q.packages) == 0 {
		return exitUsage, fmt.Errorf("want releases of a client, such as sarama@v1.43.2 sarama@v1.43.3")
	}
	var client build.Client
	var versions []string
	for _, text := range q.packages {
		c, version, err := build.FindClient(text)
		if err != nil {
			return exitUsage, err
		}
		if client.Name != "" && c.Name != client.Name {
			return exitUsage, fmt.Errorf("one client a table, not %s and %s", client.Name, c.Name)
		}
		client, versions = c, append(versions, version)
	}
	all, err := client.Experiments()
	if err != nil {
		return exitUsage, err
	}
	known, err := readRows(q.save)
	if err != nil {
		return exitUsage, err
	}
	fmt.Fprintf(out, "| %s |", client.Name)
	for _, e := range all {
		fmt.Fprintf(out, " %s |", e.Name)
	}
	fmt.Fprintf(out, "\n|---|%s\n", strings.Repeat("---|", len(all)))
	for _, version := range versions {
		var missing []build.Experiment
		for _, e := range all {
			if known.find(client.Name, version, e.Name) == nil {
				missing = append(missing, e)
			}
		}
		if len(missing) > 0 {
			rows := q.rows(ctx, client, version, missing, errs)
			if ctx.Err() != nil {
				return exitInterrupted, nil
			}
			if err := rows.save(q.save); err != nil {
				return exitUsage, err
			}
			known = append(known, rows...)
		}
		fmt.Fprintf(out, "| %s |", strings.TrimPrefix(version, "v"))
		for _, e := range all {
			fmt.Fprintf(out, " %s |", known.find(client.Name, version, e.Name).cell())
		}
		fmt.Fprintln(out)
	}
	return exitHolds, nil
}

func (r *row) cell() string {
	switch {
	case r.Runs == 0:
		return "not run"
	case r.Property == "":
		return fmt.Sprintf("0 of %d", r.Runs)
	case r.Again == 100:
		return fmt.Sprintf("%s: %d of %d", r.Property, r.Bad, r.Runs)
	}
	return fmt.Sprintf("%s: %d of %d, repeated %d of 100", r.Property, r.Bad, r.Runs, r.Again)
}

type rows []*row

func (rs rows) find(client, version, experiment string) *row {
	for _, r := range rs {
		if r.Client == client && "v"+r.Release == version && r.Experiment == experiment {
			return r
		}
	}
	return nil
}

// readRows reads a file of --save; without a name or a file there are none.
func readRows(file string) (all rows, err error) {
	content, err := os.ReadFile(file)
	if file == "" || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(content) {
		r := &row{}
		if err := json.Unmarshal(line, r); err != nil {
			return nil, fmt.Errorf("%s: %.80q is no row of this table: %w", file, line, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// save adds rows to a file.
func (rs rows) save(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	e := json.NewEncoder(f)
	for _, r := range rs {
		err = errors.Join(err, e.Encode(r))
	}
	return errors.Join(err, f.Close())
}

// rows explores experiments on one release.
func (q *question) rows(ctx context.Context, client build.Client, version string, experiments []build.Experiment, errs io.Writer) (all rows) {
	can := slices.DeleteFunc(slices.Clone(experiments), func(e build.Experiment) bool { return client.Cannot(version, e) != "" })
	var answers map[string]*witness.Answer
	var err error
	if len(can) > 0 {
		answers, err = q.answers(ctx, client, version, can, errs)
	}
	if err != nil {
		fmt.Fprintf(errs, "witness: %s@%s: %v\n", client.Name, version, err)
	}
	for _, e := range experiments {
		r := &row{Client: client.Name, Release: strings.TrimPrefix(version, "v"), Experiment: e.Name, Race: e.Race}
		switch a := answers[names.Test(e.Name)]; {
		case client.Cannot(version, e) != "":
			r.Trouble = client.Cannot(version, e)
		case err != nil:
			r.Trouble, _, _ = strings.Cut(strings.TrimPrefix(err.Error(), client.Name+"@"+version+": "), "\n")
			r.Trouble = strings.TrimSuffix(r.Trouble, ".")
		case a == nil:
			r.Trouble = "it did not come to an end"
		case a.Property == rt.UnderControl:
			r.Trouble = a.Sentence
		default:
			r.Property, r.Bad, r.Runs, r.Again = a.Property, a.Bad, a.Runs, a.Again
		}
		all = append(all, r)
	}
	return all
}

// answers explores experiments on one release, and returns what the tests found.
func (q *question) answers(ctx context.Context, client build.Client, version string, experiments []build.Experiment, errs io.Writer) (map[string]*witness.Answer, error) {
	dir, pkg, err := client.Prepare(ctx, version)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "witness-answers")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	one := *q
	var tests []string
	one.RunsOf = map[string]int{}
	for _, e := range experiments {
		tests = append(tests, names.Test(e.Name))
		if e.Runs > 0 {
			one.RunsOf[names.Test(e.Name)] = e.Runs
		}
	}
	one.Answers, one.run = file.Name(), "^("+strings.Join(tests, "|")+")$"
	one.Count, one.Keep, one.Leaks, one.dir, one.packages = true, false, false, dir, []string{pkg}
	var said bytes.Buffer
	if _, err := one.test(ctx, &output{Writer: &said}, errs); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said.String())
	}
	all := map[string]*witness.Answer{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		a := &witness.Answer{}
		if err := json.Unmarshal(lines.Bytes(), a); err != nil {
			return nil, err
		}
		all[a.Test] = a
	}
	return all, nil
}
