package kgo

import (
	"racelab/model"
	"racelab/sim"
)

// Misuse is what the application of RecoverQuiescent gets wrong of the six
// steps.
type Misuse uint8

const (
	NoMisuse        Misuse = iota
	WithoutStopping        // others produce all the while
	WithoutPromises        // it does not wait until every promise was called
	ResumeFirst            // others produce before what has failed was produced again
)

// hookCalled stands in failed for a call of the hook.
const hookCalled model.Record = -1

// onFailure is the hook. It tries to clear the partition itself, which is refused,
// and then tells the goroutine that may.
func (g *goroutine) onFailure(t *sim.Task) {
	g.clearPartition(t)
	g.app.failed.Append(t, hookCalled)
	g.app.hear.start(t)
}

// failures is how many records there are in failed, of a scope or of all.
func (a *App) failures(t *sim.Task, scope int) (n int) {
	for _, r := range a.failed.Get(t) {
		if a.cl.scope(r) == scope {
			n++
		}
	}
	return n
}

// recoverQuiescent recovers the partition while nobody produces, and nothing is
// left of what has failed but the records that promises told of.
func (a *Application) recoverQuiescent(t *sim.Task) {
	if a.app.config.Misuse != WithoutStopping {
		a.app.gate.Lock(t.At(PointGate))
	}
	if a.app.config.Misuse != WithoutPromises {
		a.flush(t)
	}
	a.left = int32(a.app.failures(t, 0))
	a.recover(t)
	if a.app.config.Misuse == ResumeFirst {
		a.app.gate.Unlock(t)
	}
	if a.app.config.Remedy == DeadLetter {
		a.partition = 1
	}
	a.handOverAgain(t)
	a.partition = 0
	a.handOverRest(t)
	if a.app.config.Misuse != WithoutStopping && a.app.config.Misuse != ResumeFirst {
		a.app.gate.Unlock(t)
	}
}

// handOverRest hands over again what had failed when the goroutine looked.
func (a *Application) handOverRest(t *sim.Task) {
	for ; a.left > 0; a.left-- {
		a.record = a.app.take(t)
		a.handOverAgain(t)
	}
}

// clearQuiescent clears the partition while nobody produces.
func (a *Application) clearQuiescent(t *sim.Task) {
	a.app.gate.Lock(t.At(PointGate))
	a.record = 0
	a.clearPartition(t)
	a.flush(t)
	a.left = int32(a.app.failures(t, 0))
	a.handOverRest(t)
	a.app.gate.Unlock(t)
}

// resumeAfter hands the record over again, once all that failed with it is known,
// and after the last of them resumes. If they have failed again by then, nothing
// is resumed: the next failure that it hears of is of another pause.
func (a *Application) resumeAfter(t *sim.Task) {
	a.i = int32(a.scope(a.record))
	if a.rounds[a.i].left == 0 {
		a.bufferedRecords[a.i].Wait(t.At(PointFlush))
		a.lookAtPause(t)
	}
	a.rounds[a.i].left--
	a.pause = a.rounds[a.i].pause
	a.handOverAgain(t)
	if a.rounds[a.i].left == 0 {
		a.resume(t)
	}
	a.i = 0
}

// lookAtPause notes what has failed in the scope a.i, and in which pause.
func (a *Application) lookAtPause(t *sim.Task) {
	a.recBuf().mu.Lock(t.At(PointPauses))
	b := a.recBuf()
	a.rounds[a.i].left = 1 + int32(a.app.failures(t, int(a.i)))
	if b.paused[a.i].Get(t) {
		a.rounds[a.i].pause = b.pauses[a.i].Get(t)
	}
	b.mu.Unlock(t)
}
