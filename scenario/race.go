package scenario

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"racelab/sim"
	"racelab/sim/explore"
)

// Race is a scenario without its types: all names and texts, and cases by name.
type Race struct {
	Name, Title, Stake string
	Do                 string // what a user should do about it
	Group              Group
	Fixed              string // the release that no longer has the race; empty: none that is known
	Symptoms           []Symptom
	Sources, Code      []string
	Parameters         []Parameter
	Variants           []RaceVariant // the first is the unfixed one
	Settings           []RaceSetting
	Claims             []RaceClaim
	Reasons            []Reason // of expectations that need one
	Statements         []Statement
	Chapters           []Chapter
	Schedule, Story    string

	judged   []string
	watched  sync.Map // by variant and setting
	expected func(variant int, property string, setting int) Expected
	needs    func() []RaceNeed
	newCase  func(variant, setting int, changes []string) (*Case, error) // setting -1: the defaults
}

// RaceVariant is a Variant as text.
type RaceVariant struct {
	Name, Release, Does string

	states []int  // by setting; 0: not known
	slow   []bool // by setting
}

// RaceSetting is a Setting as text.
type RaceSetting struct {
	Name    string
	Values  Values   // of all parameters
	Changes string   // "partitions=4 commits=1": what differs from the defaults
	SlowFor []string // variants whose search takes long
}

// RaceClaim is a Claim as text.
type RaceClaim struct{ Name, Says string }

// RaceNeed is a Need, and what the variants have to say to it.
type RaceNeed struct {
	Name          string
	Gives, Breaks []string // names of variants
	Command       string   // of the sweep that says so; empty: the verdicts do
	Figure        string
}

// Race implements Any.
func (s *Scenario[S, V]) Race() *Race {
	s.validate()
	r := &Race{
		Name: s.Name, Title: s.Title, Stake: s.Stake, Do: s.Do, Group: s.Group, Fixed: s.Fixed, Symptoms: s.Symptoms, Sources: s.Sources, Code: s.Code,
		Parameters: Parameters(s.Flags), Reasons: s.reasons(), Statements: s.Statements, Chapters: s.Chapters, Schedule: s.Schedule, Story: s.Story,
		judged: s.judged(),
	}
	settings, variants := s.settings(), s.variants()
	for _, setting := range settings {
		p := s.in(setting)
		flags := bind(s.Flags, &p, true)
		r.Settings = append(r.Settings, RaceSetting{Name: setting.Name, Values: flags.values(), Changes: flags.changed().String()})
	}
	for _, v := range variants {
		variant := RaceVariant{Name: v.Name, Release: v.Release, Does: v.Does}
		for i, setting := range settings {
			slow := slices.Contains(v.SlowIn, setting)
			variant.states, variant.slow = append(variant.states, v.States[setting]), append(variant.slow, slow)
			if slow {
				r.Settings[i].SlowFor = append(r.Settings[i].SlowFor, v.Name)
			}
		}
		r.Variants = append(r.Variants, variant)
	}
	for _, c := range s.Claims {
		r.Claims = append(r.Claims, RaceClaim{c.Name, c.Says})
	}
	r.expected = func(variant int, property string, setting int) Expected {
		return s.expected(variants[variant], property, settings[setting])
	}
	r.newCase = func(variant, setting int, changes []string) (*Case, error) {
		p := s.Default()
		if setting >= 0 {
			p = s.in(settings[setting])
		}
		if err := Set(s.Name, s.Flags, &p, changes); err != nil {
			return nil, err
		}
		c := s.caseOf(r, variants[variant].Name, p)
		if len(changes) > 0 {
			return c, c.possible()
		}
		return c, nil
	}
	r.needs = func() []RaceNeed {
		var needs []RaceNeed
		for _, need := range s.Needs {
			n := RaceNeed{need.Name, need.Gives, need.Breaks, need.Command, need.Figure}
			if need.Command == "" {
				n.Gives, n.Breaks = r.answer(claimNames(need.Claims), settingNames(need.In))
			}
			needs = append(needs, n)
		}
		return needs
	}
	return r
}

