package display

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"
)

// characterByCharacter is what appendValid and fitting do, told apart in full.
func characterByCharacter(s string, width int) (harmless string, fits int) {
	var out []byte
	used, full := 0, false
	for g := displaywidth.StringGraphemes(s); g.Next(); {
		out = appendCharacter(out, g.Value())
		if used += g.Width() + countBesides(g.Value()); used > width {
			full = true
		}
		if !full {
			fits += len(g.Value())
		}
	}
	return string(out), fits
}

// TestWhatStandsAloneIsToldApartAllTheSame: letters that others settle on do not
// stand alone.
func TestWhatStandsAloneIsToldApartAllTheSame(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	parts := []string{"a", " ", "~", "word ", "e\u0301", "\u0301", "\u200d", "👨‍👩‍👧", "🇩🇪", "🇩", "1\ufe0f\u20e3", "ก\u0e33", "\uff76\uff9e", "語", "\n", "\x7f", "\r\n", "א"}
	for range 20_000 {
		var b strings.Builder
		for range rng.Intn(12) {
			b.WriteString(parts[rng.Intn(len(parts))])
		}
		s, width := b.String(), rng.Intn(14)-1
		want, fits := characterByCharacter(s, width)
		if got := string(appendValid(nil, s)); got != want {
			t.Fatalf("%q becomes %q, want %q", s, got, want)
		}
		if got := fitting(s, width); got != fits {
			t.Fatalf("of %q, %d bytes fit into %d columns, want %d", s, got, width, fits)
		}
	}
}
