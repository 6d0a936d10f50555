package broker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/model"
	"racelab/sim"
	"racelab/sim/explore"

	"pgregory.net/rapid"
)

// scripted answers the broker's adds with one error after the other, the last
// for good, and notes when they come.
type scripted struct {
	errors []model.Error `sim:"config"`
	asked  []string
}

func (c *scripted) Handle(e sim.Envelope, out *sim.Outbox) {
	request := e.Message.(*model.AddPartitionsToTxnRequest)
	err := c.errors[min(len(c.asked), len(c.errors)-1)]
	c.asked = append(c.asked, fmt.Sprintf("%v %v", out.Now(), request))
	response := &model.AddPartitionsToTxnResponse{}
	for _, p := range request.Partitions {
		response.Partitions = append(response.Partitions, model.PartitionError{Partition: p, Error: err})
	}
	out.Reply(e, response)
}

// asker sends its requests to the broker, one after the other.
type asker struct {
	broker   *sim.Conn
	requests []sim.Message `sim:"config"`
	answers  []string
	next     int
}

func (a *asker) Run(t *sim.Task) {
	for a.next = 0; a.next < len(a.requests); a.next++ {
		t.Step("send")
		a.broker.Send(t, a.requests[a.next])
		answer := a.broker.Receive(t.At("await response"))
		a.answers = append(a.answers, sim.ContentsOf(answer))
	}
}

// ask plays requests to a broker that leads P0 and P1, whose coordinator answers
// as told. It returns the answers, and what the coordinator was asked when.
func ask(t *testing.T, config Config, errors []model.Error, requests ...sim.Message) (answers, asked []string) {
	t.Helper()
	config.Partitions = []model.Partition{0, 1}
	w := sim.NewWorld()
	defer w.Close()
	b, coordinator, client := New(config), &scripted{errors: errors}, &asker{requests: requests}
	w.AddNode("broker", b)
	w.AddNode("coordinator", coordinator)
	b.Connect(w.Dial("broker", "coordinator"))
	client.broker = w.Dial("client", "broker")
	w.GoProgram("client", client)
	for len(explore.Of(w).Enabled()) > 0 {
		explore.Of(w).Take(0)
		for _, broken := range w.Violations() {
			t.Errorf("%s: %v", broken.Property, broken.Err)
		}
	}
	return client.answers, coordinator.asked
}

func produce(version model.APIVersion, batch model.RecordBatch, partitions ...model.Partition) *model.ProduceRequest {
	r := &model.ProduceRequest{Version: version}
	for _, p := range partitions {
		r.Partitions = append(r.Partitions, model.PartitionBatch{Partition: p, Batch: batch})
	}
	return r
}

// Goal: what the coordinator says reaches the producer in words that it knows.
func TestProduceAsksTheCoordinator(t *testing.T) {
	begin := transactional(data(0, 0, 1))
	for _, test := range []struct {
		name    string
		request *model.ProduceRequest
		err     model.Error
		want    string
		asked   int
	}{
		{"not transactional", produce(11, data(0, 0, 1), 0), model.ErrProducerFenced, "{P0: NONE at 0}", 0},
		{"not led here", produce(11, begin, 7), model.None, "{P7: UNKNOWN_TOPIC_OR_PARTITION}", 0},
		{"two partitions, one of them led here", produce(11, begin, 1, 7), model.None, "{P1: NONE at 0, P7: UNKNOWN_TOPIC_OR_PARTITION}", 1},
		{"verified", produce(11, begin, 0, 1), model.None, "{P0: NONE at 0, P1: NONE at 0}", 1},
		{"fenced", produce(11, begin, 0), model.ErrProducerFenced, "{P0: INVALID_PRODUCER_EPOCH}", 1},
		{"another producer id", produce(11, begin, 0), model.ErrInvalidProducerIDMapping, "{P0: INVALID_PRODUCER_ID_MAPPING}", 1},
		{"not in the transaction", produce(11, begin, 0), model.ErrTransactionAbortable, "{P0: TRANSACTION_ABORTABLE}", 1},
		{"not in the transaction, an old version", produce(10, begin, 0), model.ErrTransactionAbortable, "{P0: INVALID_TXN_STATE}", 1},
		{"not complete, before TV2", produce(11, begin, 0), model.ErrConcurrentTransactions, "{P0: NOT_ENOUGH_REPLICAS}", 1},
		{"fenced, TV2", produce(12, begin, 0), model.ErrProducerFenced, "{P0: INVALID_PRODUCER_EPOCH}", 1},
		{"added, TV2", produce(12, begin, 0), model.None, "{P0: NONE at 0}", 1},
	} {
		answers, asked := ask(t, Config{}, []model.Error{test.err}, test.request)
		if !slices.Equal(answers, []string{test.want}) || len(asked) != test.asked {
			t.Errorf("%s: Produce: %v after %d adds, want %s after %d", test.name, answers, len(asked), test.want, test.asked)
		}
	}
}

