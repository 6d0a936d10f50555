package coordinator_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"racelab/model"
	"racelab/model/coordinator"
)

// simpleGroup is the simplest thing that a classic group of dynamic members could
// be: who is in it, who has joined and synced in which round, and one offset.
type simpleGroup struct {
	places     [3]simpleMember
	lastID     model.MemberID
	generation model.GenerationID
	preparing  bool
	completing bool
	offset     model.Offset
}

type simpleMember struct {
	id      model.MemberID // 0: nobody
	client  string
	waits   bool
	synced  bool
	sending bool // its request is parked
}

func (g *simpleGroup) find(id model.MemberID) *simpleMember {
	for i := range g.places {
		if id != 0 && g.places[i].id == id {
			return &g.places[i]
		}
	}
	return nil
}

// count counts the members of whom it is true.
func (g *simpleGroup) count(is func(m *simpleMember) bool) int {
	n := 0
	for i := range g.places {
		if m := &g.places[i]; m.id != 0 && is(m) {
			n++
		}
	}
	return n
}

func anyone(*simpleMember) bool { return true }

// rebalance prepares the next generation, and begins it once all have joined.
func (g *simpleGroup) rebalance() {
	g.preparing, g.completing = true, false
	for i := range g.places {
		m := &g.places[i]
		m.synced = false
		m.sending = m.sending && m.waits
	}
	if g.count(func(m *simpleMember) bool { return !m.waits }) > 0 {
		return
	}
	g.generation++
	g.preparing, g.completing = false, g.count(anyone) > 0
	for i := range g.places {
		g.places[i].waits, g.places[i].sending = false, false
	}
}

// remove takes members out, and goes on without them.
func (g *simpleGroup) remove(which func(m *simpleMember) bool) {
	for i := range g.places {
		if g.places[i].id != 0 && which(&g.places[i]) {
			g.places[i] = simpleMember{}
		}
	}
	g.rebalance()
}

// refuses is what the group says to a member of a generation.
func (g *simpleGroup) refuses(who model.ConsumerGroupMetadata) model.Error {
	switch {
	case g.find(who.MemberID) == nil:
		return model.ErrUnknownMemberID
	case who.GenerationID != g.generation:
		return model.ErrIllegalGeneration
	}
	return model.None
}

