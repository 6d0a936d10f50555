package simrun

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"racelab/scenario"
)

// once is the value of a flag that is no list: to give it twice is an error.
type once struct {
	pflag.Value
	given bool
}

var errTwice = errors.New("given twice")

func (o *once) Set(text string) error {
	if o.given {
		return errTwice
	}
	o.given = true
	return o.Value.Set(text)
}

// onlyOnce makes a flag one that can be given once, if it is no list.
func onlyOnce(f *pflag.Flag) {
	if _, list := f.Value.(pflag.SliceValue); !list {
		f.Value = &once{Value: f.Value}
		if f.Value.Type() == "duration" && f.DefValue == "0s" {
			f.DefValue = "" // Help shows no default that is nothing.
		}
	}
}

// badFlag says what is wrong with a flag, and what is possible.
func badFlag(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		dashes := "--"
		if unknown.GetSpecifiedShortnames() != "" {
			dashes = "-"
		}
		return &scenario.UnknownName{Kind: "flag of " + c.Name(), Name: dashes + unknown.GetSpecifiedName(), Possible: flagNames(c)}
	case errors.Is(err, errTwice) && errors.As(err, &invalid):
		return fmt.Errorf("--%s is given twice; want it once", invalid.GetFlag().Name)
	case errors.As(err, &invalid):
		kind := invalid.GetFlag().Value.Type()
		if want, ok := kinds[kind]; ok {
			kind = want
		}
		return fmt.Errorf("--%s %.60q is not possible; want %s", invalid.GetFlag().Name, invalid.GetValue(), kind)
	}
	return fmt.Errorf("%w; see %s", err, scenario.Command("help", c.Name()))
}

func flagNames(c *cobra.Command) []string {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return names
}

var kinds = map[string]string{
	"bool": "true or false", "int": "whole numbers", "uint64": "whole numbers from 0", "duration": "times such as 30s", "size": "sizes such as 500MB or 4GB",
	"shard": "a part such as 3/64",
}

// atMostOne refuses two flags that exclude each other.
func atMostOne(c *cobra.Command, a, b string) error {
	if c.Flags().Changed(a) && c.Flags().Changed(b) {
		return fmt.Errorf("--%s and --%s exclude each other; want one of them", a, b)
	}
	return nil
}

// oneOf refuses a flag's value that is not among the possible ones.
func oneOf(flag, value string, possible ...string) error {
	if slices.Contains(possible, value) {
		return nil
	}
	return &scenario.UnknownName{Kind: "--" + flag, Name: value, Possible: possible}
}

// noArguments is the Args of a command that takes flags only.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, not %.60q; its flags are %s", c.Name(), args[0], strings.Join(flagNames(c), ", "))
	}
	return nil
}

// workers is the flag --parallel.
type workers int

func (n *workers) flag(c *cobra.Command) {
	c.Flags().IntVar((*int)(n), "parallel", 0, "how many work at once, 1 to 256; without it, one a processor; no result depends on it")
}

func (n *workers) check(c *cobra.Command) error {
	if c.Flags().Changed("parallel") && (*n < 1 || *n > 256) {
		return fmt.Errorf("--parallel %d is not possible; want 1 to 256", *n)
	}
	return nil
}

// count is how many work at once.
func (n workers) count() int { return cmp.Or(int(n), runtime.GOMAXPROCS(0)) }

// limit is the flag --time.
type limit time.Duration

func (l *limit) flag(c *cobra.Command) {
	c.Flags().DurationVar((*time.Duration)(l), "time", 0, "stop after this time, such as 30s; what is found then depends on the machine")
}

func (l *limit) check(c *cobra.Command) error {
	if c.Flags().Changed("time") && *l <= 0 {
		return fmt.Errorf("--time %v is too short; want a time such as 30s", time.Duration(*l))
	}
	return nil
}

// over says whether the time is up, of what began then.
func (l *limit) over(began time.Time) bool { return *l > 0 && time.Since(began) > time.Duration(*l) }
