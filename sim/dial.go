package sim

import "fmt"

// addLine adds what the handle may come to stand for.
func (c *Conn) addLine(line *Conn) {
	line.handle = c
	line.dialPoint.conn, line.dialPoint.label = line, line.out.tail.label+" (dial)"
	line.owed = make([]int, len(c.node.world.tasks))
	c.lines = append(c.lines, line)
}

// lineName is the name of what belongs to the n-th dial.
func lineName(name string, n int) string {
	if n < 2 {
		return name
	}
	return fmt.Sprintf("%s/%d", name, n)
}

// dialled says whether the connection has been made.
func (c *Conn) dialled() bool { return c.dial <= c.handle.line+1 }

// breaks ends the connection, if it still stands.
func (c *Conn) breaks() {
	c.broken = true
	c.touchAll(c.node.world)
}

// touchAll records that both directions were touched, at both ends.
func (c *Conn) touchAll(w *World) {
	for _, o := range [...]*object{&c.out.tail, &c.out.head.object, &c.in.tail, &c.in.head.object, &c.dialPoint.object} {
		w.touched(o, true)
	}
}

// Close breaks the connection from the client's end, if it still stands: no
// answer comes any more, and whoever waits for one gets ErrBroken. Requests on their
// way still arrive, or get lost.
//
// Faults.Closes allows it: how often, on one connection. Its default is 0, and Close
// is refused then: World.Allow(Faults{Closes: 1}).
//
// Source: close(2) and SO_LINGER: what was written is sent on, unless the
// network or a reset stops it.
func (c *Conn) Close(t *Task) {
	if !t.comesBy("close connection to " + c.node.name) {
		return
	}
	defer t.did(0)
	handle := c
	c = c.current()
	if handle.line+1 >= len(handle.lines) {
		panic(fmt.Sprintf("sim: %s closes its connection to %s once more than the Closes of its Faults: World.Allow allows more", t.name, c.node.name))
	}
	c.responses = c.responses[:0]
	c.breaks()
}

// current is the connection that stands for the handle now.
func (c *Conn) current() *Conn {
	if c.lines == nil {
		return c
	}
	c.node.world.looksAt(&c.dialPoint.object)
	return c.lines[c.line]
}

// owing is the oldest connection that owes the task an answer, or else the
// current one.
func (c *Conn) owing(t *Task) *Conn {
	c.node.world.looksAt(&c.dialPoint.object)
	for _, line := range c.lines[:c.line] {
		if line.owed[t.number-1] > 0 {
			return line
		}
	}
	return c.current()
}

// failed says whether the task waits for nothing more on a broken connection: no
// answer to it is on its way.
func (c *Conn) failed(t *Task) bool {
	if !c.broken {
		return false
	}
	for _, response := range c.responses {
		if t.reads || response.from == t {
			return false
		}
	}
	return true
}

// Redial waits until the node is there, and then makes a new connection in place of
// a broken one. On a connection that stands it does nothing: so after a lost message,
// and where another task was faster.
//
// Differs: a dial that is refused is not seen. A client that tries again until
// it gets through waits.
func (c *Conn) Redial(t *Task) {
	name := t.nextOr("redial ", c.node.name)
	if c.lines == nil {
		t.Step(name)
		return
	}
	on, ok := t.blocks(name, &c.current().dialPoint)
	if !ok {
		return
	}
	defer t.did(0)
	c = on.(*dialPoint).conn
	t.touches(&c.dialPoint.object, true)
	if c.broken && c.handle.current() == c {
		c.redial(t.world)
	}
}

// redial makes a new connection in place of a broken one.
func (c *Conn) redial(w *World) {
	c.handle.line++
	for _, o := range [...]*object{&c.dialPoint.object, &c.handle.dialPoint.object, &c.handle.current().dialPoint.object} {
		w.touched(o, true)
	}
}

// dialPoint is where those wait who want to dial anew.
type dialPoint struct {
	object
	conn *Conn
}

func (d *dialPoint) ready(*Task) bool { return !d.conn.node.down }

func (d *dialPoint) waitingFor(*World) string { return d.conn.node.name + ", which is down" }
