package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"inro.dev/inro/internal/pki"
	"inro.dev/inro/internal/sigv4"
)

// The bare server's key, known to client and server.
const (
	bareKeyID  = "AKIABAREBAREBAREBARE"
	bareSecret = "bare-secret-bare-secret-bare-secret-bare"
)

// bareAddresses is what the bare server prints when it listens.
type bareAddresses struct{ HTTP, TLS string }

// serveBare runs the bare servers with dir for the log and certificates.
func serveBare(dir string) error {
	log, err := openLog(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	authority, err := pki.LoadOrCreate(filepath.Join(dir, "pki"), nil, nil)
	if err != nil {
		return err
	}
	certificate, err := authority.GetCertificate([]string{"localhost"})
	if err != nil {
		return err
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	text, err := json.Marshal(bareAddresses{plain.Addr().String(), secure.Addr().String()})
	if err != nil {
		return err
	}
	fmt.Println(string(text))
	failed := make(chan error)
	go func() { failed <- http.Serve(plain, &bareS3{log: log, keys: sigv4.NewKeyCache(100)}) }()
	go func() {
		s := &http.Server{Handler: http.HandlerFunc(bareCredentials), TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, SessionTicketsDisabled: true, GetCertificate: certificate,
		}}
		failed <- s.ServeTLS(secure, "", "")
	}()
	return <-failed
}

// bareBody has the size of a credentials answer.
var bareBody = bytes.Repeat([]byte("x"), 900)

func bareCredentials(w http.ResponseWriter, r *http.Request) {
	if len(r.TLS.PeerCertificates) == 0 {
		http.Error(w, "no certificate", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(bareBody)
}

// bareS3 checks signatures and answers GET from memory and PUT from a log.
type bareS3 struct {
	log  *groupLog
	keys *sigv4.KeyCache
}

var zeros = make([]byte, 16<<20)

func (s *bareS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	auth, err := sigv4.Parse(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	verified, err := auth.Verify(r, sigv4.VerifyOptions{Secret: bareSecret, Now: time.Now(), Keys: s.keys})
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if r.Method == http.MethodGet {
		size, _ := strconv.Atoi(filepath.Base(r.URL.Path))
		w.Header().Set("Content-Length", strconv.Itoa(size))
		w.Write(zeros[:min(size, len(zeros))])
		return
	}
	body, err := verified.Body(r)
	if err == nil {
		err = s.log.append(body, r.ContentLength)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// groupLog is a preallocated file to which many writers append; one sync
// serves all that wrote before it.
type groupLog struct {
	file    *os.File
	reserve chan reservation
	synced  chan chan error
}

type reservation struct {
	size   int64
	offset chan int64
}

const logBytes = 1 << 30

func openLog(path string) (*groupLog, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	for written := int64(0); written < logBytes; written += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros, written); err != nil {
			return nil, err
		}
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	l := &groupLog{f, make(chan reservation), make(chan chan error, 1024)}
	go l.allocate()
	go l.sync()
	return l, nil
}

// allocate hands out places in the file, from its beginning again when full.
func (l *groupLog) allocate() {
	var next int64
	for r := range l.reserve {
		if next+r.size > logBytes {
			next = 0
		}
		r.offset <- next
		next += r.size
	}
}

// sync syncs for all that wait, again and again.
func (l *groupLog) sync() {
	for first := range l.synced {
		waiting := []chan error{first}
		for more := true; more; {
			select {
			case w := <-l.synced:
				waiting = append(waiting, w)
			default:
				more = false
			}
		}
		err := l.file.Sync()
		for _, w := range waiting {
			w <- err
		}
	}
}

func (l *groupLog) append(body io.Reader, size int64) error {
	r := reservation{size, make(chan int64, 1)}
	l.reserve <- r
	if _, err := io.Copy(io.NewOffsetWriter(l.file, <-r.offset), body); err != nil {
		return err
	}
	done := make(chan error, 1)
	l.synced <- done
	return <-done
}
