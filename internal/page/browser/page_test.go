package browser

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestEveryCapture(t *testing.T) {
	everyCapture(t, func(t *testing.T, file string) {
		b := open(t, file, view{})
		b.until("!document.getElementById('filter').hidden")
		wantLinks(t, b)
		wantStructure(t, b)
		wantNothingCutOff(t, b)
		b.wantQuiet()
		plain := open(t, file, view{noScript: true})
		wantLinks(t, plain)
		plain.wantQuiet()
	})
}

// TestThePolicyIsStrict: what somebody might smuggle into the page does not
// run, is not loaded and is not applied; and the tests would hear of it.
func TestThePolicyIsStrict(t *testing.T) {
	file, _ := sample(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	smuggled := `<main id="main" tabindex="-1"><script>window.ran = 1</script><img src="https://example.com/x.png" onerror="window.ran = 2">` +
		`<p id="styled" style="color: rgb(1, 2, 3)">x</p><iframe src="https://example.com/"></iframe>`
	changed := strings.Replace(string(text), `<main id="main" tabindex="-1">`, smuggled, 1)
	if changed == string(text) {
		t.Fatal("nothing was smuggled in")
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, file, view{})
	if eval[bool](b, "'ran' in window") {
		t.Error("a smuggled script ran")
	}
	if color := eval[string](b, "getComputedStyle(document.getElementById('styled')).color"); color == "rgb(1, 2, 3)" {
		t.Error("a smuggled style was applied")
	}
	if eval[bool](b, "(() => { try { document.body.innerHTML = '<b>x</b>' } catch { return false } return true })()") {
		t.Error("a text became markup")
	}
	for _, what := range []string{"script-src", "style-src", "img-src", "frame-src"} {
		b.wantComplaint(what)
	}
}

const hostileText = `<script>window.ran = 1</script><img src=x onerror="window.ran = 2">` + "\u202e" + `</script></textarea>{{.}}${window.ran = 3}` + "\x1b[2J"

// shown is how hostileText is to be read.
const shown = `<script>window.ran = 1</script><img src=x onerror="window.ran = 2">\u202e</script></textarea>{{.}}${window.ran = 3}\x1b[2J`

func TestHostileTextShowsAsText(t *testing.T) {
	for _, noScript := range []bool{false, true} {
		t.Run(fmt.Sprintf("without script %t", noScript), func(t *testing.T) {
			rep := newReport(t)
			talk(rep, `"><script>window.ran=4</script>@example.com`, hostileText)
			b := open(t, save(t, rep), view{noScript: noScript})
			for place, element := range map[string]string{
				"the chat": ".chat .text", "the arrow": ".step q bdi", "the remark": "#rows .remarks", "the payload": "#rows pre", "the table": "#t-messages td:last-child",
			} {
				if got := eval[string](b, fmt.Sprintf("document.querySelector(%q).textContent", element)); !strings.Contains(got, shown) {
					t.Errorf("%s has %q, want %q in it", place, got, shown)
				}
			}
			if eval[bool](b, "'ran' in window") {
				t.Error("a message ran as a script")
			}
			if n := eval[int](b, "document.querySelectorAll('img, iframe, script').length"); n != 2 {
				t.Errorf("there are %d elements that could load or run something, want our own 2", n)
			}
			b.wantQuiet()
		})
	}
}

// loose lists links to nowhere.
const loose = `[...document.querySelectorAll('a')].map(a => a.getAttribute('href')).filter(h => !h.startsWith('#') || !document.getElementById(h.slice(1)))`

// wantLinks checks that every link, each arrow's among them, leads somewhere on
// the page.
func wantLinks(t *testing.T, b *tab) {
	t.Helper()
	if bad := eval[[]string](b, loose); len(bad) > 0 {
		t.Errorf("these lead nowhere: %q", bad[:min(len(bad), 5)])
	}
	all := eval[int](b, "document.querySelectorAll('.step').length")
	if links := eval[int](b, "document.querySelectorAll('.step a[href^=\"#r\"]').length"); links != all || all == 0 {
		t.Errorf("%d of %d arrows lead to a record", links, all)
	}
}

// TestAnArrowLeadsToItsRecord, by keyboard, and from there the record can be
// read.
func TestAnArrowLeadsToItsRecord(t *testing.T) {
	file, _ := sample(t)
	b := open(t, file, view{})
	const arrow = `[...document.querySelectorAll('.step a')].find(a => a.textContent.includes('Hello Bob'))`
	eval[any](b, arrow+".focus()")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("location.hash.startsWith('#r') && document.activeElement.matches('#rows tr.visited')")
	got := eval[string](b, "document.activeElement.innerText")
	if !strings.Contains(got, "MSG") || !strings.Contains(got, "text: Hello Bob") {
		t.Errorf("the record is %q", got)
	}
	if !eval[bool](b, "(r => r.top >= 0 && r.bottom <= innerHeight)(document.activeElement.getBoundingClientRect())") {
		t.Error("the record is out of sight")
	}
}

// rows is how many records the page says it shows, and shows.
func rows(b *tab) int { return eval[int](b, "document.querySelectorAll('#rows tr[id]').length") }

func TestFilter(t *testing.T) {
	file, counted := sample(t)
	b := open(t, file, view{})
	if n := rows(b); n != counted.all {
		t.Fatalf("%d records are shown, want all %d", n, counted.all)
	}
	choose := func(name, value string) {
		eval[any](b, fmt.Sprintf("(e => { e.value = %q; e.dispatchEvent(new Event('input', {bubbles: true})) })(document.forms.filter.elements[%q])", value, name))
	}
	status := func(n int) {
		t.Helper()
		b.until(fmt.Sprintf("document.getElementById('status').textContent.includes(' of %d records')", n))
		if got := rows(b); got != n {
			t.Errorf("%d rows are shown, want %d", got, n)
		}
	}
	choose("verb", "MSG")
	status(counted.commands)
	if !eval[bool](b, "[...document.querySelectorAll('#rows .line')].every(e => e.textContent.startsWith('MSG '))") {
		t.Error("other verbs are shown")
	}
	choose("conn", "c5")
	choose("way", "client → SB")
	// The client's MSG of the sample's switchboard c5: two typing notices and
	// three chats (docs of the sample, msnp15.go).
	status(5)
	b.do(chromedp.Click(chromedp.CSS("#filter button[type=reset]")))
	b.until(fmt.Sprintf("document.getElementById('status').textContent.includes(' of %d records')", counted.all))

	// By keyboard, words in any order.
	b.do(chromedp.Focus(chromedp.CSS("#filter [name=text]")), chromedp.KeyEvent("bob hello"))
	// The page filters while one types: what counts is what it comes to.
	b.until("(rows => rows.length > 0 && rows.every(e => /bob/i.test(e.textContent) && /hello/i.test(e.textContent)))([...document.querySelectorAll('#rows tr')])")
	b.do(chromedp.Click(chromedp.CSS("#filter button[type=reset]")), chromedp.Click(chromedp.CSS("#filter [name=trouble]")))
	b.until("document.querySelectorAll('#rows tr').length > 0 && document.querySelectorAll('#rows tr:not(.trouble)').length === 0")
	b.wantQuiet()
}

func TestReadableWithoutScript(t *testing.T) {
	file, counted := sample(t)
	b := open(t, file, view{noScript: true})
	if n := rows(b); n != counted.all {
		t.Errorf("%d records can be read, want all %d", n, counted.all)
	}
	if eval[bool](b, "document.getElementById('filter').checkVisibility() || document.querySelector('.pager').checkVisibility()") {
		t.Error("there are controls that do nothing")
	}
	b.do(chromedp.Click(chromedp.CSS("#rows summary")))
	if !eval[bool](b, "document.querySelector('#rows pre').checkVisibility()") {
		t.Error("a payload does not open")
	}
}

// wantNothingCutOff checks that no page is wider than the window, on a
// telephone as on a desk.
func wantNothingCutOff(t *testing.T, b *tab) {
	t.Helper()
	eval[any](b, "document.querySelectorAll('details').forEach(d => d.open = true)")
	for _, width := range []int64{320, 360, 768, 1280} {
		b.do(chromedp.EmulateViewport(width, 900))
		if got := eval[int64](b, "document.documentElement.scrollWidth"); got > width {
			wide := eval[[]string](b, fmt.Sprintf("[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .lane, svg, .vh') && e.getBoundingClientRect().right > %d).map(e => e.tagName + '.' + e.className).slice(0, 5)", width))
			t.Errorf("at %d pixels the page is %d wide: %q", width, got, wide)
		}
	}
}

func TestKeyboardComesFirstToTheSkipLink(t *testing.T) {
	file, _ := sample(t)
	b := open(t, file, view{})
	b.do(chromedp.KeyEvent(kb.Tab))
	if got := eval[string](b, "document.activeElement.className"); got != "skip" {
		t.Fatalf("Tab comes first to %q", got)
	}
	if !eval[bool](b, "document.activeElement.getBoundingClientRect().left >= 0") {
		t.Error("the skip link cannot be seen")
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("document.activeElement.id === 'main'")
}

// structure lists what a screen reader would stumble over.
const structure = `(() => {
  const bad = [], seen = new Set();
  for (const e of document.querySelectorAll('[id]')) { if (seen.has(e.id)) bad.push('two of id ' + e.id); seen.add(e.id); }
  let level = 0;
  for (const h of document.querySelectorAll('h1, h2, h3, h4')) { const n = +h.tagName[1]; if (n > level + 1) bad.push('heading skips to ' + h.textContent); level = n; }
  if (document.querySelectorAll('h1').length !== 1) bad.push('not one h1');
  for (const name of ['header', 'main', 'footer', 'nav']) if (!document.querySelector(name)) bad.push('no ' + name);
  for (const t of document.querySelectorAll('table')) {
    if (!t.caption || !t.caption.textContent.trim()) bad.push('a table without caption');
    for (const h of t.querySelectorAll('th')) if (h.scope !== 'col' && h.scope !== 'row') bad.push('a th without scope: ' + h.textContent);
  }
  for (const n of document.querySelectorAll('nav, section, [role=region], [role=group]'))
    if (!n.getAttribute('aria-label') && !document.getElementById(n.getAttribute('aria-labelledby'))) bad.push('without a name: ' + n.tagName + ' ' + n.id);
  for (const i of document.querySelectorAll('input, select')) if (!i.labels.length || !i.labels[0].textContent.trim()) bad.push('without a label: ' + i.name);
  for (const a of document.querySelectorAll('a, button, summary')) if (!(a.textContent.trim() || a.getAttribute('aria-label'))) bad.push('without a text: ' + a.outerHTML);
  if (document.documentElement.lang !== 'en') bad.push('no language');
  return bad;
})()`

func wantStructure(t *testing.T, b *tab) {
	t.Helper()
	if bad := eval[[]string](b, structure); len(bad) > 0 {
		t.Errorf("%s", strings.Join(bad, "\n"))
	}
}

// contrast lists texts that stand out too little from what is behind them: by
// less than 4.5 to 1 (WCAG 2.2, 1.4.3).
const contrast = `(() => {
  const parts = (s) => s.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      if (e instanceof SVGElement && e.matches('svg svg')) return getComputedStyle(e.querySelector('rect')).fill;
      const c = parts(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return getComputedStyle(e).backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const bad = new Set();
  let seen = 0;
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.closest(':disabled')) continue;
    seen++;
    const style = getComputedStyle(e), text = e instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(parts(text)), light(parts(behind(e)))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.add(e.tagName + '.' + (e.className.baseVal ?? e.className) + ' ' + ratio.toFixed(2));
  }
  return seen < 100 ? ['only ' + seen + ' texts were looked at'] : [...bad];
})()`

func TestTextCanBeReadInBothSchemes(t *testing.T) {
	file, _ := sample(t)
	page := map[bool]string{}
	for _, dark := range []bool{false, true} {
		b := open(t, file, view{dark: dark})
		page[dark] = eval[string](b, "getComputedStyle(document.body).backgroundColor")
		if bad := eval[[]string](b, contrast); len(bad) > 0 {
			t.Errorf("dark %t: %s", dark, strings.Join(bad, "\n"))
		}
	}
	if page[false] == page[true] {
		t.Errorf("light and dark look the same: %s", page[true])
	}
}

func TestPrint(t *testing.T) {
	file, _ := sample(t)
	b := open(t, file, view{media: "print", dark: true})
	eval[any](b, "document.querySelectorAll('details.diagram').forEach(d => d.open = false)")
	for what, want := range map[string]bool{"nav.contents": false, "#filter": false, ".pager": false, ".chat .text": true, "#rows tr": true, "details.diagram ol": true} {
		if got := eval[bool](b, fmt.Sprintf("(e => e.checkVisibility({contentVisibilityAuto: true}) && e.getBoundingClientRect().height > 0)(document.querySelector(%q))", what)); got != want {
			t.Errorf("%s is printed: %t, want %t", what, got, want)
		}
	}
	if got := eval[string](b, "getComputedStyle(document.body).backgroundColor"); got != "rgb(255, 255, 255)" {
		t.Errorf("it is printed on %s", got)
	}
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(pdf), "%PDF-") {
		t.Error("it cannot be printed")
	}
}

func TestLargeRun(t *testing.T) {
	rep, counted := busy(t)
	if counted.all < 100_000 {
		t.Fatalf("there are only %d records", counted.all)
	}
	file := save(t, rep)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 50_000_000 {
		t.Errorf("the page has %d bytes", info.Size())
	}
	began := time.Now()
	b := open(t, file, view{})
	b.until("document.getElementById('status').textContent.includes('of 100000 records')")
	t.Logf("%d bytes, opened in %v", info.Size(), time.Since(began).Round(time.Millisecond))
	if n := eval[int](b, "document.querySelectorAll('*').length"); n > 100_000 {
		t.Errorf("the page has %d elements", n)
	}
	if got := eval[string](b, "document.querySelector('#records > .more').textContent"); !strings.Contains(got, fmt.Sprintf("and %d more", counted.all-100_000)) {
		t.Errorf("of what is left out it says %q, and there are %d records", got, counted.all)
	}
	eval[any](b, "location.hash = '#r100000'")
	b.until("document.activeElement.id === 'r100000'")
	if got := eval[string](b, "document.getElementById('page').textContent"); got != "page 500 of 500" {
		t.Errorf("it is on %s", got)
	}
	last := eval[string](b, "document.querySelector('#r100000 .ref').textContent")
	b.do(chromedp.Focus(chromedp.CSS("#filter [name=text]")), chromedp.KeyEvent(last))
	// While one types, the page filters by what there is so far.
	b.until(fmt.Sprintf("(rows => rows.length > 0 && rows.every(e => e.textContent.includes(%q)))([...document.querySelectorAll('#rows tr')])", last))
	b.until("document.getElementById('status').textContent.includes('100000 in all')")
	b.wantQuiet()

	plain := open(t, file, view{noScript: true})
	if n := rows(plain); n < 500 || n > 3000 {
		t.Errorf("%d records can be read without script", n)
	}
	wantLinks(t, plain)
	if got := eval[string](plain, "document.getElementById('status').textContent"); !strings.Contains(got, "less than the 100000 that it holds") {
		t.Errorf("the page says %q", got)
	}
}
