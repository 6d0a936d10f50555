package page

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Goal: the page is one file of less than 4 MB that a learner opens from a folder: to
// break a race, to take steps back, to ask, to grade answers, to pass on a link. The
// engine in it sees the states that the command sees.
func TestPage(t *testing.T) {
	run(t, "go", "run", "./web")
	file, err := os.Stat(filepath.Join(root, "dist", "lab.html"))
	if err != nil {
		t.Fatal(err)
	}
	if file.Size() >= 4<<20 {
		t.Errorf("lab.html has %d bytes; want less than 4 MB", file.Size())
	}
	b := open(t)
	b.do(chromedp.EmulateViewport(1280, 800))
	b.visit("lab.html", "")
	t.Logf("ready after %s ms, %d KB", js[string](b, "document.documentElement.dataset.ready"), file.Size()>>10)
	b.shot("start-1280-light")
	t.Run("lesson", func(t *testing.T) { lesson(b.of(t)) })
	t.Run("play", func(t *testing.T) { play(b.of(t)) })
	t.Run("states", func(t *testing.T) { states(b.of(t)) })
	t.Run("grade", func(t *testing.T) { grade(b.of(t)) })
	t.Run("class", func(t *testing.T) { class(b.of(t)) })
	t.Run("link", func(t *testing.T) { link(b.of(t)) })
	t.Run("cancel", func(t *testing.T) { cancel(b.of(t)) })
	t.Run("languages", func(t *testing.T) { languages(b.of(t)) })
	t.Run("sizes", func(t *testing.T) { sizes(b.of(t)) })
	if *measure {
		t.Run("seconds", func(t *testing.T) { seconds(b.of(t)) })
	}
	t.Run("paper", func(t *testing.T) { paper(b.of(t)) })
	t.Run("no engine", func(t *testing.T) { noEngine(b.of(t)) })
}

var measure = flag.Bool("seconds", false, "log how long the page takes for the grade of each answer")

// seconds grades every answer of the workshop in the page, and logs how long that takes.
func seconds(b *browser) {
	files, err := filepath.Glob(filepath.Join(root, "workshop", "solutions", "*", "*.go"))
	if err != nil || len(files) == 0 {
		b.t.Fatalf("no answers: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			b.t.Fatal(err)
		}
		exercise := filepath.Base(filepath.Dir(file))
		ms := js[float64](b, "(async () => { const t = performance.now(); await racelab.ask('grade', {exercise: '"+exercise+"', text: "+quoted(string(text))+"}); return performance.now() - t; })()")
		b.t.Logf("%5.2f s  %s/%s", ms/1000, exercise, filepath.Base(file))
	}
}

func (b *browser) of(t *testing.T) *browser { return &browser{t, b.ctx} }

// steps waits until the run has n steps.
func (b *browser) steps(n int) {
	b.t.Helper()
	b.until("document.querySelectorAll('#run .row').length === " + string(rune('0'+n)))
}

// choose takes the choice of an event by its number key.
func (b *browser) choose(event string) {
	b.t.Helper()
	events := js[[]string](b, "[...document.querySelectorAll('.choice .event')].map((e) => e.firstChild.data)")
	i := slices.Index(events, event)
	if i < 0 {
		b.t.Fatalf("%q is none of the choices %q", event, events)
	}
	b.press(string(rune('1' + i)))
}

