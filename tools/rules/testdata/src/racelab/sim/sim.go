// Package sim has what the rules know of the lab's package sim.
package sim

type World struct{}

func (w *World) Go(name string, f func(*Task))                      {}
func (w *World) GoProgram(name string, p interface{ Run(t *Task) }) {}
func (w *World) Always(name string, f func())                       {}

type Task struct{ yield func() bool }

func (t *Task) wait()                              { t.yield() }
func (t *Task) At(name string) *Task               { return t }
func (t *Task) Step(name string)                   { t.wait() }
func (t *Task) comes()                             { t.wait() }
func (t *Task) Loop(name string) func(func() bool) { t.wait(); return nil }
func (t *Task) Go(name string, f func(*Task))      {}

type Mutex struct{ held bool }

func (m *Mutex) Lock(t *Task)   { t.wait() }
func (m *Mutex) Unlock(t *Task) { t.comes() }

type Var[T any] struct{ value T }

func (v *Var[T]) Get(t *Task) T    { t.comes(); return v.value }
func (v *Var[T]) Set(t *Task, x T) { t.comes(); v.value = x }

type Chan[T any] struct{ queue []T }

func (c *Chan[T]) Receive(t *Task) T {
	t.wait()
	return c.queue[0]
}

type Message any

type Conn struct{ queue Chan[Message] }

func (c *Conn) Send(t *Task, m Message) {}
func (c *Conn) Receive(t *Task) Message { return c.queue.Receive(t) }

type Envelope struct{ Message Message }

type Outbox struct{}

func (o *Outbox) Reply(e Envelope, m Message) {}
