package decode

import "bytes"

// Limits of a frame. Beyond them the input is taken as no MSNP, so that a bad
// length cannot swallow the stream nor hold its memory.
const (
	// MaxLine is the longest command line, line end included. The longest
	// that real clients send are sign-in tickets of 3 to 6 KiB in base64.
	MaxLine = 32 << 10
	// MaxPayload is the largest payload. Servers limited messages to 1664
	// bytes and contact lists to 7500; XML pushed by MSNP21 servers runs to
	// some tens of KiB.
	MaxPayload = 256 << 10
	// MaxOpaque is the size at which a run of opaque bytes is cut into
	// several frames.
	MaxOpaque = 16 << 10
	// MaxHunt is how many opaque bytes in a row a framer searches for a
	// command before it gives its direction up as not MSNP.
	MaxHunt = 1 << 20
	// idleStorage is what a framer may hold on to between commands.
	idleStorage = 2 << 10
)

// FrameKind is the kind of a frame.
type FrameKind uint8

// The kinds of frames.
const (
	FrameCommand FrameKind = iota + 1
	FrameOpaque
	FrameGap
)

// Reason says why a frame is opaque, or what is irregular about a command.
type Reason uint8

// The reasons.
const (
	ReasonNone        Reason = iota
	ReasonNotCommand         // opaque: no command begins here
	ReasonMidStream          // opaque: the stream was joined in the middle
	ReasonAfterGap           // opaque: the rest of what a gap cut
	ReasonEmptyLine          // opaque: a line with nothing in it
	ReasonLineTooLong        // opaque: no line end within MaxLine
	ReasonLineCut            // opaque: the stream ended, or a gap began, within a line
	ReasonGivenUp            // opaque: nothing like a command in MaxHunt bytes
	ReasonBadLength          // command: the payload length is missing or no number
	ReasonHugeLength         // command: the payload length is over MaxPayload
	ReasonPayloadCut         // command: the stream ended, or a gap began, within the payload
	ReasonGuessNone          // command: perhaps with a payload, taken to have none
	ReasonGuessLength        // command: perhaps with a payload, its last argument taken as the length
)

var reasonTexts = [...]string{
	ReasonNotCommand:  "not a command",
	ReasonMidStream:   "the stream was joined in the middle of a command",
	ReasonAfterGap:    "the rest of a command whose beginning is missing",
	ReasonEmptyLine:   "an empty line",
	ReasonLineTooLong: "a line without an end",
	ReasonLineCut:     "the line is cut off",
	ReasonGivenUp:     "nothing like a command for a long time; no longer searched for one",
	ReasonBadLength:   "the payload length is missing or not a number",
	ReasonHugeLength:  "the payload length is over the limit; taken as a bad length",
	ReasonPayloadCut:  "the payload is cut off",
	ReasonGuessNone:   "whether it has a payload is not known; taken to have none",
	ReasonGuessLength: "whether it has a payload is not known; its last argument taken as the length of one",
}

// String says the reason in words.
func (r Reason) String() string { return reasonTexts[r] }

// Frame is one piece of a direction of a connection. Its slices are valid
// until the next call of any method of the framer.
type Frame struct {
	Kind       FrameKind
	Offset     int64  // of its first byte, counted from the start of the direction, gaps included
	Raw        []byte // all its bytes as they came in
	Line       []byte // command: the line without its end
	Payload    []byte // command: the payload, as far as it is there
	HasPayload bool   // command: it has a payload, perhaps an empty one
	Declared   int64  // command: the payload length that the line tells
	Lost       int64  // gap: its size; command: the bytes missing from the payload
	Reason     Reason

	entry *verbEntry // command: of its verb; nil for an unknown one
}

// Size returns the number of bytes on the wire, lost ones included.
func (f *Frame) Size() int64 { return int64(len(f.Raw)) + f.Lost }

