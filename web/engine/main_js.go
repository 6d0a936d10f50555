// Command engine is the lab in a browser: it answers the requests of the page's
// worker. It keeps one session; a worker that is ended in the middle of a search takes
// it along, and the page opens it anew by its link.
package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall/js"

	"racelab/lab"
	"racelab/lab/exercise"
	"racelab/scenario"
	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

func main() {
	e := &engine{races: scenarios.All()}
	js.Global().Set("racelab", js.FuncOf(func(_ js.Value, args []js.Value) any { return e.call(args[0].String()) }))
	js.Global().Get("ready").Invoke()
	select {}
}

type engine struct {
	races   []*scenario.Race
	session *lab.Session
	culprit *explore.Culprit
}

// request is what the page asks. Each operation reads the fields that it needs.
type request struct {
	Op       string   `json:"op"`
	Scenario string   `json:"scenario"`
	Variant  string   `json:"variant"`
	Setting  string   `json:"setting"`
	Set      []string `json:"set"`
	Goal     string   `json:"goal"`
	Link     string   `json:"link"`
	Schedule string   `json:"schedule"`
	N        int      `json:"n"`
	Exercise string   `json:"exercise"`
	Text     string   `json:"text"`
	World    string   `json:"world"`
}

// answer is the JSON of what came of it.
type answer struct {
	Error  string `json:"error,omitempty"`
	Result any    `json:"result,omitempty"`
}

func (e *engine) call(text string) string {
	result, err := e.guarded(text)
	a := answer{Result: result}
	if err != nil {
		a = answer{Error: err.Error()}
	}
	out, err := json.Marshal(a)
	if err != nil {
		return `{"error":"the answer is no JSON"}`
	}
	return string(out)
}

// guarded turns a panic into an error: the page lives on.
func (e *engine) guarded(text string) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	var r request
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, err
	}
	return e.do(&r)
}

func (e *engine) do(r *request) (any, error) {
	switch r.Op {
	case "list":
		return e.list(), nil
	case "grade":
		return grade(r)
	case "entries":
		return entries(r.Text), nil
	case "open":
		return e.open(r)
	case "link":
		return e.openLink(r.Link)
	case "try":
		return e.try(r)
	}
	s := e.session
	if s == nil {
		return nil, fmt.Errorf("open a scenario first")
	}
	switch r.Op {
	case "look":
		return e.look("")
	case "aim":
		if err := s.Aim(r.Goal); err != nil {
			return nil, err
		}
		return e.look("")
	case "take":
		return e.after(s.Take(r.N))
	case "undo":
		return e.after(s.Undo(r.N))
	case "play":
		schedule, err := sim.ParseSchedule(r.Schedule)
		if err != nil {
			return nil, err
		}
		return e.after(s.Play(schedule))
	case "ahead":
		return e.ahead(r.N)
	case "reach":
		return e.reach(r.Text, r.N)
	case "why":
		return e.why()
	case "reverse":
		return e.reverse(r.N)
	case "states":
		return e.states(r.N)
	}
	return nil, fmt.Errorf("there is no operation %q", r.Op)
}

func (e *engine) after(err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return e.look("")
}

type listJSON struct {
	Races     []raceJSON           `json:"races"`
	Exercises []*exercise.Exercise `json:"exercises"`
}

type raceJSON struct {
	Name     string        `json:"name"`
	Title    string        `json:"title"`
	Stake    string        `json:"stake"`
	Do       string        `json:"do"`
	Group    string        `json:"group"`
	Variants []variantJSON `json:"variants"`
	Settings []settingJSON `json:"settings"`
	Claims   []claimJSON   `json:"claims"`
	Shown    string        `json:"shown"` // the shortest known schedule of the first variant
}

type variantJSON struct {
	Name    string `json:"name"`
	Release string `json:"release"`
	Does    string `json:"does"`
}

type settingJSON struct {
	Name    string `json:"name"`
	Changes string `json:"changes"`
}

