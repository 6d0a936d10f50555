// Package transactionprotocol is the known bugs of Kafka's transaction protocol, each
// as a world in which it is open, and in which the rule that mends it holds.
//
// Modelled: the coordinator with its log, the partitions' leaders and their replicas,
// __consumer_offsets, and producers by the protocol (model/producer/plain). Driven:
// elections, of the log's leader and of a partition's; the scan for timeouts; rebalances.
// Not covered: replicas out of sync, throughput, batches, several groups.
package transactionprotocol

import (
	"fmt"
	"slices"
	"strings"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer/plain"
	"racelab/properties"
	"racelab/scenario"
	"racelab/sim"
)

// World is what a variant is built from.
type World struct {
	Rules     model.Rules
	Cluster   model.TransactionVersion // default: TV2
	Producers []plain.Config           // A, B, and so on
	Pipeline  plain.PipelineConfig     // A instead, if it has any batches
	Brokers   int                      // each leads a partition; default: 1
	Together  int                      // one broker leads so many partitions instead
	Offsets   bool                     // B0 has __consumer_offsets too
	// Elections are those of the transaction log. None: the log is a part of the
	// coordinator, and never fails.
	Elections []coordinator.Election
	One       bool // there is one broker that can be the coordinator
	Scan      bool // transactions time out, at any moment
	Fine      bool // fences have steps, and answers to WriteTxnMarkers
	MaxEpoch  model.ProducerEpoch
	Faults    sim.Faults
	Closes    string // a node, or the group: A's connection to it times out, once
	Rebalance *model.GroupRebalanced
	Plain     *model.OffsetCommitRequest // a commit without a transaction, at any moment
	Lags      bool                       // a replica of the transaction log comes later
	Answers   int                        // how often that replica does, and never again; 0: always
	IDs       int                        // transactional ids; default: those of the producers
	AddQueue  bool                       // brokers gather what they ask the coordinator
	Unknown   []model.Partition          // to the coordinator's metadata
	// Leaders are brokers that are elected to lead P0, one after the other, each at any
	// moment. There is one more then, which has all that B0 leads.
	Leaders []string
	// Dead are partitions whose leader the coordinator takes for dead at the start.
	Dead    []model.Partition
	Refuses []broker.Refusal
	// MarkersRefused are errors that markers are answered with, once each.
	MarkersRefused []broker.MarkerRefusal
	// Drives are messages that come at any moment.
	Drives []Drive
}

// Drive is a message to a node, from outside of what is modelled.
type Drive struct {
	By      string // default: the message
	To      string
	Message sim.Message
}

// parts are those of a world that claims look at.
type parts struct {
	coordinators []*coordinator.Transactions
	brokers      []*broker.Broker // by the partition that they lead at the start
	nodes        []*broker.Broker
	producers    []*plain.Producer
	pipeline     *plain.Pipeline             // nil: there is none
	log          *coordinator.TransactionLog // nil: it is a part of the coordinator
}

type (
	claim  = scenario.Claim[struct{}]
	expect = []scenario.Expect[struct{}]
)

// race makes a scenario of worlds.
func race(s scenario.Scenario[struct{}, World]) scenario.Scenario[struct{}, World] {
	s.Group = scenario.Protocol
	claims := s.Claims
	s.Build = func(w *sim.World, world World, _ struct{}) {
		p := world.build(w)
		for _, c := range claims {
			judge(w, c.Name, p)
		}
	}
	return s
}

// build makes the coordinators, the brokers and the producers, and connects them.
func (x World) build(w *sim.World) *parts {
	if x.Closes != "" {
		x.Faults.Closes = 1
	}
	w.Allow(x.Faults)
	p := &parts{}
	coordinators, brokers := x.coordinatorNames(), x.leads()
	x.addCoordinators(w, p, coordinators, brokers)
	x.addBrokers(w, p, coordinators, brokers)
	x.connect(w, p, coordinators, brokers)
	if x.Pipeline.Batches > 0 {
		p.pipeline = plain.NewPipeline(x.Pipeline, dial(w, "A", brokerNames(len(p.nodes)))...)
		w.GoProgram("A", p.pipeline)
	}
	x.addProducers(w, p, coordinators)
	return p
}

