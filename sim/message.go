package sim

import (
	"fmt"
	"reflect"
	"strings"
)

// Message is what travels on a connection, or what a task tells properties: any
// struct, or a pointer to one. It is made of plain data: numbers, texts, booleans,
// and structs, slices and pointers of these. What a pointer or a slice in it leads
// to is not copied: nobody may change it once it is sent, and a receiver that keeps
// it makes a copy. A search refuses a model that changes one on its way.
//
// Pictures show its contents by its method String, or else as fmt prints them; so
// one that holds pointers has a String.
type Message any

// NameOf is the kind of a message: the name of its type without the words Request
// or Response, "OffsetCommit", unless it has a method Name that says another.
func NameOf(m Message) string {
	if m, ok := m.(interface{ Name() string }); ok {
		return m.Name()
	}
	t := reflect.TypeOf(m)
	if t == nil {
		panic("sim: a message is nil: send a struct, or a pointer to one")
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" {
		panic(fmt.Sprintf("sim: a message is a %T: give its type a name of its own", m))
	}
	return strings.TrimSuffix(strings.TrimSuffix(t.Name(), "Request"), "Response")
}

// ContentsOf is what a message says: "{P0: 11, P1: 21}".
func ContentsOf(m Message) string {
	if m, ok := m.(fmt.Stringer); ok {
		return m.String()
	}
	return strings.TrimPrefix(fmt.Sprintf("%+v", m), "&")
}

// Fault is a fault as properties see it: the Message of an Act that Failed.
type Fault string

const (
	// ErrBroken is what Receive returns in place of an answer that will never come:
	// the connection is broken. The request may have been served or not. It is an
	// error, too.
	ErrBroken Fault = "cut"
	Crash     Fault = "crash"     // of a node or a process
	Restart   Fault = "restart"   // of a node or a process: the end of the fault
	Late      Fault = "delay"     // a message comes later; see Faults.Delays
	Lost      Fault = "lose"      // a message is lost; see Faults.Losses
	Twice     Fault = "duplicate" // a request comes twice; see Faults.Duplicates
)

// Name is how schedules and pictures call the fault.
func (f Fault) Name() string { return string(f) }

// String is empty: the name says it all.
func (f Fault) String() string { return "" }

// Error says what the fault means to who waits.
func (f Fault) Error() string {
	if f == ErrBroken {
		return "the connection is broken"
	}
	return string(f)
}
