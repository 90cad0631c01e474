// Package browser has the tests of the HTML report in a real browser, which
// are skipped where there is none: Debian's package chromium is enough. They
// stand apart from package page because building what drives the browser takes
// a while.
package browser