// Goal: the open transaction needs no second proof, and the next one does.
func TestProduceVerifiesOnce(t *testing.T) {
	_, asked := ask(t, Config{}, []model.Error{model.None},
		produce(11, transactional(data(0, 0, 1)), 0), produce(11, transactional(data(0, 1, 1)), 0),
		&model.WriteTxnMarkersRequest{Markers: []model.TxnMarker{{ProducerID: 1, Partitions: []model.Partition{0}, TransactionVersion: model.TV1}}},
		produce(11, transactional(data(0, 2, 1)), 0))
	if want := []string{"0s T0 1/0 verify [P0]", "0s T0 1/0 verify [P0]"}; !slices.Equal(asked, want) {
		t.Errorf("the coordinator was asked %v, want %v", asked, want)
	}
	answers, asked := ask(t, Config{Rules: model.Rules{Without: model.Verification}}, []model.Error{model.None}, produce(11, transactional(data(0, 0, 1)), 0))
	if len(asked) != 0 || answers[0] != "{P0: NONE at 0}" {
		t.Errorf("without verification: %v after %v, want {P0: NONE at 0} after none", answers, asked)
	}
}

// Goal: under TV2 the broker adds the partition by itself, every 20 ms while the
// transaction before is not complete, until 100 ms have passed.
func TestProduceRetriesTheAdd(t *testing.T) {
	const ct = model.ErrConcurrentTransactions
	request := produce(12, transactional(data(0, 0, 1)), 0)
	answers, asked := ask(t, Config{}, []model.Error{ct}, request)
	var want []string
	for at := time.Duration(0); at <= 100*time.Millisecond; at += 20 * time.Millisecond {
		want = append(want, fmt.Sprint(at, " T0 1/0 [P0]"))
	}
	if !slices.Equal(asked, want) || answers[0] != "{P0: CONCURRENT_TRANSACTIONS}" {
		t.Errorf("Produce while CONCURRENT_TRANSACTIONS: %v after %v, want {P0: CONCURRENT_TRANSACTIONS} after %v", answers, asked, want)
	}
	answers, asked = ask(t, Config{}, []model.Error{ct, ct, model.None}, request)
	if !slices.Equal(asked, want[:3]) || answers[0] != "{P0: NONE at 0}" {
		t.Errorf("Produce while CONCURRENT_TRANSACTIONS twice: %v after %v, want {P0: NONE at 0} after %v", answers, asked, want[:3])
	}
	// Both are settings of the broker.
	if _, asked = ask(t, Config{RetryBackoff: 50 * time.Millisecond}, []model.Error{ct}, request); len(asked) != 3 {
		t.Errorf("Produce with a backoff of 50 ms: %d adds, want 3", len(asked))
	}
	if _, asked = ask(t, Config{RetryBackoffMax: 1}, []model.Error{ct}, request); len(asked) != 2 {
		t.Errorf("Produce with 1 ns to retry in: %d adds, want 2", len(asked))
	}
}

