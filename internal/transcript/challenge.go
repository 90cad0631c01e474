package transcript

import "msnproxy/decode"

// challenge tells what became of a challenge. That the server accepts what is
// right needs no words.
func challenge(c *decode.Challenge) Remark {
	if c.Verdict == decode.VerdictCorrect && c.ServerVerdict == decode.ServerAccepted {
		return Remark{}
	}
	text, weight := "challenge "+c.Challenge, Aside
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
		text, weight = text+": the answer is WRONG", Failure
	case decode.VerdictUnknownKey:
		text += ": the answer cannot be checked; the key of " + c.ProductID + " is not known"
	case decode.VerdictUnanswered:
		text, weight = text+": there is no answer", Doubt
	case decode.VerdictUnsolicited:
		return unsolicited(c, text)
	}
	return Remark{weight, text + judgement(c.ServerVerdict) + because(c)}
}

// unsolicited tells of an answer for which no challenge waited, which may be a
// second answer to one.
func unsolicited(c *decode.Challenge, challenge string) Remark {
	if c.Challenge == "" {
		return Remark{Doubt, "an answer to no challenge" + judgement(c.ServerVerdict) + because(c)}
	}
	return Remark{Doubt, challenge + ": " + c.Explanation + judgement(c.ServerVerdict)}
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

// signIn tells whether a proof of a password is right.
func signIn(n *decode.Note) Remark {
	proof := "the " + n.Method + " proof of " + n.Account + "'s password is "
	if n.Verdict == decode.VerdictCorrect {
		return Remark{Aside, proof + "correct"}
	}
	return Remark{Failure, proof + "WRONG; " + n.Text}
}
