package decode

import (
	"fmt"
	"strings"
	"testing"
)

// The wrong answers were worked out by a program of their own, in another
// language; none of them is what this package makes.
func TestExplainNamesTheMistake(t *testing.T) {
	const (
		challenge   = "22210219642164014968"
		unpadded    = "222102196421640149681234" // with a product id of 16, a multiple of 8
		withZeros   = "10000000000000000022"     // whose answer begins with 0
		overflowing = "22210219642164010000"     // whose products have 64 bits if nothing is masked
		otherAnswer = "5764f5f0d256c5b28f64fb698759c8a8"
	)
	for _, c := range []struct {
		name      string
		algorithm Algorithm
		product   string
		challenge string
		got       string
		want      string // what the explanation must begin with
	}{
		{"padded though not needed", AlgorithmMSNP11, product85, unpadded, "34ea41c819712a6e2eeafb80aba3c264", "the text was padded although"},
		{"masked XOR", AlgorithmMSNP11, product85, challenge, "a400af009ac86f3df6deec7286fc0638", "the final XOR used the masked digest"},
		{"both", AlgorithmMSNP11, product85, unpadded, "34ea414819712a6e2eeafb00aba3c264", "the text was padded although its length was a multiple of 8 already; and the final XOR"},
		{"upper case", AlgorithmMSNP11, product85, challenge, "A400AF809AC86FBDF6DEEC7286FC06B8", "the answer is right, but in upper case"},
		{"upper case and masked XOR", AlgorithmMSNP11, product85, challenge, "A400AF009AC86F3DF6DEEC7286FC0638", "the final XOR used the masked digest; and it is in upper case"},
		{"key halves swapped", AlgorithmMSNP11, product85, challenge, "eefb1786d033d7bbbc255474cc07bebe", "the two halves of the 64-bit key were swapped"},
		{"text words swapped", AlgorithmMSNP11, product85, challenge, "d0ccfded31f907b38212be1f2dcd6eb6", "the words of each pair of the text were swapped"},
		{"result words swapped", AlgorithmMSNP11, product85, challenge, "9ac86fbda400af8086fc06b8f6deec72", "the words of each pair of the result were swapped"},
		{"signed 32 bits, as in C", AlgorithmMSNP11, product85, challenge, "8254728cb22edd2fd08a317eae1ab42a", "the arithmetic was signed and of 32 bits"},
		{"signed 32 bits, as in Python", AlgorithmMSNP11, product85, challenge, "aafe23ed0a088fb4f820601f163ce6b1", "the arithmetic was signed and of 32 bits"},
		{"unsigned 32 bits", AlgorithmMSNP11, product85, challenge, "c0dc0cf9af0f0dd592024f0bb33b64d0", "the arithmetic was of 32 bits"},
		{"signed factors, as in C", AlgorithmMSNP11, product85, challenge, "762bf17b76a3362324f5b2896a975f26", "the digest's words were signed and not masked"},
		{"signed factors, as in Python", AlgorithmMSNP11, product85, challenge, "772bf1fb77a336a325f5b2096b975fa6", "the digest's words were signed and not masked"},
		{"big-endian throughout", AlgorithmMSNP11, product85, challenge, "2600f25b422e68cf74deb1a95e1a01ca", "all words were big-endian"},
		{"big-endian but for the result", AlgorithmMSNP11, product85, challenge, "5bf20026cf682e42a9b1de74ca011a5e", "the words of digest and text were big-endian"},
		{"big-endian digest", AlgorithmMSNP11, product85, challenge, "8af5b75d07c0d31178b6690f02a9e70d", "the words of the digest were big-endian"},
		{"big-endian text", AlgorithmMSNP11, product85, challenge, "5a4ffdab7a6624c70891be5966524dc2", "the words of the text were big-endian"},
		{"big-endian result", AlgorithmMSNP11, product85, challenge, "80af00a4bd6fc89a72ecdef6b806fc86", "the words of the result were written big-endian"},
		{"big-endian digest and result", AlgorithmMSNP11, product85, challenge, "5db7f58a11d3c0070f69b6780de7a902", "the words of digest and result were big-endian"},
		{"big-endian text and result", AlgorithmMSNP11, product85, challenge, "abfd4f5ac724667a59be9108c24d5266", "the words of text and result were big-endian"},
		{"floating-point numbers, as in JavaScript", AlgorithmMSNP11, product85, challenge, "bc7459cebacab4e4eeaa1a3ca6fedde1", "the arithmetic was of floating-point numbers"},
		{"products of 32 bits, signed", AlgorithmMSNP11, product85, challenge, "83bc2098198095bdd162636a05b4fcb8", "products were cut to 32 bits, signed"},
		{"products of 32 bits", AlgorithmMSNP11, product85, challenge, "296bb6902aef39917bb5f56236db5094", "products were cut to 32 bits before"},
		{"bits in place of the remainder", AlgorithmMSNP11, product85, challenge, "8254728cb22eddafd08a317eae1ab4aa", "the lower 31 bits were taken"},
		{"nothing added at the end", AlgorithmMSNP11, product85, challenge, "c85526d7664f8de29a8b65257a7be4e7", "the second and fourth word of the digest were not added to the halves"},
		{"lower half alone added to", AlgorithmMSNP11, product85, challenge, "a400af80664f8de2f6deec727a7be4e7", "the fourth word of the digest was not added to the upper half"},
		{"upper half alone added to", AlgorithmMSNP11, product85, challenge, "c85526d79ac86fbd9a8b652586fc06b8", "the second word of the digest was not added to the lower half"},
		{"added to the wrong halves", AlgorithmMSNP11, product85, challenge, "d8d448879e0406b88a0a0b7582306fbd", "the second and fourth word of the digest were added to the wrong halves"},
		{"no remainder at the end", AlgorithmMSNP11, product85, challenge, "a500af0097c86f3df7deecf28bfc0638", "the remainder was not taken of the halves"},
		{"no sum", AlgorithmMSNP11, product85, challenge, "a400af8035e4d5a9f6deec7229d0bcac", "the upper half of the 64-bit key was not summed"},
		{"sum of second words", AlgorithmMSNP11, product85, challenge, "a400af806a8976f9f6deec7276bd1ffc", "the upper half of the 64-bit key summed the results of the second words"},
		{"sum of first words", AlgorithmMSNP11, product85, challenge, "a400af800d0b42d9f6deec72113f2bdc", "the upper half of the 64-bit key summed the results of the first words"},
		{"no second word", AlgorithmMSNP11, product85, challenge, "5744abd80912cd96059ae82a1526a493", "the second word of the digest was not added for each pair"},
		{"no fourth word", AlgorithmMSNP11, product85, challenge, "43ef77a790603d8c113134558c545489", "the fourth word of the digest was not added for each pair"},
		{"factors of 32 bits, products of 64", AlgorithmMSNP11, product85, overflowing, "18d54a8b24be93f746e20f9f8bba8c94", "the digest's words were not masked"},
		{"factors of 32 bits, products of 63 and a sign", AlgorithmMSNP11, product85, overflowing, "f71badb4bc93e3d5a92ce8a01397fcb6", "the digest's words were not masked"},
		{"two words of the result swapped", AlgorithmMSNP11, product85, challenge, "f6deec729ac86fbda400af8086fc06b8", "the words of the result were in the order 3 2 1 4"},
		{"words of the digest swapped", AlgorithmMSNP11, product85, challenge, "c94a35b4115b9a85d57e5cb14385d977", "the words of the digest were taken in the order 2 1 4 3"},
		{"halves of the key in pairs", AlgorithmMSNP11, product85, challenge, "a400af80d033d7bbbc25547486fc06b8", "the words of the digest were combined with other halves of the 64-bit key: lower, lower, upper, upper"},
		{"padded in front", AlgorithmMSNP11, product85, challenge, "f1474ba6f1b739a8a3990854ed8350ad", "the text was padded in front"},
		{"no digits", AlgorithmMSNP11, product85, challenge, "this is no answer, of 32 bytes xx", "an answer has 32 hexadecimal digits; this has 33 characters"},
		{"32 characters, but no digits", AlgorithmMSNP11, product85, challenge, "this is no answer, of 32 bytes x", "an answer has 32 hexadecimal digits; not all of this are"},
		{"padded with zero bytes", AlgorithmMSNP11, product85, challenge, "92ac5496a894a4a4c0721764b4a0cda1", "the text was padded with zero bytes"},
		{"leading zero lost", AlgorithmMSNP11, product85, withZeros, "66637b89a99cd8b09e2da4df1aace00", "the answer is right, but its leading zeros are missing"},
		{"cut off", AlgorithmMSNP11, product85, challenge, "a400af809ac8", "the answer is right, but cut off after 12 of 32 digits"},
		{"line end behind it", AlgorithmMSNP11, product85, challenge, "a400af809ac86fbdf6deec7286fc06b8\r\n", "the answer is right, but has something around it"},
		{"MSNP6's answer", AlgorithmMSNP11, product85, challenge, "67780f8e134b77b535a64c7c0f7f1eb0", "this is the MSNP6 answer"},
		{"another product's key and id", AlgorithmMSNP11, product85, challenge, "e790b908276bb51115fa7eb3c8a36315", "computed with the key and the product id of PROD0114ES4Z%Q5W"},
		{"another product's key", AlgorithmMSNP11, product85, challenge, "cda7440cebd453713fcd83b7041c8575", "computed with the key of PROD0114ES4Z%Q5W"},
		{"another product's key and masked XOR", AlgorithmMSNP11, product85, challenge, "cda7440cebd453713fcd8337041c8575", "computed with the key of PROD0114ES4Z%Q5W; and the final XOR used the masked digest"},
		{"another product's key and MSNP6", AlgorithmMSNP11, product85, challenge, "eedf627f65e76d031255a605f5841204", "computed with the key of msmsgs@msnmsgr.com, by the algorithm of MSNP6"},
		{"MD5 of the challenge alone", AlgorithmMSNP11, product85, challenge, "114ce87f9ca976585732ea8236ef0ba0", "the MD5 is of the challenge alone"},
		{"MD5 of key and challenge", AlgorithmMSNP11, product85, challenge, "1fc5505db7d863f416c7ec6579774289", "the MD5 is of the key followed by the challenge"},
		{"MD5 of challenge and id", AlgorithmMSNP11, product85, challenge, "743b186185ba5580bf65d2a0d9998b75", "the MD5 is of challenge and product id"},
		{"key in the text", AlgorithmMSNP11, product85, challenge, "9bf0bad1b2807cdbc92ef923aeb415de", "the text was made with the key instead of the product id"},
		{"line end in the challenge", AlgorithmMSNP11, product85, challenge, "f2e2acfb53877e943def6d1c7f47e400", "the line end was taken for a part of the challenge"},
		{"another challenge", AlgorithmMSNP11, product85, challenge, otherAnswer, "this is the answer to another challenge, 11111111111111111111"},
		{"MSNP11's answer to MSNP6", AlgorithmMSNP6, productMSN, challenge, "58c887120db1c55ca44243689dd2ba5b", "this is the MSNP11 answer"},
		{"MSNP6, key first", AlgorithmMSNP6, productMSN, challenge, "84962642c300c53c6d89730cc1570be8", "the MD5 is of the key followed by the challenge"},
		{"MSNP6, another key", AlgorithmMSNP6, productMSN, challenge, "c60f42bcef15148c614190c61e8eebf6", "computed with the key of PROD0038W!61ZTF9"},
		{"too short", AlgorithmMSNP6, productMSN, challenge, "xyz", "an answer has 32 hexadecimal digits; this has 3 characters"},
		{"empty", AlgorithmMSNP6, productMSN, challenge, "", "an answer has 32 hexadecimal digits; this has 0 characters"},
		{"none of them", AlgorithmMSNP11, product85, challenge, "00112233445566778899aabbccddeeff", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			pair, ok := (*Keyring)(nil).Pair(c.product)
			if !ok {
				t.Fatalf("no pair for %s", c.product)
			}
			got := Explain(c.algorithm, c.challenge, pair, c.got, nil, "11111111111111111111")
			if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("explained as %q, want %q", got, c.want)
			}
		})
	}
}

