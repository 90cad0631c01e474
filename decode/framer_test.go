package decode

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// input is what a framer is fed: bytes and gaps in turn.
type input struct {
	bytes string
	gap   int64
}

// shown is a frame as text, for comparison: the kind, the line or the raw
// bytes, the payload, and what is irregular.
func shown(f Frame) string {
	var b strings.Builder
	switch f.Kind {
	case FrameGap:
		return fmt.Sprintf("gap %d", f.Lost)
	case FrameOpaque:
		fmt.Fprintf(&b, "opaque %q", f.Raw)
	default:
		fmt.Fprintf(&b, "%s", f.Line)
		if f.HasPayload {
			fmt.Fprintf(&b, " | %q", f.Payload)
		}
		if f.Lost > 0 {
			fmt.Fprintf(&b, " lost %d", f.Lost)
		}
	}
	if f.Reason != ReasonNone {
		fmt.Fprintf(&b, " (%s)", f.Reason)
	}
	return b.String()
}

// frames runs a framer over inputs and shows what comes out. It checks what
// holds for every input: the raw bytes are the input, and the offsets follow
// one another.
func frames(t testing.TB, f *Framer, inputs []input) []string {
	t.Helper()
	var out []string
	var raw, want []byte
	offset := int64(0)
	drain := func() {
		for {
			frame, ok := f.Next()
			if !ok {
				return
			}
			if frame.Offset != offset {
				t.Fatalf("frame %q begins at %d, want %d", shown(*frame), frame.Offset, offset)
			}
			offset += frame.Size()
			raw = append(raw, frame.Raw...)
			out = append(out, shown(*frame))
		}
	}
	for _, in := range inputs {
		if in.bytes != "" {
			want = append(want, in.bytes...)
			f.Feed([]byte(in.bytes))
			drain()
		}
		if in.gap > 0 {
			f.Gap(in.gap)
			drain()
		}
	}
	f.End()
	drain()
	if !bytes.Equal(raw, want) {
		t.Fatalf("raw bytes of all frames differ from the input:\n got %q\nwant %q", raw, want)
	}
	return out
}

