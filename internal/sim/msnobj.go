package sim

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
)

// pictureObject describes a display picture: a msnobj, percent-encoded for a
// command line. Both its checksums are true (MSNP.md §13).
func pictureObject(creator string, picture []byte) string {
	const location, noName = "TFR2C.tmp", "AAA="
	size, sha1d := len(picture), base64SHA1(string(picture))
	sha1c := base64SHA1(fmt.Sprintf("Creator%sSize%dType3Location%sFriendly%sSHA1D%s",
		creator, size, location, noName, sha1d))
	return encode(fmt.Sprintf(`<msnobj Creator="%s" Size="%d" Type="3" Location="%s" Friendly="%s" SHA1D="%s" SHA1C="%s"/>`,
		creator, size, location, noName, sha1d, sha1c))
}

func base64SHA1(text string) string {
	sum := sha1.Sum([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
