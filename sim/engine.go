package sim

import "racelab/sim/internal/hook"

// Engine is the explore.Engine of the world. Only racelab/sim/explore can ask for it;
// models have no use for it, and others call explore.Of.
func (w *World) Engine(hook.Key) any { return (*engine)(w) }

// engine is a world as a search sees it. It implements explore.Engine, where the
// methods are explained.
type engine World

func (e *engine) world() *World { return (*World)(e) }

// begun is the world, after its start.
func (e *engine) begun() *World {
	w := e.world()
	w.events()
	return w
}

func (e *engine) Resemble(other any) { e.world().resemble(other.(*engine).world()) }
func (e *engine) Start() error       { return e.world().start() }
func (e *engine) Enabled() []Event   { return e.world().events() }
func (e *engine) Take(i int)         { e.world().take(i) }
func (e *engine) Foresee(withRest, orbits bool) []hook.Prospect {
	return e.world().foresee(withRest, orbits)
}
func (e *engine) Tell(i int)             { e.world().tell(i) }
func (e *engine) Leap(i int) (any, bool) { return e.world().leap(i) }
func (e *engine) Land(from, leap any) any {
	return e.world().land(from.(*snapshot), leap.(*remembered))
}
func (e *engine) Close()                       { e.world().Close() }
func (e *engine) Violations() []Violation      { return e.violations }
func (e *engine) Properties() []string         { return e.begun().judged() }
func (e *engine) Probes() []string             { return e.world().asked() }
func (e *engine) PutOff() []int                { return e.putOff }
func (e *engine) Discontent() []Violation      { return e.begun().discontent() }
func (e *engine) Tested() uint64               { return e.begun().testedNow() }
func (e *engine) Unfinished() []string         { return e.world().left() }
func (e *engine) Waits() *WaitGraph            { return e.begun().waitGraph() }
func (e *engine) Fields() []hook.Field         { return e.begun().listFields() }
func (e *engine) Wiring() []hook.Field         { return e.begun().listWiring() }
func (e *engine) WiringHash() uint64           { return e.begun().wiringHash() }
func (e *engine) Accesses() []hook.Access      { return e.accesses }
func (e *engine) Blocked() []blockedEvent      { return e.begun().blocked() }
func (e *engine) Pending() []Event             { return e.begun().pending() }
func (e *engine) ObjectName(number int) string { return e.world().objectName(number) }
func (e *engine) Drawn() bool                  { return e.begun().plan.drawn() }
func (e *engine) Unordered() string            { return e.world().unordered() }
func (e *engine) FollowOrder() bool            { return e.begun().followOrder() }
func (e *engine) Irreducible() string          { return e.world().irreducible() }
func (e *engine) Busiest() (string, int)       { return e.begun().busiest() }
func (e *engine) StopFaults()                  { e.begun().stopFaults() }
func (e *engine) Save() any                    { return e.begun().save() }
func (e *engine) Load(state any)               { e.begun().goTo(state.(*snapshot)) }
func (e *engine) Pack(to []byte, before, state any) []byte {
	was, _ := before.(*snapshot)
	return e.world().pack(to, was, state.(*snapshot))
}
func (e *engine) Unpack(from []byte, before any) (state any, rest []byte) {
	was, _ := before.(*snapshot)
	return e.world().unpack(from, was)
}
func (e *engine) Parts(state any) []hook.StatePart      { return e.begun().parts(state.(*snapshot)) }
func (e *engine) Fingerprint() uint64                   { return e.begun().fingerprint() }
func (e *engine) Rest() uint64                          { return e.begun().rest() }
func (e *engine) Learn(from any)                        { e.begun().learn(from.(*engine).world()) }
func (e *engine) CheckStep(i int) error                 { return e.begun().checkStep(i) }
func (e *engine) Alike() ([][]string, bool)             { return e.begun().alike() }
func (e *engine) Orbit() uint64                         { return e.begun().orbit() }
func (e *engine) OrbitRest() uint64                     { return e.begun().orbitRest() }
func (e *engine) CheckSymmetry(i int) error             { return e.begun().checkSymmetry(i) }
func (e *engine) CheckMessages() error                  { return e.begun().checkMessages() }
func (e *engine) Record(r recorder)                     { e.trace = r }
func (e *engine) Moment() Time                          { return e.pace.now() }
func (e *engine) Show(add func(of, name, value string)) { e.begun().show(add) }
func (e *engine) Participants(add func(name, process string, node bool)) {
	for _, t := range e.tasks {
		process := ""
		if t.process != nil {
			process = t.process.name
		}
		add(t.name, process, false)
	}
	for _, m := range e.nodes {
		add(m.name, "", true)
	}
}
func (e *engine) SetMaxCoroutines(n int) { e.maxCoroutines = n }
func (e *engine) Driven() int            { return e.driven }
