package scenario

import (
	"cmp"
	"slices"
	"strings"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// Case is one variant in one setting: what is run and searched.
type Case struct {
	Race    *Race
	Variant RaceVariant
	Setting string // the first that has these parameters; empty: none has
	Values  Values // all parameters
	Changed Values // those that are not at their defaults

	promised []string // claims that Build is to watch
	world    func() *sim.World
	other    func(variant string) *Case // with the same parameters
}

func (s *Scenario[S, V]) caseOf(r *Race, variant string, p S) *Case {
	flags := bind(s.Flags, &p, true)
	c := &Case{
		Race: r, Variant: r.Variants[slices.Index(r.VariantNames(), s.variant(variant).Name)],
		Values: flags.values(), Changed: flags.changed(),
		world: func() *sim.World { return s.World(variant, p) },
		other: func(variant string) *Case { return s.caseOf(r, variant, p) },
	}
	for _, claim := range s.Claims {
		if claim.Property == nil && !slices.Contains(builtIns, claim.Name) && (claim.If == nil || claim.If(p)) {
			c.promised = append(c.promised, claim.Name)
		}
	}
	if i := slices.IndexFunc(r.Settings, func(s RaceSetting) bool { return slices.Equal(s.Values, c.Values) }); i >= 0 {
		c.Setting = r.Settings[i].Name
	}
	return c
}

// possible says why there is no such world: what is set is refused by the client
// itself.
func (c *Case) possible() (err error) {
	defer sim.RecoverModelError(&err)
	c.World().Close()
	return nil
}

// World makes the world.
func (c *Case) World() *sim.World { return c.world() }

// System returns what a search works on.
func (c *Case) System() (*explore.Worlds, error) {
	sys, err := explore.NewWorlds(c.world)
	if err != nil {
		return nil, err
	}
	judged := sys.Properties()
	for _, name := range c.promised {
		if !slices.Contains(judged, name) {
			sys.Close()
			return nil, fault("%s: nobody judges the claim %q in %s: it has no Property, and Build adds none of that name", c.Race.Name, name, c.Variant.Name)
		}
	}
	return sys, nil
}

// Of returns another variant with the same parameters. The error lists what there is.
func (c *Case) Of(variant string) (*Case, error) {
	if _, err := find("variant of "+c.Race.Name, variant, c.Race.VariantNames()); err != nil {
		return nil, err
	}
	return c.other(variant), nil
}

// States searches the states that can be reached, at most o.Limit of them, or
// CheckStates. The error says why no search of it
// can be trusted.
func (c *Case) States(o explore.Options) (*explore.Result, error) {
	sys, err := c.System()
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	if o.Limit == 0 {
		o.Limit = CheckStates
	}
	return explore.States(sys, o)
}

// Default is the Chooser that shows the case best: the shortest known schedule
// for the unfixed variant; for a fix the story of the race, or, where it has none, that
// schedule as far as the fix goes that way, and then on. The defaults of the
// parameters are what both are made for; with others they are tried. A race that has
// neither is searched for the shortest break.
func (c *Case) Default() sim.Chooser {
	schedule, _ := c.firstBreak()
	switch {
	case schedule != nil:
		return sim.NewReplay(schedule)
	case c.Shown():
		return sim.NewReplay(c.Race.shortestKnown())
	case c.Race.Story == "" && c.Race.Schedule != "":
		w := c.World()
		defer w.Close()
		return &replayThenContinue{sim.NewReplay(explore.Rebase(w, c.Race.shortestKnown()).Schedule), explore.NewScript()}
	}
	return c.Race.script()
}

// shortStates is how many states Default searches.
const shortStates = 20_000

// firstBreak is the shortest schedule that breaks a race which shows none and tells no
// story, and what it breaks. Nil: nothing, as far as a short search goes.
func (c *Case) firstBreak() (sim.Schedule, string) {
	if c.Race.Schedule != "" || c.Race.Story != "" {
		return nil, ""
	}
	r, err := c.States(explore.Options{Limit: shortStates, First: true})
	if err != nil {
		return nil, "" // The run says it too.
	}
	best := (*explore.Verdict)(nil)
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Outcome == explore.Broken && !v.Probe && (best == nil || c.Race.Rank(v.Property) < c.Race.Rank(best.Property)) {
			best = v
		}
	}
	if best == nil {
		return nil, ""
	}
	return best.Schedule, best.Property
}

