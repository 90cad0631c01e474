package report

import (
	"time"

	"msnproxy/decode"
)

// challenges is the section of what became of each challenge. Notes of the
// same challenge follow one another: our verdict, then the server's.
type challenges struct {
	bounded
	rowOf    map[challengeKey]int
	asked    map[string][]asked // by connection
	verdicts map[string]int64
}

// asked is when a challenge was asked, which its notes do not tell.
type asked struct {
	chl int64
	at  time.Time
}

const (
	// maxAsked bounds the challenges of an open connection whose time is known:
	// as many as may wait for an answer.
	maxAsked = 64
	// maxAsking bounds the open connections of which such times are known. Those
	// of a capture are fewer; records need not tell that a connection ends.
	maxAsking = 1 << 15
)

// challengeKey names a challenge by its connection and the numbers of CHL and
// QRY; an answer to a challenge takes the place of what was said before it.
type challengeKey struct {
	conn     string
	chl, qry int64
}

func newChallenges(rows int) *challenges {
	return &challenges{bounded: bounded{limit: rows}, rowOf: map[challengeKey]int{}, asked: map[string][]asked{}, verdicts: map[string]int64{}}
}

func (c *challenges) record(r *decode.Record) {
	if r.Verb == "CHL" && r.Dir == decode.ServerToClient {
		c.ask(r)
	}
	for i := range r.Notes {
		if n := &r.Notes[i]; n.Kind == decode.NoteChallenge && (n.Challenge.Asked != 0 || n.Challenge.Answer != 0) {
			c.take(r, n.Challenge)
		}
	}
	if r.Kind == decode.KindClose {
		delete(c.asked, r.Conn)
	}
}

// ask notes when a challenge is asked.
func (c *challenges) ask(r *decode.Record) {
	list, known := c.asked[r.Conn]
	if !known && len(c.asked) >= maxAsking {
		return
	}
	list = append(list, asked{r.Seq, r.Time})
	c.asked[r.Conn] = list[max(0, len(list)-maxAsked):]
}

// timeOf is when a challenge was asked, or else the time of what tells of it first.
func (c *challenges) timeOf(r *decode.Record, ch *decode.Challenge, first Cell) Cell {
	for _, a := range c.asked[r.Conn] {
		if a.chl == ch.Asked {
			return Time(a.at)
		}
	}
	return first
}

// take adds a challenge, or brings its row up to date.
func (c *challenges) take(r *decode.Record, ch *decode.Challenge) {
	at, known := c.find(r.Conn, ch)
	if !known {
		if c.full() && ch.ServerVerdict != "" {
			return // counted when its answer came
		}
		at = len(c.rows)
		c.add(c.row(r, ch)...)
		if at == len(c.rows) {
			return // there is no more room
		}
	} else {
		c.verdicts[text(c.rows[at][verdictColumn])]--
		first := c.rows[at][timeColumn]
		c.rows[at] = c.row(r, ch)
		c.rows[at][timeColumn] = c.timeOf(r, ch, first)
	}
	c.verdicts[string(ch.Verdict)]++
	keys := keysOf(r.Conn, ch)
	for _, key := range keys[1:] {
		delete(c.rowOf, key)
	}
	c.rowOf[keys[0]] = at
}

func (c *challenges) find(conn string, ch *decode.Challenge) (row int, known bool) {
	for _, key := range keysOf(conn, ch) {
		if row, known = c.rowOf[key]; known {
			return row, true
		}
	}
	return 0, false
}

// keysOf are the names under which a row is found: by its answer and, before
// there is one, by its challenge. A second answer is a row of its own, and so is
// one to a challenge that an earlier answer was taken to be to.
func keysOf(conn string, ch *decode.Challenge) []challengeKey {
	var keys []challengeKey
	if ch.Answer != 0 {
		keys = append(keys, challengeKey{conn: conn, qry: ch.Answer})
	}
	if ch.Asked != 0 {
		keys = append(keys, challengeKey{conn: conn, chl: ch.Asked})
	}
	return keys
}

// Where a row tells what.
const (
	timeColumn    = 1
	verdictColumn = 2
)

func (c *challenges) row(r *decode.Record, ch *decode.Challenge) []Cell {
	return []Cell{
		Text(r.Conn), c.timeOf(r, ch, Time(r.Time)), textCell(string(ch.Verdict)), textCell(string(ch.ServerVerdict)),
		textCell(ch.Challenge), textCell(ch.ProductID), textCell(ch.Client), textCell(string(ch.Environment)),
		textCell(ch.Algorithm.String()), textCell(ch.Got), textCell(ch.Expected), textCell(ch.Explanation),
		flagCell(ch.Injected), flagCell(ch.Requested), latencyCell(ch),
	}
}

// latencyCell is the time from challenge to answer.
func latencyCell(ch *decode.Challenge) Cell {
	if ch.Asked == 0 || ch.Answer == 0 {
		return nil
	}
	return Millis(ch.Latency)
}

func (c *challenges) section() Section {
	return Section{Name: "challenges", About: "whether clients answer as they should", Counts: c.counts(), Rows: c.rows, More: c.more, Columns: []Column{
		{Key: "conn", Lead: true},
		{Key: "time"},
		{Key: "verdict"},
		{Key: "server_verdict"},
		{Key: "challenge", Lead: true},
		{Key: "product_id", Fold: true},
		{Key: "client", Flex: 1, Fold: true},
		{Key: "environment", Fold: true},
		{Key: "algorithm", Fold: true},
		{Key: "got", Part: 1},
		{Key: "expected", Part: 1},
		{Key: "explanation", Flex: 2, Part: 2},
		{Key: "injected", Part: 2},
		{Key: "requested", Part: 2},
		{Key: "latency_ms", Right: true, Part: 2},
	}}
}

// counts counts the challenges by verdict.
func (c *challenges) counts() Counts {
	left := map[string]int64{}
	for verdict, n := range c.verdicts {
		if n > 0 && verdict != "" {
			left[verdict] = n
		}
	}
	return countsOf(left)
}
