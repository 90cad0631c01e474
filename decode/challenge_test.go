package decode

import (
	"fmt"
	"strings"
	"testing"
)

// The products of the vectors.
const (
	product70  = "PROD0090YUAUV{2B"
	product81  = "PROD0113H11T8$X_"
	product85  = "PROD0119GSJUC$18"
	productMSN = "msmsgs@msnmsgr.com"
)

// vectors are answers that others have published.
var vectors = []struct {
	source    string
	algorithm Algorithm
	product   string
	key       string
	challenge string
	response  string
}{
	{"Hypothetic's MSNP documentation", AlgorithmMSNP6, productMSN, "Q1P7W2E4J9R8U3S5", "15570131571988941333", "8f2f5a91b72102cd28355e9fc9000d6e"},
	{"the test of a PHP client's sign-in", AlgorithmMSNP6, productMSN, "Q1P7W2E4J9R8U3S5", "29409134351025259292", "d0c1178c689350104350d99f8c36ed9c"},
	{"MSNP.md, checked there", AlgorithmMSNP6, productMSN, "Q1P7W2E4J9R8U3S5", "12345678901234567890", "8ba1bb9d6dbf624fee31a2053af5fdd0"},
	{"Eclipse ECF's tests", AlgorithmMSNP11, product70, "YMM8C_H7KCQ2S_KL", "22210219642164014968", "85ecb0db8f32113df79ce0892b9a102c"},
	{"Eclipse ECF's tests", AlgorithmMSNP11, product70, "YMM8C_H7KCQ2S_KL", "36819795137093047918", "e7ad3cb09d3e9e4e7c720175984809e9"},
	{"Eclipse ECF's tests", AlgorithmMSNP11, product70, "YMM8C_H7KCQ2S_KL", "21948129323261853323", "59bcf63ed21f44906c3d3e121ddbed65"},
	{"Eclipse ECF's tests", AlgorithmMSNP11, product70, "YMM8C_H7KCQ2S_KL", "41525959199453244913", "dcb8ff529e4dd12cc43389851128d2db"},
	{"Eclipse ECF's tests", AlgorithmMSNP11, product70, "YMM8C_H7KCQ2S_KL", "31744216663023315951", "d15553d0ea89c9f63bbb98a208fa4235"},
	{"Eclipse ECF's tests", AlgorithmMSNP11, product70, "YMM8C_H7KCQ2S_KL", "14494180082586329971", "4e11d4cd56a65bdf04f60aa133db7ebc"},
	{"NINA wiki, MSNP15", AlgorithmMSNP11, product81, "RG@XY*28Q5QHS%Q5", "11533365622852247127", "f086d1ded067186deca8dba2231602cf"},
	{"NINA wiki, MSNP15", AlgorithmMSNP11, product81, "RG@XY*28Q5QHS%Q5", "13038318816579321232", "3b25f5aab8143dd9a47971541666ae0e"},
	{"NINA wiki, MSNP15", AlgorithmMSNP11, product81, "RG@XY*28Q5QHS%Q5", "13676118092332012962", "e9ccbb3e90fabb047bad055f1d025cde"},
	{"NINA wiki, MSNP15", AlgorithmMSNP11, product81, "RG@XY*28Q5QHS%Q5", "237191752526424888127371168", "65b6b623c649c25629af048d34066040"},
}

func TestRespondGivesThePublishedAnswers(t *testing.T) {
	for _, v := range vectors {
		if got := Respond(v.algorithm, v.challenge, v.product, v.key); got != v.response {
			t.Errorf("%s: the answer to %s for %s is %s, want %s", v.source, v.challenge, v.product, got, v.response)
		}
	}
}

func TestWorkOutShowsTheStepsOfThePublishedExample(t *testing.T) {
	w := WorkOut(AlgorithmMSNP11, "22210219642164014968", product85, "ILTXC!4IXB5FB*PX")
	if got, want := fmt.Sprintf("%08x", w.Masked), "[0e0f7867 35774b13 7c4ca635 301e7f0f]"; got != want {
		t.Errorf("masked words %s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%016x", w.Key), "081883890ea078c3"; got != want {
		t.Errorf("key %s, want %s", got, want)
	}
}

// FuzzChallenge works out and explains whatever comes.
func FuzzChallenge(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.algorithm == AlgorithmMSNP11, v.challenge, v.product, v.key, v.response)
	}
	f.Add(true, "", "", "", "")
	f.Fuzz(func(t *testing.T, new bool, challenge, product, key, got string) {
		a := AlgorithmMSNP6
		if new {
			a = AlgorithmMSNP11
		}
		right := Respond(a, challenge, product, key)
		if !isAnswer(right) || right != strings.ToLower(right) {
			t.Fatalf("%q is no answer", right)
		}
		pair := Pair{ProductID: product, Key: key}
		if text := Explain(a, challenge, pair, right, nil); key != "" && len(challenge)+len(product)+len(key) <= maxExplained && text != "" {
			t.Fatalf("the right answer is explained as %q", text)
		}
		Explain(a, challenge, pair, got, nil)
	})
}

// FuzzLockAndKey has a session check whatever challenges and answers come.
func FuzzLockAndKey(f *testing.F) {
	f.Add("CHL 0 1\r\n", "QRY 2 PROD0090YUAUV{2B 32\r\n85ecb0db8f32113df79ce0892b9a102c", "QRY 2\r\n")
	f.Add("CHL 0\r\n", "CHL 2\r\nQRY 3 x 0\r\n", "540 2\r\n")
	f.Fuzz(func(t *testing.T, ask, answer, result string) {
		s := NewSession(Config{Emit: func(r *Record) { wantReadableNotes(t, r) }})
		for range 3 {
			s.Feed(ServerToClient, []byte(ask), Stamp{})
			s.Feed(ClientToServer, []byte(answer), Stamp{})
			s.Feed(ServerToClient, []byte(result), Stamp{})
		}
		if l := s.lock; l != nil && (len(l.open) > maxOpen || len(l.waiting) > maxOpen || len(l.past) > maxPast || len(l.requests) > maxOpen) {
			t.Fatalf("more is remembered than the limits allow: %+v", l)
		}
		s.Close("client closed", Stamp{})
	})
}

func BenchmarkRespond(b *testing.B) {
	for range b.N {
		Respond(AlgorithmMSNP11, "22210219642164014968", product85, "ILTXC!4IXB5FB*PX")
	}
}

// BenchmarkExplain looks into an answer that none of the mistakes gives.
func BenchmarkExplain(b *testing.B) {
	pair, _ := (*Keyring)(nil).Pair(product85)
	for range b.N {
		Explain(AlgorithmMSNP11, "22210219642164014968", pair, "00112233445566778899aabbccddeeff", nil)
	}
}
