package simrun

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"racelab/lab"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/trace"
	"racelab/sim/view"
)

// playing is the flags of play.
type playing struct {
	subject
	goal   string
	within int
	from   string

	start sim.Schedule
}

const playKeys = "1, 2, ...  take that step       u  take the last one back    p  the picture so far\n" +
	"?          can it still break?  !  the shortest way there   q  end\n" +
	"w          why it broke         r N  a run without the N-th of these orders\n" +
	"? NAME = VALUE             can the state become so?  ! NAME = VALUE  the shortest way there\n"

func (a *app) playCommand() *cobra.Command {
	var p playing
	c := &cobra.Command{
		Use:   "play SCENARIO[/VARIANT][@SETTING]",
		Short: "You are the scheduler: choose each step, and try to break it",
		Long: "You are the scheduler. Each turn lists what may happen next; you choose, until the goal\n" +
			"breaks or the run ends. Lines of stdin are read as if they were typed.\n\n" + playKeys,
	}
	a.takesScenario(c)
	p.flags(a, c)
	f := c.Flags()
	f.StringVar(&p.goal, "goal", "", "the property to break; without it, the first that the scenario claims, or else what a short search breaks")
	f.IntVar(&p.within, "within", 0, "steps that you may take; 0: as many as you like")
	f.StringVar(&p.from, "from", "", scheduleFlag)
	c.PreRunE = func(_ *cobra.Command, args []string) (err error) {
		if err = p.find(a, args[0]); err != nil {
			return err
		}
		if p.within < 0 {
			return fmt.Errorf("--within %d is not possible; want 0 or more", p.within)
		}
		p.start, _, err = readSchedule("--from", p.from)
		return err
	}
	c.RunE = func(*cobra.Command, []string) error { return p.run(a) }
	return c
}

func (p *playing) run(a *app) error {
	s, err := lab.New(p.Case, p.goal)
	if err != nil {
		return err
	}
	if err := s.Play(p.start); err != nil {
		return err
	}
	signals, release := a.watch()
	defer release()
	g := &game{app: a, Session: s, within: p.within, signals: signals}
	g.write("%s\nbreak %s%s\n%s\n", s.Look().Title, s.Goal(), g.limit(), playKeys)
	lines := make(chan string)
	var unread error // Why there are no more lines.
	go func() {
		defer close(lines)
		in := bufio.NewScanner(a.stdin)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-signals.Done():
				return
			}
		}
		unread = in.Err()
	}()
	g.turn()
	for {
		select {
		case <-signals.Done():
			g.end()
			return signals.code()
		case line, ok := <-lines:
			if !ok && unread != nil {
				return fmt.Errorf("an answer cannot be read: %w; want a number, or one of the letters", unread)
			}
			if !ok || strings.TrimSpace(line) == "q" {
				g.end()
				return signals.code()
			}
			if err := g.answer(strings.Fields(line)); err != nil {
				return err
			}
		}
	}
}

// game is a session at a terminal.
type game struct {
	*app
	*lab.Session
	within  int
	signals *interrupts
	culprit *explore.Culprit // of the break that is looked at
}

func (g *game) write(format string, args ...any) { fmt.Fprintf(g.stdout, format, args...) }

func (g *game) limit() string {
	if g.within == 0 {
		return ""
	}
	return ", in at most " + explore.Count(g.within, "step")
}

// answer does what a line asks for. The error ends the game.
func (g *game) answer(words []string) error {
	if len(words) == 0 {
		g.turn()
		return nil
	}
	switch words[0] {
	case "u":
		g.take(g.Undo(1))
	case "?", "!":
		return g.ahead(strings.Join(words[1:], " "), words[0] == "!")
	case "p":
		return view.Text(g.stdout, g.Look(), view.Options{Full: true, Colour: g.wantsColour()})
	case "w":
		return g.why()
	case "r":
		return g.reverse(words[1:])
	default:
		n, err := strconv.Atoi(words[0])
		if err != nil {
			g.write("%.20q is none of these: %s, u, ?, !, p, w, r N, q\n", words[0], g.numbers())
			return nil
		}
		g.take(g.Take(n - 1))
	}
	return nil
}

func (g *game) numbers() string {
	if n := len(g.Choices()); n > 1 {
		return fmt.Sprintf("1 to %d", n)
	}
	return strings.Repeat("1", len(g.Choices()))
}

// take shows what came of a step.
func (g *game) take(err error) {
	if err != nil {
		g.write("%v\n", err)
		return
	}
	g.culprit = nil
	g.turn()
}

