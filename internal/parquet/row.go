package parquet

import (
	"encoding/json"
	"time"
)

// row is a record as a row of columns. Those of the record's contract bear its
// keys; what a record nests stands flat where queries ask for it often, and as
// JSON too. A column is null where the record has nothing to say.
type row struct {
	Time        *time.Time        `json:"time" parquet:"time,optional,timestamp(nanosecond)"`
	Conn        string            `json:"conn" parquet:"conn,dict"`
	Seq         int64             `json:"seq" parquet:"seq"`
	Kind        string            `json:"kind" parquet:"kind,dict"`
	Dir         string            `json:"dir" parquet:"dir,optional,dict"`
	Server      string            `json:"server" parquet:"server,optional,dict"`
	Dialect     string            `json:"dialect" parquet:"dialect,optional,dict"`
	DialectFrom string            `json:"dialect_from" parquet:"dialect_from,optional,dict"`
	Verb        string            `json:"verb" parquet:"verb,optional,dict"`
	TrID        *int64            `json:"trid" parquet:"trid,optional"`
	Args        map[string]string `json:"args" parquet:"args,optional"`
	Line        string            `json:"line" parquet:"line,optional"`
	LineBase64  string            `json:"line_base64" parquet:"line_base64,optional"`
	Method      string            `json:"method" parquet:"method,optional,dict"`
	URL         string            `json:"url" parquet:"url,optional"`
	Action      string            `json:"action" parquet:"action,optional,dict"`
	Status      *int64            `json:"status" parquet:"status,optional"`
	RequestSize *int64            `json:"request_bytes" parquet:"request_bytes,optional"`
	AnswerSize  *int64            `json:"response_bytes" parquet:"response_bytes,optional"`
	Bytes       *int64            `json:"bytes" parquet:"bytes,optional"`
	PayloadSize *int64            `json:"payload_bytes" parquet:"payload_bytes,optional"`
	Payload     jsonText          `json:"payload" parquet:"payload,optional"`
	Notes       jsonText          `json:"notes" parquet:"notes,optional"`
	File        string            `json:"file" parquet:"file,optional,dict"`
	Packet      *int64            `json:"packet" parquet:"packet,optional"`
	Offset      *int64            `json:"offset" parquet:"offset,optional"`
	Client      string            `json:"client" parquet:"client,optional,dict"`
	ServerAddr  string            `json:"server_addr" parquet:"server_addr,optional,dict"`
	Via         ref               `json:"via" parquet:"-"`
	Reason      string            `json:"reason" parquet:"reason,optional,dict"`
	BytesC2S    *int64            `json:"bytes_c2s" parquet:"bytes_c2s,optional"`
	BytesS2C    *int64            `json:"bytes_s2c" parquet:"bytes_s2c,optional"`

	PayloadType string   `json:"-" parquet:"payload_type,optional,dict"`
	PayloadText string   `json:"-" parquet:"payload_text,optional"`
	ToSeq       *int64   `json:"-" parquet:"to_seq,optional"`
	Latency     *float64 `json:"latency_ms" parquet:"latency_ms,optional"` // of HTTP, or of a reply
	Lost        *int64   `json:"-" parquet:"lost_bytes,optional"`
	Issue       string   `json:"-" parquet:"issue,optional"`
	ViaConn     string   `json:"-" parquet:"via_conn,optional,dict"`
	ViaSeq      *int64   `json:"-" parquet:"via_seq,optional"`
	ViaHTTP     string   `json:"-" parquet:"via_http,optional,dict"`
	ViaGateway  string   `json:"-" parquet:"via_gateway,optional,dict"`
}

// ref names a record of another connection, and the connection that carries this
// one.
type ref struct {
	Conn    string `json:"conn"`
	Seq     int64  `json:"seq"`
	HTTP    string `json:"http"`
	Gateway string `json:"gateway"`
}

// jsonText is JSON that stays as it is.
type jsonText string

// UnmarshalJSON keeps the text.
func (t *jsonText) UnmarshalJSON(text []byte) error {
	*t = jsonText(text)
	return nil
}

// note is what matters of a note.
type note struct {
	Kind    string  `json:"kind"`
	Text    string  `json:"text"`
	Bytes   int64   `json:"bytes"`
	ToSeq   int64   `json:"to_seq"`
	Latency float64 `json:"latency_ms"`
}

// flatten fills in the columns that come from within others.
func (r *row) flatten() error {
	if r.Time != nil && r.Time.IsZero() { // which the column's range does not have
		r.Time = nil
	}
	r.ViaHTTP, r.ViaGateway = r.Via.HTTP, r.Via.Gateway
	if r.Via.Conn != "" {
		r.ViaConn, r.ViaSeq = r.Via.Conn, &r.Via.Seq
	}
	if r.Payload != "" {
		var payload struct {
			Type string `json:"type"`
			Text any    `json:"text"`
		}
		if err := json.Unmarshal([]byte(r.Payload), &payload); err != nil {
			return err
		}
		r.PayloadType = payload.Type
		r.PayloadText, _ = payload.Text.(string)
	}
	return r.flattenNotes()
}

func (r *row) flattenNotes() error {
	if r.Notes == "" {
		return nil
	}
	var notes []note
	if err := json.Unmarshal([]byte(r.Notes), &notes); err != nil {
		return err
	}
	for i := range notes {
		switch n := &notes[i]; n.Kind {
		case "reply":
			r.ToSeq, r.Latency = &n.ToSeq, &n.Latency
		case "gap":
			r.Lost = &n.Bytes
		case "issue":
			if r.Issue != "" {
				r.Issue += "; "
			}
			r.Issue += n.Text
		}
	}
	return nil
}
