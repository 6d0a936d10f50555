// Package killed runs the test binary once more as a process of its own, which kills
// itself with SIGKILL when it comes to a point.
package killed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	_ "modernc.org/sqlite" // the database
)

// Points is how many points a process is killed at: 50, and 5 with -short.
func Points() int {
	if testing.Short() {
		return 5
	}
	return 50
}

// Process is what the second process is given.
type Process struct {
	Name  string // of what to run
	Seed  string // the broker
	Topic string
	DB    *sql.DB
	// Dies is the point at which it is to be killed, from 1 on; 0: never.
	Dies int

	points int
}

// At counts a point, and kills the process if it is the one.
func (p *Process) At(point string) {
	p.points++
	if p.points == p.Dies {
		fmt.Println(point) // For the test: where it died.
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			panic(err)
		}
		select {} // It dies.
	}
}

// Client makes a client of the broker.
func (p *Process) Client(o ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(o, kgo.SeedBrokers(p.Seed))...)
	if err != nil {
		panic(err)
	}
	return client
}

// Main is TestMain of a test that has such processes: run is what they do.
func Main(m *testing.M, run func(context.Context, *Process) error) {
	name := os.Getenv("KILLED_NAME")
	if name == "" {
		os.Exit(m.Run())
	}
	dies, err := strconv.Atoi(os.Getenv("KILLED_AT"))
	if err != nil {
		panic(err)
	}
	p := &Process{Name: name, Seed: os.Getenv("KILLED_SEED"), Topic: os.Getenv("KILLED_TOPIC"), DB: Open(os.Getenv("KILLED_DB")), Dies: dies}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Open opens a database file whose commits are flushed.
func Open(file string) *sql.DB {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		panic(err)
	}
	return db
}

// Run runs the process until it dies at the point, and then again until it is done. It
// says at which point it died, "" if there are fewer, and opens what it has left.
func Run(t *testing.T, broker *kfake.Cluster, name, topic string, dies int) (point string, db *sql.DB) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "db")
	for _, at := range []int{dies, 0} {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "KILLED_NAME="+name, "KILLED_SEED="+broker.ListenAddrs()[0], "KILLED_TOPIC="+topic,
			"KILLED_DB="+file, fmt.Sprint("KILLED_AT=", at))
		c.Stderr = os.Stderr
		out, err := c.Output()
		var exit *exec.ExitError
		switch {
		case err == nil:
		case errors.As(err, &exit) && at > 0 && len(out) > 0: // It said where, and died.
			point = string(out[:len(out)-1])
			continue
		default:
			t.Fatalf("%s, killed at %d: %v: %s", name, at, err, out)
		}
		break
	}
	db = Open(file)
	t.Cleanup(func() { db.Close() })
	return point, db
}

// Broker is a broker in memory, with some topics of a partition each.
func Broker(t *testing.T, topics ...string) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// Read reads what a topic has.
func Read(t *testing.T, broker *kfake.Cluster, topic string, atLeast int) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()[0]), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var records []*kgo.Record
	for end := int64(atLeast); int64(len(records)) < end; {
		fetches := client.PollFetches(ctx)
		if fetches.Err0() != nil {
			break // What is missing, the test misses.
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { end = max(end, p.HighWatermark) })
		records = append(records, fetches.Records()...)
	}
	return records
}