// lesson begins where a learner does: an answer opens after a bet, and a lesson leads
// to a game, an exercise and the next lesson.
func lesson(b *browser) {
	if got := b.text("#lesson"); !strings.Contains(got, "you are the scheduler") {
		b.t.Errorf("the page begins with %q, want lesson 0", got)
	}
	open := func() bool {
		js[any](b, "document.querySelector('#lesson summary').click()")
		return js[bool](b, "document.querySelector('#lesson details').open")
	}
	if open() {
		b.t.Error("an answer opens before the learner has bet")
	}
	js[any](b, "(() => { const e = document.querySelector('#lesson .bet'); e.value = '6 and 4'; e.dispatchEvent(new Event('input')); })()")
	if !open() {
		b.t.Error("an answer stays shut after the learner has bet")
	}
	// Its own race stands beside it at once, and in its place that of the next lesson that has one.
	const own = "location.hash.startsWith('#r=throttle-stall/atomic-pointer') && document.getElementById('goal').value === 'no-sender-waits-for-a-stopped-timer'"
	b.visit("lab.html", "#lesson=2-race-or-data-race")
	if !js[bool](b, own) {
		b.t.Errorf("beside lesson 2 stands %q", b.text("#left"))
	}
	js[any](b, "racelab.openLesson('1-the-rewind')")
	b.until("document.getElementById('scenario').value === 'offset-rewind'")
	b.visit("lab.html", "#lesson=2-race-or-data-race")
	js[any](b, "document.querySelector('#lesson .play').click()")
	b.until(own + " && document.querySelector('[data-tab=play]').ariaSelected === 'true'")
	js[any](b, "document.querySelector('[data-tab=lesson]').click(), document.querySelector('#lesson a[href^=\"#exercise\"]').click()")
	b.until("document.querySelector('[data-tab=exercise]').ariaSelected === 'true' && document.querySelector('#exercise select').value === '04-atomic'")
	js[any](b, "racelab.openLesson('0-who-moves-next')")
	for _, title := range js[[]string](b, "[...document.querySelectorAll('#lesson select option')].map((o) => o.text)") {
		if !js[bool](b, "document.querySelector('#lesson select').selectedOptions[0].text === "+quoted(title)) {
			b.t.Errorf("the next lesson is not %s", title)
		}
		js[any](b, "document.querySelector('#lesson > button')?.click()")
	}
	js[any](b, "document.querySelector('[data-tab=play]').click()")
}

// play breaks stale-snapshot by the keyboard, asks on the way, and reverses an order.
func play(b *browser) {
	asked := func(want string) {
		b.t.Helper()
		b.press("?")
		b.until("document.querySelector('#answer') && !document.querySelector('#status') && document.querySelector('#answer').innerText")
		if got := b.text("#answer"); !strings.HasPrefix(got, want) {
			b.t.Errorf("can it still break? %q, want %q", got, want)
		}
	}
	b.visit("lab.html", "#r=stale-snapshot")
	asked("Yes: in 5 steps")
	for i, event := range []string{"C0 snapshot", "marker mark", "C1 snapshot", "C1 commit"} {
		b.choose(event)
		b.steps(i + 1)
	}
	asked("Yes: in 1 step.")
	b.choose("marker mark#2")
	b.steps(5)
	b.press("\b")
	b.steps(4)
	b.choose("C0 commit")
	b.steps(5)
	if got := b.text("#reached"); !strings.Contains(got, "You broke it in 5 steps") || !strings.Contains(got, "from 1 to 0") {
		b.t.Errorf("after the break the page says %q", got)
	}
	if got := b.text("#live"); !strings.Contains(got, "committed-never-falls: C0 took the committed count back") {
		b.t.Errorf("a screen reader hears %q", got)
	}
	b.press("w")
	b.until("document.querySelectorAll('#why li').length === 3")
	b.shot("broken-1280-light")
	js[any](b, "document.querySelector('#why li button').click()")
	b.until("document.querySelector('#answer').innerText.includes('survives')")
	if got := b.text("#reached"); got != "" {
		b.t.Errorf("the run without an order breaks it: %q", got)
	}
	js[any](b, "document.getElementById('scenario').value = 'stale-snapshot', document.getElementById('scenario').dispatchEvent(new Event('change'))")
	b.steps(0)
	for i, event := range []string{"marker mark", "marker mark#2", "C0 snapshot", "C1 snapshot"} {
		b.choose(event)
		b.steps(i + 1)
	}
	asked("No more: it holds in all 4 states")
	for question, want := range map[string]string{"shared committed = 2": "Yes: in 1 step.", "shared committed = 1": "No: in none of the 4 states", "committed": "no question", "shared marked = 2": "It is so now."} {
		js[any](b, "(() => { document.getElementById('reach').replaceChildren(); const e = document.getElementById('question'); e.value = "+quoted(question)+"; e.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'})); })()")
		b.until("document.querySelector('#reach').innerText && !document.querySelector('#status')")
		if got := b.text("#reach"); !strings.Contains(got, want) {
			b.t.Errorf("can it be that %s? %q, want %q", question, got, want)
		}
	}
}

