package report

import "msnproxy/decode"

// errorReplies is the section of the requests that servers refused.
type errorReplies struct{ bounded }

func (e *errorReplies) record(r *decode.Record) {
	n := r.Note(decode.NoteError)
	if n == nil {
		return
	}
	request := ""
	if reply := r.Note(decode.NoteReply); reply != nil {
		request = reply.Request
	}
	e.add(Text(r.Conn), Time(r.Time), Number(n.Code), Text(n.Meaning), Text(request))
}

func (e *errorReplies) section() Section {
	return Section{Name: "errors", About: "what servers refused", Rows: e.rows, More: e.more, Columns: []Column{
		{Key: "conn", Lead: true},
		{Key: "time"},
		{Key: "code", Right: true},
		{Key: "meaning", Flex: 1},
		{Key: "request"},
	}}
}
