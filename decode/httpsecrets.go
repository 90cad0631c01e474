package decode

import (
	"slices"
	"strings"
)

// secretFields are the names of fields whose values are credentials, wherever
// they stand in what a record of HTTP tells, and of parameters of a URL. Names
// are compared in lower case.
var secretFields = []string{
	"password", "pwd", "ticket", "secret", "cipher", "t", "p", // Passport, RST
	"tickettoken", "binarysecuritytoken", "binarysecret", "ciphervalue", "passportcookie", "usertoken", // of SOAP told as it is
	"access_token", "wrap_access_token", "wrap_refresh_token", "wrap_verification_code", // WRAP
	"wrap_client_secret", "wrap_password", "wrap_assertion", "skey",
	"mspauth", "mspprof", "mspsec", "auth", "authorization", "from-pp",
}

// secretObjects are objects all of whose values are.
var secretObjects = []string{"cookies"}

// urlFields are addresses that may have secrets among their parameters.
var urlFields = []string{"location", "return_url", "org_url", "ru", "cburl", "wrap_callback"}

func isNamed(list []string, name string) bool { return slices.Contains(list, strings.ToLower(name)) }

// maskHTTP masks what a record of HTTP tells.
func (m *Masker) maskHTTP(r *Record) {
	if r.HTTP == nil {
		return
	}
	masked := *r.HTTP
	masked.URL = m.maskURL(masked.URL)
	if p := masked.Payload; p != nil {
		masked.Payload = &Payload{Type: p.Type, Fields: m.maskFields(p.Fields, false)}
	}
	r.HTTP = &masked
}

// maskFields copies fields, their secrets masked; all of them if asked.
func (m *Masker) maskFields(fields []Field, all bool) []Field {
	out := make([]Field, len(fields))
	for i, f := range fields {
		secret := all || isNamed(secretFields, f.Name)
		out[i] = Field{f.Name, m.maskValue(f, f.Value, secret)}
	}
	return out
}

func (m *Masker) maskValue(f Field, value any, secret bool) any {
	switch v := value.(type) {
	case string:
		switch {
		case secret:
			return m.maskText(v)
		case isNamed(urlFields, f.Name):
			return m.maskURL(v)
		}
	case []Field:
		return m.maskFields(v, secret || isNamed(secretObjects, f.Name))
	case []any:
		list := make([]any, len(v))
		for i, one := range v {
			list[i] = m.maskValue(f, one, secret)
		}
		return list
	}
	return value
}

// maskText masks a secret: the values of a ticket such as t=...&p=..., as in
// USR, or all of it.
func (m *Masker) maskText(text string) string {
	return string(m.replace(nil, []byte(text), secretParts(nil, []byte(text), 0)))
}

// maxWithin is how many addresses one within the other are looked into. Passport
// has two or three; each is encoded once more, and read again for all around it.
const maxWithin = 8

// maskURL masks the secret parameters of a URL. Equal secrets show equal,
// however they are encoded.
func (m *Masker) maskURL(url string) string { return m.maskWithin(url, maxWithin) }

// maskWithin is maskURL for an address with that many within it.
func (m *Masker) maskWithin(url string, within int) string {
	at := strings.IndexAny(url, "?#") + 1
	if at == 0 {
		return url
	}
	var out strings.Builder
	out.WriteString(url[:at])
	for at < len(url) {
		end := len(url)
		if i := strings.IndexAny(url[at:], parameterEnds); i >= 0 {
			end = at + i
		}
		out.WriteString(m.maskParameter(url[at:end], within))
		at = min(end+1, len(url))
		out.WriteString(url[end:at])
	}
	return out.String()
}

const parameterEnds = "&#?;"

func (m *Masker) maskParameter(part string, within int) string {
	name, value, _ := strings.Cut(part, "=")
	if value == "" {
		return part
	}
	plain := formDecode(value)
	if isNamed(secretFields, formDecode(name)) || within == 0 && strings.ContainsAny(plain, "?#") {
		return name + "=" + m.maskText(plain)
	}
	if inner := m.maskWithin(plain, within-1); inner != plain && plain != part { // an address within the address
		return name + "=" + inner
	}
	return part
}