// states compares the engine with the command.
func states(b *browser) {
	simrun := filepath.Join(b.t.TempDir(), "simrun")
	run(b.t, "go", "build", "-o", simrun, "./cmd/simrun")
	for _, name := range []string{"stale-snapshot", "offset-rewind"} {
		var native struct {
			States, Transitions int
			Complete            bool
			Verdicts            []struct{ Property, Outcome string }
		}
		if err := json.Unmarshal([]byte(run(b.t, simrun, "explore", name, "--json")), &native); err != nil {
			b.t.Fatal(err)
		}
		type result struct {
			States, Transitions int
			Complete            bool
			Verdicts            []string
		}
		got := js[result](b, "racelab.ask('open', {scenario: '"+name+"'}).then(() => racelab.ask('states', {n: 100000}))")
		var want []string
		for _, v := range native.Verdicts {
			want = append(want, v.Property+": "+v.Outcome)
		}
		slices.Sort(want)
		slices.Sort(got.Verdicts)
		if got.States != native.States || got.Transitions != native.Transitions || !got.Complete || !slices.Equal(got.Verdicts, want) || got.States == 0 {
			b.t.Errorf("%s: the page sees %+v; the command %+v", name, got, native)
		}
	}
}

// grade grades a right answer and four wrong ones.
func grade(b *browser) {
	b.visit("lab.html", "#exercise=01-counter")
	if got := b.text("#left"); !strings.Contains(got, "The counter: your answer") || !strings.Contains(got, "G1") {
		b.t.Errorf("beside the exercise stands %q; want the text's world, to be played", got)
	}
	for i, test := range []struct{ text, outcome, says string }{
		{"x := read()\nwrite(x + 1)\n", "broken", "no-update-is-lost"},
		{"mu.Lock()\nx := read()\nwrite(x + 1)\n", "deadlock", "no-"},
		{"x := read()\nmu.Lock()\nwrite(x + 1)\nmu.Unlock()\n", "broken", "no-update-is-lost"},
		{"x := red()\n", "unreadable", "line 1"},
		{"mu.Lock()\nx := read()\nwrite(x + 1)\nmu.Unlock()\n", "holds", "in all"},
	} {
		js[any](b, "(() => { const e = document.getElementById('text'); e.value = "+quoted(test.text)+"; e.dispatchEvent(new Event('input')); document.getElementById('verdict').replaceChildren(); document.getElementById('grade').click(); })()")
		b.until("document.querySelector('.verdict') && !document.querySelector('#grade:disabled')")
		if got := js[string](b, "document.querySelector('.verdict').dataset.outcome"); got != test.outcome || !strings.Contains(strings.ToLower(b.text(".verdict")), test.says) {
			b.t.Errorf("grade of %q: %s, %q; want %s with %q", test.text, got, b.text(".verdict"), test.outcome, test.says)
		}
		if test.outcome != "unreadable" { // It is shown how the text breaks, or the text that holds.
			b.until("(document.querySelectorAll('#run .broke').length > 0) === " + fmt.Sprint(test.outcome != "holds"))
		}
		if i == 0 {
			b.shot("exercise-1280-light")
		}
	}
	js[any](b, "document.getElementById('playText').click()")
	b.until("document.querySelector('[data-tab=play]').ariaSelected === 'true' && document.querySelectorAll('.choice').length === 2")
	js[any](b, "document.querySelector('[data-tab=exercise]').click()")
}

