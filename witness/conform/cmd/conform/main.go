// Conform asks a broker what docs/specification.md says about transactions, and prints
// what it answers and what the specification allows; see package racelab/witness/conform/protocol.
//
//	conform --broker localhost:9092 [SEQUENCE...]
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"racelab/witness/conform/protocol"
)

// Exit codes, as simrun has them.
const (
	exitHolds       = 0
	exitBroken      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := command(ctx, os.Args[1:], os.Stdout)
	interrupted := ctx.Err() != nil
	release()
	if interrupted {
		code = exitInterrupted
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "conform:", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	os.Exit(code)
}

// command does what the arguments ask, and returns the exit code.
func command(ctx context.Context, args []string, out io.Writer) (int, error) {
	flags := pflag.NewFlagSet("conform", pflag.ContinueOnError)
	flags.Usage = func() {}
	address := flags.String("broker", "", "the address of a broker that speaks Kafka's protocol: HOST:PORT")
	if err := flags.Parse(args); err == pflag.ErrHelp {
		help := fmt.Sprintf("Usage:\n  conform --broker HOST:PORT [SEQUENCE...]\n\nFlags:\n%s\nSequences:\n", flags.FlagUsages())
		for _, q := range protocol.Sequences {
			help += fmt.Sprintf("  %-24s %s\n", q.Name, q.About)
		}
		return say(out, exitHolds, help)
	} else if err != nil {
		return exitUsage, err
	}
	if *address == "" {
		return exitUsage, fmt.Errorf("no broker: say --broker HOST:PORT")
	}
	sequences, err := named(flags.Args())
	if err != nil {
		return exitUsage, err
	}
	b, err := protocol.Dial(ctx, *address)
	if err != nil {
		return exitUsage, err
	}
	defer b.Close()
	differ, err := protocol.Conform(ctx, b, sequences, out)
	switch {
	case err != nil:
		return exitUsage, err
	case differ == 1:
		return say(out, exitBroken, "1 answer is not that of Kafka 4.3.\n")
	case differ > 1:
		return say(out, exitBroken, fmt.Sprintf("%d answers are not those of Kafka 4.3.\n", differ))
	}
	return say(out, exitHolds, "All answers are allowed by Kafka 4.3.\n")
}

// say writes the text, and returns the code if it could.
func say(out io.Writer, code int, text string) (int, error) {
	if _, err := io.WriteString(out, text); err != nil {
		return exitUsage, err
	}
	return code, nil
}

// named are the sequences of these names; all, if there is no name.
func named(names []string) ([]protocol.Sequence, error) {
	if len(names) == 0 {
		return protocol.Sequences, nil
	}
	var list []protocol.Sequence
	for _, name := range names {
		i := slices.IndexFunc(protocol.Sequences, func(q protocol.Sequence) bool { return q.Name == name })
		if i < 0 {
			var possible []string
			for _, q := range protocol.Sequences {
				possible = append(possible, q.Name)
			}
			return nil, fmt.Errorf("there is no sequence %q; there are %s", name, strings.Join(possible, ", "))
		}
		list = append(list, protocol.Sequences[i])
	}
	return list, nil
}