// judged lists the properties that tell variants apart: the claims, and those of
// every world that some variant breaks.
func (s *Scenario[S, V]) judged() []string {
	judged := claimNames(s.Claims)
	for _, v := range append(slices.Clip(s.Variants), Variant[S, V]{Expect: s.Always}) {
		for _, e := range v.Expect {
			for _, c := range e.claims {
				if e.outcome == explore.Broken && !slices.Contains(judged, c.Name) {
					judged = append(judged, c.Name)
				}
			}
		}
	}
	return judged
}

// validate panics if the scenario speaks of a claim or a setting that it does
// not have, has two of a name, or lacks what nothing goes without.
func (s *Scenario[S, V]) validate() {
	v := validator{scenario: s.Name, claims: claimRefs(s.Claims), settings: settingRefs(s.Settings)}
	v.hasWhatItNeeds(s.Build != nil)
	settings := s.settings()
	v.settings = settingRefs(settings)
	expects := func(who string, list []Expect[S]) {
		for _, e := range list {
			v.settingsAreListed(who, settingRefs(e.where))
			v.claimsAreListed(who, claimRefs(e.claims))
			for _, c := range e.claims {
				applies := func(setting *Setting[S]) bool { return c.If(s.in(setting)) }
				if e.where != nil && c.If != nil && !slices.ContainsFunc(e.where, applies) {
					v.fail("%s expects something of %s in settings that its If leaves out", who, c.Name)
				}
			}
		}
	}
	expects("Always", s.Always)
	for _, variant := range s.variants() {
		v.addName("variant", variant.Name)
		expects("variant "+variant.Name, variant.Expect)
		v.settingsAreListed("variant "+variant.Name, settingRefs(variant.SlowIn))
		counted := 0
		for _, setting := range settings {
			if variant.States[setting] > 0 {
				counted++
			}
		}
		if counted < len(variant.States) {
			v.fail("variant %s counts states in a setting that Settings does not list", variant.Name)
		}
	}
	for _, need := range s.Needs {
		v.settingsAreListed("the need "+need.Name, settingRefs(need.In))
		v.claimsAreListed("the need "+need.Name, claimRefs(need.Claims))
	}
	for _, setting := range settings {
		v.addName("setting", setting.Name)
		p := s.in(setting)
		v.inRange(setting.Name, bind(s.Flags, &p, true))
	}
	p := s.Default()
	v.namesAreUnique(bind(s.Flags, &p, false))
}

// Find returns the race of a name. The error lists what there is.
func Find(races []*Race, name string) (*Race, error) {
	var names []string
	for _, r := range races {
		names = append(names, r.Name)
	}
	i, err := find("scenario", name, names)
	if err != nil {
		return nil, err
	}
	return races[i], nil
}

// find returns the place of a name among others. The error lists what there is.
func find(kind, name string, names []string) (int, error) {
	if i := slices.Index(names, name); i >= 0 {
		return i, nil
	}
	return 0, &UnknownName{kind, name, names}
}

// VariantNames lists the variants, the unfixed one first.
func (r *Race) VariantNames() []string {
	var names []string
	for _, v := range r.Variants {
		names = append(names, v.Name)
	}
	return names
}

// SettingNames lists the settings.
func (r *Race) SettingNames() []string {
	var names []string
	for _, s := range r.Settings {
		names = append(names, s.Name)
	}
	return names
}

// Case returns a variant in a setting, with changes NAME=VALUE to that. An empty
// variant is the first, an empty setting the defaults. The error says what is
// wrong, and what is possible.
func (r *Race) Case(variant, setting string, changes ...string) (*Case, error) {
	v, s, err := 0, -1, error(nil)
	if variant != "" {
		if v, err = find("variant of "+r.Name, variant, r.VariantNames()); err != nil {
			return nil, err
		}
	}
	if setting != "" {
		if s, err = find("setting of "+r.Name, setting, r.SettingNames()); err != nil {
			return nil, err
		}
	}
	return r.newCase(v, s, changes)
}

