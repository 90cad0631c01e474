package ndjson

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// hostile is a text that must not stand in a line as it is.
const hostile = "\u009b31m\u202eevil\u2028\x1b[2J\x7f\""

// fillWith puts a text into everything in a value that can hold one.
func fillWith(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fillWith(v.Elem(), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fillWith(v.Field(i), text)
			}
		}
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(text))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillWith(v.Index(0), text)
	case reflect.Interface:
		v.Set(reflect.ValueOf([]any{text, []decode.Field{{Name: text, Value: text}}}))
	}
}

// TestEveryTextOfARecordIsMadeSafe whatever kind of record or note has it.
func TestEveryTextOfARecordIsMadeSafe(t *testing.T) {
	for kind := decode.KindOpen; kind <= decode.KindHTTP; kind++ {
		for note := decode.NoteReply; note <= decode.NoteFault; note++ {
			r := &decode.Record{}
			fillWith(reflect.ValueOf(r).Elem(), hostile)
			r.Kind, r.Spec, r.HasPayload, r.Notes[0].Kind = kind, nil, true, note
			line := string(NewEncoder(Options{Payload: true, ShowOpaque: true}).Append(nil, r))
			checkSafe(t, strings.TrimSuffix(line, "\n"))
			if !strings.Contains(line, `\u009b31m\u202eevil\u2028\u001b[2J\u007f\"`) {
				t.Errorf("kind %v, note %v: nothing of it is in %s", kind, note, line)
			}
		}
	}
}

// manyRecords are records of all kinds, with what an encoder keeps for later.
func manyRecords() (list []*decode.Record) {
	for i := range 300 {
		command := full()
		command.Conn, command.Dialect, command.Dir = fmt.Sprint("c", i), decode.Dialect(i%30), decode.Direction(i%3)
		command.Verb, command.Time = "MSG", noon.AddDate(0, 0, i%3)
		command.Payload = fmt.Appendf(nil, "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nX-Kind: %d\r\n\r\nhow are you, %d?", i%7, i%20)
		command.Args = append(command.Args, arg("name", fmt.Sprintf("%%20%d%%ff", i%200)), arg("long", strings.Repeat("%22x", maxDecoded/4+i%2)))
		command.DialectFrom, command.Server = decode.DialectSource(i%4), decode.Server(i%8)
		list = append(list, command,
			&decode.Record{Kind: decode.KindOpen, Conn: "c", Client: "a:1", Via: decode.Ref{Conn: "b", Seq: 1}},
			&decode.Record{Kind: decode.KindClose, Conn: "c", Server: decode.SB, Reason: "gone"},
			&decode.Record{Kind: decode.KindGap, Conn: "c", Bytes: int64(i)})
	}
	return list
}

// TestARecordGivesTheSameLineWhateverCameBefore: in one encoder with others, in
// one of two at the same time, or in one of its own.
func TestARecordGivesTheSameLineWhateverCameBefore(t *testing.T) {
	records := manyRecords()
	var want []byte
	for _, r := range records {
		want = NewEncoder(Options{}).Append(want, r)
	}
	var all sync.WaitGroup
	var got [2][]byte
	for i := range got {
		all.Go(func() {
			e := NewEncoder(Options{})
			for _, r := range records {
				got[i] = e.Append(got[i], r)
			}
		})
	}
	all.Wait()
	for i := range got {
		if !bytes.Equal(got[i], want) {
			t.Errorf("encoder %d: other lines than from new encoders", i)
		}
	}
}

func TestALineStaysAsItIsWhenOthersFollow(t *testing.T) {
	e := NewEncoder(Options{})
	line := e.Append(nil, full())
	before := string(line)
	e.Append(nil, command("OUT"))
	if string(line) != before {
		t.Errorf("it has become %s", line)
	}
}

// FuzzText: texts are written as zerolog would have it, made safe afterwards.
func FuzzText(f *testing.F) {
	f.Add(hostile)
	f.Add("\x00\b\f\n\r\té\xff\xed\xa0\x80\\")
	f.Fuzz(func(t *testing.T, text string) {
		var want bytes.Buffer
		log := zerolog.New(display.NewJSONWriter(&want))
		log.Log().Str(text, text).Bytes("bytes", []byte(text)).Send()
		got := display.AppendJSON(appendKey([]byte{'{'}, text), text)
		got = display.AppendJSON(appendKey(got, "bytes"), []byte(text))
		if string(got)+"}\n" != want.String() {
			t.Errorf("%+q became %s, of zerolog %s", text, got, want.Bytes())
		}
	})
}
