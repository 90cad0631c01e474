package decode

import "bytes"

// infer raises the dialect of a connection whose VER is missing to the oldest
// that has what a command shows (MSNP.md §2.1). Such a dialect is a lower
// bound, and is marked as inferred. It reports whether it did.
func (s *Session) infer(rec *Record) bool {
	if s.source > DialectInferred {
		return false
	}
	d := shownDialect(rec)
	if d <= s.dialect {
		return false
	}
	s.setDialect(d, DialectInferred)
	return true
}

// shownDialect returns the oldest dialect in which a command can stand, or
// zero where it tells nothing. Commands that are new in a dialect tell by
// their row; these tell by their arguments.
func shownDialect(rec *Record) Dialect {
	d := Dialect(0)
	if rec.Spec.From > OldestDialect && rec.Spec.Verb != ErrorVerb {
		d = rec.Spec.From
	}
	for _, a := range rec.Args {
		d = max(d, shownByArg(rec, a))
	}
	return d
}

func shownByArg(rec *Record, a Arg) Dialect {
	switch a.Name {
	case "handle":
		return shownByHandle(a.Value)
	case "caps":
		return shownByCaps(rec, a.Value)
	case "netid":
		if rec.Verb == "LST" {
			return 12
		}
		return 14
	case "groups":
		if rec.Spec.From == OldestDialect { // the LST of MSNP2 to 7
			return 7
		}
	case "client_id":
		return 4
	case "msnobj":
		return 9
	case "mode":
		return 13
	case "direct":
		return 14
	case "ack":
		if equalFold(a.Value, "D") {
			return 9
		}
	}
	return 0
}

// shownByHandle: endpoints (mail;{guid}) came with MSNP16, a network id in
// front (1:mail) with MSNP18.
func shownByHandle(handle []byte) Dialect {
	if len(withoutNetwork(handle)) < len(handle) {
		return 18
	}
	for i, c := range handle {
		if c == ';' && i+1 < len(handle) && handle[i+1] == '{' {
			return 16
		}
	}
	return 0
}

// shownByCaps: capabilities came with MSNP8, on switchboards with MSNP12, the
// extended ones behind a colon with MSNP16.
func shownByCaps(rec *Record, caps []byte) Dialect {
	if bytes.IndexByte(caps, ':') >= 0 {
		return 16
	}
	if rec.Verb == "JOI" || rec.Verb == "IRO" {
		return 12
	}
	if rec.Verb == "CHG" || rec.Verb == "NLN" || rec.Verb == "ILN" {
		return 8
	}
	return 0
}
