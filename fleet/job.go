package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"racelab/simrun"
)

// job is a division on a server.
type job struct {
	*simrun.Division
	line  *line
	lease time.Duration

	queue   jetstream.Stream
	workers jetstream.Consumer
	results jetstream.ObjectStore
}

// prefix begins the names of what belongs to jobs.
const prefix = "racelab-"

// kept is how long a server of one's own keeps what belongs to a job. If shards wait
// longer than that, serve-work puts them into the queue again.
const kept = 7 * 24 * time.Hour

func (j *job) name() string               { return prefix + j.ID() }
func (j *job) subject(what string) string { return "racelab." + j.ID() + "." + what }

// The metadata of a job's stream.
const (
	metaBuild   = "build"
	metaCommand = "command" // as JSON
	metaShards  = "shards"
	metaLease   = "lease"
)

// open makes the job on the server, or finds it there, all of it.
func (j *job) open(ctx context.Context) error {
	command, err := json.Marshal(j.Command)
	if err != nil {
		return err
	}
	if j.queue, err = j.line.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: j.name(), Subjects: []string{j.subject("shard.*")}, Retention: jetstream.WorkQueuePolicy, MaxAge: kept,
		// A shard that waits is not put in again.
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1,
		Metadata: map[string]string{metaBuild: j.Build, metaCommand: string(command), metaShards: strconv.Itoa(j.Shards), metaLease: j.lease.String()},
	}); err != nil {
		return err
	}
	if j.results, err = j.line.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: j.name(), TTL: kept}); err != nil {
		return err
	}
	j.workers, err = j.queue.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy, AckWait: j.lease, MaxAckPending: -1,
	})
	return err
}

// enqueue puts a shard into the queue, unless it waits there.
func (j *job) enqueue(ctx context.Context, shard int) error {
	_, err := j.line.js.Publish(ctx, j.subject("shard."+strconv.Itoa(shard)), nil)
	if refused := (*jetstream.APIError)(nil); errors.As(err, &refused) && strings.Contains(refused.Description, "maximum messages per subject exceeded") {
		return nil
	}
	return err
}

// noWork is that there is none for this program, and why.
type noWork string

func (n noWork) Error() string { return string(n) }

// find finds a job that is not done; of several, the first by name. Jobs that are done
// do not count.
func find(ctx context.Context, lab *simrun.Lab, l *line) (*job, error) {
	list := l.js.ListStreams(ctx, jetstream.WithStreamListSubject("racelab.*.shard.*"))
	var found *job
	none := noWork("no work is there; start serve-work first")
	for info := range list.Info() {
		if found != nil || info.State.Msgs == 0 {
			continue
		}
		var command []string
		shards, _ := strconv.Atoi(info.Config.Metadata[metaShards])
		lease, bad := time.ParseDuration(info.Config.Metadata[metaLease])
		if json.Unmarshal([]byte(info.Config.Metadata[metaCommand]), &command) != nil || bad != nil {
			continue
		}
		d, refused := lab.Divide(command, shards)
		switch {
		case refused != nil:
			none = noWork("its work is for another build of this program: " + refused.Error())
		case d.Build != info.Config.Metadata[metaBuild]:
			none = noWork(fmt.Sprintf("its work is for build %s of this program, and this is %s; build simrun once, and copy it to each machine",
				info.Config.Metadata[metaBuild], d.Build))
		default:
			found = &job{Division: d, line: l, lease: lease}
		}
	}
	if bad := list.Err(); bad != nil {
		return nil, bad
	}
	if found == nil {
		return nil, none
	}
	return found, found.join(ctx)
}

// join finds what serve-work has made for the job.
func (j *job) join(ctx context.Context) (err error) {
	if j.queue, err = j.line.js.Stream(ctx, j.name()); err != nil {
		return err
	}
	if j.workers, err = j.queue.Consumer(ctx, "workers"); err != nil {
		return err
	}
	j.results, err = j.line.js.ObjectStore(ctx, j.name())
	return err
}

// beat is what a worker says of itself, for people to see.
type beat struct {
	Worker string        `json:"worker"`
	Shard  int           `json:"shard"` // 0: it waits for one
	For    time.Duration `json:"for"`
	Done   int           `json:"done"`
}

// failure is what ends a job: a shard that cannot be done.
type failure struct {
	Worker string `json:"worker"`
	Shard  int    `json:"shard"`
	Error  string `json:"error"`
}

// tell publishes something that may be lost.
func (j *job) tell(what string, value any) {
	content, err := json.Marshal(value)
	if err == nil {
		_ = j.line.conn.Publish(j.subject(what), content)
	}
}