// TestEachMistakeGivesAnAnswerOfItsOwn finds two mistakes that give the same
// answer where they should differ: one of them would never be named.
func TestEachMistakeGivesAnAnswerOfItsOwn(t *testing.T) {
	// One text needs padding and one does not: each mistake shows in one of them.
	pair, _ := (*Keyring)(nil).Pair(product85)
	for _, a := range []Algorithm{AlgorithmMSNP6, AlgorithmMSNP11} {
		seen := map[string]string{}
		for _, challenge := range []string{"22210219642164014968", "222102196421640149681234"} {
			for _, m := range mistakesOf(a) {
				r := recipe{algorithm: a}
				m.make(&r)
				answer := r.work(challenge, pair.ProductID, pair.Key).Response
				if other, ok := seen[answer]; ok && other != m.text {
					t.Errorf("%q and %q both give %s", m.text, other, answer)
				}
				if answer != Respond(a, challenge, pair.ProductID, pair.Key) {
					seen[answer] = m.text
				}
			}
		}
		if len(seen) < len(mistakesOf(a)) {
			t.Errorf("%v: %d mistakes give %d wrong answers", a, len(mistakesOf(a)), len(seen))
		}
	}
}

func TestKeysOfAFileComeFirstAndAreSecret(t *testing.T) {
	ring, err := ParseKeys("# mine\n\nPROD0119GSJUC$18 first\nPROD0119GSJUC$18 OTHER test My client 1.0\nPROD#X key\nPROD008955JTJ_S7 -\r\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Pair{
		{"PROD0119GSJUC$18", "OTHER", "My client 1.0", 0, 0, Test, true},
		{"PROD#X", "key", secretClient, 0, 0, Production, true},
		{"PROD008955JTJ_S7", "", secretClient, 0, 0, Production, true},
		{"msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5", "MSN Messenger 3.6 to 6.x", 6, 10, Production, false},
	} {
		if got, ok := ring.Pair(want.ProductID); !ok || got != want {
			t.Errorf("%s: got %+v, want %+v", want.ProductID, got, want)
		}
	}
	if got, want := len(ring.Pairs()), len(knownPairs)+1; got != want {
		t.Errorf("%d pairs, want %d: each product id once", got, want)
	}
}

