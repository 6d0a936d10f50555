package properties

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"racelab/model"
	"racelab/sim"
	"racelab/sim/trace"
)

// FencedRegister is what a transactional id should look like to those that use it: a
// register that holds who may end the transaction. InitProducerId gives it to a newer
// producer id and epoch, and EndTxn of any other is refused; EndTxn of that one is granted
// once, and again to who asks for the same with the same epoch. Nobody is fenced whom
// nobody has replaced.
//
// Differs: no transaction times out. Under TV1 an epoch has many transactions, so that a
// second EndTxn is one of the next transaction.
func FencedRegister() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return register{holder: nobody} },
		Step: func(state, input, output any) (bool, any) {
			return state.(register).step(input.(txnCall), output.(bool))
		},
		DescribeOperation: func(input, output any) string { c := input.(txnCall); return c.describe(output.(bool)) },
		DescribeState:     func(state any) string { return state.(register).String() },
	}
}

// holder is a producer id with an epoch.
type holder struct {
	id    model.ProducerID
	epoch model.ProducerEpoch
}

var nobody = holder{model.NoProducerID, model.NoProducerEpoch}

func (h holder) String() string { return model.FormatProducer(h.id, h.epoch) }

func (h holder) newerThan(other holder) bool {
	return h.id > other.id || h.id == other.id && h.epoch > other.epoch
}

// register is the state of a FencedRegister.
type register struct {
	holder
	fenced bool // by somebody who was not told
	ended  holder
	result model.TransactionResult // of the one that has ended
}

func (r register) String() string {
	if r.fenced {
		return r.holder.String() + ", fenced"
	}
	return r.holder.String()
}

// step says whether a call may have its answer, and what is so after it. A call without
// an answer that can be told may have done its work.
func (r register) step(c txnCall, answered bool) (bool, register) {
	mayEnd := !r.fenced && c.by == r.holder
	switch {
	case !c.ends && !answered:
		r.fenced = true
		return true, r
	case c.code == model.ErrProducerFenced:
		return !mayEnd, r
	case !c.ends:
		legal := c.gets.newerThan(r.holder)
		return legal, register{holder: c.gets, ended: nobody}
	case !answered:
		if mayEnd {
			r.ended, r.result, r.holder = c.by, c.result, c.next()
		}
		return true, r
	case mayEnd:
		r.ended, r.result, r.holder = c.by, c.result, c.next()
		return true, r
	}
	return r.ended == c.by && r.result == c.result, r
}

// txnCall is an InitProducerId or an EndTxn.
type txnCall struct {
	client   int // place in Clients
	ends     bool
	tv2      bool
	by       holder // who asks
	gets     holder // InitProducerId: what it is answered; EndTxn under TV2: likewise
	result   model.TransactionResult
	code     model.Error
	called   int
	returned int // or open, or lost
}

// next is who may end the transaction after this one.
func (c *txnCall) next() holder {
	switch {
	case !c.tv2:
		return c.by
	case c.gets != nobody:
		return c.gets
	}
	return holder{c.by.id, c.by.epoch + 1}
}

func (c *txnCall) describe(answered bool) string {
	what := "InitProducerId"
	if c.ends {
		what = fmt.Sprintf("EndTxn(%v) of %v", c.result, c.by)
	}
	switch {
	case !answered:
		return what + ", outcome unknown"
	case c.code != model.None:
		return fmt.Sprintf("%s: %v", what, c.code)
	case c.gets != nobody:
		return fmt.Sprintf("%s: %v", what, c.gets)
	}
	return what + ": NONE"
}

// TransactionHistory is what some clients of one transactional id ask its coordinator,
// and are answered.
type TransactionHistory struct {
	Clients []string `sim:"config"` // the tasks
	// Whole keeps what can no longer matter, for a picture.
	Whole bool `sim:"config"`

	broken bool      // and told so: what comes then is judged by nobody
	past   []past    // what may have been so before calls
	calls  []txnCall // by called, then by client
	gone   []txnCall // whose outcome is lost, in the order in which it was
}

// past is what is so if the calls that are forgotten took effect in some order.
type past struct {
	register
	did uint64 // of gone, those that took effect among them, by place
}

