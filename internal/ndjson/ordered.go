package ndjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"msnproxy/decode"
)

// maxDepth bounds how deep the objects of a payload are nested. Those that the
// decoder makes have four levels; contents of an object of its own, some more.
const maxDepth = 64

// maxValues bounds the values of a payload or of arguments, those of objects within
// included: one in memory is up to fifty times as large as the shortest in a line.
// The decoder tells some thousands at most.
const maxValues = 1 << 18

// values reads values of JSON, so many more at most.
type values struct {
	*json.Decoder
	left int
}

// orderedObject reads a JSON object with its fields in their order.
func orderedObject(raw json.RawMessage) ([]decode.Field, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	d := &values{json.NewDecoder(bytes.NewReader(raw)), maxValues}
	d.UseNumber()
	value, err := readValue(d, maxDepth)
	if err != nil {
		return nil, err
	}
	fields, ok := value.([]decode.Field)
	if !ok {
		return nil, errors.New("not an object")
	}
	return fields, nil
}

// readValue reads the next value: of the types that a decode.Field may have.
func readValue(d *values, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth == 0 {
		return nil, errors.New("nested too deep")
	}
	if d.left--; d.left < 0 {
		return nil, fmt.Errorf("more than %d values", maxValues)
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return readFields(d, depth-1)
		}
		return readList(d, depth-1)
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return nil, fmt.Errorf("%v is no whole number", v)
		}
		return n, nil
	case nil:
		return "", nil
	}
	return token, nil
}

func readFields(d *values, depth int) ([]decode.Field, error) {
	fields := []decode.Field{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := readValue(d, depth)
		if err != nil {
			return nil, err
		}
		fields = append(fields, decode.Field{Name: name.(string), Value: value}) // in an object, a name is all it can be
	}
	_, err := d.Token() // its end
	return fields, err
}

func readList(d *values, depth int) ([]any, error) {
	list := []any{}
	for d.More() {
		value, err := readValue(d, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := d.Token() // its end
	return list, err
}
