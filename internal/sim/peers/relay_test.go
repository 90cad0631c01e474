package peers

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"msnproxy/decode"
)

// relay stands between clients and server, and passes on what its mangler
// makes of the bytes.
type relay struct {
	mangle func(c *relayed) mangler // for each connection and direction
	tap    func(c *relayed, chunk []byte)

	listeners map[decode.Server]net.Listener
	server    *Server
	running   sync.WaitGroup
	mu        sync.Mutex
	opened    int
	conns     []net.Conn
}

// relayed is one direction of a connection through a relay.
type relayed struct {
	number int // of the connection, from 0
	kind   decode.Server
	dir    decode.Direction
}

// mangler makes, of a chunk that came, the chunks that are passed on.
type mangler func(chunk []byte) [][]byte

// newRelay puts a relay in front of a new server.
func newRelay(t *testing.T, config ServerConfig, r *relay) *relay {
	t.Helper()
	r.listeners = map[decode.Server]net.Listener{}
	config.Advertise = map[decode.Server]string{}
	for _, kind := range []decode.Server{decode.DS, decode.NS, decode.SB} {
		l, err := net.Listen("tcp", defaultAddress)
		if err != nil {
			t.Fatal(err)
		}
		r.listeners[kind] = l
		config.Advertise[kind] = l.Addr().String()
	}
	r.server = newServer(t, config)
	for kind, l := range r.listeners {
		r.running.Go(func() { r.accept(kind, l) })
	}
	t.Cleanup(r.close)
	return r
}

func (r *relay) addr() string { return r.listeners[decode.DS].Addr().String() }

func (r *relay) close() {
	for _, l := range r.listeners {
		l.Close()
	}
	r.mu.Lock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.running.Wait()
}

func (r *relay) accept(kind decode.Server, l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.server.Addr(kind))
		if err != nil {
			client.Close()
			continue
		}
		r.mu.Lock()
		n := r.opened
		r.opened++
		r.conns = append(r.conns, client, server)
		r.mu.Unlock()
		r.running.Go(func() { r.pass(&relayed{n, kind, decode.ClientToServer}, client, server) })
		r.running.Go(func() { r.pass(&relayed{n, kind, decode.ServerToClient}, server, client) })
	}
}

// pass passes one direction on, the end of it too. When something fails the
// whole connection is cut.
func (r *relay) pass(c *relayed, from, to net.Conn) {
	mangle := mangler(untouched)
	if r.mangle != nil {
		mangle = r.mangle(c)
	}
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		for _, chunk := range mangle(buffer[:n]) {
			if r.tap != nil && len(chunk) > 0 {
				r.mu.Lock()
				r.tap(c, chunk)
				r.mu.Unlock()
			}
			if _, err := to.Write(chunk); err != nil {
				from.Close()
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				to.Close()
				return
			}
			to.(*net.TCPConn).CloseWrite()
			return
		}
	}
}

// singly passes every byte on by itself.
func singly(chunk []byte) [][]byte {
	var all [][]byte
	for i := range chunk {
		all = append(all, chunk[i:i+1])
	}
	return all
}

// at does something to the n-th byte of a direction.
func at(n int, do func(b byte) []byte) mangler {
	seen := 0
	return func(chunk []byte) [][]byte {
		i := n - seen
		seen += len(chunk)
		if i < 0 || i >= len(chunk) {
			return [][]byte{chunk}
		}
		return [][]byte{chunk[:i], do(chunk[i]), chunk[i+1:]}
	}
}

func flipped(b byte) []byte { return []byte{b ^ 1} }
func dropped(byte) []byte   { return nil }
func doubled(b byte) []byte { return []byte{b, b} }

// byCommand passes commands on that are complete, each as f makes it. What f
// makes of one goes in one piece: a client that has what it waited for may hang
// up before it sees another.
func byCommand(payloads []string, f func(c command) []command) mangler {
	var held []byte
	return func(chunk []byte) [][]byte {
		held = append(held, chunk...)
		var all [][]byte
		for {
			rest := bytes.NewReader(held)
			r := newReader(rest, payloads)
			c, err := r.next()
			if err != nil {
				return all
			}
			held = held[c.size():]
			var made []byte
			for _, c := range f(c) {
				made = append(made, c.bytes()...)
			}
			all = append(all, made)
		}
	}
}

// payloadsOf are the commands with payload in a direction.
func payloadsOf(dir decode.Direction) []string {
	if dir == decode.ClientToServer {
		return clientPayloads
	}
	return serverPayloads
}
