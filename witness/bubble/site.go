package bubble

import (
	"cmp"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// site is a place in the source from which a lock is called.
type site struct {
	function string // "flushToBroker"
	lock     string // as it is written there: "om.pomsLock"; empty where a defer hides it
}

// sites holds the sites that were looked up, by program counter. One run at a
// time looks, and one goroutine at a time: whoever was chosen.
var sites = map[uintptr]site{}

// caller is the site that calls into package sync of this module: skip frames
// above the caller of this function.
func (r *Run) caller(skip int) site {
	var counters [1]uintptr
	runtime.Callers(skip+2, counters[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := sites[counters[0]]
	if !ok {
		frame, _ := runtime.CallersFrames(counters[:]).Next()
		known = site{baseName(frame.Function), lockAt(frame.File, frame.Line)}
		sites[counters[0]] = known
	}
	return known
}

// NameOf returns what a lock is called that the released code is about to take,
// two frames up: as the source calls it, and numbered if it is not the first
// so called. Name it once; the names stay for the run.
func (r *Run) NameOf() string {
	name := cmp.Or(r.caller(2).lock, "lock")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lockNames[name]++
	if n := r.lockNames[name]; n > 1 {
		name += "(" + strconv.Itoa(n) + ")"
	}
	return name
}

// Point is what an event is called that does something to a lock, two frames up
// from here: "flushToBroker Lock b.lock". Of locks that share a name the event
// does not say which it is: the order in which the released code walks a map of
// them is up to chance, and no schedule could name it.
func (r *Run) Point(does, lock string) string {
	lock, _, _ = strings.Cut(lock, "(")
	return r.caller(2).function + " " + does + " " + lock
}

// baseName is a function's name without package and receiver.
func baseName(function string) string {
	name := shortName(function)
	if _, method, ok := strings.Cut(name, "."); ok && !strings.HasPrefix(method, "func") {
		return method
	}
	return name
}

var taking = regexp.MustCompile(`([\w.\[\]]+)\.(?:Try)?R?Lock\(\)`)

// lockAt reads how the source calls the lock that it takes in a line.
func lockAt(file string, line int) string {
	source, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(source), "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	match := taking.FindStringSubmatch(lines[line-1])
	if match == nil {
		return ""
	}
	return match[1]
}
