package sim

// room is the people on a switchboard.
type room []*person

// say has one of them write messages, all at once. The others get each; with
// ack A the switchboard confirms each.
func (r room) say(from *person, ack string, payloads ...string) {
	var sent, received, confirmed []Command
	first := *from.sb.trid + 1
	for i, payload := range payloads {
		sent = append(sent, with(payload, "MSG # %s", ack))
		received = append(received, with(payload, "MSG %s %s", from.handle, from.name))
		confirmed = append(confirmed, line("ACK %d", first+i))
	}
	from.sb.client(sent...)
	r.tell(from, received...)
	if ack == "A" {
		from.sb.server(confirmed...)
	}
}

// tell has the switchboard write to all but one.
func (r room) tell(but *person, commands ...Command) {
	for _, p := range r {
		if p != but {
			p.sb.server(commands...)
		}
	}
}

// leave has one of them go.
func (r room) leave(p *person) room {
	p.sb.signOut()
	p.sb = nil
	var rest room
	for _, other := range r {
		if other != p {
			rest = append(rest, other)
		}
	}
	rest.tell(nil, line("BYE %s", p.handle))
	return rest
}
