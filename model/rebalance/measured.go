package rebalance

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

// measuredTable is what released clients did, a cell a line.
//
// Source: franz-go 1.22.1 to 1.22.3, Sarama 1.43.2, 1.48.0 and 1.61.1 and kafka-go
// 0.4.51 against kfake, in virtual time, 20 runs and more a cell.
//
//go:embed measured.csv
var measuredTable []byte

// Range is what a number was in all runs: from the least to the greatest.
type Range struct{ From, To int }

// Has says whether a number is in the range.
func (r Range) Has(n int) bool { return r.From <= n && n <= r.To }

func (r Range) String() string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// Cell is a cell that was measured.
type Cell struct {
	Trigger, Application, Client, Protocol           string
	Lost                                             Range
	Records                                          string // that were lost
	Repeated, Late, Back, Rewound, NotOwned, Refused Range
	Close                                            string // seconds: "1.4-1.5"; empty: not called
	Same                                             string
}

// Measured lists the cells, in the order of the table.
func Measured() []Cell { return cellsOf(measuredTable) }

// cellsOf reads a table of cells.
func cellsOf(table []byte) []Cell {
	rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil {
		panic("rebalance: " + err.Error())
	}
	number := func(text string) Range {
		from, to, spans := strings.Cut(text, "-")
		if !spans {
			to = from
		}
		a, errA := strconv.Atoi(from)
		b, errB := strconv.Atoi(to)
		if errA != nil || errB != nil {
			panic("rebalance: measured.csv has the number " + text)
		}
		return Range{a, b}
	}
	var cells []Cell
	for _, r := range rows[1:] {
		cells = append(cells, Cell{
			Trigger: r[0], Application: r[1], Client: r[2], Protocol: r[3], Lost: number(r[4]), Records: r[5],
			Repeated: number(r[6]), Late: number(r[7]), Back: number(r[8]), Rewound: number(r[9]), NotOwned: number(r[10]), Refused: number(r[11]),
			Close: r[12], Same: r[13],
		})
	}
	return cells
}
