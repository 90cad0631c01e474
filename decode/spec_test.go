package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// referenceVerbs is what MSNP.md says of each verb, worked out from its §1.2
// and §3 to §5 and not from the command table: direction, first and last
// dialect, and whether a payload follows (never, always, number: only if the
// last word is one, guess).
const referenceVerbs = `
VER c2s 2-21 never     VER s2c 2-21 never
INF c2s 2-7 never      INF s2c 2-7 never
CVR c2s 2-21 never     CVR s2c 2-21 never
CVQ c2s 2-21 never     CVQ s2c 2-21 never
USR c2s 2-21 never     USR s2c 2-21 never
XFR c2s 2-21 never     XFR s2c 2-21 never
OUT c2s 2-21 never     OUT s2c 2-21 never
PNG c2s 2-21 never     QNG s2c 2-21 never
CHL c2s 6-21 never     CHL s2c 6-21 never
QRY c2s 6-21 always    QRY s2c 6-21 never
GSB c2s 11-21 never    SBS s2c 11-21 never
GCF c2s 11-21 never    GCF s2c 11-21 always
LKP c2s 11-12 never    LKP s2c 11-12 never
URL c2s 2-21 never     URL s2c 2-21 never
IMS c2s 3-21 never     IMS s2c 3-21 never
FND c2s 2-9 never      FND s2c 2-9 never
SND c2s 2-21 never     SND s2c 2-21 never
SDC c2s 5-21 always    SDC s2c 5-21 never
VAS c2s 18-21 always
SYN c2s 2-12 never     SYN s2c 2-12 never
GTC c2s 2-12 never     GTC s2c 2-12 never
BLP c2s 2-21 never     BLP s2c 2-21 never
PRP c2s 5-21 never     PRP s2c 5-21 never
BPR s2c 5-12 never
LSG s2c 7-12 never     LST s2c 2-12 never
ADD c2s 2-9 never      ADD s2c 2-9 never
ADC c2s 10-12 never    ADC s2c 10-12 never
REM c2s 2-12 never     REM s2c 2-12 never
ADG c2s 7-12 never     ADG s2c 7-12 never
RMG c2s 7-12 never     RMG s2c 7-12 never
REG c2s 7-12 never     REG s2c 7-12 never
REA c2s 2-9 never      REA s2c 2-9 never
SBP c2s 10-12 never    SBP s2c 10-12 never
ADL c2s 13-21 always   ADL s2c 13-21 number
RML c2s 13-21 always   RML s2c 13-21 number
FQY c2s 14-21 always   FQY s2c 14-21 always
CHG c2s 2-21 never     CHG s2c 2-21 never
ILN s2c 2-21 never     NLN s2c 2-21 never
FLN s2c 2-21 never
UUX c2s 11-21 always   UUX s2c 11-21 never
UBX s2c 11-21 always
NOT s2c 5-21 always    IPG s2c 5-21 always
PAG c2s 5-8 always     PGD c2s 9-21 always
UUN c2s 13-21 always   UUN s2c 13-21 number
UBN s2c 13-21 always
UUM c2s 14-21 always   UBM s2c 14-21 always
PUT c2s 18-21 always   PUT s2c 18-21 number
DEL c2s 18-21 always   DEL s2c 18-21 number
NFY s2c 18-21 always
SDG c2s 18-21 always   SDG s2c 18-21 always
GET s2c 18-21 guess    FSL s2c 18-21 guess
CAL c2s 2-21 never     CAL s2c 2-21 never
RNG s2c 2-21 never
ANS c2s 2-21 never     ANS s2c 2-21 never
IRO s2c 2-21 never     JOI s2c 2-21 never
BYE s2c 2-21 never
MSG c2s 2-21 always    MSG s2c 2-21 always
ACK s2c 2-21 never     NAK s2c 2-21 never
`

type verbKey struct {
	verb string
	dir  Direction
}

type verbFacts struct {
	from, to Dialect
	rule     payloadRule
}

