// Package sim has what the rules know of the lab's package sim.
package sim

type World struct{}

func (w *World) Go(name string, f func(*Task))                      {}
func (w *World) GoProgram(name string, p interface{ Run(t *Task) }) {}
func (w *World) Always(name string, f func())                       {}

type Task struct{ yield func() bool }

func (t *Task) wait()                         { t.yield() }
func (t *Task) Yield(name string)             { t.wait() }
func (t *Task) Loop(name string)              { t.wait() }
func (t *Task) Go(name string, f func(*Task)) {}

type Mutex struct{ held bool }

func (m *Mutex) Lock(t *Task, name string) { t.Yield(name) }
func (m *Mutex) Unlock(t *Task)            {}

type Var[T any] struct{ value T }

func (v *Var[T]) Get(t *Task) T    { return v.value }
func (v *Var[T]) Set(t *Task, x T) { v.value = x }

type Chan[T any] struct{ queue []T }

func (c *Chan[T]) Receive(t *Task, name string) T {
	t.Yield(name)
	return c.queue[0]
}

type Message any

type Conn struct{ queue Chan[Message] }

func (c *Conn) Send(t *Task, m Message)              {}
func (c *Conn) Receive(t *Task, name string) Message { return c.queue.Receive(t, name) }

type Envelope struct{ Message Message }

type Outbox struct{}

func (o *Outbox) Reply(e Envelope, m Message) {}