func TestFrames(t *testing.T) {
	const c2s, s2c = ClientToServer, ServerToClient
	tests := []struct {
		situation string
		dir       Direction
		dialect   Dialect
		midStream bool
		in        []input
		want      []string
	}{
		{"commands with CRLF and with bare LF", s2c, 0, false,
			[]input{{bytes: "CHL 0 123\r\nQNG 45\nOUT\r\n"}},
			[]string{"CHL 0 123", "QNG 45", "OUT"}},
		{"a payload is counted in bytes and may hold line ends, NUL and verbs", s2c, 0, false,
			[]input{{bytes: "MSG a@b.c \u00e9 12\r\nXFR 0\r\nNS\x00\r\nBYE a@b.c\r\n"}},
			[]string{"MSG a@b.c \u00e9 12 | \"XFR 0\\r\\nNS\\x00\\r\\n\"", "BYE a@b.c"}},
		{"a payload of length zero is a payload", s2c, 0, false,
			[]input{{bytes: "UBX a@b.c 0\r\nQNG 45\r\n"}},
			[]string{"UBX a@b.c 0 | \"\"", "QNG 45"}},
		{"the number at the end of these is no length", s2c, 0, false,
			[]input{{bytes: "UUX 9 0\r\nUUX 9\r\nJOI a@b.c Name 1616756780\r\nSYN 8 1 12 3\r\nUSR 1 OK a@b.c 1 0\r\nCAL 2 RINGING 246503\r\nBYE a@b.c 1\r\n"}},
			[]string{"UUX 9 0", "UUX 9", "JOI a@b.c Name 1616756780", "SYN 8 1 12 3", "USR 1 OK a@b.c 1 0", "CAL 2 RINGING 246503", "BYE a@b.c 1"}},
		{"QRY has a payload from the client only", c2s, 0, false,
			[]input{{bytes: "QRY 5 PROD0090YUAUV{2B 32\r\n0123456789abcdef0123456789abcdefPNG\r\n"}},
			[]string{"QRY 5 PROD0090YUAUV{2B 32 | \"0123456789abcdef0123456789abcdef\"", "PNG"}},
		{"QRY from the server has none, though its last word is a number", s2c, 0, false,
			[]input{{bytes: "QRY 5\r\nQRY 1049\r\n"}},
			[]string{"QRY 5", "QRY 1049"}},
		{"ADL and its kin have one if the last word is a number and not the transaction id", s2c, 0, false,
			[]input{{bytes: "ADL 7 OK\r\nADL 0 4\r\n<ml>RML 8 OK\r\nRML 0 2\r\nabUUN 9 OK\r\nPUT 3 OK 0\r\nPUT 4 OK 2\r\nhiDEL 5 OK 0\r\nADL 7\r\n"}},
			[]string{"ADL 7 OK", "ADL 0 4 | \"<ml>\"", "RML 8 OK", "RML 0 2 | \"ab\"", "UUN 9 OK", "PUT 3 OK 0 | \"\"", "PUT 4 OK 2 | \"hi\"", "DEL 5 OK 0 | \"\"", "ADL 7"}},
		{"FQY has one both ways, GCF from the server in both of its forms", s2c, 0, false,
			[]input{{bytes: "FQY 3 2\r\nabGCF 0 2\r\ncdGCF 4 Shields.xml 2\r\nef"}},
			[]string{"FQY 3 2 | \"ab\"", "GCF 0 2 | \"cd\"", "GCF 4 Shields.xml 2 | \"ef\""}},
		{"GCF and FQY from the client", c2s, 0, false,
			[]input{{bytes: "GCF 4 Shields.xml\r\nFQY 3 2\r\nab"}},
			[]string{"GCF 4 Shields.xml", "FQY 3 2 | \"ab\""}},
		{"NFY with and without a transaction id", s2c, 0, false,
			[]input{{bytes: "NFY PUT 2\r\nabNFY 3 DEL 1\r\nc"}},
			[]string{"NFY PUT 2 | \"ab\"", "NFY 3 DEL 1 | \"c\""}},
		{"an error with two numbers has a payload from MSNP13 on", s2c, 15, false,
			[]input{{bytes: "241 15 5\r\n<ml/>911 3\r\n911\r\n"}},
			[]string{"241 15 5 | \"<ml/>\"", "911 3", "911"}},
		{"an error with two numbers has none before MSNP13", s2c, 12, false,
			[]input{{bytes: "241 15 5\r\nQNG 1\r\n"}},
			[]string{"241 15 5", "QNG 1"}},
		{"an error with text or three numbers has none", s2c, 0, false,
			[]input{{bytes: "200 4 oops\r\n200 4 5 6\r\n911 3\r\n"}},
			[]string{"200 4 oops", "200 4 5 6", "911 3"}},
		{"an unknown command followed by a command", s2c, 0, false,
			[]input{{bytes: "RFS 1 4\r\nQNG 1\r\n"}},
			[]string{"RFS 1 4 (whether it has a payload is not known; taken to have none)", "QNG 1"}},
		{"an unknown command followed by a payload and a command", s2c, 0, false,
			[]input{{bytes: "RFS 1 4\r\nabcdQNG 1\r\n"}},
			[]string{"RFS 1 4 | \"abcd\" (whether it has a payload is not known; its last argument taken as the length of one)", "QNG 1"}},
		{"an unknown command with a payload that ends the stream", s2c, 0, false,
			[]input{{bytes: "RFS 1 4\r\nabcd"}},
			[]string{"RFS 1 4 | \"abcd\" (whether it has a payload is not known; its last argument taken as the length of one)"}},
		{"an unknown command that ends the stream", s2c, 0, false,
			[]input{{bytes: "RFS 1 4\r\n"}},
			[]string{"RFS 1 4 (whether it has a payload is not known; taken to have none)"}},
		{"an unknown command followed by nothing that fits", s2c, 0, false,
			[]input{{bytes: "RFS 1 4\r\nabcdef\r\nQNG 1\r\n"}},
			[]string{"RFS 1 4 (whether it has a payload is not known; taken to have none)", "opaque \"abcdef\\r\\n\" (not a command)", "QNG 1"}},
		{"the row that only one source knows is guessed as well", s2c, 0, false,
			[]input{{bytes: "FSL 5 1025 3\r\nQNG 1\r\n"}},
			[]string{"FSL 5 1025 3 (whether it has a payload is not known; taken to have none)", "QNG 1"}},
		{"a line that is no command is opaque up to the next one", s2c, 0, false,
			[]input{{bytes: "QNG 1\r\nnonsense\r\nmore\r\nBYE a@b.c\r\n"}},
			[]string{"QNG 1", "opaque \"nonsense\\r\\nmore\\r\\n\" (not a command)", "BYE a@b.c"}},
		{"text that begins with a verb does not end an opaque run", s2c, 0, false,
			[]input{{bytes: "nonsense\r\nXFR is a command\r\nBYE now\r\nBYE a@b.c\r\n"}},
			[]string{"opaque \"nonsense\\r\\nXFR is a command\\r\\nBYE now\\r\\n\" (not a command)", "BYE a@b.c"}},
		{"a bad length", s2c, 0, false,
			[]input{{bytes: "MSG a@b.c Name xx\r\nhello\r\nBYE a@b.c\r\n"}},
			[]string{"MSG a@b.c Name xx (the payload length is missing or not a number)", "opaque \"hello\\r\\n\" (not a command)", "BYE a@b.c"}},
		{"after a bad length, text is not taken for commands", s2c, 0, false,
			[]input{{bytes: "MSG a@b.c n 5x\r\nXFR what you want\r\nRNG is what it does\r\nBYE a@b.c\r\n"}},
			[]string{"MSG a@b.c n 5x (the payload length is missing or not a number)", "opaque \"XFR what you want\\r\\nRNG is what it does\\r\\n\" (not a command)", "BYE a@b.c"}},
		{"a payload line that ends in a space", s2c, 0, false,
			[]input{{bytes: "MSG a@b.c n 5 \r\nhello201 15 5 \r\nworldQNG 1\r\n"}},
			[]string{"MSG a@b.c n 5  | \"hello\"", "201 15 5  | \"world\"", "QNG 1"}},
		{"an empty line between commands", s2c, 0, false,
			[]input{{bytes: "QNG 1\r\n\r\n\nZZZ x\r\n"}},
			[]string{"QNG 1", "opaque \"\\r\\n\" (an empty line)", "opaque \"\\n\" (an empty line)", "ZZZ x (whether it has a payload is not known; taken to have none)"}},
		{"a missing length", s2c, 0, false,
			[]input{{bytes: "NOT\r\nQNG 1\r\n"}},
			[]string{"NOT (the payload length is missing or not a number)", "QNG 1"}},
		{"a length over the limit does not swallow the stream", s2c, 0, false,
			[]input{{bytes: "NOT 262145\r\nhello\r\nQNG 1\r\nNOT 99999999999999999999\r\nBYE a@b.c\r\n"}},
			[]string{"NOT 262145 (the payload length is over the limit; taken as a bad length)", "opaque \"hello\\r\\n\" (not a command)", "QNG 1",
				"NOT 99999999999999999999 (the payload length is over the limit; taken as a bad length)", "BYE a@b.c"}},
		{"a payload that ends early", s2c, 0, false,
			[]input{{bytes: "NOT 10\r\nhello"}},
			[]string{"NOT 10 | \"hello\" (the payload is cut off)"}},
		{"a line that ends early", s2c, 0, false,
			[]input{{bytes: "QNG 1\r\nBYE a@b"}},
			[]string{"QNG 1", "opaque \"BYE a@b\" (the line is cut off)"}},
		{"a gap within a payload is bridged", s2c, 0, false,
			[]input{{bytes: "NOT 10\r\nhel", gap: 3}, {bytes: "ough"}, {bytes: "QNG 1\r\n"}},
			[]string{"NOT 10 | \"helough\" lost 3", "QNG 1"}},
		{"a gap that ends with the payload", s2c, 0, false,
			[]input{{bytes: "NOT 10\r\nhello", gap: 5}, {bytes: "QNG 1\r\n"}},
			[]string{"NOT 10 | \"hello\" lost 5", "QNG 1"}},
		{"a gap over the end of a payload", s2c, 0, false,
			[]input{{bytes: "NOT 10\r\nhello", gap: 9}, {bytes: "1\r\nQNG 2\r\n"}},
			[]string{"NOT 10 | \"hello\" lost 5 (the payload is cut off)", "gap 4", "opaque \"1\\r\\n\" (the rest of a command whose beginning is missing)", "QNG 2"}},
		{"two gaps within a payload", s2c, 0, false,
			[]input{{bytes: "NOT 10\r\nhe", gap: 1}, {bytes: "l", gap: 2}, {bytes: "abcd"}},
			[]string{"NOT 10 | \"helabcd\" lost 3"}},
		{"a gap within a line", s2c, 0, false,
			[]input{{bytes: "BYE a@", gap: 2}, {bytes: ".c\r\nQNG 1\r\n"}},
			[]string{"opaque \"BYE a@\" (the line is cut off)", "gap 2", "opaque \".c\\r\\n\" (the rest of a command whose beginning is missing)", "QNG 1"}},
		{"a gap between two commands", s2c, 0, false,
			[]input{{bytes: "QNG 1\r\n", gap: 7}, {bytes: "BYE a@b.c\r\n"}},
			[]string{"QNG 1", "gap 7", "BYE a@b.c"}},
		{"a gap at the end", s2c, 0, false,
			[]input{{bytes: "QNG 1\r\n", gap: 7}},
			[]string{"QNG 1", "gap 7"}},
		{"a stream joined within a payload", s2c, 0, true,
			[]input{{bytes: "lo\r\nMIME-Version: 1.0\r\nQNG 1\r\n"}},
			[]string{"opaque \"lo\\r\\nMIME-Version: 1.0\\r\\n\" (the stream was joined in the middle of a command)", "QNG 1"}},
		{"a stream joined at a command", s2c, 0, true,
			[]input{{bytes: "QNG 1\r\nfoo"}},
			[]string{"QNG 1", "opaque \"foo\" (not a command)"}},
		{"joined within a payload that the next command follows without a line end", s2c, 0, true,
			[]input{{bytes: "what was saidMSG a@b.c Al 19\r\nMIME-Version: 1.0\r\nMSG a@b.c Al 20\r\nMIME-Version: 1.0\r\nX"}},
			[]string{"opaque \"what was said\" (the stream was joined in the middle of a command)", "MSG a@b.c Al 19 | \"MIME-Version: 1.0\\r\\n\"", "MSG a@b.c Al 20 | \"MIME-Version: 1.0\\r\\nX\""}},
		{"a gap in a run of binary messages", c2s, 0, false,
			[]input{{bytes: "MSG 3 D 30\r\nMIME-Version: 1.0\r\n\x00\x01", gap: 40}, {bytes: "\xff\x00 \x02MSG 5 D 21\r\nMIME-Version: 1.0\r\n\x00\x01MSG 6 D 19\r\nMIME-Version: 1.0\r\n"}},
			[]string{"MSG 3 D 30 | \"MIME-Version: 1.0\\r\\n\\x00\\x01\" lost 9 (the payload is cut off)", "gap 31", "opaque \"\\xff\\x00 \\x02\" (the rest of a command whose beginning is missing)",
				"MSG 5 D 21 | \"MIME-Version: 1.0\\r\\n\\x00\\x01\"", "MSG 6 D 19 | \"MIME-Version: 1.0\\r\\n\""}},
		{"XML behind XML", s2c, 0, true,
			[]input{{bytes: "SM></Data>UBX a@b.c 1 13\r\n<Data></Data>UBX a@b.c 1 0\r\n"}},
			[]string{"opaque \"SM></Data>\" (the stream was joined in the middle of a command)", "UBX a@b.c 1 13 | \"<Data></Data>\"", "UBX a@b.c 1 0 | \"\""}},
		{"a command with a payload in the middle of text is text", s2c, 0, true,
			[]input{{bytes: "he wrote MSG a@b.c Al 19\r\nand so on\r\nQNG 1\r\n"}},
			[]string{"opaque \"he wrote MSG a@b.c Al 19\\r\\nand so on\\r\\n\" (the stream was joined in the middle of a command)", "QNG 1"}},
		{"double spaces, a trailing space and 0x85 in a name", s2c, 0, false,
			[]input{{bytes: "LST a@b.c  \u00c5\x85 3 \r\nILN 9 NLN a@b.c Caf\xe9 0\r\n"}},
			[]string{"LST a@b.c  \u00c5\x85 3 ", "ILN 9 NLN a@b.c Caf\xe9 0"}},
		{"something that is not MSNP", c2s, 0, false,
			[]input{{bytes: "\x16\x03\x01\x02\x00\x01"}},
			[]string{"opaque \"\\x16\\x03\\x01\\x02\\x00\\x01\" (not a command)"}},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			f := NewFramer(tt.dir, tt.midStream)
			f.SetDialect(tt.dialect)
			if got := frames(t, f, tt.in); !slices.Equal(got, tt.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(tt.want, "\n\t"))
			}
			f = NewFramer(tt.dir, tt.midStream)
			f.SetDialect(tt.dialect)
			if got := frames(t, f, byteByByte(tt.in)); !slices.Equal(got, tt.want) {
				t.Errorf("byte by byte:\n got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(tt.want, "\n\t"))
			}
		})
	}
}

