package decode

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// The parts of a recipe. Of each, the zero value is right; the others are
// mistakes that clients are known to make, or that are easily made.

// hashed is what the MD5 is of.
type hashed uint8

const (
	challengeAndKey hashed = iota
	keyAndChallenge
	challengeAndID
	challengeAlone
)

func (h hashed) of(challenge, productID, key string) string {
	switch h {
	case keyAndChallenge:
		return key + challenge
	case challengeAndID:
		return challenge + productID
	case challengeAlone:
		return challenge
	}
	return challenge + key
}

// textRule is what the text is that makes the 64-bit key.
type textRule uint8

const (
	textChallengeAndID textRule = iota
	textIDAndChallenge
	textChallengeAndKey
	textChallengeAlone
)

func (t textRule) of(challenge, productID, key string) string {
	switch t {
	case textIDAndChallenge:
		return productID + challenge
	case textChallengeAndKey:
		return challenge + key
	case textChallengeAlone:
		return challenge
	}
	return challenge + productID
}

// padRule is how the text is padded.
type padRule uint8

const (
	padIfNeeded padRule = iota
	padAlways           // eight more where none are needed
	padNever            // what makes no pair of words is left out
	padWithNUL          // zero bytes instead of zero digits
	padWithSpace
	padInFront
)

func (p padRule) apply(text string) string {
	missing := (textUnit - len(text)%textUnit) % textUnit
	switch p {
	case padAlways:
		return text + strings.Repeat(padding, textUnit-len(text)%textUnit)
	case padNever:
		return text
	case padWithNUL:
		return text + strings.Repeat("\x00", missing)
	case padWithSpace:
		return text + strings.Repeat(" ", missing)
	case padInFront:
		return strings.Repeat(padding, missing) + text
	}
	return text + strings.Repeat(padding, missing)
}

// stepRule is which steps of the mixing are done.
type stepRule uint8

const (
	allSteps     stepRule = iota
	noEnd                 // nothing is added after the last pair
	endLowerOnly          // only to the lower half
	endUpperOnly          // only to the upper half
	endSwapped            // to each half what belongs to the other
	endUnreduced          // without the remainder
	noSum                 // the upper half is of the last pair, not the sum of all
	sumOfLower            // the sum leaves the first word's result out
	sumOfFirst            // the sum leaves the second word's result out
	noSecondWord          // the digest's second word is not added
	noFourthWord          // the digest's fourth word is not added
)

// added returns the words of the digest that are added for each pair.
func (s stepRule) added(h [4]int64) (second, fourth int64) {
	switch s {
	case noSecondWord:
		return 0, h[3]
	case noFourthWord:
		return h[1], 0
	}
	return h[1], h[3]
}

// sum returns the upper half after a pair.
func (s stepRule) sum(n arithmetic, upper, first, second int64) int64 {
	switch s {
	case noSum:
		return n.add(second, first)
	case sumOfLower:
		return n.add(upper, second)
	case sumOfFirst:
		return n.add(upper, first)
	}
	return n.add(upper, n.add(second, first))
}

// end returns both halves after the last pair.
func (s stepRule) end(n arithmetic, lower, upper int64, h [4]int64) (int64, int64) {
	l, u := n.add(lower, h[1]), n.add(upper, h[3])
	switch s {
	case noEnd:
		return lower, upper
	case endLowerOnly:
		return n.mod(l), upper
	case endUpperOnly:
		return lower, n.mod(u)
	case endSwapped:
		return n.mod(n.add(lower, h[3])), n.mod(n.add(upper, h[1]))
	case endUnreduced:
		return l, u
	}
	return n.mod(l), n.mod(u)
}

// digestRule is how the digest's words are used.
type digestRule uint8

const (
	maskedFactors  digestRule = iota // 31 bits of each multiply, all 32 are combined with the key
	maskedXOR                        // 31 bits are combined too
	unmaskedFactor                   // all 32 bits multiply
	signedFactors                    // all 32 bits multiply, as a signed number
)

func (d digestRule) factors(raw, masked [4]uint32) (h [4]int64) {
	for i := range h {
		switch d {
		case unmaskedFactor:
			h[i] = int64(raw[i])
		case signedFactors:
			h[i] = int64(int32(raw[i]))
		default:
			h[i] = int64(masked[i])
		}
	}
	return h
}

// arithmetic is what numbers the key is worked out with. None of them
// overflows 64 bits with the right factors.
type arithmetic uint8

const (
	bits64             arithmetic = iota
	signed32                      // every result is cut to a signed number of 32 bits
	signed32Floored               // the same, where the remainder of a negative number is positive
	unsigned32                    // every result is cut to 32 bits
	floored64                     // matters only with signed factors
	floats                        // floating-point numbers, which round products: JavaScript, PHP
	signedProducts32              // products alone are cut to a signed number of 32 bits
	unsignedProducts32            // products alone are cut to 32 bits
	bitsForRemainder              // the lower 31 bits in place of the remainder
	unsigned64                    // matters only with factors of 32 bits: their products have 64
)

