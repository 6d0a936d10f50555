package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"racelab/sim"
)

// Flags are the parameters of a struct: declared by pointer, name, default, range
// and help, as in package flag. Text becomes a value here and nowhere else.
type Flags struct {
	keep bool // the variables keep their values
	list []*flag
}

// Parameter is something that can be set.
type Parameter struct {
	Name    string
	Help    string
	Default string
	Takes   Domain
}

// Domain says what a parameter takes: "1 to 4", "manual or auto".
type Domain fmt.Stringer

// Numbers are the whole numbers of a range, both ends included.
type Numbers struct {
	Min, Max int
	Unit     string // "ms"; empty: they count things
}

func (n Numbers) String() string { return fmt.Sprintf("%d to %d", n.Min, n.Max) }

// Words are a few words.
type Words []string

func (w Words) String() string {
	last := len(w) - 1
	return strings.Join(w[:last], ", ") + " or " + w[last]
}

// Delays are what sim.ParseDelay understands.
type Delays struct{}

func (Delays) String() string { return sim.DelayForms }

// Durations are fixed times.
type Durations struct{}

func (Durations) String() string { return "0s to 1h" }

// flag is a parameter with its variable.
type flag struct {
	Parameter
	set  func(text string) bool // false: the text is not in the domain
	text func() string
}

// Int declares a whole number.
func (f *Flags) Int(p *int, name string, value, least, most int, help string) {
	f.int(p, name, value, Numbers{Min: least, Max: most}, help)
}

func (f *Flags) int(p *int, name string, value int, takes Numbers, help string) {
	declare(f, p, value, name, help, takes, func(text string) (int, bool) { return parseInt(text, takes) }, strconv.Itoa)
}

// Millis declares a time that is set in whole milliseconds.
func (f *Flags) Millis(p *time.Duration, name string, value, least, most int, help string) {
	takes := Numbers{Min: least, Max: most, Unit: "ms"}
	declare(f, p, time.Duration(value)*time.Millisecond, name, help, takes,
		func(text string) (time.Duration, bool) {
			n, ok := parseInt(text, takes)
			return time.Duration(n) * time.Millisecond, ok
		},
		func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) })
}

// Duration declares a time: 0s to 1h.
func (f *Flags) Duration(p *time.Duration, name string, value time.Duration, help string) {
	declare(f, p, value, name, help, Durations{},
		func(text string) (time.Duration, bool) {
			d, err := time.ParseDuration(text)
			return d, err == nil && 0 <= d && d <= time.Hour
		},
		func(d time.Duration) string { return ascii(d.String()) })
}

// Delay declares a delay. The default is text, as sim.ParseDelay reads it.
func (f *Flags) Delay(p *sim.Delay, name, value, help string) {
	parse := func(text string) (sim.Delay, bool) {
		d, err := sim.ParseDelay(text)
		return d, err == nil
	}
	d, ok := parse(value)
	if !ok {
		panic(fault("the default of %s is no delay: %s", name, value))
	}
	declare(f, p, d, name, help, Delays{}, parse, func(d sim.Delay) string { return ascii(d.String()) })
}

// Switch declares a choice of two, off and on; it prints the default first.
func (f *Flags) Switch(p *bool, name, off, on string, value bool, help string) {
	words := Words{off, on}
	if value {
		words = Words{on, off}
	}
	declare(f, p, value, name, help, words,
		func(text string) (bool, bool) { return text == on, text == on || text == off },
		func(b bool) string {
			if b {
				return on
			}
			return off
		})
}

// Choice declares a choice of some words, which stand for 0, 1 and so on: those of a
// type's constants, in their order. The first is the default.
func Choice[T ~uint8](f *Flags, p *T, name string, words Words, help string) {
	declare(f, p, 0, name, help, words,
		func(text string) (T, bool) {
			i := slices.Index(words, text)
			return T(max(i, 0)), i >= 0
		},
		func(value T) string { return words[value] })
}

// declare adds a parameter of any kind.
func declare[T any](f *Flags, p *T, value T, name, help string, takes Domain, parse func(string) (T, bool), format func(T) string) {
	f.list = append(f.list, &flag{
		Parameter{name, help, format(value), takes},
		func(text string) bool {
			value, ok := parse(text)
			if ok {
				*p = value
			}
			return ok
		},
		func() string { return format(*p) },
	})
	if !f.keep {
		*p = value
	}
}