func readReference(t *testing.T) map[verbKey]verbFacts {
	t.Helper()
	rules := map[string]payloadRule{"never": payloadNever, "always": payloadAlways, "number": payloadIfNumber, "guess": payloadGuess}
	dirs := map[string]Direction{"c2s": ClientToServer, "s2c": ServerToClient}
	facts := map[verbKey]verbFacts{}
	for words := strings.Fields(referenceVerbs); len(words) > 0; words = words[4:] {
		var f verbFacts
		if _, err := fmt.Sscanf(words[2], "%d-%d", &f.from, &f.to); err != nil {
			t.Fatalf("%q: %v", words[:4], err)
		}
		f.rule = rules[words[3]]
		facts[verbKey{words[0], dirs[words[1]]}] = f
	}
	return facts
}

// TestEveryVerbDirectionAndDialect walks all keys there can be, not only the
// ones that the table has.
func TestEveryVerbDirectionAndDialect(t *testing.T) {
	reference := readReference(t)
	line := []byte("AAA 1")
	for i := range 26 * 26 * 26 {
		copy(line, []byte{byte('A' + i/676), byte('A' + i/26%26), byte('A' + i%26)})
		for _, dir := range [...]Direction{ClientToServer, ServerToClient} {
			key := verbKey{string(line[:3]), dir}
			want, known := reference[key]
			entry := entryOf(line, dir)
			if known != (entry != nil) {
				t.Errorf("%v: in the command table: %t, in the reference: %t", key, entry != nil, known)
				continue
			}
			if !known {
				continue
			}
			if entry.rule != want.rule {
				t.Errorf("%v: payload rule %d, want %d", key, entry.rule, want.rule)
			}
			for d := Dialect(1); d <= NewestDialect+1; d++ {
				in := want.from <= d && d <= want.to
				if got := entry.has(d); got != in {
					t.Errorf("%v in dialect %d: %t, want %t", key, d, got, in)
				}
			}
		}
	}
}

func TestNoDialectHasTwoRowsThatNothingTellsApart(t *testing.T) {
	for i := range Commands {
		for j := range i {
			a, b := &Commands[i], &Commands[j]
			if a.Verb == b.Verb && a.Dir == b.Dir && a.Args == b.Args && a.On&b.On != 0 && a.From <= b.To && b.From <= a.To {
				t.Errorf("%s %s stands twice: %q", a.Verb, a.Dir, a.Args)
			}
		}
	}
}

func TestAVerbWhoseFormsDifferInMeaningHasASummary(t *testing.T) {
	for i := range Commands {
		c := &Commands[i]
		e := &errorEntry
		if c.Verb != ErrorVerb {
			e = entryOf([]byte(c.Verb), c.Dir)
		}
		if c != e.rows[0] && c.Summary != "" {
			t.Errorf("%s %s: the summary belongs on the first form", c.Verb, c.Dir)
		}
		if c.Verb != ErrorVerb && c.Meaning != e.rows[0].Meaning && e.rows[0].Summary == "" {
			t.Errorf("%s %s has forms of different meaning and no summary", c.Verb, c.Dir)
		}
	}
}

func TestEveryRowIsWellFormed(t *testing.T) {
	for _, c := range Commands {
		name := fmt.Sprintf("%s %s %q", c.Verb, c.Dir, c.Args)
		if c.On == 0 || c.Dir == 0 || c.Meaning == "" || c.From < OldestDialect || c.To > NewestDialect || c.From > c.To {
			t.Errorf("%s: a field is missing or out of range", name)
		}
		for i, w := range c.pattern {
			last := i == len(c.pattern)-1
			if (w.name == "length" || w.rest) && !last {
				t.Errorf("%s: %q must be the last word", name, w.name)
			}
			if w.from > w.to {
				t.Errorf("%s: %q has an empty dialect range", name, w.name)
			}
		}
	}
}