// TransactionHistoryIsFenced claims that the history is that of a FencedRegister.
//
// A call whose connection broke, or whose answer says that the coordinator moves or is
// away, may have done its work; so may an InitProducerId that is answered
// CONCURRENT_TRANSACTIONS, which fences. What else is refused has done nothing.
//
// It forgets the calls that were answered before any that is left began, but for what may be
// so after them. Once it is broken it forgets all, and judges nothing more.
func TransactionHistoryIsFenced(h *TransactionHistory) *sim.Property {
	p := sim.NewProperty("transaction-history-is-fenced", h)
	if h != nil { // Else only its name is wanted.
		h.past = []past{{register: register{holder: nobody}}}
	}
	sim.On(p, sim.Sent, func(c *sim.Claim, a sim.Act, request *model.InitProducerIDRequest) {
		h.begin(c, a, txnCall{by: holder{request.ProducerID, request.ProducerEpoch}, gets: nobody})
	})
	sim.On(p, sim.Sent, func(c *sim.Claim, a sim.Act, request *model.EndTxnRequest) {
		h.begin(c, a, txnCall{
			ends: true, tv2: request.TransactionVersion().SupportsEpochBump(), result: request.Result,
			by: holder{request.ProducerID, request.ProducerEpoch}, gets: nobody,
		})
	})
	sim.On(p, sim.Received, func(c *sim.Claim, a sim.Act, response *model.InitProducerIDResponse) {
		h.answered(c, a, response.Error, holder{response.ProducerID, response.ProducerEpoch})
	})
	sim.On(p, sim.Received, func(c *sim.Claim, a sim.Act, response *model.EndTxnResponse) {
		h.answered(c, a, response.Error, holder{response.ProducerID, response.ProducerEpoch})
	})
	sim.On(p, sim.Received, func(c *sim.Claim, a sim.Act, fault sim.Fault) {
		if i := h.awaited(a); fault == sim.ErrBroken && i >= 0 {
			h.lose(i)
			h.forget()
			return
		}
		c.Skip()
	})
	return p
}

// TransactionHistoryOf is the history of a run, whose clients come in the order of
// their first request.
func TransactionHistoryOf(trace *trace.Trace) *TransactionHistory {
	h := &TransactionHistory{Whole: true}
	p := TransactionHistoryIsFenced(h)
	for _, step := range trace.Steps {
		for _, act := range step.Acts {
			if _, ok := act.Message.(*model.InitProducerIDRequest); ok && act.Action == sim.Sent && !slices.Contains(h.Clients, act.Actor) {
				h.Clients = append(h.Clients, act.Actor)
			}
			_, _, _ = p.Judge(act) // What it says of the run stands in the report.
		}
	}
	return h
}

// begin notes a request.
func (h *TransactionHistory) begin(claim *sim.Claim, a sim.Act, c txnCall) {
	c.client, c.returned = slices.Index(h.Clients, a.Actor), open
	if c.client < 0 {
		claim.Skip()
		return
	}
	if h.broken {
		claim.Skip()
		return
	}
	for _, other := range slices.Concat(h.calls, h.gone) {
		c.called = max(c.called, other.called, other.returned+1)
	}
	at := len(h.calls)
	for at > 0 && h.calls[at-1].called == c.called && h.calls[at-1].client > c.client {
		at--
	}
	h.calls = slices.Insert(h.calls, at, c)
}

// awaited is the place of the client's call without an answer; -1: there is none.
func (h *TransactionHistory) awaited(a sim.Act) int {
	return slices.IndexFunc(h.calls, func(c txnCall) bool { return c.returned == open && h.Clients[c.client] == a.Actor })
}

// lose gives up the outcome of a call. Of several that ask for the same the first stands
// for all.
func (h *TransactionHistory) lose(i int) {
	c := h.calls[i]
	c.returned = lost
	h.calls = slices.Delete(h.calls, i, i+1)
	if !slices.ContainsFunc(h.gone, func(o txnCall) bool {
		return o.client == c.client && o.ends == c.ends && o.by == c.by && o.result == c.result
	}) {
		h.gone = append(h.gone, c)
	}
}

