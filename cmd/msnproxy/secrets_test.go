package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/report"
)

// TestNoOutputTellsASecret looks for every secret of every sample in
// everything that can be made of it.
func TestNoOutputTellsASecret(t *testing.T) {
	files, err := filepath.Glob("../../captures/samples/*.pcapng")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			secrets := secretsOf(t, file)
			if len(secrets) < 5 {
				t.Fatalf("only %d secrets were found in the sample", len(secrets))
			}
			wantUntold(t, secrets, outputsOf(t, file))
			shown := printed(t, "decode", "--json", "--payload", "--show-secrets", file)
			for _, s := range secrets { // or this test would find nothing
				if !strings.Contains(shown+rawPayloads(t, shown), s) {
					t.Errorf("the secret %q is not even told where secrets are shown", s)
				}
			}
		})
	}
}

// wantUntold looks for secrets in outputs.
func wantUntold(t *testing.T, secrets []string, outputs map[string]string) {
	t.Helper()
	for name, text := range outputs {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s tells the secret %q", name, s)
			}
		}
	}
}

// TestNoOutputOfALiveRunTellsASecret looks for every secret of an evening, which
// its capture has, in everything else that the run leaves behind.
func TestNoOutputOfALiveRunTellsASecret(t *testing.T) {
	dir := t.TempDir()
	capture, records, page := filepath.Join(dir, "run.pcapng"), filepath.Join(dir, "run.ndjson"), filepath.Join(dir, "run.html")
	p := startProgram(t, "", "--capture", capture, "--records", records, "--payload", "--report", page, "--log-level", "debug", "--inject-challenge", "1s")
	shown := make(chan string)
	go func() {
		all, _ := io.ReadAll(p.out)
		shown <- string(all)
	}()
	p.wantEvening()
	must(t, p.cmd.Process.Signal(os.Interrupt))
	outputs := map[string]string{"standard output": <-shown}
	if status := p.wait(); status != exitDone {
		t.Errorf("status %d: %s", status, p.log)
	}
	outputs["the log"], outputs["the records"], outputs["the report"] = p.log.String(), contentOf(t, records), contentOf(t, page)
	outputs["the raw payloads"] = rawPayloads(t, outputs["the records"])
	secrets := secretsOf(t, capture)
	if len(secrets) < 5 {
		t.Fatalf("only %d secrets were found in the capture", len(secrets))
	}
	wantUntold(t, secrets, outputs)
}

// httpSecrets are credentials that go over plain HTTP, each in its place.
var httpSecrets = []string{"PWD-OF-PASSPORT", "TICKET-OF-PASSPORT", "PROFILE-OF-PASSPORT", "COOKIE-SENT", "COOKIE-SET", "PASSWORD-OF-RST", "TOKEN-OF-RST",
	"SECRET-OF-RST", "CIPHER-OF-RST", "TICKET-OF-BOOK", "TICKET-OF-OIM", "CODE-OF-WRAP", "CLIENTS-OF-WRAP", "ACCESS-OF-WRAP", "REFRESH-OF-WRAP", "SHOWN-OF-WRAP", "T-IN-URL"}

