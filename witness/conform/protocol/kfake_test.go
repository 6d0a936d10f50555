package protocol

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"pgregory.net/rapid"

	"racelab/witness/conform/specified"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew")

// fake is an independent broker.
func fake(t *testing.T) *Broker {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b, err := Dial(context.Background(), cluster.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// difference is something that kfake does otherwise than Kafka.
type difference struct {
	says  string
	right string
	why   string
	steps []specified.Step // that show it
	// is says whether the last of some steps is such. afterRefusal: a record was refused
	// before it.
	is func(s specified.Step, afterRefusal bool, want specified.Allowed, got specified.Answer) bool
}

// code says whether an answer has an error; nil: none.
func code(a specified.Answer, e *kerr.Error) bool {
	return e == nil && a.Code == 0 || e != nil && a.Code == e.Code
}

// differences are all that are known. Kafka is what the models say, which is read from
// Kafka 4.3's source.
var differences = []difference{
	{
		"InitProducerId over an open transaction is answered at once, with one epoch", "Kafka", "kfake has no decided state: it aborts within the request, and says so in txns.go. Kafka fences, aborts and answers CONCURRENT_TRANSACTIONS; a new process gets the epoch after the fence's.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Add}, {Op: specified.Init}},
		func(s specified.Step, _ bool, want specified.Allowed, _ specified.Answer) bool {
			return (s.Op == specified.Init || s.Op == specified.Reinit) && code(want.Answers[0], kerr.ConcurrentTransactions)
		},
	},
	{
		"InitProducerId with an older epoch gets a new one", "Kafka", "Kafka gives the same epoch again to the last one (a retry), and PRODUCER_FENCED to all before it: it is a zombie. kfake lets a zombie fence its successor.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Init, Replaces: true}, {Op: specified.Reinit}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Reinit && code(got, nil) && (code(want.Later, kerr.ProducerFenced) || want.Later.Epoch < got.Epoch)
		},
	},
	{
		"InitProducerId with an unknown producer id is INVALID_PRODUCER_ID_MAPPING", "Kafka", "Kafka knows the transactional id, and compares: PRODUCER_FENCED. kfake looks the producer id up first.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Reinit, Stranger: true}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Reinit && code(want.Later, kerr.ProducerFenced) && code(got, kerr.InvalidProducerIDMapping)
		},
	},
	{
		"EndTxn of TV1 without a transaction is NONE, if the last one ended so", "Kafka", "Kafka tells Empty from Complete, and answers INVALID_TXN_STATE. kfake remembers how the last transaction ended, over InitProducerId too, and takes none for an abort.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Abort}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return (s.Op == specified.Abort || s.Op == specified.Commit) && !s.TV2 && code(want.Later, kerr.InvalidTxnState) && code(got, nil)
		},
	},
	{
		"EndTxn(commit) of TV2, after a commit, with the epoch of the next transaction is NONE", "Kafka", "Under TV2 the epoch tells a retry from the next transaction, which has nothing to commit: INVALID_TXN_STATE. kfake looks at the result alone, and answers NONE with no epoch (or with one, if a record that it refused has begun a transaction).",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Produce, TV2: true}, {Op: specified.Commit, TV2: true}, {Op: specified.Commit, TV2: true}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Commit && s.TV2 && code(want.Later, kerr.InvalidTxnState) && code(got, nil)
		},
	},
	{
		"EndTxn of TV2, before any transaction, with the epoch before is taken for a retry", "Kafka", "In Empty there is nothing to ask again for: PRODUCER_FENCED. kfake has no Empty.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Init}, {Op: specified.Abort, TV2: true, Epoch: -1}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return (s.Op == specified.Abort || s.Op == specified.Commit) && s.TV2 && code(want.Later, kerr.ProducerFenced) && (code(got, nil) || code(got, kerr.InvalidTxnState))
		},
	},
	{
		"a record, or offsets, of TV1 that were not added are INVALID_TXN_STATE", "Kafka", "Since 3.6 the leader asks the coordinator, and passes TRANSACTION_ABORTABLE on to clients that know it (Produce 11, TxnOffsetCommit 4).",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Produce}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return (s.Op == specified.Produce || s.Op == specified.Offsets) && !s.TV2 && code(want.Later, kerr.TransactionAbortable) && code(got, kerr.InvalidTxnState)
		},
	},
	{
		"a transactional record of a newer epoch is taken, and moves the producer to it", "Kafka", "The coordinator gives out epochs of a transactional id, and the leader asks it: INVALID_PRODUCER_EPOCH. Only an idempotent producer without transactions moves by itself.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Produce, TV2: true, Epoch: 1}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Produce && s.Epoch >= 0 && code(want.Later, kerr.InvalidProducerEpoch) &&
				(code(got, nil) || code(got, kerr.InvalidTxnState) || code(got, kerr.OutOfOrderSequenceNumber))
		},
	},
	{
		"a record of TV1 of an older epoch, of a partition that was not added, is INVALID_TXN_STATE", "Kafka", "Kafka compares the epoch before it looks for the transaction.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Init, Replaces: true}, {Op: specified.Produce}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Produce && code(want.Later, kerr.InvalidProducerEpoch) && code(got, kerr.InvalidTxnState)
		},
	},
	{
		"a record of an unknown producer id is INVALID_TXN_STATE", "Kafka", "The coordinator says INVALID_PRODUCER_ID_MAPPING, and the leader passes it on.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Produce, Stranger: true}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Produce && code(want.Later, kerr.InvalidProducerIDMapping) && code(got, kerr.InvalidTxnState)
		},
	},
	{
		"a first sequence number that is not 0 is taken under TV2", "both", "Kafka 4.0 takes it too; 4.1 and later want 0 (KAFKA-18202).",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Produce, TV2: true, Sequence: 1}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Produce && s.TV2 && code(want.Later, kerr.OutOfOrderSequenceNumber) && code(got, nil)
		},
	},
	{
		"a first sequence number that is not 0 is refused where nothing was ever written to the partition", "both", "kfake is ahead of the releases: KAFKA-15591 wants it. Up to 4.3 Kafka takes any, but under TV2.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Add, Partition: 1}, {Op: specified.Produce, Partition: 1, Sequence: 1}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Produce && code(want.Later, nil) && code(got, kerr.OutOfOrderSequenceNumber)
		},
	},
	{
		"TxnOffsetCommit of another epoch is PRODUCER_FENCED", "Kafka", "TxnOffsetCommit does not know that error: the group coordinator asks the transaction coordinator, and makes INVALID_PRODUCER_EPOCH of it.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Offsets, TV2: true, Epoch: 1}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Offsets && code(want.Later, kerr.InvalidProducerEpoch) && code(got, kerr.ProducerFenced)
		},
	},
	{
		"InitProducerId with a producer id and without an epoch gets one", "Kafka", "Either both are given, or neither: INVALID_REQUEST. kfake looks whether there is a producer id.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Reinit, Half: true}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Half && code(want.Later, kerr.InvalidRequest) && code(got, nil)
		},
	},
	{
		"WriteTxnMarkers of an older epoch is written", "Kafka", "A partition takes markers of its epoch or a newer one. kfake is its own coordinator, and compares neither epoch.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Marker, Epoch: 1}, {Op: specified.Marker}},
		func(s specified.Step, _ bool, want specified.Allowed, got specified.Answer) bool {
			return s.Op == specified.Marker && want.Later.Code != 0 && code(got, nil)
		},
	},
	{
		"a record that is refused begins a transaction, or moves the epoch", "Kafka", "kfake adds the partition, and takes a newer epoch, before it checks epoch and sequence. So what comes next is answered as in a transaction, or as fenced.",
		[]specified.Step{{Op: specified.Init}, {Op: specified.Abort, TV2: true}, {Op: specified.Produce, TV2: true, Epoch: -1}, {Op: specified.Commit, TV2: true}},
		func(_ specified.Step, afterRefusal bool, want specified.Allowed, got specified.Answer) bool {
			return afterRefusal && want.Later != got.Compared()
		},
	},
}

