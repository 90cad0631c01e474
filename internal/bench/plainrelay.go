package main

import (
	"fmt"
	"io"
	"net"
)

// plainRelays are what any relay may be compared with. Each runs as this
// program, told so by a flag.
var plainRelays = map[string]func(to, from net.Conn){
	"bare 32 KiB": copyPlainly,
	"io.Copy":     func(to, from net.Conn) { io.Copy(to, from) }, // on Linux it splices in the kernel
}

// bareBuffer is what the bare relay reads at a time.
const bareBuffer = 32 << 10

// copyPlainly reads and writes, and does nothing else.
func copyPlainly(to, from net.Conn) {
	buffer := make([]byte, bareBuffer)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// relayPlainly is a plain relay until it is killed.
func relayPlainly(name, listen, upstream string) error {
	copyTo, ok := plainRelays[name]
	if !ok {
		return fmt.Errorf("there is no relay %q", name)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	for {
		client, err := l.Accept()
		if err != nil {
			return err
		}
		go relayOne(client, upstream, copyTo)
	}
}

func relayOne(client net.Conn, upstream string, copyTo func(to, from net.Conn)) {
	defer client.Close()
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		copyTo(server, client)
		server.(*net.TCPConn).CloseWrite()
	}()
	copyTo(client, server)
}
