package decode

import "strings"

// envelope is a SOAP message.
type envelope struct {
	header, body *xmlNode
	beside       *xmlNode // a fault that does not stand in the body
}

// call is the element that a body consists of: what is asked for, or answered.
func (e envelope) call() *xmlNode {
	if e.body == nil || len(e.body.nodes) == 0 {
		return nil
	}
	return e.body.nodes[0]
}

// readEnvelopes reads the request and the answer of a SOAP exchange, and tells
// of a fault. Where no header named the action, the request's element does.
func (d *draft) readEnvelopes(x *HTTPExchange) (request, response envelope) {
	request, response = d.readEnvelope(x.Request.Body), d.readEnvelope(x.Response.Body)
	if x.Action == "" && request.call() != nil {
		x.Action = request.call().name
	}
	return request, response
}

func (d *draft) readEnvelope(body []byte) envelope {
	root := d.readDocument(body).first("Envelope")
	return envelope{root.child("Header"), root.child("Body"), root.child("Fault")}
}

// fault tells why a call failed, in SOAP 1.1 or 1.2. Passport puts a fault
// beside the body as well.
func (d *draft) fault(response envelope) {
	if fault := firstNode(response.body.child("Fault"), response.beside); fault != nil {
		var o object
		o.text("code", firstOf(fault.child("faultcode").content(), fault.child("Code").child("Value").content()))
		o.text("text", firstOf(fault.child("faultstring").content(), fault.child("Reason").child("Text").content()))
		detail := firstNode(fault.child("detail"), fault.child("Detail"))
		o.text("detail_code", firstOf(detail.first("errorcode").content(), detail.first("value").content()))
		o.text("detail_text", firstOf(detail.first("errorstring").content(), detail.first("text").content()))
		d.nested("fault", o)
	}
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return ""
}

func firstNode(nodes ...*xmlNode) *xmlNode {
	for _, n := range nodes {
		if n != nil {
			return n
		}
	}
	return nil
}

// decodeOtherSOAP tells the bodies of a call as they are. The headers hold
// tickets, and are left out.
func decodeOtherSOAP(d *draft, x *HTTPExchange) {
	request, response := d.readEnvelopes(x)
	d.fault(response)
	if call := request.call(); call != nil {
		d.nested("request", call.object())
	}
	if call := response.call(); call != nil && call.name != "Fault" {
		d.nested("response", call.object())
	}
}

// decodeSecurityTokens decodes a sign-in by RST or RST2. The answer has a token
// for each of the addresses that the client asked tokens for.
func decodeSecurityTokens(d *draft, x *HTTPExchange) {
	request, response := d.readEnvelopes(x)
	x.Action = "RST"
	if name := x.URL[:len(x.URL)-len(queryOf(x.URL))]; strings.Contains(strings.ToLower(name), "rst2.srf") {
		x.Action = "RST2"
	}
	if user := request.header.first("UsernameToken"); user != nil {
		d.text("account", user.child("Username").content())
		d.text("password", user.child("Password").content())
	}
	d.text("client", request.header.first("HostingApp").content())
	d.list("asked", objects(request.body.anywhere("RequestSecurityToken"), func(n *xmlNode) object {
		var o object
		o.text("address", n.first("Address").content())
		o.text("policy", n.first("PolicyReference").attr("URI"))
		return o
	}))
	d.list("tokens", objects(response.body.anywhere("RequestSecurityTokenResponse"), securityToken))
	d.text("server_version", response.header.first("serverInfo").content())
	d.text("puid", response.header.first("PUID").content())
	d.fault(response)
}

// securityToken tells of one token: whom it is for, until when, the ticket
// itself, and the secret that proves that it is one's own.
func securityToken(n *xmlNode) object {
	var o object
	o.text("address", n.first("Address").content())
	o.text("token_type", n.child("TokenType").content())
	o.text("created", n.first("Created").content())
	o.text("expires", n.first("Expires").content())
	requested := n.child("RequestedSecurityToken")
	o.text("ticket", strings.TrimSpace(requested.first("BinarySecurityToken").content()))
	o.text("cipher", strings.TrimSpace(requested.first("CipherValue").content()))
	o.text("secret", strings.TrimSpace(n.child("RequestedProofToken").first("BinarySecret").content()))
	return o
}
