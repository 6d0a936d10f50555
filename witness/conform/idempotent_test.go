package conform

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/mod/semver"
	"pgregory.net/rapid"
)

// idempotentLog is a partition's log as far as an idempotent producer can tell: it
// remembers the last five batches of a producer's epoch, and takes what one of them
// was for a duplicate.
//
// Source: ProducerStateEntry.NUM_BATCHES_TO_RETAIN, findDuplicateBatch;
// ProducerAppendInfo.checkSequence.
type idempotentLog struct {
	cluster *cluster
	// fault says what becomes of a Produce request, from 1: an error for the batch, or
	// the loss of the connection once the batch is written.
	fault   func(request int) (code int16, cut bool)
	took    time.Duration // from a request to its answer
	seen    int
	known   bool // it has a batch of the producer
	epoch   int16
	batches []batch
	written []string // records, in the order of the log
	answers []string // "[0..0] ok"
}

type batch struct{ first, last int32 }

func (l *idempotentLog) Dial(string, string) (conn net.Conn, err error) {
	conn = pipe(func(request kmsg.Request) (kmsg.Response, time.Duration) {
		r, ok := request.(*kmsg.ProduceRequest)
		if !ok {
			return l.cluster.handle(request)
		}
		if len(r.Topics) == 0 { // Up to 1.47.0, when an epoch begins.
			return kmsg.NewPtrProduceResponse(), l.took
		}
		l.seen++
		code, cut := l.fault(l.seen)
		p := r.Topics[0].Partitions[0]
		if code == 0 {
			code = l.append(p.Records)
		}
		if cut {
			conn.Close()
		}
		response := kmsg.NewPtrProduceResponse()
		t := kmsg.NewProduceResponseTopic()
		t.Topic = r.Topics[0].Topic
		of := kmsg.NewProduceResponseTopicPartition()
		of.Partition, of.ErrorCode = p.Partition, code
		t.Partitions = append(t.Partitions, of)
		response.Topics = append(response.Topics, t)
		return response, l.took
	})
	return conn, nil
}

func (l *idempotentLog) append(records []byte) (code int16) {
	var b kmsg.RecordBatch
	if err := b.ReadFrom(records); err != nil {
		panic(fmt.Sprint("conform: a batch that cannot be read: ", err))
	}
	now := batch{b.FirstSequence, b.FirstSequence + b.NumRecords - 1}
	if b.ProducerID < 0 {
		l.written = append(l.written, valuesOf(b)...)
		return 0
	}
	outcome := "ok"
	defer func() {
		l.answers = append(l.answers, fmt.Sprintf("%d..%d of epoch %d %s", now.first, now.last, b.ProducerEpoch, outcome))
	}()
	batches, next := l.batches, int32(0)
	switch {
	case !l.known:
		next = now.first // Of a producer that it does not know it takes any.
	case b.ProducerEpoch < l.epoch:
		outcome = "of an old epoch"
		return kerr.InvalidProducerEpoch.Code
	case b.ProducerEpoch > l.epoch:
		batches = nil
	}
	for _, old := range batches {
		if old == now {
			outcome = "duplicate"
			return 0
		}
		next = old.last + 1
	}
	if now.first != next {
		outcome = "out of order"
		return kerr.OutOfOrderSequenceNumber.Code
	}
	l.known, l.epoch, l.batches = true, b.ProducerEpoch, append(batches, now)
	if len(l.batches) > 5 {
		l.batches = l.batches[1:]
	}
	l.written = append(l.written, valuesOf(b)...)
	return 0
}

// valuesOf are the values of a batch's records.
func valuesOf(b kmsg.RecordBatch) (values []string) {
	rest := b.Records
	for range b.NumRecords {
		var record kmsg.Record
		if err := record.ReadFrom(rest); err != nil {
			panic(fmt.Sprint("conform: a record that cannot be read: ", err))
		}
		values = append(values, string(record.Value))
		length, n := varint(rest)
		rest = rest[n+length:]
	}
	return values
}

// varint reads a zigzag number, and says how long it is.
func varint(from []byte) (value, size int) {
	var u uint64
	for i, b := range from {
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return int(u>>1) ^ -int(u&1), i + 1
		}
	}
	panic("conform: a number without an end")
}