// First is the property to look at first: the first claim, or, where the race declares
// none, what a short search breaks; else the first that is watched.
func (c *Case) First() string {
	if len(c.Race.Claims) > 0 {
		return c.Race.Claims[0].Name
	}
	if _, property := c.firstBreak(); property != "" {
		return property
	}
	return c.Race.Watched(c.Variant.Name, c.Race.Settings[0].Name)[0]
}

// Shown says whether it is the case that the race's schedule is of.
func (c *Case) Shown() bool {
	return c.Race.Schedule != "" && c.Variant.Name == c.Race.Variants[0].Name && len(c.Changed) == 0
}

// shortestKnown is the schedule that the race shows.
func (r *Race) shortestKnown() sim.Schedule {
	schedule, err := sim.ParseSchedule(r.Schedule)
	if err != nil {
		panic(fault("%s: %v", r.Name, err))
	}
	for i := range schedule {
		schedule[i].Line = 0
	}
	return schedule
}

// script plays the race's story.
func (r *Race) script() *explore.Script {
	orders, err := explore.ParseOrders(r.Story)
	if err != nil {
		panic(fault("%s: %v", r.Name, err))
	}
	return explore.NewScript(orders...)
}

// Play runs the case by the choices of chooser and reports what happened, and why.
// The error is that of a schedule that does not fit.
func (c *Case) Play(chooser sim.Chooser) (*view.Report, error) {
	r, err := c.Watch(chooser)
	if err != nil || len(r.Broken) == 0 {
		return r, err
	}
	first := r.Broken[0]
	r.Culprit, err = c.Culprit(r.Trace.Schedule[:first.Step], first.Property)
	return r, err
}

// Culprit finds the orders that force a break; nil: that is too large to show.
func (c *Case) Culprit(schedule sim.Schedule, property string) (*explore.Culprit, error) {
	sys, err := c.System()
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	return explore.FindCulprit(sys, schedule, property), nil
}

// Watch is Play without the reason, which takes a search.
func (c *Case) Watch(chooser sim.Chooser) (_ *view.Report, err error) {
	defer sim.RecoverModelError(&err)
	w := c.World()
	defer w.Close()
	r, err := view.Play(w, chooser)
	if err != nil {
		return nil, err
	}
	r.Title = c.Heading()
	r.LookAhead(w)
	for i := range r.Broken {
		r.Broken[i].Means = c.Race.means(r.Broken[i].Violation)
	}
	if script, ok := chooser.(*explore.Script); ok {
		unkept := append(slices.Clone(script.GaveWay), script.Unmet()...)
		if err := c.CheckOrders(unkept); err != nil {
			return nil, err
		}
		r.Notes = append(r.Notes, scriptNotes(script)...)
	}
	if len(r.Broken) > 0 {
		slices.SortStableFunc(r.Broken, func(a, b view.Break) int { return cmp.Compare(c.Race.Rank(a.Property), c.Race.Rank(b.Property)) })
		r.Do = c.Race.Do
	}
	if c.Shown() && r.Trace.Schedule.String() == c.Race.shortestKnown().String() {
		r.Search = "no schedule that breaks it is shorter: " + Command("explore", c.Race.Name)
	}
	return r, nil
}

// CheckOrders is explore.CheckOrders in all variants of the race: with the parameters
// of the case, and with the defaults, which a story is told with. What one does not do
// may be an event of another one.
func (c *Case) CheckOrders(orders []explore.Before) error {
	var systems []explore.System
	for _, name := range c.Race.VariantNames() {
		told, err := c.Race.Case(name, "")
		if err != nil {
			return err
		}
		same, err := c.Of(name)
		if err != nil {
			return err
		}
		for _, of := range []*Case{told, same} {
			sys, err := of.System()
			if err != nil {
				return err
			}
			defer sys.Close()
			systems = append(systems, sys)
		}
	}
	return explore.CheckOrders(orders, systems...)
}

