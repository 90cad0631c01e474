package peers

import (
	"strings"
	"testing"

	"msnproxy/decode"
)

// The forms by dialect as MSNP.md has them (§3 to §5 and §8), with made-up
// values; written by hand.
func TestForms(t *testing.T) {
	alice := func(d decode.Dialect) portrait { return portrait{"a@b.c", programFor(d), d} }
	const picture = "PICTURE" // stands for the msnobj
	tests := []struct {
		got  command
		want string
	}{
		{offer(1, programFor(12)), "VER 1 MSNP12 MSNP11 MSNP10 CVR0"},
		{choice(1, 8), "VER 1 MSNP8 CVR0"},
		{choice(1, 12), "VER 1 MSNP12"},
		{signInBegin(12, 3, "a@b.c"), "USR 3 TWN I a@b.c"},
		{signInBegin(15, 3, "a@b.c"), "USR 3 SSO I a@b.c"},
		{referral(8, 3, "h:1", "i:2"), "XFR 3 NS h:1 0 i:2"},
		{referral(12, 3, "h:1", "i:2"), "XFR 3 NS h:1 0 i:2"},
		{referral(15, 3, "h:1", "i:2"), "XFR 3 NS h:1 U D"},
		{referral(18, 3, "h:1", "i:2"), "XFR 3 NS h:1 U D"},
		{signedIn(8, 4, "a@b.c", "")[0], "USR 4 OK a@b.c a 1 0"},
		{signedIn(11, 4, "a@b.c", "")[0], "USR 4 OK a@b.c 1 0"},
		{signedIn(11, 4, "a@b.c", "")[1], "SBS 0 null"},
		{listRequest(8, 5), "SYN 5 0"},
		{listRequest(12, 5), "SYN 5 0 0"},
		{contactList(8, 5, "a@b.c", []string{"d@e.f"})[0], "SYN 5 27 1 1"},
		{contactList(8, 5, "a@b.c", []string{"d@e.f"})[5], "LST d@e.f d 11 0"},
		{contactList(11, 5, "a@b.c", []string{"d@e.f"})[5], "LST N=d@e.f F=d C=GUID 11 " + groupID},
		{contactList(12, 5, "a@b.c", []string{"d@e.f"})[5], "LST N=d@e.f F=d C=GUID 11 1 " + groupID},
		{listUpload(5, []string{"d@e.f"}), "ADL 5 52\r\n" + `<ml l="1"><d n="e.f"><c n="d" l="3" t="1"/></d></ml>`},
		{changeStatus(6, "NLN", alice(8)), "CHG 6 NLN 0"},
		{changeStatus(6, "NLN", alice(11)), "CHG 6 NLN 1074053164 PICTURE"},
		{changeStatus(6, "BSY", alice(18)), "CHG 6 BSY 2684665900:32 PICTURE"},
		{initialStatus(8, 6, "NLN", alice(8)), "ILN 0 NLN a@b.c a 0"},
		{initialStatus(11, 6, "NLN", alice(8)), "ILN 6 NLN a@b.c a 0 0"},
		{initialStatus(12, 6, "NLN", alice(11)), "ILN 6 NLN a@b.c a 1074053164 PICTURE"},
		{initialStatus(15, 6, "NLN", alice(18)), "ILN 6 NLN a@b.c 1 a 2684665900 PICTURE"},
		{initialStatus(18, 6, "NLN", alice(18)), "NLN NLN 1:a@b.c a 2684665900:32 PICTURE"},
		{newStatus(8, "IDL", alice(15)), "NLN IDL a@b.c a 2147794988"},
		{newStatus(18, "IDL", alice(8)), "NLN IDL 1:a@b.c a 0:0 0"},
		{goneOffline(8, "a@b.c"), "FLN a@b.c"},
		{goneOffline(15, "a@b.c"), "FLN a@b.c 1"},
		{goneOffline(18, "a@b.c"), "FLN 1:a@b.c 0:0"},
		{personalMessage(11, "a@b.c", nil), "UBX a@b.c 0\r\n"},
		{personalMessage(15, "a@b.c", nil), "UBX a@b.c 1 0\r\n"},
		{personalMessage(18, "a@b.c", nil), "UBX 1:a@b.c 0\r\n"},
		{pong(8), "QNG"},
		{pong(11), "QNG 43"},
		{switchboard(12, 7, "h:1", "5.1.1"), "XFR 7 SB h:1 CKI 5.1.1"},
		{switchboard(13, 7, "h:1", "5.1.1"), "XFR 7 SB h:1 CKI 5.1.1 U messenger.msn.com"},
		{switchboard(15, 7, "h:1", "5.1.1"), "XFR 7 SB h:1 CKI 5.1.1 U messenger.msn.com 1"},
		{invitation(8, "5", "h:1", "1.1", "a@b.c"), "RNG 5 h:1 CKI 1.1 a@b.c a"},
		{invitation(13, "5", "h:1", "1.1", "a@b.c"), "RNG 5 h:1 CKI 1.1 a@b.c a U messenger.msn.com"},
		{invitation(18, "5", "h:1", "1.1", "a@b.c"), "RNG 5 h:1 CKI 1.1 a@b.c a U messenger.msn.com 1"},
		{line("JOI %s", alice(18).entries(11)[0]), "JOI a@b.c a"},
		{line("JOI %s", alice(11).entries(12)[0]), "JOI a@b.c a 1074053164"},
		{line("JOI %s", alice(18).entries(15)[0]), "JOI a@b.c a 2684665900"},
		{line("JOI %s", alice(15).entries(18)[0]), "JOI a@b.c a 2147794988:0"},
		{line("JOI %s", alice(18).entries(18)[0]), "JOI a@b.c a 2684665900:32"},
		{line("JOI %s", alice(18).entries(18)[1]), "JOI a@b.c;{ENDPOINT} a 2684665900:32"},
		{alice(18).farewells(18)[0], "BYE a@b.c;{ENDPOINT}"},
		{alice(18).farewells(15)[0], "BYE a@b.c"},
	}
	short := strings.NewReplacer(pictureOf("a@b.c"), picture, endpointOf("a@b.c"), "{ENDPOINT}",
		contactID("d@e.f"), "GUID")
	for _, tt := range tests {
		got := short.Replace(strings.TrimSuffix(string(tt.got.bytes()), "\r\n"))
		if want := strings.TrimSuffix(tt.want, "\r\n"); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// What both ends say is MSNP as the decoder knows it: every command is in its
// table, in its dialect, without anything irregular.
func TestDecoderAgrees(t *testing.T) {
	for _, d := range pairs() {
		book := &decode.Book{}
		sessions := map[int]*decode.Session{}
		records := 0
		emit := func(r *decode.Record) {
			if r.Kind != decode.KindCommand {
				return
			}
			records++
			if r.Spec == nil || r.Spec.Args == "trid method stage secrets!..." {
				t.Errorf("%v: not in the command table: %q", d, r.Line)
			}
			for _, n := range r.Notes {
				if n.Kind == decode.NoteIssue {
					t.Errorf("%v: %q: %s", d, r.Line, n.Text)
				}
			}
		}
		r := newRelay(t, ServerConfig{}, &relay{tap: func(c *relayed, chunk []byte) {
			if sessions[c.number] == nil {
				sessions[c.number] = decode.NewSession(decode.Config{Conn: c.kind.String(), Book: book, Emit: emit})
			}
			sessions[c.number].Feed(c.dir, append([]byte(nil), chunk...), decode.Stamp{})
		}})
		if err := Scenario(within(t, evening), r.addr(), d); err != nil {
			t.Error(err)
		}
		r.close()
		for _, s := range sessions {
			s.Close("", decode.Stamp{})
		}
		if records < 100 {
			t.Errorf("%v: %d records", d, records)
		}
	}
}
