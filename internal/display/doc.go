// Package display decides what a person's terminal may be shown.
//
// Names and messages come from strangers. Nothing they write may move a
// cursor, change colours, reorder the text beside it or hide a part of it:
// [Harmless] turns whatever could into visible escapes such as \x1b, and
// every output that a person reads goes through it first. After that, text
// can be measured ([Width]), shortened, wrapped and isolated.
//
// Widths come from displaywidth, which counts what a terminal counts: columns
// of whole characters as people see them, not bytes or code points.
package display