// TestEveryRowIsReached builds a line for each row in each of its dialects and
// looks it up again.
func TestEveryRowIsReached(t *testing.T) {
	reached := map[*Command]bool{}
	for i := range Commands {
		c := &Commands[i]
		for d := c.From; d <= c.To; d++ {
			line := exampleLine(c, d)
			got, args := Lookup(nil, line, lineArgs(nil, line), c.Dir, d, c.On)
			if got == nil {
				t.Errorf("%s: no row in %s", line, d)
				continue
			}
			reached[got] = true
			if got.Verb != c.Verb || got.Args == c.Args && !namesAre(args, c, d) {
				t.Errorf("%s in %s: row %q gives %v", line, d, got.Args, args)
			}
		}
		if !reached[c] {
			t.Errorf("row %s %s %q is never taken", c.Verb, c.Dir, c.Args)
		}
	}
}

// exampleValues are arguments of the form that their name asks for.
var exampleValues = map[string]string{
	"handle": "a@b.c", "recipient": "a@b.c", "status": "NLN", "key": "MFN", "address": "1.2.3.4:1863", "current": "1.2.3.4:1863",
	"guid": "11111111-2222-3333-4444-555555555555", "group_guid": "11111111-2222-3333-4444-555555555555",
	"caps": "1616756780", "challenge": "15570131571988941333", "method": "CKI", "stage": "X", "name": "Al", "list": "FL", "mode": "U", "dialects": "MSNP8",
}

// exampleLine fills in every word of a row that a dialect has.
func exampleLine(c *Command, d Dialect) []byte {
	verb := c.Verb
	if verb == ErrorVerb {
		verb = "911"
	}
	words := []string{verb}
	for _, w := range c.pattern {
		if !w.in(exactly(d)) {
			continue
		}
		value := "7"
		if v := exampleValues[w.name]; v != "" {
			value = v
		}
		if w.keywords != nil {
			value = w.keywords[0]
		}
		words = append(words, w.prefix+value)
	}
	return []byte(strings.Join(words, " "))
}

// namesAre tells whether the arguments have the names of all words of a row.
func namesAre(args []Arg, c *Command, d Dialect) bool {
	i := 0
	for _, w := range c.pattern {
		if !w.in(exactly(d)) {
			continue
		}
		if i >= len(args) || w.name != "_" && args[i].Name != w.name {
			return false
		}
		i++
	}
	return i == len(args)
}

