package decode

import "strings"

// OAuth WRAP, by which Messenger Connect let web sites in: a browser asks the
// authorisation server, which sends it back to the site (the client) with a
// verification code; the client gives that for an access token and a refresh
// token, and shows the access token to the protected resource. Which step an
// exchange is can be told by its parameters, all of which begin with wrap_.

// The roles of WRAP.
const (
	wrapBrowser  = "browser"
	wrapClient   = "client"
	wrapServer   = "authorization server"
	wrapResource = "protected resource"
)

// wrapStep is a step of WRAP, and who takes it with whom.
type wrapStep struct{ name, from, to string }

var (
	wrapAuthorization = wrapStep{"authorization", wrapBrowser, wrapServer}
	wrapVerification  = wrapStep{"verification-code", wrapBrowser, wrapClient}
	wrapAccess        = wrapStep{"access-token", wrapClient, wrapServer}
	wrapRefresh       = wrapStep{"refresh-token", wrapClient, wrapServer}
	wrapUse           = wrapStep{"resource", wrapClient, wrapResource}
)

// decodeWRAP tells the step, its parameters and what was answered.
func decodeWRAP(d *draft, x *HTTPExchange) {
	query, posted, answer := form(queryOf(x.URL)), object{}, object{}
	if x.Request.isForm() {
		posted = form(strings.TrimSpace(readable(x.Request.Body)))
	}
	if isWRAPForm(x.Response.Body) {
		answer = form(strings.TrimSpace(readable(x.Response.Body)))
	}
	_, shown := headerParams(x.Request.get("Authorization"))
	step := wrapStepOf(x, &query, &posted)
	x.Action = step.name
	d.text("from", step.from)
	d.text("to", step.to)
	d.nested("query", query)
	d.nested("form", posted)
	if isWRAPAuthorization(x.Request.get("Authorization")) {
		d.text("access_token", strings.Trim(shown.value("access_token"), `"`))
	}
	d.text("location", x.Response.get("Location"))
	d.nested("answer", answer)
	d.text("error", firstOf(answer.value("wrap_error_reason"), query.value("wrap_error_reason"), answer.value("error_code"), query.value("error_code")))
	if x.Status == 401 {
		d.text("challenge", x.Response.get("Www-Authenticate"))
	}
}

// wrapStepOf tells the step by what is sent. A code in the query comes by way
// of the browser, in a form from the client itself.
func wrapStepOf(x *HTTPExchange, query, posted *object) wrapStep {
	switch {
	case isWRAPAuthorization(x.Request.get("Authorization")):
		return wrapUse
	case posted.has("wrap_refresh_token"):
		return wrapRefresh
	case posted.has("wrap_verification_code") || posted.has("wrap_username") || posted.has("wrap_assertion") || posted.has("wrap_client_secret"):
		return wrapAccess
	case query.has("wrap_verification_code") || query.has("wrap_error_reason") || query.has("error_code"):
		return wrapVerification
	}
	return wrapAuthorization
}

// isWRAPAuthorization recognises the header that shows an access token.
func isWRAPAuthorization(header string) bool {
	return len(header) > 5 && equalFold([]byte(header[:5]), "WRAP ")
}

// isWRAPForm tells whether a body is a form with parameters of WRAP.
func isWRAPForm(body []byte) bool {
	return HasWRAPParameter(string(body[:min(len(body), maxWRAPForm)]))
}

// maxWRAPForm is as far as a body is looked at for parameters: tokens have
// some hundred characters each.
const maxWRAPForm = 16 << 10

// wrapParameters are the names that make an exchange one of WRAP.
var wrapParameters = []string{
	"wrap_client_id", "wrap_client_secret", "wrap_verification_code", "wrap_access_token", "wrap_refresh_token",
	"wrap_callback", "wrap_error_reason", "wrap_username", "wrap_assertion",
}

// HasWRAPParameter tells whether a query or a form has a parameter of WRAP.
func HasWRAPParameter(text string) bool {
	for one := range strings.SplitSeq(text, "&") {
		name, _, ok := strings.Cut(strings.TrimSpace(one), "=")
		for _, p := range wrapParameters {
			if ok && name == p {
				return true
			}
		}
	}
	return false
}
