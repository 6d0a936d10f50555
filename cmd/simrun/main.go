package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"racelab/scenarios"
)

func main() {
	os.Exit(simrun(os.Args[1:], os.Stdout, os.Stderr))
}

// The exit codes; doc.go says what each means.
const (
	exitHolds        = 0
	exitBroken       = 1
	exitUsage        = 2
	exitDeadlock     = 3
	exitNotExercised = 4
	exitUnfinished   = 5
	exitInterrupted  = 130
)

// exit is the error of a command that did its work and has a verdict other
// than "holds".
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// simrun is the command without its process.
func simrun(args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "simrun",
		Short:         "Races of Kafka clients: run them, search them, check their fixes",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(badFlag)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(listCommand(), showCommand(), runCommand(), exploreCommand(), diffCommand(), checkCommand(), sweepCommand(), adviseCommand(), docsCommand())
	root.Args = knownCommand
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }

	err := root.Execute()
	var code exit
	switch {
	case err == nil:
		return exitHolds
	case errors.As(err, &code):
		return int(code)
	default:
		fmt.Fprintln(stderr, "simrun:", strings.ReplaceAll(err.Error(), "\n", " "))
		return exitUsage
	}
}

// helpCommand is cobra's, but for what it does with an unknown command.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show a command's flags",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if err := knownCommand(c.Root(), rest); err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// knownCommand is the Args of the root: what is left of them is no command.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range root.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return fmt.Errorf("there is no command %.60q; there is %s", args[0], strings.Join(names, ", "))
}

// badFlag says what is wrong with a flag, and what is possible.
func badFlag(c *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return fmt.Errorf("%w; the flags of %s are %s", err, c.Name(), flags(c))
	}
	possible := map[string]string{
		"bool": "true, false", "int": "whole numbers", "uint64": "whole numbers from 0", "duration": "times such as 30s",
	}
	kind := invalid.GetFlag().Value.Type()
	return fmt.Errorf("--%s %.60q is not possible; possible: %s", invalid.GetFlag().Name, invalid.GetValue(), cmp.Or(possible[kind], kind))
}

// atMostOne refuses two flags that exclude each other.
func atMostOne(c *cobra.Command, a, b string) error {
	if c.Flags().Changed(a) && c.Flags().Changed(b) {
		return fmt.Errorf("--%s and --%s exclude each other; want one of them", a, b)
	}
	return nil
}

func flags(c *cobra.Command) string {
	var names []string
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return strings.Join(names, ", ")
}

// noArguments is the Args of a command that takes flags only.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, not %.60q; its flags are %s", c.Name(), args[0], flags(c))
	}
	return nil
}

// oneScenario is the Args of a command that takes a scenario's name.
func oneScenario(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes one scenario, not %d; there is %s", c.Name(), len(args), strings.Join(scenarioNames(), ", "))
	}
	return nil
}

func scenarioNames() []string {
	var names []string
	for _, s := range scenarios.All() {
		names = append(names, s.Name)
	}
	return names
}

// subject is what run and explore are about: a variant with its parameters.
type subject struct {
	scenario *scenarios.Scenario
	variant  scenarios.Variant
	values   scenarios.Values

	variantName string
	settings    []string
}

func (s *subject) flags(c *cobra.Command) {
	c.Flags().StringVar(&s.variantName, "variant", "", "the variant; without it, the unfixed one")
	c.Flags().StringArrayVar(&s.settings, "set", nil, "a parameter, as NAME=VALUE; may be repeated")
	c.ValidArgs = scenarioNames()
	_ = c.RegisterFlagCompletionFunc("variant", func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 1 {
			if found, err := scenarios.Find(args[0]); err == nil {
				return found.VariantNames(), cobra.ShellCompDirectiveNoFileComp
			}
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	})
}

func (s *subject) find(name string) (err error) {
	if s.scenario, err = scenarios.Find(name); err != nil {
		return err
	}
	if s.variant, err = s.scenario.FindVariant(s.variantName); err != nil {
		return err
	}
	s.values, err = s.scenario.Set(s.settings)
	return err
}

// oneOf refuses a flag's value that is not among the possible ones.
func oneOf(flag, value string, possible ...string) error {
	for _, p := range possible {
		if value == p {
			return nil
		}
	}
	return fmt.Errorf("--%s %.60q is not possible; possible: %s", flag, value, strings.Join(possible, ", "))
}

// isTerminal says whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// wantsColour says whether w is a terminal, and its user has not refused
// colour.
func wantsColour(w io.Writer) bool { return isTerminal(w) && os.Getenv("NO_COLOR") == "" }