// Framer cuts one direction of a connection into frames. Feed it bytes, then
// call Next until it wants more. The zero Framer is not ready; use NewFramer.
//
// It keeps three promises, whatever it is fed: the raw bytes of its frames
// are its input, byte for byte; the frames do not depend on how the input was
// cut into chunks; its work is linear in the input, and the memory it holds
// is bounded by MaxLine and MaxPayload.
type Framer struct {
	dir     Direction
	dialect Dialect // only where it is certain; see SetDialect

	data     []byte // input not yet yielded
	borrowed bool   // data is the caller's
	own      []byte // storage for data between two calls of Feed
	fed      []byte // what was fed behind data that is in own; nil where data is all
	copied   int    // how much of it data has already
	offset   int64  // of data[0]
	frame    Frame  // the last one yielded

	state  frameState
	line   int       // where the line begins that is looked at: 0, or further on when hunting
	seen   int       // data[line:seen] holds no line end
	atLine bool      // hunting: data[line] begins a line that is not yet judged
	inLine bool      // hunting: data[line] is within a line, behind what may be a payload
	cause  Reason    // hunting: why
	hunted int64     // opaque bytes yielded since the last command
	head   lineFacts // inPayload: the command's line
	lost   int64     // inPayload: bytes of the payload that gaps took

	gap   int64 // a gap that comes after data
	ended bool  // nothing comes after data

	examined int64 // bytes looked at or moved so far: tests hold it to be linear in the input
}

// frameState is what a framer does with the next byte.
type frameState uint8

const (
	atCommand frameState = iota // a command begins at data[0]
	inPayload                   // a command does, and its line is understood
	hunting                     // looking for the next command
	givenUp                     // not MSNP; everything is opaque
)

// lineFacts is what the line of a command tells about framing.
type lineFacts struct {
	size       int // of the line, with its end
	text       int // of the line, without its end
	hasPayload bool
	declared   int64
	reason     Reason
	entry      *verbEntry
}

// NewFramer returns a framer for a direction. With midStream it does not take
// the first byte for the beginning of a command: the capture may have joined
// the connection at any point.
func NewFramer(dir Direction, midStream bool) *Framer {
	f := &Framer{dir: dir}
	if midStream {
		f.hunt(ReasonMidStream, true)
	}
	return f
}

// SetDialect tells the framer the dialect, once it is certain: error replies
// have payloads only from MSNP13 on. An inferred dialect is not certain.
func (f *Framer) SetDialect(d Dialect) { f.dialect = d }

// Feed appends input. The framer does not copy it until it must: p must stay
// as it is until Next has returned false, and Next must be called until it
// does before anything else is fed.
func (f *Framer) Feed(p []byte) {
	if len(f.data) == 0 {
		f.data, f.borrowed = p, true
		return
	}
	f.fed, f.copied = p, 0 // data is in own: Next moved it there when it returned false
}

// stitch is how much of the input is copied at a time behind the beginning of
// a command that is in storage of the framer's own: most are complete then,
// and what follows is read where it is.
const stitch = 512

// more brings more of what was fed behind the data in own. It reports false if
// there is none.
func (f *Framer) more() bool {
	n := min(len(f.fed)-f.copied, max(stitch, len(f.data)))
	if n <= 0 {
		return false
	}
	if cap(f.data) < cap(f.own) { // frames were taken off its beginning
		f.examined += int64(copy(f.own[:cap(f.own)], f.data))
	}
	f.examined += int64(n)
	f.own = append(f.own[:len(f.data)], f.fed[f.copied:f.copied+n]...)
	f.data = f.own
	f.copied += n
	return true
}

// unstitch goes on in what was fed, once data is a part of it.
func (f *Framer) unstitch() {
	if f.fed != nil && len(f.data) <= f.copied {
		f.data, f.borrowed = f.fed[f.copied-len(f.data):], true
		f.fed, f.copied = nil, 0
	}
}

// Pending returns the input that is not part of a frame yet. It is valid until
// the next call of any method.
func (f *Framer) Pending() []byte { return f.data }

// inputOffset is the offset at which the next input stands.
func (f *Framer) inputOffset() int64 {
	pending := f.offset + int64(len(f.data))
	if f.state == inPayload {
		pending += f.lost
	}
	return pending + f.gap
}

// Gap tells that n bytes are missing after the input so far. As after Feed,
// Next must be called until it returns false.
func (f *Framer) Gap(n int64) { f.gap += n }

// End tells that no more input comes. Next then yields what is left.
func (f *Framer) End() { f.ended = true }

// Next returns the next frame, valid until the next call of any method, or
// false when it needs more input.
func (f *Framer) Next() (*Frame, bool) {
	for {
		f.unstitch()
		if f.step() {
			return &f.frame, true
		}
		if !f.more() {
			f.keep()
			return nil, false
		}
	}
}

