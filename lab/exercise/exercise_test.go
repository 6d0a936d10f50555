package exercise

import (
	"strings"
	"testing"

	"racelab/sim"
)

func find(t *testing.T, id string) *Exercise {
	t.Helper()
	e, err := Find(id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Each kind of text that cannot be graded gets one line.
func TestUnreadable(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"x := (", "UNREADABLE, line 1: expected operand, found '}'"},
		{"write(read() + 1)\n}\nfunc g() {", "UNREADABLE, line 3: a brace too many: the text is the body of one function, func visit() { }"},
		{"write(read() + 1)\n}\n", "UNREADABLE, line 2: a brace too many: the text is the body of one function, func visit() { }"},
		{strings.Repeat("{", 100_000), "UNREADABLE, line 1: the text is longer than 4000 bytes"},
		{"", "NOT YET, it does nothing: the text calls nothing"},
		{"for {\n}\n", "NOT YET. no-panic: G0 panicked: line 2: the loop ran 10000 instructions, and nothing in it lets others go on: it never ends"},
		{"func visit() {\n\twrite(1, 2)\n}\n", "UNREADABLE, line 2: write has 2 arguments, and wants 1: write(int)"},
		{"// mine\npackage answer\n\nfunc visit() {\n\twrite(\n}\n", "UNREADABLE, line 6: expected operand, found '}'"},
		{"//go:build ignore\n\npackage answer\n\nfunc visit() {\n\tif read() == 1 {\n\twrite(1)\n}\n", "UNREADABLE, line 8: expected '}', found 'EOF'"},
		{"func visit() {\n\twrite(1)\n}\n}\n", "UNREADABLE, line 4: a brace too many"},
		{"write(true)", "UNREADABLE, line 1: this is of type bool, and has to be int"},
		{"write()", "UNREADABLE, line 1: write has 0 arguments, and wants 1: write(int)"},
		{"\nx = 1", "UNREADABLE, line 2: there is no variable x that can be set"},
		{"x, y := read(), read()", "UNREADABLE, line 1: one variable at a time, please: x := f()"},
		{"if read() {\n}", "UNREADABLE, line 1: this is of type int, and has to be bool"},
		{"go read()", "UNREADABLE, line 1: this statement is not in the exercise; there are " + allowed},
		{"write(1.5)", "UNREADABLE, line 1: 1.5 is no whole number"},
		{"write(func() int { return 1 }())", "UNREADABLE, line 1: only these can be called: read() int, write(int), mu.Lock(), mu.Unlock()"},
		{"write([]int{1})", "UNREADABLE, line 1: this expression is not in the exercise; there are numbers, names, calls, and operators"},
		{"return 1", "UNREADABLE, line 1: the function gives nothing back"},
		{"break", "UNREADABLE, line 1: break stands in no loop"},
		{"write(1 / 0)", "NOT YET. no-panic: G0 panicked: line 1: division by zero"},
	} {
		v := find(t, "01").Grade(test.text)
		if got := v.Headline(); got != test.want {
			t.Errorf("%q:\n%s\nwant\n%s", test.text, got, test.want)
		}
	}
	for id, hole := range map[string]string{"01": "func visit() {", "09": "func configure() {"} {
		v := find(t, id).Grade("//go:build ignore\n\npackage answer\n")
		if want := "UNREADABLE, line 1: there is no " + hole + " }"; v.Headline() != want {
			t.Errorf("%s, without its function: %s, want %s", id, v.Headline(), want)
		}
	}
	v := find(t, "06").Grade("if event == Stored {\n\treturn false\n}")
	if want := "UNREADABLE, line 3: the function ends without a return: it gives bool"; v.Headline() != want {
		t.Errorf("%s, want %s", v.Headline(), want)
	}
	v = find(t, "10").Grade("func relay() {\n}\n")
	if want := "UNREADABLE, line 1: there is no func receive(row int) { }"; v.Headline() != want {
		t.Errorf("%s, want %s", v.Headline(), want)
	}
	for text, want := range map[string]string{
		"func setThrottle(x int) {\n}\n":                           "UNREADABLE, line 1: the function begins with func setThrottle() {",
		"func setThrottle() {\n}\n\nfunc setThrottle() {\n}\n":     "UNREADABLE, line 4: there is a second func setThrottle() { }",
		"func setThrottle() {\n}\n\nfunc waitIfThrottled() {\n}\n": "NOT YET, it ignores the throttle: the sender wrote 8ms before the throttle was over",
	} {
		v := find(t, "04").Grade(text)
		if v.Headline() != want {
			t.Errorf("%q:\n%s\nwant\n%s", text, v.Headline(), want)
		}
	}
}

// A text that stops by itself is not answered with a hint on the race.
func TestNextAfterAPanic(t *testing.T) {
	const mend = "The text stops by itself. Mend that first, and then look for the race."
	for _, test := range []struct{ id, text, next string }{
		{"01", "for {\n}", mend},
		{"01", "write(read())\nmu.Unlock()", "Play the schedule. " + mend},
		{"06", "return offset/0 == 1", mend},
		{"09", "Backoff = 1 / 0", mend},
	} {
		if v := find(t, test.id).Grade(test.text); v.Property != sim.NoPanic || v.Next != test.next {
			t.Errorf("%s, %q: %s breaks, and next is %q; want %q", test.id, test.text, v.Property, v.Next, test.next)
		}
	}
}

