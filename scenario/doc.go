// Package scenario declares races: the settings in which they are searched, what
// is claimed, the variants, and what is expected of each. It checks, searches,
// replays, compares and documents what is declared.
//
// A [Scenario] has two type parameters. S holds the parameters, as a struct that is
// filled once from text, by [Flags]. V is what a variant is built from: a release, a
// constructor, a bool. A variant stands in one place, its literal in
// [Scenario.Variants]. Expectations name claims and settings by pointer, so that a
// misspelt one does not compile.
//
// A [Race] is a scenario whose types are forgotten: what commands and tables work
// on. A [Case] is one variant of it in one setting.
package scenario
