package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"msnproxy/decode"
)

// ServerConfig says what a server is like. The zero value is a server on free
// ports of 127.0.0.1 for the default roster.
type ServerConfig struct {
	// DS, NS and SB are the addresses to listen on.
	DS, NS, SB string
	// OnePort has the dispatch server and the notification server listen on
	// the same address, that of DS: an account is referred there, and signs
	// in when it comes back.
	OnePort bool
	// Advertise are the addresses that clients are told instead of those
	// that the servers listen on: a host name, or somebody in between.
	Advertise map[decode.Server]string
	// Roster tells who may sign in; DefaultRoster if nil.
	Roster Roster
	// Dialects are those that the server speaks; all if nil.
	Dialects []decode.Dialect
	// SkipsTrIDs permits clients to leave transaction ids out: somebody in
	// between has taken commands out.
	SkipsTrIDs bool
	// Witness, shared with the clients, notices bytes that are held back.
	Witness *Witness
}

// Server is a dispatch server, a notification server and a switchboard.
type Server struct {
	config    ServerConfig
	listeners map[decode.Server]net.Listener
	running   sync.WaitGroup // accepting, and serving

	// log is locked by itself, so that Close need not wait for hub.
	log struct {
		sync.Mutex
		connections []*peer
		errors      []error
		changed     chan struct{} // closed when a connection ends
		closing     bool
	}

	hub hub
}

// Conn is a connection that the server has or had.
type Conn struct {
	Kind    decode.Server  // with OnePort: DS if the client was referred on it
	Remote  netip.AddrPort // where it came from
	Account string         // "" until the client said it
	Closed  bool
}

// defaultAddress is a free port that nobody outside can reach.
const defaultAddress = "127.0.0.1:0"

// NewServer starts a server.
func NewServer(config ServerConfig) (*Server, error) {
	if config.Roster == nil {
		config.Roster = DefaultRoster()
	}
	if config.Dialects == nil {
		config.Dialects = Dialects
	}
	s := &Server{config: config, listeners: map[decode.Server]net.Listener{}, hub: newHub()}
	s.log.changed = make(chan struct{})
	addresses := map[decode.Server]string{decode.DS: config.DS, decode.NS: config.NS, decode.SB: config.SB}
	if config.OnePort {
		delete(addresses, decode.NS)
	}
	for kind, address := range addresses {
		l, err := net.Listen("tcp", cmp.Or(address, defaultAddress))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%v: %w", kind, err), s.Close())
		}
		s.listeners[kind] = l
		s.running.Go(func() { s.accept(kind, l) })
	}
	return s, nil
}

// Addr is the address, host:port, at which a server listens.
func (s *Server) Addr(kind decode.Server) string {
	if kind == decode.NS && s.config.OnePort {
		kind = decode.DS
	}
	return s.listeners[kind].Addr().String()
}

// told is the address of a server that clients are told.
func (s *Server) told(kind decode.Server) string {
	return cmp.Or(s.config.Advertise[kind], s.Addr(kind))
}

// Close ends all connections and waits until nothing of the server is left.
func (s *Server) Close() error {
	var failed []error
	for _, l := range s.listeners {
		failed = append(failed, l.Close())
	}
	s.log.Lock()
	s.log.closing = true
	for _, p := range s.log.connections {
		p.conn.Close() // an error says that it was closed
	}
	s.log.Unlock()
	s.running.Wait()
	return errors.Join(failed...)
}

// Errors are the things that clients should not have sent, and connections
// that broke. What Close breaks off is not among them.
func (s *Server) Errors() []error {
	s.log.Lock()
	defer s.log.Unlock()
	return append([]error(nil), s.log.errors...)
}

// Connections tells of all connections so far, in the order in which they came.
func (s *Server) Connections() []Conn {
	s.log.Lock()
	defer s.log.Unlock()
	var all []Conn
	for _, p := range s.log.connections {
		all = append(all, p.entry)
	}
	return all
}

// Idle waits until all connections have ended.
func (s *Server) Idle(ctx context.Context) error {
	for {
		s.log.Lock()
		open, changed := 0, s.log.changed
		for _, p := range s.log.connections {
			if !p.entry.Closed {
				open++
			}
		}
		s.log.Unlock()
		if open == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d connections to the server are still open: %w", open, ctx.Err())
		}
	}
}

// accept serves the connections of a listener until it is closed.
func (s *Server) accept(kind decode.Server, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		p := newPeer(s, kind, conn)
		if !s.admit(p) {
			conn.Close()
			return
		}
		s.running.Go(func() { s.ended(p, p.serve()) })
	}
}

// admit puts a connection into the log, unless the server is closing.
func (s *Server) admit(p *peer) bool {
	s.log.Lock()
	defer s.log.Unlock()
	if !s.log.closing {
		s.log.connections = append(s.log.connections, p)
	}
	return !s.log.closing
}

// ended notes why a connection has ended and closes it, in that order: once the
// client sees the end, what was wrong can be asked for.
func (s *Server) ended(p *peer, err error) {
	s.complain(p, err)
	p.conn.Close()
	s.log.Lock()
	defer s.log.Unlock()
	p.entry.Closed = true
	close(s.log.changed)
	s.log.changed = make(chan struct{})
}

// complain notes what was wrong with a connection, if anything was.
func (s *Server) complain(p *peer, err error) {
	s.log.Lock()
	defer s.log.Unlock()
	if err != nil && !s.log.closing {
		s.log.errors = append(s.log.errors, located(err, p.where()))
	}
}

// located adds to an error where it happened.
func located(err error, place string) error {
	if v, ok := errors.AsType[*Violation](err); ok {
		v.Where = cmp.Or(v.Where, place)
		return err
	}
	return fmt.Errorf("%s: %w", place, err)
}