type claimJSON struct {
	Name string `json:"name"`
	Says string `json:"says"`
}

func (e *engine) list() listJSON {
	list := listJSON{Exercises: exercise.All()}
	for _, group := range scenario.Groups() {
		for _, r := range scenario.InGroup(e.races, group) {
			race := raceJSON{Name: r.Name, Title: r.Title, Stake: r.Stake, Do: r.Do, Group: string(group), Shown: r.Schedule}
			for _, v := range r.Variants {
				race.Variants = append(race.Variants, variantJSON{v.Name, v.Release, v.Does})
			}
			for _, s := range r.Settings {
				race.Settings = append(race.Settings, settingJSON{s.Name, s.Changes})
			}
			for _, c := range r.Claims {
				race.Claims = append(race.Claims, claimJSON(c))
			}
			list.Races = append(list.Races, race)
		}
	}
	return list
}

// lookJSON is what a player sees.
type lookJSON struct {
	*view.PageJSON
	Scenario string   `json:"scenario"`
	Variant  string   `json:"variant"`
	Setting  string   `json:"setting"` // empty: none has these parameters
	Changed  []string `json:"changed"` // parameters that are not at their defaults
	Goal     string   `json:"goal"`
	Goals    []string `json:"goals"`
	Reached  int      `json:"reached"` // the step that broke the goal; 0: none did
	Link     string   `json:"link"`
	Explore  string   `json:"explore"` // the command that searches all of it
	Note     string   `json:"note,omitempty"`
}

func (e *engine) look(note string) (any, error) {
	s := e.session
	c := s.Case()
	look := lookJSON{
		PageJSON: view.PageOf(s.Look(), true),
		Scenario: c.Race.Name, Variant: c.Variant.Name, Setting: c.Setting, Changed: append([]string{}, c.Changed.Settings()...),
		Goal: s.Goal(), Goals: s.Goals(), Link: lab.Link(c, s.Schedule()), Explore: c.Command("explore"), Note: note,
	}
	if broken := s.Reached(); broken != nil {
		look.Reached = broken.Step
	}
	return look, nil
}

// begin begins a session with a case, and keeps the old one if that fails.
func (e *engine) begin(c *scenario.Case, goal string) error {
	s, err := lab.New(c, goal)
	if err != nil {
		return err
	}
	e.session, e.culprit = s, nil
	return nil
}

func (e *engine) open(r *request) (any, error) {
	race, err := scenario.Find(e.races, r.Scenario)
	if err != nil {
		return nil, err
	}
	c, err := race.Case(r.Variant, r.Setting, r.Set...)
	if err != nil {
		return nil, err
	}
	if err := e.begin(c, r.Goal); err != nil {
		return nil, err
	}
	return e.fit(r.Schedule)
}

// fit plays what fits of a schedule, and says what does not.
func (e *engine) fit(text string) (any, error) {
	schedule, err := sim.ParseSchedule(text)
	if err != nil || len(schedule) == 0 {
		return e.after(err)
	}
	fit, err := e.session.Rebase(schedule)
	if err != nil {
		return nil, err
	}
	if fit.Whole() {
		return e.look("")
	}
	return e.look(fit.String())
}

func (e *engine) openLink(link string) (any, error) {
	c, schedule, err := lab.ParseLink(e.races, link)
	if err != nil {
		return nil, err
	}
	if err := e.begin(c, ""); err != nil {
		return nil, err
	}
	return e.fit(schedule.String())
}

// try opens the world of an exercise with the learner's text in it.
func (e *engine) try(r *request) (any, error) {
	x, err := exercise.Find(r.Exercise)
	if err != nil {
		return nil, err
	}
	c, err := x.Case(r.Text, r.World)
	if err != nil {
		return nil, err
	}
	if err := e.begin(c, r.Goal); err != nil {
		return nil, err
	}
	return e.fit(r.Schedule)
}

