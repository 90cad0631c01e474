package report

import (
	"testing"

	"msnproxy/decode"
)

func TestIssuesCountBytesInTheSingularToo(t *testing.T) {
	for want, got := range map[string]string{
		"gap: 1 byte from the client is missing":     gapText(&decode.Record{Kind: decode.KindGap, Dir: decode.ClientToServer}, 1),
		"gap: 2 bytes from the server are missing":   gapText(&decode.Record{Kind: decode.KindGap, Dir: decode.ServerToClient}, 2),
		"gap: 1 byte of this MSG is missing":         gapText(&decode.Record{Kind: decode.KindCommand, Verb: "MSG"}, 1),
		"opaque: 1 byte from the client":             opaqueText(&decode.Record{Kind: decode.KindOpaque, Dir: decode.ClientToServer, Bytes: 1}),
		"opaque: 300 bytes from the server, no MSNP": opaqueText(&decode.Record{Kind: decode.KindOpaque, Dir: decode.ServerToClient, Bytes: 300, Notes: []decode.Note{{Kind: decode.NoteIssue, Text: "no MSNP"}}}),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