func byteByByte(in []input) []input {
	var out []input
	for _, part := range in {
		for i := range len(part.bytes) {
			out = append(out, input{bytes: part.bytes[i : i+1]})
		}
		out = append(out, input{gap: part.gap})
	}
	return out
}

// randomCuts cuts the bytes of inputs at random places.
func randomCuts(rng *rand.Rand, in []input) []input {
	var out []input
	for _, part := range in {
		for rest := part.bytes; rest != ""; {
			n := 1 + rng.Intn(len(rest))
			if rng.Intn(2) == 0 {
				n = 1 + rng.Intn(min(len(rest), 8))
			}
			out = append(out, input{bytes: rest[:n]})
			rest = rest[n:]
		}
		out = append(out, input{gap: part.gap})
	}
	return out
}

// pieces are what random streams are made of: good commands, bad ones and
// junk, so that every state of the framer meets every other.
var pieces = []string{
	"QNG 45\r\n", "OUT\n", "NLN NLN a@b.c Al 0\r\n", "BYE a@b.c\r\n", "CHL 0 12345678901234567890\r\n",
	"MSG a@b.c Al 20\r\nMIME-Version: 1.0\r\nX", "MSG a@b.c Al 7\r\nXFR 1 \r", "MSG a@b.c Al 3\r\n\xff\x00\n", "UBX a@b.c 0\r\n",
	"ADL 0 4\r\n<ml>", "ADL 5 OK\r\n", "241 5 3\r\nabc", "911 4\r\n", "200\r\n", "FSL 1 2 3\r\n", "ZZZ 1 5\r\nhello", "ZZZ 1 5\r\n",
	"ZZZ 3\r\nabQNG 1\r\n", "MSG a@b.c Al -1\r\n", "NOT 999999\r\n", "NOT 30\r\nshort", "\r\n", "junk", "J", "textMSG a@b.c Al 19\r\nMIME-Version: 1.0\r\n", "xUBX a@b.c 1 3\r\n<a>", "MSG MSG a@b.c 3\r\nMIM", "\x16\x03\x01", "XFR what\r\n", " ", "QNG", "\n\n\n",
}