func TestArgumentsAreNamedByDialectAndServer(t *testing.T) {
	const c2s, s2c = ClientToServer, ServerToClient
	tests := []struct {
		situation string
		line      string
		dir       Direction
		dialect   Dialect
		on        Server
		want      string
	}{
		{"MSNP8 presence has capabilities", "NLN NLN a@b.c Al 4128", s2c, 8, NS, "status=NLN handle=a@b.c name=Al caps=4128"},
		{"MSNP15 presence has a network id", "NLN NLN a@b.c 1 Al 4128 0", s2c, 15, NS, "status=NLN handle=a@b.c netid=1 name=Al caps=4128 msnobj=0"},
		{"MSNP18 presence has it in front of the handle", "NLN NLN 1:a@b.c Al 0:0 %3Cmsnobj%2F%3E", s2c, 18, NS, "status=NLN handle=1:a@b.c name=Al caps=0:0 msnobj=%3Cmsnobj%2F%3E"},
		{"FLN of MSNP14 with network id and capabilities", "FLN a@b.c 1 0", s2c, 14, NS, "handle=a@b.c netid=1 caps=0"},
		{"UBX of MSNP11", "UBX a@b.c 5", s2c, 11, NS, "handle=a@b.c length=5"},
		{"UBX of MSNP15", "UBX a@b.c 1 5", s2c, 15, NS, "handle=a@b.c netid=1 length=5"},
		{"UBX that ends in a space", "UBX a@b.c 1 5 ", s2c, 15, NS, "handle=a@b.c netid=1 length=5"},
		{"LSG of MSNP7, 8 and 10", "LSG 5 1 1 1 0 Other 0", s2c, 7, NS, "trid=5 version=1 index=1 total=1 group=0 name=Other arg6=0"},
		{"LSG of MSNP8", "LSG 0 Other 0", s2c, 8, NS, "group=0 name=Other arg3=0"},
		{"LSG of MSNP10 in a dialect not known", "LSG Friends 11111111-2222-3333-4444-555555555555", s2c, 0, NS, "name=Friends group_guid=11111111-2222-3333-4444-555555555555"},
		{"the only FSL that is known", "FSL 5 1025 3", s2c, 18, NS, "arg1=5 arg2=1025 length=3"},
		{"USR OK without a name in a dialect not known", "USR 7 OK a@b.c 1 0", s2c, 0, NS, "trid=7 result=OK handle=a@b.c verified=1 restricted=0"},
		{"RNG with a name of two words", "RNG 1 1.2.3.4:5 CKI c a@b.c A B", s2c, 0, NS, "session_id=1 address=1.2.3.4:5 method=CKI cookie=c handle=a@b.c name=A domain=B"},
		{"LST of MSNP2", "LST 5 FL 1 1 2 a@b.c Al", s2c, 2, NS, "trid=5 list=FL version=1 index=1 total=2 handle=a@b.c name=Al"},
		{"LST of an empty list", "LST 5 BL 1 0 0", s2c, 2, NS, "trid=5 list=BL version=1 index=0 total=0"},
		{"LST of MSNP7 with a group", "LST 5 FL 1 1 4 a@b.c Al 0", s2c, 7, NS, "trid=5 list=FL version=1 index=1 total=4 handle=a@b.c name=Al groups=0"},
		{"LST of MSNP8 that ends in a space", "LST a@b.c Al 11 ", s2c, 8, NS, "handle=a@b.c name=Al lists=11 groups="},
		{"LST of MSNP10 without C", "LST N=a@b.c F=Al 8", s2c, 10, NS, "handle=a@b.c name=Al lists=8"},
		{"LST of MSNP12 in full", "LST N=a@b.c F=Al C=11111111-2222-3333-4444-555555555555 11 1 g1,g2", s2c, 12, NS,
			"handle=a@b.c name=Al guid=11111111-2222-3333-4444-555555555555 lists=11 netid=1 groups=g1,g2"},
		{"LST with an id of another form", "LST N=a@b.c F=Al C=5 11 1 g1", s2c, 12, NS, "handle=a@b.c name=Al guid=5 lists=11 netid=1 groups=g1"},
		{"SYN of MSNP8", "SYN 17 2 12 3", s2c, 8, NS, "trid=17 version=2 contact_count=12 group_count=3"},
		{"GTC after SYN in MSNP8", "GTC A", s2c, 8, NS, "setting=A"},
		{"GTC in reply in MSNP8", "GTC 12 345 A", s2c, 8, NS, "trid=12 version=345 setting=A"},
		{"BLP of MSNP15 in reply", "BLP 9 AL", s2c, 15, NS, "trid=9 setting=AL"},
		{"PRP after SYN with a value missing", "PRP PHH", s2c, 8, NS, "key=PHH"},
		{"PRP after SYN with an empty value", "PRP PHH ", s2c, 8, NS, "key=PHH value="},
		{"PRP in reply in MSNP11", "PRP 8 MFN Alice", s2c, 11, NS, "trid=8 key=MFN value=Alice"},
		{"BPR after LST", "BPR MOB Y", s2c, 8, NS, "key=MOB value=Y"},
		{"BPR with version and handle", "BPR 35 a@b.c PHH 123", s2c, 6, NS, "version=35 handle=a@b.c key=PHH value=123"},
		{"REM in reply before and after MSNP10", "REM 12 FL 20 a@b.c", s2c, 8, NS, "trid=12 list=FL version=20 contact=a@b.c"},
		{"REM in reply from MSNP10 on", "REM 12 FL 1111 7", s2c, 10, NS, "trid=12 list=FL contact=1111 group=7"},
		{"REG in the order of one server", "REG 8 1 New 11111111-2222-3333-4444-555555555555 0", s2c, 10, NS,
			"trid=8 version=1 name=New group_guid=11111111-2222-3333-4444-555555555555 arg4=0"},
		{"REG in the order of another", "REG 8 1 11111111-2222-3333-4444-555555555555 New 0", s2c, 10, NS,
			"trid=8 version=1 group_guid=11111111-2222-3333-4444-555555555555 name=New arg4=0"},
		{"USR OK of MSNP2 on a notification server", "USR 4 OK a@b.c Al", s2c, 2, NS, "trid=4 result=OK handle=a@b.c name=Al"},
		{"USR OK of MSNP10 has no name", "USR 7 OK a@b.c 1 0", s2c, 10, NS, "trid=7 result=OK handle=a@b.c verified=1 restricted=0"},
		{"USR OK on a switchboard", "USR 1 OK a@b.c Al", s2c, 15, SB, "trid=1 result=OK handle=a@b.c name=Al"},
		{"USR SSO with a machine id", "USR 4 SSO S t=x&p= blob 1BE99E6D", c2s, 18, NS, "trid=4 method=SSO stage=S ticket=t=x&p= response=blob machine_guid=1BE99E6D"},
		{"XFR NS of MSNP7 to 12 has two addresses", "XFR 3 NS 1.2.3.4:1863 0 5.6.7.8:1863", s2c, 8, NS, "trid=3 type=NS address=1.2.3.4:1863 reserved=0 current=5.6.7.8:1863"},
		{"XFR NS of MSNP13", "XFR 3 NS 1.2.3.4:1863 U D", s2c, 13, NS, "trid=3 type=NS address=1.2.3.4:1863 mode=U reach=D"},
		{"XFR NS of MSNP21", "XFR 0 NS gw.example.com:443 G D VmVyc2lvbjo=", s2c, 21, NS, "trid=0 type=NS address=gw.example.com:443 mode=G reach=D redirect=VmVyc2lvbjo="},
		{"XFR NS to the same server", "XFR 0 NS 0", s2c, 11, NS, "trid=0 type=NS address=0"},
		{"XFR SB of MSNP18", "XFR 15 SB 1.2.3.4:1864 CKI c1 U messenger.msn.com 1", s2c, 18, NS,
			"trid=15 type=SB address=1.2.3.4:1864 method=CKI cookie=c1 mode=U domain=messenger.msn.com direct=1"},
		{"RNG of MSNP2", "RNG 1 1.2.3.4:1863 CKI c1 a@b.c Al", s2c, 2, NS, "session_id=1 address=1.2.3.4:1863 method=CKI cookie=c1 handle=a@b.c name=Al"},
		{"JOI with capabilities", "JOI a@b.c;{x} Al 2416181284:00", s2c, 18, SB, "handle=a@b.c;{x} name=Al caps=2416181284:00"},
		{"CHL without its 0", "CHL 15570131571988941333", s2c, 8, NS, "challenge=15570131571988941333"},
		{"CHL", "CHL 0 15570131571988941333", s2c, 8, NS, "trid=0 challenge=15570131571988941333"},
		{"a message of the service", "MSG Hotmail Hotmail 5", s2c, 8, NS, "source=Hotmail name=Hotmail length=5"},
		{"a message of a person", "MSG a@b.c Al 5", s2c, 8, SB, "handle=a@b.c name=Al length=5"},
		{"FND with fields", "FND 3 fname=A lname=B city=* state=* country=US", c2s, 5, NS, "trid=3 first_name=A last_name=B city=* state=* country=US"},
		{"an error reply", "911 3", s2c, 8, NS, "trid=3"},
		{"an error that no request caused", "911", s2c, 8, NS, ""},
		{"an error with text", "200 4 some words", s2c, 8, NS, "trid=4 info=some words"},
		{"an error with a payload", "241 15 53", s2c, 15, NS, "trid=15 length=53"},
		{"SDC with two arguments nobody has named", "SDC 9 a@b.c 0x0409 MSMSGS MSMSGS X X Al 5", c2s, 8, NS,
			"trid=9 handle=a@b.c lcid=0x0409 library=MSMSGS client_id=MSMSGS arg5=X arg6=X name=Al length=5"},
		{"arguments to spare", "ACK 3 x y", s2c, 8, SB, "trid=3 arg1=x arg2=y"},
		{"a missing argument", "CAL 3", c2s, 8, SB, "trid=3"},
		{"an unknown verb", "ZZZ 3 x y", s2c, 8, NS, "trid=3 arg1=x arg2=y"},
		{"an unknown verb without a transaction id", "ZZZ x", s2c, 8, NS, "arg1=x"},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			line := []byte(tt.line)
			_, args := Lookup(nil, line, lineArgs(nil, line), tt.dir, tt.dialect, tt.on)
			var got []string
			for _, a := range args {
				got = append(got, a.Name+"="+string(a.Value))
				if string(line[a.Pos:a.Pos+len(a.Value)]) != string(a.Value) {
					t.Errorf("%s: Pos %d does not point at %q", a.Name, a.Pos, a.Value)
				}
			}
			if g := strings.Join(got, " "); g != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.line, g, tt.want)
			}
		})
	}
}

