package app

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim"
)

// Table is a table of a Database.
type Table int32

// Tables of the services that the patterns are made of.
const (
	Orders    Table = iota // an order is there
	Outbox                 // a message that is to be sent: see Unsent
	Processed              // a message has been processed: 1; 0 if that is forgotten
	Effects                // how often a message took effect
	Relays                 // row 0 is the lease, row 1 how far a relay is
	Stock                  // how much an order has, plus NoStock; there is a row once it ever had any
	Versions               // of what a store holds
	Decisions              // of a coordinator, as its package has them
)

// Values of a row of the outbox. Where several relays claim rows, relay N writes
// ClaimedBy0 + N.
const (
	Unsent = iota
	Sent
	ClaimedBy0
)

// NoStock is the value of a row of an order that has no stock.
const NoStock = 1

// tables has for each table its name, and what a value means.
var tables = [...]struct {
	name string
	text func(value int) string
}{
	{"orders", func(int) string { return "" }},
	{"outbox", func(value int) string {
		if value >= ClaimedBy0 {
			return fmt.Sprint("claimed by relay ", value-ClaimedBy0)
		}
		return [...]string{"unsent", "sent"}[value]
	}},
	{"processed", func(value int) string { return [...]string{"forgotten", ""}[value] }},
	{"effects", func(value int) string { return fmt.Sprint("x ", value) }},
	{"relays", func(value int) string { return fmt.Sprint("= ", value) }},
	{"stock", func(value int) string { return fmt.Sprint("has ", value-NoStock) }},
	{"versions", func(value int) string { return fmt.Sprint("= ", value) }},
	{"decisions", func(value int) string { return fmt.Sprint("= ", value) }},
}

func (t Table) String() string { return tables[t].name }

// Row is a row of a table, by its key.
type Row struct {
	Table Table
	Key   int
	Value int
}

// word is a row in one number: eight bits for its value, eight for its key.
type word int64

func (r Row) word() word { return word(r.Table)<<16 | word(r.Key)<<8 | word(r.Value) }

func (w word) row() Row { return Row{Table(w >> 16), int(w >> 8 & 0xff), int(w & 0xff)} }

// Database is the local database of a service, in its process: what is on disk of it, each
// row as the last transaction left it. A transaction is committed when its rows are there,
// all in one step. So a process that restarts has nothing to do: the rows are what
// survived.
//
// A query and a later commit are two transactions: what others commit may come in
// between. Transact is one.
//
// Source: SQLite in WAL mode with synchronous=FULL; PostgreSQL's COMMIT.
// Differs: a transaction that is rolled back leaves nothing, so it is none here; a
// crash inside a commit is one before or after it.
type Database struct {
	rows sim.List[word] // by table, and there by when their keys were first committed
}

// NewDatabase returns one without rows. A transaction is never under way at a point, so
// nobody is seen to wait for one.
func NewDatabase() *Database { return &Database{sim.List[word]{Locked: true}} }

// Tx is a transaction while it runs.
type Tx struct {
	before []word
	writes []Row
}

// Get is the value of a row as the transaction finds it; 0: there is none.
func (tx *Tx) Get(table Table, key int) int {
	row, _ := find(tx.before, table, key)
	return row.Value
}

// Has says whether the transaction finds a row.
func (tx *Tx) Has(table Table, key int) bool {
	_, ok := find(tx.before, table, key)
	return ok
}

// Put writes rows when the transaction commits.
func (tx *Tx) Put(rows ...Row) { tx.writes = append(tx.writes, rows...) }

// Transact runs one transaction in one step. Nobody comes in between: the isolation is
// serializable, and a unique index or a lock on the row does as much for what the
// transactions here read. What it has not put anything into is a query. What the body
// returns is all that the service learns of the rows.
func (d *Database) Transact(t *sim.Task, body func(tx *Tx) int) int {
	return d.rows.Change(t, func(rows []word) ([]word, int) {
		tx := &Tx{before: rows}
		learned := body(tx)
		if tx.writes == nil {
			return nil, learned
		}
		return put(rows, tx.writes), learned
	})
}