func randomStream(rng *rand.Rand) []input {
	var out []input
	for range 1 + rng.Intn(4) {
		var b strings.Builder
		for range rng.Intn(12) {
			b.WriteString(pieces[rng.Intn(len(pieces))])
		}
		in := input{bytes: b.String()}
		if rng.Intn(3) == 0 {
			in.gap = int64(1 + rng.Intn(40))
		}
		out = append(out, in)
	}
	return out
}

func TestFramesDoNotDependOnChunking(t *testing.T) {
	for seed := range int64(3000) {
		rng := rand.New(rand.NewSource(seed))
		in := randomStream(rng)
		dir := ClientToServer + Direction(rng.Intn(2))
		mid := rng.Intn(2) == 0
		whole := frames(t, NewFramer(dir, mid), in)
		for _, cut := range [][]input{byteByByte(in), randomCuts(rng, in), randomCuts(rng, in)} {
			if got := frames(t, NewFramer(dir, mid), cut); !slices.Equal(got, whole) {
				t.Fatalf("seed %d, input %+q:\ncut   %+q\n got\n\t%s\nwhole\n\t%s", seed, fmt.Sprint(in), fmt.Sprint(cut), strings.Join(got, "\n\t"), strings.Join(whole, "\n\t"))
			}
		}
	}
}

