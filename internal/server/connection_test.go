package server

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

func listen(t *testing.T, connections int, stall time.Duration) *boundedListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := bounded(l, connections, stall)
	t.Cleanup(func() { b.Close() })
	return b
}

func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConnectionsAreBounded(t *testing.T) {
	l := listen(t, 1, time.Minute)
	dial(t, l)
	dial(t, l)
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan net.Conn)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		second <- c
	}()
	select {
	case <-second:
		t.Fatal("two connections were accepted, want one at a time")
	default:
	}
	first.Close()
	first.Close() // frees its slot once
	c := <-second
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of a closed listener: %v, want %v", err, net.ErrClosed)
	}
	c.Close()
}

func TestAClientThatAcceptsNothingIsCut(t *testing.T) {
	l := listen(t, 1, 50*time.Millisecond)
	dial(t, l) // reads nothing
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n, err := c.Write(make([]byte, 64<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wrote %d bytes to a client that reads nothing: %v, want %v", n, err, os.ErrDeadlineExceeded)
	}
}

// A body that is refused unread is larger than what net/http throws away, so
// that it closes the connection while the client still sends.
func TestTheAnswerReachesAClientThatStillSends(t *testing.T) {
	l := listen(t, 1, time.Minute)
	server := httpServer("test", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	}), nil, slog.New(slog.DiscardHandler))
	go server.Serve(l)
	defer server.Close()
	c := dial(t, l)
	if _, err := io.WriteString(c, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, 512<<10)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 403")) {
		t.Errorf("answer %q, %v; want 403 and the end", answer, err)
	}
}
