package captures

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

// unfinished begins what it never ends, in each of the ways to do that, some 30
// KB each time.
var unfinished = map[string]func(k *talk, n int) *talk{
	"payloads": func(k *talk, _ int) *talk {
		return k.c("VER 1 MSNP8 CVR0\r\n", "MSG 5 N 200000\r\n"+strings.Repeat("x", 30_000))
	},
	"chunked messages": func(k *talk, _ int) *talk {
		k.c("VER 1 MSNP8 CVR0\r\n")
		for i := range 20 {
			text := fmt.Sprintf("MIME-Version: 1.0\r\nContent-Type: text/plain\r\nMessage-ID: {1}\r\nChunk: %d\r\n\r\n%s", i+1, strings.Repeat("x", 1500))
			k.c(fmt.Sprintf("MSG %d N %d\r\n%s", i+2, len(text), text))
		}
		return k
	},
	"sessions at the gateway": func(k *talk, n int) *talk {
		id := fmt.Sprintf("%d.1", n)
		k.c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply(id, "VER 1 MSNP8\r\n"))
		return k.c(post(id, "MSG 5 N 200000\r\n"+strings.Repeat("x", 30_000))).s(reply(id, "")).close()
	},
	"requests to services, on connections of nothing else": func(k *talk, _ int) *talk {
		return k.c(soap("/rst.srf", "", strings.Repeat("x", 200_000))[:30_000])
	},
	"bodies of HTTP": func(k *talk, n int) *talk {
		id := fmt.Sprintf("%d.1", n)
		k.c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply(id, "VER 1 MSNP8\r\n"))
		whole := post(id, strings.Repeat("x", 200_000))
		return k.c(whole[:30_000])
	},
}

// TestWhatIsUnfinishedIsBounded has strangers begin more than there is room for,
// beside one who talks all the time.
func TestWhatIsUnfinishedIsBounded(t *testing.T) {
	const room, share, hogs = 2 << 20, 8 << 10, 200
	for name, begin := range unfinished {
		real := usualTalk().open().signIn()
		for n := range 3 * hogs {
			real.wait(200 * time.Millisecond).chat(n + 5)
		}
		talks := []*talk{real.close()}
		for n := range hogs {
			k := newTalk(fmt.Sprintf("10.1.0.%d:2048", n+1), "10.0.0.9:80").wait(time.Second + time.Duration(n)*600*time.Millisecond)
			talks = append(talks, begin(k.open(), n))
		}
		var got result
		most := int64(0)
		var d *Decoder
		d = NewDecoder(Options{Emit: func(r *decode.Record) {
			most = max(most, d.table.room.used)
			if r.Conn == "c1" {
				got.records = append(got.records, r.Clone())
			}
		}})
		d.table.room.size, d.table.room.share = room, share
		check(t, d.File(context.Background(), "file", bytes.NewReader(pcapFile(linkRaw, packets(t, linkRaw, talks...)))))
		sum := d.Close()[0]
		if most < room/2 || most > room+128<<10 {
			t.Errorf("%s: %d bytes are held of what is unfinished, in room for %d", name, most, room)
		}
		if enough := int64(hogs - room/30_000); sum.Evicted < enough/2 || sum.Evicted > 2*hogs { // connections, and sessions in them
			t.Errorf("%s: %d of %d made room", name, sum.Evicted, hogs)
		}
		if n := got.kinds(decode.KindCommand); n != 8+3*3*hogs {
			t.Errorf("%s: of the one who talks, there are %d commands", name, n)
		}
		if d.table.room.used != 0 {
			t.Errorf("%s: at the end, %d bytes count as held", name, d.table.room.used)
		}
	}
}

// TestRoomIsGivenBack counts what is held in captures in which much goes on.
func TestRoomIsGivenBack(t *testing.T) {
	for seed := range 20 {
		d := NewDecoder(Options{})
		check(t, d.Files(context.Background(), []Input{input("file", pcapFile(linkEthernet, bustle(t, seed)))}))
		d.Close()
		if used := d.table.room.used; used != 0 {
			t.Errorf("seed %d: at the end, %d bytes count as held", seed, used)
		}
	}
}