func TestLongOpaqueRunsAreCutAtMaxOpaqueWhateverTheChunks(t *testing.T) {
	junk := strings.Repeat("junk and more\n", 3*MaxOpaque/14)
	in := []input{{bytes: "?" + junk + "QNG 1\r\n"}}
	whole := frames(t, NewFramer(ServerToClient, false), in)
	if len(whole) != 4 {
		t.Fatalf("got %d frames, want 3 opaque ones and a command", len(whole))
	}
	if got := frames(t, NewFramer(ServerToClient, false), randomCuts(rand.New(rand.NewSource(1)), in)); !slices.Equal(got, whole) {
		t.Error("frames depend on the chunks")
	}
}

func TestADirectionThatKeepsFailingIsGivenUp(t *testing.T) {
	junk := strings.Repeat("junk and more\n", MaxHunt/14+MaxOpaque)
	out := frames(t, NewFramer(ServerToClient, false), []input{{bytes: "?" + junk + "QNG 1\r\nQNG 2\r\n"}})
	if last := out[len(out)-1]; !strings.Contains(last, ReasonGivenUp.String()) {
		t.Errorf("the last frame is %.80q…, want it opaque as given up", last)
	}
}

func TestLimitsHoldAtTheirEdges(t *testing.T) {
	line := func(n int) string { return "BYE a@" + strings.Repeat("b", n-8) + "\r\n" }
	out := frames(t, NewFramer(ServerToClient, false), []input{{bytes: line(MaxLine)}})
	if len(out) != 1 || !strings.HasPrefix(out[0], "BYE a@b") {
		t.Errorf("a line of MaxLine bytes: got %.60q", out)
	}
	out = frames(t, NewFramer(ServerToClient, false), []input{{bytes: line(MaxLine+1) + "QNG 1\r\n"}})
	if !strings.HasPrefix(out[0], "opaque") || out[len(out)-1] != "QNG 1" {
		t.Errorf("a line of MaxLine+1 bytes: got %.60q", out)
	}
	payload := strings.Repeat("x", MaxPayload)
	out = frames(t, NewFramer(ServerToClient, false), []input{{bytes: fmt.Sprintf("NOT %d\r\n%sQNG 1\r\n", MaxPayload, payload)}})
	if len(out) != 2 || out[1] != "QNG 1" {
		t.Errorf("a payload of MaxPayload bytes: got %d frames", len(out))
	}
}