func TestPlausibleLines(t *testing.T) {
	good := map[Direction][]string{
		ServerToClient: {"NLN NLN 1:a@b.c Al 1:2 0", "ILN 9 NLN tel:+15550100 4 Al 0", "JOI a@b.c;{g} Al 1:2", "NLN NLN 1:a@b.c;via=9:g@live.com Al 0:0 0", "BYE a@b.c", "NLN NLN a@b.c Al 0", "QNG 45", "911 5", "MSG a@b.c Al 120", "JOI a@b.c Al 1616756780 extra", "OUT", "CHL 0 15570131571988941333"},
		ClientToServer: {"PNG", "MSG 5 A 120", "VER 1 MSNP8 CVR0", "ANS 1 a@b.c 123.4 5", "CHG 9 NLN 0"},
	}
	bad := map[Direction][]string{
		ServerToClient: {"", "BYE", "BYE now", "XFR is a command", "NOT really", "299 5", "220 mail.example.com ready", "200 OK, fine", "PNG", "MSG hello there", "GET / HTTP/1.0", "BYE\ta@b.c", "BYE sip:a@b.c SIP/2.0", "OUT LOGOUT now please", "ADC 5 hello there", "LSG Hello there my friends"},
		ClientToServer: {"GET / HTTP/1.1", "USER a@b.c", "QUIT", "BYE a@b.c", "911 5", "PUT it here", "DEL 1", "OUT of here now", "REM 4 songs today", "VER 5 is good", "ADC 5 hello there"},
	}
	for dir, lines := range good {
		for _, l := range lines {
			if !Plausible([]byte(l), dir) {
				t.Errorf("%s %q is not plausible, but should be", dir, l)
			}
		}
	}
	for dir, lines := range bad {
		for _, l := range lines {
			if Plausible([]byte(l), dir) {
				t.Errorf("%s %q is plausible, but should not be", dir, l)
			}
		}
	}
}

