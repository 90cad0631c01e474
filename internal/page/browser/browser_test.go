package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a test may take. A browser on a busy machine is slow.
const patience = 4 * time.Minute

// browser is started by the first test that needs it, and used by all.
var browser struct {
	once    sync.Once
	ctx     context.Context
	stop    func()
	missing string // why there is none
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.stop != nil {
		browser.stop()
	}
	os.Exit(code)
}

// executable finds a browser.
func executable() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("the HTML report is not tested in a browser: chromium is not installed")
}

func start() {
	path, err := executable()
	if err != nil {
		browser.missing = err.Error()
		return
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	if os.Geteuid() == 0 {
		flags = append(flags, chromedp.NoSandbox) // it does not start as root otherwise
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, stop := chromedp.NewContext(alloc)
	browser.ctx, browser.stop = ctx, func() { stop(); stopAlloc() }
	if err := chromedp.Do(ctx); err != nil {
		browser.stop()
		browser.stop = nil
		browser.missing = fmt.Sprintf("the HTML report is not tested in a browser: %s does not start: %v", path, err)
	}
}

// tab is a page that is open in the browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string // of the console
	requests   []string // but for the page itself
}

// view is how a page is looked at.
type view struct {
	width    int64  // 0 is 1280
	noScript bool   //
	dark     bool   //
	media    string // "" is the screen
}

// open opens a file, or skips the test where there is no browser.
func open(t *testing.T, file string, v view) *tab {
	t.Helper()
	browser.once.Do(start)
	if browser.missing != "" {
		t.Skip(browser.missing)
	}
	ctx, closeTab := chromedp.NewContext(browser.ctx)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	b.look(v)
	b.do(chromedp.Navigate("file://" + filepath.ToSlash(file)))
	return b
}

// look sets how the page is looked at, and listens to it.
func (b *tab) look(v view) {
	b.t.Helper()
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	if v.width == 0 {
		v.width = 1280
	}
	b.do(chromedp.EmulateViewport(v.width, 900), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err1 := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		_, err2 := cdp.Call(ctx, t, cdplog.Enable, cdp.Empty{})
		_, err3 := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.noScript})
		_, err4 := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: v.media, Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
		}})
		return errors.Join(err1, err2, err3, err4)
	}))
}

// hear takes note of what goes wrong.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, fmt.Sprint(e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s", e.Type))
	case *cdplog.EventEntryAdded:
		b.complaints = append(b.complaints, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if e.Type != network.ResourceTypeDocument {
			b.requests = append(b.requests, e.Request.URL)
		}
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval evaluates an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%v: %s", err, expression)
	}
	return out
}

// until waits for an expression to become true.
func (b *tab) until(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if eval[bool](b, expression) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("never true: %s", expression)
		}
	}
}

// wantComplaint waits for the console to have something.
func (b *tab) wantComplaint(what string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		b.mu.Lock()
		heard := strings.Join(b.complaints, "\n")
		b.mu.Unlock()
		if strings.Contains(heard, what) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("nothing was heard of %s:\n%s", what, heard)
		}
	}
}

// wantQuiet checks that nothing went wrong so far, and nothing was loaded.
func (b *tab) wantQuiet() {
	b.t.Helper()
	eval[int](b, "1") // what was before it has been heard by now
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) > 0 {
		b.t.Errorf("the console has:\n%s", strings.Join(b.complaints, "\n"))
	}
	if len(b.requests) > 0 {
		b.t.Errorf("the page loads %q", b.requests)
	}
}
