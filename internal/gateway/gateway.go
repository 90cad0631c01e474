// Package gateway knows Messenger's HTTP: the gateway, through which MSNP goes
// for those who can connect in no other way, and the services beside MSNP that
// are used over HTTP. The reader of captures and the live proxy share it.
//
// At the gateway, the client posts commands, or nothing, to ask for news; the
// commands of the server are in the bodies of the answers. A session goes over
// any number of TCP connections, which may serve others too; its id is what
// holds it together (MSNP.md §9).
package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"msnproxy/decode"
)

const (
	// Path ends the path of every request to the gateway.
	Path = "/gateway/gateway.dll"
	// Header tells in each answer which session it belongs to.
	Header = "X-MSN-Messenger"
	// HostHeader tells the gateway's host, in newer versions.
	HostHeader = "X-MSN-Host"
	// ContentType is that of a body of commands.
	ContentType = "application/x-msn-messenger"
)

// Query is what a request asks of the gateway.
type Query struct {
	Session string // its id; empty in a request that opens one
	Server  string // of a request that opens one: NS or SB
	Host    string // of a request that opens one: whom it is to be with
}

// ParseQuery reads the URL of a request, if it is one to the gateway.
func ParseQuery(method string, u *url.URL) (Query, bool) {
	if n := len(u.Path) - len(Path); method != http.MethodPost || n < 0 || !strings.EqualFold(u.Path[n:], Path) {
		return Query{}, false
	}
	values := u.Query()
	if strings.EqualFold(values.Get("Action"), "open") {
		q := Query{Server: strings.ToUpper(values.Get("Server")), Host: values.Get("IP")}
		return q, q.Server == "NS" || q.Server == "SB"
	}
	id := sessionKey(values.Get("SessionID"))
	return Query{Session: id}, id != ""
}

// WithHost returns the raw query of a request that opens a session, with
// another host in it. Everything else stays as it is.
func WithHost(rawQuery, host string) string {
	parts := strings.Split(rawQuery, "&")
	for i, part := range parts {
		if name, _, _ := strings.Cut(part, "="); name == "IP" {
			parts[i] = name + "=" + strings.ReplaceAll(url.QueryEscape(host), "%3A", ":")
		}
	}
	return strings.Join(parts, "&")
}

// sessionKey is the part of a session id that stays: what follows the dot
// changes with every answer.
func sessionKey(id string) string {
	key, _, _ := strings.Cut(id, ".")
	return key
}

// Answer is what the gateway says about a session.
type Answer struct {
	Session string
	IP      string // the host that the next requests go to
	Closed  bool
}

// ParseAnswer reads the header that names the session:
// SessionID=954547325.13160; GW-IP=207.46.110.18; Session=close
func ParseAnswer(header http.Header) (a Answer) {
	for field := range strings.SplitSeq(header.Get(Header), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch {
		case strings.EqualFold(name, "SessionID"):
			a.Session = sessionKey(value)
		case strings.EqualFold(name, "GW-IP"):
			a.IP = value
		case strings.EqualFold(name, "Session"):
			a.Closed = strings.EqualFold(value, "close")
		}
	}
	return a
}

// WithIP returns the value of the header with another GW-IP in it. Everything
// else stays as it is.
func WithIP(value, ip string) string {
	fields := strings.Split(value, ";")
	for i, field := range fields {
		if name, _, ok := strings.Cut(field, "="); ok && strings.EqualFold(strings.TrimSpace(name), "GW-IP") {
			fields[i] = name + "=" + ip
		}
	}
	return strings.Join(fields, ";")
}

// HoldsCommands tells whether an answer without the header of the gateway has
// commands all the same.
func HoldsCommands(r *http.Response) bool {
	return r.StatusCode == http.StatusOK && strings.HasPrefix(r.Header.Get("Content-Type"), ContentType)
}

// SessionServer is whom a session is with: the server named when it was
// opened, not the gateway, which is only the way there. By that address a
// referral (XFR, RNG) is found again, and those name a port: without one, it
// is that of the service. It is text, whatever bytes the host has.
func SessionServer(host, gateway string) string {
	if host == "" {
		return gateway // all that is known
	}
	host = strings.ToValidUTF8(host, "\uFFFD")
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), fmt.Sprint(decode.DefaultPort))
}
