package decode

// maxSpare is how many arguments beyond those of the table a line may have
// and still be plausible: servers add to the tails of their commands.
const maxSpare = 2

// Plausible tells whether a line, without its end, is a command of the table
// in that direction whose arguments all have the form the table asks for.
func Plausible(line []byte, dir Direction) bool {
	e := entryOf(line, dir)
	if e == nil || len(line) > 3 && line[3] != ' ' {
		return false
	}
	words := lineArgs(nil, line)
	if e == &errorEntry {
		return plausibleError(line, words)
	}
	var args []Arg
	for _, row := range e.rows {
		var f fit
		args, f = row.pattern.assign(args[:0], words, exactly(0))
		if f == fitExactly || f == fitLoose && row.pattern.plausible(words, args) {
			return true
		}
	}
	return false
}

// plausibleError accepts a known number with nothing but numbers behind it:
// other protocols answer with three digits and text.
func plausibleError(line []byte, words [][]byte) bool {
	if ErrorMeaning(errorCode(line)) == "" || len(words) > 2 {
		return false
	}
	for _, w := range words {
		if !isDecimal(w) {
			return false
		}
	}
	return true
}

// plausible tells whether a line that has arguments to spare fits otherwise.
func (p pattern) plausible(words [][]byte, args []Arg) bool {
	spare := len(words) - len(p)
	if spare <= 0 || spare > maxSpare || len(p) == 0 {
		return false
	}
	_, f := p.assign(args[:0], words[:len(p)], exactly(0))
	return f == fitExactly
}

// lineArgs splits a line into its arguments, without the verb.
func lineArgs(dst [][]byte, line []byte) [][]byte {
	if len(line) <= 4 {
		return dst
	}
	return Words(dst, line[4:])
}
