package simrun

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
)

// conformCommand asks a broker. What speaks to one is a module of its own, witness/conform, so
// that the lab does not depend on a client of Kafka: it is built when it is wanted.
func (a *app) conformCommand() *cobra.Command {
	var broker string
	c := &cobra.Command{
		Use:   "conform --broker HOST:PORT [SEQUENCE...]",
		Short: "Ask a broker what docs/specification.md says about transactions",
		Long: "Ask a broker what docs/specification.md says about transactions: sequences of requests, what\n" +
			"it answers, what Kafka's releases answer. It makes a topic of two partitions, and deletes it.\n" +
			"It is built from the source tree, so run it there. It exits with 1 if an answer is not one\n" +
			"of Kafka's newest release.",
	}
	c.Flags().StringVar(&broker, "broker", "", "the address of a broker that speaks Kafka's protocol, HOST:PORT")
	c.RunE = func(c *cobra.Command, args []string) error {
		if broker == "" {
			return errors.New("conform has no broker; want --broker HOST:PORT")
		}
		tree, err := sourceTree()
		if err != nil {
			return err
		}
		dir, err := os.MkdirTemp("", "simrun")
		if err != nil {
			return reason(err)
		}
		defer os.RemoveAll(dir)
		// It is built and then run, since go run turns every exit code into 1.
		program := filepath.Join(dir, "conform")
		build := exec.CommandContext(c.Context(), "go", "-C", filepath.Join(tree, "witness", "conform"), "build", "-o", program, "./cmd/conform")
		build.Stderr = a.stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("conform cannot be built in %s: %w", tree, err)
		}
		ask := exec.CommandContext(c.Context(), program, append([]string{"--broker", broker}, args...)...)
		ask.Stdout, ask.Stderr = a.stdout, a.stderr
		if code := (*exec.ExitError)(nil); errors.As(ask.Run(), &code) {
			return exit(code.ExitCode())
		}
		return nil
	}
	return c
}

// sourceTree is the folder above this one, or this one, that has the module witness/conform.
func sourceTree() (string, error) {
	from, err := os.Getwd()
	if err != nil {
		return "", reason(err)
	}
	for dir := from; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "witness", "conform", "cmd", "conform", "main.go")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("conform is built from the source tree of racelab, and %s is not in it", from)
		}
	}
}
