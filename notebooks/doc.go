// Package notebooks checks the lessons beside it: each is a Jupyter notebook
// with the outputs that its reader should see, and go test runs it again and
// compares.
//
// # What is run
//
// A lesson runs under GoNB, which makes a program of each cell and of all
// declarations before it. Here the cells become one program, which is built
// once and run once for each of them. What GoNB allows and this does not:
//
//   - The first code cell of a lesson is Setup, and no other has a line that
//     begins with % or !, but for the %% that begins a cell's main.
//   - A name is declared once, and used in no cell before that.
//   - A cell prints, or it shows pictures: GoNB keeps no order between the two.
//     A cell with a %% does one of them.
//
// jupyter nbconvert --execute is no check: it ends with 0 after a panic.
//
// The check is run with -count=1. The cache of go test does not see what the
// cells' program is built of: a lesson would pass that is out of date.
package notebooks

// What the cells import besides the standard library stands here, too, since go
// mod tidy sees no cells.
import (
	_ "github.com/janpfeifer/gonb/gonbui" // shows a picture below a cell
	_ "racelab/advise"
	_ "racelab/figures"
	_ "racelab/scenario"
	_ "racelab/scenarios"
	_ "racelab/sim"
	_ "racelab/sim/explore"
	_ "racelab/sim/view"
	_ "racelab/sweeps"
)
