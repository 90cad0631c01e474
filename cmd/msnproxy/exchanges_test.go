package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msnproxy/captures"
	"msnproxy/decode"
)

// addressBookCapture makes a capture in which somebody asks for a contact list
// over HTTP, and that has no MSNP.
func addressBookCapture(t *testing.T) string {
	t.Helper()
	const answer = `<Envelope><Body><ABFindAllResponse><ABFindAllResult><contacts><Contact><contactId>i1</contactId><contactInfo>` +
		`<passportName>bob@example.com</passportName><displayName>Bob</displayName><isMessengerUser>true</isMessengerUser></contactInfo></Contact></contacts>` +
		`<ab><abInfo><ownerEmail>alice@example.com</ownerEmail></abInfo></ab></ABFindAllResult></ABFindAllResponse></Body></Envelope>`
	const request = `<Envelope><Body><ABFindAll/></Body></Envelope>`
	name := filepath.Join(t.TempDir(), "book.pcapng")
	file, err := os.Create(name)
	must(t, err)
	w, err := captures.NewWriter(file)
	must(t, err)
	at := time.Date(2008, 6, 10, 18, 5, 0, 0, time.UTC)
	must(t, w.Open("h", netip.MustParseAddrPort("192.0.2.1:1030"), netip.MustParseAddrPort("198.51.100.1:80"), at))
	must(t, w.Data("h", decode.ClientToServer, fmt.Appendf(nil, "POST /abservice/abservice.asmx HTTP/1.1\r\nHost: contacts.msn.com\r\n"+
		"SOAPAction: \"http://www.msn.com/webservices/AddressBook/ABFindAll\"\r\nContent-Length: %d\r\n\r\n%s", len(request), request), at))
	must(t, w.Data("h", decode.ServerToClient, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer), at.Add(time.Second)))
	must(t, w.Flush())
	must(t, file.Close())
	return name
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCaptureOfHTTPAlone wants a capture without MSNP, but with what belongs to
// it, to be reported, from its records too, and not to be called empty.
func TestCaptureOfHTTPAlone(t *testing.T) {
	capture := addressBookCapture(t)
	records := filepath.Join(t.TempDir(), "book.json")
	must(t, os.WriteFile(records, output(t, "decode", "--json", capture), 0o600))
	for _, name := range []string{capture, records} {
		var out, warnings bytes.Buffer
		if status := run([]string{"analyze", "--section", "contacts,captures", "--format", "markdown", name}, stdio{in: &bytes.Buffer{}, out: &out, err: &warnings}); status != exitDone {
			t.Fatalf("status %d", status)
		}
		if warnings.Len() > 0 {
			t.Errorf("it says: %s", warnings.String())
		}
		for _, want := range []string{"| bob@example.com | Bob | FL |", "| 0 | 1 |"} {
			if !strings.Contains(strings.ReplaceAll(out.String(), "&#64;", "@"), want) {
				t.Errorf("%s is not in\n%s", want, out.String())
			}
		}
	}
}