// Rank says which of two breaks to look at: what the race claims comes first,
// in its order, and a data race comes last, as it is only what leads to the rest. What
// hangs comes before what a world without claims of the race's wants at its end.
func (r *Race) Rank(property string) int {
	at := slices.IndexFunc(r.Claims, func(c RaceClaim) bool { return c.Name == property })
	switch {
	case at >= 0:
		return at
	case property == sim.NoDataRace:
		return len(r.Claims) + 2
	case len(r.Claims) == 0 && property == sim.NoPanic:
		return -1 // It is why others hang.
	case len(r.Claims) == 0 && explore.Hangs(property):
		return 0
	}
	return len(r.Claims) + 1
}

// means is what a break means for a user: the error may know, and else it is that
// the claim does not hold.
func (r *Race) means(v sim.Violation) string {
	if explained, ok := v.Err.(sim.Explained); ok {
		return explained.Meaning()
	}
	for _, c := range r.Claims {
		if c.Name == v.Property {
			claim, _, _ := strings.Cut(c.Says, "; ")
			return "You cannot rely on this: " + claim + "."
		}
	}
	switch v.Property {
	case sim.NoProgress:
		return "Nothing can happen any more. What waits here hangs until the process is started anew."
	case sim.NoDataRace:
		return "The Go memory model does not say what the program does. go test -race reports it."
	case sim.NoPanic:
		return "The process ends, with all that it has not sent yet."
	}
	return "A state that the model rules out was reached."
}

// Heading says what is run, and what is not as usual.
func (c *Case) Heading() string {
	heading := c.Race.Name
	if len(c.Race.Variants) > 1 {
		heading += ", variant " + c.Variant.Name
	}
	if c.Variant.Release != "" {
		heading += " (" + c.Variant.Release + ")"
	}
	if len(c.Changed) > 0 {
		heading += ", " + c.Changed.String()
	}
	return heading
}

func scriptNotes(script *explore.Script) []string {
	var notes []string
	for _, order := range script.GaveWay {
		notes = append(notes, "the order \""+order.String()+"\" could not be kept: at some point only its later step could happen.")
	}
	for _, order := range script.Unmet() {
		notes = append(notes, "the order \""+order.String()+"\" did not come up: not both of its steps happened.")
	}
	return notes
}

// Expects says whether the case is expected to break a property. Where its
// parameters are no setting of the race's, any of its settings counts. So it does
// for a data race: a run sees one by the order of happens-before, also where the
// search of a timed setting, in which the two steps are at no time both possible, has
// none.
func (c *Case) Expects(property string) bool {
	return slices.ContainsFunc(c.Race.SettingNames(), func(setting string) bool {
		return (c.Setting == "" || c.Setting == setting || property == sim.NoDataRace) &&
			c.Race.Expected(c.Variant.Name, property, setting).Breaks()
	})
}

// RunCommand is the command that plays a schedule against the case: that of the race
// itself, one that stands in it, or one that was saved to a file. ok is false if the
// schedule is too long to be printed and was not saved.
func (c *Case) RunCommand(schedule sim.Schedule, file string) (command string, ok bool) {
	subject := append([]string{"run"}, c.subject()...)
	switch text := schedule.String(); {
	case file != "":
		return Command(append(subject, "--schedule", "@"+file)...), true
	case c.Shown() && text == c.Race.shortestKnown().String():
		return Command(subject...), true
	case len(text) <= printable:
		return Command(append(subject, "--schedule", text)...), true
	}
	return "", false
}

// printable is how many characters of a schedule a command may hold.
const printable = 200

// Command begins a simrun command that is about the case.
func (c *Case) Command(verb string) string {
	return Command(append([]string{verb}, c.subject()...)...)
}

// subject names the case: NAME/VARIANT@SETTING, or --set for what has no name.
func (c *Case) subject() []string {
	name := c.Race.Name
	if c.Variant.Name != c.Race.Variants[0].Name {
		name += "/" + c.Variant.Name
	}
	if c.Setting != "" && len(c.Changed) > 0 {
		return []string{name + "@" + c.Setting}
	}
	words := []string{name}
	for _, setting := range c.Changed.Settings() {
		words = append(words, "--set", setting)
	}
	return words
}