// httpExchanges are requests and answers that hold them.
var httpExchanges = [][2]string{
	{"GET /login2.srf?ru=http%3A%2F%2Fx%2F%3Ft%3DT-IN-URL HTTP/1.1\r\nHost: login.live.com\r\nCookie: MSPAuth=COOKIE-SENT\r\nAuthorization: Passport1.4 OrgVerb=GET,sign-in=alice%40example.com,pwd=PWD-OF-PASSPORT,lc=1033\r\n\r\n",
		"HTTP/1.1 200 OK\r\nSet-Cookie: MSPProf=COOKIE-SET; path=/\r\nAuthentication-Info: Passport1.4 da-status=success,from-PP='t=TICKET-OF-PASSPORT&p=PROFILE-OF-PASSPORT'\r\nContent-Length: 0\r\n\r\n"},
	{httpPost("/RST2.srf", "", "<Envelope><Header><Security><UsernameToken><Username>alice@example.com</Username><Password>PASSWORD-OF-RST</Password></UsernameToken></Security></Header><Body/></Envelope>"),
		httpAnswer("<Envelope><Body><RequestSecurityTokenResponseCollection><RequestSecurityTokenResponse><RequestedSecurityToken><BinarySecurityToken>t=TOKEN-OF-RST</BinarySecurityToken><CipherData><CipherValue>CIPHER-OF-RST</CipherValue></CipherData></RequestedSecurityToken><RequestedProofToken><BinarySecret>SECRET-OF-RST</BinarySecret></RequestedProofToken></RequestSecurityTokenResponse></RequestSecurityTokenResponseCollection></Body></Envelope>")},
	{httpPost("/abservice/abservice.asmx", "http://www.msn.com/webservices/AddressBook/ABFindAll", "<Envelope><Header><ABAuthHeader><TicketToken>t=TICKET-OF-BOOK</TicketToken></ABAuthHeader></Header><Body><ABFindAll/></Body></Envelope>"),
		httpAnswer("<Envelope><Body><ABFindAllResponse/></Body></Envelope>")},
	{httpPost("/OIMWS/oim.asmx", "http://messenger.live.com/ws/2006/09/oim/Store2", `<Envelope><Header><Ticket passport="t=TICKET-OF-OIM" appid="x"/></Header><Body><Content>hi</Content></Body></Envelope>`),
		httpAnswer("<Envelope><Body/></Envelope>")},
	{"POST /AccessToken.aspx HTTP/1.1\r\nHost: consent.live.com\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 82\r\n\r\nwrap_client_id=1&wrap_verification_code=CODE-OF-WRAP&wrap_client_secret=CLIENTS-OF-WRAP",
		httpAnswer("wrap_access_token=ACCESS-OF-WRAP&wrap_refresh_token=REFRESH-OF-WRAP")},
	{"GET /contacts HTTP/1.1\r\nHost: apis.live.net\r\nAuthorization: WRAP access_token=SHOWN-OF-WRAP\r\n\r\n", httpAnswer("{}")},
}

func httpPost(path, action, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nSOAPAction: \"%s\"\r\nContent-Length: %d\r\n\r\n%s", path, action, len(body), body)
}

func httpAnswer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// TestNoOutputTellsACredentialOfHTTP does so with what the services beside MSNP
// are told. The samples have none of them.
func TestNoOutputTellsACredentialOfHTTP(t *testing.T) {
	name := filepath.Join(t.TempDir(), "services.pcapng")
	file, err := os.Create(name)
	must(t, err)
	w, err := captures.NewWriter(file)
	must(t, err)
	at := time.Date(2008, 6, 10, 18, 5, 0, 0, time.UTC)
	for i, x := range httpExchanges {
		conn := fmt.Sprint(i)
		x[0] = strings.Replace(x[0], "Content-Length: 82", fmt.Sprintf("Content-Length: %d", len(x[0])-strings.Index(x[0], "\r\n\r\n")-4), 1)
		must(t, w.Open(conn, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(1030+i)), netip.MustParseAddrPort("198.51.100.1:80"), at))
		must(t, w.Data(conn, decode.ClientToServer, []byte(x[0]), at))
		must(t, w.Data(conn, decode.ServerToClient, []byte(x[1]), at.Add(time.Second)))
	}
	must(t, w.Flush())
	must(t, file.Close())
	if n := strings.Count(printed(t, "decode", "--json", name), `"kind":"http"`); n != len(httpExchanges) {
		t.Fatalf("%d exchanges were found, want %d", n, len(httpExchanges))
	}
	shown := printed(t, "decode", "--json", "--show-secrets", name)
	told := 0
	for _, s := range httpSecrets {
		if strings.Contains(shown, s) {
			told++
		}
	}
	if told < len(httpSecrets)-3 { // tickets in headers of SOAP are told to nobody
		t.Errorf("only %d secrets are told where secrets are shown", told)
	}
	outputs := map[string]string{}
	for _, args := range []string{"decode", "decode --json --payload", "analyze --section all", "analyze --format json", "analyze --format html", "analyze --section all --format markdown", "analyze --section all --format mediawiki"} {
		outputs[args] = printed(t, append(strings.Fields(args), name)...)
	}
	wantUntold(t, httpSecrets, outputs)
}

