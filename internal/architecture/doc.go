// Package architecture holds no code, only the test that keeps the import
// table of docs/architecture.md true.
package architecture
