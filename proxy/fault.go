package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"msnproxy/decode"
)

// Fault is something that the proxy does to its clients on purpose, so that
// they can be tested. ParseFault makes one.
type Fault struct {
	text string // as it was written
	kind *faultKind

	number int           // of bytes or messages, or the error's number
	time   time.Duration // of delay and drop-switchboard
	verb   string        // "" is every command
}

// String returns the fault as it was written.
func (f Fault) String() string { return f.text }

// faultKind is a row of the table of faults.
type faultKind struct {
	name    string
	example string
	where   where
	// set reads the value into the fault, or says what it should be.
	set func(f *Fault, value string) error
}

// where tells which commands a kind of fault can be limited to.
type where uint8

const (
	nowhere    where = iota // to none: it is about connections
	anyReply                // one that the server sends, or all
	oneReply                // one that the server sends
	oneRequest              // one that the client sends, with a transaction id
)

// Limits of what a fault may say. More would be no fault, or no test.
const (
	maxSlice    = 1 << 20   // beyond any command: pieces that large are none
	maxWait     = time.Hour // beyond any client's patience
	maxMessages = 1_000_000
)

// The kinds of faults.
var (
	slice           = &faultKind{"slice", "slice=3 or slice=3@MSG", anyReply, (*Fault).setBytes}
	delay           = &faultKind{"delay", "delay=200ms or delay=5s@XFR", anyReply, (*Fault).setTime}
	cutOff          = &faultKind{"cut", "cut=10@MSG", oneReply, (*Fault).setBytes}
	dropSwitchboard = &faultKind{"drop-switchboard", "drop-switchboard=30s or, after messages, drop-switchboard=5", nowhere, (*Fault).setTimeOrMessages}
	errorReply      = &faultKind{"error", "error=800@CHG", oneRequest, (*Fault).setCode}

	faultKinds = []*faultKind{cutOff, delay, dropSwitchboard, errorReply, slice}
)

// ParseFault reads NAME=VALUE or NAME=VALUE@VERB.
func ParseFault(text string) (Fault, error) {
	name, value, _ := strings.Cut(text, "=")
	kind, err := faultKindOf(name)
	if err != nil {
		return Fault{}, err
	}
	f := Fault{text: text, kind: kind}
	value, f.verb, _ = strings.Cut(value, "@")
	if value == "" {
		return f, fmt.Errorf("it has no value; an example is %s", kind.example)
	}
	if err := kind.set(&f, value); err != nil {
		return f, fmt.Errorf("%w; an example is %s", err, kind.example)
	}
	if strings.HasSuffix(text, "@") {
		return f, fmt.Errorf("there is no command after the @; an example is %s", kind.example)
	}
	return f, f.checkVerb()
}

func faultKindOf(name string) (*faultKind, error) {
	var names []string
	for _, kind := range faultKinds {
		if kind.name == name {
			return kind, nil
		}
		names = append(names, kind.name)
	}
	return nil, fmt.Errorf("there is no such fault; there are %s", strings.Join(names, ", "))
}

// checkVerb checks that the fault may be about that command, and that there is
// such a command.
func (f *Fault) checkVerb() error {
	switch {
	case f.kind.where == nowhere && f.verb != "":
		return fmt.Errorf("it is not about a command; leave @%s out", f.verb)
	case f.verb == "" && (f.kind.where == oneReply || f.kind.where == oneRequest):
		return fmt.Errorf("it needs a command; an example is %s", f.kind.example)
	case f.verb == "":
		return nil
	case f.kind.where == oneRequest:
		return f.checkSender(decode.ClientToServer, "the client sends no %s that has a transaction id, which the reply must repeat")
	}
	return f.checkSender(decode.ServerToClient, "the server sends no %s")
}

func (f *Fault) checkSender(dir decode.Direction, otherwise string) error {
	for i := range decode.Commands {
		c := &decode.Commands[i]
		if c.Verb == f.verb && c.Dir == dir && (dir == decode.ServerToClient || strings.HasPrefix(c.Args, "trid")) {
			return nil
		}
	}
	return fmt.Errorf(otherwise+"; \"msnproxy commands\" lists the commands", f.verb)
}

func (f *Fault) setBytes(value string) (err error) {
	if f.number, err = strconv.Atoi(value); err != nil || f.number < 1 || f.number > maxSlice {
		return fmt.Errorf("%q is not a number of bytes from 1 to %d", value, maxSlice)
	}
	return nil
}

func (f *Fault) setTime(value string) (err error) {
	if f.time, err = time.ParseDuration(value); err != nil || f.time <= 0 || f.time > maxWait {
		return fmt.Errorf("%q is not a time of up to %v, with its unit", value, maxWait)
	}
	return nil
}

func (f *Fault) setTimeOrMessages(value string) (err error) {
	if f.setTime(value) == nil {
		return nil
	}
	if f.number, err = strconv.Atoi(value); err != nil || f.number < 1 || f.number > maxMessages {
		return fmt.Errorf("%q is neither a time with its unit nor a number of messages", value)
	}
	return nil
}

// setCode reads the number of an error reply. It need not be a known one: a
// client should survive others.
func (f *Fault) setCode(value string) (err error) {
	if f.number, err = strconv.Atoi(value); err != nil || len(value) != 3 || f.number < 100 {
		return fmt.Errorf("%q is not the number of an error, which has three digits", value)
	}
	return nil
}

// CheckFaults tells whether faults can be had together: of two delays of one
// command, which is it?
func CheckFaults(faults []Fault) error {
	seen := map[string]Fault{}
	for _, f := range faults {
		key := f.kind.name + "@" + f.verb
		if other, ok := seen[key]; ok {
			return fmt.Errorf("%s and %s contradict each other; give one of them", other, f)
		}
		seen[key] = f
	}
	return nil
}
