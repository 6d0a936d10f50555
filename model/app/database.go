package app

import (
	"fmt"
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

// Row is a row as a transaction leaves it: the last one of a table and a key counts.
type Row struct {
	Table Table
	Key   int
	Value int
}

// word is a row in one number: eight bits for its value, eight for its key.
type word int64

func (r Row) word() word { return word(r.Table)<<16 | word(r.Key)<<8 | word(r.Value) }

func (w word) row() Row { return Row{Table(w >> 16), int(w >> 8 & 0xff), int(w & 0xff)} }

// Database is the local database of a service, in its process: a write-ahead log, and
// nothing else. A transaction is committed when its rows are in the log, all in one
// step, and flushed. What a query sees is the log, replayed. So a process that
// restarts has nothing to do: the log is what survived.
//
// A query and a later commit are two transactions: what others commit may come in
// between. Transact is one.
//
// Source: SQLite in WAL mode with synchronous=FULL; PostgreSQL's COMMIT.
// Differs: a transaction that is rolled back leaves nothing, so it is none here; a
// crash inside a commit is one before or after it.
type Database struct {
	log  sim.List[word] // on disk
	lock sim.Mutex      // of one transaction at a time; never held at a point
}

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
// transactions here read. What it has not put anything into is a query.
func (d *Database) Transact(t *sim.Task, body func(tx *Tx)) {
	d.lock.Lock(t)
	tx := &Tx{before: d.log.Get(t)}
	body(tx)
	if tx.writes != nil {
		d.write(t, tx.writes)
	}
	d.lock.Unlock(t)
}

// Commit writes rows in one transaction.
func (d *Database) Commit(t *sim.Task, rows ...Row) {
	d.Transact(t, func(tx *Tx) { tx.Put(rows...) })
}

// Insert writes rows in one transaction, unless there is a row with the table and the
// key of the first one already: a unique index refuses it. It says whether it did.
func (d *Database) Insert(t *sim.Task, rows ...Row) (ok bool) {
	d.Transact(t, func(tx *Tx) {
		if ok = !tx.Has(rows[0].Table, rows[0].Key); ok {
			tx.Put(rows...)
		}
	})
	return ok
}

// Take sets the row of a table and a key to a value, if it has the other now, in one
// transaction; a row that is not there has the value 0. It says whether the row has the
// value now.
func (d *Database) Take(t *sim.Task, table Table, key, from, to int) (ok bool) {
	d.Transact(t, func(tx *Tx) {
		is := tx.Get(table, key)
		if ok = is == from || is == to; is == from {
			tx.Put(Row{table, key, to})
		}
	})
	return ok
}

// Get reads the row of a table and a key.
func (d *Database) Get(t *sim.Task, table Table, key int) (row Row, ok bool) {
	d.Transact(t, func(tx *Tx) { row, ok = find(tx.before, table, key) })
	return row, ok
}

// Value reads the value of a row; 0: there is none.
func (d *Database) Value(t *sim.Task, table Table, key int) int {
	row, _ := d.Get(t, table, key)
	return row.Value
}

// All reads the rows of a table, oldest first: by when their keys were first committed.
func (d *Database) All(t *sim.Task, table Table) (rows []Row) {
	d.Transact(t, func(tx *Tx) { rows = all(tx.before, table) })
	return rows
}

// Log reads the committed rows of a table from a place in its log on, as change-data-
// capture does: each change once, in the order of the commits.
func (d *Database) Log(t *sim.Task, table Table, from int) (rows []Row) {
	d.Transact(t, func(tx *Tx) {
		for _, w := range tx.before {
			if w.row().Table == table {
				rows = append(rows, w.row())
			}
		}
	})
	return rows[min(from, len(rows)):]
}

// Peek is Get for a claim or a picture, outside of a step.
func (d *Database) Peek(table Table, key int) (row Row, ok bool) {
	return find(d.log.Peek(), table, key)
}

// Keys lists the keys of a table in the order in which they were first committed, for a
// claim.
func (d *Database) Keys(table Table) []int {
	var keys []int
	for _, row := range all(d.log.Peek(), table) {
		keys = append(keys, row.Key)
	}
	return keys
}

// Describe shows the tables that have rows.
func (d *Database) Describe(show func(name, value string)) {
	rows := d.log.Peek()
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

func (d *Database) write(t *sim.Task, rows []Row) {
	words := make([]word, len(rows))
	for i, r := range rows {
		words[i] = r.word()
	}
	d.log.Append(t, words...)
}

func find(log []word, table Table, key int) (row Row, ok bool) {
	for _, w := range log {
		if r := w.row(); r.Table == table && r.Key == key {
			row, ok = r, true
		}
	}
	return row, ok
}

func all(log []word, table Table) []Row {
	var rows []Row
	for i, w := range log {
		key := w.row().Key
		if _, before := find(log[:i], table, key); w.row().Table == table && !before {
			row, _ := find(log, table, key)
			rows = append(rows, row)
		}
	}
	return rows
}
