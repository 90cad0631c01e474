package decode

import "bytes"

// hunt turns to looking for the next command. With atLine, data begins with a
// line that may be one.
func (f *Framer) hunt(cause Reason, atLine bool) {
	f.state, f.cause, f.atLine = hunting, cause, atLine
	f.line, f.seen = 0, 0
}

// huntStep yields the opaque bytes before the next plausible command. Where
// that is depends on the bytes alone, not on how they came in: a run of
// opaque bytes is cut only at MaxOpaque.
func (f *Framer) huntStep() (Frame, bool) {
	for {
		if f.line >= MaxOpaque {
			return f.opaque(MaxOpaque), true
		}
		if f.atLine {
			switch f.judge() {
			case yes:
				return f.resume()
			case unsure:
				return Frame{}, false
			}
			f.atLine = false
		}
		if !f.nextLine() {
			break
		}
	}
	if f.final() {
		return f.opaque(min(len(f.data), MaxOpaque)), true
	}
	return Frame{}, false
}

// nextLine goes on to the line after the one at f.line. Without one yet, all
// of data has been looked at.
func (f *Framer) nextLine() bool {
	from := max(f.line, f.seen)
	i := bytes.IndexByte(f.data[from:], '\n')
	if i < 0 {
		f.examined += int64(len(f.data) - from)
		f.line, f.seen = len(f.data), len(f.data)
		return f.line >= MaxOpaque
	}
	f.examined += int64(i)
	f.line, f.seen, f.atLine = from+i+1, from+i+1, true
	return true
}

// judge tells whether the line at f.line is a plausible command: one that the
// command table has, with arguments of the form it asks for. Chat text that
// begins with a verb rarely goes that far.
func (f *Framer) judge() verdict {
	if v := looksLikeCommand(f.data[f.line:], f.dir); v != yes {
		if v == unsure && f.final() {
			return no
		}
		return v
	}
	end, found := f.lineEnd()
	if found {
		f.examined += int64(end - f.line)
		line := bytes.TrimSuffix(f.data[f.line:end], []byte("\r"))
		if Plausible(line, f.dir) {
			return yes
		}
		return no
	}
	if f.final() || len(f.data)-f.line >= MaxLine {
		return no
	}
	return unsure
}

// resume goes back to reading commands at f.line, and yields the opaque bytes
// before it.
func (f *Framer) resume() (Frame, bool) {
	f.state = atCommand
	if f.line == 0 {
		f.hunted = 0
		return f.step()
	}
	frame := f.opaque(f.line)
	f.hunted = 0
	f.state = atCommand
	return frame, true
}

// opaque yields the first n bytes as opaque, and gives up hunting after too
// many of them in a row.
func (f *Framer) opaque(n int) Frame {
	frame := f.take(n, 0)
	frame.Kind, frame.Reason = FrameOpaque, f.cause
	if f.hunted += int64(n); f.hunted >= MaxHunt && f.state == hunting {
		f.state, f.cause = givenUp, ReasonGivenUp
	}
	return frame
}

// opaqueChunk yields bytes of a direction that is given up.
func (f *Framer) opaqueChunk() (Frame, bool) {
	if len(f.data) < MaxOpaque && !f.final() {
		return Frame{}, false
	}
	return f.opaque(min(len(f.data), MaxOpaque)), true
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
	if len(b) == 0 {
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
