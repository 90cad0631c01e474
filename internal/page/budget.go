package page

import "io"

// What a page holds. All of it together stays below 50 MB, whatever is in the
// run, and what a browser lays out (as opposed to what the script keeps in
// memory) stays at some ten thousand elements a part.
const (
	// maxRecords is how many records are kept: those of a long evening of
	// many people. Their list is shown a page at a time.
	maxRecords = 100_000
	// maxRecordText is how much text they hold together, in bytes: enough for
	// maxRecords usual ones.
	maxRecordText = 34 << 20
	// maxRawText is how much of that are payloads as they came. Of records
	// beyond it, only what their payloads say is kept.
	maxRawText = 4 << 20
	// maxPage is how many bytes the page takes. The list for the script comes
	// last, and gets what the rest leaves.
	maxPage = 48_000_000
	// maxLine and maxPayload are how many bytes are shown of a line, and of
	// what a payload says. A sign-in ticket has 2000, a usual chat 200.
	maxLine    = 1 << 10
	maxPayload = 2 << 10
	// maxDump is how many bytes are shown in hexadecimal, at five characters
	// each.
	maxDump = 256

	// firstRecords is how many records can be read without a script, beside
	// those that something on the page links to.
	firstRecords = 500
	// maxStatic and maxStaticBytes bound all of these.
	maxStatic      = 3000
	maxStaticBytes = 3 << 20

	// maxRows and maxTableBytes bound each table.
	maxRows       = 1000
	maxTableBytes = 512 << 10

	// maxSteps is how many arrows the diagram of a session has, and maxAllSteps
	// how many those of all have.
	maxSteps        = 200
	maxAllSteps     = 1500
	maxDiagramBytes = 2 << 20
	// maxRun is how many commands of one verb in a row a diagram shows; of
	// longer runs it shows the first and counts the rest.
	maxRun = 4

	// maxSaid bounds the messages of a conversation that are told as a chat,
	// and maxAllSaid those of all.
	maxSaid      = 500
	maxAllSaid   = 1500
	maxChatBytes = 2 << 20

	// maxEpisodes, maxBars, maxMoods and maxMarks bound the timeline: the
	// stretches of time, in each the connections and the people, and on the
	// row of each the messages or the spells of one status.
	maxEpisodes      = 20
	maxBars          = 60
	maxMoods         = 40
	maxMarks         = 60
	maxTimelineBytes = 1 << 20
)

// counter counts what is written, and keeps the first error. It writes nothing
// after that.
type counter struct {
	w   io.Writer
	n   int
	err error
}

func (c *counter) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.w.Write(p)
	c.n += n
	c.err = err
	return n, err
}
