package decode

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// mistake is a way to get a recipe wrong, and what to say of it.
type mistake struct {
	text string // completes "…: the answer was worked out like that"
	make func(*recipe)
}

// mistakes of MSNP11's algorithm. Those that clients are known to make come
// first: where two give the same answer, the first is named.
var mistakes = []mistake{
	{"the text was padded although its length was a multiple of 8 already", func(r *recipe) { r.pad = padAlways }},
	{"the final XOR used the masked digest", func(r *recipe) { r.digest = maskedXOR }},
	{"the two halves of the 64-bit key were swapped", func(r *recipe) { r.order = swappedKey }},
	{"the words of each pair of the text were swapped", func(r *recipe) { r.order = swappedText }},
	{"the words of each pair of the result were swapped", func(r *recipe) { r.order = swappedResult }},
	{"the halves of the result were swapped", func(r *recipe) { r.order = swappedHalves }},
	{"the words of the result were in reverse order", func(r *recipe) { r.order = reversedWords }},
	{"the arithmetic was signed and of 32 bits instead of 64", func(r *recipe) { r.numbers = signed32 }},
	{"the arithmetic was signed and of 32 bits instead of 64, with remainders that are never negative", func(r *recipe) { r.numbers = signed32Floored }},
	{"the arithmetic was of 32 bits instead of 64", func(r *recipe) { r.numbers = unsigned32 }},
	{"the arithmetic was of floating-point numbers, which round products of this size; it takes integers of 64 bits", func(r *recipe) { r.numbers = floats }},
	{"products were cut to 32 bits, signed, before the remainder was taken", func(r *recipe) { r.numbers = signedProducts32 }},
	{"products were cut to 32 bits before the remainder was taken", func(r *recipe) { r.numbers = unsignedProducts32 }},
	{"the lower 31 bits were taken in place of the remainder", func(r *recipe) { r.numbers = bitsForRemainder }},
	{"the digest's words were not masked before they were multiplied", func(r *recipe) { r.digest = unmaskedFactor }},
	{"the digest's words were not masked before they were multiplied", func(r *recipe) { r.digest, r.numbers = unmaskedFactor, unsigned64 }},
	{"the digest's words were signed and not masked before they were multiplied", func(r *recipe) { r.digest = signedFactors }},
	{"the digest's words were signed and not masked before they were multiplied, with remainders that are never negative", func(r *recipe) { r.digest, r.numbers = signedFactors, floored64 }},
	{"all words were big-endian", func(r *recipe) { r.bytes = bigEndianDigest | bigEndianText | bigEndianResult }},
	{"the words of digest and text were big-endian", func(r *recipe) { r.bytes = bigEndianDigest | bigEndianText }},
	{"the words of the digest were big-endian", func(r *recipe) { r.bytes = bigEndianDigest }},
	{"the words of the text were big-endian", func(r *recipe) { r.bytes = bigEndianText }},
	{"the words of the result were written big-endian", func(r *recipe) { r.bytes = bigEndianResult }},
	{"the words of digest and result were big-endian", func(r *recipe) { r.bytes = bigEndianDigest | bigEndianResult }},
	{"the words of text and result were big-endian", func(r *recipe) { r.bytes = bigEndianText | bigEndianResult }},
	{"the text was not padded", func(r *recipe) { r.pad = padNever }},
	{"the second and fourth word of the digest were not added to the halves of the 64-bit key at the end", func(r *recipe) { r.steps = noEnd }},
	{"the fourth word of the digest was not added to the upper half of the 64-bit key at the end", func(r *recipe) { r.steps = endLowerOnly }},
	{"the second word of the digest was not added to the lower half of the 64-bit key at the end", func(r *recipe) { r.steps = endUpperOnly }},
	{"the second and fourth word of the digest were added to the wrong halves of the 64-bit key at the end", func(r *recipe) { r.steps = endSwapped }},
	{"the remainder was not taken of the halves of the 64-bit key at the end", func(r *recipe) { r.steps = endUnreduced }},
	{"the upper half of the 64-bit key was not summed over all pairs", func(r *recipe) { r.steps = noSum }},
	{"the upper half of the 64-bit key summed the results of the second words alone", func(r *recipe) { r.steps = sumOfLower }},
	{"the upper half of the 64-bit key summed the results of the first words alone", func(r *recipe) { r.steps = sumOfFirst }},
	{"the second word of the digest was not added for each pair", func(r *recipe) { r.steps = noSecondWord }},
	{"the fourth word of the digest was not added for each pair", func(r *recipe) { r.steps = noFourthWord }},
	{"the text was padded with zero bytes instead of the digit 0", func(r *recipe) { r.pad = padWithNUL }},
	{"the text was padded with spaces instead of the digit 0", func(r *recipe) { r.pad = padWithSpace }},
	{"the text was padded in front", func(r *recipe) { r.pad = padInFront }},
	{"the text was made with the key instead of the product id", func(r *recipe) { r.text = textChallengeAndKey }},
	{"the text began with the product id instead of the challenge", func(r *recipe) { r.text = textIDAndChallenge }},
	{"the text left the product id out", func(r *recipe) { r.text = textChallengeAlone }},
}

