package ndjson

import (
	"errors"
	"fmt"
	"strconv"

	"msnproxy/decode"
)

// maxDepth bounds how deep the objects of a payload are nested. Those that the
// decoder makes have four levels; contents of an object of its own, some more.
const maxDepth = 64

// maxValues bounds the values of a payload or of arguments, those of objects within
// included: one in memory is up to fifty times as large as the shortest in a line.
// The decoder tells some thousands at most.
const maxValues = 1 << 18

// maxFields is how many fields there is room for from one line to the next.
const maxFields = 1 << 10

// ordered is an object with its fields in their order. What is wrong with it
// counts once the whole line is read: then it is known who needs it.
type ordered struct {
	fields []decode.Field // valid until the next line
	size   int64          // in the line
	err    error
}

// again is the room of an object for the next one.
func (o *ordered) again() ordered {
	if cap(o.fields) > maxFields {
		return ordered{}
	}
	return ordered{fields: o.fields[:0]}
}

// ordered reads an object of so many bytes at most, or null, where another may
// have been read.
func (j *jsonLine) ordered(to *ordered, maxSize int64) {
	to.fields, to.size, to.err = to.fields[:0], 0, nil
	if j.in.PeekKind() != '{' {
		if v, err := j.in.ReadValue(); err != nil {
			j.broken(err)
		} else if v.Kind() != 'n' {
			to.err = errors.New("not an object")
		}
		return
	}
	outside := j.in.StackDepth()
	j.token()
	begin := j.in.InputOffset() - 1
	v := values{jsonLine: j, left: maxValues - 1, end: begin + maxSize}
	to.fields, to.err = v.fields(to.fields, maxDepth-1)
	for j.err == nil && j.in.StackDepth() > outside { // the rest of what is wrong
		j.token()
	}
	to.size = j.in.InputOffset() - begin
}

// values reads values of JSON, so many more at most, and up to a place in the line.
type values struct {
	*jsonLine
	left int
	end  int64
}

// value reads the next value: of the types that a decode.Field may have.
func (v *values) value(depth int) (any, error) {
	kind := v.in.PeekKind()
	if depth == 0 {
		return nil, errors.New("nested too deep")
	}
	if v.left--; v.left < 0 {
		return nil, fmt.Errorf("more than %d values", maxValues)
	}
	if v.in.InputOffset() > v.end {
		return nil, errors.New("too long")
	}
	switch kind {
	case '{':
		v.token()
		return v.fields([]decode.Field{}, depth-1)
	case '[':
		v.token()
		return v.list(depth - 1)
	}
	return v.scalar()
}

func (v *values) scalar() (any, error) {
	raw, err := v.in.ReadValue()
	if err != nil {
		v.broken(err)
		return nil, err
	}
	switch raw.Kind() {
	case '"':
		return v.texts.of(v.decoded(raw)), nil
	case '0':
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is no whole number", raw)
		}
		return n, nil
	case 'n':
		return "", nil
	}
	return raw.Kind() == 't', nil
}

// fields appends the fields of an object, and reads its end.
func (v *values) fields(to []decode.Field, depth int) ([]decode.Field, error) {
	for v.more('}') {
		name, _ := v.texts.of(v.key()).(string)
		value, err := v.value(depth)
		if err != nil {
			return to, err
		}
		to = append(to, decode.Field{Name: name, Value: value})
	}
	return to, v.err
}

// list reads the values of a list, and its end.
func (v *values) list(depth int) ([]any, error) {
	list := []any{}
	for v.more(']') {
		value, err := v.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, v.err
}
