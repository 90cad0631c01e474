package decode

import "strings"

// Address book and membership, by SOAP (MSNP13 and later): what SYN gave
// before. A call and its answer have the same elements, whether it finds,
// adds, changes or deletes them, so one reader does for all.

// maxEmails is how many mail addresses of a contact are told.
const maxEmails = 16

// decodeAddressBook tells the contacts, groups and members of a call and of its
// answer, and what the answer says was made.
func decodeAddressBook(d *draft, x *HTTPExchange) {
	request, response := d.readEnvelopes(x)
	d.text("scenario", firstOf(request.header.first("PartnerScenario").content(), request.header.first("ApplicationId").content()))
	d.text("since", request.body.first("lastChange").content())
	d.text("owner", firstOf(response.body.first("ownerEmail").content(), response.body.first("CreatorPassportName").content()))
	var contacts, groups, members []any
	for _, e := range [...]envelope{request, response} {
		contacts = append(contacts, objects(e.body.anywhere("Contact"), bookContact)...)
		for _, n := range e.body.anywhere("emails") {
			d.cut = d.cut || len(n.all("ContactEmail")) > maxEmails
		}
		groups = append(groups, objects(e.body.anywhere("Group"), bookGroup)...)
		groups = append(groups, objects(e.body.anywhere("GroupInfo"), bookGroupInfo)...)
		members = append(members, memberships(e.body)...)
	}
	d.list("contacts", contacts)
	d.list("groups", groups)
	d.list("members", members)
	d.list("made", made(response.call()))
	d.fault(response)
}

// made lists the ids in the result of a call that made something: not those of
// contacts, which stand deeper.
func made(call *xmlNode) (list []any) {
	if call == nil || len(call.nodes) == 0 || !strings.HasSuffix(call.nodes[0].name, "Result") {
		return nil
	}
	for _, n := range call.nodes[0].all("guid") {
		list = append(list, n.content())
	}
	return list
}

// bookContact tells of a contact. Those of other networks have no passport
// name, but a mail address that is used with Messenger.
func bookContact(n *xmlNode) object {
	var o object
	info := firstNode(n.child("contactInfo"), n)
	o.text("id", n.child("contactId").content())
	o.text("handle", handleOf(info))
	o.text("type", info.child("contactType").content())
	o.text("name", info.child("displayName").content())
	o.text("cid", info.child("CID").content())
	o.flag("messenger_user", info.child("isMessengerUser").content())
	o.flag("deleted", n.child("fDeleted").content())
	o.list("emails", objects(firstEmails(info), bookEmail))
	var groups []any
	for _, g := range info.child("groupIds").all("guid") {
		groups = append(groups, g.content())
	}
	o.list("group_ids", groups)
	o.text("nick", annotation(info, "AB.NickName"))
	return o
}

func firstEmails(info *xmlNode) []*xmlNode {
	list := info.child("emails").all("ContactEmail")
	return list[:min(len(list), maxEmails)]
}

// handleOf is what a contact is known by in MSNP.
func handleOf(info *xmlNode) string {
	if name := info.child("passportName").content(); name != "" {
		return name
	}
	for _, e := range firstEmails(info) {
		if on := e.child("isMessengerEnabled").content(); on == "true" || on == "1" {
			return e.child("email").content()
		}
	}
	return ""
}

func bookEmail(n *xmlNode) object {
	var o object
	o.text("address", n.child("email").content())
	o.text("type", n.child("contactEmailType").content())
	o.number("netid", n.child("Capability").content())
	o.flag("messenger", n.child("isMessengerEnabled").content())
	return o
}

// annotation returns the value of an annotation of a contact, such as the name
// that its owner gave it.
func annotation(info *xmlNode, name string) string {
	for _, a := range info.child("annotations").all("Annotation") {
		if a.child("Name").content() == name {
			return a.child("Value").content()
		}
	}
	return ""
}

func bookGroup(n *xmlNode) object {
	o := bookGroupInfo(firstNode(n.child("groupInfo"), n))
	o.text("id", n.child("groupId").content())
	o.flag("deleted", n.child("fDeleted").content())
	return o
}

func bookGroupInfo(n *xmlNode) object {
	var o object
	o.text("name", n.child("name").content())
	return o
}

// roles are the lists that the roles of a membership stand for.
var roles = []Name[string]{{"Allow", "AL"}, {"Block", "BL"}, {"Reverse", "RL"}, {"Pending", "PL"}}

// memberships tells who has which role, by service: Messenger is one of many.
func memberships(body *xmlNode) (list []any) {
	services := body.anywhere("Service")
	if len(services) == 0 { // a call that adds or deletes members
		return membersOf(body, body.first("serviceHandle").child("Type").content())
	}
	for _, s := range services {
		list = append(list, membersOf(s, s.child("Info").first("Type").content())...)
	}
	return list
}

func membersOf(n *xmlNode, service string) (list []any) {
	for _, m := range n.anywhere("Membership") {
		role := m.child("MemberRole").content()
		for _, one := range m.anywhere("Member") {
			o := member(one, role)
			o.text("service", service)
			list = append(list, o.fields)
		}
	}
	return list
}

func member(n *xmlNode, role string) object {
	var o object
	o.text("handle", memberHandle(n))
	o.text("role", role)
	for _, r := range roles {
		if r.Code == role {
			o.text("list", r.Meaning)
		}
	}
	o.text("id", n.child("MembershipId").content())
	o.text("type", firstOf(n.child("Type").content(), n.attr("type")))
	o.text("name", n.child("DisplayName").content())
	o.text("state", n.child("State").content())
	o.flag("deleted", n.child("Deleted").content())
	return o
}

// memberHandle is what a member is known by, by its type.
func memberHandle(n *xmlNode) string {
	if phone := n.child("PhoneNumber").content(); phone != "" {
		return "tel:" + phone
	}
	return firstOf(n.child("PassportName").content(), n.child("Email").content(), n.child("CircleId").content(), n.child("DomainName").content())
}
