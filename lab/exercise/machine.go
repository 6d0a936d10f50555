package exercise

import (
	"fmt"
	"go/token"

	"racelab/sim"
)

// machine runs a compiled text as a part of a task. All that it needs after a
// point stands in fields, as in any sim.Program.
type machine struct {
	code  *code       `sim:"config"`
	words []operation `sim:"config"` // by their place in the language

	at       int   // the next instruction
	locals   []int // 0 before they are set
	stack    []int
	deferred []int // words, the last one first to run
	result   int
	over     bool // the text has returned; what was deferred is left

	idle int // instructions since others could run: 0 at each point
}

// operation is what a word does for one task. Its arguments are m.arg(0) and so on,
// also after a point.
type operation func(t *sim.Task, m *machine) int

// patience is how many instructions a text may run while nobody else can.
const patience = 10_000

// stuck is a text that runs on and on, and lets nobody else run.
type stuck struct{ line int }

func (e *stuck) Error() string {
	return fmt.Sprintf("line %d: the loop ran %d instructions, and nothing in it lets others go on: it never ends", e.line, patience)
}

// newMachine returns a machine for the text of a task.
func newMachine(c *code, words []operation) *machine {
	if len(words) < len(c.language.words) {
		panic(fmt.Sprintf("exercise: %s has %d words, and %d operations", c.language.hole, len(c.language.words), len(words)))
	}
	return &machine{code: c, words: words}
}

// arg is an argument of the word that is called.
func (m *machine) arg(i int) int {
	n := len(m.code.language.words[m.code.list[m.at].n].args)
	return m.stack[len(m.stack)-n+i]
}

// run calls the function once, with arguments, and leaves in result what it gives.
func (m *machine) run(t *sim.Task, args ...int) {
	m.begin(args)
	for !m.over {
		m.step(t)
	}
	for len(m.deferred) > 0 {
		m.words[m.deferred[len(m.deferred)-1]](t, m)
		m.deferred = m.deferred[:len(m.deferred)-1]
	}
	m.locals, m.at, m.over, m.idle = m.locals[:0], 0, false, 0
}

func (m *machine) begin(args []int) {
	m.locals = m.locals[:0]
	for i := range m.code.locals {
		value := 0
		if i < len(args) {
			value = args[i]
		}
		m.locals = append(m.locals, value)
	}
}

// step runs one instruction.
func (m *machine) step(t *sim.Task) {
	i := &m.code.list[m.at]
	if m.idle++; m.idle > patience {
		panic((&stuck{i.line}).Error())
	}
	switch i.op {
	case push:
		m.push(i.n)
	case load:
		m.push(m.locals[i.n])
	case store:
		m.locals[i.n] = m.pop()
	case call:
		m.call(t)
		return
	case postpone:
		m.deferred = append(m.deferred, i.n)
	case drop:
		m.pop()
	case jump:
		m.at = i.n
		return
	case unless:
		if m.pop() == 0 {
			m.at = i.n
			return
		}
	case not:
		m.push(1 - m.pop())
	case minus:
		m.push(-m.pop())
	case binary:
		b, a := m.pop(), m.pop()
		m.push(compute(token.Token(i.n), a, b, i.line))
	case finish:
		if m.result = 0; i.n == 1 {
			m.result = m.pop()
		}
		m.over = true
		return
	}
	m.at++
}

// call calls a word. What it knows before a point is not used after it.
func (m *machine) call(t *sim.Task) {
	if m.code.language.words[m.code.list[m.at].n].waits {
		m.idle = 0
	}
	result := m.words[m.code.list[m.at].n](t, m)
	w := &m.code.language.words[m.code.list[m.at].n]
	m.stack = m.stack[:len(m.stack)-len(w.args)]
	if w.gives != nothing {
		m.push(result)
	}
	m.at++
}

func (m *machine) push(n int) { m.stack = append(m.stack, n) }

func (m *machine) pop() int {
	n := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return n
}

func compute(operator token.Token, a, b, line int) int {
	switch operator {
	case token.ADD:
		return a + b
	case token.SUB:
		return a - b
	case token.MUL:
		return a * b
	case token.QUO, token.REM:
		if b == 0 {
			panic(fmt.Sprintf("line %d: division by zero", line))
		}
		if operator == token.QUO {
			return a / b
		}
		return a % b
	case token.EQL:
		return truth(a == b)
	case token.NEQ:
		return truth(a != b)
	case token.LSS:
		return truth(a < b)
	case token.LEQ:
		return truth(a <= b)
	case token.GTR:
		return truth(a > b)
	case token.GEQ:
		return truth(a >= b)
	}
	panic("exercise: no operator " + operator.String())
}
