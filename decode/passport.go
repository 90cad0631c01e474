package decode

// decodeNexus decodes the answer that tells where to sign in:
// PassportURLs: DARealm=Passport.Net,DALogin=login.live.com/login2.srf,...
func decodeNexus(d *draft, x *HTTPExchange) {
	x.Action = "nexus"
	_, urls := headerParams("PassportURLs " + x.Response.get("Passporturls"))
	d.text("login_url", urls.value("DALogin"))
	d.nested("passport_urls", urls)
}

// decodePassportLogin decodes a sign-in by header. The answer is a ticket, a
// refusal, or that the client has to ask somewhere else.
func decodePassportLogin(d *draft, x *HTTPExchange) {
	x.Action = "login"
	_, asked := headerParams(x.Request.get("Authorization"))
	d.text("account", asked.value("sign-in"))
	d.text("password", asked.value("pwd"))
	d.text("org_verb", asked.value("OrgVerb"))
	d.text("org_url", asked.value("OrgURL"))
	d.nested("parameters", asked.without("sign-in", "pwd", "OrgVerb", "OrgURL"))
	text := x.Response.get("Authentication-Info")
	if text == "" {
		text = x.Response.get("Www-Authenticate")
	}
	_, answer := headerParams(text)
	d.text("outcome", answer.value("da-status"))
	d.text("ticket", answer.value("from-PP"))
	d.text("return_url", answer.value("ru"))
	d.text("location", x.Response.get("Location"))
	d.nested("answer", answer.without("da-status", "from-PP", "ru"))
}
