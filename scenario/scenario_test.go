package scenario_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/explore"
)

type params struct {
	n    int
	wait time.Duration
	late sim.Delay
	up   bool
	kind uint8
}

func (p *params) flags(f *scenario.Flags) {
	f.Int(&p.n, "n", 2, 1, 9, "how many")
	f.Millis(&p.wait, "wait", 20, 1, 1000, "in ms")
	f.Delay(&p.late, "late", "exp:500us", "how late")
	f.Switch(&p.up, "way", "down", "up", true, "which way")
	scenario.Choice(f, &p.kind, "kind", scenario.Words{"small", "large"}, "of which kind")
}

// Goal: parameters come back as the text that they were set by, and other defaults
// change neither what is set nor what stays.
func TestFlags(t *testing.T) {
	p := scenario.Defaults((*params).flags)
	if got, want := scenario.ValuesOf((*params).flags, p).String(), "n=2 wait=20 late=exp:500us way=up kind=small"; got != want {
		t.Errorf("the defaults are %s, want %s", got, want)
	}
	if err := scenario.Set("x", (*params).flags, &p, []string{"n = 3", "wait=5", "late=2ms", "way=down", "kind=large"}); err != nil {
		t.Fatal(err)
	}
	if want := (params{3, 5 * time.Millisecond, sim.Constant(2 * time.Millisecond), false, 1}); fmt.Sprint(p) != fmt.Sprint(want) {
		t.Errorf("set: %v, want %v", p, want)
	}
	other := func(p *params, f *scenario.Flags) {
		p.flags(f)
		f.Default("n=7", "kind=large")
	}
	if got, want := scenario.ValuesOf(other, p).String(), "n=3 wait=5 late=2ms way=down kind=large"; got != want {
		t.Errorf("with other defaults the values are %s, want %s", got, want)
	}
	if got, want := scenario.ValuesOf(other, scenario.Defaults(other)).String(), "n=7 wait=20 late=exp:500us way=up kind=large"; got != want {
		t.Errorf("the other defaults are %s, want %s", got, want)
	}
	for i, want := range []string{"7", "20", "exp:500us", "up", "large"} {
		if got := scenario.Parameters(other)[i].Default; got != want {
			t.Errorf("parameter %d has the default %s, want %s", i, got, want)
		}
	}
}

type (
	setting = scenario.Setting[params]
	claim   = scenario.Claim[params]
	expect  = []scenario.Expect[params]
)

// toy is a scenario of counters that n tasks add to.
func toy() *scenario.Scenario[params, bool] {
	few, many := &setting{Name: "few"}, &setting{Name: "many", Set: func(p *params) { p.n = 3 }}
	noLoss := &claim{Name: "no-loss", Property: func(p params) *sim.Property { return atMost("no-loss", p.n) }}
	onlyMany := &claim{Name: "only-many", If: func(p params) bool { return p.n > 2 }, Property: func(p params) *sim.Property { return atMost("only-many", p.n) }}
	return &scenario.Scenario[params, bool]{
		Name: "toy", Flags: (*params).flags, Settings: []*setting{few, many}, Claims: []*claim{noLoss, onlyMany},
		Always: expect{scenario.Vacuous(noLoss, onlyMany)},
		Variants: []scenario.Variant[params, bool]{
			{Name: "quiet", States: map[*setting]int{few: 4}},
			{Name: "loud", Is: true, Expect: expect{scenario.Breaks(noLoss).Because("it says so")}, SlowIn: []*setting{many}},
		},
		Build: func(w *sim.World, loud bool, p params) {
			for i := range p.n {
				w.GoProgram(fmt.Sprint("T", i), &speaker{loud})
			}
		},
	}
}

type speaker struct {
	loud bool `sim:"config"`
}

func (s *speaker) Run(t *sim.Task) {
	t.Step("speak")
	if s.loud {
		t.Return(word{})
	}
}

type word struct{}

