package proxy

import (
	"net"
	"strings"
	"testing"
)

// TestAListenerThatCannotBeHadSaysWhatToDo: once why, once what, and nothing that
// has no part in it.
func TestAListenerThatCannotBeHadSaysWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct{ situation, address, remedy string }{
		{"a port that is taken", taken.Addr().String(), "; is another program using the port? --http-listen names another address"},
		{"an address of no interface", "192.0.2.1:1", "; this machine does not have that address; --http-listen names another address"},
	} {
		_, err := listenAt(test.address, "http-listen")
		if err == nil || !strings.HasSuffix(err.Error(), test.remedy) || strings.Count(err.Error(), ";") != strings.Count(test.remedy, ";") {
			t.Errorf("%s: %v, want %q at its end", test.situation, err, test.remedy)
		}
		if err != nil && strings.Count(err.Error(), test.address) != 1 {
			t.Errorf("%s: %v names %s more than once", test.situation, err, test.address)
		}
	}
}