// parseInt refuses what is out of range, and signs and zeros that say nothing.
func parseInt(text string, takes Numbers) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && strconv.Itoa(n) == text && takes.Min <= n && n <= takes.Max
}

// ascii writes a time without the letter mu.
func ascii(text string) string { return strings.ReplaceAll(text, "µ", "u") }

// bind declares the parameters of p, which it sets to the defaults unless it is to
// keep them.
func bind[S any](flags func(*S, *Flags), p *S, keep bool) *Flags {
	f := &Flags{keep: keep}
	if flags != nil {
		flags(p, f)
	}
	return f
}

// Parameters lists the parameters of a struct.
func Parameters[S any](flags func(*S, *Flags)) []Parameter {
	return bind(flags, new(S), false).parameters()
}

func (f *Flags) parameters() []Parameter {
	var list []Parameter
	for _, flag := range f.list {
		list = append(list, flag.Parameter)
	}
	return list
}

// Default gives parameters that are declared by now other defaults, as NAME=VALUE. It
// panics where that is impossible.
func (f *Flags) Default(settings ...string) {
	for _, setting := range settings {
		name, _, _ := strings.Cut(setting, "=")
		at := slices.IndexFunc(f.list, func(flag *flag) bool { return flag.Name == name })
		held := ""
		if at >= 0 {
			held = f.list[at].text()
		}
		if err := f.set("the default", []string{setting}); err != nil {
			panic(fault("%v", err))
		}
		f.list[at].Default = f.list[at].text()
		if f.keep {
			f.list[at].set(held)
		}
	}
}

// Defaults returns a struct with its parameters at their defaults.
func Defaults[S any](flags func(*S, *Flags)) S {
	var p S
	bind(flags, &p, false)
	return p
}

// Set sets parameters of p by NAME=VALUE. The error says which is wrong, and what
// is possible; owner is whose parameters they are.
func Set[S any](owner string, flags func(*S, *Flags), p *S, settings []string) error {
	return bind(flags, p, true).set(owner, settings)
}

func (f *Flags) set(owner string, settings []string) error {
	for _, setting := range settings {
		name, text, ok := strings.Cut(setting, "=")
		name, text = strings.TrimSpace(name), strings.TrimSpace(text)
		if !ok {
			return fmt.Errorf("%.60q is no setting; want NAME=VALUE, of %s", setting, strings.Join(f.names(), ", "))
		}
		at := slices.IndexFunc(f.list, func(flag *flag) bool { return flag.Name == name })
		if at < 0 {
			return &UnknownName{"parameter of " + owner, name, f.names()}
		}
		if !f.list[at].set(text) {
			return fmt.Errorf("%s=%.60s is out of range; want %v", name, text, f.list[at].Takes)
		}
	}
	return nil
}

// outOfRange is the first parameter whose value is none that it takes; nil: each is one.
func (f *Flags) outOfRange() *flag {
	for _, flag := range f.list {
		if !flag.set(flag.text()) {
			return flag
		}
	}
	return nil
}

func (f *Flags) names() []string {
	var names []string
	for _, flag := range f.list {
		names = append(names, flag.Name)
	}
	return names
}

// Values are parameters as text, in the order in which they are declared.
type Values []Value

// Value is one of them.
type Value struct{ Name, Text string }

// ValuesOf writes the parameters of a struct as text.
func ValuesOf[S any](flags func(*S, *Flags), p S) Values { return bind(flags, &p, true).values() }

func (f *Flags) values() Values {
	var values Values
	for _, flag := range f.list {
		values = append(values, Value{flag.Name, flag.text()})
	}
	return values
}

// changed lists the parameters that are not at their defaults.
func (f *Flags) changed() Values {
	var changed Values
	for _, flag := range f.list {
		if text := flag.text(); text != flag.Default {
			changed = append(changed, Value{flag.Name, text})
		}
	}
	return changed
}

// Settings lists them as NAME=VALUE.
func (v Values) Settings() []string {
	var settings []string
	for _, value := range v {
		settings = append(settings, value.Name+"="+value.Text)
	}
	return settings
}

func (v Values) String() string {
	return strings.Join(v.Settings(), " ")
}
