package simrun

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"racelab/scenario"
	"racelab/scenarios"
)

// Goal: what users have in their logs leads to the race, whatever stands around it,
// and what they have every day leads nowhere.
func TestWhy(t *testing.T) {
	finder := scenario.NewFinder(scenarios.All())
	for _, test := range []struct{ text, want string }{
		{"2024/03/02 14:01:07 [sarama] txnmgr/add-partition-to-txn retrying after 20ms... (3 attempts remaining) (kafka server: The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing)", "concurrent-transactions"},
		{"CONCURRENT_TRANSACTIONS", "concurrent-transactions"},
		{"org.apache.kafka.common.errors.ConcurrentTransactionsException: ...", "concurrent-transactions"},
		{"BROKER/17 WAITING FOR THROTTLE TIMER", "throttle-stall"},
		{"producer hangs after throttling", "throttle-stall"},
		{"messages out of order after an error", "produce-reorder"},
		{"offset goes back after restart", "offset-rewind"},
		{"Close hangs", "throttle-stall"},
		{`level=DEBUG msg="default commit canceled" group=orders`, "commit-reconnect"},
		{"kafka server: The provided generation id is not the current generation", "stale-member-commit"},
		{"org.apache.kafka.clients.consumer.CommitFailedException: Offset commit cannot be completed", "stale-member-commit"},
		{"org.apache.kafka.common.errors.ProducerFencedException", "zombie-producer"},
		{"PRODUCER_FENCED", "zombie-producer"},
		{"REBALANCE_IN_PROGRESS", "close-hangs"},
		{"org.apache.kafka.common.errors.UnknownMemberIdException: The coordinator is not aware of this member.", "stale-member-commit"},
		{`{"level":"error","ts":"2026-11-27T10:00:01Z","msg":"commit failed","error":"CONCURRENT_TRANSACTIONS: The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing."}`, "concurrent-transactions"},
		{"%3|1732700000.123|FAIL|rdkafka#consumer-1| ILLEGAL_GENERATION", "stale-member-commit"},
		{"%3|1625491346.109|TXNERR|rdkafka#producer-1| [thrd:main]: Fatal transaction error: Failed to end transaction: Broker: Producer attempted a transactional operation in an invalid state (INVALID_TXN_STATE)", "concurrent-transactions"},
		{"%7|1625491346.109|IMPLICITACK|rdkafka#producer-1| [thrd:b:9092/1]: orders [0] 3 message(s) implicitly acked by subsequent batch success (msgids 1..3, last acked 4)", "retry-order"},
		{"%3|1625491346.109|TXNERR|rdkafka#producer-1| [thrd:main]: Fatal transaction error: Local: This instance has been fenced by a newer instance (_FENCED)", "zombie-producer"},
		{"committed offset rewound after restart", "offset-rewind"},
		{"producer stalls 30 s under throttle", "throttle-stall"},
		{"OUT_OF_ORDER_SEQUENCE_NUMBER", "concurrent-transactions"},
		{"NOT_COORDINATOR", ""},
		{"INVALID_PRODUCER_ID_MAPPING", ""},
		{"UNKNOWN_PRODUCER_ID", ""},
		{"failed to send request to broker 5: connection refused", ""},
		{"client/metadata retrying after 250ms... (3 attempts remaining)", ""},
		{"client/metadata fetching metadata for all topics from broker localhost:9092", ""},
		{"consumer/broker/1 added subscription to orders/0", ""},
		{"committed offset 42 of orders/0", ""},
		{"the producer hangs when the broker restarts, nothing in the log", ""},
		{"WriteMessages: context deadline exceeded", "error-then-delivered"},
		{"level=DEBUG msg=\"not grabbing mu because context canceled\"", "commit-ends-in-join"},
		{"Broker: Unknown member", "stale-member-commit"},
		{"context deadline exceeded", ""},
		{"context canceled", ""},
		{"read tcp 10.0.0.3:40112->10.0.0.9:9092: i/o timeout", ""},
		{"i/o timeout", ""},
		{"timeout", ""},
		// Of names of errors, those that any program logs say nothing, nor do those that a client
		// logs every day.
		{"org.apache.kafka.common.KafkaException: Cannot execute transactional method because we are in an error state", ""},
		{"org.apache.kafka.common.errors.TimeoutException: Expiring 12 record(s) for t-0:120001 ms has passed since batch creation", ""},
		{"org.apache.kafka.common.errors.TimeoutException: Timeout expired after 30000milliseconds while awaiting InitProducerId", ""},
		{"[TXNERR] [thrd:main]: Current transaction failed: Transactional operation timed out (_TIMED_OUT)", ""},
		{"[ERROR] heartbeat errored; group: g, err: REBALANCE_IN_PROGRESS: The group is rebalancing, so a rejoin is needed.", ""},
		{"Heartbeat failed: kafka server: A rebalance for the group is in progress. Please re-join the group.", ""},
		// What half of all lines say of Kafka tells nothing.
		{"[Consumer clientId=consumer-my-group-1, groupId=my-group] Offset commit failed on partition test-2 at offset 0: This is not the correct coordinator.", ""},
		{"sometimes consumer have no partition assigned to it after rebalance", ""},
		// The race of another client is none of this one.
		{"publication to topic orders error: [6] Not Leader For Partition: the client attempted to send messages to a replica that is not the leader for some partition", ""},
		{"%0|1659595801.132|FATAL|rdkafka#producer-1| [thrd:b:9092/bootst]: Fatal error: Broker: Broker received an out of order sequence number: ProduceRequest for t [0] with 9 message(s) failed due to sequence desynchronization with broker 2 (PID{Id:155002,Epoch:0}, base seq 110234700, last partition error NOT_LEADER_FOR_PARTITION (actions Refresh,MsgNotPersisted))", ""},
		{"KafkaJSProtocolError: The broker received an out of order sequence number", ""},
		{"sarama produces messages in out-of-order when retries happen", "retry-order"},
		{"kafka-brooker | org.apache.kafka.common.errors.OutOfOrderSequenceException: Out of order sequence number for producer 1674 at offset 548171 in partition t-0: 51 (incoming seq. number), 49 (current end sequence number)", "concurrent-transactions"},
		// Around the name of an error any language may stand, and its number is as good.
		{"生产者报错OUT_OF_ORDER_SEQUENCE_NUMBER消息丢失", "concurrent-transactions"},
		{"sarama 生产者重试之后消息乱序 NOT_LEADER_FOR_PARTITION", "retry-order"},
		{"错误：ILLEGAL_GENERATION，消费组再均衡", "stale-member-commit"},
		{"プロデューサーがPRODUCER_FENCEDで失敗する", "zombie-producer"},
		{"транзакция падает с ошибкой CONCURRENT_TRANSACTIONS", "concurrent-transactions"},
		{"错误码 51", "concurrent-transactions"},
		{"[WARN] unable to commit offset for topic partition; group: g, topic: t, partition: 20, commit_from: 308850, commit_to: 309155, commit_epoch: 170, error_code: 25", "stale-member-commit"},
		{"HTTP error code 200", ""},
		{"commit", ""},
		{"hello world", ""},
	} {
		found := finder.Why(withNames(test.text))
		got := ""
		if len(found) > 0 {
			got = found[0].Scenario.Name
		}
		if got != test.want {
			t.Errorf("why %q: %q, want %q", test.text, got, test.want)
		}
	}
	// What is there as a whole leaves no room for what only resembles it.
	for text, want := range map[string]int{
		`time=2026-11-27 level=ERROR msg="commit failed" err="kafka server: The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing"`: 1,
		"broker/1 waiting for throttle timer": 1,
		"OUT_OF_ORDER_SEQUENCE_NUMBER":        2,
	} {
		if found := finder.Why(text); len(found) != want {
			t.Errorf("why %q finds %d symptoms, want %d", text, len(found), want)
		}
	}
	near := finder.Near("the lag of the group jumps back")
	if !slices.ContainsFunc(near[:5], func(m scenario.Match) bool { return m.Scenario.Name == "offset-rewind" }) {
		t.Errorf("near is %v, want offset-rewind among the first five", near[:5])
	}
	if near := finder.Near("hello world"); len(near) > 0 {
		t.Errorf("hello world is near %v", near)
	}
	var stdout, stderr strings.Builder
	a := command(&stdout, &stderr)
	a.stdin = strings.NewReader("all is well\nbroker/3 waiting for throttle timer\nbroker/4 waiting for throttle timer\n")
	if code := a.run([]string{"why"}); code != exitHolds || strings.Count(stdout.String(), "throttle-stall: ") != 1 {
		t.Errorf("why < log: exit code %d, stdout %q; want the race once", code, stdout.String())
	}
}