type aheadJSON struct {
	Schedule []string `json:"schedule"` // null: there is no way, as far as is known
	Now      bool     `json:"now"`
	States   int      `json:"states"`
	Complete bool     `json:"complete"`
}

func (e *engine) ahead(limit int) (any, error) {
	return asJSON(e.session.Ahead(explore.Options{Limit: limit}))
}

// reach asks whether the state can become what a question says.
func (e *engine) reach(question string, limit int) (any, error) {
	return asJSON(e.session.Reach(question, explore.Options{Limit: limit}))
}

func asJSON(ahead *lab.Ahead, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out := aheadJSON{Now: ahead.Now, States: ahead.States, Complete: ahead.Complete}
	for _, step := range ahead.Schedule {
		out.Schedule = append(out.Schedule, step.String())
	}
	return out, nil
}

type whyJSON struct {
	Known     bool     `json:"known"`
	States    int      `json:"states"`
	Orders    []any    `json:"orders"`
	Sentences []string `json:"sentences"`
	Released  string   `json:"released"` // the command that asks the released client; empty: none
	Handed    bool     `json:"handed"`   // it is kept to the orders
}

func (e *engine) why() (_ any, err error) {
	if e.culprit, err = e.session.Why(); err != nil {
		return nil, err
	}
	var why whyJSON
	why.Released, why.Handed = e.session.Released(e.culprit)
	if e.culprit == nil {
		return why, nil
	}
	why.Known, why.States, why.Sentences = true, e.culprit.States, e.culprit.Sentences()
	for _, o := range e.culprit.Orders {
		why.Orders = append(why.Orders, view.OrderJSON{Earlier: o.Earlier.String(), EarlierAt: o.EarlierAt, Later: o.Later.String(), LaterAt: o.LaterAt, Object: o.Object})
	}
	return why, nil
}

// reverse plays the run that survives without the n-th order of the last why.
func (e *engine) reverse(n int) (any, error) {
	if e.culprit == nil {
		if _, err := e.why(); err != nil || e.culprit == nil {
			return nil, fmt.Errorf("there are no orders to reverse")
		}
	}
	schedule, ok, err := e.session.Reverse(e.culprit, n)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("it takes too long to find a run without this order")
	}
	return e.after(e.session.Play(schedule))
}

type statesJSON struct {
	States      int      `json:"states"`
	Transitions int      `json:"transitions"`
	Complete    bool     `json:"complete"`
	Verdicts    []string `json:"verdicts"` // "committed-never-falls: broken"
}

// states searches the whole case, for comparison with the command.
func (e *engine) states(limit int) (any, error) {
	sys, err := e.session.Case().System()
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	r, err := explore.States(sys, explore.Options{Limit: limit})
	if err != nil {
		return nil, err
	}
	out := statesJSON{States: r.States, Transitions: r.Transitions, Complete: r.Complete}
	for _, v := range r.Verdicts {
		out.Verdicts = append(out.Verdicts, v.Property+": "+string(v.Outcome))
	}
	return out, nil
}

type gradeJSON struct {
	exercise.Verdict
	Headline string `json:"headline"`
	Line     string `json:"line_of_board"`
}

func grade(r *request) (any, error) {
	x, err := exercise.Find(r.Exercise)
	if err != nil {
		return nil, err
	}
	v := x.Grade(r.Text)
	return gradeJSON{v, v.Headline(), v.Entry().String()}, nil
}

type entryJSON struct {
	*exercise.Entry        // nil: the line is none
	Line            string `json:"line"`
}

// entries reads the lines of a class.
func entries(text string) []entryJSON {
	list := []entryJSON{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		read := entryJSON{Line: line}
		if at := strings.Index(line, "racelab "); at >= 0 {
			if e, err := exercise.ParseEntry(line[at:]); err == nil {
				read.Entry = &e
			}
		}
		list = append(list, read)
	}
	return list
}