// in is a variant in one of the race's settings.
func (r *Race) in(variant, setting int) *Case {
	c, err := r.newCase(variant, setting, nil)
	if err != nil {
		panic(fault("%s: %v", r.Name, err))
	}
	return c
}

// Expected is what a search of a variant in a setting is expected to say of a
// property. It panics if there is no such variant or setting.
func (r *Race) Expected(variant, property, setting string) Expected {
	v, s := slices.Index(r.VariantNames(), variant), slices.Index(r.SettingNames(), setting)
	return r.expected(v, property, s)
}

// Breaks says whether the property is expected to break.
func (e Expected) Breaks() bool { return e.Outcome == explore.Broken }

// Watched lists the properties that are judged in a variant and a setting.
func (r *Race) Watched(variant, setting string) []string {
	key := [2]string{variant, setting}
	if known, ok := r.watched.Load(key); ok {
		return known.([]string)
	}
	c, err := r.Case(variant, setting)
	if err != nil {
		panic(fault("%v", err))
	}
	w := c.World()
	defer w.Close()
	watched := slices.Clip(explore.Of(w).Properties())
	r.watched.Store(key, watched)
	return watched
}

// Judged lists the properties that tell variants apart: the claims, and those of
// every world that some variant breaks.
func (r *Race) Judged() []string { return r.judged }

// Tally is what a property of a variant is expected to come to over all settings.
type Tally struct {
	Settings int      // that judge it
	Breaks   []string // those in which it breaks
	Vacuous  int      // those in which nothing puts it to the test
}

// Tally sums up a property of a variant.
func (r *Race) Tally(variant, property string) Tally {
	return r.tally(variant, property, r.SettingNames())
}

// tally sums up a property of a variant over some settings.
func (r *Race) tally(variant, property string, in []string) Tally {
	var t Tally
	for _, setting := range in {
		if !slices.Contains(r.Watched(variant, setting), property) {
			continue
		}
		t.Settings++
		switch r.Expected(variant, property, setting).Outcome {
		case explore.Broken:
			t.Breaks = append(t.Breaks, setting)
		case explore.Vacuous:
			t.Vacuous++
		}
	}
	return t
}

// Cell is the tally for a table: "✗ 6/8", "holds", or "·" for what is vacuous.
func (t Tally) Cell() string {
	switch {
	case len(t.Breaks) > 0:
		return fmt.Sprintf("✗ %d/%d", len(t.Breaks), t.Settings)
	case t.Vacuous == t.Settings:
		return "·"
	}
	return "holds"
}

// String is the tally in words: "breaks in 2x2, cut".
func (t Tally) String() string {
	switch {
	case len(t.Breaks) == t.Settings && t.Settings > 0:
		return "breaks"
	case t.Breaks != nil:
		return "breaks in " + strings.Join(t.Breaks, ", ")
	case t.Vacuous == t.Settings:
		return string(explore.Vacuous)
	}
	return "holds"
}

// Needs says what each variant has to say to what a reader may want.
func (r *Race) Needs() []RaceNeed { return r.needs() }

// answer says which variants give what is needed. A variant in which nothing puts
// a claim to the test, in any of the settings, does not.
func (r *Race) answer(claims, in []string) (gives, breaks []string) {
	if in == nil {
		in = r.SettingNames()
	}
	gives, breaks = []string{}, []string{}
	for _, v := range r.Variants {
		broken, vacuous := false, false
		for _, p := range claims {
			t := r.tally(v.Name, p, in)
			broken = broken || t.Breaks != nil
			vacuous = vacuous || t.Vacuous == t.Settings && p != sim.NoDeadlock // Who never waits for a lock has none.
		}
		switch {
		case broken:
			breaks = append(breaks, v.Name)
		case !vacuous:
			gives = append(gives, v.Name)
		}
	}
	return gives, breaks
}
