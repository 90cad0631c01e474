package decode

// Name is a row of a table of codes: the code as it stands on the wire, and
// what it means.
type Name[K comparable] struct {
	Code    K
	Meaning string
}

// Statuses are the presence states of CHG, ILN and NLN.
var Statuses = []Name[string]{
	{"NLN", "online"},
	{"BSY", "busy"},
	{"IDL", "idle"},
	{"BRB", "be right back"},
	{"AWY", "away"},
	{"PHN", "on the phone"},
	{"LUN", "out to lunch"},
	{"HDN", "appear offline"},
	{"FLN", "offline"},
}

// ListBits are the lists that a contact can be on, as added up in LST and in
// the l attribute of contact list XML.
var ListBits = []Name[uint32]{
	{1, "FL forward list: the user's contacts"},
	{2, "AL allow list: may see the user"},
	{4, "BL block list: may not"},
	{8, "RL reverse list: have the user as a contact"},
	{16, "PL pending list: added the user, who has not decided yet"},
}

// NetworkIDs are the networks of contacts: netid arguments, the t attribute
// of contact list XML, and from MSNP18 on the number in front of a handle.
var NetworkIDs = []Name[uint32]{
	{1, "Windows Live"},
	{2, "Office Communicator"},
	{4, "telephone"},
	{8, "mobile network interop (Vodafone)"},
	{9, "circle"},
	{10, "temporary group"},
	{11, "CID"},
	{13, "Connect (Facebook)"},
	{14, "remote network"},
	{16, "mail (SMTP)"},
	{32, "Yahoo!"},
}

// ClientTypes are the kinds of endpoint of MSNP16 and later.
var ClientTypes = []Name[uint32]{
	{1, "computer"},
	{2, "web"},
	{3, "mobile"},
	{4, "Xbox"},
}

// meaningOf finds a code in a table, or returns "".
func meaningOf[K comparable](table []Name[K], code K) string {
	for _, n := range table {
		if n.Code == code {
			return n.Meaning
		}
	}
	return ""
}

// NetworkName names the network of an id, or returns "".
func NetworkName(id uint32) string { return meaningOf(NetworkIDs, id) }

// ListNames returns the two-letter names of the lists whose bits are set.
func ListNames(bits uint32) []string {
	var names []string
	for _, l := range ListBits {
		if bits&l.Code != 0 {
			names = append(names, l.Meaning[:2])
		}
	}
	return names
}
