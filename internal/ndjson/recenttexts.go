package ndjson

import "hash/maphash"

// recentTexts are texts that were read of late, as values of fields, each in the
// place that its hash gives it: ids, names and addresses come again with every
// record, and what people say is said to several.
type recentTexts [1024]any

// maxRecent is the longest text that is looked for. Few are longer, and they cost
// more to compare than memory is worth.
const maxRecent = 1024

var textSeed = maphash.MakeSeed()

// of makes a string of a text.
func (t *recentTexts) of(text []byte) any {
	if len(text) > maxRecent {
		return string(text)
	}
	place := &t[maphash.Bytes(textSeed, text)%uint64(len(t))]
	if s, ok := (*place).(string); !ok || s != string(text) {
		*place = string(text)
	}
	return *place
}