// Goal: each text of the table finds the race that it stands beside, and show says the same of
// releases.
func TestEverySymptomIsFound(t *testing.T) {
	finder := scenario.NewFinder(scenarios.All())
	for _, s := range scenarios.All() {
		_, page, _ := call("show", s.Name)
		for _, symptom := range s.Symptoms {
			if in := strings.Join(strings.Fields("in "+s.Has(symptom)), " "); !strings.Contains(strings.Join(strings.Fields(page), " "), in) {
				t.Errorf("show %s does not say %q", s.Name, in)
			}
			for _, seen := range symptom.Seen {
				found := finder.Why("12:00:01.5 WARN " + seen.Text + " (42)")
				if len(found) == 0 || found[0].Symptom.Cause != symptom.Cause {
					t.Errorf("%q leads to %v, want %s", seen.Text, found, symptom.Cause)
				}
			}
			if err := parsed(words(strings.TrimPrefix(symptom.Command, "simrun "))); err != nil {
				t.Errorf("%s: %v", symptom.Command, err)
			}
		}
	}
}

// Goal: a release is in the ranges that the variants' texts say.
func TestReleases(t *testing.T) {
	for _, test := range []struct{ release, want string }{
		{"sarama@1.37.2", "concurrent-transactions/sarama-1.43 throttle-stall/no-throttle offset-rewind/send-lock close-awaits-reader/awaits-first close-unread-errors/unread-1.37"},
		{"sarama@1.41.0", "concurrent-transactions/sarama-1.43 throttle-stall/unlocked retry-order/unnumbered offset-rewind/unfixed close-awaits-reader/awaits-first close-unread-errors/unread-1.43"},
		{"sarama@1.43.2", "concurrent-transactions/sarama-1.43 throttle-stall/mutex retry-order/unnumbered offset-rewind/unfixed close-awaits-reader/awaits-first close-unread-errors/unread-1.43"},
		{"sarama@1.47.3", "concurrent-transactions/sarama-1.43 throttle-stall/mutex retry-order/numbered offset-rewind/broker-lock close-awaits-reader/awaits-first close-unread-errors/unread"},
		{"sarama@1.61.1", "concurrent-transactions/sarama-1.61.1 throttle-stall/mutex retry-order/numbered-late offset-rewind/broker-lock-released commit-awaits-rejoin/commits commit-awaits-rejoin/marks close-awaits-reader/closes-first close-unread-errors/unread"},
		{"franz-go@1.20.7", "produce-reorder/none delivered-unwritten/same-epoch commit-reconnect/unfixed commit-ends-in-join/waits-first close-hangs/unfixed"},
		{"franz-go@1.21.0", "produce-reorder/none delivered-unwritten/same-epoch commit-reconnect/chained rewind-again/flag epoch-drops-commit/flag close-hangs/unfixed"},
		{"java@3.9.1", "concurrent-transactions/java retry-order/java"},
		{"kafka-go@0.4.51", "error-then-delivered/unfixed close-hangs/kafka-go"},
		{"kafka@0.8.1", ""},
		{"kafka@3.9.0", "stale-member-commit/unfixed stale-member-commit/generation-check stale-member-commit/generation-now stale-member-commit/auto-commit stale-member-commit/static-member " +
			"hanging-transaction/kafka-3.6 late-record-joins-next/same-epoch late-record-joins-next/kip-360 verification-aba/kafka-3.6 " +
			"stuck-prepare/by-value duplicate-completion/takes-first pending-offsets/kafka-3.9.0 pending-offsets/kafka-3.8 zombie-reader/group-metadata"},
	} {
		client, release, _ := strings.Cut(test.release, "@")
		var got []string
		for _, s := range scenarios.All() {
			variants, _, _ := s.In(client, release)
			for _, v := range variants {
				got = append(got, s.Name+"/"+v.Name)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s has %v, want %s", test.release, got, test.want)
		}
	}
	_, stdout, _ := call("list", "--release", "franz-go@1.20.7")
	if !strings.Contains(stdout, "concurrent-transactions: not known of franz-go@1.20.7") || strings.Contains(stdout, "chained") {
		t.Errorf("list --release franz-go@1.20.7 prints\n%s\nwant what is not known, and no other release", stdout)
	}
	// 1.48.0 rewinds only if a connection is cut or a process dies.
	if _, stdout, _ = call("list", "--release", "sarama@1.48.0"); !strings.Contains(stdout, "committed-offset-never-rewinds (in ") {
		t.Errorf("list --release sarama@1.48.0 prints\n%s\nwant the settings in which the offset goes back", stdout)
	}
}

// Goal: the name of the program is the one it was called by.
func TestProgramName(t *testing.T) {
	var stdout, stderr strings.Builder
	a := command(&stdout, &stderr)
	a.program = "races"
	for _, line := range []string{"run lost-update", "run lost-update/locked --json", "explore lost-update", "show lost-update", "list", "why CommitFailedException",
		"sweep commit-cost --seeds 1", "diff lost-update unfixed locked", "run lost-updat"} {
		a.run(words(line))
	}
	out := stdout.String() + stderr.String()
	for _, command := range []string{"replay  races run lost-update\n", "shorter: races explore lost-update", `"repeat": "races run lost-update/locked"`, "repeat: races run", "  races check lost-update", "races show SCENARIO",
		"figures: races sweep", "races: there is no scenario"} {
		if !strings.Contains(out, command) {
			t.Errorf("none of the commands prints %q", command)
		}
	}
	if strings.Contains(out, "go run ./cmd") {
		t.Error("a command names another program")
	}
	for called, want := range map[string]string{"/usr/bin/races": "races", "./simrun": "simrun"} {
		if got := programName(called); got != want {
			t.Errorf("called as %s: %s, want %s", called, got, want)
		}
	}
}

// Goal: a row of check is written as it is earned, not at the end.
func TestCheckStreams(t *testing.T) {
	w := &firstWrites{}
	var stderr strings.Builder
	command(w, &stderr).run([]string{"check", "lost-update"})
	if w.writes < 5 {
		t.Errorf("check lost-update wrote %d times, want once a row", w.writes)
	}
}

type firstWrites struct{ writes int }

func (w *firstWrites) Write(p []byte) (int, error) {
	w.writes++
	return len(p), nil
}

// Goal: whoever names a file that is not there, or a folder, is told so.
func TestWhyOfNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	const symptom = "CommitFailedException"
	if err := os.Mkdir(symptom, 0o700); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := call("why", symptom); code != exitHolds || stdout == "" || stderr != "" {
		t.Errorf("why %s, which is a folder too: exit code %d, %s%s", symptom, code, stdout, stderr)
	}
	for _, test := range []struct {
		text string
		code exit
		want string
	}{
		{"./app.log", exitVacuous, "nothing that is known fits, and there is no such file; simrun list lists the races\n"},
		{"hello", exitVacuous, "nothing that is known fits; simrun list lists the races\n"},
		{"hello to app.log", exitVacuous, "nothing that is known fits; simrun list lists the races\n"},
		{".", exitUsage, "simrun: . is a folder; want a line of a log, an error, a symptom or a file\n"},
	} {
		if code, stdout, stderr := call("why", test.text); code != int(test.code) || stdout+stderr != test.want {
			t.Errorf("why %s: exit code %d, %s%s\nwant %d, %s", test.text, code, stdout, stderr, test.code, test.want)
		}
	}
}

