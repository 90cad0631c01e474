package story

import (
	"fmt"
	"strings"
	"testing"

	"msnproxy/decode"
)

// call is an exchange of HTTP about the address book or offline messages.
type call struct {
	service           decode.HTTPService
	request, response string
	status            int // 0 is 200
	conn, host        string
}

// http has a client exchange something by HTTP.
func (p *play) http(c call) {
	body := func(text string) decode.HTTPMessage {
		return decode.HTTPMessage{Body: []byte("<Envelope>" + text + "</Envelope>")}
	}
	if c.status == 0 {
		c.status = 200
	}
	action, _, _ := strings.Cut(strings.TrimPrefix(c.request[strings.Index(c.request, "<Body>"):], "<Body><"), ">")
	p.out.Emit(&decode.Record{
		Stamp: p.stamp(), Conn: c.conn, Seq: p.packet, Kind: decode.KindHTTP, Client: c.host + ":3000", ServerAddr: "10.9.9.9:80",
		HTTP: decode.NewHTTP(&decode.HTTPExchange{
			Service: c.service, Method: "POST", Action: "http://example.com/ws/" + action, Status: c.status, Request: body(c.request), Response: body(c.response),
		}),
	})
}

// book is an exchange about the address book on a TCP connection of 10.0.0.1.
func (p *play) addressBook(conn, request, answer string) {
	p.http(call{decode.AddressBook, "<Body>" + request + "</Body>", "<Body>" + answer + "</Body>", 0, conn, "10.0.0.1"})
}

func bookEntry(id, handle, more string) string {
	return fmt.Sprintf("<Contact><contactId>%s</contactId><contactInfo><contactType>Regular</contactType><passportName>%s</passportName>%s</contactInfo></Contact>", id, handle, more)
}

const isUser = "<isMessengerUser>true</isMessengerUser>"

func members(call, role string, handles ...string) string {
	text := "<" + call + "><serviceHandle><Type>Messenger</Type></serviceHandle><memberships><Membership><MemberRole>" + role + "</MemberRole><Members>"
	for _, h := range handles {
		text += "<Member><Type>Passport</Type><PassportName>" + h + "</PassportName></Member>"
	}
	return text + "</Members></Membership></memberships></" + call + ">"
}

// findAll answers ABFindAll: bob in a group, carol of another network, dave who
// has no Messenger, erin who was deleted, and the owner.
const owner = "<ab><abInfo><ownerEmail>alice@example.com</ownerEmail></abInfo></ab>"

var findAll = "<ABFindAllResponse><ABFindAllResult><groups><Group><groupId>g1</groupId><groupInfo><name>Friends</name></groupInfo></Group></groups><contacts>" +
	bookEntry("i1", "bob@example.com", isUser+"<displayName>Bob</displayName><groupIds><guid>g1</guid></groupIds>") +
	"<Contact><contactId>i2</contactId><contactInfo><emails><ContactEmail><email>carol@example.org</email><isMessengerEnabled>true</isMessengerEnabled></ContactEmail></emails><isMessengerUser>false</isMessengerUser></contactInfo></Contact>" +
	bookEntry("i3", "dave@example.com", "<isMessengerUser>false</isMessengerUser>") +
	strings.Replace(bookEntry("i4", "erin@example.com", isUser), "</contactInfo>", "</contactInfo><fDeleted>true</fDeleted>", 1) +
	"<Contact><contactInfo><contactType>Me</contactType><passportName>alice@example.com</passportName><displayName>Alice</displayName></contactInfo></Contact>" +
	"</contacts>" + owner + "</ABFindAllResult></ABFindAllResponse>"