// TestWorkIsLinearInTheInput feeds inputs that wait for more for as long as
// possible, byte by byte, and counts the bytes that are looked at or moved.
func TestWorkIsLinearInTheInput(t *testing.T) {
	const size = 200 << 10
	filler := strings.Repeat("x", size)
	for situation, text := range map[string]string{
		"a large payload":                  fmt.Sprintf("NOT %d\r\n%s", size, filler),
		"a line without an end":            "BYE " + filler,
		"opaque bytes without a line end":  "?" + filler,
		"opaque lines":                     "?" + strings.Repeat("x\n", size/2),
		"lines that look like commands":    "?\n" + strings.Repeat("XFR x y\n", size/8),
		"an unknown command's payload":     fmt.Sprintf("ZZZ %d\r\n%s", size, filler),
		"small commands":                   strings.Repeat("QNG 1\r\n", size/7),
		"candidates that never end a line": "?\nBYE " + filler,
		"lines full of glued candidates":   "?\n" + strings.Repeat(strings.Repeat("xMSG ", 200)+"5\r\n", size/1003),
		"short lines of glued candidates":  "?\n" + strings.Repeat("xMSG 5\n", size/7),
	} {
		t.Run(situation, func(t *testing.T) {
			f := NewFramer(ServerToClient, false)
			frames(t, f, byteByByte([]input{{bytes: text}}))
			if limit := int64(8 * len(text)); f.examined > limit {
				t.Errorf("%d bytes of input: looked at %d, want at most %d", len(text), f.examined, limit)
			}
		})
	}
}

func TestAnIdleFramerHoldsNoMemory(t *testing.T) {
	f := NewFramer(ServerToClient, false)
	frames := 0
	for _, part := range []string{"NOT 100000\r\n", strings.Repeat("x", 60000), strings.Repeat("x", 40000)} {
		f.Feed([]byte(part))
		for {
			if _, ok := f.Next(); !ok {
				break
			}
			frames++
		}
	}
	if frames != 1 || cap(f.own) > idleStorage {
		t.Errorf("after %d frames the framer holds %d bytes, want at most %d", frames, cap(f.own), idleStorage)
	}
}

func FuzzFramer(f *testing.F) {
	for _, p := range pieces {
		f.Add([]byte(p+p), uint16(3), uint16(5), uint64(1), uint8(0), true, false)
	}
	f.Add([]byte(strings.Join(pieces, "")), uint16(40), uint16(7), uint64(2), uint8(15), false, true)
	f.Fuzz(func(t *testing.T, data []byte, at, gap uint16, seed uint64, dialect uint8, server, mid bool) {
		dir := ClientToServer
		if server {
			dir = ServerToClient
		}
		cut := min(int(at), len(data))
		in := []input{{bytes: string(data[:cut]), gap: int64(gap)}, {bytes: string(data[cut:])}}
		run := func(in []input) []string {
			framer := NewFramer(dir, mid)
			framer.SetDialect(Dialect(dialect % 22))
			return frames(t, framer, in)
		}
		whole := run(in)
		if got := run(randomCuts(rand.New(rand.NewSource(int64(seed))), in)); !slices.Equal(got, whole) {
			t.Fatalf("frames depend on the chunks:\n got %q\nwant %q", got, whole)
		}
	})
}
