// Package page writes the report of a run as one HTML file.
//
//	tables, story, records ──► Page.Write ──► one file
//
// The file needs no network, and no script to be read: the script in it only
// makes the list of records searchable. Its Content-Security-Policy lets run
// and apply nothing but the script and the style that are in it, by their
// hashes. All text comes from strangers: package display makes it harmless,
// html/template escapes it, and <bdi> and dir="auto" keep what runs from right
// to left in its place.
//
// A page holds no more than a browser can open: budget.go has the limits. What
// is beyond them is counted on the page.
package page