// Goal: two requests that the same broker has refused for not being the coordinator lead
// to the other one, and not away and back. Method: both wait when the first answer comes.
func TestProduceAsksTheOtherCoordinator(t *testing.T) {
	w := sim.NewWorld()
	defer w.Close()
	b := New(Config{Partitions: []model.Partition{0, 1}, Coordinators: []string{"C0", "C1"}})
	var clients []*asker
	for i, name := range []string{"A", "B"} {
		begin := transactional(data(0, 0, 1))
		begin.ProducerID = model.ProducerID(i + 1)
		request := produce(11, begin, model.Partition(i))
		clients = append(clients, &asker{requests: []sim.Message{request, request}})
		w.GoProgram(name, clients[i])
	}
	w.AddNode("broker", b)
	w.AddNode("C0", &scripted{errors: []model.Error{model.ErrNotCoordinator}})
	w.AddNode("C1", &scripted{errors: []model.Error{model.None}})
	for i, name := range []string{"A", "B"} {
		clients[i].broker = w.Dial(name, "broker")
	}
	b.Connect(w.Dial("broker", "C0"), w.Dial("broker", "C1"))
	for len(explore.Of(w).Enabled()) > 0 {
		explore.Of(w).Take(0)
	}
	for i, want := range []string{"[{P0: NOT_ENOUGH_REPLICAS} {P0: NONE at 0}]", "[{P1: NOT_ENOUGH_REPLICAS} {P1: NONE at 0}]"} {
		if got := fmt.Sprint(clients[i].answers); got != want {
			t.Errorf("Produce of producer %d, with a coordinator that is one no more: %s, want %s", i+1, got, want)
		}
	}
}

// Goal: what is asked while questions come back from a broken connection comes back too,
// so that they come to an end. Method: two wait, and the connection breaks.
func TestProduceOverABrokenConnection(t *testing.T) {
	b := New(Config{Partitions: []model.Partition{0}})
	w := sim.NewWorld()
	defer w.Close()
	w.Allow(sim.Faults{Cuts: 1})
	var clients []*asker
	for i, name := range []string{"A", "B"} {
		begin := transactional(data(0, 0, 1))
		begin.ProducerID = model.ProducerID(i + 1)
		clients = append(clients, &asker{requests: []sim.Message{produce(11, begin, 0), produce(11, begin, 0)}})
		w.GoProgram(name, clients[i])
	}
	w.AddNode("broker", b)
	w.AddNode("coordinator", &deaf{})
	for i, name := range []string{"A", "B"} {
		clients[i].broker = w.Dial(name, "broker")
	}
	b.Connect(w.Dial("broker", "coordinator"))
	take := func(event string) {
		t.Helper()
		i := slices.IndexFunc(explore.Of(w).Enabled(), func(e sim.Event) bool { return e.String() == event })
		if i < 0 {
			t.Fatalf("%q cannot happen now, but %v", event, explore.Of(w).Enabled())
		}
		explore.Of(w).Take(i)
	}
	for _, event := range []string{"A send", "B send", "A->broker Produce", "B->broker Produce", "network cut coordinator->broker", "coordinator->broker cut",
		"A await response", "A send", "A->broker Produce", "A await response"} {
		take(event)
	}
	if want := []string{"{P0: NOT_ENOUGH_REPLICAS}", "{P0: NOT_ENOUGH_REPLICAS}"}; !slices.Equal(clients[0].answers, want) || len(b.asked) != 1 {
		t.Errorf("A gets %v while B's question comes back, want %v; the broker asks %v", clients[0].answers, want, b.asked)
	}
}

// deaf is a coordinator that never answers.
type deaf struct{}

func (*deaf) Handle(sim.Envelope, *sim.Outbox) {}

// Goal: without the coordinator's word nothing is written. Where its connection
// breaks, the producer is told to try again; a broker that crashes forgets who
// waits, and what proofs it gave out.
func TestProduceWithoutTheCoordinator(t *testing.T) {
	for _, fault := range []string{"cut coordinator->broker", "crash"} {
		w := sim.NewWorld()
		defer w.Close()
		w.Allow(sim.Faults{Cuts: 1, NodeCrashes: 1})
		b, client := New(Config{Partitions: []model.Partition{0}}), &asker{requests: []sim.Message{produce(11, transactional(data(0, 0, 1)), 0)}}
		w.AddNode("broker", b)
		w.AddNode("coordinator", &deaf{})
		b.Connect(w.Dial("broker", "coordinator"))
		client.broker = w.Dial("client", "broker")
		w.GoProgram("client", client)
		faulted := false
		for {
			enabled := explore.Of(w).Enabled()
			i := slices.IndexFunc(enabled, func(e sim.Event) bool { return !e.Fault })
			if i < 0 && !faulted {
				faulted = true
				if b.waiting[0].free() {
					t.Fatalf("%s: nothing waits", fault)
				}
				i = slices.IndexFunc(enabled, func(e sim.Event) bool { return e.Label == fault })
			}
			if i < 0 {
				break
			}
			explore.Of(w).Take(i)
		}
		want := map[string]string{"crash": sim.ErrBroken.String(), "cut coordinator->broker": "{P0: NOT_ENOUGH_REPLICAS}"}[fault]
		if !slices.Equal(client.answers, []string{want}) {
			t.Errorf("%s: Produce: %v, want %s", fault, client.answers, want)
		}
		if !b.waiting[0].free() || len(b.asked) > 0 || b.logs[0].logEndOffset() != 0 {
			t.Errorf("%s: the broker waits for %v, asked %v, wrote up to %d; want nothing", fault, b.waiting[0].request, b.asked, b.logs[0].logEndOffset())
		}
		if guard := b.logs[0].producer(1).verification.guard; (guard == noGuard) != (fault == "crash") {
			t.Errorf("%s: guard %d", fault, guard)
		}
	}
}

