package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"racelab/witness"
	"racelab/witness/internal/build"
	"racelab/witness/internal/names"
)

// table explores all experiments of a client on several of its releases, and writes
// what broke as a table: in how many of how many runs, and which property.
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
	fmt.Fprintf(out, "| %s | %s |\n|---|%s\n", client.Name, strings.Join(all, " | "), strings.Repeat("---|", len(all)))
	for _, version := range versions {
		answers, err := q.answers(ctx, client, version, errs)
		row := "| " + version + " |"
		switch {
		case ctx.Err() != nil:
			return exitInterrupted, nil
		case err != nil:
			row += strings.Repeat(" not run |", len(all))
			fmt.Fprintf(errs, "witness: %s@%s: %v\n", client.Name, version, err)
		}
		for _, name := range all {
			if err == nil {
				row += " " + cell(answers[names.Test(name)]) + " |"
			}
		}
		fmt.Fprintln(out, row)
	}
	return exitHolds, nil
}

func cell(a *witness.Answer) string {
	switch {
	case a == nil:
		return "not run"
	case a.Property == "":
		return fmt.Sprintf("0 of %d", a.Runs)
	case a.Again == 100:
		return fmt.Sprintf("%s: %d of %d", a.Property, a.Bad, a.Runs)
	}
	return fmt.Sprintf("%s: %d of %d, repeated %d of 100", a.Property, a.Bad, a.Runs, a.Again)
}

// answers explores all experiments on one release.
func (q *question) answers(ctx context.Context, client build.Client, version string, errs io.Writer) (map[string]*witness.Answer, error) {
	dir, pkg, err := client.Prepare(ctx, version, "")
	if err != nil {
		return nil, err
	}
	one := *q
	one.Answers = filepath.Join(dir, "answers.json")
	one.Count, one.Keep, one.Leaks, one.dir, one.packages = true, false, false, dir, []string{pkg}
	var said bytes.Buffer
	if _, err := one.test(ctx, &said, errs); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said.String())
	}
	file, err := os.Open(one.Answers)
	if err != nil {
		return nil, err
	}
	defer file.Close()
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
