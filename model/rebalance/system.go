package rebalance

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// Lanes: what may happen next, each a timer of the node. A member has those up
// to memberLanes.
const (
	laneStart     = iota // the member starts
	laneHeartbeat        // the next heartbeat is sent
	laneTimeout          // a request has had no answer for too long
	laneTick             // autocommit
	laneStop             // a callback begins, or claims are told to end
	laneFetch            // records arrive
	laneGiveUp           // the application waits no longer
	laneBackoff          // the client goes on with joining
	laneJoined           // the answer to JoinGroup arrives
	laneWire             // what waits on the connection goes on
	laneClose            // the application calls Close
	laneCrash            // the process is gone
	laneWork             // a worker ends its record; one a worker
	memberLanes   = laneWork + maxWorkers

	laneSession   = members * memberLanes // the coordinator hears nothing of a member; one a member
	laneRebalance = laneSession + members // the coordinator waits no longer for the rest
	laneCut       = laneRebalance + 1     // A is cut off
	laneReconnect = laneCut + 1           // and is connected again
	laneWave      = laneReconnect + 1     // the second half of the records is written
	laneEnd       = laneWave + 1          // the run is judged
	lanes         = laneEnd + 1
)

const maxWorkers = 4

var laneNames = [memberLanes]string{
	"start", "heartbeat", "request-timeout", "autocommit", "revoke", "fetch", "give-up", "rejoin", "joined", "network", "close", "crash",
	"work0", "work1", "work2", "work3",
}

// System is a group, its coordinator, two members with the application in each,
// and the log that they read: one node whose timers are all that may happen. In
// a timed world a timer takes its time. In an untimed one each takes none, so that
// whichever is armed may be next.
//
// Differs: a request and its answer are one step, unless the trigger delays one:
// franz-go joins only when no commit is in flight, and in all three clients
// heartbeat and commit share a connection, so that a commit which is on its way
// for long keeps its member from hearing of the rebalance. A fetch takes no time,
// but for Sarama's first one, and is not lost.
type System struct {
	config  Config `sim:"config"`
	now     sim.Time
	due     [lanes]sim.Time
	armed   [lanes]sim.Time `sim:"-"`
	group   coordinator
	answers []answer // that are taken at the end of the step
	members [members]member
	log     int // records of each partition
	lapses  int // untimed: how often the coordinator may still give A up
	trigger struct {
		fired   bool
		delayed bool // the one that is delayed has been
	}
	chance uint64
	facts  facts
	tally  Tally `sim:"-"`
}

// begin is what sets the world in motion.
type begin struct{}

// NewSystem returns a group with nobody in it, and its records.
func NewSystem(config Config) *System {
	s := &System{config: config, log: config.Records, lapses: config.Lapses}
	s.chance = config.Seed
	s.group.target = [partitions]int{-1, -1}
	s.group.committed = [partitions]int{int(model.NoOffset), int(model.NoOffset)}
	for i := range s.due {
		s.due[i], s.armed[i] = sim.Never, sim.Never
	}
	s.tally.init()
	s.facts.init()
	for who := range s.members {
		m := &s.members[who]
		m.who = who
		m.heartbeatOf = sim.Never
	}
	return s
}

// Build puts the group into a world.
func (s *System) Build(w *sim.World) {
	w.AddNode("group", s)
	c := w.Dial("begin", "group")
	w.Go("begin", func(t *sim.Task) {
		c.Send(t, begin{})
		c.Receive(t)
	})
}

// Handle starts A. In an untimed world all else may begin, too.
func (s *System) Handle(e sim.Envelope, out *sim.Outbox) {
	s.now = out.Now()
	s.arm(laneOf(0, laneStart), startOfA)
	if !s.config.Timed {
		s.arm(laneOf(1, laneStart), 0)
		switch s.config.Trigger {
		case CloseOfA:
			s.arm(laneOf(0, laneClose), 0)
		case CrashOfA:
			s.arm(laneOf(0, laneCrash), 0)
		}
	}
	out.Reply(e, begin{})
	s.set(out)
}

// Timers names the lanes.
func (s *System) Timers() []string {
	var names []string
	for who := range members {
		for _, name := range laneNames {
			names = append(names, "AB"[who:who+1]+"."+name)
		}
	}
	return append(names, "session-of-A", "session-of-B", "rebalance-timeout", "cut", "reconnect", "records", "end")
}

func laneOf(who, lane int) int { return who*memberLanes + lane }

// arm lets a lane happen after some time: at any moment in an untimed world.
func (s *System) arm(lane int, d time.Duration) {
	if !s.config.Timed {
		d = 0
	}
	s.due[lane] = s.now.Add(d)
}

func (s *System) disarm(lane int) { s.due[lane] = sim.Never }

// set arms the timers of the node as the lanes are.
func (s *System) set(out *sim.Outbox) {
	for lane, due := range s.due {
		if due != sim.Never && !s.config.Timed && !s.possible(lane) {
			due = sim.Never
		}
		if due == s.armed[lane] && s.config.Timed {
			continue
		}
		s.armed[lane] = due
		if due == sim.Never {
			out.Cancel(lane)
		} else {
			out.After(lane, due.Sub(s.now))
		}
	}
}

