package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// objectTypes are the kinds of object that clients exchange (MSNP.md §13).
var objectTypes = []Name[int64]{
	{1, "avatar"},
	{2, "emoticon"},
	{3, "display picture"},
	{4, "shared file"},
	{5, "background"},
	{6, "history"},
	{7, "dynamic picture"},
	{8, "wink"},
	{9, "map"},
	{10, "dynamic background"},
	{11, "voice clip"},
}

// msnObject reads <msnobj Creator="..." .../>. Of anything else, the object is
// empty.
func msnObject(text []byte) object {
	var o object
	if !bytes.Contains(text, []byte("<")) {
		return o
	}
	n := parseXML(text).root.child("msnobj")
	if n == nil {
		return o
	}
	o.text("creator", n.attr("Creator"))
	o.number("size", n.attr("Size"))
	o.number("type", n.attr("Type"))
	if kind, ok := parseDecimal([]byte(n.attr("Type"))); ok {
		o.text("type_name", meaningOf(objectTypes, kind))
	}
	o.text("location", n.attr("Location"))
	o.text("friendly", friendlyName(n.attr("Friendly")))
	o.text("sha1d", n.attr("SHA1D"))
	o.text("sha1c", n.attr("SHA1C"))
	return o
}

// friendlyName decodes the name of an object: base64 of UTF-16 with a zero at
// its end. What is not that is told as it is.
func friendlyName(text string) string {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b)%2 != 0 {
		return text
	}
	return strings.TrimRight(utf16String(b, binary.LittleEndian), "\x00")
}