func (word) Name() string   { return "word" }
func (word) String() string { return "" }

// atMost breaks at the limit.
func atMost(name string, limit int) *sim.Property {
	n := 0
	p := sim.NewProperty(name, &n)
	sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, _ word) {
		n++
		c.Assert(n != limit, "%d words", n)
	})
	return p
}

func checked(t *testing.T, s scenario.Any, slow bool) (lines []string) {
	t.Helper()
	r := s.Race()
	for _, search := range r.Searches(slow) {
		rows, err := r.Check(search, explore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if !row.AsExpected() {
				lines = append(lines, fmt.Sprintf("%s %s %s: %s, want %s", row.Variant, row.Setting, row.Property, row.Verdict.Outcome, row.Want()))
			}
		}
	}
	return lines
}

// Goal: check holds outcomes and numbers of states; built-in properties may be
// vacuous; a variant's expectation goes before that of all; a claim is watched
// where its If says; a slow search waits to be asked for.
func TestCheck(t *testing.T) {
	if got := checked(t, toy(), false); got != nil {
		t.Errorf("not as expected: %v", got)
	}
	s := toy()
	s.Variants[0].States[s.Settings[0]] = 5
	if got := strings.Join(checked(t, s, false), "\n"); !strings.Contains(got, "quiet few no-loss: vacuous, want vacuous, in 5 states") {
		t.Errorf("with another number of states: %s", got)
	}
	s = toy()
	s.Claims = append(s.Claims, &claim{Name: sim.NoDeadlock, Says: "claimed, so it must not be vacuous"})
	if got := strings.Join(checked(t, s, false), "\n"); !strings.Contains(got, "quiet few no-deadlock: vacuous, want holds, exhausted") {
		t.Errorf("with a claimed built-in: %s", got)
	}
	if got := checked(t, toy(), true); len(got) != 1 || got[0] != "loud many only-many: broken, want vacuous" {
		t.Errorf("with the slow searches: %v", got)
	}
	if got := toy().Race().Watched("quiet", "few"); strings.Contains(fmt.Sprint(got), "only-many") {
		t.Errorf("watched where its If says no: %v", got)
	}
}

// Goal: an own system needs no more than its build function.
func TestOf(t *testing.T) {
	s := scenario.Of("own", func(w *sim.World) {
		w.GoProgram("T", &speaker{true})
		w.Watch(atMost("no-loss", 1))
	})
	got := checked(t, s, false)
	if len(got) != 1 || got[0] != "default defaults no-loss: broken, want holds, exhausted" {
		t.Errorf("not as expected: %v", got)
	}
	c, err := s.Race().Case("", "")
	if err != nil {
		t.Fatal(err)
	}
	report, err := c.Play(c.Default())
	if err != nil || len(report.Broken) != 1 {
		t.Errorf("the run that shows it breaks %v, %v", report.Broken, err)
	}
	if _, err := scenario.Races(s, s); err == nil || !strings.Contains(err.Error(), "there are two of the name own") {
		t.Errorf("two of a name: %v", err)
	}
}