func (x World) coordinatorNames() []string {
	switch {
	case x.Pipeline.Batches > 0:
		return nil // It has no transactions.
	case x.Elections != nil && !x.One:
		return []string{"C0", "C1"}
	}
	return []string{"C"}
}

// leaders is how many brokers lead partitions at the start.
func (x World) leaders() int {
	if x.Together > 0 {
		return 1
	}
	return max(x.Brokers, 1)
}

// leads lists the brokers, each with the partitions that it leads at the start.
func (x World) leads() []coordinator.Broker {
	var brokers []coordinator.Broker
	for i := range x.leaders() {
		led := []model.Partition{model.Partition(i)}
		if x.Offsets && i == 0 {
			led = []model.Partition{model.ConsumerOffsets, 0}
		}
		for p := 1; p < x.Together; p++ {
			led = append(led, model.Partition(p))
		}
		brokers = append(brokers, coordinator.Broker{Name: fmt.Sprint("B", i), Partitions: led})
	}
	if x.Leaders != nil {
		brokers = append(brokers, coordinator.Broker{Name: fmt.Sprint("B", len(brokers))})
	}
	return brokers
}

func (x World) addCoordinators(w *sim.World, p *parts, names []string, brokers []coordinator.Broker) {
	config := coordinator.TransactionsConfig{
		TransactionalIDs: max(x.IDs, 1), TransactionVersion: x.Cluster, ScanInterval: -1, MaxEpoch: x.MaxEpoch, Rules: x.Rules,
		Coordinators: len(names), FineFences: x.Fine, FineMarkers: x.Fine, Dead: x.Dead, Unknown: x.Unknown,
		Crashes: x.Faults.NodeCrashes > 0, Brokers: brokers,
	}
	for _, producer := range x.Producers {
		config.TransactionalIDs = max(config.TransactionalIDs, int(producer.TransactionalID)+1)
	}
	for i, name := range names {
		config.Self = i
		c := coordinator.NewTransactions(config)
		w.AddNode(name, c)
		p.coordinators = append(p.coordinators, c)
	}
}

func (x World) addBrokers(w *sim.World, p *parts, coordinators []string, brokers []coordinator.Broker) {
	waiting := 2
	if x.AddQueue {
		waiting = 4
	}
	for i, leads := range brokers {
		var replicas, replicated []model.Partition
		switch {
		case x.Leaders == nil:
		case i == 0:
			replicated = leads.Partitions
		default:
			replicas = brokers[0].Partitions
		}
		b := broker.New(broker.Config{
			Partitions: leads.Partitions, ProduceRequests: waiting, Rules: x.Rules, MaxEpoch: x.MaxEpoch, Coordinators: coordinators,
			RetryBackoffMax: -1, // untimed, what the broker does not try again its client does
			OneVersion:      x.oneVersion() && len(coordinators) == 1,
			AddQueue:        x.AddQueue, Refusals: x.Refuses, MarkerRefusals: x.MarkersRefused,
			Self: leads.Name, Replicas: replicas, Replicated: replicated,
		})
		w.AddNode(leads.Name, b)
		p.nodes = append(p.nodes, b)
		for _, led := range leads.Partitions {
			if led != model.ConsumerOffsets {
				p.brokers = append(p.brokers, b)
			}
		}
	}
}

// oneVersion says whether all producers have the same transaction version all the time.
func (x World) oneVersion() bool {
	return !slices.ContainsFunc(x.Producers, func(p plain.Config) bool {
		return p.Version != x.Producers[0].Version || p.Produce != x.Producers[0].Produce ||
			slices.ContainsFunc(p.Transactions, func(t plain.Transaction) bool { return t.Upgrade })
	})
}

func (x World) addProducers(w *sim.World, p *parts, coordinators []string) {
	for i, config := range x.Producers {
		name := producerNames[i : i+1]
		var group *sim.Conn
		if x.Offsets {
			group = w.Dial(name, "B0")
		}
		toCoordinators, toLeaders := dial(w, name, coordinators), dial(w, name, brokerNames(x.leaders()))
		for p := 1; p < x.Together; p++ {
			toLeaders = append(toLeaders, toLeaders[0])
		}
		p.producers = append(p.producers, plain.New(config, toCoordinators, group, toLeaders...))
		if x.Leaders != nil {
			p.producers[i].ConnectReplicas(slices.Repeat(dial(w, name, []string{"B1"}), len(toLeaders))...)
		}
		w.GoProgram(name, p.producers[i])
		if i > 0 {
			continue
		}
		switch x.Closes {
		case "C":
			w.GoProgram("timeout", plain.NewImpatience(toCoordinators[0]))
		case "group":
			w.GoProgram("timeout", plain.NewImpatience(group))
		case "B0":
			w.GoProgram("timeout", plain.NewImpatience(toLeaders[0]))
		}
	}
}

