package peers

import (
	"fmt"
	"slices"
	"strings"

	"msnproxy/decode"
)

// This file holds the forms of commands, by dialect. Both ends make them with
// the same functions: one to send them, the other to know what must come. The
// golden lines in forms_test.go, taken from MSNP.md, hold them to the protocol.

// hasEndpoints tells whether clients of a dialect tell which of an account's
// machines they are on (MSNP.md §5).
func hasEndpoints(d decode.Dialect) bool { return d >= 16 }

func offer(trid int, s *software) command {
	var names []string
	for _, d := range s.offers {
		names = append(names, d.String())
	}
	return line("VER %d %s CVR0", trid, strings.Join(names, " "))
}

// choice is the server's answer to VER. The servers of 2003 repeated CVR0,
// later ones did not.
func choice(trid int, d decode.Dialect) command {
	if d == 8 {
		return line("VER %d %v CVR0", trid, d)
	}
	return line("VER %d %v", trid, d)
}

func clientVersion(trid int, s *software, account string) command {
	return line("CVR %d 0x0409 winnt 5.1 i386 %s %s %s %s", trid, s.library, s.version, s.id, account)
}

func versionAdvice(trid int, s *software) command {
	return line("CVR %d %s %[2]s %[2]s http://download.example.com/setup.msi http://messenger.example.com", trid, s.version)
}

// method is how clients of a dialect sign in.
func method(d decode.Dialect) string {
	if d >= 15 {
		return "SSO"
	}
	return "TWN"
}

func signInBegin(d decode.Dialect, trid int, account string) command {
	return line("USR %d %s I %s", trid, method(d), account)
}

// referral is XFR NS. Up to MSNP12 it also tells the address of the server
// that refers (MSNP.md §8).
func referral(d decode.Dialect, trid int, to, current string) command {
	if d >= 13 {
		return line("XFR %d NS %s U D", trid, to)
	}
	return line("XFR %d NS %s 0 %s", trid, to, current)
}

// ticketRequest asks for the ticket. With single sign-on the policies come
// unasked before it.
func ticketRequest(d decode.Dialect, trid int, account string) []command {
	if d >= 15 {
		return []command{with(policies, "GCF 0"), line("USR %d SSO S MBI_KEY_OLD %s", trid, nonceOf(account))}
	}
	return []command{line("USR %d TWN S lc=1033,id=507,tw=40,fs=1,ru=http%%3A%%2F%%2Fmessenger%%2Eexample%%2Ecom,"+
		"ct=1213121100,kpp=1,kv=5,ver=2.1.0173.1,tpf=00000000000000000000000000000000", trid)}
}

// turn is a command of the client and the server's reply to it.
type turn struct {
	request func(trid int) command
	reply   func(trid int) []command
}

// echo is the reply that is the request again.
func echo(request func(trid int) command) turn {
	return turn{request, func(trid int) []command { return []command{request(trid)} }}
}

// signInTurns is what remains of sign-in when the server has asked for the
// ticket. The client writes each group at once.
func signInTurns(d decode.Dialect, account, route string, contacts []string) [][]turn {
	groups := [][]turn{{{
		func(trid int) command { return ticketReply(d, trid, account) },
		func(trid int) []command { return signedIn(d, trid, account, route) },
	}}}
	if d >= 18 { // once more, for circles
		groups = append(groups, []turn{{
			func(trid int) command {
				return line("USR %d SHA A DUMMYCIRCLETICKET%s", trid, strings.Repeat("0", 512))
			},
			func(trid int) []command { return []command{line("USR %d OK %s 0 0", trid, account)} },
		}})
	}
	if d >= 13 {
		return append(groups, uploadTurns(account, contacts))
	}
	return append(groups, downloadTurns(d, account, contacts)...)
}

// downloadTurns get the contact list, which the server keeps for clients up to
// MSNP12, and the policies.
func downloadTurns(d decode.Dialect, account string, contacts []string) [][]turn {
	groups := [][]turn{{{
		func(trid int) command { return listRequest(d, trid) },
		func(trid int) []command { return contactList(d, trid, account, contacts) },
	}}}
	if d < 11 {
		return groups
	}
	return append(groups, []turn{{
		func(trid int) command { return line("GCF %d Shields.xml", trid) },
		func(trid int) []command { return []command{with(policies, "GCF %d Shields.xml", trid)} },
	}})
}

