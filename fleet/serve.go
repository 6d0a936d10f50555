package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"racelab/simrun"
)

// Server is a NATS server within this process; see package embedded.
type Server interface {
	InProcessConn() (net.Conn, error)
	Login() []nats.Option // of this process
	ClientURL() string
	NumClients() int
	Shutdown()
}

// Start starts a server that keeps its state in a folder. It listens at HOST:PORT, or
// as a configuration file says.
type Start func(folder, listen, config string) (Server, error)

// serving is the command serve-work.
type serving struct {
	lab                 *simrun.Lab
	line                line
	dir, listen, config string
	shards              int
	lease               time.Duration
	start               Start

	job     *job
	missing map[int]bool
	waiting uint64 // the shards in the queue, when last seen
	screen  *screen
	failed  chan failure
}

// ServeWork makes the command that hands out work.
func ServeWork(start Start) func(*simrun.Lab) *cobra.Command {
	return func(lab *simrun.Lab) *cobra.Command {
		s := &serving{lab: lab, start: start, failed: make(chan failure, 1)}
		c := &cobra.Command{
			Use:   "serve-work [flags] COMMAND...",
			Short: "Hand out the shards of explore, check or sweep to workers, and print what they come to",
			Long: "Hand out the shards of explore, check or sweep to workers (simrun work), and print what they\n" +
				"come to: the same bytes as from one machine, with the same exit code. The flags of serve-work\n" +
				"stand before COMMAND. If it is interrupted or killed, the same command goes on.\n\n" +
				"Without --nats a NATS server runs within this process. It listens on this machine only, if\n" +
				"neither --listen nor --config says otherwise.",
			Args: func(_ *cobra.Command, args []string) error {
				if len(args) == 0 {
					return errors.New("serve-work wants a command: explore, check or sweep, with its arguments")
				}
				return nil
			},
		}
		f := c.Flags()
		f.SetInterspersed(false)
		f.StringVar(&s.dir, "dir", "", "the folder for results (shards/), and for the state of the server within (nats/)")
		f.IntVar(&s.shards, "shards", 64, "how many parts")
		f.StringVar(&s.listen, "listen", "127.0.0.1:4222", "where the server within listens")
		f.StringVar(&s.config, "config", "", "a configuration file of NATS for the server within: addresses, TLS, users")
		f.DurationVar(&s.lease, "lease", 30*time.Second, "a worker that is silent for so long is lost, and another gets its shard")
		s.line.flags(c, "", "a NATS server of one's own, with JetStream, instead of the one within")
		c.PreRunE = s.read
		c.RunE = func(_ *cobra.Command, _ []string) error { return s.run() }
		return c
	}
}

func (s *serving) read(c *cobra.Command, args []string) error {
	d, err := s.lab.Divide(args, s.shards)
	set := c.Flags().Changed
	switch {
	case err != nil:
		return err
	case s.dir == "":
		return errors.New("serve-work wants --dir, the folder for results")
	case s.lease < time.Second:
		return fmt.Errorf("--lease %v is too short; want 1s or more", s.lease)
	case set("nats") && s.line.url == "":
		return errors.New("--nats is empty; want an address such as nats://host:4222")
	case set("nats") && (set("listen") || set("config")):
		return errors.New("--nats excludes --listen and --config: they are for the server within")
	case set("listen") && set("config"):
		return errors.New("--listen and --config exclude each other; the file says where to listen")
	}
	s.job = &job{Division: d, line: &s.line, lease: s.lease}
	return nil
}

func (s *serving) results() string { return filepath.Join(s.dir, "shards") }

// run hands out the work, waits for its results, and prints what they come to.
func (s *serving) run() (err error) {
	release, err := s.folder()
	if err != nil {
		return err
	}
	defer release()
	if s.missing, err = s.job.Missing(s.results()); err != nil {
		return err
	}
	if len(s.missing) > 0 {
		ctx, unwatch := s.lab.Watch()
		defer unwatch()
		if err := s.serve(ctx); err != nil {
			return err
		}
	}
	return s.job.Merge(s.results())
}

// folder makes the folder, and keeps every other serve-work out of it.
func (s *serving) folder() (release func(), err error) {
	if err := os.MkdirAll(s.results(), 0o755); err != nil {
		return nil, s.bad(err)
	}
	lock := flock.New(filepath.Join(s.dir, "lock"))
	held, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, s.bad(err)
	case !held:
		return nil, fmt.Errorf("--dir %.120s: another serve-work has it; want another folder", s.dir)
	}
	return func() { _ = lock.Unlock() }, nil
}

func (s *serving) bad(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("--dir %.120s: %w; want a folder that can be written", s.dir, err)
}

