package lab_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"racelab/lab"
	"racelab/scenario"
	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
)

func begin(t *testing.T, race, variant, setting string) *lab.Session {
	t.Helper()
	r, err := scenarios.Find(race)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Case(variant, setting)
	if err != nil {
		t.Fatal(err)
	}
	s, err := lab.New(c, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// take takes the choices that these events are.
func take(t *testing.T, s *lab.Session, events ...string) {
	t.Helper()
	for _, event := range events {
		i := slices.Index(choices(s), event)
		if i < 0 {
			t.Fatalf("%q is none of %q", event, choices(s))
		}
		if err := s.Take(i); err != nil {
			t.Fatal(err)
		}
	}
}

func choices(s *lab.Session) []string {
	var names []string
	for _, c := range s.Choices() {
		names = append(names, c.String())
	}
	return names
}

func TestSession(t *testing.T) {
	s := begin(t, "stale-snapshot", "", "")
	if s.Goal() != "committed-never-falls" || len(s.Schedule()) != 0 {
		t.Fatalf("goal %s after %d steps at the start", s.Goal(), len(s.Schedule()))
	}
	take(t, s, "C0 snapshot", "marker mark", "C1 snapshot", "C1 commit", "C0 commit")
	broken := s.Reached()
	if broken == nil || broken.Step != 5 {
		t.Fatalf("the goal after its shortest schedule: %v", broken)
	}
	why, err := s.Why()
	if err != nil || why == nil || len(why.Orders) == 0 {
		t.Fatalf("why: %v, %v", why, err)
	}
	if err := s.Undo(1); err != nil || s.Reached() != nil || len(s.Schedule()) != 4 {
		t.Errorf("undo: %v; %d steps, broken: %v", err, len(s.Schedule()), s.Reached())
	}
	if err := s.Undo(100); err != nil || len(s.Schedule()) != 0 {
		t.Errorf("undo of more than there is: %v, %d steps left", err, len(s.Schedule()))
	}
	if err := s.Take(7); err == nil {
		t.Error("choice 8 was taken")
	}
	if err := s.Aim("committed-never-fals"); err == nil || !strings.Contains(err.Error(), "nearest: committed-never-falls") {
		t.Errorf("a misspelt goal: %v", err)
	}
}

// Goal: what can be asked of a session is what a search of all states says, from
// wherever the player stands, with any number of workers.
func TestAheadIsWhatASearchSays(t *testing.T) {
	yes, no := 0, 0
	for _, test := range []struct{ race, variant string }{
		{"stale-snapshot", "unfixed"}, {"stale-snapshot", "locked"}, {"lost-update", "unfixed"}, {"lost-update", "locked"},
	} {
		s := begin(t, test.race, test.variant, "")
		for seed := range uint64(4) {
			walk := sim.NewWalk(seed)
			if err := s.Play(nil); err != nil {
				t.Fatal(err)
			}
			for {
				ahead, err := s.Ahead(explore.Options{})
				if err != nil || !ahead.Complete {
					t.Fatalf("ahead of %s: %v, %v", s.Schedule(), ahead, err)
				}
				for _, workers := range []int{1, 3} {
					v, found := searched(t, s, workers)
					if (v.Outcome == explore.Broken) != (ahead.Schedule != nil) || len(found) != len(ahead.Schedule) {
						t.Fatalf("ahead of %q: %v; a search with %d workers: %s, %s", s.Schedule(), ahead, workers, v.Outcome, found)
					}
				}
				here := s.Schedule()
				if ahead.Schedule != nil {
					yes++
					if err := s.Play(slices.Concat(here, ahead.Schedule)); err != nil || s.Reached() == nil {
						t.Fatalf("the way to the break does not break: %v", err)
					}
					if err := s.Play(here); err != nil {
						t.Fatal(err)
					}
				} else {
					no++
				}
				if len(s.Choices()) == 0 || s.Reached() != nil {
					break
				}
				events := make([]sim.Event, len(s.Choices()))
				i, _ := walk.Choose(events)
				if err := s.Take(i); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if yes < 20 || no < 20 {
		t.Errorf("%d times yes and %d times no; want 20 of each", yes, no)
	}
}

// Goal: a question about the state is answered by all states, from wherever the player
// stands, and a question that cannot be asked gets a line.
func TestReach(t *testing.T) {
	s := begin(t, "lost-update", "", "")
	ask := func(question, want string) {
		t.Helper()
		answer, err := s.Reach(question, explore.Options{})
		got := fmt.Sprint(answer)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("after %d steps: can %s be? %s; want %s", len(s.Schedule()), question, got, want)
		}
	}
	ask("shared counter = 2", "yes: in 4 steps")
	ask("shared counter = 0", "yes: it is so now")
	ask("shared counter = 3", "no: in none of the")
	ask("shared counter = 1 & T1 register = 1", "yes: in 3 steps")
	ask("shared count = 1", `there is no value in the state of lost-update "shared count" (nearest: shared counter); possible: shared counter, T0 register, T1 register`)
	ask("counter", `"counter" is no question; want NAME = VALUE`)
	take(t, s, "T0 read", "T1 read")
	ask("shared counter = 2", "no: in none of the")
}

// searched is what a search of all states from where a session stands says.
func searched(t *testing.T, s *lab.Session, workers int) (*explore.Verdict, sim.Schedule) {
	t.Helper()
	sys, err := s.Case().System()
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	if err := sys.Begin(s.Schedule()); err != nil {
		t.Fatal(err)
	}
	r, err := explore.States(sys, explore.Options{Limit: 10_000, Workers: workers})
	if err != nil || !r.Complete {
		t.Fatalf("search from %q: %v", s.Schedule(), err)
	}
	v := r.Verdict(s.Goal())
	return v, v.Schedule
}

// Goal: without any one of the orders that force a break, there is a run that
// survives.
func TestReverse(t *testing.T) {
	s := begin(t, "offset-rewind", "", "")
	shown, err := sim.ParseSchedule(s.Case().Race.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Play(shown); err != nil || s.Reached() == nil {
		t.Fatalf("the schedule of the race: %v, %v", err, s.Reached())
	}
	why, err := s.Why()
	if err != nil || why == nil {
		t.Fatalf("why: %v, %v", why, err)
	}
	for i, order := range why.Orders {
		schedule, ok, err := s.Reverse(why, i)
		if err != nil || !ok {
			t.Fatalf("without %s: %v, %v", order.Before, ok, err)
		}
		if err := s.Play(schedule); err != nil || s.Reached() != nil || len(s.Choices()) > 0 {
			t.Errorf("without %s: %v; broken: %v; %d choices left", order.Before, err, s.Reached(), len(s.Choices()))
		}
	}
}

// Goal: a link opens what it was made of, and a damaged one is refused in a line.
func TestLinks(t *testing.T) {
	races := scenarios.All()
	for _, r := range races {
		for _, setting := range append(r.SettingNames(), "") {
			c, err := r.Case(r.Variants[len(r.Variants)-1].Name, setting)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"", r.Schedule} {
				schedule, err := sim.ParseSchedule(text)
				if err != nil {
					t.Fatal(err)
				}
				link := lab.Link(c, schedule)
				again, played, err := lab.ParseLink(races, link)
				if err != nil || again.Heading() != c.Heading() || played.String() != schedule.String() {
					t.Errorf("%s opens %v with %q (%v); want %s with %q", link, again, played, err, c.Heading(), schedule)
				}
			}
		}
	}
	whole := lab.Link(caseOf(t, races, "lost-update"), sim.Schedule{{Actor: "T0", Label: "read", Occurrence: 1}})
	for _, link := range []string{"", "x", "r=", "r=lost-updat", "r=lost-update/lockd", "r=lost-update/locked/threads=0", "r=lost-update///%%%", "r=a/b/c/d/e", whole[:len(whole)-4]} {
		if _, _, err := lab.ParseLink(races, link); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("link %q: %v; want one line", link, err)
		}
	}
}

func caseOf(t *testing.T, races []*scenario.Race, name string) *scenario.Case {
	t.Helper()
	r, err := scenario.Find(races, name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Case("", "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Goal: a link that is older than its model opens as far as it fits.
func TestRebase(t *testing.T) {
	s := begin(t, "stale-snapshot", "locked", "")
	old, err := sim.ParseSchedule(s.Case().Race.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	fit, err := s.Rebase(old)
	if err != nil || fit.Whole() || fit.Matched == 0 || len(s.Schedule()) == 0 {
		t.Errorf("rebase of the unfixed schedule: %v, %v; %d steps", fit, err, len(s.Schedule()))
	}
}
