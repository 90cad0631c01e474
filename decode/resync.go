package decode

import "bytes"

// hunt turns to looking for the next command. With atLine, data begins with a
// line that may be one.
func (f *Framer) hunt(cause Reason, atLine bool) {
	f.state, f.cause, f.atLine, f.inLine = hunting, cause, atLine, false
	f.line, f.seen = 0, 0
}

// huntStep yields the opaque bytes before the next plausible command. Where
// that is depends on the bytes alone, not on how they came in: a run of
// opaque bytes is cut only at MaxOpaque.
func (f *Framer) huntStep() bool {
	for {
		if f.line >= MaxOpaque {
			return f.opaque(MaxOpaque)
		}
		if f.atLine {
			switch f.judge() {
			case yes:
				return f.resume()
			case unsure:
				return false
			}
			f.atLine = false
		}
		if !f.nextCandidate() {
			break
		}
	}
	if f.final() {
		return f.opaque(min(len(f.data), MaxOpaque))
	}
	return false
}

// nextCandidate goes on to the next place where a command may begin: behind a
// payload that ends within this line, or at the next line. Without a line end
// yet, all but the end of data has been looked at.
func (f *Framer) nextCandidate() bool {
	from := max(f.line, f.seen)
	i := bytes.IndexByte(f.data[from:], '\n')
	if i < 0 {
		f.examined += int64(len(f.data) - from)
		f.seen = len(f.data)
		f.line = max(f.line, len(f.data)-maxGlued-1) // one more for a CR
		return f.line >= MaxOpaque
	}
	f.examined += int64(i)
	end := from + i
	if at, ok := f.glued(end); ok {
		f.line, f.seen, f.atLine, f.inLine = at, at, true, true
		return true
	}
	f.line, f.seen, f.atLine, f.inLine = end+1, end+1, true, false
	return true
}

// maxGlued is the longest line of a command that is looked for within a line,
// and maxGluedWords how many words it may have. Those that have payloads, and
// so can follow one another without a line end between them, are short.
const (
	maxGlued      = 1 << 10
	maxGluedWords = 8
)

// glued finds the next place after f.line, in the line that ends at end, where
// a command with a payload may begin: payloads have no line end of their own,
// so the next command stands right behind the text of the last.
func (f *Framer) glued(end int) (int, bool) {
	line := bytes.TrimSuffix(f.data[f.line:end], []byte("\r"))
	skipped := 0
	if len(line) > maxGlued {
		skipped = len(line) - maxGlued
		line = line[skipped:]
	}
	f.examined += int64(len(line))
	if !endsInDigit(line) {
		return 0, false
	}
	at := -1
	for words, i := 0, len(line); words < maxGluedWords; words++ {
		if i = bytes.LastIndexByte(line[:i], ' '); i < 3 {
			break
		}
		if e := entryOf(line[i-3:], f.dir); e != nil && e != &errorEntry && e.rule != payloadNever && i-3+skipped > 0 {
			at = i - 3
		}
	}
	if at < 0 {
		return 0, false
	}
	return f.line + skipped + at, true
}

func endsInDigit(line []byte) bool { return len(line) > 0 && isDigit(line[len(line)-1]) }

// judge tells whether the line at f.line is a plausible command: one that the
// command table has, with arguments of the form it asks for. Chat text that
// begins with a verb rarely goes that far. Within a line, what follows must
// look like the command's payload as well.
func (f *Framer) judge() verdict {
	if v := looksLikeCommand(f.data[f.line:], f.dir); v != yes {
		if v == unsure && f.final() {
			return no
		}
		return v
	}
	end, found := f.lineEnd()
	if !found {
		if f.final() || len(f.data)-f.line >= MaxLine {
			return no
		}
		return unsure
	}
	f.examined += int64(end - f.line)
	line := bytes.TrimSuffix(f.data[f.line:end], []byte("\r"))
	if !Plausible(line, f.dir) {
		return no
	}
	if f.inLine {
		return f.looksLikePayload(line, f.data[end+1:])
	}
	return yes
}

// payloadStarts are how the payloads begin of the commands that follow one
// another without a line end between them.
var payloadStarts = [...]string{"MIME-Version", "<", "Routing:", "INVITE ", "MSNSLP/"}

// looksLikePayload tells whether bytes begin like the payload of a command.
func (f *Framer) looksLikePayload(line, after []byte) verdict {
	e := entryOf(line, f.dir)
	if n, ok := lengthOf(line, e.minArgs); !ok || n == 0 {
		return no
	}
	result := no
	for _, start := range payloadStarts {
		n := min(len(start), len(after))
		switch {
		case string(after[:n]) != start[:n]:
		case n == len(start):
			return yes
		case !f.final():
			result = unsure
		}
	}
	return result
}

// resume goes back to reading commands at f.line, and yields the opaque bytes
// before it.
func (f *Framer) resume() bool {
	f.state = atCommand
	if f.line == 0 {
		f.hunted = 0
		return f.step()
	}
	f.opaque(f.line)
	f.hunted = 0
	f.state = atCommand
	return true
}

// opaque yields the first n bytes as opaque, and gives up hunting after too
// many of them in a row. It always yields, and so reports true.
func (f *Framer) opaque(n int) bool {
	frame := f.take(n, 0)
	frame.Kind, frame.Reason = FrameOpaque, f.cause
	if f.hunted += int64(n); f.hunted >= MaxHunt && f.state == hunting {
		f.state, f.cause = givenUp, ReasonGivenUp
	}
	return true
}

// opaqueChunk yields bytes of a direction that is given up.
func (f *Framer) opaqueChunk() bool {
	if len(f.data) < MaxOpaque && !f.final() {
		return false
	}
	return f.opaque(min(len(f.data), MaxOpaque))
}

// verdict is an answer that may need more bytes.
type verdict uint8

const (
	no verdict = iota
	unsure
	yes
)

// looksLikeCommand tells whether bytes begin like a command: three capital
// letters, or from a server three digits, and then a space or a line end.
func looksLikeCommand(b []byte, dir Direction) verdict {
	if len(b) == 0 || len(b) == 1 && b[0] == '\r' {
		return unsure
	}
	class := isUpper
	if dir == ServerToClient && isDigit(b[0]) {
		class = isDigit
	}
	for i := 0; i < 3; i++ {
		if i >= len(b) {
			return unsure
		}
		if !class(b[i]) {
			return no
		}
	}
	if len(b) == 3 {
		return unsure
	}
	if b[3] == ' ' || b[3] == '\r' || b[3] == '\n' {
		return yes
	}
	return no
}
