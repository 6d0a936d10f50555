package sim

import "racelab/sim/internal/hook"

// Tests of this package see the engine as methods of a World.

// Resume lets a task go on, without anything around it.
func (w *World) Resume(task int) { w.tasks[task].step() }

type (
	Snapshot      = snapshot
	Field         = hook.Field
	DeadlockError = deadlockError
	Waiting       = waiting
)

var FirstDifference = hook.FirstDifference

// begun is the world after its start, as the engine hands it to a search.
func (w *World) begun() *World { return (*engine)(w).begun() }

func (w *World) Start() error            { return w.start() }
func (w *World) Enabled() []Event        { return w.events() }
func (w *World) Take(i int)              { w.take(i) }
func (w *World) Properties() []string    { return w.begun().judged() }
func (w *World) Tested() uint64          { return w.begun().testedNow() }
func (w *World) Unfinished() []string    { return w.left() }
func (w *World) Waits() *WaitGraph       { return w.begun().waitGraph() }
func (w *World) WiringHash() uint64      { return w.begun().wiringHash() }
func (w *World) Fields() []hook.Field    { return w.begun().listFields() }
func (w *World) Accesses() []hook.Access { return w.accesses }
func (w *World) Blocked() []blockedEvent { return w.begun().blocked() }
func (w *World) ObjectName(n int) string { return w.objectName(n) }
func (w *World) StopFaults()             { w.begun().stopFaults() }
func (w *World) Save() *Snapshot         { return w.begun().save() }
func (w *World) Load(s *Snapshot)        { w.begun().goTo(s) }
func (w *World) Fingerprint() uint64     { return w.begun().fingerprint() }
func (w *World) CheckStep(i int) error   { return w.begun().checkStep(i) }
func (w *World) FollowOrder() bool       { return w.begun().followOrder() }
func (w *World) SetMaxCoroutines(n int)  { w.maxCoroutines = n }
func (w *World) Learn(from *World)       { w.begun().learn(from) }
func (w *World) FaultsLeft() bool {
	left := w.faults.left
	return left.NodeCrashes+left.ProcessCrashes+left.Cuts+left.Delays > 0
}
