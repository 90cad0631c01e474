package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long either end of a connection waits for the other.
const patience = 20 * time.Second

// loadServer is what relays relay to: a switchboard.
type loadServer struct {
	net.Listener
	serve atomic.Pointer[func(net.Conn)] // what it does once somebody has joined
}

// listenForLoad starts a loadServer.
func listenForLoad() (*loadServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &loadServer{Listener: l}
	s.do(acknowledge)
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go s.welcome(c)
			}
		}
	}()
	return s, nil
}

// do says what is done for those who join from now on.
func (s *loadServer) do(serve func(net.Conn)) { s.serve.Store(&serve) }

const (
	joining = "ANS 1 alice@example.com 4711.81450277 11752013\r\n"
	joined  = "ANS 1 OK\r\n"
)

func (s *loadServer) welcome(c net.Conn) {
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, len(joining))); err != nil {
		return
	}
	if _, err := io.WriteString(c, joined); err == nil {
		(*s.serve.Load())(c)
	}
}

// signOn connects through a relay and joins the switchboard.
func signOn(address string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience))
	if _, err = io.WriteString(c, joining); err == nil {
		_, err = io.ReadFull(c, make([]byte, len(joined)))
	}
	c.SetDeadline(time.Time{})
	if err != nil {
		c.Close()
	}
	return c, err
}

// signOnAll makes a number of connections, which the caller closes.
func signOnAll(address string, n int) ([]net.Conn, error) {
	list := make([]net.Conn, 0, n)
	for range n {
		c, err := signOn(address)
		if err != nil {
			closeAll(list)
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func closeAll(list []net.Conn) {
	for _, c := range list {
		c.Close()
	}
}

// command is a command with a payload, whose line ends in its length.
func command(line, payload string) string {
	return fmt.Sprintf("%s %d\r\n%s", line, len(payload), payload)
}

// bob is how messages of somebody in the room begin.
const bob = "MSG bob@example.com Bob%20B"

// said is a message of somebody in the room.
func said(text string) string {
	return command(bob, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nX-MMS-IM-Format: FN=Segoe%20UI; EF=; CO=0; CS=0; PF=22\r\n\r\n"+text)
}

// chatTraffic is what a switchboard sends: messages of mixed sizes, typing
// notices, acknowledgements.
func chatTraffic() []byte {
	const typing = "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\nTypingUser: bob@example.com\r\n\r\n\r\n"
	var b strings.Builder
	for i := range 2000 {
		b.WriteString(command(bob, typing))
		b.WriteString(said(strings.Repeat("what a person writes ", 1+i%12)))
		fmt.Fprintf(&b, "ACK %d\r\n", i)
	}
	return []byte(b.String())
}

// fileTraffic is a file on its way: messages whose payload is 1.2 KB.
func fileTraffic() []byte {
	const headers = "MIME-Version: 1.0\r\nContent-Type: application/x-msnmsgrp2p\r\nP2P-Dest: alice@example.com\r\n\r\n"
	return []byte(strings.Repeat(command(bob, headers+strings.Repeat("\x00\x01\xfe", 400)), 500))
}

// pour has the server send traffic for a time, and returns how many bytes a
// second the client got.
func pour(s *loadServer, address string, traffic []byte, lasting time.Duration) (float64, error) {
	s.do(func(c net.Conn) {
		for end := time.Now().Add(lasting); time.Now().Before(end); {
			c.SetWriteDeadline(time.Now().Add(patience))
			if _, err := c.Write(traffic); err != nil {
				return
			}
		}
	})
	c, err := signOn(address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	begin := time.Now()
	c.SetReadDeadline(begin.Add(lasting + patience))
	n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{c}, make([]byte, 256<<10))
	if err == nil && n%int64(len(traffic)) != 0 {
		err = errors.New("the traffic did not come whole")
	}
	return float64(n) / time.Since(begin).Seconds(), err
}

var request = command("MSG 7 A", "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nwhat people write to each other")

const reply = "ACK 7\r\n"

// acknowledge is a server that acknowledges every message.
func acknowledge(c net.Conn) {
	in, buffer := bufio.NewReaderSize(c, len(request)), make([]byte, len(request))
	for {
		if _, err := io.ReadFull(in, buffer); err != nil {
			return
		}
		if _, err := io.WriteString(c, reply); err != nil {
			return
		}
	}
}

// exchange sends a message and awaits its acknowledgement.
func exchange(c net.Conn, buffer []byte) error {
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	_, err := io.ReadFull(c, buffer[:len(reply)])
	return err
}

// talk has people talk on a number of connections at once for a time, each
// waiting for the acknowledgement of what was said before, and returns how
// long each acknowledgement took.
func talk(s *loadServer, address string, connections int, lasting time.Duration) ([]time.Duration, error) {
	s.do(acknowledge)
	list, err := signOnAll(address, connections)
	if err != nil {
		return nil, err
	}
	defer closeAll(list)
	took := make([][]time.Duration, len(list))
	failed := make([]error, len(list))
	var all sync.WaitGroup
	end := time.Now().Add(lasting)
	for i, c := range list {
		c.SetDeadline(end.Add(patience))
		all.Go(func() { took[i], failed[i] = talkOn(c, end) })
	}
	all.Wait()
	var every []time.Duration
	for _, t := range took {
		every = append(every, t...)
	}
	return every, errors.Join(failed...)
}

func talkOn(c net.Conn, end time.Time) (took []time.Duration, err error) {
	buffer := make([]byte, len(reply))
	for before := time.Now(); before.Before(end); {
		if err := exchange(c, buffer); err != nil {
			return nil, err
		}
		now := time.Now()
		took = append(took, now.Sub(before))
		before = now
	}
	return took, nil
}