func TestWriteTxnMarkersAndFetchOfOthersPartitions(t *testing.T) {
	answers, _ := ask(t, Config{}, []model.Error{model.None},
		&model.WriteTxnMarkersRequest{Markers: []model.TxnMarker{{ProducerID: 1, Partitions: []model.Partition{1, 7}}}},
		&model.FetchRequest{Partition: 7})
	if want := []string{"{P1: NONE, P7: UNKNOWN_TOPIC_OR_PARTITION}", "UNKNOWN_TOPIC_OR_PARTITION"}; !slices.Equal(answers, want) {
		t.Errorf("of P7, which B1 leads: %v, want %v", answers, want)
	}
}

// Goal: markers take their time, one request after the other, and nobody sees
// them before. Method: a timed world, and a coordinator for each request.
func TestMarkersTakeTheirTime(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		takes         string
		asked, wanted []time.Duration
		within        time.Duration // of what is wanted
	}{
		{"0s", []time.Duration{0, 3 * ms, 6 * ms}, []time.Duration{0, 3 * ms, 6 * ms}, 0},
		{"2ms", []time.Duration{0, 3 * ms, 6 * ms}, []time.Duration{2 * ms, 5 * ms, 8 * ms}, 0},
		{"5ms", []time.Duration{0, 3 * ms, 6 * ms}, []time.Duration{5 * ms, 10 * ms, 15 * ms}, 0},
		{"5ms", []time.Duration{0, 0, 0}, []time.Duration{5 * ms, 10 * ms, 15 * ms}, 0},
		{"uniform:0s,1ns", make([]time.Duration, 9), make([]time.Duration, 9), 9}, // Some take no time, some do.
	} {
		takes, err := sim.ParseDelay(test.takes)
		if err != nil {
			t.Fatal(err)
		}
		w := sim.NewWorld()
		defer w.Close()
		b := New(Config{Partitions: []model.Partition{0}, MarkerAppend: takes})
		w.AddNode("broker", b)
		var timing sim.Timing
		var coordinators []*asker
		for i, at := range test.asked {
			name := fmt.Sprint("coordinator", i)
			c := &asker{broker: w.Dial(name, "broker"), requests: []sim.Message{
				&model.WriteTxnMarkersRequest{Markers: []model.TxnMarker{{ProducerID: 1, Partitions: []model.Partition{0}}}},
			}}
			w.GoProgram(name, c)
			coordinators = append(coordinators, c)
			timing.Overrides = append(timing.Overrides, sim.DelayOverride{Of: name + "->broker", Delay: sim.Constant(at)})
		}
		w.Timed(timing)
		var written []time.Duration
		for len(explore.Of(w).Enabled()) > 0 {
			before := b.logs[0].logEndOffset()
			explore.Of(w).Take(0)
			for range b.logs[0].logEndOffset() - before {
				written = append(written, w.Now())
			}
		}
		if !slices.EqualFunc(written, test.wanted, func(is, want time.Duration) bool { return is >= want && is-want <= test.within }) {
			t.Errorf("markers that take %v, asked for at %v, are written at %v, want %v", takes, test.asked, written, test.wanted)
		}
		for i, c := range coordinators {
			if !slices.Equal(c.answers, []string{"NONE"}) {
				t.Errorf("markers that take %v: coordinator%d gets %v, want NONE", takes, i, c.answers)
			}
		}
	}
}