// uploadTurns tell the server settings and contacts, which clients from MSNP13
// on have from a web service.
func uploadTurns(account string, contacts []string) []turn {
	return []turn{
		echo(func(trid int) command { return line("BLP %d AL", trid) }),
		{
			func(trid int) command { return listUpload(trid, contacts) },
			func(trid int) []command { return []command{line("ADL %d OK", trid)} },
		},
		echo(func(trid int) command { return line("PRP %d MFN %s", trid, nameOf(account)) }),
	}
}

func ticketReply(d decode.Dialect, trid int, account string) command {
	reply := fmt.Sprintf("USR %d %s S %s", trid, method(d), ticketOf(account))
	if d >= 15 {
		reply += " " + answerOf(account)
	}
	if hasEndpoints(d) {
		reply += " " + endpointOf(account)
	}
	return line("%s", reply)
}

// signedIn ends sign-in; mobile credit follows from MSNP11 on, then the profile.
func signedIn(d decode.Dialect, trid int, account, route string) []command {
	ok := line("USR %d OK %s 1 0", trid, account)
	if d <= 9 {
		ok = line("USR %d OK %s %s 1 0", trid, account, nameOf(account))
	}
	if d < 11 {
		return []command{ok, profile(d, account, route)}
	}
	return []command{ok, line("SBS 0 null"), profile(d, account, route)}
}

func listRequest(d decode.Dialect, trid int) command {
	if d <= 9 {
		return line("SYN %d 0", trid)
	}
	return line("SYN %d 0 0", trid)
}

const (
	groupID   = "cc4ac482-6f1c-473a-a70b-c06a43ca4df3"
	timestamp = "2006-01-15T09:31:02.2270000-08:00"
)

// contactList is the reply to SYN (MSNP.md §4.1). Everybody is on the forward,
// allow and reverse lists.
func contactList(d decode.Dialect, trid int, account string, contacts []string) []command {
	if d <= 9 {
		return contactList8(trid, contacts)
	}
	list := []command{
		line("SYN %d %s %[2]s %d 1", trid, timestamp, len(contacts)),
		line("GTC A"), line("BLP AL"), line("PRP MFN %s", nameOf(account)),
		line("LSG Friends %s", groupID),
	}
	network := ""
	if d == 12 {
		network = " 1"
	}
	for _, c := range contacts {
		list = append(list, line("LST N=%s F=%s C=%s 11%s %s", c, nameOf(c), contactID(c), network, groupID))
	}
	return list
}

func contactList8(trid int, contacts []string) []command {
	list := []command{
		line("SYN %d 27 %d 1", trid, len(contacts)),
		line("GTC A"), line("BLP AL"), line("PRP PHH 555%%200100"), line("LSG 0 Other%%20Contacts 0"),
	}
	for _, c := range contacts {
		list = append(list, line("LST %s %s 11 0", c, nameOf(c)), line("BPR MOB N"))
	}
	return list
}

// listUpload is the contact list as clients from MSNP13 on send it.
func listUpload(trid int, contacts []string) command {
	var xml strings.Builder
	xml.WriteString(`<ml l="1">`)
	for _, c := range contacts {
		user, domain, _ := strings.Cut(c, "@")
		fmt.Fprintf(&xml, `<d n="%s"><c n="%s" l="3" t="1"/></d>`, domain, user)
	}
	return with(xml.String()+"</ml>", "ADL %d", trid)
}

// statuses are those that CHG may set here. Hidden is left out.
var statuses = []string{"NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN"}

// offline is the status of contacts that are not signed in.
const offline = "FLN"

// portrait is somebody as others see them: the account, the program and the
// dialect that it came to speak.
type portrait struct {
	account string
	program *software
	dialect decode.Dialect
}

// portraits are all ways in which an account can be seen.
func portraits(account string) []portrait {
	var all []portrait
	for _, s := range programs {
		for _, d := range s.offers {
			if slices.Contains(Dialects, d) {
				all = append(all, portrait{account, s, d})
			}
		}
	}
	return all
}

