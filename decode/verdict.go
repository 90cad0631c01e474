package decode

import "time"

// Verdict is what we think of an answer to a challenge.
type Verdict string

// The verdicts.
const (
	VerdictCorrect     Verdict = "correct"
	VerdictWrong       Verdict = "wrong"
	VerdictUnknownKey  Verdict = "unknown-key" // it cannot be checked
	VerdictUnanswered  Verdict = "unanswered"  // none came
	VerdictUnsolicited Verdict = "unsolicited" // there was no challenge
)

// ServerVerdict is what the server made of an answer.
type ServerVerdict string

// The server's verdicts.
const (
	ServerAccepted ServerVerdict = "accepted" // by QRY
	ServerRejected ServerVerdict = "rejected" // by an error, or by ending the connection at once
	ServerSilent   ServerVerdict = "silent"   // it said nothing
)

// Challenge is what became of a challenge: what a challenge note says.
type Challenge struct {
	Challenge     string
	ProductID     string      // that the client answered with
	Client        string      // the software that it belongs to
	Environment   Environment //
	Algorithm     Algorithm   //
	Expected, Got string      // the right answer, and the client's
	Verdict       Verdict
	ServerVerdict ServerVerdict
	Explanation   string // of a wrong answer, and of others that need one
	Injected      bool   // the proxy's own, not the server's
	Requested     bool   // the client asked for it (Lock and Key)
	Latency       time.Duration
	Asked, Answer int64 // Seq of CHL and QRY; 0 where there is none
}