// Goal: a log is read whatever its file is like, by its name or from stdin, and the answer
// says where the line is; what is no text is said to be none.
func TestWhyReadsLogs(t *testing.T) {
	const line = "2026/11/27 10:00:01 [sarama] broker/1 waiting for throttle timer"
	log := strings.Repeat("all is well\r\n", 3) + line + "\r\n" + strings.Repeat("x", 3<<20) + "\n" + line
	var packed strings.Builder
	z := gzip.NewWriter(&packed)
	z.Write([]byte(log))
	z.Close()
	wide := func(order binary.ByteOrder, mark string) string {
		var b bytes.Buffer
		binary.Write(&b, order, utf16.Encode([]rune(mark+log)))
		return b.String()
	}
	for name, text := range map[string]string{
		"plain": log, "gzip": packed.String(), "UTF-8 with a mark": "\ufeff" + log,
		"UTF-16": wide(binary.LittleEndian, "\ufeff"), "big-endian UTF-16": wide(binary.BigEndian, "\ufeff"), "UTF-16 without a mark": wide(binary.LittleEndian, ""),
	} {
		file := filepath.Join(t.TempDir(), "my.log")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"why"}, {"why", "-"}, {"why", file}} {
			var stdout, stderr strings.Builder
			a := command(&stdout, &stderr)
			a.stdin = strings.NewReader(text)
			if code := a.run(args); code != exitHolds || !strings.Contains(stdout.String(), "  log     line 4, and 1 more: "+line) {
				t.Errorf("%s, %d arguments: exit code %d, %q, %q", name, len(args), code, stdout.String(), stderr.String())
			}
		}
	}
	for _, text := range []string{"\x00\x01\x02\x03", "BZh91AY&SY", "PK\x03\x04", "\x1f\x8b\x08"} {
		var stdout, stderr strings.Builder
		a := command(&stdout, &stderr)
		a.stdin = strings.NewReader(text)
		if code := a.run([]string{"why"}); code != exitUsage || !strings.Contains(stderr.String(), "the log ") || stdout.Len() > 0 {
			t.Errorf("%q: exit code %d, %q, %q", text, code, stdout.String(), stderr.String())
		}
	}
}

