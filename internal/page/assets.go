package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
)

//go:embed page.css page.js page.html
var assets embed.FS

var (
	style     = template.CSS(asset("page.css"))
	script    = template.JS(asset("page.js"))
	templates = template.Must(template.New("").ParseFS(assets, "page.html"))
)

// policy lets run and apply nothing but our own script and style: no request
// leaves the page, and no text becomes markup.
var policy = "default-src 'none'; style-src " + hash(string(style)) + "; script-src " + hash(string(script)) +
	"; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"

func asset(name string) string {
	text, err := assets.ReadFile(name)
	if err != nil {
		panic(err) // it is built in
	}
	return string(text)
}

// hash names a text in a Content-Security-Policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
