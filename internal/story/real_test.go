package story

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"msnproxy/captures"
	"msnproxy/internal/journal"
)

// realCaptures is where captures of real clients are, if they are there: they
// are not part of the project.
const realCaptures = "../../../shared/captures"

// told is what the dialogue of a capture tells, read by hand.
type told struct {
	sessions, conversations, messages []string
	contacts                          int
}

// threeTexts is what two clients of the lab said to each other.
func threeTexts(alices, bobs string) []string {
	return []string{
		fmt.Sprintf("alice@example.com > bob@example.com: %q on %s %s", "hello from alice", alices, bobs),
		fmt.Sprintf("bob@example.com > alice@example.com: %q on %s %s", "reply from bob@example.com", bobs, alices),
		fmt.Sprintf("alice@example.com > bob@example.com: %q on %s %s", "reply from alice@example.com", alices, bobs),
	}
}

// twoSignIns are those of most captures of the lab: bob first, who is called.
func twoSignIns(outcome string) []string {
	return []string{"s1 bob@example.com: c1 c4: " + outcome, "s2 alice@example.com: c2 c3: " + outcome}
}

var realStories = map[string]told{
	realCaptures + "/twisted-msnp2-goserver.pcap": {
		sessions:      []string{"s1 bob@example.com: c1 c2 c6: signed out", "s2 alice@example.com: c3 c4 c5: signed out"},
		conversations: []string{"c5 c6: alice@example.com bob@example.com: 3 texts, 2 typing, 0 other"},
		messages:      threeTexts("c5", "c6"), contacts: 4,
	},
	realCaptures + "/twisted-msnp7-escargot.pcap": {
		sessions:      twoSignIns("signed out"),
		conversations: []string{"c3 c4: alice@example.com bob@example.com: 3 texts, 2 typing, 0 other"},
		messages:      threeTexts("c3", "c4"), contacts: 8,
	},
	realCaptures + "/bitlbee128-msnp8-escargot.pcap": {
		sessions:      twoSignIns("left without signing out"),
		conversations: []string{"c3 c4: alice@example.com bob@example.com: 2 texts, 0 typing, 0 other"},
		messages: []string{
			`alice@example.com > bob@example.com: "hello bob" on c3 c4`,
			`bob@example.com > alice@example.com: "hi alice, got it" on c4 c3`,
		}, contacts: 8,
	},
	realCaptures + "/pecan-msnp12-escargot.pcap": {
		sessions:      twoSignIns("signed out"),
		conversations: []string{"c3 c4: alice@example.com bob@example.com: 3 texts, 0 typing, 1 other"},
		messages:      threeTexts("c3", "c4"), contacts: 8,
	},
	realCaptures + "/libpurple259-msnp15-escargot.pcap": {
		sessions:      twoSignIns("signed out"),
		conversations: []string{"c3 c4: alice@example.com bob@example.com: 3 texts, 0 typing, 1 other"},
		messages:      threeTexts("c3", "c4"), contacts: 8,
	},
	realCaptures + "/cross-libpurple-msnp18-twisted-msnp7-escargot.pcap": {
		sessions:      twoSignIns("signed out"),
		conversations: []string{"c3 c4: alice@example.com bob@example.com: 3 texts, 1 typing, 1 other"},
		messages:      threeTexts("c3", "c4"), contacts: 8,
	},
	realCaptures + "/libpurple2109-httpgw-escargot.pcap": {
		sessions:      twoSignIns("signed out"),
		conversations: []string{"c3 c4: alice@example.com bob@example.com: 3 texts, 0 typing, 0 other"},
		messages:      threeTexts("c3", "c4"), contacts: 8,
	},
	"../../captures/samples/msnp8.pcapng": {
		sessions: []string{
			"s1 alice@example.com: c1 c2 c4: signed out by the server: the server shuts down",
			"s2 bob@example.com: c3 c5: signed out",
		},
		conversations: []string{"c4 c5: alice@example.com bob@example.com: 5 texts, 3 typing, 0 other"},
		messages: []string{
			`alice@example.com > bob@example.com: "Hi Bob! Are you there?" on c4 c5`,
			`bob@example.com > alice@example.com: "Grüße aus Zürich ☺ 日本語" on c5 c4`,
			`alice@example.com > bob@example.com: "XFR 1 NS 10.0.0.1:1863" on c4 c5`,
			`alice@example.com > bob@example.com: "XFR 1 NS 10.0.0.1:1863\r\nOUT\r\nis what my client told me" on c4 c5`,
			`bob@example.com > alice@example.com: "שלום, مرحبا" on c5 c4`,
		}, contacts: 9, // six that are listed, erin who is added, frank who adds alice; bob is told of alice
	},
}

// storyOf tells the story of a capture.
func storyOf(t *testing.T, file string) *Story {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Skipf("the captures of real clients are not here: %v", err)
	}
	defer f.Close()
	teller := NewTeller()
	j := journal.New(false, sink{teller})
	decoder := captures.NewDecoder(captures.Options{Emit: j.Emit})
	if err := decoder.File(context.Background(), file, f); err != nil {
		t.Fatal(err)
	}
	decoder.Close()
	return teller.Story()
}

func TestStoriesOfCaptures(t *testing.T) {
	for file, want := range realStories {
		t.Run(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(t *testing.T) {
			s := storyOf(t, file)
			lines(t, "sessions", sessionLines(s), want.sessions...)
			lines(t, "conversations", conversationLines(s), want.conversations...)
			lines(t, "messages", messageLines(s), want.messages...)
			if len(s.Contacts) != want.contacts {
				t.Errorf("%d contacts, want %d:\n%s", len(s.Contacts), want.contacts, strings.Join(contactLines(s), "\n"))
			}
			for _, f := range s.Referrals {
				if f.FollowedBy == "" {
					t.Errorf("nobody followed the %s of %s", f.Type, f.Conn)
				}
			}
		})
	}
}