// class pastes what learners copied.
func class(b *browser) {
	js[any](b, "navigator.clipboard ? Object.defineProperty(navigator.clipboard, 'writeText', {value: async (text) => { window.copied = text; }}) : (document.execCommand = () => { window.copied = document.activeElement.value; })")
	js[any](b, "(() => { const n = document.querySelector('.mine input'); n.value = 'Ann'; n.dispatchEvent(new Event('input')); document.getElementById('mine').click(); })()")
	b.until("window.copied")
	line := js[string](b, "window.copied")
	if !strings.HasPrefix(line, "Ann: racelab 01-counter ") || !strings.Contains(line, " holds ") {
		b.t.Fatalf("the copied line is %q", line)
	}
	lines := line + "\n" + strings.NewReplacer("Ann", "Bo", " holds ", " broken ").Replace(line) + "\nno line\n"
	js[any](b, "(() => { document.querySelector('[data-tab=board]').click(); const e = document.getElementById('lines'); e.value = "+quoted(lines)+"; e.dispatchEvent(new Event('input')); })()")
	b.until("document.querySelector('#class table')")
	got := b.text("#board")
	for _, want := range []string{"Ann\t✓", "Bo\tbroken", "1 line could not be read", "mu.Lock()"} {
		if !strings.Contains(got, want) {
			b.t.Errorf("the class is %q; want %q in it", got, want)
		}
	}
	b.shot("board-1280-light")
	js[any](b, "document.querySelector('[data-tab=play]').click()")
}

// link opens a run by its address, and one that is older than its model.
func link(b *browser) {
	look := "racelab.ask('look').then((l) => l.link)"
	js[any](b, "racelab.ask('open', {scenario: 'offset-rewind', variant: 'unfixed', schedule: 'G0 mark; G0 construct request; G1 mark'})")
	hash := "#" + js[string](b, look)
	b.visit("lab.html", hash)
	b.steps(3)
	if got := js[string](b, look); "#"+got != hash {
		b.t.Errorf("the link %s opens %s", hash, got)
	}
	js[any](b, "racelab.ask('open', {scenario: 'offset-rewind', schedule: 'G0 mark; G0 construct request'})")
	older := js[string](b, look)
	b.visit("lab.html", "#"+strings.Replace(older, "/unfixed/", "/no-such/", 1))
	if got := b.text("#answer"); !strings.Contains(got, "variant") || !strings.Contains(got, "no-such") {
		b.t.Errorf("a link to what is gone says %q", got)
	}
}

// cancel ends a search that takes long, and the page is where it was.
func cancel(b *browser) {
	b.visit("lab.html", "")
	js[any](b, "(async () => { const s = document.getElementById('scenario'); s.value = 'produce-reorder'; s.dispatchEvent(new Event('change')); })()")
	b.until("document.getElementById('goal').options.length && document.querySelector('#intro h1') && location.hash.includes('produce-reorder')")
	b.press("1")
	b.steps(1)
	js[any](b, "document.getElementById('goal').value = 'no-panic', document.getElementById('goal').dispatchEvent(new Event('change'))")
	js[any](b, "racelab.ask('look')") // The engine answers in order.
	js[any](b, "(() => { document.getElementById('ahead').click(); setTimeout(() => { const c = document.querySelector('#status button'); if (c) c.click(); }, 60); })()")
	b.until("document.getElementById('answer').innerText === 'Cancelled.'")
	b.press("1")
	b.steps(2) // It goes on where it stood.
}