// possible says whether a lane can change anything in an untimed world. What
// would not is left out: a heartbeat that is answered NONE, an autocommit of
// nothing, a session that may not end.
func (s *System) possible(lane int) bool {
	switch {
	case lane == laneRebalance:
		return s.lapses > 0
	case lane >= laneSession && lane < laneRebalance:
		return lane == laneSession && s.lapses > 0 || s.members[lane-laneSession].crashed
	case lane >= laneSession:
		return true
	}
	m := &s.members[lane/memberLanes]
	switch lane % memberLanes {
	case laneHeartbeat:
		return s.heartbeatMatters(m)
	case laneTick:
		return s.tickMatters(m)
	case laneClose:
		return m.started
	case laneBackoff:
		return s.config.Client.Kind != Sarama || s.lapses > 0
	default:
		return true
	}
}

// Expire takes a step.
func (s *System) Expire(lane int, out *sim.Outbox) {
	s.now = out.Now()
	s.due[lane], s.armed[lane] = sim.Never, sim.Never
	switch {
	case lane < laneSession:
		s.step(&s.members[lane/memberLanes], lane%memberLanes)
	case lane < laneRebalance:
		if !s.members[lane-laneSession].crashed {
			s.lapse()
		}
		s.remove(lane - laneSession)
	case lane == laneRebalance:
		s.lapse()
		s.rebalanceTimedOut()
	case lane == laneCut:
		s.members[0].cut = true
		s.arm(laneReconnect, 15*time.Second)
		s.arm(laneOf(1, laneStart), 0)
	case lane == laneReconnect:
		s.members[0].cut = false
		s.reconnected(&s.members[0])
	case lane == laneWave:
		s.log *= 2
		for who := range s.members {
			s.recordsArrive(&s.members[who])
		}
	case lane == laneEnd:
		for i := range s.due {
			s.due[i] = sim.Never
		}
	}
	s.takeAnswers()
	s.set(out)
}

func (s *System) lapse() {
	if s.lapses > 0 {
		s.lapses--
	}
}

// step takes a step of a member.
func (s *System) step(m *member, lane int) {
	switch lane {
	case laneStart:
		m.started = true
		s.start(m)
	case laneHeartbeat:
		s.sendHeartbeat(m)
	case laneTimeout:
		s.requestTimedOut(m)
	case laneTick:
		s.tick(m)
	case laneStop:
		s.stop(m)
	case laneFetch:
		s.recordsArrive(m)
	case laneGiveUp:
		m.gaveUp = true
		s.revoked(m)
	case laneBackoff:
		s.backedOff(m)
	case laneJoined:
		s.joined(m)
	case laneWire:
		s.drainWire(m)
	case laneClose:
		s.close(m)
	case laneCrash:
		s.crash(m)
	default:
		s.ends(m, lane-laneWork)
	}
}

// draw is a number below n that is by chance.
//
// Source: Steele, Lea, Flood: SplitMix64.
func (s *System) draw(n uint64) uint64 {
	s.chance += 0x9e3779b97f4a7c15
	z := s.chance
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z ^ z>>31) % n
}

func (s *System) coin() bool { return s.draw(2) == 0 }

// moves is the partition that moves when the group grows.
func (s *System) moves() int {
	if s.config.Client.Kind == Sarama && s.config.Protocol == Cooperative {
		switch s.config.Trigger {
		case Join, Slow, SlowJoin, CommitDelay, AckDelay:
			return 0
		}
	}
	return 1
}

// begins fires the trigger, and says how long the record takes.
func (s *System) begins(m *member, r record) time.Duration {
	if !s.config.Timed || m.who != 0 {
		return workTime
	}
	t := s.config.Trigger
	if t == SlowJoin && r.partition == s.moves() && r.offset >= 3 {
		if r.offset == 3 {
			s.fire()
		}
		return 400 * time.Millisecond
	}
	if r.partition != s.moves() || r.offset != 3 || s.trigger.fired {
		return workTime
	}
	s.fire()
	switch t {
	case Join, CloseOfA:
		return 2 * time.Second
	case Slow, CrashOfA, Zombie, CloseSlow:
		return 20 * time.Second
	default:
		return workTime
	}
}

// fire is the trigger. Whoever waits for it looks every 10 ms.
func (s *System) fire() {
	if s.trigger.fired {
		return
	}
	s.trigger.fired = true
	s.arm(laneWave, wave)
	s.arm(laneEnd, judged)
	b := laneOf(1, laneStart)
	switch s.config.Trigger {
	case Join, Slow, SlowJoin, CloseJoin:
		s.arm(b, 10*time.Millisecond)
	case CrashOfA:
		s.arm(laneOf(0, laneCrash), 1500*time.Millisecond)
	case Zombie:
		s.arm(laneCut, 60*time.Millisecond)
	case CloseOfA, CloseSlow:
		s.arm(laneOf(0, laneClose), 50*time.Millisecond)
		s.arm(b, 50*time.Millisecond+roundTrip)
	}
}

// crash ends the process of A. Nobody tells the coordinator.
func (s *System) crash(m *member) {
	for lane := range memberLanes {
		s.disarm(laneOf(m.who, lane))
	}
	m.crashed = true
	if s.config.Timed {
		s.arm(laneOf(1, laneStart), 0)
	}
}

// Describe shows who owns what, what is committed, and what was done.
func (s *System) Describe(show func(name, value string)) {
	for who := range s.members {
		s.members[who].describe("AB"[who:who+1], show)
	}
	for p := range partitions {
		show(model.Partition(p).String(), fmt.Sprintf("committed %d, done %s", max(s.group.committed[p], 0), s.facts.doneOf(p, s.log)))
	}
}