// producerNames are those of the producers, in their order; C is the coordinator.
const producerNames = "ABDE"

// connect makes the connections between nodes, and those of what is driven.
func (x World) connect(w *sim.World, p *parts, coordinators []string, brokers []coordinator.Broker) {
	names := brokerNames(len(brokers))
	for i, name := range coordinators {
		p.coordinators[i].Connect(dial(w, name, names)...)
	}
	for i, name := range names {
		p.nodes[i].Connect(dial(w, name, coordinators)...)
		if x.Leaders != nil {
			p.nodes[i].ConnectReplica(w.Dial(name, names[(i+1)%len(names)]))
		}
	}
	if x.Leaders != nil {
		told := dial(w, "quorum", slices.Concat(names, coordinators))
		w.GoProgram("quorum", broker.NewController(x.Leaders, told...))
	}
	if x.Elections != nil {
		log := coordinator.NewTransactionLog(coordinator.LogConfig{Brokers: coordinators, Rules: x.Rules})
		p.log = log
		w.AddNode("log", log)
		var replica *sim.Conn
		if x.Lags {
			w.AddNode("replica", &coordinator.Replica{Last: x.Answers})
			replica = w.Dial("log", "replica")
		}
		log.Connect(replica, dial(w, "log", coordinators)...)
		var elections []sim.Message
		for i, name := range coordinators {
			p.coordinators[i].ConnectLog(w.Dial(name, "log"))
		}
		for _, e := range x.Elections {
			elections = append(elections, &e)
		}
		w.GoProgram("controller", coordinator.NewDriver(w.Dial("controller", "log"), elections...))
	}
	if x.Scan {
		w.GoProgram("clock", coordinator.NewDriver(w.Dial("clock", coordinators[0]), &coordinator.Scan{}))
	}
	if x.Rebalance != nil {
		w.GoProgram("rebalance", coordinator.NewDriver(w.Dial("rebalance", "B0"), x.Rebalance))
	}
	for _, d := range x.Drives {
		name := d.By
		if name == "" {
			name = strings.ReplaceAll(sim.NameOf(d.Message), " ", "-")
		}
		w.GoProgram(name, coordinator.NewDriver(w.Dial(name, d.To), d.Message))
	}
	if x.Plain != nil {
		w.GoProgram("consumer", coordinator.NewDriver(w.Dial("consumer", "B0"), x.Plain))
	}
}

func brokerNames(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprint("B", i))
	}
	return names
}

func dial(w *sim.World, from string, to []string) []*sim.Conn {
	var conns []*sim.Conn
	for _, name := range to {
		conns = append(conns, w.Dial(from, name))
	}
	return conns
}

// The claims, by Jepsen's names where it has one.
var (
	noAbortedRead = &claim{Name: "no-aborted-read", Says: "no read_committed consumer gets a record of a transaction that its application did not ask to commit (G1a)"}
	noLostWrite   = &claim{Name: "no-lost-write", Says: "a read_committed consumer gets every record of a transaction whose commit was acknowledged"}
	noTorn        = &claim{Name: "no-torn-transaction", Says: "a read_committed consumer gets all records of a transaction or none"}
	stableMoves   = &claim{Name: "stable-offset-does-not-stick", Says: "when all is over the last stable offset is the end of the log"}
	completes     = &claim{Name: "decided-transactions-complete", Says: "a coordinator is always at work on what it has decided; else CONCURRENT_TRANSACTIONS never ends"}
	goesOn        = &claim{Name: "producers-go-on", Says: "no producer that nobody has replaced ends in a fatal error"}
	noFailure     = &claim{Name: "healthy-transactions-succeed", Says: "no transaction of a producer that nobody disturbs fails"}
	offsetsFollow = &claim{Name: "offsets-follow-the-outcome", Says: "the group's offset is that of the last transaction that committed one"}
	offsetsStable = &claim{Name: "offsets-become-stable", Says: "when all is over no transaction holds an offset"}
	replaySame    = &claim{Name: "offsets-survive-a-replay", Says: "the committed offset after a replay of __consumer_offsets is the one before it"}
	ownerKeeps    = &claim{Name: "former-owner-takes-nothing-back", Says: "what the new owner of a partition has committed, its former owner does not take back"}
	inputKept     = &claim{Name: "no-input-is-lost", Says: "each input before the committed offset has its output, once"}
	onceThere     = &claim{Name: "no-duplicate", Says: "no record is in a partition twice"}
	ackedThere    = &claim{Name: "acknowledged-records-are-there", Says: "a record that was acknowledged is in its partition"}
	replicasAgree = &claim{Name: "replicas-agree", Says: "when all is over the two replicas of a partition hold the same"}
	fenced        = &claim{Name: properties.TransactionHistoryIsFenced(nil).Name(), Says: "the coordinator answers as a register with one owner: who was replaced ends nothing, and nobody is fenced whom nobody has replaced"}
	invariants    = &claim{Name: sim.NodeInvariants, Says: "no epoch passes the last one, and logs and coordinators are what they claim to be"}
)