// produce hands messages over, each at its time, to a producer that is idempotent or not, and
// tells what became of them. If nothing has become of one after a minute the producer stalls, and another message
// wakes it. It closes the producer once it knows, or at once.
func produce(l *idempotentLog, idempotent, closes bool, at ...time.Duration) (acked, failed []string, stalls bool) {
	metrics.UseNilMetrics = true
	c := sarama.NewConfig()
	c.Version = sarama.V2_5_0_0
	c.ApiVersionsRequest = false
	c.Metadata.RefreshFrequency = 0
	c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, l
	c.Net.MaxOpenRequests = 1
	c.Producer.Idempotent = idempotent
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	p, err := sarama.NewAsyncProducer([]string{address(coordinatorID)}, c)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	start, handed := time.Now(), 0
	handOver := func() {
		p.Input() <- &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(fmt.Sprint("m", handed))}
		handed++
	}
	for _, due := range at {
		time.Sleep(due - time.Since(start))
		handOver()
	}
	if closes {
		p.AsyncClose()
	}
	for len(acked)+len(failed) < handed {
		select {
		case m := <-p.Successes():
			acked = append(acked, fmt.Sprint(m.Value))
		case e := <-p.Errors():
			failed = append(failed, fmt.Sprintf("%v %v", e.Msg.Value, e.Err))
		case <-time.After(time.Minute):
			stalls = true
			handOver()
		}
	}
	if !closes {
		_ = p.Close()
	}
	return acked, failed, stalls
}

// retries is a run of a producer whose requests meet faults.
type retries struct {
	at      []time.Duration // when a message is handed over
	took    time.Duration   // from a request to its answer
	refused map[int]bool    // requests that are answered NOT_ENOUGH_REPLICAS, from 1
	cut     map[int]bool    // requests whose connection is lost once they are written
	closes  bool            // at once, when all is handed over
	plain   bool            // the producer is not idempotent
}

// retried is what became of a run.
type retried struct {
	lost    []string // acknowledged, and not in the log
	written []string // failed, and in the log
	stalls  bool
	story   string
}

func (r retries) run(t *testing.T) (w retried) {
	remain := inBubble(t, func() {
		l := &idempotentLog{cluster: newCluster(1), took: r.took}
		l.fault = func(request int) (int16, bool) {
			if r.refused[request] {
				return kerr.NotEnoughReplicas.Code, false
			}
			return 0, r.cut[request]
		}
		acked, failed, stalls := produce(l, !r.plain, r.closes, r.at...)
		for _, m := range acked {
			if !slices.Contains(l.written, m) {
				w.lost = append(w.lost, m)
			}
		}
		for _, m := range failed {
			if name, _, _ := strings.Cut(m, " "); slices.Contains(l.written, name) {
				w.written = append(w.written, m)
			}
		}
		w.stalls = stalls
		w.story = fmt.Sprintf("acknowledged %v, failed %v, written %v; answers: %s", acked, failed, l.written, strings.Join(l.answers, "; "))
	})
	if remain && !mayStall(t) {
		t.Fatalf("%s with %+v: goroutines wait for ever after Close\n%s", version(t, "sarama"), r, w.story)
	}
	return w
}

const ms = time.Millisecond

// Goal: up to 1.46.2 a message that waits behind a retry goes out with sequence number
// 0, is taken for a duplicate, acknowledged, and never written. Method: messages a
// millisecond apart; one request is refused, or loses the connection once it is written.
// What then waits, and what goes in one batch, is up to Go's scheduler: about one run in 500
// shows it.
func TestSaramaAcknowledgesWhatIsNotWritten(t *testing.T) {
	before, found := semver.Compare(version(t, "sarama"), "v1.46.3") < 0, 0
	runs := 120
	if before {
		runs = 10_000
	}
	for i := 0; i < runs && found == 0; i++ {
		run := retries{took: time.Duration(2+i/6%10) * ms, refused: map[int]bool{}, cut: map[int]bool{}}
		for n := range 3 + i/60%4 {
			run.at = append(run.at, time.Duration(n)*ms)
		}
		kind := []map[int]bool{run.refused, run.cut}[i%2]
		kind[1+i%3] = true
		became := run.run(t)
		if found += len(became.lost); !before && found > 0 {
			t.Fatalf("%s: acknowledged and not written: %v\n%s", version(t, "sarama"), became.lost, became.story)
		}
	}
	if before && found == 0 {
		t.Errorf("%s: of %d runs none acknowledges what is not written", version(t, "sarama"), runs)
	}
}

