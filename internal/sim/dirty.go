package sim

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
)

// Of a thousand packets of a dirty capture, so many come twice and so many
// behind the one that followed them, as on a mirrored port and with several
// queues.
const (
	dirtyTwice  = 10
	dirtyLate   = 20
	dirtyAgain  = 5 // sent again, some packets later
	dirtyBehind = 6 // how many
)

// Parts of a pcapng file.
const (
	blockHead   = 8 // type and length
	blockPacket = 6 // the type of enhanced packet blocks
	blockTime   = 12
	maxBlock    = 1 << 20
)

// Dirty copies a capture that a captures.Writer wrote, and makes of it what
// networks do: packets come twice, too late, and are sent again. Nothing is
// missing, and times stay in order. The same capture gives the same copy.
func Dirty(w io.Writer, r io.Reader) error {
	d := dirtier{to: w, random: rand.New(rand.NewPCG(2008, 6))}
	for {
		block, err := readBlock(r)
		if err == io.EOF {
			return d.flush()
		}
		if err != nil {
			return err
		}
		d.take(block)
		if d.err != nil {
			return d.err
		}
	}
}

// readBlock reads a block, of the byte order of this machine and every other
// that is still made.
func readBlock(r io.Reader) ([]byte, error) {
	head := make([]byte, blockHead)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size := int(binary.LittleEndian.Uint32(head[4:]))
	if size < blockHead || size > maxBlock {
		return nil, errors.New("not a capture that package captures wrote")
	}
	block := append(head, make([]byte, size-blockHead)...)
	_, err := io.ReadFull(r, block[blockHead:])
	return block, err
}

// dirtier writes blocks.
type dirtier struct {
	to     io.Writer
	random *rand.Rand
	late   []byte // comes behind the next one
	again  []byte // comes again
	behind int    // so many packets later
	err    error
}

// take writes a block, or keeps it for later.
func (d *dirtier) take(block []byte) {
	if binary.LittleEndian.Uint32(block) != blockPacket {
		d.err = errors.Join(d.flush(), d.write(block))
		return
	}
	if d.late != nil {
		d.swap(block)
		return
	}
	switch n := d.random.IntN(1000); {
	case n < dirtyLate:
		d.late = block
		return
	case n < dirtyLate+dirtyTwice:
		d.err = d.write(block)
	case n < dirtyLate+dirtyTwice+dirtyAgain && d.again == nil:
		d.again, d.behind = block, dirtyBehind
	}
	d.err = errors.Join(d.err, d.write(block), d.resend(block))
}

// swap writes a block and then the late one, each at the time of the other.
func (d *dirtier) swap(block []byte) {
	var at [8]byte
	copy(at[:], block[blockTime:])
	copy(block[blockTime:blockTime+8], d.late[blockTime:])
	copy(d.late[blockTime:], at[:])
	d.err = errors.Join(d.write(block), d.write(d.late))
	d.late = nil
}

// resend writes the block that is to come again when its time has come: that
// of the last one.
func (d *dirtier) resend(last []byte) error {
	if d.again == nil {
		return nil
	}
	if d.behind--; d.behind > 0 {
		return nil
	}
	copy(d.again[blockTime:blockTime+8], last[blockTime:])
	err := d.write(d.again)
	d.again = nil
	return err
}

// flush writes what is kept.
func (d *dirtier) flush() error {
	if d.late == nil {
		return nil
	}
	err := d.write(d.late)
	d.late = nil
	return err
}

func (d *dirtier) write(block []byte) error {
	_, err := d.to.Write(block)
	return err
}
