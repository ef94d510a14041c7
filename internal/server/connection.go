package server

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Bounds of the connections of a listener.
const (
	// maxConnections is how many are open at once; more wait to be accepted.
	// Each takes a file, of which the process needs some for objects, so it is
	// no more than a fourth of what the system allows.
	maxConnections = 8192
	// writeStall is how long a client may take to accept writePiece: slower
	// than a kilobyte per second is not a slow link but one that stands still.
	writeStall = time.Minute
	writePiece = 64 << 10
)

// openConnections is how many connections of one listener may be open.
func openConnections() int { return max(1, min(maxConnections, openFiles()/4)) }

// boundedListener accepts a bounded number of connections, each of which ends
// when its client accepts nothing. What a client must send is watched by
// net/http and package api.
type boundedListener struct {
	net.Listener
	stall  time.Duration
	slots  chan struct{} // an element for each open connection
	closed chan struct{}
	once   sync.Once
}

// bounded returns l with at most the given number of connections open at once.
func bounded(l net.Listener, connections int, stall time.Duration) *boundedListener {
	return &boundedListener{Listener: l, stall: stall, slots: make(chan struct{}, connections), closed: make(chan struct{})}
}

// Accept waits for a slot and a connection.
func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &boundedConn{Conn: c, stall: l.stall, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close stops accepting. Connections stay open.
func (l *boundedListener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		close(l.closed)
		err = l.Listener.Close()
	})
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

type boundedConn struct {
	net.Conn
	stall   time.Duration
	release func()
}

// Write fails when the client accepts nothing for long.
func (c *boundedConn) Write(p []byte) (written int, err error) {
	for {
		piece := p[written:min(len(p), written+writePiece)]
		if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// CloseWrite lets net/http end an answer before the client has sent its whole
// request, so that the client reads why.
func (c *boundedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection and frees its slot.
func (c *boundedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
