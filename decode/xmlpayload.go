package decode

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
)

// Limits of what XML payloads are turned into.
const (
	// maxDomain is the longest domain that contacts in a list are given. It
	// stands once for many contacts, so a huge one would multiply. A whole
	// handle has at most 129 bytes (draft-movva).
	maxDomain = 129
	// maxMediaParts is how many parts of a CurrentMedia are read. Music has
	// ten.
	maxMediaParts = 64
	// maxBlocked is how many patterns of blocked texts are listed. The real
	// list had some dozens.
	maxBlocked = 256
)

// readXML reads a record's payload as XML, noting what is wrong with it.
func (d *draft) readXML(payload []byte) *xmlNode {
	doc := parseXML(payload)
	d.malformed(doc.issue)
	if len(doc.root.nodes) == 0 {
		d.malformed("no XML")
		d.textOrSize(payload)
	}
	return &doc.root
}

// decodePersonalMessage decodes UBX and UUX. Clients also send the parts of
// <Data> by themselves.
func decodePersonalMessage(d *draft, r *Record) {
	root := d.readXML(r.Payload)
	data := root.child("Data")
	if data == nil {
		data = root
	}
	if psm := data.child("PSM"); psm != nil {
		d.add("psm", psm.content()) // an empty one says that it was taken away
	}
	d.nested("current_media", currentMedia(data.child("CurrentMedia").content()))
	d.text("machine_guid", data.child("MachineGuid").content())
	d.list("endpoints", objects(data.all("EndpointData"), endpoint))
	d.list("private_endpoints", objects(data.all("PrivateEndpointData"), privateEndpoint))
	d.nested("other", otherElements(data, "PSM", "CurrentMedia", "MachineGuid", "EndpointData", "PrivateEndpointData"))
}

// objects makes a list with an object for each node.
func objects(nodes []*xmlNode, make func(*xmlNode) object) []any {
	var list []any
	for _, n := range nodes {
		list = append(list, make(n).fields)
	}
	return list
}

// otherElements tells the elements that have no field of their own, unless
// they are empty.
func otherElements(n *xmlNode, known ...string) object {
	var o object
	for _, c := range n.nodes {
		if slices.Contains(known, c.name) {
			continue
		}
		if value := c.value(); value != "" {
			o.add(c.name, value)
		}
	}
	return o
}

// mediaSeparator stands between the parts of a CurrentMedia: a backslash and
// a zero, as characters.
const mediaSeparator = `\0`

// currentMedia reads application, kind, whether it is on, a format, and the
// arguments of the format.
func currentMedia(text string) object {
	var o object
	parts := strings.SplitN(text, mediaSeparator, maxMediaParts)
	if len(parts) < 4 {
		o.text("text", text)
		return o
	}
	o.text("application", parts[0])
	o.text("kind", parts[1])
	o.flag("enabled", parts[2])
	o.text("format", parts[3])
	args := parts[4:]
	for len(args) > 0 && args[len(args)-1] == "" {
		args = args[:len(args)-1]
	}
	var list []any
	for _, a := range args {
		list = append(list, a)
	}
	o.list("args", list)
	return o
}

func endpoint(n *xmlNode) object {
	var o object
	o.text("id", n.attr("id"))
	o.text("capabilities", n.child("Capabilities").content())
	return o
}

func privateEndpoint(n *xmlNode) object {
	var o object
	o.text("id", n.attr("id"))
	o.text("name", n.child("EpName").content())
	o.flag("idle", n.child("Idle").content())
	kind := n.child("ClientType").content()
	o.number("client_type", kind)
	if id, ok := parseTrID([]byte(kind)); ok {
		o.text("client_type_name", meaningOf(ClientTypes, id))
	}
	o.text("state", n.child("State").content())
	return o
}

// decodeContactList decodes ADL, RML and FQY.
func decodeContactList(d *draft, r *Record) {
	d.contacts(d.readXML(r.Payload).child("ml"))
}

// contacts tells the contacts of <ml>: in <d>, which gives their domain, in
// <t> if they are telephones, or on their own.
func (d *draft) contacts(ml *xmlNode) {
	if ml == nil {
		d.malformed("no <ml>")
		return
	}
	if ml.attr("l") == "1" {
		d.add("initial", true)
	}
	var list []any
	for _, n := range ml.nodes {
		switch n.name {
		case "d":
			list = d.domain(list, n)
		case "t":
			list = append(list, objects(n.all("c"), func(c *xmlNode) object { return contact(c, "", telephoneNetwork) })...)
		case "c":
			list = append(list, contact(n, "", 0).fields)
		}
	}
	d.list("contacts", list)
}

// domain adds the contacts of a <d>.
func (d *draft) domain(list []any, n *xmlNode) []any {
	name := n.attr("n")
	if len(name) > maxDomain {
		d.malformed("a domain that is too long; left out")
		name = ""
	}
	return append(list, objects(n.all("c"), func(c *xmlNode) object { return contact(c, name, 0) })...)
}