// Goal: whatever comes in whatever order, members, generations and offsets stand
// as they should. Method: rapid draws requests and timers; the group's answers to
// Heartbeat and OffsetCommit, of any member in any generation, are compared.
func TestGroupDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"C0", "C1", "C2"}
		b := newBench(t, coordinator.NewClassicGroup(coordinator.Validated, len(names), 10), append(names, "admin")...)
		defer b.world.Close()
		g := &simpleGroup{offset: 10}
		session := rapid.SampledFrom([]time.Duration{45 * time.Second, time.Hour}).Draw(t, "session timeout")
		leader := model.MemberID(0) // as the last JoinGroup was told
		memberOf := func(client string) *simpleMember {
			for i := range g.places {
				if m := &g.places[i]; m.id != 0 && m.client == client {
					return m
				}
			}
			return nil
		}
		// hear takes the answers that are there.
		hear := func() {
			for _, name := range names {
				b.answer(name)
				told, ok := b.clients[name].answer.(*model.JoinGroupResponse)
				if ok && told.Error == model.None && told.GenerationID == g.generation {
					leader = told.Leader
				}
			}
		}
		// idle draws a client whose connection is not held up.
		idle := func(t *rapid.T) string {
			hear()
			var free []string
			for _, name := range names {
				if m := memberOf(name); m == nil || !m.sending {
					free = append(free, name)
				}
			}
			if free == nil {
				t.Skip("all wait")
			}
			return rapid.SampledFrom(free).Draw(t, "client")
		}
		anybody := func(t *rapid.T) model.ConsumerGroupMetadata {
			return as(model.MemberID(rapid.IntRange(0, int(g.lastID)+1).Draw(t, "member")), 0,
				model.GenerationID(rapid.IntRange(0, int(g.generation)+1).Draw(t, "generation")))
		}
		expire := func(timer string, then func()) func(t *rapid.T) {
			return func(t *rapid.T) {
				if !b.take("coordinator." + timer + " fires") {
					t.Skip("it is not due")
				}
				then()
			}
		}
		actions := map[string]func(t *rapid.T){
			"JoinGroup": func(t *rapid.T) {
				client := idle(t)
				m := memberOf(client)
				if m == nil {
					for i := range g.places {
						if m = &g.places[i]; m.id == 0 {
							break
						}
					}
					g.lastID++
					b.ask(client, joinFor(session, 0, 0))
					*m = simpleMember{id: g.lastID, client: client, waits: true, sending: true}
					if g.count(anyone) == 1 {
						leader = m.id
					}
					g.rebalance()
				} else {
					again := g.preparing || !g.completing && m.id == leader
					b.ask(client, joinFor(session, m.id, 0))
					if again {
						m.waits, m.sending = true, true
						g.rebalance()
					}
				}
				hear()
			},
			"SyncGroup": func(t *rapid.T) {
				client := idle(t)
				m := memberOf(client)
				if m == nil {
					t.Skip("no member")
				}
				b.ask(client, syncOf(as(m.id, 0, g.generation), gets(m.id, 0)))
				if g.preparing {
					return
				}
				m.synced = true
				if m.id == leader && g.completing {
					g.completing = false
					for i := range g.places {
						g.places[i].sending = false
					}
				}
				m.sending = g.completing
			},
			"LeaveGroup": func(t *rapid.T) {
				who := anybody(t).MemberID
				known := g.find(who) != nil
				b.ask("admin", &model.LeaveGroupRequest{MemberID: who})
				if known {
					g.remove(func(m *simpleMember) bool { return m.id == who })
				}
			},
			"Heartbeat": func(t *rapid.T) {
				who := anybody(t)
				want := g.refuses(who)
				if want == model.None && g.preparing {
					want = model.ErrRebalanceInProgress
				}
				if got := b.ask("admin", &model.HeartbeatRequest{ConsumerGroupMetadata: who}).(*model.HeartbeatResponse).Error; got != want {
					t.Fatalf("Heartbeat of %v: %v, want %v", who, got, want)
				}
			},
			"OffsetCommit": func(t *rapid.T) {
				who := anybody(t)
				offset := model.Offset(rapid.IntRange(0, 99).Draw(t, "offset"))
				want := g.refuses(who)
				switch {
				case g.count(anyone) == 0 && who.GenerationID == 0:
					want = model.None
				case want == model.None && g.completing:
					want = model.ErrRebalanceInProgress
				}
				if got := b.commit("admin", who, 0, offset); got != want {
					t.Fatalf("OffsetCommit by %v: %v, want %v", who, got, want)
				}
				if want == model.None {
					g.offset = offset
				}
			},
			"join expires": expire("join", func() {
				if !g.preparing {
					t.Fatalf("the join timer fires, and no rebalance is being prepared")
				}
				g.remove(func(m *simpleMember) bool { return !m.waits })
			}),
			"sync expires": expire("sync", func() {
				late := func(m *simpleMember) bool { return !m.synced }
				if g.preparing || g.count(late) == 0 {
					t.Fatalf("the sync timer fires, and all have synced")
				}
				g.remove(late)
			}),
			"": func(t *rapid.T) {
				if got := b.fetch("admin", 0); got != g.offset {
					t.Fatalf("%d is committed, want %d", got, g.offset)
				}
			},
		}
		for place := range names {
			actions[fmt.Sprintf("session %d expires", place+1)] = expire(fmt.Sprintf("session%d", place+1), func() {
				id, waits := g.places[place].id, g.places[place].sending
				if id == 0 || waits {
					t.Fatalf("the session of place %d ends: its member is %v, and waits for an answer: %v", place+1, id, waits)
				}
				g.remove(func(m *simpleMember) bool { return m.id == id })
			})
		}
		t.Repeat(actions)
	})
}