// hashMistakes are those of both algorithms.
var hashMistakes = []mistake{
	{"the MD5 is of the key followed by the challenge, not the other way round", func(r *recipe) { r.hashed = keyAndChallenge }},
	{"the MD5 is of challenge and product id instead of challenge and key", func(r *recipe) { r.hashed = challengeAndID }},
	{"the MD5 is of the challenge alone", func(r *recipe) { r.hashed = challengeAlone }},
}

// mistakesOf returns the mistakes of an algorithm.
func mistakesOf(a Algorithm) []mistake {
	if a == AlgorithmMSNP6 {
		return hashMistakes
	}
	return allMistakes
}

var allMistakes = append(append([]mistake(nil), mistakes...), hashMistakes...)

// maxExplained bounds the length of what is tried: each try hashes the
// challenge and the product id anew, and real ones have 20 and 16 characters.
const maxExplained = 512

// question is a challenge, and what its answer should be worked out with.
type question struct {
	algorithm Algorithm
	challenge string
	pair      Pair
	ring      *Keyring
	others    []string // other challenges of the connection
}

// Explain says what is wrong with an answer that is not the right one: which
// of the usual mistakes gives what the client sent. It returns "" if none
// does. The ring is tried for other keys; others are other challenges that the
// client may have answered instead.
func Explain(a Algorithm, challenge string, pair Pair, got string, ring *Keyring, others ...string) string {
	if len(challenge)+len(pair.ProductID)+len(pair.Key) > maxExplained {
		return "the challenge is too long for its answer to be looked into"
	}
	q := &question{a, challenge, pair, ring, others}
	if pair.Key != "" && got == Respond(a, challenge, pair.ProductID, pair.Key) {
		return ""
	}
	if text := q.misshapen(got); text != "" {
		return text
	}
	answer := strings.ToLower(got)
	for _, try := range []func(string) string{q.otherAlgorithm, q.oneMistake, q.otherOrder, q.otherKey, q.otherChallenge, q.twoMistakes, q.otherKeyAndMistake} {
		if text := try(answer); text != "" {
			if answer != got {
				text += "; and it is in upper case"
			}
			return text
		}
	}
	return ""
}

// right is the recipe that the client should have followed.
func (q *question) right() recipe { return recipe{algorithm: q.algorithm} }

// gives tells whether a recipe gives an answer.
func (q *question) gives(r recipe, challenge, productID, key, answer string) bool {
	w := r.work(challenge, productID, key)
	return w.Response == answer
}

// misshapen explains an answer that is right but for how it is written, or
// that is no answer at all.
func (q *question) misshapen(got string) string {
	right := Respond(q.algorithm, q.challenge, q.pair.ProductID, q.pair.Key)
	trimmed := strings.ToLower(strings.Trim(got, " \t\r\n\x00"))
	switch {
	case q.pair.Key == "" && isAnswer(trimmed):
		return ""
	case strings.EqualFold(got, right):
		return "the answer is right, but in upper case"
	case trimmed == right:
		return "the answer is right, but has something around it"
	case trimmed == strings.TrimLeft(right, "0"), trimmed == withoutZeros(right, 2), trimmed == withoutZeros(right, 8):
		return "the answer is right, but its leading zeros are missing"
	case trimmed != "" && len(trimmed) < len(right) && strings.HasPrefix(right, trimmed):
		return fmt.Sprintf("the answer is right, but cut off after %d of %d digits", len(trimmed), len(right))
	case !isAnswer(trimmed) && len(got) == len(right):
		return "an answer has 32 hexadecimal digits; not all of this are"
	case !isAnswer(trimmed):
		return fmt.Sprintf("an answer has 32 hexadecimal digits; this has %d characters", len(got))
	}
	return ""
}

// isAnswer tells whether a text has the form of an answer.
func isAnswer(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && len(text) == 32
}

// withoutZeros writes an answer as clients do that write numbers of so many
// digits without their leading zeros.
func withoutZeros(answer string, digits int) string {
	var b strings.Builder
	for ; answer != ""; answer = answer[digits:] {
		number := strings.TrimLeft(answer[:digits], "0")
		if number == "" {
			number = "0"
		}
		b.WriteString(number)
	}
	return b.String()
}

// otherAlgorithm tries the algorithm of other dialects.
func (q *question) otherAlgorithm(answer string) string {
	r, text := recipe{algorithm: AlgorithmMSNP6}, "this is the MSNP6 answer, the plain MD5 of challenge and key, but the dialect asks for MSNP11's"
	if q.algorithm == AlgorithmMSNP6 {
		r, text = recipe{algorithm: AlgorithmMSNP11}, "this is the MSNP11 answer, but the dialect asks for MSNP6's, the plain MD5 of challenge and key"
	}
	if q.gives(r, q.challenge, q.pair.ProductID, q.pair.Key, answer) {
		return text
	}
	return ""
}