func TestANotationMistakeIsReported(t *testing.T) {
	for _, args := range []string{"?", "name@", "name@x", "name@8-y", "trid !"} {
		if _, err := compilePattern(args); err == nil {
			t.Errorf("%q compiles", args)
		}
	}
}

func TestListNames(t *testing.T) {
	if got := ListNames(11); !slices.Equal(got, []string{"FL", "AL", "RL"}) {
		t.Errorf("11 is %v", got)
	}
}

func TestCapabilities(t *testing.T) {
	// MSNP.md §6.1: 1073856572 is generation 4 and 0x1C03C.
	c, ok := ParseCapabilities([]byte("1073856572"))
	if !ok || c.Generation() != 4 || c.ClientRelease() != "MSN Messenger 7.0" || c.Basic&0xfffffff != 0x1c03c {
		t.Errorf("1073856572: %+v, generation %d, %q", c, c.Generation(), c.ClientRelease())
	}
	want := []string{"ink as GIF", "ink as ISF", "webcam", "chunked messages", "direct instant messages", "winks", "shared search"}
	if got := c.Names(); !slices.Equal(got, want) {
		t.Errorf("bits are %q, want %q", got, want)
	}
	c, ok = ParseCapabilities([]byte("2416181284:32"))
	if !ok || c.Generation() != 9 || !slices.Contains(c.Names(), "P2Pv2") {
		t.Errorf("2416181284:32: %+v %q", c, c.Names())
	}
	for _, bad := range []string{"", "x", "1:", "4294967296", "-1", "1:2:3"} {
		if _, ok := ParseCapabilities([]byte(bad)); ok {
			t.Errorf("%q is read as capabilities", bad)
		}
	}
}
