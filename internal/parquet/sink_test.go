package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"msnproxy/decode"
	"msnproxy/internal/ndjson"
)

// rowsOf decodes what two ends say, and reads the columns back.
func rowsOf(t *testing.T, feed func(*decode.Session)) []row {
	t.Helper()
	var file bytes.Buffer
	sink := New(&file)
	s := decode.NewSession(decode.Config{Conn: "c1", Client: "10.0.0.1:2048", Server: "10.0.0.2:1863", Emit: func(r *decode.Record) {
		if err := sink.Record(r); err != nil {
			t.Fatal(err)
		}
	}})
	feed(s)
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.Read[row](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestColumns(t *testing.T) {
	at := func(ms int, packet int64) decode.Stamp {
		return decode.Stamp{Time: time.Date(2005, 4, 1, 12, 0, 0, ms*1e6+7, time.UTC), Packet: packet}
	}
	const message = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nHello 😀"
	rows := rowsOf(t, func(s *decode.Session) {
		s.Feed(decode.ClientToServer, []byte("USR 1 alice@example.com 123.456\r\n"), at(1, 4))
		s.Feed(decode.ServerToClient, []byte("USR 1 OK alice@example.com Alice%20A\r\n"), at(26, 5))
		s.Feed(decode.ServerToClient, []byte("MSG bob@example.com Bob 72\r\n"+message), at(30, 6))
		s.Gap(decode.ClientToServer, 12, at(40, 7))
		s.Close("client closed", at(50, 8))
	})
	if len(rows) != 6 {
		t.Fatalf("%d rows", len(rows))
	}
	open, usr, reply, msg, gap, end := rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
	if open.Kind != "open" || open.Client != "10.0.0.1:2048" || open.ServerAddr != "10.0.0.2:1863" || open.Bytes != nil {
		t.Errorf("open: %+v", open)
	}
	if usr.Verb != "USR" || *usr.TrID != 1 || usr.Dir != "c2s" || *usr.Packet != 4 || *usr.Offset != 0 || !usr.Time.Equal(at(1, 4).Time) || usr.Args["handle"] != "alice@example.com" {
		t.Errorf("USR: %+v", usr)
	}
	if *reply.ToSeq != usr.Seq || *reply.Latency != 25 || reply.Args["name"] != "Alice A" {
		t.Errorf("reply: %+v", reply)
	}
	if msg.PayloadType != "text/plain" || msg.PayloadText != "Hello 😀" || *msg.PayloadSize != 72 || msg.TrID != nil {
		t.Errorf("message: %+v", msg)
	}
	if gap.Kind != "gap" || *gap.Bytes != 12 || *gap.Lost != 12 {
		t.Errorf("gap: %+v", gap)
	}
	if end.Reason != "client closed" || *end.BytesC2S == 0 || end.Verb != "" {
		t.Errorf("close: %+v", end)
	}
}

// TestEveryKeyIsAColumn has a record of each kind written both ways.
func TestEveryKeyIsAColumn(t *testing.T) {
	at := decode.Stamp{Time: time.Date(2005, 4, 1, 12, 0, 0, 0, time.UTC), Packet: 7}
	var line, file bytes.Buffer
	lines, sink := ndjson.New(&line, ndjson.Options{}), New(&file)
	for _, r := range []*decode.Record{
		{Stamp: at, Conn: "c1", Seq: 1, Kind: decode.KindOpen, Client: "a:1", ServerAddr: "b:80", Via: decode.Ref{Conn: "c0", Seq: 9}, Carrier: decode.Carrier{Conn: "h1", Addr: "g:80"}},
		{Stamp: at, Conn: "c1", Seq: 2, Kind: decode.KindCommand, Dir: decode.ClientToServer, Verb: "PNG", Line: []byte("PNG\xff"), Bytes: 6, Dialect: 8, DialectFrom: decode.DialectInferred},
		{Stamp: at, Conn: "c1", Seq: 3, Kind: decode.KindClose, Reason: "client closed", BytesC2S: 6},
		{Stamp: at, Conn: "h1", Seq: 1, Kind: decode.KindHTTP, HTTP: &decode.HTTP{
			Method: "GET", URL: "http://x/", Action: "nexus", Status: 200, Latency: 1500 * time.Microsecond, RequestBytes: 1, ResponseBytes: 2}},
	} {
		if err := errors.Join(lines.Record(r), sink.Record(r)); err != nil {
			t.Fatal(err)
		}
	}
	columns := map[string]bool{"via": true} // which stands flat
	for _, column := range parquet.SchemaOf(row{}).Columns() {
		columns[column[0]] = true
	}
	for l := range bytes.Lines(line.Bytes()) {
		var keys map[string]any
		if err := json.Unmarshal(l, &keys); err != nil {
			t.Fatal(err)
		}
		for key := range keys {
			if !columns[key] {
				t.Errorf("%s has no column", key)
			}
		}
	}
	sink.Close()
	rows, err := parquet.Read[row](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if open := rows[0]; open.ViaConn != "c0" || *open.ViaSeq != 9 || open.ViaHTTP != "h1" || open.ViaGateway != "g:80" {
		t.Errorf("open: %+v", open)
	}
	x := rows[3]
	if x.Method != "GET" || x.URL != "http://x/" || x.Action != "nexus" || *x.Status != 200 || *x.Latency != 1.5 || *x.RequestSize != 1 || *x.AnswerSize != 2 {
		t.Errorf("HTTP: %+v", x)
	}
}

func TestManyRowGroups(t *testing.T) {
	const count = 2*groupRows + 10
	rows := rowsOf(t, func(s *decode.Session) {
		for range count {
			s.Feed(decode.ClientToServer, []byte("PNG\r\n"), decode.Stamp{})
		}
	})
	if len(rows) != count+1 || rows[1].Time != nil || rows[count].Seq != count+1 {
		t.Errorf("%d rows", len(rows))
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWriteErrorIsPassedOn(t *testing.T) {
	full := errors.New("the disk is full")
	sink := New(failing{full})
	_ = sink.Record(&decode.Record{Kind: decode.KindClose, Conn: "c1", Seq: 1})
	if err := sink.Close(); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}