// fair is judged in every world: whoever goes on for ever under a fair scheduler gets
// somewhere.
var fair = scenario.BuiltIn[struct{}]("ends-when-fair")

// judge watches a claim.
func judge(w *sim.World, name string, p *parts) {
	switch name {
	case noAbortedRead.Name:
		w.Finally(name, p.abortedRead)
	case noLostWrite.Name:
		w.Finally(name, p.lostWrite)
	case noTorn.Name:
		w.Finally(name, p.torn)
	case stableMoves.Name:
		w.Finally(name, p.stable)
	case completes.Name:
		w.Always(name, p.completes)
	case goesOn.Name:
		w.Finally(name, p.goesOn)
	case noFailure.Name:
		w.Finally(name, p.noFailure)
	case offsetsFollow.Name:
		w.Finally(name, p.offsets)
	case offsetsStable.Name:
		w.Finally(name, p.offsetsStable)
	case replaySame.Name:
		w.Finally(name, p.replay)
	case ownerKeeps.Name:
		w.Finally(name, p.owner)
	case onceThere.Name:
		w.Always(name, p.once)
	case replicasAgree.Name:
		w.Finally(name, p.replicasAgree)
	case ackedThere.Name:
		w.Finally(name, p.acked)
	case fenced.Name:
		names := strings.Split(producerNames[:len(p.producers)], "")
		w.Watch(properties.TransactionHistoryIsFenced(&properties.TransactionHistory{Clients: names}))
	case inputKept.Name:
		w.Finally(name, p.input)
	}
}

// read is all that a read_committed consumer gets, by partition.
func (p *parts) read() [][]model.Record {
	var all [][]model.Record
	for i := range p.brokers {
		records, _ := p.leader(i).Committed(model.Partition(i))
		all = append(all, records)
	}
	return all
}

// leader is who leads a partition: of two who take themselves for it, the one of the last
// election; if nobody does, who has led it first.
func (p *parts) leader(partition int) *broker.Broker {
	leader := p.brokers[partition]
	last, _ := leader.Leads(model.Partition(partition))
	for _, b := range p.nodes {
		if epoch, leads := b.Leads(model.Partition(partition)); leads && epoch > last {
			leader, last = b, epoch
		}
	}
	return leader
}

// seen is how many records of a transaction a consumer gets.
func (p *parts) seen(n int) (count int) {
	for _, records := range p.read() {
		for _, r := range records {
			if int(r)/10 == n {
				count++
			}
		}
	}
	return count
}

// each judges each transaction that was begun, with how many records it was to write.
func (p *parts) each(f func(o plain.Outcome, wrote, seen int)) {
	for _, producer := range p.producers {
		for _, o := range producer.Outcomes() {
			f(o, producer.Wrote(o.Transaction), p.seen(o.Transaction))
		}
	}
}

func (p *parts) abortedRead(c *sim.Claim) {
	p.each(func(o plain.Outcome, _, seen int) {
		c.Assert(o.CommitAsked || seen == 0, "nobody asked to commit transaction %d, and a consumer gets %d of its records", o.Transaction, seen)
	})
}