// Goal: a scenario that contradicts itself says how.
func TestMustBeWhole(t *testing.T) {
	for want, spoil := range map[string]func(*scenario.Scenario[params, bool]){
		`variant quiet speaks of the setting "other", which Settings does not list`: func(s *scenario.Scenario[params, bool]) {
			s.Variants[0].SlowIn = []*setting{{Name: "other"}}
		},
		`Always speaks of the claim "other", which Claims does not list`: func(s *scenario.Scenario[params, bool]) {
			s.Always = expect{scenario.Breaks(&claim{Name: "other"})}
		},
		"variant quiet counts states in a setting that Settings does not list": func(s *scenario.Scenario[params, bool]) {
			s.Variants[0].States[&setting{Name: "few"}] = 1
		},
		"Always expects something of only-many in settings that its If leaves out": func(s *scenario.Scenario[params, bool]) {
			s.Always = expect{scenario.Breaks(s.Claims[1]).Where(s.Settings[0])}
		},
		"there are two of variant loud": func(s *scenario.Scenario[params, bool]) { s.Variants[0].Name = "loud" },
		"the setting many has n=77, which is out of range; want 1 to 9": func(s *scenario.Scenario[params, bool]) {
			s.Settings[1].Set = func(p *params) { p.n = 77 }
		},
		"Build is nil":       func(s *scenario.Scenario[params, bool]) { s.Build = nil },
		"Claims has a nil":   func(s *scenario.Scenario[params, bool]) { s.Claims[0] = nil },
		"Settings has a nil": func(s *scenario.Scenario[params, bool]) { s.Settings[0] = nil },
		"Always speaks of a claim that is nil": func(s *scenario.Scenario[params, bool]) {
			s.Always = expect{scenario.Breaks[params](nil)}
		},
		"Always speaks of a setting that is nil": func(s *scenario.Scenario[params, bool]) {
			s.Always = expect{scenario.Breaks(s.Claims[0]).Where(nil)}
		},
	} {
		s := toy()
		spoil(s)
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != "scenario: toy: "+want {
					t.Errorf("panics with %s, want %s", got, want)
				}
			}()
			s.Race()
		}()
	}
}

// Goal: the reason of an expectation is told, once and in a sentence.
func TestReasons(t *testing.T) {
	got := toy().Race().Reasons
	if len(got) != 1 || got[0].String() != "loud breaks no-loss: it says so." || got[0].Outcome != explore.Broken {
		t.Errorf("reasons: %v", got)
	}
}

// Goal: a story with an event that no variant has is an error that names those near
// it, and one whose event another variant has is told as far as it goes.
func TestMisspeltStory(t *testing.T) {
	for story, want := range map[string]string{
		"T1 speak before T0 speak": "",
		"T1 spaek before T0 speak": `"T1 spaek", which none of 100 walks meets; near it: T1 speak`,
	} {
		s := toy()
		s.Story = story
		c, err := s.Race().Case("", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.Play(c.Default()); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", story, err, want)
		}
	}
}

// Goal: a claim that Build forgets, or calls by another name, is no claim that holds.
func TestClaimThatNobodyJudges(t *testing.T) {
	s := toy()
	s.Claims = append(s.Claims, &claim{Name: "forgotten"})
	r := s.Race()
	_, err := r.Check(r.Searches(false)[0], explore.Options{})
	const want = `scenario: toy: nobody judges the claim "forgotten" in quiet: it has no Property, and Build adds none of that name`
	if fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	s.Claims[2].If = func(params) bool { return false }
	r = s.Race()
	if _, err := r.Check(r.Searches(false)[0], explore.Options{}); err != nil {
		t.Errorf("where the claim makes no sense: %v", err)
	}
}

// Goal: each name can stand in NAME/VARIANT@SETTING.
func TestNames(t *testing.T) {
	for want, spoil := range map[string]func(*scenario.Scenario[params, bool]){
		`a scenario is named ""`:                func(s *scenario.Scenario[params, bool]) { s.Name = "" },
		`a variant of toy is named "very loud"`: func(s *scenario.Scenario[params, bool]) { s.Variants[1].Name = "very loud" },
		`a setting of toy is named "a@b"`:       func(s *scenario.Scenario[params, bool]) { s.Settings[0].Name = "a@b" },
	} {
		s := toy()
		spoil(s)
		if _, err := scenario.Races(s); fmt.Sprint(err) != "scenario: "+want+"; want a name without spaces, / @ and =" {
			t.Errorf("%v, want %s", err, want)
		}
	}
	none := &scenario.UnknownName{Kind: "client", Name: "x"}
	if got, want := none.Error(), `there is no client "x", and no other`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := scenario.Races(nil); err == nil {
		t.Error("a scenario that is nil is taken")
	}
}