// telephoneNetwork is the network id of telephones.
const telephoneNetwork = 4

// contact tells one <c>. From MSNP18 on, it may have an <s> for each service
// that tells the lists for it.
func contact(n *xmlNode, domain string, netid uint32) object {
	var o object
	handle := n.attr("n")
	if domain != "" {
		handle += "@" + domain
	}
	o.text("handle", handle)
	lists(&o, n)
	if t, ok := parseTrID([]byte(n.attr("t"))); ok {
		netid = t
	}
	if netid != 0 {
		o.add("netid", int64(netid))
		o.text("network", NetworkName(netid))
	}
	o.text("name", n.attr("f"))
	var other object
	for _, a := range n.attrs {
		if !slices.Contains([]string{"n", "l", "t", "f"}, a.Name.Local) {
			other.add(a.Name.Local, a.Value)
		}
	}
	for _, c := range n.nodes {
		other.add(c.name, c.value())
	}
	o.nested("other", other)
	return o
}

// lists tells the lists that a contact is on.
func lists(o *object, n *xmlNode) {
	bits, known := parseTrID([]byte(n.attr("l")))
	for _, s := range n.all("s") {
		if b, ok := parseTrID([]byte(s.attr("l"))); ok {
			bits, known = bits|b, true
		}
	}
	if !known {
		return
	}
	o.add("lists", int64(bits))
	var names []any
	for _, name := range ListNames(bits) {
		names = append(names, name)
	}
	o.list("list_names", names)
}

// decodeNotification decodes NOT.
func decodeNotification(d *draft, r *Record) {
	root := d.readXML(r.Payload)
	n := root.child("NOTIFICATION")
	if n == nil {
		d.text("body", innerText(root))
		return
	}
	to, msg := n.child("TO"), n.child("MSG")
	d.text("id", n.attr("id"))
	d.text("site_id", n.attr("siteid"))
	d.text("site_url", n.attr("siteurl"))
	d.text("to", to.attr("name"))
	d.text("to_pid", to.attr("pid"))
	d.text("via", to.child("VIA").attr("agent"))
	d.text("from", n.child("FROM").attr("name"))
	d.text("message_id", msg.attr("id"))
	d.text("action_url", msg.child("ACTION").attr("url"))
	d.text("subscription_url", msg.child("SUBSCR").attr("url"))
	d.text("body", innerText(msg.child("BODY")))
}

// innerText returns what stands in an element: its text, or the XML as it is
// if there are elements in it.
func innerText(n *xmlNode) string {
	if n == nil || len(n.nodes) == 0 {
		return n.content()
	}
	return string(bytes.TrimSpace(n.inner))
}

// decodePolicies decodes GCF: policies by name and, in the part that is for
// the protection of users, patterns of texts that must not be sent.
func decodePolicies(d *draft, r *Record) {
	root := d.readXML(r.Payload)
	d.list("policies", objects(root.child("Policies").all("Policy"), func(n *xmlNode) object {
		var o object
		o.text("type", n.attr("type"))
		o.text("checksum", n.attr("checksum"))
		return o
	}))
	d.blocked(root.anywhere("imtext"))
}

// blocked tells the blocked patterns, which stand there in base64.
func (d *draft) blocked(patterns []*xmlNode) {
	var list []any
	for _, n := range patterns[:min(len(patterns), maxBlocked)] {
		value := n.attr("value")
		if b, err := base64.StdEncoding.DecodeString(value); err == nil {
			value = readable(b)
		}
		list = append(list, value)
	}
	d.list("blocked", list)
	if len(list) > 0 {
		d.add("blocked_count", int64(len(patterns)))
	}
}

// decodePage decodes IPG, PAG and PGD. A page that comes in is wrapped in a
// notification, one that goes out is not.
func decodePage(d *draft, r *Record) {
	root := d.readXML(r.Payload)
	d.text("text", root.first("TEXT").content())
	d.text("from", root.first("FROM").attr("name"))
	d.text("to", root.first("TO").attr("name"))
	d.list("phones", objects(root.anywhere("PHONE"), func(n *xmlNode) object {
		var o object
		o.text("number", n.child("NUM").content())
		o.text("location", n.child("LOC").content())
		o.number("priority", n.attr("pri"))
		return o
	}))
}

// decodeErrorDetail decodes the payload of an error reply: the entries of a
// contact list that were refused, or a text, often with HTML in it.
func decodeErrorDetail(d *draft, r *Record) {
	if !looksLikeXML(r.Payload) {
		d.textOrSize(r.Payload)
		return
	}
	doc := parseXML(r.Payload)
	if ml := doc.root.child("ml"); ml != nil {
		d.malformed(doc.issue)
		d.contacts(ml)
		return
	}
	if text := bytes.TrimSpace(doc.text); len(text) > 0 {
		d.text("text", string(text))
		return
	}
	d.textOrSize(r.Payload)
}

func looksLikeXML(b []byte) bool {
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\uFEFF")), " \t\r\n")
	return len(b) > 0 && b[0] == '<'
}