func (p *parts) lostWrite(c *sim.Claim) {
	p.each(func(o plain.Outcome, wrote, seen int) {
		c.Assert(!o.Done || !o.CommitAsked || seen >= wrote, "transaction %d is committed, and a consumer gets %d of the %d written", o.Transaction, seen, wrote)
	})
}

func (p *parts) torn(c *sim.Claim) {
	p.each(func(o plain.Outcome, wrote, seen int) {
		c.Assert(seen == 0 || seen >= wrote, "of the %d records of transaction %d a consumer gets %d", wrote, o.Transaction, seen)
	})
}

func (p *parts) stable(c *sim.Claim) {
	for i := range p.brokers {
		_, all := p.leader(i).Committed(model.Partition(i))
		c.Assert(all, "a transaction on P%d is open for ever: no consumer gets past it", i)
	}
}

func (p *parts) completes(c *sim.Claim) {
	for i, coordinator := range p.coordinators {
		if p.log != nil && !p.log.Leads(i, coordinator.Epoch()) {
			continue // It was replaced, and is to be told.
		}
		stuck := coordinator.Stuck()
		c.Assert(len(stuck) == 0, "%v is decided, and nobody will complete it", stuck)
	}
}

func (p *parts) goesOn(c *sim.Claim) {
	for i, producer := range p.producers {
		failed := producer.Failed()
		c.Assert(failed == model.None, "%c ends with %v", producerNames[i], failed)
	}
}

func (p *parts) noFailure(c *sim.Claim) {
	p.each(func(o plain.Outcome, _, _ int) {
		c.Assert(o.Failed == model.None, "transaction %d fails with %v", o.Transaction, o.Failed)
	})
}

// offsets compares the group's with the offset of the last transaction that was acknowledged, or
// may have been.
func (p *parts) offsets(c *sim.Claim) {
	at, _ := p.brokers[0].Offset(0)
	allowed := []model.Offset{model.NoOffset}
	for _, producer := range p.producers {
		for _, o := range producer.Outcomes() {
			switch {
			case o.Offset == 0 || !o.CommitAsked:
			case o.Done:
				allowed = []model.Offset{o.Offset}
			default:
				allowed = append(allowed, o.Offset)
			}
		}
	}
	c.Assert(slices.Contains(allowed, at), "the committed offset is %d, want one of %v", at, allowed)
}

func (p *parts) offsetsStable(c *sim.Claim) {
	_, stable := p.brokers[0].Offset(0)
	c.Assert(stable, "UNSTABLE_OFFSET_COMMIT for ever")
}

func (p *parts) replay(c *sim.Claim) {
	at, _ := p.brokers[0].Offset(0)
	after := p.brokers[0].Replayed(0)
	c.Assert(at == after, "the committed offset is %d, and after a replay %d", at, after)
}

// owner looks at the last producer, which has the partition in the end.
func (p *parts) owner(c *sim.Claim) {
	at, _ := p.brokers[0].Offset(0)
	for _, o := range p.producers[len(p.producers)-1].Outcomes() {
		if o.Done && o.CommitAsked {
			c.Assert(at >= o.Offset, "the new owner has committed offset %d, and the group has %d", o.Offset, at)
		}
	}
}

func (p *parts) input(c *sim.Claim) {
	at, _ := p.brokers[0].Offset(0)
	written := slices.Concat(p.read()...)
	for n := model.Record(0); model.Offset(n) < at; n++ {
		count := 0
		for _, r := range written {
			if r == n {
				count++
			}
		}
		c.Assert(count == 1, "input %d is behind the committed offset %d, and has %d outputs", n, at, count)
	}
}

func (p *parts) once(c *sim.Claim) {
	var before []model.Record
	for _, r := range p.read()[0] {
		c.Assert(!slices.Contains(before, r), "record %d is in P0 twice", r)
		before = append(before, r)
	}
}

func (p *parts) replicasAgree(c *sim.Claim) {
	for i := range p.brokers {
		c.Assert(broker.Agree(model.Partition(i), p.nodes...), "the replicas of P%d differ", i)
	}
}

func (p *parts) acked(c *sim.Claim) {
	records := p.read()[0]
	for n := range p.pipeline.Batches() {
		c.Assert(!p.pipeline.Acked(n) || slices.Contains(records, model.Record(n)), "record %d was acknowledged, and is not in P0", n)
	}
}
