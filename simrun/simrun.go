package simrun

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"racelab/scenario"
	"racelab/sim"
)

// Main is the command over these scenarios, the lab's (scenarios.Registry) or one's
// own. It ends the process.
func Main(all ...scenario.Any) {
	MainWith(nil, all...)
}

// MainWith is Main with more commands, which another module adds.
func MainWith(more []func(*Lab) *cobra.Command, all ...scenario.Any) {
	races, err := scenario.Races(all...)
	a := &app{
		program: programName(os.Args[0]), all: races, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		notify: func(c chan<- os.Signal) { signal.Notify(c, os.Interrupt, syscall.SIGTERM) },
		more:   more,
	}
	if err != nil {
		a.say("%v", err)
		os.Exit(exitUsage)
	}
	os.Exit(a.run(os.Args[1:]))
}

// The exit codes; doc.go says what each means.
const (
	exitHolds       = 0
	exitBroken      = 1
	exitUsage       = 2
	exitDeadlock    = 3
	exitVacuous     = 4
	exitUnfinished  = 5
	exitInterrupted = 130
	exitTerminated  = 143
)

// exit is the error of a command that did its work and has a verdict other
// than "holds".
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// app is the command without its process.
type app struct {
	program        string // as printed commands name it
	all            []*scenario.Race
	stdin          io.Reader
	stdout, stderr io.Writer
	notify         func(chan<- os.Signal) // tells of SIGINT and SIGTERM
	colour         string                 // --color
	more           []func(*Lab) *cobra.Command
	parts          []json.RawMessage                       // merge: what the shards found; nil: the work is to be done
	take           func(name string, content []byte) error // gets the result of a shard; nil: a folder does
}

// programName is how a reader calls this program again: by the name it was called
// by, or, if go run has built it, by that.
func programName(called string) string {
	info, ok := debug.ReadBuildInfo()
	if ok && strings.Contains(filepath.ToSlash(called), "/go-build") { // The build cache, or go run's own folder.
		if main, inside := strings.CutPrefix(info.Path, info.Main.Path+"/"); inside {
			return "go run ./" + main
		}
	}
	return filepath.Base(called)
}

// printed is a command of scenarios.Command as this program prints it.
func (a *app) printed(command string) string {
	if rest, ok := strings.CutPrefix(command, "simrun "); ok {
		return a.program + " " + rest
	}
	return command
}

// say writes a line to stderr, under the program's name.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.stderr, path.Base(a.program)+":", strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "))
}

// output is stdout, and why it could not be written.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(text []byte) (int, error) {
	n, err := o.Writer.Write(text)
	o.err = cmp.Or(o.err, err)
	return n, err
}

// run executes a command line and returns its exit code.
func (a *app) run(args []string) int {
	out := &output{Writer: a.stdout}
	a.stdout = out
	err := a.execute(args)
	var code exit
	if out.err != nil && (err == nil || errors.As(err, &code)) {
		err = out.err // What was not written is no verdict.
	}
	switch {
	case err == nil:
		return exitHolds
	case errors.As(err, &code):
		return int(code)
	case slices.Contains(args, "--json"):
		failure := errorJSON{header: a.header("error"), Error: err.Error(), Exit: exitUsage}
		if unknown := (*scenario.UnknownName)(nil); errors.As(err, &unknown) {
			failure.Nearest, failure.Possible = unknown.Nearest(), unknown.Possible
		}
		line, _ := json.Marshal(failure) // It is made of texts.
		fmt.Fprintf(a.stderr, "%s\n", line)
	default:
		a.say("%v", err)
	}
	return exitUsage
}

// execute runs the command. A world that is refused is an error like any other.
func (a *app) execute(args []string) (err error) {
	defer sim.RecoverModelError(&err)
	return a.root(args).Execute()
}

// root makes the commands.
func (a *app) root(args []string) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:           "simrun",
		Short:         "Races of Kafka clients: run them, search them, check their fixes",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: a.program},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
	}
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(badFlag)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(a.listCommand(), a.showCommand(), a.whyCommand(), a.runCommand(), a.playCommand(), a.exploreCommand(), a.diffCommand(),
		a.checkCommand(), a.sweepCommand(), a.mergeCommand(), a.adviseCommand(), a.conformCommand(), a.docsCommand(), a.versionCommand())
	for _, command := range a.more {
		root.AddCommand(command(&Lab{a}))
	}
	root.Flags().BoolVar(&version, "version", false, "print revision, Go and a hash of the models")
	root.PersistentFlags().StringVar(&a.colour, "color", "auto", "auto, always or never")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return oneOf("color", a.colour, "auto", "always", "never") }
	root.RunE = func(c *cobra.Command, _ []string) error {
		if version {
			return a.version(false)
		}
		return c.Help()
	}
	for _, c := range append(root.Commands(), root) {
		c.Flags().VisitAll(onlyOnce)
		c.PersistentFlags().VisitAll(onlyOnce)
	}
	return root
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
	return &scenario.UnknownName{Kind: "command", Name: args[0], Possible: names}
}

// helpCommand is cobra's, but for what it does with an unknown command.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show a command's flags",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err == nil {
				err = knownCommand(c.Root(), rest)
			}
			if err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// isTerminal says whether w is a terminal.
func isTerminal(w io.Writer) bool {
	if out, ok := w.(*output); ok {
		w = out.Writer
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// wantsColour says whether what goes to stdout may be coloured.
func (a *app) wantsColour() bool {
	if a.colour == "auto" {
		return isTerminal(a.stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return a.colour == "always"
}