// isKnown says whether a difference has a row.
func isKnown(s specified.Step, afterRefusal bool, want specified.Allowed, got specified.Answer) bool {
	return slices.ContainsFunc(differences, func(d difference) bool { return d.is(s, afterRefusal, want, got) })
}

// Goal: kfake, which shares nothing with the models, answers random sequences as they do
// with a lag of zero, or as the table of differences says. Method: rapid draws the
// sequences; the first difference after which the states differ ends one.
func TestKfakeAnswersAsTheModels(t *testing.T) {
	b := fake(t)
	newest := specified.Releases[len(specified.Releases)-1].Release
	rapid.Check(t, func(t *rapid.T) {
		tv2 := rapid.Bool().Draw(t, "TV2")
		steps := []specified.Step{{Op: specified.Init}, {Op: specified.Init, Producer: 1}}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			s := specified.Step{Op: specified.Op(rapid.IntRange(0, int(specified.Ops)-1).Draw(t, "op")), TV2: tv2}
			s.Producer, s.Partition = rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "producer"), rapid.SampledFrom([]int{0, 0, 1}).Draw(t, "partition")
			s.Epoch = rapid.SampledFrom([]int{0, 0, 0, 0, 0, -1, 1}).Draw(t, "epoch")
			s.Sequence = rapid.SampledFrom([]int{0, 0, 0, 0, -1, 1}).Draw(t, "sequence")
			s.Stranger = rapid.IntRange(0, 15).Draw(t, "stranger") == 15
			s.Replaces = rapid.IntRange(0, 7).Draw(t, "replaces") == 7
			steps = append(steps, s)
		}
		n, refused := 0, false
		err := b.Play(context.Background(), steps, func(s specified.Step, first, last specified.Answer) bool {
			n++
			want, err := specified.Of(newest, steps[:n])
			if err != nil {
				t.Fatal(err)
			}
			word, goesOn := judge([]specified.Allowed{want}, first, last)
			if word != "ok" && !isKnown(s, refused, want, first) {
				t.Fatalf("kfake answers %v, and Kafka %v, to the last of %v", first, want, steps[:n])
			}
			refused = refused || s.Op == specified.Produce && first.Code != 0
			return goesOn
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Goal: each row of the table of differences is there, and the table that a reader sees
// is that of the test.
func TestDifferences(t *testing.T) {
	b := fake(t)
	text := &strings.Builder{}
	text.WriteString("| kfake | it is answered | Kafka 4.3 | right is | why |\n|---|---|---|---|---|\n")
	for _, d := range differences {
		n, refused := 0, false
		err := b.Play(context.Background(), d.steps, func(s specified.Step, first, last specified.Answer) bool {
			n++
			if n < len(d.steps) {
				refused = refused || s.Op == specified.Produce && first.Code != 0
				return true
			}
			all, err := specified.Specify(d.steps)
			if err != nil {
				t.Fatal(err)
			}
			if word, _ := judge(all, first, last); word == "ok" || !d.is(s, refused, all[0], first) {
				t.Errorf("%s: kfake answers %v to the last of %v, and Kafka %v: there is no such difference (any more)", d.says, first, d.steps, all[0])
			}
			fmt.Fprintf(text, "| %s | %v: %v | %v | %s | %s |\n", d.says, s, first, all[0], d.right, d.why)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	same(t, "testdata/kfake.md", text.String())
}

// Goal: simrun conform prints what it asks, what is answered and what is allowed.
// Method: kfake's answers stand as they were last read.
func TestConform(t *testing.T) {
	out := &bytes.Buffer{}
	differ, err := Conform(context.Background(), fake(t), Sequences, out)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(out, "%d differ\n", differ)
	same(t, "testdata/conform.txt", out.String())
}

func same(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s is not what is answered now (%v); read it, and run with -rewrite:\n%s", path, err, got)
	}
}
