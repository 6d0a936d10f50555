package main

import "testing"

// Goal: the files of sim stand in an order, so that a reader can begin at one end. A
// change that adds a use against it finds another place for what it uses. A share, as a file
// that is split makes arrows of what was within it.
func TestTheFilesOfSimHaveAnOrder(t *testing.T) {
	a, err := arrowsOf("../../sim")
	if err != nil {
		t.Fatal(err)
	}
	if against := a.against(a.order()); 100*len(against) >= 9*a.count() {
		t.Errorf("%d of %d uses are against the best order, want less than 9 in 100: go -C tools run ./arrows ../sim lists them", len(against), a.count())
	}
}

// Goal: files that use each other in a circle cost one arrow, and others none.
func TestACircleIsOneArrow(t *testing.T) {
	use := func(files ...string) map[string]map[string]bool {
		uses := map[string]map[string]bool{}
		for _, f := range files {
			uses[f] = map[string]bool{"x": true}
		}
		return uses
	}
	a := arrows{"a": use("b"), "b": use("c"), "c": use("a"), "d": use("a", "b"), "e": use()}
	order := a.order()
	if n := len(a.against(order)); n != 1 || a.count() != 5 {
		t.Errorf("%d of %d arrows are against %v, want 1 of 5", n, a.count(), order)
	}
}
