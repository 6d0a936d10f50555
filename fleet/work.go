package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"racelab/simrun"
)

// worker is the command work.
type worker struct {
	lab      *simrun.Lab
	line     line
	job      *job
	parallel int
	name     string
	done     int
}

// Work makes the command that does shards.
func Work(lab *simrun.Lab) *cobra.Command {
	w := &worker{lab: lab}
	c := &cobra.Command{
		Use:   "work",
		Short: "Do shards of the work that a serve-work hands out, until there are no more",
		Long: "Do shards of the work that a serve-work hands out, until there are no more. Start it on as\n" +
			"many machines as there are, at any time, with the same build of this program; end it at any\n" +
			"time: another worker does the shard that it was at.",
		Args: noArguments,
	}
	w.line.flags(c, nats.DefaultURL, "the server that serve-work names")
	c.Flags().IntVar(&w.parallel, "parallel", 0, "how many processors it uses, 1 to 256; without it, all")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("parallel") && (w.parallel < 1 || w.parallel > 256) {
			return fmt.Errorf("--parallel %d is not possible; want 1 to 256", w.parallel)
		}
		ctx, release := lab.Watch()
		defer release()
		return w.run(ctx)
	}
	return c
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, not %.60q", c.Name(), args[0])
	}
	return nil
}

// patience is how long a worker waits for work to appear: it may have been started
// just before serve-work.
const patience = 3 * time.Second

func (w *worker) run(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	w.name = fmt.Sprintf("%s:%d", host, os.Getpid())
	if err := w.line.connect(); err != nil {
		return err
	}
	defer w.line.conn.Close()
	if err := w.find(ctx, patience); err != nil {
		return err
	}
	for {
		left, err := w.one(ctx)
		if err == nil && !left {
			// There may be work of another command.
			if err = w.find(ctx, 0); errors.As(err, new(noWork)) {
				w.lab.Say("no work is left; %d shards were done here", w.done)
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}

// find finds work.
func (w *worker) find(ctx context.Context, patience time.Duration) error {
	for began := time.Now(); ; {
		var none noWork
		err := w.line.until(ctx, func(ctx context.Context) (err error) {
			none = ""
			if w.job, err = find(ctx, w.lab, &w.line); errors.As(err, &none) {
				return nil
			}
			return err
		})
		switch {
		case err != nil:
			return err
		case none == "":
			w.lab.Say("work: %s, in %d shards", w.lab.Line(w.job.Command...), w.job.Shards)
			return nil
		case time.Since(began) > patience:
			return fmt.Errorf("%s: %w", w.line.address(), none)
		case !sleep(ctx, pause):
			return context.Cause(ctx)
		}
	}
}

// one does a shard, if one waits. It says whether any are left, here or elsewhere.
func (w *worker) one(ctx context.Context) (left bool, err error) {
	batch, err := w.job.workers.Fetch(1, jetstream.FetchMaxWait(time.Second))
	if err == nil {
		for message := range batch.Messages() {
			return true, w.shard(ctx, message)
		}
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	w.job.tell("worker", beat{Worker: w.name, Done: w.done})
	err = w.line.until(ctx, func(ctx context.Context) error {
		info, err := w.job.queue.Info(ctx)
		if err == nil {
			left = info.State.Msgs > 0
		}
		return err
	})
	return left, err
}

// shard does the shard that a message names, and confirms it when its result is stored.
func (w *worker) shard(ctx context.Context, message jetstream.Msg) error {
	subject := message.Subject()
	shard, err := strconv.Atoi(subject[strings.LastIndexByte(subject, '.')+1:])
	if err != nil || shard < 1 || shard > w.job.Shards {
		return fmt.Errorf("%s: no shard of this work is called %q", w.line.address(), subject)
	}
	w.lab.Say("shard %d of %d", shard, w.job.Shards)
	working, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.hold(working, message, shard)
	}()
	name, content, err := w.job.Shard(ctx, shard, w.parallel)
	if err == nil {
		err = w.line.until(ctx, func(ctx context.Context) error { return w.job.store(ctx, name, content) })
	}
	if err == nil {
		w.done++
		err = w.line.until(ctx, message.DoubleAck)
	}
	if err != nil && ctx.Err() == nil {
		w.job.tell("failed", failure{w.name, shard, err.Error()})
		err = fmt.Errorf("shard %d: %w", shard, err)
	}
	stop()
	<-ended
	if err != nil {
		_ = message.Nak() // Another worker need not wait until the lease has run out.
		_ = w.line.conn.FlushTimeout(time.Second)
	}
	return err
}

// hold says, until the context ends, that a shard is being worked on.
func (w *worker) hold(ctx context.Context, message jetstream.Msg, shard int) {
	began := time.Now()
	for {
		_ = message.InProgress() // While the server is away nobody else gets the shard either.
		w.job.tell("worker", beat{w.name, shard, time.Since(began), w.done})
		if !sleep(ctx, min(time.Second, w.job.lease/3)) {
			return
		}
	}
}

// store stores a result. It does so also where the server has one of that name: Put
// takes the content away again, and leaves the name, if the server goes away before it
// has confirmed the name.
func (j *job) store(ctx context.Context, name string, content []byte) error {
	_, err := j.results.Put(ctx, jetstream.ObjectMeta{Name: name}, bytes.NewReader(content))
	return err
}