// oneMistake tries each mistake by itself.
func (q *question) oneMistake(answer string) string {
	for _, m := range mistakesOf(q.algorithm) {
		r := q.right()
		m.make(&r)
		if q.gives(r, q.challenge, q.pair.ProductID, q.pair.Key, answer) {
			return m.text
		}
	}
	return ""
}

// otherOrder tries all orders of four words, and of the halves of the key.
func (q *question) otherOrder(answer string) string {
	if q.algorithm != AlgorithmMSNP11 {
		return ""
	}
	r := q.right()
	gives := func() bool { return q.gives(r, q.challenge, q.pair.ProductID, q.pair.Key, answer) }
	for _, s := range shuffles {
		if r.ofResult = s; gives() {
			return "the words of the result were in the order " + s.String()
		}
		if r.ofResult, r.ofDigest = (shuffle{}), s; gives() {
			return "the words of the digest were taken in the order " + s.String()
		}
		r.ofDigest = shuffle{}
	}
	for r.halves = 1; r.halves < allHalves; r.halves++ {
		if gives() {
			return "the words of the digest were combined with other halves of the 64-bit key: " + r.halves.String()
		}
	}
	return ""
}

// twoMistakes tries each pair of mistakes. Two of a kind are the second alone,
// which has been tried.
func (q *question) twoMistakes(answer string) string {
	list := mistakesOf(q.algorithm)
	for i, first := range list {
		for _, second := range list[i+1:] {
			r := q.right()
			first.make(&r)
			second.make(&r)
			if q.gives(r, q.challenge, q.pair.ProductID, q.pair.Key, answer) {
				return first.text + "; and " + second.text
			}
		}
	}
	return ""
}

// otherKey tries the other keys of the ring: with the product id that was
// sent, with their own, and with the other algorithm.
func (q *question) otherKey(answer string) string {
	for _, p := range q.otherPairs(maxOtherKeys) {
		for _, r := range []recipe{q.right(), {algorithm: AlgorithmMSNP6}, {algorithm: AlgorithmMSNP11}} {
			if text := q.withKeyOf(p, r, answer); text != "" {
				return text
			}
		}
	}
	return ""
}

// otherKeyAndMistake tries them with each mistake.
func (q *question) otherKeyAndMistake(answer string) string {
	for _, p := range q.otherPairs(maxKeysWithMistakes) {
		for _, m := range mistakesOf(q.algorithm) {
			r := q.right()
			m.make(&r)
			if text := q.withKeyOf(p, r, answer); text != "" {
				return text + "; and " + m.text
			}
		}
	}
	return ""
}

// withKeyOf tries the key of another pair.
func (q *question) withKeyOf(p Pair, r recipe, answer string) string {
	text := ""
	switch {
	case p.ProductID == q.pair.ProductID && q.gives(r, q.challenge, p.ProductID, p.Key, answer):
		text = "computed with the published key of " + p.ProductID
	case q.gives(r, q.challenge, q.pair.ProductID, p.Key, answer):
		text = "computed with the key of " + p.ProductID
	case q.gives(r, q.challenge, p.ProductID, p.Key, answer):
		text = "computed with the key and the product id of " + p.ProductID
	default:
		return ""
	}
	if r.algorithm != q.algorithm {
		text += fmt.Sprintf(", by the algorithm of %s", strings.ToUpper(r.algorithm.String()))
	}
	return text
}

// Bounds of how many of a user's keys are tried: each takes some microseconds,
// and with every mistake a tenth of a millisecond.
const (
	maxOtherKeys        = 1024
	maxKeysWithMistakes = 64
)

// otherPairs are pairs with another key: the first so many of a user's own, and
// the published ones, those among them that the user's replace.
func (q *question) otherPairs(limit int) []Pair {
	var others []Pair
	add := func(list []Pair, limit int) {
		for _, p := range list[:min(limit, len(list))] {
			replaced := p.Secret && p.ProductID == q.pair.ProductID // by a later line
			if p.Key != "" && p.Key != q.pair.Key && !replaced {
				others = append(others, p)
			}
		}
	}
	lists := q.ring.lists()
	add(lists[0], limit)
	add(lists[1], len(lists[1]))
	return others
}

// otherChallenge tries other challenges, and ways to read this one wrongly.
func (q *question) otherChallenge(answer string) string {
	for _, c := range q.others {
		if q.gives(q.right(), c, q.pair.ProductID, q.pair.Key, answer) {
			return "this is the answer to another challenge, " + c
		}
	}
	for _, misread := range []struct{ text, challenge string }{
		{"the line end was taken for a part of the challenge", q.challenge + "\r\n"},
		{"the line end was taken for a part of the challenge", q.challenge + "\r"},
		{"the line end was taken for a part of the challenge", q.challenge + "\n"},
		{"the transaction id was taken for a part of the challenge", "0 " + q.challenge},
		{"the transaction id was taken for the challenge", "0"},
		{"a space was taken for a part of the challenge", " " + q.challenge},
		{"the challenge was taken to be empty", ""},
	} {
		if q.gives(q.right(), misread.challenge, q.pair.ProductID, q.pair.Key, answer) {
			return misread.text
		}
	}
	return ""
}
