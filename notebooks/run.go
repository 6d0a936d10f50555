package notebooks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// cellLimit is how long a cell may take. Those of the lessons take seconds.
const cellLimit = 5 * time.Minute

// Check runs a notebook and compares what its cells show with what is stored.
// It returns what is wrong, a line each.
func Check(path string) []string {
	l, err := run(path)
	if err != nil {
		return named(path, []error{err})
	}
	wrong := l.wrong
	for i, shown := range l.shown {
		if wrong[i] == nil {
			wrong[i] = l.cells[i].check(shown)
		}
	}
	return named(path, wrong)
}

// check compares what the cell shows with what is stored.
func (c *Cell) check(shown Shown) error {
	stored, err := c.Stored()
	if err != nil {
		return err
	}
	if !shown.isNothing() && stored.isNothing() {
		return errors.New("no output is stored; go -C notebooks test . -update stores it")
	}
	return shown.differs(stored)
}

// Update runs a notebook and stores what its cells show. If it returns what is
// wrong, it has stored nothing.
func Update(path string) []string {
	l, err := run(path)
	if err != nil {
		return named(path, []error{err})
	}
	if wrong := named(path, l.wrong); wrong != nil {
		return wrong
	}
	content, err := rewrite(l.content, l.shown)
	if err == nil {
		err = os.WriteFile(path, content, 0o644)
	}
	return named(path, []error{err})
}

// named puts the notebook and the cell before each error, and numbers of lines
// as people write them.
func named(path string, wrong []error) []string {
	var lines []string
	for i, err := range wrong {
		if err == nil {
			continue
		}
		line := err.Error()
		if !strings.HasPrefix(line, "cell ") && len(wrong) > 1 {
			line = fmt.Sprintf("cell %d: %s", i+1, line)
		}
		lines = append(lines, filepath.Base(path)+": "+strings.ReplaceAll(line, ", line:", ", line "))
	}
	return lines
}

// lesson is a notebook that has been run.
type lesson struct {
	content []byte
	cells   []Cell  // those with code
	shown   []Shown // by each
	wrong   []error // with each; nil: nothing
}

// run runs the cells of a notebook. The error says why none could be run.
func run(path string) (*lesson, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	n, err := Parse(content)
	if err != nil {
		return nil, err
	}
	l := &lesson{content: content, cells: n.Code()}
	p, err := compose(l.cells)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "lesson")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	binary, err := p.build(folder)
	if err != nil {
		return nil, err
	}
	l.shown, l.wrong = make([]Shown, len(l.cells)), make([]error, len(l.cells))
	for i := range p.parts {
		at := p.parts[i].cell - 1
		l.shown[at], l.wrong[at] = p.parts[i].run(binary)
	}
	return l, nil
}

// build builds the program, and holds it to the rules of package sim if it
// imports that. The error is the first that is found.
func (p *program) build(folder string) (binary string, err error) {
	binary = filepath.Join(folder, "lesson")
	cells, main := filepath.Join(folder, "cells.go"), filepath.Join(folder, "main.go")
	err = cmp.Or(os.WriteFile(cells, []byte(p.cells), 0o600), os.WriteFile(main, []byte(p.main), 0o600))
	if err != nil {
		return "", err
	}
	if err = goTool("build", "-o", binary, cells, main); err == nil && strings.Contains(p.cells, `"racelab/sim"`) {
		var vet string
		if vet, err = racevet(); err == nil {
			err = goTool("vet", "-vettool="+vet, cells, main)
		}
	}
	return binary, err
}

// goTool runs the go command. The error is the first that it says of a cell.
func goTool(args ...string) error {
	output, err := exec.Command("go", args...).CombinedOutput()
	if err == nil {
		return nil
	}
	if said := aboutCell.Find(output); said != nil {
		return errors.New(string(said))
	}
	return fmt.Errorf("go %s: %w: %.500q", args[0], err, output)
}