func (a arithmetic) cut(n int64) int64 {
	switch a {
	case signed32, signed32Floored:
		return int64(int32(n))
	case unsigned32:
		return int64(uint32(n))
	}
	return n
}

func (a arithmetic) mul(x, y int64) int64 {
	switch a {
	case floats:
		return rounded(float64(x) * float64(y))
	case signedProducts32:
		return int64(int32(x * y))
	case unsignedProducts32:
		return int64(uint32(x * y))
	}
	return a.cut(x * y)
}

// rounded is a floating-point number, whole as products are, as a number of 64
// bits. Those beyond come of two mistakes at a time only.
func rounded(f float64) int64 {
	const limit = 1 << 63
	if f >= limit || f < -limit {
		return 0
	}
	return int64(f)
}

func (a arithmetic) add(x, y int64) int64 {
	if a == floats {
		return rounded(float64(x) + float64(y))
	}
	return a.cut(x + y)
}

func (a arithmetic) mod(n int64) int64 {
	switch a {
	case bitsForRemainder:
		return n & modulus
	case unsigned64:
		return int64(uint64(n) % modulus)
	}
	n %= modulus
	if n < 0 && (a == signed32Floored || a == floored64) {
		n += modulus
	}
	return n
}

// wordOrder is in which order words are used.
type wordOrder uint8

const (
	wordsInOrder  wordOrder = iota
	swappedKey              // the upper half of the key comes first
	swappedText             // of each pair of the text, the second word comes first
	swappedResult           // of each pair of the result
	swappedHalves           // the second half of the result comes first
	reversedWords           // the result's words come last to first
)

func (o wordOrder) text(words []uint32) []uint32 {
	if o != swappedText {
		return words
	}
	swapped := make([]uint32, len(words))
	for i := range words {
		swapped[i] = words[i^1]
	}
	return swapped
}

func (o wordOrder) result(m [4]uint32) [4]uint32 {
	switch o {
	case swappedResult:
		return [4]uint32{m[1], m[0], m[3], m[2]}
	case swappedHalves:
		return [4]uint32{m[2], m[3], m[0], m[1]}
	case reversedWords:
		return [4]uint32{m[3], m[2], m[1], m[0]}
	}
	return m
}

// byteOrder is in which words the most significant byte comes first: a set.
type byteOrder uint8

const (
	bigEndianDigest byteOrder = 1 << iota
	bigEndianText
	bigEndianResult
)

func (b byteOrder) has(part byteOrder) binary.ByteOrder {
	if b&part != 0 {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (b byteOrder) ofDigest() binary.ByteOrder { return b.has(bigEndianDigest) }
func (b byteOrder) ofText() binary.ByteOrder   { return b.has(bigEndianText) }
func (b byteOrder) ofResult() binary.ByteOrder { return b.has(bigEndianResult) }

// shuffle is an order of four words: of each place, how many further on the
// word that comes there is from.
type shuffle [4]uint8

// shuffles are all of them but the right one.
var shuffles = func() (list []shuffle) {
	for n := 1; n < 256; n++ {
		s := shuffle{uint8(n >> 6), uint8(n >> 4 & 3), uint8(n >> 2 & 3), uint8(n & 3)}
		if used := 1<<s.from(0) | 1<<s.from(1) | 1<<s.from(2) | 1<<s.from(3); used == 0b1111 {
			list = append(list, s)
		}
	}
	return list
}()

func (s shuffle) from(place int) int { return (place + int(s[place])) % len(s) }

func (s shuffle) of(words [4]uint32) (shuffled [4]uint32) {
	for i := range words {
		shuffled[i] = words[s.from(i)]
	}
	return shuffled
}

func (s shuffle) String() string {
	return fmt.Sprint(s.from(0)+1, " ", s.from(1)+1, " ", s.from(2)+1, " ", s.from(3)+1)
}

// otherHalves are the words of the digest, one a bit, that are combined with
// the other half of the key than they should be.
type otherHalves uint8

// allHalves counts the sets of words.
const allHalves = 1 << 4

// of returns the half for a word: they come in turn, the lower one first.
func (o otherHalves) of(word int, lower, upper uint32) uint32 {
	if word&1 != int(o>>word&1) {
		return upper
	}
	return lower
}

func (o otherHalves) String() string {
	var names [4]string
	for i := range names {
		names[i] = [...]string{"lower", "upper"}[o.of(i, 0, 1)]
	}
	return strings.Join(names[:], ", ")
}
