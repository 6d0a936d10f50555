package sim

// timedThread is what can be due in a timed world.
type timedThread interface {
	due(td *timed) Time // Never: it cannot be next
	enable(w *World)    // lists what happens then, or all that may
}

func (t *Task) due(td *timed) Time {
	ready := t.ready()
	td.note(t, ready)
	next := td.tasks[t.number-1].next
	if !ready {
		return Never
	}
	if q := td.lockQueueOf(t); q != nil {
		return q.due(int32(t.number), next)
	}
	if h, ok := t.awaits.(*head); ok && h == &h.conn.in.head && len(h.conn.responses) > 0 {
		return max(next, h.conn.responses[0].at)
	}
	return next
}

func (t *Task) enable(w *World) {
	if t.choosing() {
		w.findWays(t)
	} else {
		w.enabled = append(w.enabled, t.site.event)
	}
}

func (c *Conn) due(*timed) Time {
	if c.deliverable() {
		return c.requests[0].at
	}
	return Never
}

func (c *Conn) enable(w *World) { w.enabled = append(w.enabled, c.arrival()) }

func (a *asking) due(td *timed) Time {
	switch {
	case len(a.conn.responses) > 0:
		return a.conn.responses[0].at
	case a.comes():
		return td.clock.now // ErrBroken comes at once.
	}
	return Never
}

func (a *asking) enable(w *World) { w.enabled = append(w.enabled, a.event()) }

func (m *Timer) due(td *timed) Time {
	if m.fires(td.running > 0) {
		return m.deadline
	}
	return Never
}

func (m *Timer) enable(w *World) { w.enabled = append(w.enabled, m.event) }

func (a *alarm) due(*timed) Time { return a.deadline }

func (a *alarm) enable(w *World) { w.enabled = append(w.enabled, a.event) }

func (r *restart) due(*timed) Time { return r.node.up }

func (r *restart) enable(w *World) { w.enabled = append(w.enabled, r.node.restart) }

func (p *process) due(*timed) Time { return p.up }

func (p *process) enable(w *World) { w.enabled = append(w.enabled, p.begins) }