func TestErrorsOfAKeysFileTellTheLineAndNoKey(t *testing.T) {
	for text, want := range map[string]string{
		"PROD1 hush production\nPROD2\n": "line 2: a product id and its key are expected",
		"PROD1 hush secret-place":        "line 1: the third word is the environment",
	} {
		_, err := ParseKeys(text)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "secret-place") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestThePublishedPairsAreWellFormed holds the table to the form that all
// pairs have which Microsoft issued.
func TestThePublishedPairsAreWellFormed(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789{}!@*%_?$#&^"
	unknown := 0
	for _, p := range knownPairs {
		if p.Key == "" {
			unknown++
		} else if len(p.Key) != 16 || strings.Trim(p.Key, alphabet) != "" {
			t.Errorf("%s has the key %q", p.ProductID, p.Key)
		}
		if p.ProductID != productMSN && (len(p.ProductID) != 16 || !strings.HasPrefix(p.ProductID, "PROD0")) {
			t.Errorf("%q is no product id", p.ProductID)
		}
		if AlgorithmOf(p.From) != AlgorithmOf(p.To) || p.Client == "" || p.Environment == "" || p.Secret {
			t.Errorf("%s: %+v", p.ProductID, p)
		}
	}
	if len(knownPairs) != 19 || unknown != 2 {
		t.Errorf("%d pairs, %d with unknown keys; MSNP.md §7.6 has 19 and 2", len(knownPairs), unknown)
	}
}

func TestAFilesPairIsNotAnsweredWithThePublishedKey(t *testing.T) {
	ring, err := ParseKeys("PROD0119GSJUC$18 OTHER\n")
	if err != nil {
		t.Fatal(err)
	}
	pair, _ := ring.Pair(product85)
	published := "a400af809ac86fbdf6deec7286fc06b8"
	if got, want := Explain(AlgorithmMSNP11, "22210219642164014968", pair, published, ring), "computed with the published key of PROD0119GSJUC$18"; got != want {
		t.Errorf("explained as %q, want %q", got, want)
	}
}

func TestALongKeysFileDoesNotSlowExplanations(t *testing.T) {
	var file strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&file, "PROD%d key%d\n", i, i)
	}
	ring, err := ParseKeys(file.String())
	if err != nil {
		t.Fatal(err)
	}
	q := &question{pair: Pair{ProductID: product85, Key: "other"}, ring: ring}
	others := q.otherPairs(maxKeysWithMistakes)
	if len(others) > maxKeysWithMistakes+len(knownPairs) {
		t.Errorf("%d keys are tried with each mistake", len(others))
	}
	if all := q.otherPairs(maxOtherKeys); len(all) <= 1000 {
		t.Errorf("%d keys are tried, of 1000 and the published ones", len(all))
	}
	if last := others[len(others)-1].ProductID; last != knownPairs[len(knownPairs)-1].ProductID {
		t.Errorf("the last key that is tried is that of %s, and not a published one", last)
	}
}