// languages shows the page in Chinese.
func languages(b *browser) {
	js[any](b, "document.getElementById('language').click()")
	if got := b.text("#next") + b.text("nav"); !strings.Contains(got, "练习") {
		b.t.Errorf("in Chinese the page says %q", got)
	}
	b.shot("chinese-1280-light")
	js[any](b, "document.getElementById('language').click()")
}

// noEngine: index.html needs a host. Without one its board says that the engine did
// not start, whatever tab is open.
func noEngine(b *browser) {
	path, err := filepath.Abs(filepath.Join(root, "dist", "index.html"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Navigate("file://" + path))
	b.until("document.getElementById('run').innerText.includes('The engine did not start')")
}

// sizes looks at three sizes, light and dark: nothing is wider than the page, and all
// tabs fit.
func sizes(b *browser) {
	js[any](b, "racelab.ask('open', {scenario: 'offset-rewind'}).then(async (l) => { const race = (await racelab.ask('list')).races.find((r) => r.name === 'offset-rewind'); location.hash = (await racelab.ask('open', {scenario: 'offset-rewind', schedule: race.shown})).link; })")
	b.until("document.querySelectorAll('#run .row').length === 26")
	b.press("w")
	b.until("document.querySelectorAll('#why li').length > 0")
	if got := b.text("#why .command"); !strings.Contains(got, "release sarama@v1.43.2 rewind --orders 'G0 mark before G1 snapshot; ") {
		b.t.Errorf("the released client is kept to %q; want the orders of the run", got)
	}
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"1280", 1280, 800}, {"1920", 1920, 1080}, {"phone", 390, 844}} {
		b.do(chromedp.EmulateViewport(size.width, size.height))
		for _, theme := range []string{"light", "dark"} {
			js[any](b, "document.documentElement.dataset.theme = '"+theme+"'")
			for _, tab := range []string{"lesson", "play", "exercise", "board"} {
				js[any](b, "document.querySelector('[data-tab="+tab+"]').click()")
				if wide := js[int](b, "document.documentElement.scrollWidth"); wide > int(size.width) {
					b.t.Errorf("at %d x %d the tab %s is %d wide", size.width, size.height, tab, wide)
				}
				b.shot("rewind-" + tab + "-" + size.name + "-" + theme)
			}
		}
	}
	b.do(chromedp.EmulateViewport(1280, 800))
}

// paper prints a lesson, an exercise and a run: each as a whole, and nothing else. In the text
// of an exercise the key Tab is a sign, and Escape leaves it.
func paper(b *browser) {
	b.visit("lab.html", "#exercise=02-offset-lock")
	js[any](b, "document.getElementById('text').focus()")
	b.press(kb.Escape)
	b.until("document.activeElement.id === 'grade'")
	media := func(name string) {
		b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: name})
			return chromedp.Void{}, err
		})
	}
	media("print")
	for _, test := range []struct{ tab, shown, hidden string }{
		{"lesson", "#lesson", "#left"}, {"exercise", "#exercise", "#left"}, {"play", "#run", "aside"},
	} {
		js[any](b, "document.querySelector('[data-tab="+test.tab+"]').click()")
		sees := func(selector string) bool {
			return js[bool](b, "document.querySelector("+quoted(selector)+").checkVisibility()")
		}
		for _, not := range []string{test.hidden, "header", "nav", ".bar"} {
			if sees(not) {
				b.t.Errorf("on paper the tab %s has %s", test.tab, not)
			}
		}
		whole := "[...document.querySelectorAll('body, main, " + test.shown + "')].every((e) => e.checkVisibility() && (e.scrollHeight <= e.clientHeight || getComputedStyle(e).overflowY === 'visible') && getComputedStyle(e).maxHeight === 'none')"
		if !js[bool](b, whole) || js[int](b, "document.body.offsetHeight") < js[int](b, "document.querySelector('"+test.shown+"').scrollHeight") {
			b.t.Errorf("on paper the tab %s is cut off", test.tab)
		}
	}
	media("")
}