// Commit writes rows in one transaction.
func (d *Database) Commit(t *sim.Task, rows ...Row) {
	d.Transact(t, func(tx *Tx) int { tx.Put(rows...); return 0 })
}

// Insert writes rows in one transaction, unless there is a row with the table and the
// key of the first one already: a unique index refuses it. It says whether it did.
func (d *Database) Insert(t *sim.Task, rows ...Row) (ok bool) {
	return d.Transact(t, func(tx *Tx) int {
		if tx.Has(rows[0].Table, rows[0].Key) {
			return 0
		}
		tx.Put(rows...)
		return 1
	}) == 1
}

// Take sets the row of a table and a key to a value, if it has the other now, in one
// transaction; a row that is not there has the value 0. It says whether the row has the
// value now.
func (d *Database) Take(t *sim.Task, table Table, key, from, to int) (ok bool) {
	return d.Transact(t, func(tx *Tx) int {
		switch tx.Get(table, key) {
		case to:
			return 1
		case from:
			tx.Put(Row{table, key, to})
			return 1
		}
		return 0
	}) == 1
}

// Get reads the row of a table and a key.
func (d *Database) Get(t *sim.Task, table Table, key int) (row Row, ok bool) {
	const none = -1
	w := d.Transact(t, func(tx *Tx) int {
		if row, ok := find(tx.before, table, key); ok {
			return int(row.word())
		}
		return none
	})
	if w == none {
		return Row{}, false
	}
	return word(w).row(), true
}

// Value reads the value of a row; 0: there is none.
func (d *Database) Value(t *sim.Task, table Table, key int) int {
	row, _ := d.Get(t, table, key)
	return row.Value
}

// All reads the rows of a table, oldest first: by when their keys were first committed.
func (d *Database) All(t *sim.Task, table Table) []Row { return all(d.rows.Get(t), table) }

// Peek is Get for a claim or a picture, outside of a step.
func (d *Database) Peek(table Table, key int) (row Row, ok bool) {
	return find(d.rows.Peek(), table, key)
}

// Keys lists the keys of a table in the order in which they were first committed, for a
// claim.
func (d *Database) Keys(table Table) []int {
	var keys []int
	for _, row := range all(d.rows.Peek(), table) {
		keys = append(keys, row.Key)
	}
	return keys
}

// Describe shows the tables that have rows.
func (d *Database) Describe(show func(name, value string)) {
	rows := d.rows.Peek()
	for table := range tables {
		var parts []string
		for _, row := range all(rows, Table(table)) {
			parts = append(parts, strings.TrimSpace(fmt.Sprint(row.Key, " ", tables[table].text(row.Value))))
		}
		if parts != nil {
			show(tables[table].name, strings.Join(parts, ", "))
		}
	}
}

// put sets rows, and adds those that are new behind the others of their table.
func put(rows []word, writes []Row) []word {
	for _, r := range writes {
		at := slices.IndexFunc(rows, func(w word) bool { return w.row().Table > r.Table })
		if at < 0 {
			at = len(rows)
		}
		if is := slices.IndexFunc(rows, func(w word) bool { return w>>8 == r.word()>>8 }); is >= 0 {
			rows[is] = r.word()
		} else {
			rows = slices.Insert(rows, at, r.word())
		}
	}
	return rows
}

func find(rows []word, table Table, key int) (row Row, ok bool) {
	for _, w := range rows {
		if r := w.row(); r.Table == table && r.Key == key {
			return r, true
		}
	}
	return Row{}, false
}

func all(rows []word, table Table) (list []Row) {
	for _, w := range rows {
		if r := w.row(); r.Table == table {
			list = append(list, r)
		}
	}
	return list
}