// step makes the next frame, or reports false.
func (f *Framer) step() bool {
	if f.state == atCommand && len(f.data) > 0 {
		if ok := f.command(); ok || f.state != hunting {
			return ok
		}
	}
	switch {
	case f.state == inPayload:
		return f.payload()
	case len(f.data) == 0 && f.gap > 0:
		f.gapFrame()
		return true
	case len(f.data) == 0:
		return false
	case f.state == givenUp:
		return f.opaqueChunk()
	}
	return f.huntStep()
}

// final tells that data is followed by a gap or the end: what is not complete
// now will never be.
func (f *Framer) final() bool { return f.gap > 0 || f.ended }

// keep moves what is left of the input into storage of the framer's own, and
// lets go of storage that an idle connection need not hold.
func (f *Framer) keep() {
	switch {
	case len(f.data) == 0:
		f.data = nil
		if cap(f.own) > idleStorage {
			f.own = nil
		}
	case f.borrowed:
		f.examined += int64(len(f.data))
		f.own = append(f.own[:0], f.data...)
		f.data = f.own
	}
	f.borrowed, f.fed, f.copied = false, nil, 0
}

// command looks at the line at data[0]. It yields a command without payload,
// or goes on to inPayload or hunting.
func (f *Framer) command() bool {
	if n := f.emptyLine(); n > 0 {
		frame := f.take(n, 0)
		frame.Kind, frame.Reason = FrameOpaque, ReasonEmptyLine
		return true
	}
	if looksLikeCommand(f.data, f.dir) == no {
		f.hunt(ReasonNotCommand, false)
		return false
	}
	end, found := f.lineEnd()
	if !found {
		switch {
		case len(f.data) >= MaxLine:
			f.hunt(ReasonLineTooLong, false)
		case f.final():
			f.hunt(ReasonLineCut, false)
		}
		return false
	}
	head := lineFacts{size: end + 1, text: end}
	if end > 0 && f.data[end-1] == '\r' {
		head.text--
	}
	if !f.readLine(&head) {
		return false
	}
	if head.hasPayload {
		f.state, f.head, f.lost = inPayload, head, 0
		return f.payload()
	}
	f.take(head.size, 0).setCommand(&head)
	if head.reason == ReasonHugeLength || head.reason == ReasonBadLength {
		f.hunt(ReasonNotCommand, true) // what follows may be its payload
	}
	return true
}

// emptyLine returns the size of an empty line at data[0], or 0. Some clients
// end payloads with a line end that they do not count.
func (f *Framer) emptyLine() int {
	switch {
	case f.data[0] == '\n':
		return 1
	case len(f.data) > 1 && f.data[0] == '\r' && f.data[1] == '\n':
		return 2
	}
	return 0
}

// lineEnd finds the end of the line that begins at f.line, at most MaxLine
// bytes on, and remembers how far it has looked.
func (f *Framer) lineEnd() (int, bool) {
	to := min(len(f.data), f.line+MaxLine)
	from := max(f.seen, f.line)
	if from >= to {
		return 0, false
	}
	i := bytes.IndexByte(f.data[from:to], '\n')
	if i < 0 {
		f.examined += int64(to - from)
		f.seen = to
		return 0, false
	}
	f.examined += int64(i)
	return from + i, true
}

// readLine fills in what the line says about a payload. It reports false
// when the bytes behind the line must be seen first.
func (f *Framer) readLine(head *lineFacts) bool {
	line := f.data[:head.text]
	entry := entryOf(line, f.dir)
	if head.entry = entry; entry == nil {
		return f.guess(head)
	}
	switch entry.rule {
	case payloadNever:
		return true
	case payloadGuess:
		return f.guess(head)
	}
	if entry == &errorEntry {
		if f.dialect == 0 || f.dialect >= 13 {
			head.declared, head.hasPayload = errorPayload(line)
		}
	} else {
		head.declared, head.hasPayload = lengthOf(line, entry.minArgs)
		if !head.hasPayload && entry.rule == payloadAlways {
			head.reason = ReasonBadLength
		}
	}
	if head.declared > MaxPayload {
		head.hasPayload, head.reason = false, ReasonHugeLength
	}
	return true
}

// lengthOf reads the last argument of a line as a payload length, if the line
// has at least minArgs arguments.
func lengthOf(line []byte, minArgs int) (int64, bool) {
	line = trimSpaces(line)
	i := len(line) - 1
	for i >= 0 && line[i] != ' ' {
		i--
	}
	if i < 0 || minArgs > 1 && !hasSpaces(line[:i], minArgs-1) {
		return 0, false
	}
	return parseLength(line[i+1:])
}

