package decode

import (
	"strings"
	"testing"
)

func TestWhatIsWrongWithAKeysFileIsToldWithoutItsKeys(t *testing.T) {
	for text, want := range map[string]string{
		"PROD0001HUSHHUSH":                         "line 1: a product id and its key",
		"# keys\n\nPROD0001 HUSHHUSH somewhere":    "line 3: the third word is the environment",
		"PROD0001 HUSHHUSH\r\nPROD0002\r\n":        "line 2: a product id and its key",
		"PROD0001 HUSHHUSH test\n\tHUSHHUSH\t\t\n": "line 2: a product id and its key",
	} {
		_, err := ParseKeys(text)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "HUSH") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzParseKeys reads whatever stands in a file of keys. What it takes can be
// written down and is read as the same; what it refuses is never told.
func FuzzParseKeys(f *testing.F) {
	f.Add("# mine\nPROD0119GSJUC$18 HUSHHUSHHUSHHUSH\nPROD0001 - test Some client\r\n")
	f.Add("\ufeffPROD0001 x y")
	f.Add("#x key production\n#\n a\x00b  \xff test\u00a0t")
	f.Fuzz(func(t *testing.T, text string) {
		ring, err := ParseKeys(text)
		if err != nil {
			if len(err.Error()) > 100 {
				t.Fatalf("a long reason: %q", err)
			}
			return
		}
		var lines []string
		for _, p := range ring.own {
			if p.ProductID == "" || !p.Secret || strings.ContainsAny(p.ProductID+p.Key, " \n") {
				t.Fatalf("%q gave %+v", text, p)
			}
			key := p.Key
			if key == "" {
				key = "-"
			}
			lines = append([]string{p.ProductID + " " + key + " " + string(p.Environment) + " " + p.Client}, lines...)
		}
		again, err := ParseKeys(strings.Join(lines, "\n"))
		if err != nil || len(again.own) != len(ring.own) {
			t.Fatalf("%q written down is %q: %v", text, lines, err)
		}
		for i, p := range ring.own {
			if again.own[i] != p {
				t.Fatalf("%+v is read back as %+v", p, again.own[i])
			}
		}
	})
}