// Goal: of a dump of goroutines each is read as a whole: where one waits is no symptom by itself.
func TestWhyReadsDumps(t *testing.T) {
	var stdout, stderr strings.Builder
	a := command(&stdout, &stderr)
	a.stdin = strings.NewReader(`goroutine 7 [chan send, 5 minutes]:
example.com/mine.(*pump).run(0xc0001)
	/src/pump.go:12 +0x8c

goroutine 34 [chan send, 5 minutes]:
github.com/IBM/sarama.(*partitionOffsetManager).handleError(0xc0001, {0x1, 0x2})
	/root/go/pkg/mod/github.com/IBM/sarama@v1.47.0/offset_manager.go:610 +0x8c

goroutine 36 [sync.Mutex.Lock, 5 minutes]:
sync.(*Mutex).Lock(...)
	/usr/local/go/src/sync/mutex.go:46
github.com/IBM/sarama.(*Broker).AsyncProduce(0xc0001)
	/root/go/pkg/mod/github.com/IBM/sarama@v1.61.0/broker.go:400 +0x8c
`)
	code := a.run([]string{"why"})
	for _, want := range []string{"close-unread-errors: ", "  log     line 5: goroutine 34", "close-awaits-reader: ", "  log     line 9: goroutine 36"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("exit code %d, and it does not say %q:\n%s%s", code, want, stdout.String(), stderr.String())
		}
	}
}

