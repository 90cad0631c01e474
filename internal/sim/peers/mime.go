package peers

import (
	"fmt"
	"regexp"
	"strings"

	"msnproxy/decode"
)

// mime makes the payload of a MSG: headers, an empty line, the body.
func mime(contentType, body string, headers ...string) string {
	all := append([]string{"MIME-Version: 1.0", "Content-Type: " + contentType}, headers...)
	return strings.Join(all, "\r\n") + "\r\n\r\n" + body
}

// TextMessage is the payload of a chat message.
func TextMessage(text string) string {
	return mime("text/plain; charset=UTF-8", text, "X-MMS-IM-Format: FN=MS%20Shell%20Dlg; EF=; CO=0; CS=0; PF=0")
}

// TypingMessage is the payload that tells that somebody is typing.
func TypingMessage(account string) string {
	return mime("text/x-msmsgscontrol", "\r\n", "TypingUser: "+account)
}

// NudgeMessage is the payload that shakes the other's window.
func NudgeMessage() string { return mime("text/x-msnmsgr-datacast", "ID: 1\r\n\r\n") }

// serviceHandle and serviceName are whom messages of the service come from.
const serviceHandle = "Hotmail"

// profile is what the server tells a client about its user after sign-in. The
// address in RouteInfo is one that a proxy changes.
func profile(d decode.Dialect, account, route string) command {
	headers := []string{
		"LoginTime: 1213121100",
		"EmailEnabled: 1",
		"MemberIdHigh: 65536",
		fmt.Sprintf("MemberIdLow: %d", number(account)),
		"lang_preference: 1033",
		"preferredEmail: " + account,
		"country: US",
		"PostalCode: ",
		"Kid: 0",
		"sid: 507",
		"kv: 5",
		"MSPAuth: DUMMY-MSPAUTH-" + short(account) + strings.Repeat("0", 100) + "$$",
		"ClientIP: 192.0.2.10",
		"ClientPort: 34052",
	}
	if d >= 10 {
		headers = append(headers, "ABCHMigrated: 1")
	}
	if d >= 15 {
		headers = append(headers, "Nickname: "+short(account), "RouteInfo: msnp://"+route+"/0147A0C2")
	}
	payload := mime("text/x-msmsgsprofile; charset=UTF-8", "", headers...)
	return with(payload, "MSG %s %[1]s", serviceHandle)
}

var routePattern = regexp.MustCompile(`\r\nRouteInfo: msnp://([^/\r\n]+)/`)

// routeIn is the address in the RouteInfo of a profile, or "".
func routeIn(payload []byte) string {
	if found := routePattern.FindSubmatch(payload); found != nil {
		return string(found[1])
	}
	return ""
}

// policies is the payload of GCF.
const policies = `<Policies><Policy type="SHIELDS"><config><shield><cli maj="7" min="0" minbld="0" maxbld="9999" deny=" "/></shield>` +
	`<block><regexp><imtext value="XC5waWYk"/></regexp></block></config></Policy></Policies>`

// personal is a personal message, as XML. Programs that know of endpoints
// tell which one it is from.
func personal(d decode.Dialect, account, message string) string {
	machine := ""
	if hasEndpoints(d) {
		machine = "<MachineGuid>" + endpointOf(account) + "</MachineGuid>"
	}
	return "<Data><PSM>" + message + "</PSM><CurrentMedia></CurrentMedia>" + machine + "</Data>"
}

var personalPattern = regexp.MustCompile(`^<Data><PSM>([^<>]*)</PSM>`)

// messageIn reads a personal message that must be the account's own; it
// reports false for anything else.
func messageIn(payload []byte, account string) (message string, ok bool) {
	found := personalPattern.FindSubmatch(payload)
	if found == nil {
		return "", len(payload) == 0
	}
	message = string(found[1])
	for _, d := range Dialects {
		ok = ok || string(payload) == personal(d, account, message)
	}
	return message, ok
}
