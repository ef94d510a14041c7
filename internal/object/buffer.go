package object

import (
	"math/bits"
	"sync"
)

const (
	minBufferBytes = 4 << 10
	// streamBufferBytes is how much of a body or a file is handled at once; a
	// multiple of blockBytes.
	streamBufferBytes = 256 << 10
)

// bufferPool lends buffers of 4 KiB to streamBufferBytes, in powers of two.
type bufferPool struct {
	classes [7]sync.Pool
}

// get returns a buffer of at least n bytes, n at most streamBufferBytes; its
// length is its capacity and its content is arbitrary.
func (p *bufferPool) get(n int) *[]byte {
	class := bufferClass(n)
	if b, ok := p.classes[class].Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, minBufferBytes<<class)
	return &b
}

// put takes back what get returned. The caller keeps no slice of it.
func (p *bufferPool) put(b *[]byte) { p.classes[bufferClass(len(*b))].Put(b) }

// bufferClass returns the power of two that n bytes need.
func bufferClass(n int) int {
	if n <= minBufferBytes {
		return 0
	}
	return bits.Len(uint(n-1)) - bits.Len(minBufferBytes-1)
}