// secretsOf are the secrets of a capture: what masking takes out of its
// records, as far as it is long enough to be told from other text.
func secretsOf(t *testing.T, file string) (secrets []string) {
	t.Helper()
	masker, seen := decode.NewMasker(), map[string]bool{}
	decoder := captures.NewDecoder(captures.Options{Emit: func(r *decode.Record) {
		plain := r.Clone()
		masker.Mask(r)
		for _, pair := range [][2][]byte{{plain.Line, r.Line}, {plain.Payload, r.Payload}} {
			for _, s := range removed(string(pair[0]), string(pair[1])) {
				if len(s) >= 6 && !seen[s] {
					seen[s] = true
					secrets = append(secrets, s)
				}
			}
		}
	}})
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := decoder.File(context.Background(), file, in); err != nil {
		t.Fatal(err)
	}
	decoder.Close()
	return secrets
}

// removed is what stands in a text where its masked form has ***N.
func removed(plain, masked string) (parts []string) {
	for {
		before, after, found := strings.Cut(masked, "***")
		if !found {
			return parts
		}
		plain = strings.TrimPrefix(plain, before)
		after = strings.TrimLeft(after, "0123456789")
		next, _, _ := strings.Cut(after, "***")
		end := len(plain)
		if next != "" {
			end = strings.Index(plain, next)
		}
		parts = append(parts, plain[:end])
		plain, masked = plain[end:], after
	}
}

// outputsOf makes everything of a capture that is text, and what is not.
func outputsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	outputs := map[string]string{}
	for _, args := range []string{
		"decode", "decode --color always --width 200", "decode --json", "decode --json --payload", "analyze", "analyze --section all",
		"analyze --format json", "analyze --format html", "analyze --section all --format markdown", "analyze --section all --format mediawiki",
	} {
		outputs[args] = printed(t, append(strings.Fields(args), file)...)
	}
	for _, section := range report.SectionNames() {
		outputs["CSV of "+section] = printed(t, "analyze", "--section", section, "--format", "csv", file)
	}
	columns := filepath.Join(dir, "records.parquet")
	output(t, "decode", "--parquet", columns, file)
	outputs["columns"] = columnsOf(t, columns)
	records := filepath.Join(dir, "records.ndjson")
	must(t, os.WriteFile(records, []byte(outputs["decode --json --payload"]), 0o600))
	outputs["raw payloads"] = rawPayloads(t, outputs["decode --json --payload"])
	outputs["analyze of records"] = printed(t, "analyze", "--section", "all", records)
	outputs["page of records"] = printed(t, "analyze", "--format", "html", records)
	outputs["decode of records, secrets shown"] = printed(t, "decode", "--show-secrets", records)
	return outputs
}

// columnsOf is what the columns of a Parquet file hold.
func columnsOf(t *testing.T, name string) string {
	t.Helper()
	rows, err := parquet.ReadFile[any](name)
	must(t, err)
	if text := fmt.Sprint(rows...); strings.Contains(text, "***") {
		return text
	}
	t.Fatal("no masked secret in the columns")
	return ""
}

func contentOf(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	must(t, err)
	return string(content)
}

func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := run(args, stdio{in: strings.NewReader(""), out: &out, err: &errs}); status != 0 || out.Len() == 0 {
		t.Fatalf("%q: status %d, %d bytes: %s", args, status, out.Len(), errs.String())
	}
	return out.String()
}

// rawPayloads is what stands in base64 in records.
func rawPayloads(t *testing.T, records string) string {
	t.Helper()
	var all strings.Builder
	for _, m := range regexp.MustCompile(`"base64":"([^"]*)"`).FindAllStringSubmatch(records, -1) {
		raw, err := base64.StdEncoding.DecodeString(m[1])
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	if all.Len() == 0 {
		t.Fatal("no raw payloads in the records")
	}
	return all.String()
}
