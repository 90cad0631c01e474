package peers

import (
	"slices"

	"msnproxy/decode"
)

// Dialects are those that server and client speak.
var Dialects = []decode.Dialect{8, 11, 12, 15, 18}

// software is a client program of its time.
type software struct {
	offers    []decode.Dialect // the preferred one first
	library   string
	version   string
	id        string
	caps, ext uint32 // capabilities (MSNP.md §6.1)
	product   string // that answers challenges
}

// Capabilities that all programs from 6.0 on have: ink, chunked messages,
// direct messages, winks, voice clips.
const commonCaps = 0x4 | 0x8 | 0x20 | 0x4000 | 0x8000 | 0x40000

var programs = []*software{
	{[]decode.Dialect{8}, "MSMSGS", "5.0.0544", "MSMSGS", 0, 0, "msmsgs@msnmsgr.com"},
	{[]decode.Dialect{11, 10}, "MSNMSGR", "7.0.0813", "MSMSGS", 0x40000000 | commonCaps, 0, "PROD0090YUAUV{2B"},
	{[]decode.Dialect{12, 11, 10}, "MSNMSGR", "7.5.0324", "MSMSGS", 0x50000000 | commonCaps, 0, "PROD0113H11T8$X_"},
	{[]decode.Dialect{15, 14, 13}, "MSNMSGR", "8.5.1302", "msmsgs", 0x80000000 | commonCaps, 0, "PROD0113H11T8$X_"},
	{[]decode.Dialect{18, 17, 16}, "MSNMSGR", "14.0.8089", "msmsgs", 0xA0000000 | commonCaps, 0x20, "PROD0113H11T8$X_"},
}

// programFor returns the program that prefers a dialect, or nil.
func programFor(d decode.Dialect) *software {
	for _, s := range programs {
		if s.offers[0] == d {
			return s
		}
	}
	return nil
}

// programOf returns the program of a version, or nil.
func programOf(version string) *software {
	for _, s := range programs {
		if s.version == version {
			return s
		}
	}
	return nil
}

// challenge is a challenge with the right response of a product, from
// published vectors (MSNP.md §7.4, §7.5).
type challenge struct{ product, text, response string }

var challenges = []challenge{
	{"msmsgs@msnmsgr.com", "15570131571988941333", "8f2f5a91b72102cd28355e9fc9000d6e"},
	{"msmsgs@msnmsgr.com", "12345678901234567890", "8ba1bb9d6dbf624fee31a2053af5fdd0"},
	{"PROD0090YUAUV{2B", "22210219642164014968", "85ecb0db8f32113df79ce0892b9a102c"},
	{"PROD0090YUAUV{2B", "36819795137093047918", "e7ad3cb09d3e9e4e7c720175984809e9"},
	{"PROD0090YUAUV{2B", "21948129323261853323", "59bcf63ed21f44906c3d3e121ddbed65"},
	{"PROD0113H11T8$X_", "11533365622852247127", "f086d1ded067186deca8dba2231602cf"},
	{"PROD0113H11T8$X_", "13038318816579321232", "3b25f5aab8143dd9a47971541666ae0e"},
	{"PROD0113H11T8$X_", "13676118092332012962", "e9ccbb3e90fabb047bad055f1d025cde"},
	{"PROD0113H11T8$X_", "237191752526424888127371168", "65b6b623c649c25629af048d34066040"},
}

// challengeFor is the n-th challenge for a program; they come round again.
func (s *software) challengeFor(n int) challenge {
	var own []challenge
	for _, c := range challenges {
		if c.product == s.product {
			own = append(own, c)
		}
	}
	return own[n%len(own)]
}

// responseTo is the right response of a program: the published one, or else,
// to a challenge that is not the server's, what the algorithm gives.
func (s *software) responseTo(text string) string {
	i := slices.IndexFunc(challenges, func(c challenge) bool { return c.product == s.product && c.text == text })
	if i >= 0 {
		return challenges[i].response
	}
	pair, _ := (*decode.Keyring)(nil).Pair(s.product)
	return decode.Respond(decode.AlgorithmOf(s.offers[0]), text, s.product, pair.Key)
}