// caps are the capabilities as somebody who speaks a dialect sees them.
func (p portrait) caps(viewer decode.Dialect) string {
	if viewer < 16 {
		return fmt.Sprint(p.program.caps)
	}
	ext := p.program.ext
	if p.dialect < 16 {
		ext = 0
	}
	return fmt.Sprintf("%d:%d", p.program.caps, ext)
}

// object is the display picture, or 0; clients up to MSNP8 have none.
func (p portrait) object() string {
	if p.dialect < 9 {
		return "0"
	}
	return pictureOf(p.account)
}

// self is what stands behind the status in the own CHG.
func (p portrait) self() string {
	if p.dialect < 9 {
		return p.caps(p.dialect)
	}
	return p.caps(p.dialect) + " " + p.object()
}

func changeStatus(trid int, status string, p portrait) command {
	return line("CHG %d %s %s", trid, status, p.self())
}

// contactRef is how a contact is named in presence (MSNP.md §4.3).
func contactRef(viewer decode.Dialect, account string) string {
	switch {
	case viewer >= 18:
		return "1:" + account
	case viewer >= 14:
		return account + " 1"
	}
	return account
}

// presence is what stands behind the status in ILN and NLN.
func (p portrait) presence(viewer decode.Dialect) string {
	text := contactRef(viewer, p.account) + " " + nameOf(p.account) + " " + p.caps(viewer)
	if viewer >= 9 {
		text += " " + p.object()
	}
	return text
}

// initialStatus tells, after the first CHG, who is there already. MSNP18 has
// no command of its own for it; the servers of MSNP8 gave it no transaction id.
func initialStatus(viewer decode.Dialect, trid int, status string, p portrait) command {
	switch {
	case viewer >= 18:
		return newStatus(viewer, status, p)
	case viewer == 8:
		trid = 0
	}
	return line("ILN %d %s %s", trid, status, p.presence(viewer))
}

func newStatus(viewer decode.Dialect, status string, p portrait) command {
	return line("NLN %s %s", status, p.presence(viewer))
}

func goneOffline(viewer decode.Dialect, account string) command {
	if viewer >= 18 {
		return line("FLN %s 0:0", contactRef(viewer, account))
	}
	return line("FLN %s", contactRef(viewer, account))
}

// hasPersonalMessage tells whether a dialect has UUX and UBX.
func hasPersonalMessage(d decode.Dialect) bool { return d >= 11 }

func personalMessage(viewer decode.Dialect, account string, payload []byte) command {
	return with(string(payload), "UBX %s", contactRef(viewer, account))
}

func pong(d decode.Dialect) command {
	if d < 9 {
		return line("QNG")
	}
	return line("QNG 43")
}

// switchboardTail ends XFR SB and RNG (MSNP.md §8).
func switchboardTail(d decode.Dialect) string {
	switch {
	case d >= 14:
		return " U messenger.msn.com 1"
	case d == 13:
		return " U messenger.msn.com"
	}
	return ""
}

func switchboard(d decode.Dialect, trid int, address, cookie string) command {
	return line("XFR %d SB %s CKI %s%s", trid, address, cookie, switchboardTail(d))
}

func invitation(d decode.Dialect, session, address, cookie, from string) command {
	return line("RNG %s %s CKI %s %s %s%s", session, address, cookie, from, nameOf(from), switchboardTail(d))
}

// handle is how an account names itself on a switchboard.
func handle(d decode.Dialect, account string) string {
	if hasEndpoints(d) {
		return account + ";" + endpointOf(account)
	}
	return account
}

// entries are what IRO and JOI tell of somebody: name and capabilities, and
// once more for the machine, if both ends know of those.
func (p portrait) entries(viewer decode.Dialect) []string {
	tail := " " + nameOf(p.account)
	if viewer >= 12 {
		tail += " " + p.caps(viewer)
	}
	all := []string{p.account + tail}
	if hasEndpoints(viewer) && hasEndpoints(p.dialect) {
		all = append(all, handle(p.dialect, p.account)+tail)
	}
	return all
}

// farewells are the BYEs of somebody: of the machine, then of the person.
func (p portrait) farewells(viewer decode.Dialect) []command {
	if hasEndpoints(viewer) && hasEndpoints(p.dialect) {
		return []command{line("BYE %s", handle(p.dialect, p.account)), line("BYE %s", p.account)}
	}
	return []command{line("BYE %s", p.account)}
}
