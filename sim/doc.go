// Package sim is a world in which everything that may happen next is chosen.
//
// A test makes one call, racelab/sim/simtest.Check: it searches all states of a
// world, and shows what breaks as a picture. Start there, and at World.
//
// # The execution model
//
// A World holds tasks, nodes and connections. A task is one goroutine of a
// client, run as a coroutine; at each preemption point it parks. A node is a
// broker or a coordinator: it handles one message at a time. A connection carries
// requests and responses, each way first in, first out; a node that asks another
// gets the answer as a step. Tasks, memory and connections may make up a Process,
// which crashes and restarts as one.
//
// At any moment some events are enabled: a parked task may go on, if what it
// waits for is there, the oldest request of a connection may arrive, a timer may
// fire, and a fault may come, if the world allows any. Nothing else ever happens.
// A Chooser picks one event, which happens as one atomic step; and so on until no
// event is left. A run is therefore a function of its choices. A seed,
// a replay, a script and an exhaustive search are Choosers,
// and all see the same runs.
//
// # Functions and programs
//
// World.Go adds a task that is a plain function. Local variables, range, defer and
// closures are allowed. Each access to shared memory is a point, which names
// itself: "read n", "lock cache.mu". Its part of the state is the log of what its
// operations gave. To go on from an earlier state it may have to run again from
// its beginning; then the operations give what the log has, and touch nothing. So
// it depends on nothing but what they give: memory that two tasks use is a Var or
// another object, and Peek is for claims.
//
// While a function holds a lock, its accesses to Vars and Lists are no points, and
// neither is Unlock (Lipton 1975). That leaves out no verdict while no-data-race
// holds. It hides states inside a critical section from Always and from probes. A
// point that is wanted there has a name: n.Set(t.At("half done"), 1).
//
// World.GoProgram adds a task that is a Program: its local state stands in fields.
// Points are where it may have to wait, and where Task.Step or Task.At names one.
// A search of it is several times faster, as the next section says why.
//
// # Time
//
// Untimed, an armed timer may fire at any moment, in the order of the deadlines;
// that moves the clock. Safety is judged there. In a Timed world each step and
// each message takes its time, the next event is the earliest, and only ties are
// choices. Quantities are judged there.
//
// # Nothing outlives a point of a program but fields
//
// What a program needs after a point stands in fields, never in a local variable.
// Together with the point (its name, and the calls that lead to it) the fields
// are all of the task's future. So two runs that reach the same fields are in the
// same state, which is what lets a search visit each state once.
//
// It also makes a parked coroutine a jump target: a search puts the fields of a saved
// state back, and whichever coroutine of the task is parked at the right place
// may go on, whatever its own past. Where none is, one is driven there. So a
// search branches by copying a few hundred bytes. Every search tries, now and then,
// whether a model keeps its side of this.
//
// # What is state
//
// When a world starts, it compiles a plan of its state from the types of what it
// was given: a list of addresses. Saving, loading, hashing and printing go
// through it, so no field can be forgotten.
//
//   - The walk begins at what was handed to Share, AddNode, GoProgram and Watch, in that
//     order, and each of these by a pointer.
//   - State is numbers, booleans, texts, moments (Time), parked requests
//     (Envelope), the objects of this package (Var, Mutex, ...), and structs,
//     arrays and slices of these.
//   - A pointer or an interface is wiring: fixed before the first step. What it
//     leads to is state, and is walked once, where it is reached first. What was
//     handed to the world itself is walked under its own name.
//   - A slice whose elements hold objects or wiring is wiring too. It keeps its
//     length; its elements are walked where they lie.
//   - A field tagged `sim:"config"` is fixed before the first step, and is not
//     walked. One tagged `sim:"-"` is no part of the state: no participant may
//     depend on it, as a property that counts for a measurement.
//   - A map or a channel of Go's is refused at the start.
//
// The fields of an object are its own. Any other field belongs to the task, the
// node or the property through which it is reached. A plain field of a shared
// structure belongs to nobody, so no step may change it. Every search tries, now and then,
// whether wiring and such fields stay as they are.
//
// Of a moment its distance from now counts, of a message or a text its hash.
//
// # What a step touches
//
// Memory that several tasks share is a Var, a Mutex or a connection: an object.
// Each step records which objects it read and wrote. That record tells which
// steps depend on each other, and so which orders matter.
//
// A search also goes by it to know what decides a step. A step that has come to the same
// out of two states is not taken out of a third, where all that it looks at is the same:
// what it changed is loaded.
package sim
