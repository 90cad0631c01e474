package story

import "testing"

// TestTheFirstOfThoseThatLedToAConnection, be there one or a long way of them, or a
// circle.
func TestTheFirstOfThoseThatLedToAConnection(t *testing.T) {
	b := &builder{parents: []int{-1, 0, 1, 2, 5, 6, 4, 6}}
	for range b.parents {
		b.roots = append(b.roots, unknownRoot)
	}
	for i := len(b.parents) - 1; i >= 0; i-- {
		if b.root(i) != b.root(b.roots[i]) {
			t.Errorf("of %d it is %d, whose own is %d", i, b.root(i), b.root(b.root(i)))
		}
	}
	for i, with := range []int{0, 0, 0, 0, 6, 6, 6, 6} {
		if b.root(i) != b.root(with) {
			t.Errorf("%d and %d do not belong together", i, with)
		}
	}
	if b.root(0) != 0 || b.root(4) == 0 {
		t.Errorf("the ways end at %d and %d", b.root(0), b.root(4))
	}
	b.parents[2] = 5 // what was found out is kept, and no way gone twice
	if b.root(3) != 0 {
		t.Errorf("the way is gone again, to %d", b.root(3))
	}
}