// turn shows the last step, and what may be next.
func (g *game) turn() {
	r := g.Look()
	if n := len(r.Trace.Steps); n > 0 {
		step := &r.Trace.Steps[n-1]
		g.write("%3d  %s\n", n, step.Step)
		for _, c := range step.Changes {
			g.write("       %s\n", changed(c))
		}
		for _, b := range step.Broke {
			g.write("  ✗  %s: %v\n", b.Property, b.Err)
		}
	} else {
		g.write("  0  the start\n")
		for _, f := range r.Trace.Start {
			g.write("       %s\n", changed(trace.Change{Detail: f}))
		}
	}
	if broken := g.Reached(); broken != nil {
		g.write("\nYou broke %s in %s. w says why.\n", g.Goal(), explore.Count(broken.Step, "step"))
	} else if g.within > 0 && len(r.Trace.Steps) >= g.within {
		g.write("\nThat was step %d of %d, and %s holds. u takes one back.\n", g.within, g.within, g.Goal())
	}
	g.write("\n")
	for i, c := range g.Choices() {
		text := c.String()
		if c.Message != "" {
			text += "   brings " + c.Message
		}
		if c.Fault {
			text += "   (a fault)"
		}
		g.write("%5d  %s\n", i+1, text)
	}
	for _, wait := range r.Waits {
		g.write("       %s waits for %s\n", wait.Step, wait.For)
	}
	if len(g.Choices()) == 0 {
		g.write("       the run has ended (%s)\n", r.Ending)
	}
}

// changed is a fact that has changed, in words.
func changed(c trace.Change) string {
	text := strings.Join(strings.Fields(c.Of+" "+c.Name), " ")
	if c.Was == "" {
		return text + " " + c.Value
	}
	return text + " " + c.Was + " → " + c.Value
}

// ahead answers whether the goal can still break, or what was asked, and, if that is
// wanted, how.
func (g *game) ahead(question string, shown bool) error {
	o := explore.Options{Stop: g.signals.interrupted}
	if question != "" {
		ahead, err := g.Reach(question, o)
		if err != nil {
			g.write("%v\n", err)
			return nil
		}
		g.write("can it be that %s? %s\n", question, ahead)
		g.way(ahead, shown)
		return nil
	}
	ahead, err := g.Ahead(o)
	if err != nil {
		return err
	}
	g.write("can %s still break? %s\n", g.Goal(), ahead)
	g.way(ahead, shown)
	return nil
}

// way shows the way, if it is wanted.
func (g *game) way(ahead *lab.Ahead, shown bool) {
	if shown {
		for _, step := range ahead.Schedule {
			g.write("       %s\n", step)
		}
	}
}

// why says which orders force the break.
func (g *game) why() (err error) {
	if g.Reached() == nil {
		g.write("%s is not broken yet\n", g.Goal())
		return nil
	}
	if g.culprit, err = g.Why(); err != nil {
		return err
	}
	defer g.released()
	if g.culprit == nil {
		g.write("no few orders of steps are known to force it\n")
		return nil
	}
	for i, sentence := range g.culprit.Sentences() {
		if i > 0 {
			sentence = fmt.Sprintf("%5d  %s", i, sentence)
		}
		g.write("%s\n", sentence)
	}
	return nil
}

// released says how to ask the released client.
func (g *game) released() {
	command, handed := g.Released(g.culprit)
	switch {
	case handed:
		g.write("the released client, kept to these orders:\n       %s\n", command)
	case command != "":
		g.write("the released client, searched for the same break; it does not get your schedule:\n       %s\n", command)
	}
}

// reverse shows a run without one of the orders.
func (g *game) reverse(words []string) error {
	n, err := strconv.Atoi(strings.Join(words, " "))
	switch {
	case g.culprit == nil:
		g.write("first w, which lists the orders\n")
		return nil
	case err != nil || n < 1 || n > len(g.culprit.Orders):
		g.write("want r and the number of an order, of %d\n", len(g.culprit.Orders))
		return nil
	}
	schedule, ok, err := g.Reverse(g.culprit, n-1)
	if err != nil {
		return err
	}
	if !ok {
		g.write("it takes too long to find a run without it\n")
		return nil
	}
	report, err := g.Case().Watch(sim.NewReplay(schedule))
	if err != nil {
		return err
	}
	g.write("without %q, and with the others:\n", g.culprit.Orders[n-1].Before)
	return view.Text(g.stdout, report, view.Options{Colour: g.wantsColour()})
}

// end says how to play on, and how to see the run again.
func (g *game) end() {
	if len(g.Schedule()) == 0 {
		return
	}
	if command := g.Look().Repeat; command != "" {
		g.write("\nreplay  %s\n", g.printed(command))
	}
}
