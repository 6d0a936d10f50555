// Command mutants plants known bugs, one at a time, in a copy of the tree, and
// runs the tests that should notice. One that they do not notice is a hole in the
// tests, and makes it fail.
//
//	go -C tools run ./mutants [NAME...]
package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// mutant is a bug as a patch.
type mutant struct {
	name string
	file string // from the root of the tree
	old  string // stands there once
	new  string
	why  string // what harm it does
	// tests is what should notice: a package, and a pattern of its tests.
	tests [2]string
}

func main() {
	names := os.Args[1:]
	for _, name := range names {
		if !slices.ContainsFunc(mutants, func(m mutant) bool { return m.name == name }) {
			fmt.Fprintf(os.Stderr, "mutants: there is no %q; there is %s\n", name, strings.Join(all(), ", "))
			os.Exit(2)
		}
	}
	failed, err := run("..", names)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func all() []string {
	var names []string
	for _, m := range mutants {
		names = append(names, m.name)
	}
	return names
}

// run plants the mutants of the names, or all, and returns how many survive or
// cannot be tried.
func run(root string, names []string) (survivors int, err error) {
	copied, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(copied)
	if err := copyTree(root, copied); err != nil {
		return 0, err
	}
	for _, m := range mutants {
		if len(names) > 0 && !slices.Contains(names, m.name) {
			continue
		}
		began := time.Now()
		noticed, said, err := m.try(copied)
		if err != nil {
			survivors++
			fmt.Printf("NOT TRIED %-28s %5.1fs  %v\n", m.name, time.Since(began).Seconds(), err)
			continue
		}
		if noticed {
			fmt.Printf("noticed   %-28s %5.1fs  %s\n", m.name, time.Since(began).Seconds(), said)
			continue
		}
		survivors++
		fmt.Printf("SURVIVES  %-28s %5.1fs  %s: %s\n", m.name, time.Since(began).Seconds(), m.file, m.why)
	}
	return survivors, nil
}

// try plants the mutant, runs its tests and takes it out again.
func (m *mutant) try(root string) (noticed bool, said string, err error) {
	path := filepath.Join(root, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		return false, "", err
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return false, "", fmt.Errorf("the text to change stands %d times in %s, want once", n, m.file)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o666); err != nil {
		return false, "", err
	}
	defer func() { err = firstError(err, os.WriteFile(path, source, 0o666)) }()
	test := exec.Command("go", "test", "-count=1", "-timeout=10m", "-run", m.tests[1], m.tests[0])
	test.Dir = root
	out, failed := test.CombinedOutput()
	if strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]") || strings.Contains(string(out), "no tests to run") {
		return false, "", fmt.Errorf("%s", out)
	}
	for line := range strings.Lines(string(out)) {
		if by, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			return true, strings.TrimSpace(by), nil
		}
	}
	return failed != nil, "a panic", nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies all but what git keeps for itself.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case entry.Name() == ".git":
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, relative), 0o777)
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), content, 0o666)
	})
}