// Goal: up to 1.47.0 messages that were written come back as OUT_OF_ORDER_SEQUENCE_NUMBER
// after a connection was lost, because they go again in other batches. Method: as above,
// but that the third request loses it. In some runs the batches go again as they were, by luck.
func TestSaramaFailsWhatIsWritten(t *testing.T) {
	before := semver.Compare(version(t, "sarama"), "v1.48.0") < 0
	var became retried
	for range 20 {
		became = retries{at: []time.Duration{0, ms, 2 * ms, 3 * ms}, took: 10 * ms, cut: map[int]bool{3: true}}.run(t)
		if len(became.written) > 0 {
			break
		}
	}
	if !before && len(became.written) == 0 {
		return
	}
	if want := "m1 m2 m3"; !before || len(became.written) != 3 || !strings.Contains(fmt.Sprint(became.written), "out of order sequence number") {
		t.Errorf("%s: written and failed: %v; want %s before 1.48.0, and none since\n%s", version(t, "sarama"), became.written, want, became.story)
	}
}

// mayStall says whether the release leaves a message behind, until the next one comes, and in
// few runs goroutines after Close: while it has one batch of a partition in flight, and does not tell a brokerProducer that
// another one is done with it.
func mayStall(t *testing.T) bool {
	v := version(t, "sarama")
	return semver.Compare(v, "v1.48.0") >= 0 && semver.Compare(v, "v1.60.1") < 0
}

// Goal: from 1.48.0 to 1.60.0 a message that comes while a lost connection is made anew
// stays behind, though no message fails: the batch that was lost goes again through a
// brokerProducer of its own, and the one that has the message is not told when that is done.
// Method: the second request loses the connection, and the third message comes a moment
// later. An answer takes longer than Producer.Retry.Backoff, which passes before 1.48.0 to
// 1.48.2 open the partition again, but not before they send the batch again. Whether a
// brokerProducer is shared is up to Go's scheduler: about every third run stalls.
// Without idempotence a batch that was lost goes again as it was from 1.60.0 on.
func TestSaramaStallsAfterALostConnection(t *testing.T) {
	for _, plain := range []bool{false, true} {
		stalled, story := 0, ""
		for range 40 {
			became := retries{at: []time.Duration{0, ms, 151 * ms}, took: 150 * ms, cut: map[int]bool{2: true}, plain: plain}.run(t)
			if became.stalls {
				stalled++
			}
			story = became.story
		}
		want := mayStall(t) && (!plain || semver.Compare(version(t, "sarama"), "v1.60.0") >= 0)
		if stalled > 0 != want {
			t.Errorf("%s, idempotent %v: %d of 40 runs stall; want some: %v\n%s", version(t, "sarama"), !plain, stalled, want, story)
		}
	}
}

// Goal: since 1.48.0 no message is acknowledged and not written, nor written and failed,
// whichever two requests meet a fault; since 1.60.1 none stays behind.
func TestSaramaIdempotentRetries(t *testing.T) {
	if semver.Compare(version(t, "sarama"), "v1.48.0") < 0 {
		return // The two tests before this one are why.
	}
	rapid.Check(t, func(r *rapid.T) {
		run := retries{took: time.Duration(rapid.IntRange(1, 300).Draw(r, "answer")) * ms, refused: map[int]bool{}, cut: map[int]bool{}}
		due := time.Duration(0)
		for range rapid.IntRange(1, 20).Draw(r, "messages") {
			due += time.Duration(rapid.SampledFrom([]int{0, 1, 1, 5, 60, 120}).Draw(r, "pause")) * ms
			run.at = append(run.at, due)
		}
		for range rapid.IntRange(0, 3).Draw(r, "faults") {
			kind := rapid.SampledFrom([]map[int]bool{run.refused, run.cut}).Draw(r, "fault")
			kind[rapid.IntRange(1, 12).Draw(r, "request")] = true
		}
		if became := run.run(t); len(became.lost)+len(became.written) > 0 || became.stalls && !mayStall(t) {
			r.Fatalf("%s with %+v: acknowledged and not written %v, written and failed %v, stalls %v\n%s",
				version(t, "sarama"), run, became.lost, became.written, became.stalls, became.story)
		}
	})
}

// Goal: from 1.60.0 on Close fails a batch that is to go again, with ErrShuttingDown; before,
// it waits for it. Method: a message is refused once, and the producer is closed meanwhile.
// Go's select chooses between the two at random.
func TestSaramaCloseFailsWhatIsRetried(t *testing.T) {
	failed := 0
	for range 40 {
		run := retries{at: []time.Duration{0}, took: 10 * ms, refused: map[int]bool{1: true}, closes: true}
		if strings.Contains(run.run(t).story, "failed [m0") {
			failed++
		}
	}
	if want := semver.Compare(version(t, "sarama"), "v1.60.0") >= 0; failed > 0 != want {
		t.Errorf("%s: Close fails %d of 40 batches that are to go again; want some: %v", version(t, "sarama"), failed, want)
	}
}