// The subset of Go means what Go means: each text writes the same as Go would.
func TestTheSubsetIsGo(t *testing.T) {
	for _, test := range []struct {
		text string
		want bool // it writes read() + 1, under the lock
	}{
		{"mu.Lock()\ndefer mu.Unlock()\nn := 0\nfor i := 0; i < 4; i++ {\n\tif i == 1 {\n\t\tcontinue\n\t}\n\tif i == 3 {\n\t\tbreak\n\t}\n\tn += i\n}\nwrite(read() + n - 1)", true},
		{"mu.Lock()\ndefer mu.Unlock()\nn := 0\nfor i := range 3 {\n\tn += i\n}\nwrite(read() + n/3)", true},
		{"mu.Lock()\ndefer mu.Unlock()\nok := true\nif n := 2; !ok || n > 2 && ok {\n\twrite(0)\n} else if ok {\n\twrite(read() + -(1 - n))\n}", true},
		{"mu.Lock()\nvar n int\nn++\nn = n * 3 % 2\nwrite(read() + n)\nmu.Unlock()\nreturn", true},
		{"mu.Lock()\nvar n int\nn--\nwrite(read() + n)\nmu.Unlock()", false},
		{"mu.Lock()\nx := read()\n{\n\tx := 5\n\tx++\n}\nwrite(x + 1)\nmu.Unlock()", true},
	} {
		v := find(t, "01").Grade(test.text)
		if got := v.Outcome == Holds; got != test.want {
			t.Errorf("%q: %s", test.text, v)
		}
	}
}

// The same text has the same verdict, and a run that a verdict shows can be played.
func TestVerdictsRepeat(t *testing.T) {
	e := find(t, "02")
	a, b := e.Grade(e.Skeleton), e.Grade("package answer\n\nfunc commit() { // hm\n"+e.Skeleton+"}\n")
	if a.String() != b.String() {
		t.Errorf("the skeleton is graded\n%s\nand in a file\n%s", a, b)
	}
	c, err := e.Case(e.Skeleton, a.World)
	if err != nil {
		t.Fatal(err)
	}
	report, err := c.Play(mustReplay(t, a.Schedule))
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Broken) == 0 || report.Broken[0].Property != a.Property {
		t.Errorf("the schedule breaks %v, want %s", report.Broken, a.Property)
	}
}

// The skeleton in a file is the skeleton, until any of its functions is another.
func TestHash(t *testing.T) {
	for _, e := range All() {
		want, functions := e.Hash(e.Skeleton), e.Skeleton
		if e.Hole != "" {
			functions = e.Hole + "\n" + e.Skeleton + "}\n"
		}
		file := "//go:build ignore\n\npackage answer\n\n// hm\n" + functions
		if got := e.Hash(file); got != want {
			t.Errorf("%s: the skeleton has the hash %s, and in a file %s", e.ID, want, got)
		}
		for i := range e.holes {
			parts := strings.SplitAfter(file, "\n}\n")
			parts[i] = strings.TrimSuffix(parts[i], "}\n") + "\tx++\n}\n"
			if e.Hash(strings.Join(parts, "")) == want {
				t.Errorf("%s: with another function %d the hash is still that of the skeleton", e.ID, i+1)
			}
		}
	}
}

func TestBoard(t *testing.T) {
	e := find(t, "01")
	right, wrong := e.Grade("mu.Lock()\nwrite(read() + 1)\nmu.Unlock()"), e.Grade(e.Skeleton)
	for _, v := range []Verdict{right, wrong} {
		entry, err := ParseEntry(v.Entry().String())
		if err != nil || entry != v.Entry() {
			t.Errorf("%s is read as %v, %v", v.Entry(), entry, err)
		}
	}
	got := Board("Ann: " + right.Entry().String() + "\nhello\nBen: " + wrong.Entry().String() + "\n" + wrong.Entry().String() + "\nracelab 01-counter x y\n")
	want := "01-counter: 1 of 3 hold\n" +
		"    2  broken     " + wrong.Hash + "  no-update-is-lost\n" +
		"    1  holds      " + right.Hash + "  \n"
	if got != want {
		t.Errorf("the board is\n%s\nwant\n%s", got, want)
	}
	for _, line := range []string{"", "racelab 01-counter 1 holds x -", "racelab 99-none 1 holds 1 -", "racelab 01-counter 1 fine 1 -"} {
		if _, err := ParseEntry(line); err == nil {
			t.Errorf("%q is read", line)
		}
	}
}

func mustReplay(t *testing.T, text string) sim.Chooser {
	t.Helper()
	schedule, err := sim.ParseSchedule(text)
	if err != nil {
		t.Fatal(err)
	}
	return sim.NewReplay(schedule)
}

// Goal: a text that was written with an input method for Chinese is the text that was meant.
func TestSignsOfChinese(t *testing.T) {
	e := find(t, "01")
	meant, written := "if n := read(); n != 0 {\n\twrite(n + 1)\n}", "if n ：＝ read（）； n ！＝ 0　｛\n\twrite（n ＋ 1）\n｝"
	if got, want := e.Grade(written), e.Grade(meant); got.Outcome == Unreadable || got.Outcome != want.Outcome || got.Hash != want.Hash {
		t.Errorf("%v, want %v", got, want)
	}
}
