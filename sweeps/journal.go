package sweeps

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"racelab/scenario"
)

// inputs are what a sweep's numbers depend on. They are the first line of its
// journal.
type inputs struct {
	Sweep  string `json:"sweep"`
	Values string `json:"values"`
	Seeds  int    `json:"seeds"`
	Points string `json:"points"` // a hash of all that is run and measured
	Build  string `json:"build"`
}

func (s *Sweep) inputs(values scenario.Values, points []point, o Options) inputs {
	hash := sha256.New()
	fmt.Fprintln(hash, s.Measures)
	for i := range points {
		fmt.Fprintln(hash, &points[i])
	}
	return inputs{s.Name, values.String(), o.Seeds, fmt.Sprintf("%x", hash.Sum(nil)[:8]), o.Build}
}

// differs names the first input that another journal was made with.
func (in inputs) differs(was inputs) error {
	switch {
	case was == in:
		return nil
	case was.Sweep != in.Sweep:
		return fmt.Errorf("it is of the sweep %.60q", was.Sweep)
	case was.Values != in.Values:
		return fmt.Errorf("it was made with %.120s, not %s", was.Values, in.Values)
	case was.Seeds != in.Seeds:
		return fmt.Errorf("it was made with %d seeds, not %d", was.Seeds, in.Seeds)
	default:
		return errors.New("it was made by another build of this program")
	}
}

// journal is the file in which the points that are done are kept, a line each,
// so that a sweep that was killed goes on where it was.
type journal struct{ file *os.File }

// entry is a line of the journal: a point, and what its runs measured.
type entry struct {
	Point   int         `json:"point"`
	Samples [][]float64 `json:"samples"`
}

// openJournal opens or begins a journal and hands over the points that it
// holds. A line that is not whole, and all behind it, is dropped: the process
// was killed while it wrote.
func openJournal(path string, in inputs, restore func(point int, samples [][]float64) bool) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, plain(err)
	}
	j := &journal{file}
	if err := j.resume(in, restore); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

func (j *journal) resume(in inputs, restore func(point int, samples [][]float64) bool) error {
	content, err := io.ReadAll(j.file)
	if err != nil {
		return plain(err)
	}
	first, rest, begun := bytes.Cut(content, []byte{'\n'})
	if begun {
		var was inputs
		if !decode(first, &was) {
			return fmt.Errorf("%s is no journal of a sweep; remove it to begin anew", j.file.Name())
		}
		if err := in.differs(was); err != nil {
			return fmt.Errorf("%s is of an unfinished sweep that does not fit: %w; remove it to begin anew", j.file.Name(), err)
		}
		for {
			line, after, whole := bytes.Cut(rest, []byte{'\n'})
			var e entry
			if !whole || !decode(line, &e) || !restore(e.Point, e.Samples) {
				break
			}
			rest = after
		}
	} else {
		rest = content
	}
	end := int64(len(content) - len(rest))
	if err := j.file.Truncate(end); err != nil {
		return plain(err)
	}
	if _, err := j.file.Seek(end, io.SeekStart); err != nil {
		return plain(err)
	}
	if !begun {
		return j.write(in)
	}
	return nil
}

// decode reads one JSON object that has no fields but those of into.
func decode(line []byte, into any) bool {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	return d.Decode(into) == nil && !d.More()
}

func (j *journal) add(point int, samples [][]float64) error { return j.write(entry{point, samples}) }

// write adds a line by one call, so that a kill leaves at most that one half
// written.
func (j *journal) write(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(text, '\n'))
	return plain(err)
}

func (j *journal) close() { _ = j.file.Close() }

// plain is an error of a file without the name of the system call.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
