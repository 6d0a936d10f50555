package page

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "a folder for screenshots: three sizes, light and dark")

const root = "../.."

// browser is a tab.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// open starts a browser that knows nobody and reaches no network.
func open(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("the page is driven in chromium: apt-get install -y chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.WindowSize(1280, 800))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return &browser{t, ctx}
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// visit opens a file of dist, and waits until the engine answers.
func (b *browser) visit(file, link string) {
	b.t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "dist", file))
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate("file://"+path+link))
	b.until("document.documentElement.dataset.ready")
}

// js evaluates an expression. A promise is awaited.
func js[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for an expression to be true, in the page that is there: chromedp.Poll takes the
// page that it last heard of, which is the one before if the browser has been quick.
func (b *browser) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Minute)
	defer cancel()
	wait := "(async () => { while (!(" + expression + ")) await new Promise((on) => setTimeout(on, 20)); })()"
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](wait, chromedp.EvalAwaitPromise)); err != nil {
		b.t.Fatalf("%s does not come true: %v; the page says %q", expression, err, js[string](b, "document.body.innerText"))
	}
}

// press presses a key.
func (b *browser) press(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key))
}

// text is what an element says.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return js[string](b, "document.querySelector("+quoted(selector)+").innerText")
}

func quoted(text string) string {
	out, _ := json.Marshal(text) // It is a text.
	return string(out)
}

// shot saves what the tab shows, if that is wanted.
func (b *browser) shot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// run runs a program at the root of the lab.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir = root
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("%s %q: %v: %s", program, args, err, complaint.String())
	}
	return string(out)
}
