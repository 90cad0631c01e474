package captures

import (
	"bytes"
	"testing"
	"time"

	"msnproxy/decode"
)

// The two ways of a relay tell of an end each in their own time: a client may
// have broken off, and use its port again, before anybody has said so.
func TestATapOfAClientThatUsesItsPortAgain(t *testing.T) {
	var file bytes.Buffer
	tap, err := NewTap(&file)
	check(t, err)
	seconds := 0
	at := func() decode.Stamp {
		seconds++
		return decode.Stamp{Time: writerStart.Add(time.Duration(seconds) * time.Second)}
	}
	client, server := writerClient.String(), writerServer.String()
	check(t, tap.Open("c1", client, server, at().Time))
	check(t, tap.Data("c1", writerC2S, []byte("VER 1 MSNP8 CVR0\r\n"), at()))
	check(t, tap.Data("c1", writerS2C, []byte("VER 1 MSNP8\r\n"), at()))
	check(t, tap.Open("c2", client, server, at().Time))
	check(t, tap.Data("c1", writerS2C, []byte("late\r\n"), at()))
	check(t, tap.Data("c2", writerC2S, []byte("VER 2 MSNP9 CVR0\r\n"), at()))
	check(t, tap.Data("c2", writerS2C, []byte("VER 2 MSNP9\r\n"), at()))
	check(t, tap.Reset("c1", writerC2S, at().Time))
	check(t, tap.End("c2", writerC2S, at().Time))
	check(t, tap.End("c2", writerS2C, at().Time))
	check(t, tap.Close())
	r := decodeFile(file.Bytes())
	wantClean(t, r)
	wantReasons(t, r, "client reset", "client closed")
	wantLines(t, r, writerC2S, "VER 1 MSNP8 CVR0", "VER 2 MSNP9 CVR0")
	wantLines(t, r, writerS2C, "VER 1 MSNP8", "VER 2 MSNP9")
}