// hasSpaces tells whether there are at least n spaces in a line.
func hasSpaces(line []byte, n int) bool {
	for _, c := range line {
		if c == ' ' {
			if n--; n == 0 {
				return true
			}
		}
	}
	return n <= 0
}

// trimSpaces takes off the spaces at a line's end. Some servers strip lines, so
// clients that send such lines work.
func trimSpaces(line []byte) []byte {
	for len(line) > 0 && line[len(line)-1] == ' ' {
		line = line[:len(line)-1]
	}
	return line
}

var spaceByte = []byte{' '}

// parseLength is parseDecimal for lengths: one of more than 18 digits is a
// number too, and over every limit.
func parseLength(word []byte) (int64, bool) {
	if len(word) > 18 && isDecimalDigits(word) {
		return MaxPayload + 1, true
	}
	return parseDecimal(word)
}

// errorPayload reads the payload length of an error reply. It has one only
// with exactly two arguments that are numbers: "241 15 53", never "911 3"
// (MSNP.md §1.3).
func errorPayload(line []byte) (int64, bool) {
	if len(line) < 4 {
		return 0, false
	}
	trid, length, two := bytes.Cut(trimSpaces(line[4:]), spaceByte)
	if _, ok := parseTrID(trid); !two || !ok {
		return 0, false
	}
	return parseLength(length)
}

// guess decides whether an unknown command whose last argument is a number
// has a payload of that length: not if a command follows the line, else if
// one follows the payload (MSNP.md §1.4). It reports false when it cannot
// tell yet.
func (f *Framer) guess(head *lineFacts) bool {
	head.reason = ReasonGuessNone
	n, ok := lengthOf(f.data[:head.text], 1)
	if !ok || n == 0 || n > MaxPayload {
		return true
	}
	after := f.data[head.size:]
	switch looksLikeCommand(after, f.dir) {
	case yes:
		return true
	case unsure:
		return f.final()
	}
	if int64(len(after)) < n {
		return f.final()
	}
	follows := looksLikeCommand(after[n:], f.dir)
	if follows == unsure && !f.final() {
		return false
	}
	if follows != no {
		head.hasPayload, head.declared, head.reason = true, n, ReasonGuessLength
	}
	return true
}

// payload yields the command once its payload is there. A gap that fits into
// the payload is bridged.
func (f *Framer) payload() bool {
	missing := f.head.declared - f.lost - int64(len(f.data)-f.head.size)
	if missing > 0 && f.gap > 0 {
		bridged := min(missing, f.gap)
		f.lost += bridged
		f.gap -= bridged
		missing -= bridged
		if f.gap > 0 {
			f.head.reason = ReasonPayloadCut
		}
	}
	if missing > 0 && !f.ended {
		return false
	}
	size := len(f.data)
	if missing > 0 {
		f.head.reason = ReasonPayloadCut
	} else {
		size = f.head.size + int(f.head.declared-f.lost)
	}
	f.take(size, f.lost).setCommand(&f.head)
	f.state = atCommand
	return true
}

// setCommand makes a command of a frame's raw bytes.
func (frame *Frame) setCommand(head *lineFacts) {
	frame.Kind, frame.entry = FrameCommand, head.entry
	frame.Line = frame.Raw[:head.text:head.text]
	frame.Reason = head.reason
	if head.hasPayload {
		frame.HasPayload, frame.Declared = true, head.declared
		frame.Payload = frame.Raw[head.size:]
	}
}

// gapFrame yields the gap that comes next in the input.
func (f *Framer) gapFrame() {
	f.frame = Frame{Kind: FrameGap, Offset: f.offset, Lost: f.gap}
	f.offset += f.gap
	f.gap = 0
	if f.state != givenUp {
		f.hunt(ReasonAfterGap, true)
	}
}

// take cuts n bytes off data as the raw bytes of a frame, lost bytes not
// counted.
func (f *Framer) take(n int, lost int64) *Frame {
	f.frame = Frame{Offset: f.offset, Raw: f.data[:n:n], Lost: lost}
	f.data = f.data[n:]
	f.offset += int64(n) + lost
	f.line, f.seen = max(0, f.line-n), max(0, f.seen-n)
	return &f.frame
}
