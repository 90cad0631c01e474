package proxy

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/sim/peers"
)

// evening has two clients of the scripted peers spend an evening through a
// proxy, and returns what was recorded. The peers check every byte; a witness
// notices bytes that are held back.
func evening(t *testing.T, dialects [2]decode.Dialect, cfg peers.ServerConfig, change func(*Config)) (records []*decode.Record, capture []byte) {
	t.Helper()
	server, err := peers.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	h, file := startTapped(t, func(cfg *Config) {
		cfg.Upstream = server.Addr(decode.DS)
		if change != nil {
			change(cfg)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), longPatience)
	defer cancel()
	play := &peers.Play{Server: h.proxy.Addr().String(), Dialects: dialects, Witness: cfg.Witness}
	if err := play.Run(ctx); err != nil {
		t.Errorf("the evening ended early: %v", err)
	}
	wantAllTold(t, h, play)
	if err := server.Idle(ctx); err != nil {
		t.Error(err)
	}
	for _, err := range server.Errors() {
		t.Errorf("the server noticed: %v", err)
	}
	reached := len(server.Connections())
	h.stop()
	if opened := countKind(h.recorder.records, decode.KindOpen); opened != reached {
		t.Errorf("%d connections reached the server, %d came through the proxy", reached, opened)
	}
	return h.recorder.records, file.Bytes()
}

// wantAllTold checks that clients were told no address but the proxy's.
func wantAllTold(t *testing.T, h *harness, play *peers.Play) {
	t.Helper()
	ours := map[string]bool{h.proxy.Addr().String(): true}
	h.proxy.referrals.mu.Lock()
	for _, l := range h.proxy.referrals.byServer {
		ours[l.Addr().String()] = true
	}
	h.proxy.referrals.mu.Unlock()
	for _, client := range play.Clients() {
		if client == nil {
			continue
		}
		for _, address := range append(client.Told(), client.Mentioned()...) {
			if _, _, err := net.SplitHostPort(address); err == nil && !ours[address] {
				t.Errorf("a client was told %s, which is past the proxy", address)
			}
		}
	}
}

func countKind(records []*decode.Record, kind decode.Kind) (n int) {
	for _, r := range records {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

// pairs are the dialects of the two clients.
var pairs = [][2]decode.Dialect{{8, 8}, {11, 11}, {12, 12}, {15, 15}, {18, 18}, {8, 18}, {15, 11}}

func TestAnEveningThroughTheProxy(t *testing.T) {
	for _, pair := range pairs {
		t.Run(fmt.Sprintf("%s and %s", pair[0], pair[1]), func(t *testing.T) {
			records, capture := evening(t, pair, peers.ServerConfig{Witness: peers.NewWitness()}, nil)
			wantParity(t, records, capture)
			for _, r := range records {
				if r.Kind == decode.KindOpaque || r.Note(decode.NoteIssue) != nil {
					t.Errorf("%s %d %s: %s", r.Conn, r.Seq, r.Line, r.Note(decode.NoteIssue).Text)
				}
				if r.Kind == decode.KindClose && (r.Server == 0 || r.Dialect == 0) {
					t.Errorf("%s ended as %q in %q", r.Conn, r.Server, r.Dialect)
				}
			}
			if n := countKind(records, decode.KindCommand); n < 100 {
				t.Errorf("only %d commands were recorded", n)
			}
		})
	}
}

func TestAnEveningOverOnePort(t *testing.T) {
	for _, pair := range pairs[:5] {
		t.Run(pair[0].String(), func(t *testing.T) {
			evening(t, pair, peers.ServerConfig{}, func(cfg *Config) { cfg.SinglePort = true })
		})
	}
}

func TestAnEveningWhileTheDecoderIsBroken(t *testing.T) {
	// Without the decoder nothing is rewritten, but all still works.
	server, err := peers.NewServer(peers.ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	h := start(t, func(cfg *Config) {
		cfg.Upstream = server.Addr(decode.DS)
		cfg.newSession = func(decode.Config) *decode.Session { return nil } // its first use panics
	})
	ctx, cancel := context.WithTimeout(context.Background(), longPatience)
	defer cancel()
	if err := peers.Scenario(ctx, h.proxy.Addr().String(), [2]decode.Dialect{8, 15}); err != nil {
		t.Error(err)
	}
	h.stop()
	if !strings.Contains(h.log.String(), "the decoder failed") {
		t.Errorf("the log does not say that the decoder failed: %s", h.log)
	}
}

// await waits until a record came that is what is asked for.
func (r *recorder) await(t *testing.T, what func(*decode.Record) bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		found := slices.ContainsFunc(r.records, what)
		r.mu.Unlock()
		if found {
			return
		}
	}
	t.Error("what is waited for was not recorded")
}