// serve hands out the shards that are missing, and returns when none is.
func (s *serving) serve(ctx context.Context) error {
	var options []nats.Option
	if s.line.url == "" {
		server, err := s.start(filepath.Join(s.dir, "nats"), s.listen, s.config)
		if err != nil {
			return err
		}
		defer server.Shutdown()
		defer s.farewell(server)
		s.line.url = server.ClientURL()
		options = append(server.Login(), nats.InProcessServer(server))
	}
	if err := s.line.connect(options...); err != nil {
		return err
	}
	defer s.line.conn.Close()
	if err := s.line.until(ctx, s.job.open); err != nil {
		return err
	}
	if err := s.listenTo(); err != nil {
		return err
	}
	defer s.screen.clear()
	s.lab.Say("%d of %d shards to do at %s; on each machine: %s", len(s.missing), s.job.Shards, s.line.address(), s.lab.Line("work", "--nats", s.line.address()))
	for {
		if err := s.look(ctx); err != nil {
			return err
		}
		if len(s.missing) == 0 {
			return nil
		}
		select {
		case f := <-s.failed:
			s.screen.clear()
			return fmt.Errorf("shard %d, on %s: %s; %d of %d shards are done, and the same command goes on", f.Shard, f.Worker, f.Error, s.job.Shards-len(s.missing), s.job.Shards)
		case <-ctx.Done():
			s.screen.clear()
			s.lab.Say("interrupted; %d of %d shards are done, and the same command goes on", s.job.Shards-len(s.missing), s.job.Shards)
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// listenTo hears what workers say.
func (s *serving) listenTo() error {
	s.screen = newScreen(s.lab.Stderr(), s.lab.Line(s.job.Command...), s.job.Shards, len(s.missing))
	_, err := s.line.conn.Subscribe(s.job.subject("worker"), func(m *nats.Msg) {
		var b beat
		if json.Unmarshal(m.Data, &b) == nil {
			s.screen.hear(b)
		}
	})
	_, err2 := s.line.conn.Subscribe(s.job.subject("failed"), func(m *nats.Msg) {
		var f failure
		if json.Unmarshal(m.Data, &f) == nil {
			select {
			case s.failed <- f:
			default: // One is enough.
			}
		}
	})
	return cmp.Or(err, err2)
}

// look fetches the results that are new, and puts a shard into the queue again that
// is neither there nor done.
func (s *serving) look(ctx context.Context) error {
	var queue *jetstream.StreamInfo
	var there []*jetstream.ObjectInfo
	err := s.line.until(ctx, func(ctx context.Context) (err error) {
		// First the queue: what has left it by now is listed below.
		if queue, err = s.job.queue.Info(ctx); err != nil || queue.State.Msgs == s.waiting && int(s.waiting) >= len(s.missing) {
			return err
		}
		if there, err = s.job.results.List(ctx); errors.Is(err, jetstream.ErrNoObjectsFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		return s.gone(ctx, err)
	}
	for _, info := range there {
		if err := s.fetch(ctx, info); err != nil {
			return s.gone(ctx, err)
		}
	}
	s.waiting = queue.State.Msgs
	s.screen.show(len(s.missing))
	if int(queue.State.Msgs) >= len(s.missing) {
		return nil
	}
	for _, shard := range slices.Sorted(maps.Keys(s.missing)) {
		if err := s.line.until(ctx, func(ctx context.Context) error { return s.job.enqueue(ctx, shard) }); err != nil {
			return s.gone(ctx, err)
		}
	}
	return nil
}

func (s *serving) gone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil // serve says so.
	}
	s.screen.clear()
	return fmt.Errorf("%w; %d of %d shards are done, and the same command goes on", err, s.job.Shards-len(s.missing), s.job.Shards)
}

// fetch fetches a result, if its shard is missing. Where it cannot, the shard stays
// missing: a result can lack its content, until a worker has stored it again.
func (s *serving) fetch(ctx context.Context, info *jetstream.ObjectInfo) error {
	if _, err := os.Stat(filepath.Join(s.results(), info.Name)); err == nil {
		return nil
	}
	one, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	content, err := s.job.results.GetBytes(one, info.Name)
	if err != nil {
		return nil
	}
	shard, err := s.job.Keep(s.results(), info.Name, content)
	delete(s.missing, shard)
	return err
}

// farewell lets workers see that no work is left, before the server within goes away:
// also those that are about to connect again.
func (s *serving) farewell(server Server) {
	if len(s.missing) > 0 {
		return
	}
	began := time.Now()
	for quiet := 0; quiet < 4 && time.Since(began) < 10*time.Second; quiet++ {
		if time.Sleep(pause); server.NumClients() > 0 {
			quiet = 0
		}
	}
}
