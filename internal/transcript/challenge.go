package transcript

import "msnproxy/decode"

// challenge writes what became of a challenge. That the server accepts what
// is right needs no words.
func (t *Transcript) challenge(c *decode.Challenge) {
	if c.Verdict == decode.VerdictCorrect && c.ServerVerdict == decode.ServerAccepted {
		return
	}
	text, s := "challenge "+c.Challenge, styleDim
	if c.Challenge == "" {
		text = "challenge"
	}
	if c.Injected {
		text += " of the proxy's own"
	}
	switch c.Verdict {
	case decode.VerdictCorrect:
		text += ": the answer is correct"
	case decode.VerdictWrong:
		text, s = text+": the answer is WRONG", styleError
	case decode.VerdictUnknownKey:
		text += ": the answer cannot be checked; the key of " + c.ProductID + " is not known"
	case decode.VerdictUnanswered:
		text, s = text+": there is no answer", styleIssue
	case decode.VerdictUnsolicited:
		text, s = "an answer to no challenge", styleIssue
	}
	t.remark(s, text+judgement(c.ServerVerdict)+because(c))
}

func judgement(v decode.ServerVerdict) string {
	switch v {
	case decode.ServerAccepted:
		return "; the server accepted it"
	case decode.ServerRejected:
		return "; the server rejected it"
	case decode.ServerSilent:
		return "; the server said nothing"
	}
	return ""
}

// because tells why, and what would have been right.
func because(c *decode.Challenge) string {
	text := ""
	if c.Explanation != "" {
		text = "; " + c.Explanation
	}
	if c.Verdict == decode.VerdictWrong {
		text += "; expected " + c.Expected
	}
	return text
}

// signIn writes whether a proof of a password is right.
func (t *Transcript) signIn(n *decode.Note) {
	if n.Verdict == decode.VerdictCorrect {
		t.remark(styleDim, "the "+n.Method+" proof of "+n.Account+"'s password is correct")
		return
	}
	t.remark(styleError, "the "+n.Method+" proof of "+n.Account+"'s password is WRONG; "+n.Text)
}