// Goal: the releases of a symptom are those of its variants, and nothing else names any.
func TestReleasesOfSymptoms(t *testing.T) {
	races := scenarios.All()
	of := func(name string, symptom scenario.Symptom) string {
		return races[slices.IndexFunc(races, func(s *scenario.Race) bool { return s.Name == name })].Has(symptom)
	}
	for _, test := range []struct {
		race, variants, also, want string
	}{
		{"offset-rewind", "unfixed send-lock", "", "Sarama 1.27.0 to 1.43.2"},
		{"offset-rewind", "broker-lock broker-lock-released", ", and so on", "Sarama 1.43.3 and later, and so on"},
		{"close-hangs", "asks-context", "", "franz-go 1.22.3"},
		{"throttle-stall", "no-throttle unlocked", "", "Sarama to 1.43.0"},
		{"throttle-stall", "no-throttle", "", "Sarama before 1.41.0"},
		{"stale-member-commit", "", "all", "all"},
	} {
		if got := of(test.race, scenario.Symptom{Variants: words(test.variants), Also: test.also}); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.variants, test.race, got, test.want)
		}
	}
	for _, s := range races {
		for _, symptom := range s.Symptoms {
			if named := regexp.MustCompile(`\d+\.[\dx]`).FindString(symptom.Also); named != "" {
				t.Errorf("%s: %q names %s beside the releases of its variants", s.Name, symptom.Also, named)
			}
		}
	}
}
