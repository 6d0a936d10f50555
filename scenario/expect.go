package scenario

import (
	"slices"

	"racelab/sim/explore"
)

// Expect is what a search is expected to find of claims, in settings.
type Expect[S any] struct {
	outcome explore.Outcome
	claims  []*Claim[S]
	where   []*Setting[S] // nil: everywhere
	because string
}

// Breaks expects that claims are broken.
func Breaks[S any](claims ...*Claim[S]) Expect[S] {
	return Expect[S]{outcome: explore.Broken, claims: claims}
}

// Vacuous expects that nothing puts claims to the test.
func Vacuous[S any](claims ...*Claim[S]) Expect[S] {
	return Expect[S]{outcome: explore.Vacuous, claims: claims}
}

// Where says in which settings; without it, it is in all.
func (e Expect[S]) Where(settings ...*Setting[S]) Expect[S] {
	e.where = settings
	return e
}

// Because says why. The text is a sentence without its full stop, for the reader of
// simrun show and RACES.md.
func (e Expect[S]) Because(text string) Expect[S] {
	e.because = text
	return e
}

func (e Expect[S]) covers(claim string, setting *Setting[S]) bool {
	return slices.ContainsFunc(e.claims, func(c *Claim[S]) bool { return c.Name == claim }) &&
		(e.where == nil || slices.Contains(e.where, setting))
}

// Expected is what a search is expected to say of a property.
type Expected struct {
	Outcome explore.Outcome
	// MayBeVacuous: nobody claimed anything of this property, which worlds have by
	// themselves. It is no surprise if nothing puts it to the test.
	MayBeVacuous bool
}

// Met says whether an outcome is as expected.
func (e Expected) Met(outcome explore.Outcome) bool {
	return outcome == e.Outcome || e.MayBeVacuous && outcome == explore.Vacuous
}

// expected is what is expected of a property. What the variant says goes before
// what is said of all, and what is said first before what is said later.
func (s *Scenario[S, V]) expected(variant Variant[S, V], property string, setting *Setting[S]) Expected {
	for _, list := range [][]Expect[S]{variant.Expect, s.Always} {
		for _, e := range list {
			if e.covers(property, setting) {
				return Expected{Outcome: e.outcome}
			}
		}
	}
	claimed := slices.ContainsFunc(s.Claims, func(c *Claim[S]) bool { return c.Name == property })
	return Expected{explore.Exhausted, !claimed && slices.Contains(builtIns, property)}
}

// Reason is why variants are expected to break claims, or to leave them vacuous.
type Reason struct {
	Variants []string // nil: all
	Outcome  explore.Outcome
	Claims   []string
	Settings []string // nil: all
	Because  string
}

// reasons lists the expectations that say why, each once.
func (s *Scenario[S, V]) reasons() (reasons []Reason) {
	for i, v := range append([]Variant[S, V]{{Expect: s.Always}}, s.Variants...) {
		var variants []string
		if i > 0 {
			variants = []string{v.Name}
		}
		for _, e := range v.Expect {
			reasons = add(reasons, Reason{variants, e.outcome, claimNames(e.claims), settingNames(e.where), e.because})
		}
	}
	return reasons
}

// add adds a reason to others, or its variants to one that is the same. It is no part of
// reasons, which the compiler makes for each scenario anew.
func add(reasons []Reason, r Reason) []Reason {
	if r.Because == "" {
		return reasons
	}
	for i := range reasons {
		same := &reasons[i]
		if same.Outcome == r.Outcome && same.Because == r.Because && slices.Equal(same.Claims, r.Claims) && slices.Equal(same.Settings, r.Settings) {
			same.Variants = append(same.Variants, r.Variants...)
			return reasons
		}
	}
	return append(reasons, r)
}

func claimNames[S any](claims []*Claim[S]) []string {
	var names []string
	for _, c := range claims {
		names = append(names, c.Name)
	}
	return names
}

func settingNames[S any](settings []*Setting[S]) []string {
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
	}
	return names
}