// Goal: a batch is refused for each record that is not taken, from when on and as often as
// told, and nothing of it is written; other partitions take them.
func TestProduceRefusals(t *testing.T) {
	plain := func(p model.Partition, records ...model.Record) *model.ProduceRequest {
		return &model.ProduceRequest{TransactionalID: model.NoTransactionalID, Partitions: []model.PartitionBatch{{
			Partition: p, Batch: model.RecordBatch{ProducerID: model.NoProducerID, BaseSequence: model.NoSequence, Records: records},
		}}}
	}
	config := Config{Refusals: []Refusal{
		{Record: 2, Error: model.ErrInvalidRecord, Times: 1},
		{Record: 3, Error: model.ErrMessageTooLarge},
		{Record: 4, Error: model.ErrNotLeaderOrFollower, Times: 2},
		{Record: 6, Error: model.ErrNotLeaderOrFollower, After: 1, Times: 1},
		{Record: 7, Error: model.ErrInvalidRecord, After: 1},
	}}
	answers, _ := ask(t, config, []model.Error{model.None},
		plain(0, 1), plain(0, 1, 2, 4), plain(0, 2), plain(0, 4), plain(0, 4), plain(0, 3), plain(0, 3), plain(1, 3), plain(0, 5),
		plain(0, 6), plain(0, 6), plain(0, 6), plain(0, 7), plain(0, 7), plain(0, 7))
	want := []string{
		"{P0: NONE at 0}", "{P0: INVALID_RECORD}", "{P0: NONE at 1}", "{P0: NOT_LEADER_OR_FOLLOWER}", "{P0: NONE at 2}",
		"{P0: MESSAGE_TOO_LARGE}", "{P0: MESSAGE_TOO_LARGE}", "{P1: NONE at 0}", "{P0: NONE at 3}",
		"{P0: NONE at 4}", "{P0: NOT_LEADER_OR_FOLLOWER}", "{P0: NONE at 5}", "{P0: NONE at 6}", "{P0: INVALID_RECORD}", "{P0: INVALID_RECORD}",
	}
	if !slices.Equal(answers, want) {
		t.Errorf("Produce of refused records: %v, want %v", answers, want)
	}
}

// Goal: a batch whose answer is on its way is not written by the proof of a later attempt
// of its producer, with a marker in between (KAFKA-14884).
func TestALaterAttemptIsNoProofOfAnEarlier(t *testing.T) {
	w := sim.NewWorld()
	defer w.Close()
	b := New(Config{Partitions: []model.Partition{0}})
	w.AddNode("broker", b)
	w.AddNode("coordinator", &scripted{errors: []model.Error{model.None}})
	b.Connect(w.Dial("broker", "coordinator"))
	clients, abort := map[string]*asker{}, marker(0, model.Abort, model.TV1)
	abort.Partitions = []model.Partition{0}
	requests := map[string]sim.Message{
		"A": produce(11, transactional(data(0, 0, 1)), 0),
		"B": produce(11, transactional(data(0, 0, 1)), 0),
		"C": &model.WriteTxnMarkersRequest{Markers: []model.TxnMarker{*abort}},
	}
	for _, name := range []string{"A", "B", "C"} {
		clients[name] = &asker{broker: w.Dial(name, "broker"), requests: []sim.Message{requests[name]}}
		w.GoProgram(name, clients[name])
	}
	for _, step := range []string{"A send", "A->broker Produce", "C send", "C->broker WriteTxnMarkers", "B send", "B->broker Produce"} {
		i := slices.IndexFunc(explore.Of(w).Enabled(), func(e sim.Event) bool { return e.String() == step })
		if i < 0 {
			t.Fatalf("%q is not next: %v", step, explore.Of(w).Enabled())
		}
		explore.Of(w).Take(i)
	}
	for len(explore.Of(w).Enabled()) > 0 {
		explore.Of(w).Take(0)
	}
	if got := fmt.Sprint(clients["A"].answers); !strings.Contains(got, "INVALID_TXN_STATE") {
		t.Errorf("the earlier batch is answered %s, want INVALID_TXN_STATE", got)
	}
	if got := fmt.Sprint(clients["B"].answers); strings.Contains(got, "INVALID") {
		t.Errorf("the later batch is answered %s", got)
	}
}

