package view

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
)

// PageJSON is a run with its picture: what a page needs to draw it.
type PageJSON struct {
	Run    RunJSON    `json:"run"`
	Lanes  []LaneJSON `json:"lanes"`  // of the picture
	Rows   []RowJSON  `json:"rows"`   // a row for each step
	Folded []RowJSON  `json:"folded"` // with the steps of a task in one row, where nobody interrupts
	Why    []string   `json:"why,omitempty"`
}

// RowJSON is a row of the picture. Lanes are counted from 0.
type RowJSON struct {
	First   int           `json:"first"` // steps, from 1
	Last    int           `json:"last"`
	From    int           `json:"from"` // the lane of the message that it takes; -1: it takes none
	To      int           `json:"to"`
	Lanes   []int         `json:"lanes"`  // where it stands
	Own     bool          `json:"own"`    // a step of the lane; else a timer or a fault
	Answer  bool          `json:"answer"` // the message answers a request
	Name    string        `json:"name"`   // as a schedule has it, without what the lane says
	Said    string        `json:"said"`   // what it takes, and what it sends
	Changed []ChangedJSON `json:"changed"`
}

// ChangedJSON is what changed, in words, beside a lane.
type ChangedJSON struct {
	Lane int    `json:"lane"`
	Text string `json:"text"`
}

// PageOf is a run as a page draws it. With all, every lane is drawn, also one in
// which nothing has happened yet.
func PageOf(r *Report, all bool) *PageJSON {
	p := &PageJSON{Run: r.AsJSON(), Lanes: []LaneJSON{}}
	full, folded := newPicture(r, true, all), newPicture(r, false, all)
	for _, lane := range full.lanes {
		p.Lanes = append(p.Lanes, LaneJSON{lane.Name, string(lane.Kind), lane.Process})
	}
	p.Rows, p.Folded = full.asJSON(), folded.asJSON()
	return p
}

func (p *picture) asJSON() []RowJSON {
	rows := []RowJSON{}
	for i := range p.rows {
		r := &p.rows[i]
		row := RowJSON{
			First: r.first, Last: r.last, From: r.from, To: r.to, Lanes: r.lanes, Own: r.own, Answer: r.answer,
			Name: r.name(), Changed: []ChangedJSON{},
		}
		for j, said := range r.said {
			if j > 0 {
				row.Said += ", "
			}
			row.Said += said
		}
		changed := p.changed(r)
		for lane := range p.lanes {
			for _, text := range changed[lane] {
				row.Changed = append(row.Changed, ChangedJSON{lane, text})
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// The style and the script that draw a run: of HTML, and of the lab's page.
var (
	//go:embed run.css
	RunCSS string
	//go:embed run.js
	RunJS string
	//go:embed run.html
	runHTML string
)

// HTML writes the run as one file that needs no other: a browser shows it without a
// network.
func HTML(w io.Writer, r *Report, _ Options) error {
	page := PageOf(r, false)
	if r.Culprit != nil {
		page.Why = r.Culprit.Sentences()
	}
	data, err := json.Marshal(page) // It escapes <, so no text can end the script.
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	_, err = strings.NewReplacer("{{title}}", html.EscapeString(r.Title), "{{css}}", RunCSS, "{{js}}", RunJS, "{{page}}", string(data)).WriteString(w, runHTML)
	return err
}
