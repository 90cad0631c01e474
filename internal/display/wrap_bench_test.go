package display

import (
	"strings"
	"testing"
)

// texts are what people say: in letters of English, with some others, in others
// altogether.
var texts = map[string]string{
	"plain": strings.Repeat("see you at the station at eight then ", 12),
	"mixed": strings.Repeat("café at the station at eight – then 🙂 ", 12),
	"other": strings.Repeat("до встречи на вокзале в восемь ", 12),
}

func BenchmarkHarmlessAndWrapped(b *testing.B) {
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				Wrap(Harmless(text), 58, 58)
			}
		})
	}
}
