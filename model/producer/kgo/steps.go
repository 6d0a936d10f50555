package kgo

import "racelab/sim"

// Steps is what a reaction of one's own to failures is made of (AppConfig.React):
// the steps of RecoverQuiescent. They are a task's, and wait where that does.
type Steps struct{ app *Application }

// Stop keeps all others from producing.
func (s Steps) Stop(t *sim.Task) { s.app.app.gate.Lock(t.At(PointGate)) }

// Flush waits until every promise was called, and nothing is on its way.
func (s Steps) Flush(t *sim.Task) { s.app.flush(t) }

// Recover lets the partition take records again.
func (s Steps) Recover(t *sim.Task) { s.app.recover(t) }

// Again hands over again what has failed, as far as promises have told of it.
func (s Steps) Again(t *sim.Task) {
	a := s.app
	a.left = int32(a.app.failures(t, 0))
	if a.record != 0 {
		a.handOverAgain(t)
	}
	a.handOverRest(t)
}

// Resume lets the others produce again.
func (s Steps) Resume(t *sim.Task) {
	t.Step(PointResumeProducing)
	s.app.app.gate.Unlock(t)
}