// fencing answers adds with drawn errors, and those of an older epoch with PRODUCER_FENCED.
type fencing struct {
	scripted
	epoch model.ProducerEpoch
}

func (c *fencing) Handle(e sim.Envelope, out *sim.Outbox) {
	request := e.Message.(*model.AddPartitionsToTxnRequest)
	if request.ProducerEpoch < c.epoch {
		out.Reply(e, &model.AddPartitionsToTxnResponse{Partitions: []model.PartitionError{{Partition: request.Partitions[0], Error: model.ErrProducerFenced}}})
		return
	}
	c.epoch = request.ProducerEpoch
	c.scripted.Handle(e, out)
}

// Goal: a broker that forgets attempts which tell nothing answers as one that keeps them.
// Method: drawn batches and markers of one producer, from three clients, to both, in the
// same drawn order.
func TestForgottenAttemptsTellNothing(t *testing.T) {
	forgot := 0
	rapid.Check(t, func(r *rapid.T) {
		version := rapid.SampledFrom([]model.TransactionVersion{model.TV1, model.TV2}).Draw(r, "version")
		rules := model.Rules{Release: rapid.SampledFrom([]model.Release{model.Kafka3_6, model.Kafka4_0, model.Kafka4_1, model.Kafka4_3, model.Unreleased}).Draw(r, "release")}
		errors := rapid.SliceOfN(rapid.SampledFrom([]model.Error{model.None, model.None, model.ErrConcurrentTransactions, model.ErrTransactionAbortable}), 6, 6).Draw(r, "coordinator")
		var requests [3][]sim.Message
		for range rapid.IntRange(1, 10).Draw(r, "requests") {
			epoch, who := model.ProducerEpoch(rapid.IntRange(0, 2).Draw(r, "epoch")), rapid.IntRange(0, 2).Draw(r, "client")
			var request sim.Message = &model.WriteTxnMarkersRequest{Markers: []model.TxnMarker{{
				ProducerID: 1, ProducerEpoch: epoch, Result: model.Commit, TransactionVersion: version, Partitions: []model.Partition{0},
			}}}
			if rapid.IntRange(0, 3).Draw(r, "kind") > 0 {
				request = produce(10+model.APIVersion(version), transactional(data(epoch, model.Sequence(rapid.IntRange(0, 2).Draw(r, "sequence")), 1)), 0)
			}
			requests[who] = append(requests[who], request)
		}
		var worlds [2]explore.Engine
		var brokers [2]*Broker
		var clients [2][]*asker
		for i := range worlds {
			w := sim.NewWorld()
			defer w.Close()
			b := New(Config{Partitions: []model.Partition{0}, Rules: rules, RetryBackoffMax: -1, OneVersion: i == 1})
			w.AddNode("broker", b)
			w.AddNode("coordinator", &fencing{scripted: scripted{errors: errors}})
			b.Connect(w.Dial("broker", "coordinator"))
			for who, list := range requests {
				name := fmt.Sprint("client", who)
				c := &asker{requests: list, broker: w.Dial(name, "broker")}
				w.GoProgram(name, c)
				clients[i] = append(clients[i], c)
			}
			worlds[i], brokers[i] = explore.Of(w), b
		}
		for len(worlds[0].Enabled()) > 0 {
			next := rapid.IntRange(0, len(worlds[0].Enabled())-1).Draw(r, "next")
			for i, w := range worlds {
				w.Take(next)
				for _, broken := range w.Violations() {
					r.Fatalf("with OneVersion %v: %s: %v", i == 1, broken.Property, broken.Err)
				}
			}
			if got, want := fmt.Sprint(worlds[1].Enabled()), fmt.Sprint(worlds[0].Enabled()); got != want {
				r.Fatalf("a broker that forgets goes on with %s, one that keeps all with %s", got, want)
			}
			if fmt.Sprint(brokers[0].logs[0].producers) != fmt.Sprint(brokers[1].logs[0].producers) {
				forgot++
			}
		}
		for who := range requests {
			if got, want := clients[1][who].answers, clients[0][who].answers; !slices.Equal(got, want) {
				r.Fatalf("client %d: a broker that forgets answers %q, one that keeps all %q", who, got, want)
			}
		}
	})
	if forgot == 0 {
		t.Error("no attempt was forgotten")
	}
}
