package simrun

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"racelab/sim/explore"
)

// scratch is the files of --spill.
type scratch struct {
	files [2]explore.Scratch
	close func() // also removes them
}

// roomTried is how many bytes a folder must have room for.
const roomTried = 64 << 10

// openScratch makes the files in a folder, and tries whether it has room; without a
// folder there are none. Where the system allows it they have no name from then on, so
// nothing is left of them when the process is killed.
func openScratch(folder string) (s scratch, err error) {
	var files []*os.File
	s.close = func() {
		for _, f := range files {
			_ = f.Close()           // Nobody reads it any more,
			_ = os.Remove(f.Name()) // and most systems have removed it already.
		}
	}
	if folder == "" {
		return s, nil
	}
	for i := range s.files {
		f, err := os.CreateTemp(folder, "racelab-*.states")
		if err == nil {
			files = append(files, f)
			_ = os.Remove(f.Name()) // Some systems do it at the end only.
			if _, err = f.WriteAt(make([]byte, roomTried), 0); err == nil {
				err = f.Truncate(0)
			}
		}
		if err != nil {
			s.close()
			if of := (*fs.PathError)(nil); errors.As(err, &of) {
				err = of.Err // The name of the file means nothing to anybody.
			}
			return s, fmt.Errorf("cannot spill to %s: %w; want a folder to write to, with room in it", folder, err)
		}
		s.files[i] = f
	}
	return s, nil
}