func TestContactsOfAnAddressBook(t *testing.T) {
	p := newPlay(t)
	p.addressBook("h1", "<FindMembership></FindMembership>", members("FindMembershipResponse", "Allow", "bob@example.com", "frank@example.com")) // the owner shows later
	p.addressBook("h1", "<ABFindAll></ABFindAll>", findAll)
	p.addressBook("h1", members("AddMember", "Reverse", "BOB@example.com"), "<AddMemberResponse/>")
	lines(t, "contacts", contactLines(p.teller.Story()),
		`alice@example.com: bob@example.com "Bob" FL+AL+RL [Friends] `, `alice@example.com: frank@example.com "" AL [] `, `alice@example.com: carol@example.org "" FL [] `)

	p.addressBook("h1", members("DeleteMember", "Allow", "frank@example.com"), "<DeleteMemberResponse/>")
	p.addressBook("h1", "<ABContactDelete><contacts><Contact><contactId>i1</contactId></Contact></contacts></ABContactDelete>", "<ABContactDeleteResponse/>")
	p.addressBook("h1", "<ABContactAdd><contacts>"+bookEntry("", "gina@example.com", "<displayName>Gina</displayName>")+"</contacts></ABContactAdd>", "<ABContactAddResponse/>")
	lines(t, "contacts", contactLines(p.teller.Story()),
		`alice@example.com: bob@example.com "Bob" AL+RL [] `, `alice@example.com: frank@example.com ""  [] `, `alice@example.com: carol@example.org "" FL [] `, `alice@example.com: gina@example.com "Gina" FL [] `)
}

func TestWhatFailedChangesNoContact(t *testing.T) {
	p := newPlay(t)
	add := "<ABContactAdd><contacts>" + bookEntry("", "gina@example.com", "") + "</contacts></ABContactAdd>"
	p.addressBook("h1", add, "<Fault><faultcode>no</faultcode></Fault>")
	p.http(call{decode.AddressBook, "<Body>" + add + "</Body>", "", 500, "h1", "10.0.0.1"})
	lines(t, "contacts", contactLines(p.teller.Story()))
}

// TestAddressBookOfASignIn has the book tell no owner: it is that of who signed
// in from the same host, whose list MSNP tells as well.
func TestAddressBookOfASignIn(t *testing.T) {
	for _, first := range []bool{true, false} {
		p := newPlay(t)
		membership := func() {
			p.addressBook("h1", "<FindMembership></FindMembership>", members("FindMembershipResponse", "Reverse", "bob@example.com"))
		}
		if first {
			membership()
		}
		p.open("c1", "10.0.0.1:2048", "10.0.0.2:1863")
		p.c("c1", "VER 1 MSNP15 CVR0")
		p.s("c1", "VER 1 MSNP15")
		p.c("c1", "USR 2 SSO I alice@example.com")
		p.s("c1", "USR 2 OK alice@example.com 1 0")
		if !first {
			membership()
		}
		p.c("c1", "ADL 3\n"+`<ml l="1"><d n="example.com"><c n="bob" l="3" t="1"/></d></ml>`)
		p.s("c1", "ADL 3 OK")
		lines(t, fmt.Sprint("contacts, by HTTP first: ", first), contactLines(p.teller.Story()), `alice@example.com: bob@example.com "" FL+AL+RL [] `)
	}
}

func TestOfflineMessages(t *testing.T) {
	p := newPlay(t)
	mail := func(head string) string {
		return head + "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n\nSGVsbG8="
	}
	store := func(answer string) call {
		return call{decode.OfflineMessages, `<Header><From memberName="alice@example.com"/><To memberName="bob@example.com"/></Header><Body><Store><Content>` +
			mail("") + "</Content></Store></Body>", "<Body>" + answer + "</Body>", 0, "h1", "10.0.0.1"}
	}
	fetch := func(id string) call {
		return call{decode.OfflineMessages, "<Body><GetMessage><messageId>" + id + "</messageId></GetMessage></Body>", "<Body><GetMessageResponse><GetMessageResult>" +
			mail("From: =?utf-8?B?QQ==?= &lt;alice@example.com&gt;\nTo: Bob@example.com\n") + "</GetMessageResult></GetMessageResponse></Body>", 0, "h2", "10.0.0.2"}
	}
	p.http(store("<Fault><faultcode>AuthenticationFailed</faultcode></Fault>"))
	p.http(store("<StoreResponse/>"))
	p.http(fetch("m1"))
	p.http(fetch("m1")) // again, as it was not deleted
	p.http(fetch("m2")) // that was left elsewhere
	var got []string
	for _, m := range p.teller.Story().Messages {
		got = append(got, fmt.Sprint(m.From, " ", m.To, " ", m.Type, " ", m.Text, " ", m.Records))
	}
	lines(t, "messages", got, "alice@example.com [bob@example.com] offline Hello [{h1 2} {h2 3}]", "alice@example.com [Bob@example.com] offline Hello [{h2 5}]")
}
