package decode

import "bytes"

// Capabilities is what a client says it can do: the number in CHG, ILN, NLN,
// JOI and IRO, and from MSNP16 on a second one behind a colon.
type Capabilities struct {
	Basic    uint32
	Extended uint32
}

// ParseCapabilities reads 1616756780 or 2416181284:32. It reports false for
// anything else.
func ParseCapabilities(text []byte) (Capabilities, bool) {
	first, second, two := bytes.Cut(text, []byte(":"))
	basic, ok := parseTrID(first) // 32 bits as well
	if !ok {
		return Capabilities{}, false
	}
	c := Capabilities{Basic: basic}
	if two {
		if c.Extended, ok = parseTrID(second); !ok {
			return Capabilities{}, false
		}
	}
	return c, true
}

// generationShift is where the client generation stands in Basic.
const generationShift = 28

// Generation is the MSNC number of the client, 0 for clients up to 5.0.
func (c Capabilities) Generation() int { return int(c.Basic >> generationShift) }

// ClientRelease names the official client that first had the generation.
func (c Capabilities) ClientRelease() string {
	return meaningOf(ClientGenerations, c.Generation())
}

// Names returns the meanings of all bits that are set, the basic ones first.
func (c Capabilities) Names() []string {
	return append(bitNames(nil, BasicCapabilities, c.Basic), bitNames(nil, ExtendedCapabilities, c.Extended)...)
}

func bitNames(dst []string, table []Name[uint32], bits uint32) []string {
	for _, n := range table {
		if bits&n.Code != 0 {
			dst = append(dst, n.Meaning)
		}
	}
	return dst
}

// ClientGenerations are the values of the top four bits of the capabilities:
// the client that introduced them (MSNP.md §6.1).
var ClientGenerations = []Name[int]{
	{0, "5.0 or older"},
	{1, "MSN Messenger 6.0"},
	{2, "MSN Messenger 6.1"},
	{3, "MSN Messenger 6.2"},
	{4, "MSN Messenger 7.0"},
	{5, "MSN Messenger 7.5"},
	{6, "Windows Live Messenger 8.0"},
	{7, "Windows Live Messenger 8.1"},
	{8, "Windows Live Messenger 8.5"},
	{9, "Windows Live Messenger 14.0 beta"},
	{10, "Windows Live Messenger 2009"},
	{11, "Windows Live Messenger 2011"},
	{12, "Windows Live Messenger 2012"},
}

// BasicCapabilities are the bits of the first number, below the generation.
var BasicCapabilities = []Name[uint32]{
	{0x1, "online by mobile"},
	{0x2, "online by Texas"},
	{0x4, "ink as GIF"},
	{0x8, "ink as ISF"},
	{0x10, "webcam"},
	{0x20, "chunked messages"},
	{0x40, "mobile enabled"},
	{0x80, "web watch"},
	{0x100, "activities"},
	{0x200, "web messenger"},
	{0x400, "mobile device"},
	{0x800, "federated (Office Communicator)"},
	{0x1000, "has a space"},
	{0x2000, "Media Center"},
	{0x4000, "direct instant messages"},
	{0x8000, "winks"},
	{0x10000, "shared search"},
	{0x20000, "bot"},
	{0x40000, "voice clips"},
	{0x80000, "secure channel"},
	{0x100000, "SIP invitations"},
	{0x200000, "multi-party media"},
	{0x400000, "sharing folders"},
	{0x800000, "page-mode messages"},
	{0x1000000, "OneCare"},
	{0x2000000, "peer-to-peer over TURN"},
	{0x4000000, "peer-to-peer set up by UUN"},
	{0x8000000, "uses an alias"},
}

// ExtendedCapabilities are the bits of the second number. Sources differ on
// P2Pv2: 0x20, or the mask 0x30.
var ExtendedCapabilities = []Name[uint32]{
	{0x1, "text messages only"},
	{0x2, "voice over MSNP"},
	{0x4, "UCCP SIP"},
	{0x8, "application messages"},
	{0x10, "real-time video"},
	{0x20, "P2Pv2"},
	{0x40, "authenticated web messenger"},
	{0x80, "one-to-one over a group"},
	{0x100, "offline messages"},
	{0x200, "video sharing"},
	{0x400, "nudges"},
	{0x800, "circle voice"},
	{0x1000, "sharing"},
	{0x8000, "P2P mixer relay"},
	{0x20000, "file transfer in the conversation window"},
	{0x40000, "16:9 video"},
	{0x80000, "P2P enveloping"},
	{0x400000, "Yahoo! disabled"},
	{0x800000, "SIP tunnel v2"},
	{0x1000000, "voice clips as WMA"},
	{0x2000000, "circle voice clips"},
	{0x4000000, "social news"},
	{0x8000000, "custom emoticons"},
	{0x10000000, "moods in UTF-8"},
	{0x20000000, "FTURN"},
	{0x40000000, "P4 activities"},
	{0x80000000, "multi-party conversations"},
}