var aboutCell = regexp.MustCompile(`cell \d+, line:.+`)

// racevet is the program that holds whatever imports package sim to its rules.
var racevet = sync.OnceValues(func() (string, error) {
	path, err := exec.Command("go", "-C", "../tools", "tool", "-n", "racevet").Output()
	if err != nil {
		return "", fmt.Errorf("go tool racevet: %w", err)
	}
	return strings.TrimSpace(string(path)), nil
})

// run runs the cell, which GoNB gives a process of its own, and returns what it
// shows.
func (p *part) run(binary string) (Shown, error) {
	ctx, release := context.WithTimeout(context.Background(), cellLimit)
	defer release()
	cmd := exec.CommandContext(ctx, binary, strconv.Itoa(p.cell))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	display, err := newDisplay(cmd)
	if err != nil {
		return Shown{}, err
	}
	err = cmd.Start()
	pictures, refused := display.read()
	if err == nil {
		err = cmd.Wait()
	}
	s := Shown{stdout.String(), pictures}
	switch {
	case ctx.Err() != nil:
		return s, fmt.Errorf("it did not end within %v", cellLimit)
	case err != nil:
		return s, fmt.Errorf("%w%s", err, blame(stderr.String()))
	case refused != nil:
		return s, refused
	case stderr.Len() > 0:
		return s, fmt.Errorf("it writes to stderr: %.200q", stderr.String())
	case s.Text != "" && s.Pictures != nil:
		return s, errors.New("it prints and shows a picture, and GoNB keeps no order between the two")
	case p.mainLine > 0 && s.isNothing():
		return s, errors.New("it has a %% and shows nothing")
	}
	return s, nil
}

// place is where a stack trace names a line of a cell.
var place = regexp.MustCompile(`cell \d+, line:\d+`)

// blame is what a process said before it died, and the first line of a cell in
// its stack trace.
func blame(stderr string) string {
	said, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if said == "" {
		return ""
	}
	if at := place.FindString(stderr); at != "" {
		said += ", at " + at
	}
	return ": " + said
}

// display is the other end of the pipes on which a cell, by gonbui, shows
// pictures, and learns that they have been taken.
type display struct {
	in, out *os.File // from the cell, to the cell
	cells   [2]*os.File
}

func newDisplay(cmd *exec.Cmd) (*display, error) {
	d := &display{}
	var err error
	if d.in, d.cells[0], err = os.Pipe(); err != nil {
		return nil, err
	}
	if d.cells[1], d.out, err = os.Pipe(); err != nil {
		return nil, err
	}
	cmd.ExtraFiles = d.cells[:]
	// gonbui opens the pipes by name; those of a process's own files do.
	cmd.Env = append(os.Environ(), protocol.GONB_PIPE_ENV+"=/dev/fd/3", protocol.GONB_PIPE_BACK_ENV+"=/dev/fd/4")
	return d, nil
}

// read takes what the cell shows until it ends.
func (d *display) read() (pictures [][]byte, err error) {
	defer d.in.Close()
	defer d.out.Close()
	for _, f := range d.cells {
		f.Close()
	}
	decoder, encoder := gob.NewDecoder(d.in), gob.NewEncoder(d.out)
	for {
		var data protocol.DisplayData
		if end := decoder.Decode(&data); end == io.EOF {
			return pictures, err
		} else if end != nil {
			return pictures, end
		}
		picture, isPicture := data.Data[png].([]byte)
		value, isValue := data.Data[protocol.MIMECommValue].(protocol.CommValue)
		switch {
		case isPicture && len(data.Data) == 1:
			pictures = append(pictures, picture)
		case isValue && value.Address == protocol.GonbuiSyncAddress:
			_ = encoder.Encode(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: value.Value})
		default:
			err = fmt.Errorf("it shows what is not compared; want text on stdout, or %s", png)
		}
	}
}
