package main

import (
	"net/netip"
	"testing"
)

// TestTheProxyListensOnTheLoopbackInterfaceUnlessItIsTold: what it opens for
// referrals, it opens where it listens.
func TestTheProxyListensOnTheLoopbackInterfaceUnlessItIsTold(t *testing.T) {
	flags := newProxy(stdio{}).Flags()
	at, err := netip.ParseAddrPort(flags.Lookup("listen").DefValue)
	if err != nil || !at.Addr().IsLoopback() {
		t.Errorf("it listens on %v, %v", at, err)
	}
	if other := flags.Lookup("http-listen").DefValue; other != "" {
		t.Errorf("it listens on %s for HTTP", other)
	}
}
