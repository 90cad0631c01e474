package decode

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Algorithm is one of the two ways in which a client answers a challenge.
type Algorithm uint8

// The algorithms, named after the dialect that brought each.
const (
	AlgorithmUnknown Algorithm = iota
	AlgorithmMSNP6             // MSNP6 to MSNP10: the MD5 of challenge and key
	AlgorithmMSNP11            // MSNP11 on: that MD5, mixed with a key made from challenge and product id
)

var algorithmNames = [...]string{"", "msnp6", "msnp11"}

// String returns the name that stands in records, "" for an unknown one.
func (a Algorithm) String() string { return algorithmNames[a] }

// ParseAlgorithm reads the name of an algorithm.
func ParseAlgorithm(name string) (Algorithm, error) {
	switch strings.ToLower(name) {
	case "msnp6":
		return AlgorithmMSNP6, nil
	case "msnp11":
		return AlgorithmMSNP11, nil
	}
	return AlgorithmUnknown, fmt.Errorf("%q is no algorithm: use msnp6 (MSNP6 to MSNP10) or msnp11 (MSNP11 on)", name)
}

// AlgorithmOf returns the algorithm that a dialect uses, or AlgorithmUnknown
// for a dialect that is unknown or has no challenges.
func AlgorithmOf(d Dialect) Algorithm {
	switch {
	case d >= 11:
		return AlgorithmMSNP11
	case d >= 6:
		return AlgorithmMSNP6
	}
	return AlgorithmUnknown
}

// Respond returns the answer to a challenge, 32 hexadecimal digits.
func Respond(a Algorithm, challenge, productID, key string) string {
	return WorkOut(a, challenge, productID, key).Response
}

// Working is how an answer comes about, step by step. All but Digest, Words
// and Response are of AlgorithmMSNP11 only.
type Working struct {
	Algorithm Algorithm
	Digest    [md5.Size]byte // of challenge and key
	Words     [4]uint32      // the digest as little-endian words
	Masked    [4]uint32      // of each, the lower 31 bits
	Text      string         // challenge and product id, padded
	TextWords []uint32       // the text as little-endian words
	Key       uint64         // what Masked and TextWords make
	Mixed     [4]uint32      // Words, combined in turn with the lower and the upper half of Key
	Response  string         // what the client sends: 32 lower-case hexadecimal digits
}

// WorkOut answers a challenge and shows how.
func WorkOut(a Algorithm, challenge, productID, key string) Working {
	var right recipe
	right.algorithm = a
	return right.work(challenge, productID, key)
}

// The numbers of the algorithm of MSNP11.
const (
	modulus    = 0x7fffffff // of all multiplications, and the mask of the digest's words
	multiplier = 0x0e79a9c1 // of each first word of a pair
	textUnit   = 8          // the text is padded to a multiple of it: a pair of words
	padding    = "0"
)

// recipe is a way to work out an answer: the right one, whose fields are zero
// but for the algorithm, or one with mistakes in it.
type recipe struct {
	algorithm Algorithm
	hashed    hashed     // what the MD5 is of
	pad       padRule    // how the text is padded
	text      textRule   // what the text is
	numbers   arithmetic // what the numbers are
	steps     stepRule   // which steps are done
	digest    digestRule // how the digest's words are used
	order     wordOrder  // in which order words are used
	bytes     byteOrder  // in which order the bytes of words are
	halves    otherHalves
	ofDigest  shuffle // the order of the digest's words
	ofResult  shuffle // the order of the result's
}

// work follows the recipe.
func (r *recipe) work(challenge, productID, key string) Working {
	w := Working{Algorithm: r.algorithm, Digest: md5.Sum([]byte(r.hashed.of(challenge, productID, key)))}
	if r.algorithm == AlgorithmMSNP6 {
		w.Words = wordsOf(w.Digest, binary.LittleEndian)
		w.Response = hex.EncodeToString(w.Digest[:])
		return w
	}
	w.Words = r.ofDigest.of(wordsOf(w.Digest, r.bytes.ofDigest()))
	for i, m := range w.Words {
		w.Masked[i] = m & modulus
	}
	w.Text = r.pad.apply(r.text.of(challenge, productID, key))
	w.TextWords = textWords(w.Text, r.bytes.ofText())
	w.Key = r.mix(w.Words, w.Masked, r.order.text(w.TextWords))
	w.Mixed = r.combine(w.Words, w.Masked, w.Key)
	w.Response = hexWords(w.Mixed, r.bytes.ofResult())
	return w
}

func wordsOf(digest [md5.Size]byte, order binary.ByteOrder) (words [4]uint32) {
	for i := range words {
		words[i] = order.Uint32(digest[4*i:])
	}
	return words
}

// textWords splits a text into words; a rest that makes no pair is left out.
func textWords(text string, order binary.ByteOrder) []uint32 {
	words := make([]uint32, 0, len(text)/4)
	for at := 0; at+textUnit <= len(text); at += textUnit {
		pair := []byte(text[at : at+textUnit])
		words = append(words, order.Uint32(pair), order.Uint32(pair[4:]))
	}
	return words
}

// mix makes the 64-bit key.
func (r *recipe) mix(raw, masked [4]uint32, text []uint32) uint64 {
	h := r.digest.factors(raw, masked)
	n := r.numbers
	second, fourth := r.steps.added(h)
	var lower, upper int64
	for i := 0; i+1 < len(text); i += 2 {
		t := n.add(n.mod(n.mul(multiplier, int64(text[i]))), lower)
		t = n.mod(n.add(n.mul(h[0], t), second))
		lower = n.mod(n.add(int64(text[i+1]), t))
		lower = n.mod(n.add(n.mul(h[2], lower), fourth))
		upper = r.steps.sum(n, upper, t, lower)
	}
	lower, upper = r.steps.end(n, lower, upper, h)
	return uint64(uint32(upper))<<32 | uint64(uint32(lower))
}

// combine applies the key to the digest.
func (r *recipe) combine(raw, masked [4]uint32, key uint64) [4]uint32 {
	m, lower, upper := raw, uint32(key), uint32(key>>32)
	if r.digest == maskedXOR {
		m = masked
	}
	if r.order == swappedKey {
		lower, upper = upper, lower
	}
	for i := range m {
		m[i] ^= r.halves.of(i, lower, upper)
	}
	return r.ofResult.of(r.order.result(m))
}

func hexWords(words [4]uint32, order binary.ByteOrder) string {
	var b [md5.Size]byte
	for i, w := range words {
		order.PutUint32(b[4*i:], w)
	}
	return hex.EncodeToString(b[:])
}
