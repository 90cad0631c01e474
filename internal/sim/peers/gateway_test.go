package peers

import (
	"context"
	"testing"
	"time"

	"msnproxy/decode"
)

func TestAnEveningOverTheGateway(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		server := newServer(t, ServerConfig{})
		g, err := NewGateway(server)
		if err != nil {
			t.Fatal(err)
		}
		g.Chunked = chunked
		defer g.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		dialer := &GatewayDialer{Addr: g.Addr()}
		play := &Play{Server: server.Addr(decode.DS), Dialects: [2]decode.Dialect{8, 18}, Dial: dialer.Dial}
		if err := play.Run(ctx); err != nil {
			t.Error(err)
		}
		for _, err := range append(g.Errors(), server.Errors()...) {
			t.Error(err)
		}
		if n := g.Sessions(); n < 6 {
			t.Errorf("%d sessions were opened", n)
		}
	}
}
