package story

import (
	"strings"

	"msnproxy/decode"
)

// software is what a client says it is, in several places. What it tells the
// server (CVR) is often what the server wants to hear; what it tells other
// clients tends to be the truth.
type software struct {
	version string // library and version of CVR
	system  string // the operating system of CVR
	product string // the product id of QRY, and whose it is
	chat    string // what chat messages say
	caps    decode.Capabilities
}

// learn takes what a command of the client tells about it.
func (s *software) learn(r *decode.Record) {
	if r.Dir != decode.ClientToServer {
		return
	}
	switch r.Verb {
	case "CVR", "CVQ":
		s.version = words(r, "library", "library_version")
		s.system = words(r, "os", "os_version")
	case "QRY":
		s.product = "product " + clip(string(r.Arg("product_id")))
		if n := r.Note(decode.NoteChallenge); n != nil && n.Challenge.Client != "" {
			s.product += " (" + clip(n.Challenge.Client) + ")"
		}
	case "CHG":
		if caps, ok := decode.ParseCapabilities(r.Arg("caps")); ok {
			s.caps = caps
		}
	}
}

// words joins arguments of a record, percent-decoded.
func words(r *decode.Record, names ...string) string {
	var list []string
	for _, name := range names {
		if v := r.Arg(name); len(v) > 0 {
			list = append(list, decode.PercentDecode(v))
		}
	}
	return clip(strings.Join(list, " "))
}

// hear takes what a message of the client to others says: its own kind of
// message, or a header of a text.
func (s *software) hear(r *decode.Record, said *decode.Payload) {
	if r.Dir != decode.ClientToServer || s.chat != "" {
		return
	}
	if name := said.Text("client_name"); name != "" {
		s.chat = clip(name)
		return
	}
	for _, f := range said.Fields {
		if f.Name == "headers" {
			s.chat = clip(fieldText(f.Value, "User-Agent"))
		}
	}
}

// fieldText returns a text field of an object, or "".
func fieldText(object any, name string) string {
	return (&decode.Payload{Fields: fieldsOf(object)}).Text(name)
}

// fieldsOf are the fields of an object; nil of anything else.
func fieldsOf(object any) []decode.Field {
	fields, _ := object.([]decode.Field)
	return fields
}

// better returns what two connections of one client tell together; the second
// one knows better.
func (s software) better(later software) software {
	if later.version != "" {
		s.version, s.system = later.version, later.system
	}
	if later.product != "" {
		s.product = later.product
	}
	if later.chat != "" {
		s.chat = later.chat
	}
	if later.caps != (decode.Capabilities{}) {
		s.caps = later.caps
	}
	return s
}

// String names the client as well as it can be known.
func (s software) String() string {
	name := s.version
	switch {
	case name != "" && s.system != "":
		name += " (" + s.system + ")"
	case name == "" && s.product != "":
		name = s.product
	}
	switch {
	case s.chat != "" && name == "":
		return s.chat
	case s.chat != "":
		return name + ", in chats " + s.chat
	case name == "" && s.caps.Generation() > 0:
		return s.caps.ClientRelease()
	}
	return name
}
