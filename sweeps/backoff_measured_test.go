package sweeps

import (
	"math"
	"testing"
	"time"

	"racelab/model"
	"racelab/sim"
)

// exchange is what the coordinator answers after the first EndTxn of two. It is a
// property that always holds.
type exchange struct {
	ends     []sim.Time // EndTxn's answers
	adds     []sim.Time // answers to the adds of the second transaction
	refusals int
	accepted sim.Time // the first accepted add of the second
}

func (x *exchange) see(o sim.Act) {
	if o.Actor != "coordinator" {
		return
	}
	switch o.Message.(type) {
	case *model.EndTxnResponse:
		x.ends = append(x.ends, o.At)
	case *model.AddPartitionsToTxnResponse, *model.AddOffsetsToTxnResponse:
		switch {
		case len(x.ends) == 0:
		case refused(o.Message):
			x.refusals++
			fallthrough
		default:
			x.adds = append(x.adds, o.At)
			if x.accepted == 0 && !refused(o.Message) {
				x.accepted = o.At
			}
		}
	}
}

// Goal: the model of librdkafka predicts what was measured, transaction by
// transaction.
//
// Taken from the log: the window of the transaction before, the gap, the medians
// of the broker's time with EndTxn and with WriteTxnMarkers. Taken from the
// client's source: the partition is registered after 1 ms and again after 20, the
// offsets again after 100, a batch lingers for 5. Plausible: 0.1 ms for a message.
//
// Predicted: how often each transaction is refused; from the first add to the
// first accepted one; the period; from the accepted add to EndTxn's answer.
func TestMeasuredTransactionsArePredicted(t *testing.T) {
	params := set(t, &backoffMeasured).Params.(loggedRun)
	met := map[string]int{}
	answers, measuredAnswers := 0, 0
	var got, want struct{ period, accepted, rest map[string][]float64 }
	for _, p := range []*map[string][]float64{&got.period, &got.accepted, &got.rest, &want.period, &want.accepted, &want.rest} {
		*p = map[string][]float64{}
	}
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	for i, l := range loggedTransactions {
		if i == 0 || loggedTransactions[i-1].mode != l.mode {
			if l.answers > 0 {
				t.Errorf("the first transaction of %s was refused, and nothing was before it", l.mode)
			}
			continue
		}
		m := newLoggedMode(l.mode)
		var x *exchange
		for seed := range uint64(8) { // None decides: nothing comes at the instant at which a window ends.
			w := m.world(params, 2, sim.Constant(loggedTransactions[i-1].window), sim.Constant(m.pause(l.gap, params.wire)), seed)
			x = &exchange{}
			w.Watch(meter(sim.Answered, x.see))
			if err := finish(w, seed, func() {}); err != nil {
				t.Fatal(err)
			}
			if x.refusals == l.answers {
				continue
			}
			t.Errorf("%s %d: predicted %d refusals, measured %d (gap %v, window before %v)", l.mode, i%20, x.refusals, l.answers, l.gap, loggedTransactions[i-1].window)
		}
		if x.refusals > 0 {
			met[l.mode]++
		}
		answers, measuredAnswers = answers+x.refusals, measuredAnswers+l.answers
		key := l.mode
		if x.refusals == 0 {
			key += ", not refused"
		}
		got.period[l.mode] = append(got.period[l.mode], ms(x.ends[1].Sub(x.ends[0])))
		want.period[l.mode] = append(want.period[l.mode], ms(l.period))
		got.accepted[key] = append(got.accepted[key], ms(x.accepted.Sub(x.adds[0])))
		want.accepted[key] = append(want.accepted[key], ms(l.firstAccepted))
		got.rest[key] = append(got.rest[key], ms(x.ends[1].Sub(x.accepted)))
		want.rest[key] = append(want.rest[key], ms(l.acceptedToEnd))
		// The farthest, by 3 ms, is the first one back to back that comes after a gap.
		if d := ms(x.ends[1].Sub(x.ends[0])); math.Abs(d-ms(l.period)) > 3.5 {
			t.Errorf("%s %d: predicted a period of %.1f ms, measured %v", l.mode, i%20, d, l.period)
		}
	}
	if met["serial"] != 0 || met["back-to-back"] != 18 {
		t.Errorf("predicted that %v are refused, measured 0 of serial and 18 of back-to-back", met)
	}
	within := func(what, mode string, got, want []float64) {
		t.Helper()
		g, w := MedianOf(got).Value, MedianOf(want).Value
		t.Logf("%s, %s: predicted %.2f ms, measured %g ms", what, mode, g, w)
		if math.Abs(g-w) > max(0.05*w, 0.5) { // The log is to the millisecond.
			t.Errorf("%s, %s: predicted a median of %.2f ms, measured %g", what, mode, g, w)
		}
	}
	for _, mode := range []string{"serial", "back-to-back"} {
		within("period", mode, got.period[mode], want.period[mode])
	}
	within("first add to the accepted one", "back-to-back", got.accepted["back-to-back"], want.accepted["back-to-back"])
	within("accepted add to EndTxn's answer", "back-to-back", got.rest["back-to-back"], want.rest["back-to-back"])
	within("accepted add to EndTxn's answer", "serial, not refused", got.rest["serial, not refused"], want.rest["serial, not refused"])
	t.Logf("refusals: predicted %d, measured %d", answers, measuredAnswers)
}

// Goal: what is not known for sure decides nothing: with messages four times as
// slow or taking no time, the same transactions are refused, and the periods are
// within 7 % of those measured.
func TestPredictionsDoNotHangOnTheWire(t *testing.T) {
	for _, wire := range []string{"0s", "400us"} {
		for _, mode := range []string{"serial", "back-to-back"} {
			m := newLoggedMode(mode)
			period := row(t, &backoffMeasured, mode, 10, "wire="+wire)("period").Value
			if math.Abs(period/m.period-1) > 0.07 {
				t.Errorf("%s with a wire of %s: %.1f ms a transaction, measured %g", mode, wire, period, m.period)
			}
		}
	}
}