// answered notes an answer, and judges the history.
func (h *TransactionHistory) answered(c *sim.Claim, a sim.Act, code model.Error, gets holder) {
	i := h.awaited(a)
	if i < 0 {
		c.Skip()
		return
	}
	defer h.forget()
	call := &h.calls[i]
	switch code {
	case model.None, model.ErrProducerFenced:
		call.code, call.gets, call.returned = code, gets, call.called
		for _, other := range slices.Concat(h.calls, h.gone) {
			call.returned = max(call.returned, other.called)
		}
		c.Holds()
		if !slices.ContainsFunc(h.past, h.follows) {
			c.Fail(fmt.Errorf("%s: %s, which no fenced register answers", a.Actor, call.describe(true)))
			if !h.Whole {
				h.broken, h.past, h.calls, h.gone = true, nil, nil, nil
			}
		}
	case model.ErrNotCoordinator, model.ErrCoordinatorNotAvailable, model.ErrCoordinatorLoadInProgress:
		h.lose(i)
	default:
		if !call.ends && code == model.ErrConcurrentTransactions {
			h.lose(i)
			return
		}
		h.calls = slices.Delete(h.calls, i, i+1)
	}
}

// follows says whether the calls may have been answered as they were, after that.
func (h *TransactionHistory) follows(p past) bool {
	m := FencedRegister()
	m.Init = func() any { return p.register }
	return porcupine.CheckOperations(m, h.history(p.did))
}

// forget takes the calls into the past that were answered before any that is left began.
func (h *TransactionHistory) forget() {
	until, left := math.MaxInt, -1
	for left != until {
		left = until
		for _, c := range h.calls {
			if c.returned == open || c.returned >= left {
				until = min(until, c.called)
			}
		}
	}
	n := slices.IndexFunc(h.calls, func(c txnCall) bool { return c.called >= until })
	if n < 0 {
		n = len(h.calls)
	}
	if h.Whole || n == 0 {
		return
	}
	var after []past
	for _, p := range h.past {
		after = h.orders(after, p, h.calls[:n])
	}
	h.past, h.calls = nil, slices.Delete(h.calls, 0, n)
	for _, p := range after {
		saysAll := func(o past) bool { return o.register == p.register && o.did != p.did && o.did&^p.did == 0 }
		if !slices.ContainsFunc(after, saysAll) {
			h.past = append(h.past, p)
		}
	}
	for i := range h.calls {
		if c := &h.calls[i]; c.returned >= 0 {
			c.returned -= until
		}
		h.calls[i].called -= until
	}
	for i := range h.gone {
		h.gone[i].called = max(0, h.gone[i].called-until)
	}
}

// orders adds to what may be so what is after the calls in any order in which they may have
// been answered so. What got lost takes effect before one of them, or later.
func (h *TransactionHistory) orders(list []past, p past, calls []txnCall) []past {
	if len(calls) == 0 {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
		return list
	}
	mayBeNext := func(c *txnCall) bool {
		return !slices.ContainsFunc(calls, func(o txnCall) bool { return o.returned < c.called })
	}
	for i := range calls {
		if legal, r := p.step(calls[i], true); legal && mayBeNext(&calls[i]) {
			list = h.orders(list, past{r, p.did}, slices.Concat(calls[:i], calls[i+1:]))
		}
	}
	for i := range h.gone {
		if c := &h.gone[i]; p.did>>i&1 == 0 && mayBeNext(c) {
			_, r := p.step(*c, false)
			list = h.orders(list, past{r, p.did | 1<<i}, calls)
		}
	}
	return list
}

// history is what porcupine judges, without those of gone that took effect before. A call
// without an answer passes for one of a client of its own.
func (h *TransactionHistory) history(did uint64) []porcupine.Operation {
	var calls []txnCall
	for i, c := range h.gone {
		if did>>i&1 == 0 {
			calls = append(calls, c)
		}
	}
	calls = append(calls, h.calls...)
	slices.SortStableFunc(calls, func(a, b txnCall) int {
		return cmp.Or(cmp.Compare(a.called, b.called), cmp.Compare(a.client, b.client))
	})
	var history []porcupine.Operation
	for i, c := range calls {
		client, returned := c.client, int64(2*c.returned)+1
		if c.returned < 0 {
			client, returned = len(h.Clients)+i, math.MaxInt64
		}
		history = append(history, porcupine.Operation{ClientId: client, Call: 2 * int64(c.called), Return: returned, Input: c, Output: c.returned >= 0})
	}
	return history
}

// WriteHTML writes porcupine's picture of the history. It is the same to the byte each
// time.
func (h *TransactionHistory) WriteHTML(w io.Writer) error {
	return writePage(w, FencedRegister(), h.history(0))
}
