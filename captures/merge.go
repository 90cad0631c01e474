package captures

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"time"
)

// maxOpenFiles bounds the files that are read side by side. A system grants a
// process some hundreds; only captures of the same time need it at all.
const maxOpenFiles = 64

// Input is a capture file that can be opened again and again.
type Input struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// Files reads captures as one: in the order of their first packets, and side
// by side where they cover the same time. So it does not matter in which order
// they are given, nor how a capture was cut into files. A file that fails does
// not keep the others from being read; the error is that of all of them.
//
// They are read in a goroutine of its own, ahead of what becomes of them.
func (d *Decoder) Files(ctx context.Context, inputs []Input) error {
	m := &merger{reading: &d.reading, progress: d.options.Progress, waiting: inOrder(inputs), to: newAhead()}
	go m.run(ctx)
	m.to.each(d.register, d.use)
	return errors.Join(m.errs...)
}

// waitingInput is a file that was not begun yet.
type waitingInput struct {
	Input
	first time.Time // zero where there is no packet, or it cannot be read
}

// inOrder sorts files by their first packets, and by name.
func inOrder(inputs []Input) []waitingInput {
	out := make([]waitingInput, len(inputs))
	for i, in := range inputs {
		out[i] = waitingInput{in, firstPacket(in)}
	}
	slices.SortStableFunc(out, func(a, b waitingInput) int {
		return cmp.Or(a.first.Compare(b.first), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// firstPacket tells the time of a file's first packet. What is wrong with the
// file is told when it is read.
func firstPacket(in Input) time.Time {
	r, err := in.Open()
	if err != nil {
		return time.Time{}
	}
	defer r.Close()
	src, _, err := openSource(r)
	if err != nil {
		return time.Time{}
	}
	var p frame
	if src.next(&p) != nil {
		return time.Time{}
	}
	return p.time
}

// openFile is a file of which a packet has been read and not yet used.
type openFile struct {
	*file
	head   frame
	closer io.Closer
}

// merger merges files by the times of their packets.
type merger struct {
	reading  *reading
	progress func(int)
	waiting  []waitingInput
	open     []*openFile // in the order in which they were begun
	to       *ahead
	errs     []error
}

// run reads all files.
func (m *merger) run(ctx context.Context) {
	defer m.to.close()
	for m.more() {
		f := m.earliest()
		if ctx.Err() != nil {
			m.fail(f.stopped(context.Cause(ctx)))
			m.closeAll()
			return
		}
		m.reading.packet(m.to.next(), f.file, &f.head)
		m.to.keep()
		m.advance(f)
	}
}

// more begins the files that are due, and tells whether there is a packet.
func (m *merger) more() bool {
	for len(m.waiting) > 0 && m.due(m.waiting[0].first) {
		in := m.waiting[0].Input
		m.waiting = m.waiting[1:]
		m.begin(in)
	}
	return len(m.open) > 0
}

// due tells whether a file that begins at a time has to be begun.
func (m *merger) due(first time.Time) bool {
	if len(m.open) == 0 {
		return true
	}
	return len(m.open) < maxOpenFiles && !first.After(m.earliest().head.time)
}

// earliest returns the file whose packet is next.
func (m *merger) earliest() *openFile {
	best := m.open[0]
	for _, f := range m.open[1:] {
		if f.head.time.Before(best.head.time) {
			best = f
		}
	}
	return best
}

// begin opens a file and reads its first packet.
func (m *merger) begin(in Input) {
	f := &openFile{file: m.reading.begin(in.Name)}
	m.to.begin(f.file)
	r, err := in.Open()
	if err != nil {
		m.fail(err)
		return
	}
	f.closer = r
	m.open = append(m.open, f)
	if err := f.file.open(m.counted(r)); err != nil {
		m.fail(err)
		m.close(f)
		return
	}
	m.advance(f)
}

// counted tells the progress of reading a file, where somebody asks for it.
func (m *merger) counted(r io.Reader) io.Reader {
	if m.progress == nil {
		return r
	}
	return counter{r, m.progress}
}

// counter is a reader that tells how much was read.
type counter struct {
	io.Reader
	progress func(int)
}

func (c counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.progress(n)
	return n, err
}

// advance reads the next packet of a file, or closes it.
func (m *merger) advance(f *openFile) {
	err := f.next(&f.head)
	if err == nil {
		return
	}
	if err != io.EOF {
		m.fail(err)
	}
	m.close(f)
}

func (m *merger) fail(err error) { m.errs = append(m.errs, err) }

func (m *merger) close(f *openFile) {
	f.closer.Close()
	m.open = slices.DeleteFunc(m.open, func(o *openFile) bool { return o == f })
}

func (m *merger) closeAll() {
	for len(m.open) > 0 {
		m.close(m.open[0])
	}
}
